"""Calendars (RFC 5545): shifts as a feed to subscribe to, and somebody's calendar as a roster.

Lines are icalendar's; times are ours. A feed's own zone definitions are not looked at, nor a machine's
tables: a zone is its name. What cannot be read is named and left out, never guessed; it never reads
without bounds what a stranger wrote."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from ringfence.delivery.oncall import duties, gaps
from ringfence.delivery.repeats import Budget, dates, parse_repeat
from ringfence.model.errors import InvalidField
from ringfence.model.oncall import Duty, Schedule
from ringfence.text.zones import known_zones, moment_at, zone

if TYPE_CHECKING:
    from icalendar import Event

BYTES_MAX: Final = 1_000_000
EVENTS_MAX: Final = 2_000
DUTIES_MAX: Final = 5_000
DAYS_WALKED_MAX: Final = 400_000
LENGTH_MAX: Final = timedelta(days=366)
YEARS: Final = range(1990, 2200)
_GRID: Final = timedelta(days=28)
_GRID_FROM: Final = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
_DAY: Final = timedelta(days=1)
_READ: Final = frozenset(
    (
        *("UID", "SUMMARY", "STATUS", "ATTENDEE", "DTSTART", "DTEND", "DURATION"),
        *("RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"),
        None,  # a line without a name may have been any of them
    )
)
_SPLIT: Final = re.compile(r"[,;/&+\n]")


@dataclass(frozen=True, slots=True)
class Calendar:
    """What was read: duties in order, and what was left out, in words that name no person."""

    duties: tuple[Duty, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Wall:
    """A time as a calendar writes it: on the wall of a zone, or (`zone` empty) in UTC."""

    at: datetime
    zone: str
    whole_day: bool = False

    def moment(self) -> datetime:
        return moment_at(self.zone, self.at) if self.zone else self.at.replace(tzinfo=UTC)

    def on(self, day: date) -> _Wall:
        return _Wall(datetime.combine(day, self.at.time()), self.zone, self.whole_day)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One event, its fields read. `length` is by the wall, so that 09:00 to 09:00 stays so."""

    uid: str
    starts: _Wall
    length: timedelta
    people: tuple[str, ...]
    rule: Mapping[str, Any] | None
    added: tuple[_Wall, ...]
    left_out: frozenset[datetime]
    instead_of: datetime | None


def write_feed(
    schedule: Schedule,
    since: datetime,
    until: datetime,
    now: datetime,
    names: Mapping[str, str],
    *,
    only: str = "",
    gap_title: str = "",
) -> bytes:
    """The schedule from `since` to `until` as a calendar: an event for each person's duty, called by
    their name in `names`. `only` is one responder's own feed; with `gap_title`, the stretches with
    nobody are events of that title. The same duty has the same UID in every feed."""
    import icalendar

    feed = icalendar.Calendar()
    feed.add("PRODID", "-//Ringfence//on call//EN")
    feed.add("VERSION", "2.0")
    feed.add("X-WR-CALNAME", schedule.name)
    feed.add("X-WR-TIMEZONE", schedule.zone)
    titled = [
        (duty, names.get(duty.responder, duty.responder))
        for duty in duties(schedule, _grid_before(since - _GRID), until)
        if only in ("", duty.responder)
    ]
    if gap_title:
        found = gaps(schedule, _grid_before(since - _GRID), until)
        titled += [(Duty("", gap.begins, gap.ends), gap_title) for gap in found]
    for whole, title in titled:
        for duty in _cut(whole):
            if duty.ends > since:
                feed.add_component(_event(schedule, duty, title, now))
    return bytes(feed.to_ical())


def read_calendar(
    body: bytes,
    zone_name: str,
    names: Mapping[str, str],
    since: datetime,
    until: datetime,
) -> Calendar:
    """The duties that touch the span, as somebody's calendar has them. `names` leads from what people
    are called there (a name or an address) to the responder; times without a zone, and whole days,
    are by `zone_name`. Raises InvalidField for what is no calendar or beyond the bounds."""
    called = {_plain(name): responder for name, responder in names.items()}
    problems: list[str] = []
    entries = list(_entries(_parsed(body), zone_name, called, problems))
    found: list[Duty] = []
    budget = Budget(DAYS_WALKED_MAX)
    moved = {(one.uid, one.instead_of) for one in entries if one.instead_of is not None}
    for entry in entries:
        try:
            for starts in _starts(entry, since, until, budget):
                ours = entry.instead_of is not None
                if ours or (entry.uid, starts.moment()) not in moved:
                    found += _duties_of(entry, starts, since, until)
                if len(found) > DUTIES_MAX:
                    raise InvalidField(f"at most {DUTIES_MAX:,} duties in a calendar")
        except _Unreadable as why:
            problems.append(f"{_when(entry.starts)}: {why}")
    order = sorted(set(found), key=lambda duty: (duty.begins, duty.ends, duty.responder))
    return Calendar(tuple(order), tuple(problems))


class _Unreadable(Exception):
    """One event cannot be used; the others can."""


