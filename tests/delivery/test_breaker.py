"""The breaker: opens after failures in a row, one probe at a time, closes on success; never by a
hair's breadth otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.delivery.breaker import (
    BREAKER,
    CLOSED,
    JITTER,
    Breaker,
    BreakerSettings,
    BreakerState,
    Sign,
    Turn,
    heard,
    probing,
    sign_of,
)
from ringfence.model.outbox import ErrorClass, Outcome, OutcomeKind

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MIDDLE = 0.5
LEASE = timedelta(seconds=90)
JITTERS = st.floats(min_value=0, max_value=1, exclude_max=True)


def seconds(n: float) -> timedelta:
    return timedelta(seconds=n)


def after_failures(count: int, apart_s: float = 1.0) -> tuple[Breaker, Turn | None, datetime]:
    breaker, turn, now = CLOSED, None, NOW
    for _ in range(count):
        now += seconds(apart_s)
        breaker, turn = heard(breaker, Sign.FAILS, now, MIDDLE)
    return breaker, turn, now


@pytest.mark.parametrize(
    ("outcome", "sign"),
    [
        (Outcome(OutcomeKind.ACCEPTED, http_status=201), Sign.WORKS),
        (Outcome(OutcomeKind.UNKNOWN), Sign.FAILS),
        (Outcome(OutcomeKind.UNKNOWN, http_status=503), Sign.FAILS),
        (Outcome(OutcomeKind.RETRYABLE, left=False), Sign.FAILS),
        (Outcome(OutcomeKind.RETRYABLE, http_status=429), Sign.FAILS),
        (
            Outcome(OutcomeKind.RETRYABLE, error_class=ErrorClass.RETRY_LATER, http_status=400),
            Sign.NEITHER,
        ),
        (
            Outcome(OutcomeKind.REJECTED, error_class=ErrorClass.BAD_ADDRESS, http_status=400),
            Sign.WORKS,
        ),
        (
            Outcome(OutcomeKind.REJECTED, error_class=ErrorClass.STOP_LINE, http_status=401),
            Sign.NEITHER,
        ),
        (Outcome(OutcomeKind.REJECTED, error_class=ErrorClass.PERMANENT), Sign.NEITHER),
    ],
)
def test_what_a_call_says_of_its_line(outcome: Outcome, sign: Sign) -> None:
    assert sign_of(outcome) is sign


def test_so_many_failures_in_a_row_open_it() -> None:
    almost, turn, now = after_failures(BREAKER.failures - 1)
    assert (turn, almost.state(now), almost.room(now)) == (None, BreakerState.CLOSED, None)
    opened, turn, now = after_failures(BREAKER.failures)
    assert (turn, opened.state(now), opened.room(now)) == (Turn.OPENED, BreakerState.OPEN, 0)
    assert opened.since == now


def test_failures_far_apart_are_no_outage() -> None:
    breaker, turn, now = after_failures(50, BREAKER.window_s / (BREAKER.failures - 1) + 1)
    assert (turn, breaker.state(now)) == (None, BreakerState.CLOSED)


def test_a_success_between_starts_the_count_anew() -> None:
    almost, _, now = after_failures(BREAKER.failures - 1)
    fresh, turn = heard(almost, Sign.WORKS, now, MIDDLE)
    assert (fresh, turn) == (CLOSED, None)
    again, turn = heard(fresh, Sign.FAILS, now, MIDDLE)
    assert (again.state(now), turn) == (BreakerState.CLOSED, None)


def test_what_says_nothing_does_not_break_a_row() -> None:
    almost, _, now = after_failures(BREAKER.failures - 1)
    same, _ = heard(almost, Sign.NEITHER, now, MIDDLE)
    assert heard(same, Sign.FAILS, now, MIDDLE)[1] is Turn.OPENED


def test_one_probe_and_then_all_or_a_longer_rest() -> None:
    opened, _, now = after_failures(BREAKER.failures)
    since = now
    for planned in (*BREAKER.open_s[1:], BREAKER.open_s[-1]):
        assert opened.until is not None
        now = opened.until
        assert (opened.state(now), opened.room(now)) == (BreakerState.HALF_OPEN, 1)
        asked = probing(opened, now, now + LEASE)
        assert (asked.room(now), asked.room(now + LEASE)) == (0, 1)
        opened, turn = heard(asked, Sign.FAILS, now, MIDDLE)
        assert (turn, opened.room(now), opened.since) == (Turn.STAYED, 0, since)
        assert opened.until == now + seconds(planned)
    closed, turn = heard(opened, Sign.WORKS, now, MIDDLE)
    assert (closed, turn) == (CLOSED, Turn.CLOSED)


def test_a_probe_that_was_not_made_leaves_its_place() -> None:
    opened, _, _ = after_failures(BREAKER.failures)
    assert opened.until is not None
    now = opened.until
    asked = probing(opened, now, now + LEASE)
    back, turn = heard(asked, Sign.NEITHER, now, MIDDLE)
    assert (back.room(now), turn) == (1, None)


def test_what_was_under_way_when_it_opened_makes_it_no_longer() -> None:
    opened, _, now = after_failures(BREAKER.failures)
    assert heard(opened, Sign.FAILS, now, MIDDLE) == (opened, None)
    assert probing(opened, now, now + LEASE) == opened


def test_none_is_never() -> None:
    never = BreakerSettings(failures=0)
    breaker = CLOSED
    for _ in range(50):
        breaker, turn = heard(breaker, Sign.FAILS, NOW, MIDDLE, never)
        assert (turn, breaker) == (None, CLOSED)


@given(st.integers(0, 20), JITTERS)
def test_a_rest_is_spread_and_bounded(probes: int, jitter: float) -> None:
    breaker, _, now = after_failures(BREAKER.failures)
    for _ in range(probes):
        assert breaker.until is not None
        now = breaker.until
        breaker, _ = heard(breaker, Sign.FAILS, now, jitter)
        assert breaker.until is not None
        rest_s = (breaker.until - now).total_seconds()
        assert BREAKER.open_s[0] * (1 - JITTER) <= rest_s <= BREAKER.open_s[-1] * (1 + JITTER)


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(Sign, key=str)), st.floats(0, 400), JITTERS, st.booleans())
    ),
    st.integers(1, 6),
)
def test_whatever_happens(steps: list[tuple[Sign, float, float, bool]], failures: int) -> None:
    settings = BreakerSettings(failures=failures)
    breaker, now, in_a_row, outages = CLOSED, NOW, 0, 0
    for sign, pause_s, jitter, claims in steps:
        now += seconds(pause_s)
        room = breaker.room(now)
        assert room in (None, 0, 1)
        assert (room is None) == (breaker.state(now) is BreakerState.CLOSED)
        if claims and room == 1:
            breaker = probing(breaker, now, now + LEASE)
            assert breaker.room(now) == 0, "a second probe"
        before = breaker
        breaker, turn = heard(breaker, sign, now, jitter, settings)
        in_a_row = {Sign.FAILS: in_a_row + 1, Sign.WORKS: 0, Sign.NEITHER: in_a_row}[sign]
        if turn is Turn.OPENED:
            outages += 1
            assert in_a_row >= failures
        if sign is Sign.WORKS:
            assert breaker == CLOSED
            assert (turn is Turn.CLOSED) == (before.since is not None)
        # An outage is told of once: it begins, and ends before another begins.
        assert (breaker.since is not None) == (breaker.until is not None)
        if turn is None and before.since is not None:
            assert breaker.since == before.since
