"""Figures for `/metrics` that outlive a process: how messages ended and how long it took, how far
alerts had to go. Each is counted in the transaction that makes it true, so a crash neither loses nor
doubles one, and any process can show them all. Labels are lines and words of ours, never a number, a
text or an id (P9): there are few, and all can be named beforehand."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ringfence.ports import Tx, Window

BOUNDS_S: Final = (1, 2, 5, 10, 30, 60, 120, 300, 900, 3_600, 14_400, 86_400)
"""Upper bounds of the stretches that times are counted by, in seconds."""

_STRETCHES: Final = (*map(str, BOUNDS_S), "more")
# A counter that is never forgotten: its only window began in 1970 and ends in 2069.
_FOR_GOOD_S = 100 * 31_556_952


@dataclass(frozen=True, slots=True, eq=False)  # by identity: there is one of each
class Family:
    """One kind of figure. `times`: what is counted are seconds, by the bounds."""

    name: str
    meaning: str
    labels: tuple[str, ...]
    times: bool = False


MESSAGES: Final = Family(
    "messages", "Outbound messages by their final status", ("line", "category", "outcome")
)
DELIVERY: Final = Family(
    "message_delivery_seconds",
    "Seconds from a message's proposal to its delivery",
    ("line", "category"),
    times=True,
)
STEPS: Final = Family("escalation_steps_begun", "Steps of escalation policies begun", ("line",))
EXHAUSTED: Final = Family("alerts_exhausted", "Alerts that nobody took to the last", ("line",))
ACKNOWLEDGEMENT: Final = Family(
    "alert_acknowledgement_seconds",
    "Seconds from an alert's opening, or its being passed on, to its acknowledgement",
    ("line",),
    times=True,
)

AUDITED, BEATEN = "self_audit", "heartbeat"
"""Moments that are kept: the last self-audit, the last heartbeat that was answered."""

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Times:
    """How many took at most each of BOUNDS_S (each count holds those before it), how many there
    were in all, and how long they took together."""

    within: tuple[int, ...]
    count: int
    sum_s: float


class Figures:
    """What one transaction adds; written at once."""

    def __init__(self) -> None:
        self._adds: dict[tuple[Family, Labels, str], int] = {}

    def count(self, family: Family, *labels: str, by: int = 1) -> None:
        self._add((family, labels, ""), by)

    def time(self, family: Family, seconds: float, *labels: str) -> None:
        """A time below zero (a clock that was set back) counts as none."""
        taken = max(seconds, 0.0)
        self._add((family, labels, _STRETCHES[bisect_left(BOUNDS_S, taken)]), 1)
        self._add((family, labels, "ms"), round(taken * 1_000))

    def write(self, tx: Tx) -> None:
        adds = {_window(*key): by for key, by in self._adds.items() if by}
        self._adds = {}
        if adds:
            tx.counters.add(adds)

    def _add(self, key: tuple[Family, Labels, str], by: int) -> None:
        self._adds[key] = self._adds.get(key, 0) + by


def count(tx: Tx, family: Family, *labels: str, by: int = 1) -> None:
    """Add to one figure."""
    figures = Figures()
    figures.count(family, *labels, by=by)
    figures.write(tx)


def time(tx: Tx, family: Family, seconds: float, *labels: str) -> None:
    """Add one time."""
    figures = Figures()
    figures.time(family, seconds, *labels)
    figures.write(tx)


def counts(tx: Tx, family: Family, wanted: Iterable[Labels]) -> dict[Labels, int]:
    """What was counted, for each of `wanted`; those nothing was counted of are left out."""
    windows = {_window(family, labels): labels for labels in wanted}
    return {windows[key]: found for key, found in tx.counters.read(windows).items()}


def times(tx: Tx, family: Family, wanted: Iterable[Labels]) -> dict[Labels, Times]:
    """The times that were counted, for each of `wanted` that has any."""
    parts = [*_STRETCHES, "ms"]
    asked = {labels: [_window(family, labels, part) for part in parts] for labels in wanted}
    found = tx.counters.read(window for windows in asked.values() for window in windows)
    return {
        labels: _times(windows, found)
        for labels, windows in asked.items()
        if any(window in found for window in windows)
    }


def stamp(tx: Tx, name: str, now: datetime) -> None:
    """Keep the moment something was done last; never an earlier one than is kept."""
    window = _moment(name)
    later = int(now.timestamp()) - tx.counters.read([window]).get(window, 0)
    if later > 0:
        tx.counters.add({window: later})


def stamped(tx: Tx, name: str) -> datetime | None:
    """When it was done last, to the second; None for never."""
    window = _moment(name)
    seconds = tx.counters.read([window]).get(window)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _times(windows: Sequence[Window], found: Mapping[Window, int]) -> Times:
    *stretches, total = (found.get(window, 0) for window in windows)
    within = [sum(stretches[: at + 1]) for at in range(len(BOUNDS_S))]
    return Times(tuple(within), sum(stretches), total / 1_000)


def _window(family: Family, labels: Labels, part: str = "") -> Window:
    assert len(labels) == len(family.labels), family.name
    return Window("/".join((f"figure:{family.name}", *labels, part)), _FOR_GOOD_S, 0)


def _moment(name: str) -> Window:
    return Window(f"moment:{name}", _FOR_GOOD_S, 0)
