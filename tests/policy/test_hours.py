"""Hours by the wall clock. The oracle here reads a clock on the wall and a timetable, and knows
nothing of instants, offsets or jumps; what is released must always stand inside by it.
RINGFENCE_HOURS_ALL=1 judges every zone on every day of two years, instead of a seeded choice."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from ringfence.model.errors import InvalidField
from ringfence.model.phone import PhoneNumber
from ringfence.policy import hours as hours_module
from ringfence.policy.hours import (
    HOLIDAY_RUN_MAX,
    HORIZON_DAYS,
    MARGIN_MIN_MAX,
    NEVER,
    OPEN,
    Until,
    hours_of,
    judge_hours,
    spread,
)
from ringfence.policy.windows import ALWAYS, CLOSED
from ringfence.policy.zones import known_zones, zone, zones_of_number

ALL = bool(os.environ.get("RINGFENCE_HOURS_ALL"))
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 730
ZONES = sorted(known_zones())
US = "mon-sun 08:00-21:00"
NEW_YORK = ("America/New_York",)
QUARTER = timedelta(minutes=15)

# What the gate is told, and the same as a table of (weekdays, minutes) for the oracle.
Table = dict[int, tuple[tuple[int, int], ...]]
EVERY_DAY = range(7)
TIMETABLES: tuple[tuple[str, Table], ...] = (
    (US, dict.fromkeys(EVERY_DAY, ((480, 1260),))),
    ("mon-fri 09:00-20:00; sat 10:00-17:00", {0: ((540, 1200),), 1: ((540, 1200),),
     2: ((540, 1200),), 3: ((540, 1200),), 4: ((540, 1200),), 5: ((600, 1020),)}),
    ("mon-sun 22:00-06:00", dict.fromkeys(EVERY_DAY, ((1320, 1800),))),
    ("mon-sun 00:00-02:30, 23:30-24:00", dict.fromkeys(EVERY_DAY, ((0, 150), (1410, 1440)))),
    ("mon-sun 01:30-02:15, 02:30-03:00", dict.fromkeys(EVERY_DAY, ((90, 135), (150, 180)))),
    ("mon-sun 00:15-00:45, 23:00-23:45", dict.fromkeys(EVERY_DAY, ((15, 45), (1380, 1425)))),
    ("sun 00:00-24:00", {6: ((0, 1440),)}),
    ("wed 12:00-12:15", {2: ((720, 735),)}),
)  # fmt: skip


def inside(table: Table, name: str, moment: datetime) -> bool:
    """Does a clock on the wall there stand within the timetable?"""
    wall = moment.astimezone(zone(name))
    minute, today = wall.hour * 60 + wall.minute, wall.weekday()
    if any(begins <= minute < ends for begins, ends in table.get(today, ())):
        return True
    before = table.get((today - 1) % 7, ())
    return any(minute + 1440 < ends for _, ends in before)


def ambiguous(name: str, moment: datetime) -> bool:
    """Does the wall clock show this time twice?"""
    wall = moment.astimezone(zone(name))
    return wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset()


def changes(name: str) -> Iterator[int]:
    """The days (of those looked at) on which the zone's clock changes."""
    clock = zone(name)
    offsets = [
        (FIRST_DAY + timedelta(days=day)).astimezone(clock).utcoffset() for day in range(DAYS + 1)
    ]
    return (day for day in range(DAYS) if offsets[day] != offsets[day + 1])


def chosen_days(name: str, dice: random.Random) -> list[int]:
    if ALL:
        return list(range(DAYS))
    near = {day + offset for day in changes(name) for offset in (-1, 0)}
    return sorted({day for day in near if day >= 0} | {dice.randrange(DAYS) for _ in range(2)})


def check(windows: str, table: Table, names: tuple[str, ...], now: datetime) -> None:
    judged = judge_hours(hours_of(windows), names, now)
    stands = all(inside(table, name, now) for name in names)
    case = f"{windows} in {names} at {now}"
    if judged is OPEN:
        assert stands, case
        return
    # Closed by the gate and open by the wall: only where the wall shows the time twice.
    assert not stands or any(ambiguous(name, now) for name in names), case
    if judged is NEVER:
        return
    assert isinstance(judged, Until)
    assert now < judged.moment < judged.closes, case
    length = judged.closes - judged.moment
    for moment in (judged.moment, judged.moment + length / 2, judged.closes - timedelta(seconds=1)):
        assert all(inside(table, name, moment) for name in names), f"{case}: {moment}"
        assert judge_hours(hours_of(windows), names, moment) is OPEN, f"{case}: {moment}"