def _event(schedule: Schedule, duty: Duty, title: str, now: datetime) -> Event:
    import icalendar

    name = "\n".join((schedule.name, duty.responder, duty.begins.isoformat()))
    event = icalendar.Event()
    event.add("UID", f"{hashlib.sha256(name.encode()).hexdigest()[:32]}@ringfence")
    event.add("DTSTAMP", now.astimezone(UTC))
    # In UTC: a reader needs no zone definitions, and every moment is told exactly.
    event.add("DTSTART", duty.begins.astimezone(UTC))
    event.add("DTEND", duty.ends.astimezone(UTC))
    event.add("SUMMARY", title)
    return event


def _cut(duty: Duty) -> Iterator[Duty]:
    """A duty that goes on and on, in pieces that begin at the same moments in every feed."""
    if duty.ends - duty.begins <= _GRID:
        yield duty
        return
    begins = duty.begins
    while begins < duty.ends:
        ends = min(_grid_before(begins) + _GRID, duty.ends)
        yield Duty(duty.responder, begins, ends)
        begins = ends


def _grid_before(moment: datetime) -> datetime:
    return _GRID_FROM + (moment - _GRID_FROM) // _GRID * _GRID


def _parsed(body: bytes) -> list[Event]:
    """The events, with nothing else: only lines of theirs reach the library's parser."""
    import icalendar

    if len(body) > BYTES_MAX:
        raise InvalidField(f"a calendar of at most {BYTES_MAX:,} bytes")
    try:
        lines: list[str] = icalendar.parser.Contentlines.from_ical(body)  # type: ignore[no-untyped-call]
        kept = list(_event_lines(lines))
        if kept.count("BEGIN:VEVENT") > EVENTS_MAX:
            raise InvalidField(f"a calendar of at most {EVENTS_MAX:,} events")
        text = "\r\n".join(("BEGIN:VCALENDAR", *kept, "END:VCALENDAR", ""))
        calendar = icalendar.Calendar.from_ical(text.encode())
        return [one for one in calendar.subcomponents if isinstance(one, icalendar.Event)]
    except (ValueError, IndexError, KeyError, TypeError, AttributeError):
        raise InvalidField("an iCalendar file (RFC 5545)") from None


def _event_lines(lines: list[str]) -> Iterator[str]:
    inside: list[str] = []
    for line in lines:
        word, _, name = line.partition(":")
        word, name = word.strip().upper(), name.strip().upper()
        if word == "BEGIN":
            inside.append(name)
        if inside == ["VCALENDAR", "VEVENT"]:
            # So written that they can be counted.
            yield f"{word}:VEVENT" if word in ("BEGIN", "END") else line
        if word == "END" and (not inside or inside.pop() != name):
            raise ValueError("ends what did not begin")
    if inside or not lines or lines[0].strip().upper() != "BEGIN:VCALENDAR":
        raise ValueError("not whole")


def _entries(
    events: list[Event], zone_name: str, called: Mapping[str, str], problems: list[str]
) -> Iterator[_Entry]:
    for event in events:
        where = "an event"
        try:
            if any(name in _READ for name, _ in event.errors):
                raise _Unreadable("a line of it cannot be read")
            starts = _wall(event.get("DTSTART"), zone_name)
            where = _when(starts)
            if str(event.get("STATUS", "")).upper() != "CANCELLED":
                yield _entry(event, starts, zone_name, called)
            elif event.get("RECURRENCE-ID") is not None:
                # One of many is called off: it takes the place of what it was.
                yield _entry(event, starts, zone_name, called, cancelled=True)
        except (_Unreadable, InvalidField) as why:
            problems.append(f"{where}: {why.detail if isinstance(why, InvalidField) else why}")


def _entry(
    event: Event,
    starts: _Wall,
    zone_name: str,
    called: Mapping[str, str],
    *,
    cancelled: bool = False,
) -> _Entry:
    instead_of = event.get("RECURRENCE-ID")
    if instead_of is not None and "RANGE" in instead_of.params:
        raise _Unreadable("a change of this and all that follow is not read")
    rule = event.get("RRULE")
    if isinstance(rule, list):
        raise _Unreadable("it has more than one rule to repeat by")
    return _Entry(
        str(event.get("UID", "")),
        starts,
        _length(event, starts, zone_name),
        () if cancelled else _people(event, called),
        None if rule is None else {str(part).upper(): values for part, values in rule.items()},
        tuple(_walls(event.get("RDATE"), zone_name)),
        frozenset(wall.moment() for wall in _walls(event.get("EXDATE"), zone_name)),
        None if instead_of is None else _wall(instead_of, zone_name).moment(),
    )


def _length(event: Event, starts: _Wall, zone_name: str) -> timedelta:
    ends, lasts = event.get("DTEND"), event.get("DURATION")
    if ends is not None:
        length = _shown(_wall(ends, zone_name), starts) - starts.at
    elif lasts is not None:
        length = lasts.dt if isinstance(lasts.dt, timedelta) else timedelta(0)
    else:
        length = _DAY if starts.whole_day else timedelta(0)
    if length <= timedelta(0):
        raise _Unreadable("it ends before it begins, or at once")
    if length > LENGTH_MAX:
        raise _Unreadable(f"it lasts longer than {LENGTH_MAX.days} days")
    return length


