"""Who is on call: at a moment, over a span, and when that changes next. A hand-over is a time on the
wall: skipped when clocks go forward, it happens with the jump; shown twice, at the second reading.
One wall time is one moment for every layer, so that what follows each other neither overlaps nor
leaves a gap. Never asks a clock; a schedule's gaps are shown, never filled by guessing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final, assert_never

from ringfence.model.errors import InvalidField
from ringfence.model.oncall import (
    DAYS_OF,
    Duty,
    Override,
    OverrideKind,
    Roster,
    Rotation,
    Schedule,
)
from ringfence.text.zones import moment_at, zone

SPAN_DAYS_MAX: Final = 800
"""How long a span may be asked for at once: two years and a bit."""
HORIZON_DAYS: Final = 400
"""How far ahead a change is looked for."""
_REMEMBERED = 16_384
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Shift:
    """The same people are on call from `begins` up to but without `ends`; nobody is a gap."""

    begins: datetime
    ends: datetime
    responders: tuple[str, ...]


def on_call(schedule: Schedule, at: datetime) -> tuple[str, ...]:
    """Everybody on call at this moment, each once, in the order of the layers. Raises InvalidField
    for a zone our tables do not have."""
    found: list[str] = []
    for layer in schedule.layers:
        found += holders(layer, schedule.zone, at)
    people = tuple(dict.fromkeys(found))
    for override in schedule.overrides:
        if override.begins <= at < override.ends:
            people = _overridden(people, override)
    return people


def holders(layer: Rotation | Roster, zone_name: str, at: datetime) -> tuple[str, ...]:
    """Whom one layer names, before any override: of a rotation one or none."""
    if isinstance(layer, Roster):
        return tuple(duty.responder for duty in layer.duties if duty.begins <= at < duty.ends)
    turn = _turn(layer, zone_name, at)
    if turn is None or not layer.responders or not _within_hours(layer, zone_name, at):
        return ()
    return (layer.responders[turn % len(layer.responders)],)


def shifts(schedule: Schedule, since: datetime, until: datetime) -> tuple[Shift, ...]:
    """The time from `since` to `until` without gap or overlap, neighbours always of different
    people. Raises InvalidField for a span longer than SPAN_DAYS_MAX."""
    if until <= since:
        return ()
    if until - since > timedelta(days=SPAN_DAYS_MAX):
        raise InvalidField(f"a span of at most {SPAN_DAYS_MAX} days")
    inside = {edge for edge in _edges(schedule, since, until) if since < edge < until}
    found: list[Shift] = []
    for begins, ends in pairwise(sorted({since, until} | inside)):
        people = on_call(schedule, begins)
        if found and found[-1].responders == people:
            found[-1] = Shift(found[-1].begins, ends, people)
        else:
            found.append(Shift(begins, ends, people))
    return tuple(found)


def gaps(schedule: Schedule, since: datetime, until: datetime) -> tuple[Shift, ...]:
    """The stretches in which nobody is on call."""
    return tuple(shift for shift in shifts(schedule, since, until) if not shift.responders)


def duties(schedule: Schedule, since: datetime, until: datetime) -> tuple[Duty, ...]:
    """The same time by person: who has duty from when to when, whoever else has it then, in the
    order in which they begin. Cut at `since` and `until`."""
    running: dict[str, datetime] = {}
    found: list[Duty] = []
    for shift in (*shifts(schedule, since, until), Shift(until, until, ())):
        for responder in [one for one in running if one not in shift.responders]:
            found.append(Duty(responder, running.pop(responder), shift.begins))
        for responder in shift.responders:
            running.setdefault(responder, shift.begins)
    return tuple(sorted(found, key=lambda duty: (duty.begins, duty.responder)))


def next_handover(schedule: Schedule, at: datetime) -> datetime | None:
    """When other people, or nobody, or somebody again will be on call; None if not within
    HORIZON_DAYS."""
    days, begins, last = 8, at, at + timedelta(days=HORIZON_DAYS)
    while begins < last:
        ends = min(begins + timedelta(days=days), last)
        first, *others = shifts(schedule, begins, ends)
        if first.responders != on_call(schedule, at):
            return first.begins
        if others:
            return others[0].begins
        days, begins = 2 * days, ends
    return None


def _overridden(people: tuple[str, ...], override: Override) -> tuple[str, ...]:
    one = override.responder
    match override.kind:
        case OverrideKind.ADD:
            return (*people, one) if one not in people else people
        case OverrideKind.REMOVE:
            return tuple(other for other in people if other != one)
        case OverrideKind.REPLACE:
            if not override.instead_of:
                return (one,)
            replaced = (one if other == override.instead_of else other for other in people)
            return tuple(dict.fromkeys(replaced))
        case _:
            assert_never(override.kind)


def _turn(rotation: Rotation, zone_name: str, at: datetime) -> int | None:
    """How many hand-overs were before this moment; None before the first and after the end."""
    last = rotation.ends_on
    if last is not None and at >= _moment(zone_name, last, rotation.hand_over):
        return None
    if at < _moment(zone_name, rotation.starts_on, rotation.hand_over):
        return None
    step = _days_between(rotation)
    # The date alone is off by one turn at most either way: by the hour of the hand-over, and where
    # a zone left out a date. The moments themselves decide.
    guess = (at.astimezone(zone(zone_name)).date() - rotation.starts_on).days // step + 1
    turn = max(guess, 0)
    while turn > 0 and _moment(zone_name, _date_of(rotation, turn), rotation.hand_over) > at:
        turn -= 1
    return turn


def _days_between(rotation: Rotation) -> int:
    return max(rotation.every, 1) * DAYS_OF[rotation.kind]


def _date_of(rotation: Rotation, turn: int) -> date:
    return rotation.starts_on + timedelta(days=turn * _days_between(rotation))


def _within_hours(rotation: Rotation, zone_name: str, at: datetime) -> bool:
    if not rotation.hours:
        return True
    today = at.astimezone(zone(zone_name)).date()
    return any(
        begins <= at < ends
        for day in _days(today - 3 * _DAY, today + _DAY)
        for begins, ends in _hours_on(rotation, zone_name, day)
    )


def _hours_on(rotation: Rotation, zone_name: str, day: date) -> Iterator[tuple[datetime, datetime]]:
    for hours in rotation.hours:
        if hours.weekday == day.weekday():
            yield _minute(zone_name, day, hours.begins), _minute(zone_name, day, hours.ends)


def _edges(schedule: Schedule, since: datetime, until: datetime) -> Iterator[datetime]:
    """Every moment at which somebody may come or go."""
    for override in schedule.overrides:
        yield from (override.begins, override.ends)
    for layer in schedule.layers:
        if isinstance(layer, Roster):
            for duty in layer.duties:
                yield from (duty.begins, duty.ends)
        else:
            yield from _rotation_edges(layer, schedule.zone, since, until)


def _rotation_edges(
    rotation: Rotation, zone_name: str, since: datetime, until: datetime
) -> Iterator[datetime]:
    clock = zone(zone_name)
    first, last = since.astimezone(clock).date() - 3 * _DAY, until.astimezone(clock).date() + _DAY
    if rotation.ends_on is not None:
        yield _moment(zone_name, rotation.ends_on, rotation.hand_over)
    step = _days_between(rotation)
    turn = max((first - rotation.starts_on).days // step, 0)
    while (day := _date_of(rotation, turn)) <= last:
        yield _moment(zone_name, day, rotation.hand_over)
        turn += 1
    if rotation.hours:
        for day in _days(first, last):
            for begins, ends in _hours_on(rotation, zone_name, day):
                yield from (begins, ends)


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += _DAY


def _moment(zone_name: str, day: date, wall: time) -> datetime:
    return _minute(zone_name, day, wall.hour * 60 + wall.minute)


@lru_cache(_REMEMBERED)
def _minute(zone_name: str, day: date, minute: int) -> datetime:
    wall = datetime.combine(day, time.min) + timedelta(minutes=minute)
    return moment_at(zone_name, wall)
