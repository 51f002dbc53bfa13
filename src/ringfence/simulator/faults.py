"""Faults by seed. Each question ("is this callback dropped?") is answered from the seed, the kind of
fault and the ordinal of the thing asked about, never from a shared stream: the answer does not
depend on what else was asked, or in which order. Pure: no time, no I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Final

PROBABILITIES: Final = (
    "callback_duplicated",
    "callback_delayed",
    "callback_reordered",
    "callback_dropped",
    "callback_before_answer",
    "webhook_duplicated",
    "response_lost",
    "error_after_accept",
    "error_before_accept",
    "throttled",
    "stream_doubled",
    "stream_dropped",
    "stream_slow",
    "stream_disordered",
)


class Outcome(StrEnum):
    """What becomes of one create request."""

    ANSWERED = "answered"
    LOST_AFTER_ACCEPT = "lost_after_accept"  # taken, then the socket closes without an answer
    LOST_BEFORE_ACCEPT = "lost_before_accept"  # the socket closes, nothing was taken
    ERROR_AFTER_ACCEPT = "error_after_accept"  # taken, and answered 500
    ERROR_BEFORE_ACCEPT = "error_before_accept"  # answered 503, nothing was taken
    THROTTLED = "throttled"  # 429: documented as never processed


@dataclass(frozen=True, slots=True)
class Faults:
    """Probabilities from 0 to 1, latencies in seconds, lengths in requests. All off by default."""

    callback_duplicated: float = 0.0
    callback_delayed: float = 0.0
    callback_delay_s: float = 0.5
    callback_reordered: float = 0.0
    callback_dropped: float = 0.0
    callback_before_answer: float = 0.0
    webhook_duplicated: float = 0.0
    response_lost: float = 0.0
    error_after_accept: float = 0.0
    error_before_accept: float = 0.0
    throttled: float = 0.0  # chance that a create starts a burst of 429s
    throttle_burst: int = 3
    latency_before_s: float = 0.0  # before the message is taken
    latency_after_s: float = 0.0  # between taking it and answering
    stream_doubled: float = 0.0  # a media stream gets a second socket
    stream_doubled_s: float = 1.0
    stream_dropped: float = 0.0  # its socket breaks
    stream_dropped_s: float = 1.0  # after so much was played
    stream_slow: float = 0.0  # the application's messages are read slowly
    stream_slow_s: float = 0.1
    stream_disordered: float = 0.0  # a piece of sound changes places with the next

    def __post_init__(self) -> None:
        for name in PROBABILITIES:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is a probability: between 0 and 1")
        if self.throttle_burst < 1:
            raise ValueError("throttle_burst is a number of requests: 1 or more")
        waits = ("latency_before_s", "latency_after_s", "callback_delay_s")
        streams = ("stream_doubled_s", "stream_dropped_s", "stream_slow_s")
        if min(getattr(self, name) for name in (*waits, *streams)) < 0:
            raise ValueError("latencies and delays are seconds: 0 or more")

    def changed(self, changes: Mapping[str, object]) -> Faults:
        """These faults with some values replaced.

        Raises ValueError for a name that is no fault, or a value that is no number in range."""
        types = {f.name: (int if f.name == "throttle_burst" else float) for f in fields(self)}
        if unknown := sorted(changes.keys() - types.keys()):
            raise ValueError(f"no such fault: {', '.join(unknown)}; known: {', '.join(types)}")
        values: dict[str, Any] = {}
        for name, value in changes.items():
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise ValueError(f"{name} takes a number")
            values[name] = types[name](value)
        return replace(self, **values)

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


@dataclass(slots=True)
class Dice:
    """The seeded answers for one world, plus outcomes a test has ordered for the next creates."""

    seed: int
    faults: Faults = field(default_factory=Faults)
    _ordered: deque[Outcome] = field(default_factory=deque)
    _burst_left: int = 0

    def chance(self, probability: float, kind: str, *about: object) -> bool:
        """The same answer for the same seed, kind and subject, every time."""
        if probability <= 0.0:
            return False
        label = f"{self.seed}|{kind}|{'|'.join(map(str, about))}"
        draw = int.from_bytes(blake2b(label.encode(), digest_size=8).digest(), "big")
        return draw < probability * 2**64

    def order(self, outcomes: Iterable[Outcome]) -> None:
        """The next creates end like this, before any probability is asked."""
        self._ordered.extend(outcomes)

    def create_outcome(self, ordinal: int) -> Outcome:
        """What becomes of the `ordinal`-th create request."""
        if self._ordered:
            return self._ordered.popleft()
        f = self.faults
        if self._burst_left:
            self._burst_left -= 1
            return Outcome.THROTTLED
        if self.chance(f.throttled, "throttled", ordinal):
            self._burst_left = f.throttle_burst - 1
            return Outcome.THROTTLED
        for probability, outcome in (
            (f.error_before_accept, Outcome.ERROR_BEFORE_ACCEPT),
            (f.error_after_accept, Outcome.ERROR_AFTER_ACCEPT),
            (f.response_lost, Outcome.LOST_AFTER_ACCEPT),
        ):
            if self.chance(probability, outcome, ordinal):
                return outcome
        return Outcome.ANSWERED
