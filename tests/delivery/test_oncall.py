"""Who is on call: by the wall clock of the schedule's zone, on every day there is, the odd ones too."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.delivery.oncall import (
    HORIZON_DAYS,
    SPAN_DAYS_MAX,
    Shift,
    duties,
    gaps,
    holders,
    next_handover,
    on_call,
    shifts,
)
from ringfence.model.errors import InvalidField
from ringfence.model.oncall import (
    DAYS_OF,
    Duty,
    DutyHours,
    Override,
    OverrideKind,
    Roster,
    Rotation,
    RotationKind,
    Schedule,
)
from ringfence.text.zones import zone

ZONES = (
    "UTC",
    "America/New_York",
    "America/Santiago",  # clocks change at midnight
    "America/St_Johns",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Antarctica/Troll",  # by two hours
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # by half an hour
    "Europe/Berlin",
    "Europe/Dublin",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
UNTIL = datetime(2028, 1, 1, tzinfo=UTC)
SPAN_S = int((UNTIL - SINCE).total_seconds())
PEOPLE = ("ada", "ben", "cleo")
BERLIN = "Europe/Berlin"


def berlin(*wall: int, fold: int = 0) -> datetime:
    return datetime(*wall, tzinfo=zone(BERLIN), fold=fold).astimezone(UTC)  # type: ignore[arg-type, misc]


def daily(**options: object) -> Rotation:
    plain = {"hand_over": time(9), "starts_on": date(2026, 1, 1), **options}
    return Rotation("daily", PEOPLE, RotationKind.DAILY, **plain)  # type: ignore[arg-type]


def weekly(**options: object) -> Rotation:
    plain = {"hand_over": time(9), "starts_on": date(2026, 1, 5), **options}
    return Rotation("weekly", PEOPLE, RotationKind.WEEKLY, **plain)  # type: ignore[arg-type]


def schedule(*layers: Rotation | Roster, overrides: tuple[Override, ...] = ()) -> Schedule:
    return Schedule("ops", BERLIN, layers, overrides)


def test_a_daily_rotation_hands_over_at_its_time_on_the_wall() -> None:
    ops = schedule(daily())
    assert on_call(ops, berlin(2026, 1, 1, 9)) == ("ada",)
    assert on_call(ops, berlin(2026, 1, 2, 8, 59)) == ("ada",)
    assert on_call(ops, berlin(2026, 1, 2, 9)) == ("ben",)
    # Summer time or not, 09:00 is 09:00.
    assert next_handover(ops, berlin(2026, 3, 28, 12)) == berlin(2026, 3, 29, 9)
    assert next_handover(ops, berlin(2026, 10, 24, 12)) == berlin(2026, 10, 25, 9)


def test_a_weekly_rotation_keeps_its_weekday_and_counts_weeks() -> None:
    ops = schedule(weekly(every=2))
    assert on_call(ops, berlin(2026, 1, 18, 23)) == ("ada",)
    assert on_call(ops, berlin(2026, 1, 19, 9)) == ("ben",)
    assert on_call(ops, berlin(2026, 2, 16, 9)) == ("ada",)


def test_nobody_before_it_starts_and_after_it_ends() -> None:
    ops = schedule(daily(ends_on=date(2026, 2, 1)))
    assert on_call(ops, berlin(2026, 1, 1, 8, 59)) == ()
    assert on_call(ops, berlin(2026, 2, 1, 8, 59)) != ()
    assert on_call(ops, berlin(2026, 2, 1, 9)) == ()
    assert next_handover(ops, berlin(2025, 12, 30)) == berlin(2026, 1, 1, 9)
    assert next_handover(ops, berlin(2026, 3, 1)) is None


def test_a_hand_over_that_the_clock_skips_happens_with_the_jump() -> None:
    ops = schedule(daily(hand_over=time(2, 30)))
    jump = datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert next_handover(ops, jump - timedelta(hours=3)) == jump
    assert on_call(ops, jump - timedelta(seconds=1)) != on_call(ops, jump)


def test_a_hand_over_that_the_clock_shows_twice_happens_the_second_time() -> None:
    ops = schedule(daily(hand_over=time(2, 30)))
    assert next_handover(ops, berlin(2026, 10, 24, 12)) == berlin(2026, 10, 25, 2, 30, fold=1)
    assert on_call(ops, berlin(2026, 10, 25, 2, 45)) == on_call(ops, berlin(2026, 10, 24, 12))


def test_a_date_that_a_zone_left_out_is_nobodys_turn() -> None:
    # Samoa went from the 29th to the 31st of December 2011 at midnight.
    apia = Schedule("apia", "Pacific/Apia", (daily(starts_on=date(2011, 12, 28)),))
    found = shifts(apia, datetime(2011, 12, 29, 12, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC))
    skipped = datetime(2011, 12, 30, 10, tzinfo=UTC)
    assert [(shift.begins, shift.responders) for shift in found[1:]] == [
        (datetime(2011, 12, 29, 19, tzinfo=UTC), ("ben",)),
        (skipped, ("cleo",)),
        (datetime(2011, 12, 30, 19, tzinfo=UTC), ("ada",)),
        (datetime(2011, 12, 31, 19, tzinfo=UTC), ("ben",)),
    ]


NIGHTS = tuple(DutyHours(day, 22 * 60, 30 * 60) for day in range(7))
OFFICE = tuple(DutyHours(day, 9 * 60, 17 * 60) for day in range(5))


def test_outside_its_hours_a_layer_names_nobody_and_its_turns_go_on() -> None:
    ops = schedule(daily(hours=OFFICE))
    friday = berlin(2026, 1, 9, 16, 59)
    assert on_call(ops, friday) == ("cleo",)
    assert on_call(ops, friday + timedelta(minutes=1)) == ()
    assert next_handover(ops, friday + timedelta(minutes=1)) == berlin(2026, 1, 12, 9)
    assert on_call(ops, berlin(2026, 1, 12, 9)) == ("cleo",)


def test_hours_across_midnight_belong_to_the_day_they_begin_on() -> None:
    fridays = (DutyHours(4, 22 * 60, 30 * 60),)
    ops = schedule(weekly(hours=fridays))
    assert on_call(ops, berlin(2026, 1, 9, 22)) == ("ada",)
    assert on_call(ops, berlin(2026, 1, 10, 5, 59)) == ("ada",)
    assert on_call(ops, berlin(2026, 1, 10, 6)) == ()
    assert on_call(ops, berlin(2026, 1, 9, 5)) == ()


@pytest.mark.parametrize("border", [2 * 60 + 30, 3 * 60])
def test_layers_that_follow_each_other_leave_no_gap_when_clocks_change(border: int) -> None:
    late = tuple(DutyHours(day, border, 12 * 60) for day in range(7))
    rest = tuple(DutyHours(day, 12 * 60, 24 * 60 + border) for day in range(7))
    ops = schedule(
        Rotation("a", ("ada",), RotationKind.DAILY, date(2026, 1, 1), hours=late),
        Rotation("b", ("ben",), RotationKind.DAILY, date(2026, 1, 1), hours=rest),
    )
    since = berlin(2026, 1, 2)
    assert gaps(ops, since, since + timedelta(days=730)) == ()
    found = shifts(ops, since, since + timedelta(days=730))
    assert {len(shift.responders) for shift in found} == {1}


def test_everybody_a_layer_names_is_on_call_each_once() -> None:
    ops = schedule(weekly(), Rotation("x", ("ada", "eve"), RotationKind.WEEKLY, date(2026, 1, 5)))
    assert on_call(ops, berlin(2026, 1, 6)) == ("ada",)
    assert on_call(ops, berlin(2026, 1, 13)) == ("ben", "eve")


def test_overrides() -> None:
    def over(kind: OverrideKind, who: str, instead_of: str = "") -> tuple[str, ...]:
        begins, ends = berlin(2026, 1, 6), berlin(2026, 1, 7)
        made = Override(kind, who, begins, ends, instead_of)
        ops = schedule(weekly(), Roster("extra", ()), overrides=(made,))
        assert on_call(ops, ends) == ("ada",)
        assert on_call(ops, begins - timedelta(seconds=1)) == ("ada",)
        return on_call(ops, begins)

    assert over(OverrideKind.ADD, "eve") == ("ada", "eve")
    assert over(OverrideKind.ADD, "ada") == ("ada",)
    assert over(OverrideKind.REMOVE, "ada") == ()
    assert over(OverrideKind.REMOVE, "eve") == ("ada",)
    assert over(OverrideKind.REPLACE, "eve", "ada") == ("eve",)
    assert over(OverrideKind.REPLACE, "eve", "ben") == ("ada",)
    assert over(OverrideKind.REPLACE, "eve") == ("eve",)


def test_the_later_override_has_the_last_word() -> None:
    begins, ends = berlin(2026, 1, 6), berlin(2026, 1, 7)
    chain = (
        Override(OverrideKind.REPLACE, "eve", begins, ends, "ada"),
        Override(OverrideKind.REPLACE, "dora", begins, ends, "eve"),
    )
    assert on_call(schedule(weekly(), overrides=chain), begins) == ("dora",)
    added_again = (
        Override(OverrideKind.REMOVE, "ada", begins, ends),
        Override(OverrideKind.ADD, "ada", begins, ends),
    )
    assert on_call(schedule(weekly(), overrides=added_again), begins) == ("ada",)
    assert on_call(schedule(weekly(), overrides=added_again[::-1]), begins) == ()


def test_gaps_are_found_and_listed() -> None:
    ops = schedule(daily(hours=NIGHTS), daily(hours=OFFICE))
    found = gaps(ops, berlin(2026, 1, 9, 12), berlin(2026, 1, 12, 12))
    assert found == (
        Shift(berlin(2026, 1, 9, 17), berlin(2026, 1, 9, 22), ()),
        Shift(berlin(2026, 1, 10, 6), berlin(2026, 1, 10, 22), ()),
        Shift(berlin(2026, 1, 11, 6), berlin(2026, 1, 11, 22), ()),
        Shift(berlin(2026, 1, 12, 6), berlin(2026, 1, 12, 9), ()),
    )


def test_duties_are_by_person_and_run_on_while_others_come_and_go() -> None:
    ops = schedule(weekly(), daily(hours=OFFICE))
    found = duties(ops, berlin(2026, 1, 5, 9), berlin(2026, 1, 12, 9))
    assert Duty("ada", berlin(2026, 1, 5, 9), berlin(2026, 1, 12, 9)) in found
    assert Duty("ben", berlin(2026, 1, 5, 9), berlin(2026, 1, 5, 17)) in found
    assert [duty.begins for duty in found] == sorted(duty.begins for duty in found)


def test_a_roster_is_taken_as_it_is() -> None:
    first = Duty("ada", berlin(2026, 1, 1), berlin(2026, 1, 3))
    second = Duty("ben", berlin(2026, 1, 2), berlin(2026, 1, 4))
    ops = schedule(Roster("calendar", (first, second)))
    assert on_call(ops, berlin(2026, 1, 2)) == ("ada", "ben")
    assert duties(ops, berlin(2026, 1, 1), berlin(2026, 1, 5)) == (first, second)


def test_bounds() -> None:
    ops = schedule(weekly())
    assert shifts(ops, SINCE, SINCE) == ()
    with pytest.raises(InvalidField):
        shifts(ops, SINCE, SINCE + timedelta(days=SPAN_DAYS_MAX, seconds=1))
    with pytest.raises(InvalidField):
        on_call(Schedule("x", "Mars/Olympus", (weekly(),)), SINCE)
    nobody = Rotation("empty", (), RotationKind.DAILY, date(2026, 1, 1))
    assert on_call(schedule(nobody), SINCE + timedelta(days=9)) == ()


MOMENTS = st.integers(0, SPAN_S).map(lambda seconds: SINCE + timedelta(seconds=seconds))
WALLS = st.times().map(lambda wall: wall.replace(second=0, microsecond=0))
HOURS = st.lists(
    st.builds(
        lambda day, begins, length: DutyHours(day, begins, begins + length),
        st.integers(0, 6),
        st.integers(0, 1439),
        st.integers(1, 1440),
    ),
    max_size=5,
).map(tuple)
ROTATIONS = st.builds(
    Rotation,
    st.just("layer"),
    st.lists(st.sampled_from((*PEOPLE, "dora")), min_size=1, max_size=4).map(tuple),
    st.sampled_from(RotationKind),
    st.dates(date(2025, 11, 1), date(2026, 2, 1)),
    WALLS,
    st.integers(1, 3),
    HOURS,
)
ROSTERS = st.lists(
    st.builds(
        lambda who, begins, days: Duty(who, begins, begins + timedelta(days=days)),
        st.sampled_from(PEOPLE),
        MOMENTS,
        st.integers(1, 90),
    ),
    max_size=4,
).map(lambda found: Roster("roster", tuple(found)))
OVERRIDES = st.builds(
    lambda kind, who, begins, hours, instead_of: Override(
        kind, who, begins, begins + timedelta(hours=hours), instead_of
    ),
    st.sampled_from(OverrideKind),
    st.sampled_from((*PEOPLE, "eve")),
    MOMENTS,
    st.integers(1, 2_000),
    st.sampled_from(("", *PEOPLE)),
)
SCHEDULES = st.builds(
    Schedule,
    st.just("any"),
    st.sampled_from(ZONES),
    st.lists(st.one_of(ROTATIONS, ROTATIONS, ROSTERS), min_size=1, max_size=3).map(tuple),
    st.lists(OVERRIDES, max_size=3).map(tuple),
)


def _near_a_change(clock_name: str, moment: datetime) -> bool:
    """Within three hours of where the zone's clock jumps."""
    clock = zone(clock_name)
    around = [moment + timedelta(hours=hours) for hours in (-3, 3)]
    return len({one.astimezone(clock).utcoffset() for one in around}) > 1