@pytest.mark.proves("C8")
@pytest.mark.parametrize("name", ZONES)
def test_what_is_released_stands_inside_by_the_wall_clock(name: str) -> None:
    dice = random.Random(f"hours {name}")
    for day in chosen_days(name, dice):
        windows, table = dice.choice(TIMETABLES)
        now = FIRST_DAY + timedelta(days=day, seconds=dice.randrange(86_400))
        check(windows, table, (name,), now)


@pytest.mark.proves("C8")
@pytest.mark.parametrize("seed", range(200 if ALL else 12))
def test_several_zones_are_open_when_all_of_them_are(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(20):
        names = tuple(dice.sample(ZONES, dice.randint(2, 6)))
        windows, table = dice.choice(TIMETABLES)
        now = FIRST_DAY + timedelta(days=dice.randrange(DAYS), seconds=dice.randrange(86_400))
        check(windows, table, names, now)


@pytest.mark.proves("C8")
@pytest.mark.parametrize("seed", range(100 if ALL else 10))
def test_the_first_common_quarter_of_an_hour_is_found(seed: int) -> None:
    """Windows and offsets are whole quarters of an hour, so trying each one finds the release; in
    July no clock of these zones changes."""
    dice = random.Random(f"quarters {seed}")
    steady = [name for name in ZONES if not any(175 <= day <= 220 for day in changes(name))]
    for _ in range(5):
        names = tuple(dice.sample(steady, dice.randint(1, 5)))
        windows, table = dice.choice(TIMETABLES)
        now = datetime(2026, 7, 1, tzinfo=UTC) + QUARTER * dice.randrange(96 * 20)
        judged = judge_hours(hours_of(windows), names, now)
        quarters = (now + QUARTER * step for step in range(96 * HORIZON_DAYS))
        first = next((q for q in quarters if all(inside(table, n, q) for n in names)), None)
        if first is None:
            assert judged is NEVER or isinstance(judged, Until)
            assert judged is NEVER or judged.moment >= now + timedelta(days=HORIZON_DAYS)
        elif first == now:
            assert judged is OPEN
        else:
            assert isinstance(judged, Until)
            assert judged.moment == first


def until(windows: str, names: tuple[str, ...], now: str, **more: object) -> str:
    """The release by the first zone's clock, or the name of the answer."""
    moment = datetime.fromisoformat(now)
    judged = judge_hours(hours_of(windows, **more), names, moment)  # type: ignore[arg-type]
    if not isinstance(judged, Until):
        return type(judged).__name__
    return judged.moment.astimezone(zone(names[0])).isoformat()


@pytest.mark.proves("C8")
@pytest.mark.parametrize(
    ("now", "expected"),
    [
        # "Midnight + 540 minutes" says 10:00 on the first of these and 08:00 on the second.
        ("2026-03-08T06:00-05:00", "2026-03-08T09:00:00-04:00"),
        ("2026-11-01T00:30-04:00", "2026-11-01T09:00:00-05:00"),
        ("2026-03-07T22:00-05:00", "2026-03-08T09:00:00-04:00"),
        ("2026-10-31T22:00-04:00", "2026-11-01T09:00:00-05:00"),
        ("2026-07-14T08:59:59.999999-04:00", "2026-07-14T09:00:00-04:00"),
        ("2026-07-14T09:00-04:00", "Open"),
        ("2026-07-14T20:59:59.999999-04:00", "Open"),
        ("2026-07-14T21:00-04:00", "2026-07-15T09:00:00-04:00"),
    ],
)
def test_nine_is_nine_on_the_days_the_clocks_change(now: str, expected: str) -> None:
    assert until("mon-sun 09:00-21:00", NEW_YORK, now) == expected


@pytest.mark.proves("C8")
@pytest.mark.parametrize(
    ("zone_name", "windows", "now", "expected"),
    [
        # Clocks jump from 02:00 to 03:00: what would begin in between begins with the jump.
        ("America/New_York", "mon-sun 02:30-09:00", "2026-03-08T01:00-05:00",
         "2026-03-08T03:00:00-04:00"),
        # All of the window is in the gap: it does not happen that day.
        ("America/New_York", "mon-sun 02:15-02:45", "2026-03-08T01:00-05:00",
         "2026-03-09T02:15:00-04:00"),
        # 01:30 comes twice: the later one.
        ("America/New_York", "mon-sun 01:30-09:00", "2026-11-01T00:30-04:00",
         "2026-11-01T01:30:00-05:00"),
        # An end that comes twice is the earlier one.
        ("America/New_York", "mon-sun 00:00-01:30", "2026-11-01T01:15-05:00",
         "2026-11-02T00:00:00-05:00"),
        # Half an hour, at half past: Lord Howe jumps from 02:00 to 02:30.
        ("Australia/Lord_Howe", "mon-sun 02:15-09:00", "2026-10-04T01:00+10:30",
         "2026-10-04T02:30:00+11:00"),
        ("Australia/Lord_Howe", "mon-sun 01:45-09:00", "2026-04-05T01:00+11:00",
         "2026-04-05T01:45:00+10:30"),
        # Zones off the hour.
        ("Asia/Kathmandu", US, "2026-07-14T21:30+05:45", "2026-07-15T08:00:00+05:45"),
        ("Pacific/Chatham", US, "2026-07-14T21:30+12:45", "2026-07-15T08:00:00+12:45"),
        ("Pacific/Chatham", US, "2026-09-26T21:30+12:45", "2026-09-27T08:00:00+13:45"),
        # Midnight itself is skipped, or comes twice.
        ("Asia/Beirut", "mon-sun 00:00-02:00", "2026-03-28T20:00+02:00",
         "2026-03-29T01:00:00+03:00"),
        ("Atlantic/Azores", "mon-sun 00:00-02:00", "2026-10-24T20:00+00:00",
         "2026-10-25T00:00:00-01:00"),
        # A whole day is skipped: Samoa had no 30 December 2011.
        ("Pacific/Apia", US, "2011-12-29T23:00-10:00", "2011-12-31T08:00:00+14:00"),
    ],
)  # fmt: skip
def test_gaps_and_folds(zone_name: str, windows: str, now: str, expected: str) -> None:
    assert until(windows, (zone_name,), now) == expected


@pytest.mark.proves("C8")
def test_a_window_over_a_midnight_that_comes_twice_has_no_hole() -> None:
    before = datetime.fromisoformat("2026-10-24T23:00+00:00")
    azores = ("Atlantic/Azores",)
    moments = [before + timedelta(minutes=minutes) for minutes in range(0, 240, 5)]
    assert sum(ambiguous("Atlantic/Azores", moment) for moment in moments) == 24
    for moment in moments:
        assert judge_hours(hours_of("mon-sun 22:00-06:00"), azores, moment) is OPEN
        assert judge_hours(hours_of(ALWAYS), azores, moment) is OPEN


@pytest.mark.proves("C8")
@pytest.mark.parametrize(
    ("windows", "now", "expected"),
    [
        ("mon-sun 20:00-24:00", "2026-07-14T23:59:59-04:00", "Open"),
        ("mon-sun 20:00-24:00", "2026-07-15T00:00-04:00", "2026-07-15T20:00:00-04:00"),
        ("mon-sun 00:00-06:00", "2026-07-15T00:00-04:00", "Open"),
        ("mon-sun 00:00-06:00", "2026-07-14T23:59:59-04:00", "2026-07-15T00:00:00-04:00"),
        ("sun 00:00-24:00", "2026-07-14T12:00-04:00", "2026-07-19T00:00:00-04:00"),
        ("tue 22:00-06:00", "2026-07-15T05:59-04:00", "Open"),
        ("tue 22:00-06:00", "2026-07-15T06:00-04:00", "2026-07-21T22:00:00-04:00"),
        # Two windows that touch at midnight are one.
        ("mon-sun 00:00-02:00, 22:00-24:00", "2026-07-15T00:00-04:00", "Open"),
        # Today's, a week later, is still within the horizon.
        ("tue 09:00-10:00", "2026-07-14T10:00-04:00", "2026-07-21T09:00:00-04:00"),
        (CLOSED, "2026-07-14T10:00-04:00", "Never"),
        (ALWAYS, "2026-07-14T00:00-04:00", "Open"),
    ],
)
def test_the_edges_of_days(windows: str, now: str, expected: str) -> None:
    assert until(windows, NEW_YORK, now) == expected


@pytest.mark.proves("C8")
def test_an_opening_lasts_to_its_end_over_midnight_utc() -> None:
    judged = judge_hours(
        hours_of(US), ("America/Los_Angeles",), datetime(2026, 7, 15, 6, tzinfo=UTC)
    )
    assert judged == Until(
        datetime(2026, 7, 15, 15, tzinfo=UTC), datetime(2026, 7, 16, 4, tzinfo=UTC)
    )


def stretches(names: tuple[str, ...], windows: str, margin_min: int = 0) -> list[str]:
    """What is open on 15 July 2026 UTC, by trying every quarter of an hour."""
    hours, midnight = hours_of(windows, margin_min=margin_min), datetime(2026, 7, 15, tzinfo=UTC)
    quarters = [midnight + QUARTER * step for step in range(96)]
    open_ones = [quarter for quarter in quarters if judge_hours(hours, names, quarter) is OPEN]
    begins = [q for q in open_ones if q - QUARTER not in open_ones]
    ends = [q + QUARTER for q in open_ones if q + QUARTER not in open_ones]
    return [f"{one:%H:%M}-{two:%H:%M}" for one, two in zip(begins, ends, strict=True)]


@pytest.mark.proves("C8")
def test_what_numbers_of_many_zones_have_in_common_in_july() -> None:
    toll_free = zones_of_number(PhoneNumber("+18005550123"))
    assert stretches(toll_free, US) == ["22:00-23:30"]
    # With the margin nothing is left: a person decides.
    assert stretches(toll_free, US, 60) == []
    night = datetime(2026, 7, 15, tzinfo=UTC)
    assert judge_hours(hours_of(US, margin_min=60), toll_free, night) is NEVER
    seven = (
        "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix",
        "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu",
    )  # fmt: skip
    assert stretches(seven, US) == ["00:00-01:00", "18:00-00:00"]
    russian = zones_of_number(PhoneNumber("+79161234567"))
    assert stretches(russian, US) == ["05:00-09:00"]
    assert stretches(russian, US, 60) == ["06:00-08:00"]


@pytest.mark.proves("C8")
def test_no_zone_is_never_and_an_unknown_one_no_answer() -> None:
    noon = datetime(2026, 7, 15, 16, tzinfo=UTC)
    assert judge_hours(hours_of(US), (), noon) is NEVER
    assert judge_hours(hours_of(ALWAYS), (), noon) is NEVER
    with pytest.raises(InvalidField):
        judge_hours(hours_of(US), ("America/New_York", "America/Atlantis"), noon)


@pytest.mark.proves("C8")
def test_the_margin_comes_off_both_ends_of_a_stretch_and_off_nothing_else() -> None:
    assert stretches(("Etc/UTC",), US, 60) == ["09:00-20:00"]
    assert stretches(("Etc/UTC",), "mon-sun 22:00-06:00", 90) == ["00:00-04:30", "23:30-00:00"]
    assert stretches(("Etc/UTC",), "mon-sun 00:00-02:00, 22:00-24:00", 60) == [
        "00:00-01:00",
        "23:00-00:00",
    ]
    assert stretches(("Etc/UTC",), ALWAYS, MARGIN_MIN_MAX) == ["00:00-00:00"]
    assert stretches(("Etc/UTC",), "mon-sun 12:00-14:00", 60) == []
    assert stretches(("Etc/UTC",), "mon-sun 09:00-12:00, 14:00-17:00", 60) == [
        "10:00-11:00",
        "15:00-16:00",
    ]
    # Chicago may be meant by a number that says New York: an hour's error stays inside.
    inner = stretches(("America/New_York",), US, 60)
    assert stretches(("America/New_York", "America/Chicago"), US) == ["00:00-01:00", "13:00-00:00"]
    assert inner == ["13:00-00:00"]
    with pytest.raises(InvalidField, match="0 to 240 minutes"):
        hours_of(US, margin_min=MARGIN_MIN_MAX + 1)


@pytest.mark.proves("C8")
def test_a_holiday_has_hours_of_its_own() -> None:
    eve = "2026-12-24T21:30-05:00"
    assert until(US, NEW_YORK, eve, holidays=("12-25",)) == "2026-12-26T08:00:00-05:00"
    assert until(US, NEW_YORK, eve, holidays=("2026-12-25",), holiday="10:00-14:00") == (
        "2026-12-25T10:00:00-05:00"
    )
    assert until(US, NEW_YORK, eve, holidays=("2027-12-25",)) == "2026-12-25T08:00:00-05:00"
    # It is the holiday of the place, not of UTC.
    assert until(US, NEW_YORK, "2026-12-24T20:30-05:00", holidays=("12-25",)) == "Open"
    # What runs on from the evening before ends where the holiday begins; what begins on it runs on.
    night = "mon-sun 22:00-06:00"
    assert until(night, NEW_YORK, "2026-12-24T23:59-05:00", holidays=("12-25",)) == "Open"
    assert until(night, NEW_YORK, "2026-12-25T00:00-05:00", holidays=("12-25",)) == (
        "2026-12-26T22:00:00-05:00"
    )
    carol = {"holidays": ("12-25",), "holiday": "20:00-02:00"}
    assert until(US, NEW_YORK, "2026-12-26T01:00-05:00", **carol) == "Open"


@pytest.mark.proves("C8")
def test_a_holiday_of_one_country_is_none_elsewhere() -> None:
    fourth = ("US:07-04",)
    assert until(US, NEW_YORK, "2026-07-04T12:00-04:00", holidays=fourth) == (
        "2026-07-05T08:00:00-04:00"
    )
    assert until(US, ("America/Toronto",), "2026-07-04T12:00-04:00", holidays=fourth) == "Open"
    both = ("America/Toronto", "America/New_York")
    assert until(US, both, "2026-07-04T12:00-04:00", holidays=fourth) == "2026-07-05T08:00:00-04:00"
    # Whoever keeps a clock of no country might be there.
    assert until(US, ("Etc/GMT+4",), "2026-07-04T12:00-04:00", holidays=fourth) == (
        "2026-07-05T08:00:00-04:00"
    )


@pytest.mark.proves("C8")
def test_holidays_make_the_horizon_longer_and_not_endless() -> None:
    def closed_for(days: int) -> tuple[str, ...]:
        return tuple(str(date(2026, 7, 1) + timedelta(days=day)) for day in range(days))

    now = "2026-07-01T12:00-04:00"
    assert until(US, NEW_YORK, now, holidays=closed_for(20)) == "2026-07-21T08:00:00-04:00"
    run = HOLIDAY_RUN_MAX + HORIZON_DAYS
    assert until(US, NEW_YORK, now, holidays=closed_for(run)) == "2026-08-09T08:00:00-04:00"
    assert until(US, NEW_YORK, now, holidays=closed_for(run + 1)) == "Never"


@pytest.mark.proves("C8", "P11")
def test_a_clock_that_steps_back_finds_the_same_answers() -> None:
    evening = datetime(2026, 7, 14, 20, 30, tzinfo=zone("America/New_York")).astimezone(UTC)
    hours = hours_of(US)
    assert judge_hours(hours, NEW_YORK, evening) is OPEN
    dawn = evening - timedelta(hours=14)
    early = judge_hours(hours, NEW_YORK, dawn)
    assert isinstance(early, Until)
    assert judge_hours(hours, NEW_YORK, early.moment) is OPEN
    # A second before the release it is still the same release.
    assert judge_hours(hours, NEW_YORK, early.moment - timedelta(seconds=1)) == early
    for remembered in (
        hours_module._common,
        hours_module._day_in,
        hours_module._date_in,
        hours_module._open_minutes,
    ):
        remembered.cache_clear()
    assert judge_hours(hours, NEW_YORK, dawn) == early


def test_the_same_words_are_the_same_hours() -> None:
    assert hours_of(US) is hours_of(US)
    assert hours_of(US) is not hours_of(US, margin_min=60)
    assert hours_of(ALWAYS).always
    assert not hours_of(US).always
    assert not hours_of(ALWAYS, ("12-25",)).always


@pytest.mark.proves("C8")
def test_a_crowd_leaves_one_by_one_and_each_always_at_its_own_time() -> None:
    eight = datetime(2026, 7, 15, 12, tzinfo=UTC)
    moments = [spread(eight, f"ctc_{number}", 900) for number in range(5_000)]
    assert moments == [spread(eight, f"ctc_{number}", 900) for number in range(5_000)]
    assert all(eight <= moment < eight + timedelta(seconds=900) for moment in moments)
    minutes = [int((moment - eight).total_seconds() // 60) for moment in moments]
    for minute in range(15):
        assert 200 < minutes.count(minute) < 470, "about a fifteenth of them each"
    assert spread(eight, "ctc_1", 0) == eight
    assert spread(eight, "ctc_1", 1) < eight + timedelta(seconds=1)
