"""Hours by the wall clock of the place, and when they begin next. An instant is open when it lies
inside the windows of every zone the person may be in; where clocks change, an opening is taken at
its later reading and a closing at its earlier one. Never counts minutes from midnight: a day has 23,
24 or 25 hours, and some days are missing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from ringfence.model.errors import InvalidField
from ringfence.policy.windows import (
    CLOSED,
    DAY_MIN,
    WHOLE_DAY,
    Holiday,
    Span,
    Week,
    parse_holidays,
    parse_spans,
    parse_windows,
)
from ringfence.policy.zones import countries_of
from ringfence.text.zones import instant_s, offset_s, zone

HORIZON_DAYS: Final = 8
"""How far a release is looked for: every weekday once, and the rest of today. Each holiday that
falls into it makes it a day longer, up to HOLIDAY_RUN_MAX."""
HOLIDAY_RUN_MAX: Final = 31
MARGIN_MIN_MAX: Final = 240
_REMEMBERED = 8_192  # days of one zone, and of one set of zones, kept ready
_DAY_S = 86_400
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1)  # without a zone, as wall-clock times are
_EPOCH_ORDINAL = _EPOCH.toordinal()

Stretch = tuple[int, int]  # from, up to but without: seconds since the epoch, or minutes of a day


@dataclass(frozen=True, slots=True, eq=False)
class Hours:
    """Windows by weekday, Monday first; on a holiday those of `holiday` instead. `margin_min` is
    taken off at both ends of every stretch; `national` says that some holidays are of one country.
    Compared by identity, so that a day can be remembered:
    keep one instance for one configuration."""

    week: Week
    holidays: frozenset[Holiday] = frozenset()
    holiday: tuple[Span, ...] = ()
    margin_min: int = 0
    national: bool = False

    @property
    def always(self) -> bool:
        """Open at any time, wherever the person is."""
        return not self.holidays and all(day == (WHOLE_DAY,) for day in self.week)


@dataclass(frozen=True, slots=True)
class Open:
    """Inside the hours, everywhere the person may be."""


@dataclass(frozen=True, slots=True)
class Until:
    """Outside. They begin at `moment` and stay without a break to `closes`, or at least a day."""

    moment: datetime
    closes: datetime


@dataclass(frozen=True, slots=True)
class Never:
    """Not within the horizon: nobody knows where the person is, or the places they may be in have
    no hour in common. A person decides; it is never taken for "now"."""


OPEN: Final = Open()
NEVER: Final = Never()


@lru_cache(1_024)
def hours_of(
    windows: str, holidays: tuple[str, ...] = (), holiday: str = CLOSED, margin_min: int = 0
) -> Hours:
    """The hours an operator wrote (`policy/windows.py`); the same instance for the same words.
    Raises InvalidField."""
    if not 0 <= margin_min <= MARGIN_MIN_MAX:
        raise InvalidField(f"0 to {MARGIN_MIN_MAX} minutes")
    dates = parse_holidays(holidays)
    national = any(date.country for date in dates)
    return Hours(parse_windows(windows), dates, parse_spans(holiday), margin_min, national)


def judge_hours(hours: Hours, zones: tuple[str, ...], now: datetime) -> Open | Until | Never:
    """Whether `now` lies inside the hours of all `zones`, else when they next begin. Raises
    InvalidField for a zone the tables do not have."""
    if not zones:
        return NEVER
    at = now.timestamp()
    today = int(at // _DAY_S)
    last = today + HORIZON_DAYS + _holidays_ahead(hours, now.date())
    for day in range(today, last + 1):
        for begins, ends in _common(hours, zones, day):
            if begins <= at < ends:
                return OPEN
            if begins > at:
                closes = _closing(hours, zones, day, ends)
                return Until(_moment(begins), _moment(closes))
    return NEVER


def spread(moment: datetime, key: str, window_s: int) -> datetime:
    """`moment` put off by less than `window_s` seconds, always the same for the same key: a crowd
    that waited for one moment leaves one by one."""
    if window_s <= 0:
        return moment
    digest = hashlib.sha256(key.encode()).digest()
    return moment + timedelta(milliseconds=int.from_bytes(digest[:8], "big") % (window_s * 1000))


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@lru_cache(_REMEMBERED)
def _holidays_ahead(hours: Hours, today: date) -> int:
    if not hours.holidays:
        return 0
    ahead = range(HORIZON_DAYS + HOLIDAY_RUN_MAX)
    days = sum(_listed(hours, today + timedelta(days=offset)) for offset in ahead)
    return min(days, HOLIDAY_RUN_MAX)


def _listed(hours: Hours, day: date) -> bool:
    return any(holiday.falls_on(day) for holiday in hours.holidays)


def _closing(hours: Hours, zones: tuple[str, ...], day: int, ends: int) -> int:
    """Stretches are cut at midnight UTC; this one may go on."""
    following = _common(hours, zones, day + 1) if ends == (day + 1) * _DAY_S else ()
    return following[0][1] if following and following[0][0] == ends else ends


@lru_cache(_REMEMBERED)
def _common(hours: Hours, zones: tuple[str, ...], day: int) -> tuple[Stretch, ...]:
    """What is open in all zones on one UTC day (days since the epoch)."""
    common: tuple[Stretch, ...] = ((day * _DAY_S, (day + 1) * _DAY_S),)
    for name in zones:
        common = _overlap(common, _day_in(hours, name, day))
        if not common:
            break
    return common


def _overlap(ours: tuple[Stretch, ...], theirs: tuple[Stretch, ...]) -> tuple[Stretch, ...]:
    pairs = ((max(a, c), min(b, d)) for a, b in ours for c, d in theirs)
    return tuple((begins, ends) for begins, ends in pairs if begins < ends)


@lru_cache(_REMEMBERED)
def _day_in(hours: Hours, name: str, day: int) -> tuple[Stretch, ...]:
    """What is open in one zone around one UTC day, in order. Local dates run from a day earlier to
    a day later (UTC-12 to UTC+14)."""
    ordinal = day + _EPOCH_ORDINAL
    found = [
        stretch
        for local in (ordinal - 1, ordinal, ordinal + 1)
        for stretch in _date_in(hours, name, local)
    ]
    return tuple(_joined(found))


@lru_cache(_REMEMBERED)
def _date_in(hours: Hours, name: str, ordinal: int) -> tuple[Stretch, ...]:
    """One local date's open stretches as instants."""
    clock, place = zone(name), name if hours.national else ""
    minutes = _open_minutes(hours, place, ordinal)
    midnight = datetime.fromordinal(ordinal)
    offset = offset_s(midnight.replace(tzinfo=clock))
    if offset == offset_s((midnight + _DAY).replace(tzinfo=clock, fold=1)):
        base = (ordinal - _EPOCH_ORDINAL) * _DAY_S - offset
        return tuple((base + begins * 60, base + ends * 60) for begins, ends in minutes)
    # What runs on from the evening before opened there: at midnight nothing begins or ends.
    runs_on = _ends_at_midnight(_open_minutes(hours, place, ordinal - 1))
    found = (
        (
            _instant(clock, midnight, begins, later=begins > 0 or not runs_on),
            _instant(clock, midnight, ends, later=False),
        )
        for begins, ends in minutes
    )
    return tuple((begins, ends) for begins, ends in found if begins < ends)