def _shown(wall: _Wall, like: _Wall) -> datetime:
    """What the wall of `like` shows at that moment."""
    if wall.zone == like.zone:
        return wall.at
    clock = zone(like.zone) if like.zone else UTC
    return wall.moment().astimezone(clock).replace(tzinfo=None)


def _people(event: Event, called: Mapping[str, str]) -> tuple[str, ...]:
    """Whom the title names, else who is invited. A title may say what it is first ("On call: Ada"),
    and name several."""
    title = str(event.get("SUMMARY", ""))
    for text in (title, title.partition(":")[2]):
        parts = [_plain(part) for part in _SPLIT.split(text) if part.strip()]
        if parts and all(part in called for part in parts):
            return tuple(dict.fromkeys(called[part] for part in parts))
    invited = event.get("ATTENDEE", [])
    asked = invited if isinstance(invited, list) else [invited]
    found = (called.get(_plain(str(one).partition(":")[2])) for one in asked)
    people = tuple(dict.fromkeys(one for one in found if one is not None))
    if not people:
        raise _Unreadable("it names nobody who is known")
    return people


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _starts(entry: _Entry, since: datetime, until: datetime, budget: Budget) -> Iterator[_Wall]:
    """When it begins, again and again, as far as the span asks."""
    seen = {entry.starts.moment()} if entry.rule is None else set[datetime]()
    if entry.rule is None:
        yield entry.starts
    else:
        for wall in _repeated(entry, entry.rule, since, until, budget):
            if wall.moment() not in entry.left_out:
                seen.add(wall.moment())
                yield wall
    for wall in entry.added:
        if wall.moment() not in seen | entry.left_out:
            yield wall


def _repeated(
    entry: _Entry, rule: Mapping[str, Any], since: datetime, until: datetime, budget: Budget
) -> Iterator[_Wall]:
    try:
        repeat = parse_repeat(rule)
    except InvalidField as error:
        raise _Unreadable(f"expected {error.detail}") from None
    first = entry.starts.at.date()
    # A zone is at most a day off UTC; what began before may last into the span.
    earliest = max(since.date() - entry.length - 2 * _DAY, first)
    last = _last(rule, entry.starts)
    for day in dates(repeat, first, earliest, until.date() + 2 * _DAY, budget):
        wall = entry.starts.on(day)
        if last is not None and wall.moment() > last:
            return
        yield wall


def _last(rule: Mapping[str, Any], starts: _Wall) -> datetime | None:
    """UNTIL: the last moment at which it may begin."""
    values = rule.get("UNTIL")
    if not values:
        return None
    until = values[0]
    if not isinstance(until, date):
        raise _Unreadable("expected UNTIL to be a date")
    if until.year >= YEARS.stop:
        return None  # how some programs say "for ever"
    if not isinstance(until, datetime):
        until = datetime.combine(until, time(23, 59, 59))
    elif until.tzinfo is not None and until.year in YEARS:
        return until.astimezone(UTC)
    return _wall_of(until.replace(tzinfo=None), "", starts.zone).moment()


def _duties_of(entry: _Entry, starts: _Wall, since: datetime, until: datetime) -> Iterator[Duty]:
    begins = starts.moment()
    ends = _Wall(starts.at + entry.length, starts.zone).moment()
    if begins < until and ends > since and begins < ends:
        for person in entry.people:
            yield Duty(person, begins, ends)


def _walls(value: Any, zone_name: str) -> Iterator[_Wall]:
    """The times of EXDATE and RDATE lines, of which there may be several."""
    for line in value if isinstance(value, list) else [value] if value is not None else []:
        for one in line.dts:
            if not isinstance(one.dt, date):
                raise _Unreadable("a list of periods is not read")
            yield _wall_of(one.dt, line.params.get("TZID", ""), zone_name)


def _wall(value: Any, zone_name: str) -> _Wall:
    if value is None or not isinstance(getattr(value, "dt", None), date):
        raise _Unreadable("it has no time to begin")
    return _wall_of(value.dt, value.params.get("TZID", ""), zone_name)


def _wall_of(value: date, tzid: str, zone_name: str) -> _Wall:
    """Only what the line says counts: the zone by its name, from our tables."""
    if value.year not in YEARS:
        raise _Unreadable("it is of another century")
    if not isinstance(value, datetime):
        return _Wall(datetime.combine(value, time.min), zone_name, whole_day=True)
    plain = value.replace(tzinfo=None, microsecond=0, fold=0)
    if tzid:
        return _Wall(plain, _zone_named(str(tzid)))
    return _Wall(plain, zone_name if value.tzinfo is None else "")


def _zone_named(tzid: str) -> str:
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    # Outlook's own names, and the "/vendor/…" some programs put before.
    name = WINDOWS_TO_OLSON.get(tzid, tzid)
    for start in range(name.count("/") + 1):
        tail = "/".join(name.split("/")[start:])
        if tail in known_zones():
            return tail
    raise _Unreadable("its zone is not one we know")


def _when(wall: _Wall) -> str:
    return f"the event of {wall.at:%Y-%m-%d %H:%M}"