def _by_the_wall(rotation: Rotation, clock_name: str, moment: datetime) -> str:
    """The same told another way: count whole turns on a wall that knows no zone."""
    wall = moment.astimezone(zone(clock_name)).replace(tzinfo=None)
    first = datetime.combine(rotation.starts_on, rotation.hand_over)
    turns = (wall - first) // timedelta(days=rotation.every * DAYS_OF[rotation.kind])
    return rotation.responders[turns % len(rotation.responders)]


@settings(max_examples=400, deadline=None)
@given(ROTATIONS.map(lambda found: found), st.sampled_from(ZONES), MOMENTS)
def test_one_holder_at_every_moment_of_a_layers_hours(
    rotation: Rotation, clock_name: str, moment: datetime
) -> None:
    always = Rotation(
        "always",
        rotation.responders,
        rotation.kind,
        date(2025, 11, 1),
        rotation.hand_over,
        rotation.every,
    )
    found = holders(always, clock_name, moment)
    assert len(found) == 1
    if not _near_a_change(clock_name, moment):
        assert found == (_by_the_wall(always, clock_name, moment),)
    limited = Rotation(
        *(always.name, always.responders, always.kind, always.starts_on, always.hand_over),
        always.every,
        rotation.hours,
    )
    wall = moment.astimezone(zone(clock_name)).replace(tzinfo=None)
    inside = not rotation.hours or any(
        timedelta(minutes=hours.begins)
        <= wall - (datetime.combine(wall.date(), time.min) - timedelta(days=back))
        < timedelta(minutes=hours.ends)
        for hours in rotation.hours
        for back in range(3)
        if (wall.weekday() - back) % 7 == hours.weekday
    )
    if not _near_a_change(clock_name, moment):
        assert holders(limited, clock_name, moment) == (found if inside else ())