def _ends_at_midnight(minutes: tuple[Stretch, ...]) -> bool:
    return bool(minutes) and minutes[-1][1] == DAY_MIN


@lru_cache(_REMEMBERED)
def _open_minutes(hours: Hours, place: str, ordinal: int) -> tuple[Stretch, ...]:
    """One date's open stretches by the wall clock, in minutes after its midnight. Neighbouring days
    are looked at too: windows cross midnight, and the margin is taken off whole stretches only.
    `place` is a zone where holidays differ by country, else empty."""
    stretches: list[Stretch] = []
    for offset in range(-2, 3):
        # What runs on from the evening before ends at midnight where a holiday begins.
        cut = _is_holiday(hours, place, ordinal + offset + 1)
        for span in _spans(hours, place, ordinal + offset):
            ends = min(span.ends, DAY_MIN) if cut else span.ends
            stretches.append((offset * DAY_MIN + span.begins, offset * DAY_MIN + ends))
    shrunk = (
        (max(begins + hours.margin_min, 0), min(ends - hours.margin_min, DAY_MIN))
        for begins, ends in _joined(stretches)
    )
    return tuple((begins, ends) for begins, ends in shrunk if begins < ends)


def _spans(hours: Hours, place: str, ordinal: int) -> tuple[Span, ...]:
    if _is_holiday(hours, place, ordinal):
        return hours.holiday
    return hours.week[(ordinal - 1) % 7]  # 0001-01-01, ordinal 1, was a Monday


def _is_holiday(hours: Hours, place: str, ordinal: int) -> bool:
    if not hours.holidays:
        return False
    day = date.fromordinal(ordinal)
    # A zone of no country might be in any: all holidays count there.
    countries = countries_of(place) if place else frozenset[str]()
    return any(
        holiday.falls_on(day)
        and (not holiday.country or not countries or holiday.country in countries)
        for holiday in hours.holidays
    )


def _joined(stretches: list[Stretch]) -> list[Stretch]:
    """Those that touch or overlap as one, in order."""
    joined: list[Stretch] = []
    for begins, ends in sorted(stretches):
        if joined and begins <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(ends, joined[-1][1]))
        else:
            joined.append((begins, ends))
    return joined


def _instant(clock: tzinfo, midnight: datetime, minute: int, *, later: bool) -> int:
    return instant_s(clock, midnight + timedelta(minutes=minute), later=later)
