"""One wall time is one moment, in order, in every zone and on every day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.model.errors import InvalidField
from ringfence.text.zones import known_zones, moment_at, zone

WALLS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31))


@pytest.mark.parametrize(
    ("wall", "expected"),
    [
        (datetime(2026, 7, 1, 9), datetime(2026, 7, 1, 7)),
        (datetime(2026, 3, 29, 2, 30), datetime(2026, 3, 29, 1)),
        (datetime(2026, 10, 25, 2, 30), datetime(2026, 10, 25, 1, 30)),
    ],
)
def test_skipped_it_is_the_jump_shown_twice_the_second(wall: datetime, expected: datetime) -> None:
    assert moment_at("Europe/Berlin", wall) == expected.replace(tzinfo=UTC)


@given(st.sampled_from(sorted(known_zones())), WALLS, st.integers(0, 10_000))
def test_walls_in_order_give_moments_in_order(name: str, wall: datetime, minutes: int) -> None:
    wall = wall.replace(second=0, microsecond=0)
    assert moment_at(name, wall) <= moment_at(name, wall + timedelta(minutes=minutes))


@given(st.sampled_from(sorted(known_zones())), WALLS)
def test_the_wall_shows_it_then_unless_it_is_skipped(name: str, wall: datetime) -> None:
    wall = wall.replace(second=0, microsecond=0)
    shown = moment_at(name, wall).astimezone(zone(name)).replace(tzinfo=None)
    assert shown >= wall
    if shown != wall:
        before = (moment_at(name, wall) - timedelta(seconds=1)).astimezone(zone(name))
        assert before.replace(tzinfo=None) < wall


def test_an_unknown_zone_has_no_moment() -> None:
    with pytest.raises(InvalidField):
        moment_at("Mars/Olympus", datetime(2026, 1, 1))
