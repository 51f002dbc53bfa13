"""The dates of a repeating event: the same as an independent library's, within bounds."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from dateutil import rrule
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.delivery.repeats import Budget, Frequency, Repeat, dates, parse_repeat
from ringfence.model.errors import InvalidField

WEEKDAYS = (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU)
FREQUENCIES = {
    Frequency.DAILY: rrule.DAILY,
    Frequency.WEEKLY: rrule.WEEKLY,
    Frequency.MONTHLY: rrule.MONTHLY,
    Frequency.YEARLY: rrule.YEARLY,
}
FIRST = date(2026, 1, 31)


def some(repeat: Repeat, first: date = FIRST, days: int = 400) -> list[date]:
    return list(dates(repeat, first, first, first + timedelta(days=days), Budget(100_000)))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"FREQ": ["DAILY"], "INTERVAL": [2], "COUNT": [3]}, ["01-31", "02-02", "02-04"]),
        ({"FREQ": ["WEEKLY"], "COUNT": [2]}, ["01-31", "02-07"]),
        ({"FREQ": ["WEEKLY"], "BYDAY": ["MO", "FR"], "COUNT": [3]}, ["02-02", "02-06", "02-09"]),
        # Months without a 31st have none.
        ({"FREQ": ["MONTHLY"], "COUNT": [3]}, ["01-31", "03-31", "05-31"]),
        ({"FREQ": ["MONTHLY"], "BYMONTHDAY": [-1], "COUNT": [2]}, ["01-31", "02-28"]),
        ({"FREQ": ["MONTHLY"], "BYDAY": ["1MO"], "COUNT": [2]}, ["02-02", "03-02"]),
        ({"FREQ": ["MONTHLY"], "BYDAY": ["-1FR"], "COUNT": [2]}, ["02-27", "03-27"]),
        ({"FREQ": ["YEARLY"], "COUNT": [1]}, ["01-31"]),
        ({"FREQ": ["YEARLY"], "BYMONTH": [3], "BYDAY": ["-1SU"], "COUNT": [1]}, ["03-29"]),
    ],
)
def test_rules(parts: dict[str, list[object]], expected: list[str]) -> None:
    assert [f"{day:%m-%d}" for day in some(parse_repeat(parts))] == expected


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"FREQ": ["SECONDLY"]},
        {"FREQ": ["HOURLY"]},
        {"FREQ": ["DAILY", "WEEKLY"]},
        {"FREQ": ["DAILY"], "BYSETPOS": [1]},
        {"FREQ": ["DAILY"], "BYHOUR": [1]},
        {"FREQ": ["DAILY"], "INTERVAL": [0]},
        {"FREQ": ["DAILY"], "INTERVAL": ["x"]},
        {"FREQ": ["DAILY"], "COUNT": [99_999_999]},
        {"FREQ": ["DAILY"], "BYDAY": ["1MO"]},
        {"FREQ": ["WEEKLY"], "BYMONTHDAY": [1]},
        {"FREQ": ["YEARLY"], "BYDAY": ["20MO"]},
        {"FREQ": ["YEARLY"], "BYDAY": ["1MO"]},
        {"FREQ": ["MONTHLY"], "BYDAY": ["0MO"]},
        {"FREQ": ["MONTHLY"], "BYDAY": ["XX"]},
        {"FREQ": ["MONTHLY"], "BYMONTHDAY": [0]},
        {"FREQ": ["MONTHLY"], "BYMONTH": [13]},
    ],
)
def test_what_is_not_known_is_refused(parts: dict[str, list[object]]) -> None:
    with pytest.raises(InvalidField):
        parse_repeat(parts)


def test_no_rule_runs_away() -> None:
    never = parse_repeat({"FREQ": ["MONTHLY"], "BYMONTH": [2], "BYMONTHDAY": [30], "COUNT": [1]})
    with pytest.raises(InvalidField):
        list(dates(never, FIRST, FIRST, date.max, Budget(10_000)))
    assert list(dates(never, date(9999, 12, 1), date(9999, 12, 1), date.max, Budget(99))) == []


PLAIN = st.lists(st.tuples(st.just(0), st.integers(0, 6)), max_size=3, unique=True).map(tuple)
NUMBERED = st.lists(
    st.tuples(st.sampled_from([1, 2, 4, -1, -2]), st.integers(0, 6)), max_size=3, unique=True
).map(tuple)
MONTHS = st.lists(st.integers(1, 12), max_size=4, unique=True).map(tuple)
MONTH_DAYS = st.lists(st.sampled_from([1, 2, 15, 28, -1, -3]), max_size=3).map(tuple)


@st.composite
def repeats(draw: st.DrawFn) -> Repeat:
    """Rules that do fall on some day: theirs looks for one until the year 9999. It takes "MO,1MO"
    for "1MO", where the RFC takes it for both."""
    frequency = draw(st.sampled_from(Frequency))
    months = draw(MONTHS)
    numbered = frequency in (Frequency.MONTHLY, Frequency.YEARLY) and draw(st.booleans())
    plain = frequency is Frequency.YEARLY and not months
    no_dates = plain or numbered or frequency is Frequency.WEEKLY
    return Repeat(
        frequency,
        draw(st.integers(1, 5)) if not months else 1,
        draw(st.sampled_from([0, 0, 1, 7])),
        () if plain else draw(NUMBERED if numbered else PLAIN),
        () if no_dates else draw(MONTH_DAYS),
        months,
        draw(st.integers(0, 6)),
    )


@settings(max_examples=300, deadline=None)
@given(
    repeats(),
    st.dates(date(2024, 1, 1), date(2027, 12, 31)).filter(lambda day: day.day < 29),
    st.integers(0, 800),
)
def test_the_same_as_an_independent_library(repeat: Repeat, first: date, skipped: int) -> None:
    until = first + timedelta(days=1_200)
    since = first + timedelta(days=skipped)
    theirs = rrule.rrule(
        FREQUENCIES[repeat.frequency],
        dtstart=datetime.combine(first, datetime.min.time()),
        interval=repeat.interval,
        wkst=WEEKDAYS[repeat.week_start],
        count=repeat.count or None,
        until=None if repeat.count else datetime.combine(until, datetime.min.time()),
        bymonth=repeat.by_month or None,
        bymonthday=repeat.by_month_day or None,
        byweekday=[WEEKDAYS[day](which) if which else WEEKDAYS[day] for which, day in repeat.by_day]
        or None,
    )
    limit = datetime.combine(until, datetime.min.time())
    expected = []
    for moment in theirs:
        if moment > limit:
            break
        if moment.date() >= since:
            expected.append(moment.date())
    assert list(dates(repeat, first, since, until, Budget(10_000))) == expected