@settings(max_examples=40, deadline=None)
@given(SCHEDULES, st.lists(MOMENTS, min_size=20, max_size=20))
def test_shifts_tile_two_years_and_say_what_on_call_says(
    any_schedule: Schedule, moments: list[datetime]
) -> None:
    found = shifts(any_schedule, SINCE, UNTIL)
    assert (found[0].begins, found[-1].ends) == (SINCE, UNTIL)
    for one, other in pairwise(found):
        assert one.begins < one.ends == other.begins
        assert one.responders != other.responders
    second = timedelta(seconds=1)
    edges = [edge for shift in found[:60] for edge in (shift.begins, shift.ends - second)]
    for moment in [*moments, *edges]:
        if moment < UNTIL:
            shift = next(one for one in found if one.begins <= moment < one.ends)
            assert on_call(any_schedule, moment) == shift.responders, moment
            if shift.ends < UNTIL:
                soon = shift.ends - moment < timedelta(days=HORIZON_DAYS)
                assert next_handover(any_schedule, moment) == (shift.ends if soon else None)


@settings(max_examples=40, deadline=None)
@given(SCHEDULES, MOMENTS)
def test_duties_say_what_on_call_says(any_schedule: Schedule, moment: datetime) -> None:
    since, until = moment - timedelta(days=20), moment + timedelta(days=20)
    found = duties(any_schedule, since, until)
    on_duty = {duty.responder for duty in found if duty.begins <= moment < duty.ends}
    assert on_duty == set(on_call(any_schedule, moment))
    for person in {duty.responder for duty in found}:
        theirs = [duty for duty in found if duty.responder == person]
        assert all(one.ends < other.begins for one, other in pairwise(theirs))


@settings(max_examples=100, deadline=None)
@given(SCHEDULES, OVERRIDES, st.integers(0, 999))
def test_the_last_override_wins(any_schedule: Schedule, last: Override, part: int) -> None:
    within = last.begins + (last.ends - last.begins) * part / 1_000
    before = on_call(any_schedule, within)
    ops = Schedule("x", any_schedule.zone, any_schedule.layers, (*any_schedule.overrides, last))
    after = on_call(ops, within)
    assert len(after) == len(set(after))
    match last.kind:
        case OverrideKind.ADD:
            assert last.responder in after
            assert set(after) - {last.responder} == set(before) - {last.responder}
        case OverrideKind.REMOVE:
            assert set(after) == set(before) - {last.responder}
        case OverrideKind.REPLACE if not last.instead_of:
            assert after == (last.responder,)
        case OverrideKind.REPLACE:
            assert (last.responder in after) == (
                last.responder in before or last.instead_of in before
            )
            if last.instead_of != last.responder:
                assert last.instead_of not in after
    assert on_call(ops, last.ends) == on_call(any_schedule, last.ends)
