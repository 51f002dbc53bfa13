"""What a seed decides of a history of calls: who can be called and how they behave, how the agent does,
how much goes wrong at the carrier, when it is away. Values only, nothing runs."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from ringfence.config import Settings, load
from ringfence.simulator.call_scripts import SCRIPTS
from ringfence.simulator.faults import Faults
from ringfence.simulator.lives import (
    ACCOUNT,
    CARRIER_URL,
    LINE,
    OWNER,
    PUBLIC_URL,
    START,
    TOKEN,
    World,
)
from ringfence.simulator.paging_plan import Outage

VOICE_PATH: Final = "/voice/webhook"
VOICE_URL: Final = f"http://127.0.0.1:2{VOICE_PATH}"
SOURCE: Final = "monitor"
FLOW: Final = "disk"
RESPONDER: Final = "ann"
DISCLOSURE: Final = "This is an automated assistant of Acme."
GREETING: Final = "Hello, this is Acme."
_MANY: Final = 100_000
# Beside people, who do what the seed says at the time: phones that always do the same.
_PHONES: Final = ("busy", "failed", "off", "silent", "voicemail", "fax")


@dataclass(frozen=True, slots=True)
class Temper:
    """How likely things are at a look: that whoever rings is answered, and that somebody on the phone
    speaks, presses a key, hangs up, or wants no more calls."""

    answers: float
    speaks: float
    presses: float
    hangs_up: float
    refuses: float


@dataclass(frozen=True, slots=True)
class AgentManner:
    """How likely an answer is late, none at all, or one that the gate must refuse."""

    slow: float
    fails: float
    unfit: float


@dataclass(frozen=True, slots=True)
class CallsPlan(World):
    """`calls` are how many are proposed or come in at most. The outage of a seed without one lasts no
    time. `phones` are those that do always the same, by number."""

    ticks: int
    calls: int
    at_once: int
    limit_s: int
    reap_s: int
    access: str
    temper: Temper
    agent: AgentManner
    stops: float
    outage: Outage
    phones: Mapping[str, str]

    @classmethod
    def of(cls, seed: int) -> CallsPlan:
        rng = random.Random(f"calls plan {seed}")  # noqa: S311 - repeatable on purpose
        people = tuple(f"+15555550{n}" for n in range(141, 141 + rng.randrange(4, 9)))
        begins = START + timedelta(seconds=rng.randrange(30, 400))
        lasts = timedelta(seconds=rng.choice((0, 0, 60, 300)))
        return cls(
            seed=seed,
            people=people,
            crashes=rng.randrange(0, 6),
            faults=_faults(rng),
            carrier_confirms=False,
            ticks=rng.randrange(50, 90),
            calls=rng.randrange(20, 45),
            at_once=rng.choice((1, 2, 4, 8)),
            limit_s=rng.choice((60, 120, 300)),
            reap_s=rng.choice((0, 45, 120)),
            access=rng.choice(("open", "open", "allowlist")),
            temper=Temper(
                answers=rng.choice((0.3, 0.6, 0.9)),
                speaks=rng.choice((0.1, 0.3, 0.5)),
                presses=rng.choice((0.05, 0.2)),
                hangs_up=rng.choice((0.0, 0.05, 0.15)),
                refuses=rng.choice((0.0, 0.02)),
            ),
            agent=AgentManner(
                slow=rng.choice((0.0, 0.3)),
                fails=rng.choice((0.0, 0.1)),
                unfit=rng.choice((0.0, 0.1)),
            ),
            stops=rng.choice((0.0, 0.05, 0.1)),
            outage=Outage(begins, begins + lasts, rng.choice(("refused", "dropped", "503"))),
            phones=dict(zip(people[::3], rng.sample(_PHONES, 3), strict=False)),
        )


assert set(_PHONES) <= set(SCRIPTS)


def _faults(rng: random.Random) -> Faults:
    def some(most: float) -> float:
        return rng.choice((0.0, most / 4, most))

    return Faults(
        callback_duplicated=some(0.4),
        callback_delayed=some(0.4),
        callback_delay_s=rng.choice((0.5, 30.0, 600.0)),
        callback_reordered=some(0.4),
        callback_dropped=some(0.4),
        webhook_duplicated=some(0.3),
        response_lost=some(0.2),
        error_after_accept=some(0.2),
        error_before_accept=some(0.2),
        throttled=some(0.2),
        throttle_burst=rng.choice((1, 3, 8)),
        latency_before_s=rng.choice((0.0, 0.0, 0.4, 2.0)),
        latency_after_s=rng.choice((0.0, 0.0, 0.4, 2.0)),
    )


def settings_of(plan: CallsPlan, store_url: str, folder: Path) -> Settings:
    """The configuration, by way of a file like anybody's."""
    document: dict[str, Any] = {
        "store": {"url": store_url},
        "agents": {"default": {"kind": "echo"}},
        "channels": {"sms": _texts(plan), "voice": _calls(plan)},
        "sources": {SOURCE: {"kind": "generic", "ratePerMinute": _MANY}},
        "responders": {RESPONDER: {"number": plan.people[-1], "label": "Ann"}},
        "escalationPolicies": {FLOW: {"steps": [_RING]}},
        "flows": {
            FLOW: {
                "sources": [SOURCE],
                "types": [f"{FLOW}.*"],
                "alert": {"escalation": FLOW, "service": "data.service"},
            }
        },
        "responding": {"requireVerified": False},
    }
    path = folder / "ringfence.json5"
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    return load(path, {})


_RING: Final = {
    "name": "ring",
    "notify": [f"person:{RESPONDER}"],
    "by": ["call"],
    "acknowledgedWithin": 300,
}


def _texts(plan: CallsPlan) -> dict[str, Any]:
    return {
        "accountSid": ACCOUNT,
        "authToken": TOKEN,
        "fromNumber": LINE,
        "apiBaseUrl": CARRIER_URL,
        "publicWebhookUrl": PUBLIC_URL,
        "owners": [OWNER],
        "allowFrom": list(plan.people),
        "draftTtlMinutes": 30,
        "limits": {"callbacksPerMinute": _MANY, "messagesPerMinutePerLine": _MANY},
        "policy": {
            "lineVolume": {"minute": _MANY, "day": _MANY},
            "recipientVolume": {"minute": _MANY, "hour": _MANY, "day": _MANY},
            "callLimits": {
                "day": _MANY,
                "recipientHour": _MANY,
                "recipientDay": _MANY,
                "minutesDay": _MANY,
                "recipientMinutesDay": _MANY,
            },
        },
    }


def _calls(plan: CallsPlan) -> dict[str, Any]:
    return {
        "publicUrl": VOICE_URL,
        "webhookPath": VOICE_PATH,
        "inboundPolicy": plan.access,
        "allowFrom": list(plan.people[:2]),
        "allowTo": list(plan.people),
        "maxConcurrentCalls": plan.at_once,
        "maxDurationSeconds": plan.limit_s,
        "staleCallReaperSeconds": plan.reap_s,
        "ringTimeoutMs": 20_000,
        "inboundGreeting": GREETING,
        "disclosure": DISCLOSURE,
    }
