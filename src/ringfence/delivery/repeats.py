"""The dates on which a calendar's event repeats (RFC 5545 section 3.3.10), for the rules that people
make in calendars: every so many days, weeks, months or years, on these weekdays, days and months.
A rule it does not know it refuses by name; it never counts further than it was allowed."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import Final

from ringfence.model.errors import InvalidField

INTERVAL_MAX: Final = 1_000
COUNT_MAX: Final = 10_000
_PARTS: Final = frozenset(
    {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "WKST"}
)
_WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class Frequency(Enum):
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


@dataclass(frozen=True, slots=True)
class Repeat:
    """A rule as read. `by_day` is which of its kind in the month (0: each, -1: the last) and the
    weekday; `by_month_day` below nought counts from the end. `count` 0 means without end; until when
    is for whoever knows the event's zone."""

    frequency: Frequency
    interval: int = 1
    count: int = 0
    by_day: tuple[tuple[int, int], ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_month: tuple[int, ...] = ()
    week_start: int = 0


class Budget:
    """How many days may still be looked at, over all events of a calendar."""

    def __init__(self, days: int) -> None:
        self.days = days

    def spend(self) -> None:
        self.days -= 1
        if self.days < 0:
            raise InvalidField("a calendar whose repeats are fewer, or begin later")


def parse_repeat(parts: Mapping[str, Sequence[object]]) -> Repeat:
    """The rule of these parts, each with its values. Raises InvalidField for what is not known."""
    if unknown := sorted(set(parts) - _PARTS):
        raise InvalidField(f"a repeat without {', '.join(unknown)}")
    repeat = Repeat(
        _frequency(_one(parts, "FREQ", "")),
        _number(_one(parts, "INTERVAL", 1), 1, INTERVAL_MAX),
        _number(_one(parts, "COUNT", 0), 0, COUNT_MAX),
        tuple(_weekday(str(value)) for value in parts.get("BYDAY", ())),
        tuple(_number(value, -31, 31) for value in parts.get("BYMONTHDAY", ())),
        tuple(_number(value, 1, 12) for value in parts.get("BYMONTH", ())),
        _weekday(str(_one(parts, "WKST", "MO")))[1],
    )
    _check(repeat)
    return repeat


def dates(repeat: Repeat, first: date, since: date, until: date, budget: Budget) -> Iterator[date]:
    """The dates of the rule from `since` to `until`, both included, of an event that begins on
    `first`. Raises InvalidField once the budget is used up."""
    # Without a count, what was before does not matter.
    day = first if repeat.count else max(first, since)
    found = 0
    while day <= until and not (repeat.count and found >= repeat.count):
        budget.spend()
        if _falls_on(repeat, first, day):
            found += 1
            if day >= since:
                yield day
        if day == date.max:
            return
        day += timedelta(days=1)


def _falls_on(repeat: Repeat, first: date, day: date) -> bool:
    if repeat.by_month and day.month not in repeat.by_month:
        return False
    if _periods(repeat, first, day) % repeat.interval:
        return False
    if repeat.by_month_day and not _on_month_day(repeat, day):
        return False
    if repeat.by_day:
        return any(_on_weekday(which, weekday, day) for which, weekday in repeat.by_day)
    return bool(repeat.by_month_day) or _like_the_first(repeat, first, day)


def _periods(repeat: Repeat, first: date, day: date) -> int:
    """How many days, weeks, months or years after the first."""
    match repeat.frequency:
        case Frequency.DAILY:
            return (day - first).days
        case Frequency.WEEKLY:
            back = (first.weekday() - repeat.week_start) % 7
            return ((day - first).days + back) // 7
        case Frequency.MONTHLY:
            return (day.year - first.year) * 12 + day.month - first.month
        case Frequency.YEARLY:
            return day.year - first.year


def _like_the_first(repeat: Repeat, first: date, day: date) -> bool:
    match repeat.frequency:
        case Frequency.DAILY:
            return True
        case Frequency.WEEKLY:
            return day.weekday() == first.weekday()
        case Frequency.MONTHLY:
            return day.day == first.day
        case Frequency.YEARLY:
            return day.day == first.day and (bool(repeat.by_month) or day.month == first.month)


def _on_month_day(repeat: Repeat, day: date) -> bool:
    length = monthrange(day.year, day.month)[1]
    return day.day in repeat.by_month_day or day.day - length - 1 in repeat.by_month_day


def _on_weekday(which: int, weekday: int, day: date) -> bool:
    if day.weekday() != weekday:
        return False
    if which < 0:
        return (monthrange(day.year, day.month)[1] - day.day) // 7 + 1 == -which
    return which in (0, (day.day - 1) // 7 + 1)


def _check(repeat: Repeat) -> None:
    """Combinations that mean something else than month by month, or nothing."""
    yearly = repeat.frequency is Frequency.YEARLY
    if yearly and not repeat.by_month and (repeat.by_day or repeat.by_month_day):
        raise InvalidField("a yearly repeat on days to have BYMONTH")
    if repeat.frequency is Frequency.WEEKLY and repeat.by_month_day:
        raise InvalidField("a weekly repeat without BYMONTHDAY")
    by_week = repeat.frequency in (Frequency.DAILY, Frequency.WEEKLY)
    if by_week and any(which for which, _ in repeat.by_day):
        raise InvalidField("BYDAY without numbers in a daily or weekly repeat")
    if 0 in repeat.by_month_day:
        raise InvalidField("BYMONTHDAY from 1 or from -1 on")


def _one(parts: Mapping[str, Sequence[object]], name: str, default: object) -> object:
    values = parts.get(name, (default,))
    if len(values) != 1:
        raise InvalidField(f"{name} once")
    return values[0]


def _frequency(value: object) -> Frequency:
    try:
        return Frequency(str(value).upper())
    except ValueError:
        raise InvalidField("a repeat by days, weeks, months or years") from None


def _number(value: object, least: int, most: int) -> int:
    if not isinstance(value, int) or not least <= value <= most:
        raise InvalidField(f"a repeat's numbers from {least} to {most}")
    return int(value)


def _weekday(text: str) -> tuple[int, int]:
    which, name = text[:-2], text[-2:].upper()
    try:
        number = int(which) if which else 0
        weekday = _WEEKDAYS.index(name)
    except ValueError:
        raise InvalidField("weekdays such as MO or -1FR") from None
    if which and (number == 0 or abs(number) > 5):
        raise InvalidField("weekdays such as MO or -1FR")
    return number, weekday
