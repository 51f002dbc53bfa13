"""What every speech service shares: how one is made, how outside words are tamed, how a refusal is put
into words that tell what to do. Must never show a key, and never hand a service's text on unbounded."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode

import orjson

from ringfence.model.errors import ConfigInvalid, NetError, SpeechError
from ringfence.model.realtime import RealtimeChoice
from ringfence.model.voice import SpeechChoice
from ringfence.ports.realtime import TalksItself
from ringfence.ports.sockets import Sockets, Streams
from ringfence.ports.speech import Ears, Mouth
from ringfence.providers.redaction import redact
from ringfence.providers.urls import loopback, split

TRANSCRIPT_CHARS_MAX = 4_000
# Deepgram's Aura takes 2,000 characters in a message; the others take more.
SPOKEN_CHARS_MAX = 2_000
HINTS_MAX = 50
HINT_CHARS_MAX = 60
TIMEOUT_S = 10.0
SOCKET_MESSAGE_BYTES_MAX = 1024 * 1024
CHECK_LANGUAGE = "en-US"


@dataclass(frozen=True, slots=True)
class EarLimits:
    """`waiting_ms` of sound may wait for a service before it counts as gone; `ready_s` for it to take
    our settings, `finish_s` to answer that a turn is over, `idle_s` without sound before it is told
    that we are still there. `words_max` may wait to be read, `junk_max` messages be junk."""

    waiting_ms: int = 10_000
    ready_s: float = 5.0
    finish_s: float = 2.0
    idle_s: float = 4.0
    words_max: int = 256
    junk_max: int = 10
    goodbye_s: float = 0.5


@dataclass(frozen=True, slots=True)
class MouthLimits:
    """`stall_s` may pass between two pieces of sound, `sound_ms_max` an utterance last, `junk_max`
    messages of it be junk."""

    stall_s: float = 8.0  # facts openclaw 2.5: what people are used to wait at most
    sound_ms_max: int = 180_000
    junk_max: int = 10


@dataclass(frozen=True, slots=True)
class Wires:
    """The ways out that an adapter may use, which belong to whoever made them, and how patient it is."""

    sockets: Sockets
    streams: Streams
    ear: EarLimits = EarLimits()
    mouth: MouthLimits = MouthLimits()


@dataclass(frozen=True, slots=True)
class Turns:
    """`by_service`: the service says when a person has finished, after `silence_ms` where it counts
    silence; otherwise we do, by `finish`."""

    by_service: bool = False
    silence_ms: int = 500


@dataclass(frozen=True, slots=True)
class EarsKind:
    """One service as the configuration names it. `problems` are what is wrong with a choice, each
    `option: words`; `make` raises ConfigInvalid for one that has any, SpeechError for one that is
    blocked."""

    name: str
    problems: Callable[[SpeechChoice], tuple[str, ...]]
    build: Callable[[SpeechChoice, Wires, Turns], Ears]

    def make(self, choice: SpeechChoice, wires: Wires, turns: Turns) -> Ears:
        _checked(self.name, choice, self.problems(choice))
        return self.build(choice, wires, turns)


@dataclass(frozen=True, slots=True)
class MouthKind:
    """As EarsKind."""

    name: str
    problems: Callable[[SpeechChoice], tuple[str, ...]]
    build: Callable[[SpeechChoice, Wires], Mouth]

    def make(self, choice: SpeechChoice, wires: Wires) -> Mouth:
        _checked(self.name, choice, self.problems(choice))
        return self.build(choice, wires)


@dataclass(frozen=True, slots=True)
class RealtimeKind:
    """As EarsKind, for models that hear and speak by themselves. The last argument of `build` is the
    silence that ends a person's turn, in milliseconds."""

    name: str
    problems: Callable[[RealtimeChoice], tuple[str, ...]]
    build: Callable[[RealtimeChoice, Wires, int], TalksItself]

    def make(self, choice: RealtimeChoice, wires: Wires, silence_ms: int) -> TalksItself:
        _checked(self.name, choice.service, self.problems(choice))
        return self.build(choice, wires, silence_ms)


class Junk(Exception):
    """A message that is none of the service's dialect."""


def _checked(name: str, choice: SpeechChoice, problems: tuple[str, ...]) -> None:
    if choice.blocked_reason:
        raise gone(name, choice.blocked_reason, "speech_key")
    if problems:
        raise ConfigInvalid(problems)


