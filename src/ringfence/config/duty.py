"""Schedules of the configuration: rotations, and calendars read from files beside it. Hours with
nobody on call are told of, never filled. What a calendar says that cannot be used is told too, in
words that name no person."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from ringfence.config.checking import check
from ringfence.config.problems import Problems, join_path
from ringfence.config.schema.oncall import CalendarShape, HoursShape, RotationShape, ScheduleShape
from ringfence.delivery.flow import Responder
from ringfence.delivery.ical import BYTES_MAX, read_calendar
from ringfence.delivery.oncall import gaps
from ringfence.model.errors import InvalidField
from ringfence.model.oncall import DutyHours, Roster, Rotation, RotationKind, Schedule
from ringfence.text.zones import zone

SECTION = "schedules"
GAPS_AHEAD = timedelta(days=14)
CALENDAR_BEHIND = timedelta(days=31)
CALENDAR_AHEAD = timedelta(days=400)
TOLD_MAX = 3
_DAY_MIN = 24 * 60
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class ScheduleMaker:
    """Makes schedules. `base` is the folder calendars are beside, `names` every responder that is
    configured, `responders` those that could be made, `now` what "the next days" begins at."""

    problems: Problems
    warnings: list[str]
    base: Path
    names: Collection[str]
    responders: Mapping[str, Responder]
    now: datetime

    def make_all(self, raw: Mapping[str, Any]) -> dict[str, Schedule]:
        """Every schedule by name, those left out that are wrong."""
        made = {}
        for name in sorted(raw):
            path = f"{SECTION}.{name}"
            schedule = self._schedule(name, raw[name], path)
            if schedule is not None:
                made[name] = schedule
                self.warnings.extend(f"{path}: {text}" for text in self._gaps(schedule))
        return made

    def _schedule(self, name: str, raw: dict[str, Any], path: str) -> Schedule | None:
        values, bad = check(ScheduleShape, raw, path, self.problems)
        zone_name = values.get("zone", "UTC")
        layers = [
            self._layer(at, one, join_path(path, "layers", at), zone_name)
            for at, one in enumerate(values.get("layers", []))
        ]
        good = tuple(layer for layer in layers if layer is not None)
        if bad or not values or len(good) < len(layers):
            return None
        return Schedule(name, zone_name, good)

    def _layer(
        self, at: int, raw: dict[str, Any], path: str, zone_name: str
    ) -> Rotation | Roster | None:
        if "calendar" in raw:
            return self._calendar(at, raw, path, zone_name)
        return self._rotation(at, raw, path)

    def _rotation(self, at: int, raw: dict[str, Any], path: str) -> Rotation | None:
        values, bad = check(RotationShape, raw, path, self.problems)
        whole = not bad and bool(values)
        for place, name in enumerate(values.get("responders", [])):
            whole &= self._is_responder(name, join_path(path, "responders", place))
        hours = self._hours(values.get("hours", []), join_path(path, "hours"))
        starts_on: date | None = values.get("startsOn")
        ends_on: date | None = values.get("endsOn")
        if starts_on is not None and ends_on is not None and ends_on <= starts_on:
            self.problems.add(f"{path}.endsOn", "a day after startsOn", str(ends_on))
        if not whole or hours is None or starts_on is None:
            return None
        return Rotation(
            values.get("name", f"layer {at + 1}"),
            tuple(values["responders"]),
            RotationKind(values["rotation"]),
            starts_on,
            values.get("handOver", time(9)),
            values.get("every", 1),
            hours,
            ends_on,
        )

    def _hours(self, raw: list[dict[str, Any]], path: str) -> tuple[DutyHours, ...] | None:
        found: list[DutyHours] = []
        for at, one in enumerate(raw):
            values, bad = check(HoursShape, one, join_path(path, at), self.problems)
            if bad or not values:
                return None
            begins, ends = _minute(values["from"]), _minute(values["to"])
            if ends <= begins:
                ends += _DAY_MIN
            days = dict.fromkeys(values.get("days", _WEEKDAYS))
            found += [DutyHours(_WEEKDAYS.index(day), begins, ends) for day in days]
        return tuple(found)

    # -- calendars --------------------------------------------------------------------------------

    def _calendar(self, at: int, raw: dict[str, Any], path: str, zone_name: str) -> Roster | None:
        values, bad = check(CalendarShape, raw, path, self.problems)
        people: dict[str, str] = values.get("people", {})
        known = [
            self._is_responder(name, join_path(path, "people", called))
            for called, name in people.items()
        ]
        if bad or not values or not all(known):
            return None
        place = f"{path}.calendar"
        try:
            body = _read(self.base / Path(values["calendar"]).expanduser())
            called = {**self._called(), **people}
            since, until = self.now - CALENDAR_BEHIND, self.now + CALENDAR_AHEAD
            calendar = read_calendar(body, zone_name, called, since, until)
        except InvalidField as error:
            self.problems.add(place, error.detail, values["calendar"])
            return None
        self.warnings.extend(f"{place}: {text}" for text in _first(calendar.problems))
        return Roster(values.get("name", f"layer {at + 1}"), calendar.duties)

    def _called(self) -> dict[str, str]:
        """What a calendar may call people without being told: names, and labels only one has."""
        labels = [one.label.casefold() for one in self.responders.values()]
        found = {
            one.label: name
            for name, one in self.responders.items()
            if labels.count(one.label.casefold()) == 1
        }
        return found | {name: name for name in self.names}

    # -- what is told -----------------------------------------------------------------------------

    def _is_responder(self, name: str, path: str) -> bool:
        if name not in self.names:
            self.problems.no_such(path, "a responder", name, self.names)
        return name in self.names

    def _gaps(self, schedule: Schedule) -> Iterator[str]:
        until = self.now + GAPS_AHEAD
        found = gaps(schedule, self.now, until)
        days = GAPS_AHEAD.days
        if [(gap.begins, gap.ends) for gap in found] == [(self.now, until)]:
            yield f"nobody is on call in the next {days} days"
        elif found:
            clock = zone(schedule.zone)
            shown = [
                f"{gap.begins.astimezone(clock):%Y-%m-%d %H:%M} to "
                f"{gap.ends.astimezone(clock):%Y-%m-%d %H:%M}"
                for gap in found[:TOLD_MAX]
            ]
            more = f" and {len(found) - TOLD_MAX} times more" if len(found) > TOLD_MAX else ""
            yield (
                f"nobody is on call from {', '.join(shown)}{more} in the next {days} days, unless "
                "somebody stands in"
            )


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _first(texts: tuple[str, ...]) -> Iterator[str]:
    yield from texts[:TOLD_MAX]
    if len(texts) > TOLD_MAX:
        yield f"and {len(texts) - TOLD_MAX} more of its events cannot be used"


def _read(path: Path) -> bytes:
    """A regular file, bounded, opened before it is looked at; never blocks on a pipe. Raises
    InvalidField with what was expected."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no path"
        raise InvalidField(f"a calendar that can be read ({why})") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise InvalidField("a calendar in a regular file")
    with os.fdopen(handle, "rb") as file:
        # One byte more than a calendar may have: it is judged where it is parsed.
        return file.read(BYTES_MAX + 1)
