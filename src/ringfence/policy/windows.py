"""Windows and holidays as an operator writes them: `mon-fri 09:00-20:00; sat 10:00-17:00`. Nonsense
is refused with what was expected in its place, in words that go after "expected"; nothing is
mended by guessing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Final, TypeVar

from ringfence.model.errors import InvalidField

T = TypeVar("T")

DAY_MIN: Final = 1_440
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOSED: Final = "closed"
ALWAYS: Final = "mon-sun 00:00-24:00"
TEXT_CHARS_MAX: Final = 500

PRESETS: Final[Mapping[str, str]] = {
    "us": "mon-sun 08:00-21:00",
    "us-fl": "mon-sun 08:00-20:00",
    "us-md": "mon-sun 08:00-20:00",
    "us-ms": "mon-sun 08:00-20:00",
    "us-nj": "mon-sun 08:00-20:00",
    "us-ok": "mon-sun 08:00-20:00",
    "us-ct": "mon-sun 09:00-20:00",
    "us-ri": "mon-fri 09:00-18:00; sat-sun 10:00-17:00",
    "us-tx": "mon-sat 09:00-21:00; sun 12:00-21:00",
    "us-strictest": "mon-fri 09:00-18:00; sat 10:00-17:00; sun 12:00-17:00",
}
"""47 CFR 64.1200(c)(1) for "us"; the states as one vendor lists them (support.referrizer.com), to be
verified by whoever relies on one. "us-strictest" is what all of these have in common."""

_SHAPE = 'windows such as "mon-fri 09:00-20:00; sat 10:00-17:00"'
_TIME = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])", re.ASCII)
_HOLIDAY = re.compile(r"(?:([A-Z]{2}):)?(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2})", re.ASCII)
_LEAP_YEAR = 2024  # 02-29 is a day of every fourth year


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes by the wall clock from the midnight its day begins with, the last one not included.
    `ends` is past 24 hours where the span crosses midnight."""

    begins: int
    ends: int


WHOLE_DAY: Final = Span(0, DAY_MIN)
Week = tuple[tuple[Span, ...], ...]
"""Spans by weekday, Monday first."""


@dataclass(frozen=True, slots=True)
class Holiday:
    """A date, of one year or (`year` 0) of all; `country` (ISO 3166) empty for everywhere."""

    country: str
    year: int
    month: int
    day: int

    def falls_on(self, when: date) -> bool:
        return (self.month, self.day) == (when.month, when.day) and self.year in (0, when.year)


def check_setting(name: str, read: Callable[[T], object], value: T) -> None:
    """Let `read` try what an operator wrote. Raises InvalidField that names the setting."""
    try:
        read(value)
    except InvalidField as error:
        raise InvalidField(f"`{name}` to be {error.detail}") from None


@lru_cache(256)
def parse_windows(text: str) -> Week:
    """`days times; days times`: days as `mon`, `mon-fri` or `sat,sun`, times as `09:00-20:00`,
    several apart by commas, 24:00 for the end of a day; a time that ends before it begins crosses
    midnight and belongs to the day it begins on. Days not named are closed. `closed` alone is no
    time at all; a preset's name stands for its windows. Raises InvalidField."""
    plain = _plain(text)
    plain = PRESETS.get(plain, plain)
    week: list[tuple[Span, ...] | None] = [None] * len(DAYS)
    if plain != CLOSED:
        for entry in plain.split(";"):
            words, _, times = entry.strip().partition(" ")
            days, spans = _days(words), _spans(times)
            for day in days:
                if week[day] is not None:
                    raise InvalidField(f'{_SHAPE}, each day once ("{DAYS[day]}" is there twice)')
                week[day] = spans
    return tuple(spans or () for spans in week)


@lru_cache(256)
def parse_spans(text: str) -> tuple[Span, ...]:
    """The times of one day: `10:00-14:00, 15:00-17:00`, or `closed`. Raises InvalidField."""
    plain = _plain(text)
    return () if plain == CLOSED else _spans(plain)


@lru_cache(256)
def parse_holidays(texts: tuple[str, ...]) -> frozenset[Holiday]:
    """Each `2026-12-24`, `12-25` for every year, or `US:07-04` for one country. Raises
    InvalidField."""
    return frozenset(_holiday(text) for text in texts)


def _plain(text: str) -> str:
    """Lower case, single spaces, none around the signs: layout says nothing."""
    if len(text) > TEXT_CHARS_MAX:
        raise InvalidField(f"{_SHAPE}, at most {TEXT_CHARS_MAX} characters")
    plain = " ".join(text.lower().split())
    return re.sub(r" ?([,;-]) ?", r"\1", plain).strip("; ")


def _days(text: str) -> list[int]:
    days: list[int] = []
    for word in text.split(","):
        first, dash, last = word.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise InvalidField(f"{_SHAPE}; days are {', '.join(DAYS)}")
        begins = DAYS.index(first)
        count = (DAYS.index(last) - begins) % len(DAYS) + 1 if dash else 1
        days += ((begins + offset) % len(DAYS) for offset in range(count))
    return days


def _spans(text: str) -> tuple[Span, ...]:
    spans = sorted((_span(word) for word in text.split(",")), key=lambda span: span.begins)
    for one, other in pairwise(spans):
        if other.begins < one.ends:
            raise InvalidField(f"{_SHAPE}, times of one day apart from each other")
    return tuple(spans)


def _span(text: str) -> Span:
    first, _, last = text.partition("-")
    begins, ends = _minute(first), _minute(last)
    if begins in (ends, DAY_MIN):
        raise InvalidField(f"{_SHAPE}; a whole day is 00:00-24:00")
    return Span(begins, ends if ends > begins else ends + DAY_MIN)


def _minute(text: str) -> int:
    match = _TIME.fullmatch(text)
    minute = int(match[1]) * 60 + int(match[2]) if match else DAY_MIN + 1
    if minute > DAY_MIN:
        raise InvalidField(f"{_SHAPE}; a time is HH:MM, 00:00 to 24:00")
    return minute


def _holiday(text: str) -> Holiday:
    match = _HOLIDAY.fullmatch(text.strip())
    if match:
        country, year, month, day = match.groups()
        try:
            date(int(year or _LEAP_YEAR), int(month), int(day))
        except ValueError:
            pass
        else:
            return Holiday(country or "", int(year or 0), int(month), int(day))
    raise InvalidField('dates such as "2026-12-24", "12-25" (every year) or "US:07-04"')