# -- choices -----------------------------------------------------------------------------------


def service_problems(choice: SpeechChoice, *, key_needed: bool) -> tuple[str, ...]:
    """What any service over the network wants: a key, and an address that does not carry somebody's
    voice over the internet in the clear."""
    problems = []
    if key_needed and (choice.api_key is None or not choice.api_key.reveal()):
        problems.append("apiKey: this service needs its key")
    if choice.base_url and (wrong := _address_problem(choice.base_url)):
        problems.append(f"baseUrl: {wrong}")
    return tuple(problems)


def _address_problem(url: str) -> str:
    parts = split(url)
    if parts is None or parts.hostname is None or parts.username is not None or parts.query:
        return "expected an http or https address without credentials and query"
    if parts.scheme == "http" and not _near(parts.hostname):
        return "plain http is for this machine and its own network only; use https"
    return ""


def _near(host: str) -> bool:
    """This machine, a private address, or a name without a dot, which no public name is."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return loopback(host) or "." not in host or host.endswith((".local", ".internal", ".lan"))


def socket_url(base_url: str, path: str, query: Mapping[str, Any] | list[tuple[str, str]]) -> str:
    """The service's address as a websocket's: https becomes wss."""
    asked = urlencode(query, doseq=True)
    return "ws" + base_url.rstrip("/").removeprefix("http") + path + (f"?{asked}" if asked else "")


def tamed_hints(hints: object) -> list[str]:
    """Words that are likely to be said, bounded."""
    listed = hints if isinstance(hints, list | tuple) else []
    tamed = (tame(hint, HINT_CHARS_MAX) for hint in listed[:HINTS_MAX])
    return [hint for hint in tamed if hint]


# -- what comes from outside -------------------------------------------------------------------


def document(message: str | bytes) -> Mapping[str, Any]:
    """A message as a JSON object. Raises Junk."""
    try:
        found = orjson.loads(message)
    except orjson.JSONDecodeError:
        raise Junk from None
    if not isinstance(found, dict):
        raise Junk
    return found


def within(value: object, *path: str | int) -> Any:
    """What stands at that path of keys and places; None when nothing does."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def tame(value: object, chars_max: int = TRANSCRIPT_CHARS_MAX) -> str:
    """Outside text as one bounded line without control characters; empty for what is no text."""
    if not isinstance(value, str):
        return ""
    cut = value[: chars_max * 2]
    return " ".join("".join(c if c.isprintable() else " " for c in cut).split())[:chars_max]


def share(value: object) -> float | None:
    """A confidence from 0 to 1, or None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return min(1.0, max(0.0, float(value)))


# -- errors ------------------------------------------------------------------------------------


def gone(service: str, why: str, code: str = "speech_gone") -> SpeechError:
    return SpeechError(f"{service}: {why}", code=code)


def told(service: str, choice: SpeechChoice, words: object, code: str) -> SpeechError:
    """The service's own words about an error, without our key and bounded."""
    text = tame(words, 600)
    key = choice.api_key.reveal() if choice.api_key is not None else ""
    if key:
        text = text.replace(key, "•••")
    return gone(service, redact(text) or "it reports an error without words.", code)


NOT_THERE = "speech_not_there"
_REFUSALS = {
    400: ("speech_choice", "it does not take this model, voice or language; check the choice."),
    401: ("speech_key", "it refuses the key; check apiKey."),
    402: ("speech_credit", "the account has no credit left; top it up."),
    403: ("speech_key", "the key may not do this; check its rights."),
    404: (NOT_THERE, "it does not know this address, model or voice; check the choice."),
    **dict.fromkeys((200, 405, 426, 501), (NOT_THERE, "it opens no socket here; check baseUrl.")),
    429: ("speech_busy", "it takes no more at once; check the account's limits."),
}


def refused(service: str, status: int) -> SpeechError:
    """An HTTP status in place of service."""
    fallback = ("speech_gone", f"it answered {status}; look at its status page.")
    code, words = _REFUSALS.get(status, fallback)
    return gone(service, words, code)


_CODES = {"answer_timeout": "speech_stalled", "response_too_large": "speech_endless"}


def unreachable(service: str, error: NetError) -> SpeechError:
    """A failure of the network as the service's."""
    status = error.code.removeprefix("http_")
    if status != error.code and status.isdigit():
        return refused(service, int(status))
    return gone(service, error.detail, _CODES.get(error.code, "speech_gone"))
