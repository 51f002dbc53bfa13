"""tickets/retry.py: eight tries in a day and a bit, spread, and heeding the other side within bounds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ringfence.tickets.base import again
from ringfence.tickets.retry import TRIES_MAX, WAITS_S, try_again_at

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PLAIN = again("http_500")


def wait_s(tried: int, jitter: float = 0.5, **changes: object) -> float:
    at = try_again_at(again("x", **changes) if changes else PLAIN, tried, NOW, jitter)  # type: ignore[arg-type]
    assert at is not None
    return (at - NOW).total_seconds()


def test_the_waits() -> None:
    assert [wait_s(tried) for tried in range(1, TRIES_MAX)] == list(WAITS_S)
    assert WAITS_S == (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
    assert try_again_at(PLAIN, TRIES_MAX, NOW, 0.5) is None
    assert try_again_at(PLAIN, TRIES_MAX + 5, NOW, 0.5) is None


@pytest.mark.parametrize(("jitter", "wanted"), [(0.0, 240.0), (0.5, 300.0), (1.0, 360.0)])
def test_they_are_spread_by_a_fifth(jitter: float, wanted: float) -> None:
    assert wait_s(2, jitter) == pytest.approx(wanted)


def test_a_busy_side_is_given_a_minute() -> None:
    assert wait_s(1, slowly=True) == 60
    assert wait_s(2, slowly=True) == 300


@pytest.mark.parametrize(
    ("asked", "wanted"), [(0.0, 300.0), (10.0, 300.0), (400.0, 400.0), (90_000.0, 600.0)]
)
def test_what_is_asked_for_neither_hurries_nor_stalls(asked: float, wanted: float) -> None:
    assert wait_s(2, retry_after_s=asked) == wanted
