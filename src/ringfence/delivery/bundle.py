"""Which texts about alerts leave now, and which wait to leave together: alerts of one service to one
person become one text, a first alert of another service goes before hundreds of one, and nobody gets
more than a person can read. Rebuilt from what is owed and what was sent; it remembers nothing, so that
a restart forgets nothing. It never drops what somebody still has to know."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ringfence.model.event import Severity

NAMED_MAX: Final = 5
"""How many alerts a text names; the others it counts."""


@dataclass(frozen=True, slots=True)
class Tier:
    """At most `count` texts within any `within_s` seconds."""

    count: int
    within_s: int


@dataclass(frozen=True, slots=True)
class Throttle:
    """Tiers of growing length. The first may be used up as fast as `gap_s` between two texts lets
    it; what a longer one allows beyond the one before is spread over the rest of it."""

    tiers: tuple[Tier, ...]
    gap_s: int = 0


# Facts reliability-mechanics 3.1: what people who are paged bear.
PER_PERSON: Final = Throttle((Tier(5, 900), Tier(11, 3_600), Tier(21, 10_800)), gap_s=60)
QUIET_S: Final = 900
"""A service of which somebody got no text for so long is news to them again."""


@dataclass(frozen=True, slots=True)
class Owed:
    """One alert somebody must be told of. `open` is no longer so once somebody has it, or it is over."""

    id: str
    responder: str
    service: str
    since: datetime
    severity: Severity = Severity.ERROR
    number: int = 0
    title: str = field(default="", repr=False)
    open: bool = True


@dataclass(frozen=True, slots=True)
class Sent:
    """One text to one person, as the log has it; of a bundle, one for all of it."""

    responder: str
    service: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Bundle:
    """One text: a person, a service, and everything it tells, oldest first."""

    responder: str
    service: str
    owed: tuple[Owed, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """`now` leaves, in this order; `moot` has no use any more and is closed with that reason. `next_at`
    is when to ask again, if nothing else happens; None when nothing is left over, and `now` where only
    the line's own limit is in the way."""

    now: tuple[Bundle, ...]
    moot: tuple[Owed, ...] = ()
    next_at: datetime | None = None


def plan(
    owed: Iterable[Owed],
    sent: Iterable[Sent],
    now: datetime,
    *,
    throttle: Throttle = PER_PERSON,
    quiet_s: int = QUIET_S,
    sends_max: int | None = None,
) -> Plan:
    """What leaves now. `sent` reaches back as far as the longest tier and `quiet_s`; `sends_max` is
    what the line still bears. What is left over is asked for again, and joins what came meanwhile."""
    every = tuple(owed)
    waiting = _grouped(one for one in every if one.open)
    log = _by_person(sent)
    chosen: list[Bundle] = []
    later: list[datetime] = []
    for person, bundles in waiting.items():
        past = log.get(person, [])
        times = [one.at for one in past]
        queue = sorted(bundles, key=lambda bundle: _urgency(bundle, past, now, quiet_s))
        for bundle in queue:
            free_at = allowed_at(times, throttle, now)
            if free_at > now:
                later.append(free_at)
                break
            chosen.append(bundle)
            times.append(now)
    chosen.sort(key=lambda bundle: _turn(bundle, log.get(bundle.responder, []), now, quiet_s))
    leaves = chosen if sends_max is None else chosen[: max(sends_max, 0)]
    if len(leaves) < len(chosen):
        later.append(now)
    moot = tuple(one for one in every if not one.open)
    return Plan(tuple(leaves), moot, min(later, default=None))


def allowed_at(times: Sequence[datetime], throttle: Throttle, now: datetime) -> datetime:
    """The first moment, not before `now`, at which one more text is within every tier. `times` are
    those of the texts before, in order."""
    moment = max(now, times[-1] + timedelta(seconds=throttle.gap_s)) if times else now
    while True:
        later = max(
            (_tier_free_at(times, throttle, index, moment) for index in _indices(throttle)),
            default=moment,
        )
        if later <= moment:
            return moment
        moment = later


def wording(bundle: Bundle, chars_max: int) -> str:
    """A text for several alerts in plain words: how many, of what, their numbers and titles as far as
    there is room. Templates may say it otherwise; this is what is said without one."""
    if len(bundle.owed) == 1:
        return _shortened(
            f"{bundle.service}: #{bundle.owed[0].number} {bundle.owed[0].title}", chars_max
        )
    worst = sorted(bundle.owed, key=lambda one: (-one.severity.rank, one.since, one.number))
    for named in range(min(NAMED_MAX, len(worst)), 0, -1):
        listed = "; ".join(f"#{one.number} {one.title}".strip() for one in worst[:named])
        rest = len(worst) - named
        more = f"; and {rest} more" if rest else ""
        text = f"{len(worst)} new alerts of {bundle.service}: {listed}{more}"
        if len(text) <= chars_max:
            return text
    numbers = ", ".join(f"#{one.number}" for one in worst[:NAMED_MAX])
    return _shortened(f"{len(worst)} new alerts of {bundle.service}: {numbers}", chars_max)


def _grouped(owed: Iterable[Owed]) -> Mapping[str, list[Bundle]]:
    """By person, and by service of each, oldest first."""
    groups: dict[tuple[str, str], list[Owed]] = {}
    for one in sorted(owed, key=lambda one: (one.since, one.number, one.id)):
        groups.setdefault((one.responder, one.service), []).append(one)
    people: dict[str, list[Bundle]] = {}
    for (person, service), ones in groups.items():
        people.setdefault(person, []).append(Bundle(person, service, tuple(ones)))
    return people


def _by_person(sent: Iterable[Sent]) -> Mapping[str, list[Sent]]:
    people: dict[str, list[Sent]] = {}
    for one in sorted(sent, key=lambda one: one.at):
        people.setdefault(one.responder, []).append(one)
    return people


_Urgency = tuple[bool, int, datetime, str]


def _urgency(bundle: Bundle, past: Sequence[Sent], now: datetime, quiet_s: int) -> _Urgency:
    """News first; then the worst; then what waited longest."""
    since = now - timedelta(seconds=quiet_s)
    known = any(one.service == bundle.service and one.at > since for one in past)
    worst = max(one.severity.rank for one in bundle.owed)
    return (known, -worst, bundle.owed[0].since, bundle.service)


def _turn(
    bundle: Bundle, past: Sequence[Sent], now: datetime, quiet_s: int
) -> tuple[bool, int, bool, datetime, str, _Urgency]:
    """Between people: the same, and then whoever got a text longest ago, or none at all."""
    urgency = _urgency(bundle, past, now, quiet_s)
    last = past[-1].at if past else now
    return (urgency[0], urgency[1], bool(past), last, bundle.responder, urgency)


def _indices(throttle: Throttle) -> range:
    return range(len(throttle.tiers))


def _tier_free_at(
    times: Sequence[datetime], throttle: Throttle, index: int, moment: datetime
) -> datetime:
    tier = throttle.tiers[index]
    span = timedelta(seconds=tier.within_s)
    # A text leaves the tier when it is exactly as old as the tier is long.
    inside = times[bisect_right(times, moment - span) :]
    if len(inside) >= tier.count:
        return inside[len(inside) - tier.count] + span
    if index and inside:
        before = throttle.tiers[index - 1]
        extra = tier.count - before.count
        if len(inside) >= before.count and extra > 0:
            pace = timedelta(seconds=(tier.within_s - before.within_s) / extra)
            return inside[-1] + pace
    return moment


def _shortened(text: str, chars_max: int) -> str:
    return text if len(text) <= chars_max else text[: max(chars_max - 1, 0)].rstrip() + "…"
