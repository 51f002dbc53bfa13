"""What a seed decides of a history of the operations channel: who can be paged and how they behave, the
escalation policies, how much goes wrong at the sources and at the carrier. Values only, nothing runs."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Final

from ringfence.config import Settings, load
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

SOURCE: Final = "monitor"
FLOWS: Final = ("disk", "net", "app")
"""Each takes the events of its own name, and has the escalation policy of its own name."""
NAMES: Final = ("ann", "ben", "cara", "dan", "eve")
NUMBERS: Final = {name: f"+15555550{141 + n}" for n, name in enumerate(NAMES)}
OUTAGE: Final = timedelta(hours=1)
_MANY: Final = 1_000_000


class Size(Enum):
    """SMALL: of seconds. LARGE: storms of alerts in the same time."""

    SMALL = "small"
    USUAL = "usual"
    LARGE = "large"


@dataclass(frozen=True, slots=True)
class Outage:
    """From `begins` up to but without `ends` the carrier takes nothing: it refuses connections, closes
    them without an answer, or answers 503."""

    begins: datetime
    ends: datetime
    kind: str

    def covers(self, at: datetime) -> bool:
        return self.begins <= at < self.ends


@dataclass(frozen=True, slots=True)
class PagingPlan(World):
    """`diligence` is how likely a page is answered at all; `policies` as the configuration has them.
    Troubles come so many at once, times `storm`. The outage of a seed without one lasts no time."""

    ticks: int
    alerts: int
    storm: int
    diligence: float
    outage: Outage
    links: bool
    policies: Mapping[str, Any]

    @classmethod
    def of(cls, seed: int, size: Size = Size.USUAL) -> PagingPlan:
        rng = random.Random(f"paging plan {seed}")  # noqa: S311 - repeatable on purpose
        ticks, alerts = rng.randrange(60, 140), rng.randrange(40, 160)
        begins = START + timedelta(minutes=rng.randrange(5, 30))
        lasts = rng.choice((timedelta(0), OUTAGE, OUTAGE))
        return cls(
            seed=seed,
            people=tuple(NUMBERS.values()),
            crashes=rng.randrange(0, 7),
            faults=_faults(rng),
            carrier_confirms=False,
            ticks=ticks // 4 if size is Size.SMALL else ticks,
            alerts=int(alerts * _ALERTS[size]),
            storm=8 if size is Size.LARGE else 1,
            diligence=rng.choice((0.0, 0.1, 0.3, 0.6)),
            outage=Outage(begins, begins + lasts, rng.choice(("refused", "dropped", "503"))),
            links=rng.random() < 0.5,
            policies={name: _policy(rng, n) for n, name in enumerate(FLOWS)},
        )


_ALERTS: Final = {Size.SMALL: 0.2, Size.USUAL: 1, Size.LARGE: 8}


def _faults(rng: random.Random) -> Faults:
    def some(most: float) -> float:
        return rng.choice((0.0, most / 4, most))

    return Faults(
        callback_duplicated=some(0.3),
        callback_delayed=some(0.3),
        callback_delay_s=rng.choice((0.5, 30.0, 4000.0)),
        callback_reordered=some(0.3),
        callback_dropped=some(0.3),
        callback_before_answer=some(0.3),
        webhook_duplicated=some(0.3),
        response_lost=some(0.1),
        error_after_accept=some(0.1),
        error_before_accept=some(0.1),
        throttled=some(0.2),
        throttle_burst=rng.choice((1, 3, 12)),
    )


def _policy(rng: random.Random, n: int) -> dict[str, Any]:
    """Two to four steps; the second flow's wants everyone, the third's may find nobody on call."""
    targets = [
        ["schedule:primary"],
        ["person:ben", "person:cara"] if n else ["person:ben"],
        ["schedule:nights"] if n == 2 else ["person:dan", "schedule:primary"],
        ["group:everybody"],
    ]
    chosen = [one for one in targets if rng.random() < 0.75] or targets[:1]
    return {
        "steps": [_step(rng, n, place, notify) for place, notify in enumerate(chosen)],
        "rounds": rng.choice((1, 1, 2)),
        "pause": rng.choice((0, 0, 120, 600)),
        "everyone": n == 1,
    }


def _step(rng: random.Random, n: int, place: int, notify: list[str]) -> dict[str, Any]:
    within = rng.choice((120, 300, 600))
    ways: list[Any] = ["sms"]
    if rng.random() < 0.2:
        ways = [{"channel": "sms", "after": 0}, {"channel": "sms", "after": within // 2}]
    return {
        "name": f"step-{n}-{place}",
        "notify": notify,
        "by": ways,
        "acknowledgedWithin": within,
        "deliveredWithin": rng.choice((0, 60, 120)),
        "delay": rng.choice((0, 0, 60)),
    }


def settings_of(plan: PagingPlan, store_url: str, folder: Path) -> Settings:
    """The configuration, by way of a file like anybody's."""
    document: dict[str, Any] = {
        "store": {"url": store_url},
        "agents": {"default": {"kind": "echo"}},
        "channels": {
            "sms": {
                "accountSid": ACCOUNT,
                "authToken": TOKEN,
                "fromNumber": LINE,
                "apiBaseUrl": CARRIER_URL,
                "publicWebhookUrl": PUBLIC_URL,
                "owners": [OWNER],
                "limits": {"callbacksPerMinute": _MANY, "messagesPerMinutePerLine": _MANY},
                "policy": {
                    "lineVolume": {"minute": _MANY, "day": _MANY},
                    "recipientVolume": {"minute": _MANY, "hour": _MANY, "day": _MANY},
                },
            }
        },
        "sources": {SOURCE: {"kind": "generic", "ratePerMinute": 100_000}},
        "responders": {
            name: {"number": number, "label": name.title()} for name, number in NUMBERS.items()
        },
        "groups": {"everybody": list(NAMES)},
        "schedules": {
            "primary": {"zone": "Europe/Berlin", "layers": [_layer("daily", NAMES[:3])]},
            "nights": {
                "zone": "Europe/Berlin",
                "layers": [{**_layer("weekly", NAMES[3:]), "hours": [_EVENING]}],
            },
        },
        "escalationPolicies": dict(plan.policies),
        "flows": {
            name: {
                "sources": [SOURCE],
                "types": [f"{name}.*"],
                "alert": {"escalation": name, "service": "data.service"},
            }
            for name in FLOWS
        },
        "responding": {"requireVerified": False},
    }
    if plan.links:
        document["gateway"] = {"publicBaseUrl": "https://gate.example.org"}
    path = folder / "ringfence.json5"
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    return load(path, {})


_EVENING: Final = {"days": ["mon"], "from": "19:00", "to": "22:00"}


def _layer(rotation: str, responders: tuple[str, ...]) -> dict[str, Any]:
    return {"rotation": rotation, "responders": list(responders), "startsOn": "2026-03-02"}
