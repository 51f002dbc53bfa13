"""When to try again: only on proof, spread, within limits, never past the expiry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.delivery.retry import (
    Again,
    DeadLetter,
    Failed,
    Next,
    Resolve,
    RetrySettings,
    Track,
    TurnSettings,
    Unconfirmed,
    WatchSettings,
    next_attempt,
    poll_again,
    resolve_again,
    turn_again,
)
from ringfence.model.outbox import ErrorClass, Outcome, OutcomeKind

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NEVER = NOW + timedelta(days=30)
MIDDLE = 0.5
JITTER = st.floats(min_value=0, max_value=1, exclude_max=True)
BUSY = Outcome(OutcomeKind.RETRYABLE, error_class=ErrorClass.RETRY)


def seconds(n: float) -> timedelta:
    return timedelta(seconds=n)


def busy(retry_after_s: float | None, error_class: ErrorClass = ErrorClass.RETRY) -> Outcome:
    return Outcome(OutcomeKind.RETRYABLE, error_class=error_class, retry_after_s=retry_after_s)


def rejected(error_class: ErrorClass | None) -> Outcome:
    return Outcome(OutcomeKind.REJECTED, error_class=error_class)


@pytest.mark.parametrize(
    ("outcome", "attempt", "expected"),
    [
        (Outcome(OutcomeKind.ACCEPTED), 1, Track(NOW + seconds(60))),
        (Outcome(OutcomeKind.UNKNOWN), 1, Resolve(NOW + seconds(5))),
        (rejected(None), 1, Failed("permanent")),
        (rejected(ErrorClass.OPT_OUT), 1, Failed("opt_out")),
        (rejected(ErrorClass.BAD_ADDRESS), 1, Failed("bad_address")),
        (rejected(ErrorClass.REPUTATION), 1, Failed("reputation")),
        (rejected(ErrorClass.CONFIG), 1, DeadLetter("line_misconfigured")),
        (rejected(ErrorClass.STOP_LINE), 1, DeadLetter("line_misconfigured")),
        (BUSY, 1, Again(NOW + seconds(1))),
        (BUSY, 3, Again(NOW + seconds(5))),
        (BUSY, 7, Again(NOW + seconds(120))),
        (BUSY, 8, DeadLetter("attempts_exhausted")),
        (BUSY, 99, DeadLetter("attempts_exhausted")),
        (busy(None, ErrorClass.RETRY_LATER), 1, Again(NOW + seconds(60))),
        (busy(None, ErrorClass.RETRY_LATER), 7, Again(NOW + seconds(3600))),
        # Retry-After counts between once and twice our own wait.
        (busy(0), 3, Again(NOW + seconds(5))),
        (busy(7), 3, Again(NOW + seconds(7))),
        (busy(3600), 3, Again(NOW + seconds(10))),
    ],
)
def test_after_an_attempt(outcome: Outcome, attempt: int, expected: Next) -> None:
    assert next_attempt(outcome, attempt, NOW, NEVER, MIDDLE) == expected


@pytest.mark.parametrize("kind", OutcomeKind)
@given(attempt=st.integers(min_value=0, max_value=20), jitter=JITTER)
@pytest.mark.proves("P5", "B071")
def test_only_proof_of_refusal_leads_to_another_send(
    kind: OutcomeKind, attempt: int, jitter: float
) -> None:
    for error_class in (None, *ErrorClass):
        outcome = Outcome(kind, error_class=error_class, retry_after_s=1)
        following = next_attempt(outcome, attempt, NOW, NEVER, jitter)
        if kind is not OutcomeKind.RETRYABLE:
            assert not isinstance(following, Again)


@given(
    st.integers(min_value=1, max_value=20),
    JITTER,
    st.none() | st.floats(min_value=0, max_value=1e6),
    st.sampled_from([ErrorClass.RETRY, ErrorClass.RETRY_LATER]),
    st.floats(min_value=-10, max_value=10_000),
)
def test_a_retry_is_within_every_limit(
    attempt: int, jitter: float, retry_after_s: float | None, kind: ErrorClass, life_s: float
) -> None:
    settings = RetrySettings()
    expires_at = NOW + seconds(life_s)
    following = next_attempt(busy(retry_after_s, kind), attempt, NOW, expires_at, jitter, settings)
    if isinstance(following, Again):
        assert attempt < settings.attempts_max
        assert NOW < following.at < expires_at
        table = settings.later_s if kind is ErrorClass.RETRY_LATER else settings.waits_s
        planned = table[min(attempt, len(table)) - 1]
        assert seconds(planned * 0.799) <= following.at - NOW <= seconds(planned * 2.4001)
    else:
        assert following in (DeadLetter("attempts_exhausted"), DeadLetter("expired"))


def test_the_spread_is_a_fifth_either_way() -> None:
    at = [next_attempt(BUSY, 3, NOW, NEVER, jitter) for jitter in (0.0, 0.5, 0.999999)]
    waits = [(a.at - NOW).total_seconds() for a in at if isinstance(a, Again)]
    assert waits == pytest.approx([4.0, 5.0, 6.0], abs=1e-4)


def test_what_would_come_too_late_is_not_tried() -> None:
    assert next_attempt(BUSY, 3, NOW, NOW + seconds(5), MIDDLE) == DeadLetter("expired")
    assert next_attempt(BUSY, 3, NOW, NOW + seconds(6), MIDDLE) == Again(NOW + seconds(5))


@pytest.mark.proves("P6")
def test_what_never_left_is_bounded_by_its_lifetime_alone() -> None:
    away = Outcome(OutcomeKind.RETRYABLE, left=False)
    assert next_attempt(away, 40, NOW, NEVER, MIDDLE) == Again(NOW + seconds(300))
    assert next_attempt(away, 40, NOW, NOW + seconds(200), MIDDLE) == DeadLetter("expired")


def test_settings_are_heeded() -> None:
    settings = RetrySettings(waits_s=(10,), attempts_max=2)
    assert next_attempt(BUSY, 1, NOW, NEVER, MIDDLE, settings) == Again(NOW + seconds(10))
    assert next_attempt(BUSY, 2, NOW, NEVER, MIDDLE, settings) == DeadLetter("attempts_exhausted")
    watch = WatchSettings(outcome_s=(1,), status_s=(2,))
    unknown = Outcome(OutcomeKind.UNKNOWN)
    assert next_attempt(unknown, 1, NOW, NEVER, MIDDLE, settings, watch) == Resolve(
        NOW + seconds(1)
    )


def test_an_unknown_outcome_is_looked_for_and_then_a_persons() -> None:
    waits = [resolve_again(looks, NOW) for looks in range(5)]
    assert waits == [
        *(Resolve(NOW + seconds(n)) for n in (5, 20, 60, 120)),
        DeadLetter("unknown_outcome"),
    ]
    assert resolve_again(99, NOW) == DeadLetter("unknown_outcome")


def test_a_status_is_asked_for_and_then_stays_unconfirmed() -> None:
    polls = [poll_again(looks, NOW) for looks in range(6)]
    assert polls == [
        *(Track(NOW + seconds(n)) for n in (60, 300, 900, 3600, 14_400)),
        Unconfirmed(),
    ]


# -- turns ---------------------------------------------------------------------------------------


@pytest.mark.proves("B037")
def test_turns_double_from_a_second_to_three_minutes() -> None:
    waits = []
    for attempt in range(1, 12):
        following = turn_again(attempt, NOW, NOW, MIDDLE)
        assert isinstance(following, Again)
        waits.append((following.at - NOW).total_seconds())
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 180, 180, 180]


@pytest.mark.parametrize(
    ("attempt", "age", "dead"),
    [
        (7, timedelta(days=3), False),
        (8, timedelta(hours=23, minutes=59), False),
        (8, timedelta(hours=24), True),
        (500, timedelta(hours=1), False),
        (100_000, timedelta(hours=24), True),
    ],
)
@pytest.mark.proves("B037")
def test_a_turn_is_dead_after_many_tries_and_a_day(
    attempt: int, age: timedelta, dead: bool
) -> None:
    following = turn_again(attempt, NOW - age, NOW, MIDDLE)
    assert (following == DeadLetter("attempts_exhausted")) is dead


@given(st.integers(min_value=1, max_value=10**6), JITTER)
def test_a_turns_wait_is_bounded(attempt: int, jitter: float) -> None:
    following = turn_again(attempt, NOW, NOW, jitter, TurnSettings())
    assert isinstance(following, Again)
    assert seconds(0.799) <= following.at - NOW <= seconds(180)
