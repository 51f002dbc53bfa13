"""Windows as an operator writes them: what is read, and what is refused in which words."""

from __future__ import annotations

from datetime import date

import pytest

from ringfence.model.errors import InvalidField
from ringfence.policy.windows import (
    ALWAYS,
    CLOSED,
    PRESETS,
    WHOLE_DAY,
    Holiday,
    Span,
    check_setting,
    parse_holidays,
    parse_spans,
    parse_windows,
)

NINE_TO_FIVE = Span(9 * 60, 17 * 60)


@pytest.mark.proves("C8")
def test_days_and_times_are_read() -> None:
    week = parse_windows("mon-fri 09:00-20:00; sat 10:00-17:00")
    assert week[:5] == ((Span(540, 1200),),) * 5
    assert week[5:] == ((Span(600, 1020),), ())


@pytest.mark.parametrize(
    "text",
    [
        "mon,wed 09:00-17:00",
        " MON , Wed   09:00 - 17:00 ;",
        "wed 09:00-17:00;mon 09:00-17:00",
        "mon 09:00-17:00\n;\twed 09:00-17:00",
    ],
)
def test_layout_and_order_say_nothing(text: str) -> None:
    week = parse_windows(text)
    assert [day for day, spans in enumerate(week) if spans] == [0, 2]
    assert week[0] == week[2] == (NINE_TO_FIVE,)


@pytest.mark.proves("C8")
def test_the_edges_of_a_day() -> None:
    assert parse_windows(ALWAYS) == ((WHOLE_DAY,),) * 7
    assert parse_windows(CLOSED) == ((),) * 7
    assert parse_spans("00:00-24:00") == (WHOLE_DAY,)
    assert parse_spans("20:00-24:00") == (Span(1200, 1440),)
    # The same moment: a time that ends at 00:00 ends with its day.
    assert parse_spans("20:00-00:00") == (Span(1200, 1440),)
    assert parse_spans("22:00-06:00") == (Span(1320, 1800),)
    assert parse_spans("13:00-17:00, 09:00-12:00") == (Span(540, 720), Span(780, 1020))


def test_a_range_of_days_may_run_over_the_weekend() -> None:
    week = parse_windows("sat-mon 09:00-17:00")
    assert [bool(spans) for spans in week] == [True, False, False, False, False, True, True]


@pytest.mark.proves("C8")
def test_the_strictest_preset_is_what_all_have_in_common() -> None:
    weeks = {name: parse_windows(text) for name, text in PRESETS.items()}
    strictest = weeks.pop("us-strictest")
    for day in range(7):
        begins = max(week[day][0].begins for week in weeks.values())
        ends = min(week[day][0].ends for week in weeks.values())
        assert strictest[day] == (Span(begins, ends),)
    assert parse_windows("us-tx") == parse_windows(PRESETS["us-tx"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "days are mon"),
        ("09:00-17:00", "days are mon"),
        ("monday 09:00-17:00", "days are mon"),
        ("mon-xyz 09:00-17:00", "days are mon"),
        ("mon-wed-fri 09:00-17:00", "days are mon"),
        ("mon,,tue 09:00-17:00", "days are mon"),
        ("mon", "a time is HH:MM"),
        ("mon 09:00", "a time is HH:MM"),
        ("mon 9-17", "a time is HH:MM"),
        ("mon 9:00-17:00", "a time is HH:MM"),
        ("mon 09:00-17:60", "a time is HH:MM"),
        ("mon 09:00-24:01", "a time is HH:MM"),
        ("mon 09:00-25:00", "a time is HH:MM"),
        ("mon 09:00–17:00", "a time is HH:MM"),
        ("mon ٠٩:٠٠-17:00", "a time is HH:MM"),
        ("mon 09:00-17:00,", "a time is HH:MM"),
        ("mon 09:00-17:00 tue 09:00-17:00", "a time is HH:MM"),
        ("mon 09:00-09:00", "a whole day is 00:00-24:00"),
        ("mon 24:00-06:00", "a whole day is 00:00-24:00"),
        ("mon 09:00-12:00, 11:00-13:00", "apart from each other"),
        ("mon 09:00-12:00; mon-tue 13:00-17:00", "each day once"),
        ("mon 09:00-12:00; closed", "days are mon"),
        ("us-zz", "days are mon"),
        ("mon 09:00-17:00;" * 40, "at most 500 characters"),
    ],
)
def test_nonsense_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(InvalidField) as refused:
        parse_windows(text)
    assert refused.value.detail.startswith("windows such as")
    assert words in refused.value.detail


@pytest.mark.proves("C8")
def test_holidays_are_of_a_year_or_of_all_and_of_a_country_or_of_all() -> None:
    assert parse_holidays(("2026-12-24", "12-25", "US:07-04", "FR:2026-07-14")) == {
        Holiday("", 2026, 12, 24),
        Holiday("", 0, 12, 25),
        Holiday("US", 0, 7, 4),
        Holiday("FR", 2026, 7, 14),
    }
    assert Holiday("", 0, 12, 25).falls_on(date(2031, 12, 25))
    assert not Holiday("", 2026, 12, 24).falls_on(date(2027, 12, 24))
    assert parse_holidays(("02-29",)) == {Holiday("", 0, 2, 29)}


@pytest.mark.parametrize(
    "text",
    ["", "25-12", "12/25", "2026-02-29", "2026-13-01", "0000-01-01", "us:07-04", "USA:07-04"],
)
def test_a_date_that_is_none_is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidField, match="2026-12-24"):
        parse_holidays((text,))


def test_a_refusal_names_the_setting() -> None:
    with pytest.raises(InvalidField) as refused:
        check_setting("windows", parse_windows, "noon")
    assert refused.value.detail.startswith('`windows` to be windows such as "mon-fri')
