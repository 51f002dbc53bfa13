"""What to do after a call to a provider, and when to look again. Pure arithmetic over times that
are given; must never answer `Again` without proof that the message was not accepted (P5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from ringfence.model.outbox import ErrorClass, Outcome, OutcomeKind

JITTER = 0.2


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """Seconds to wait after the first, second, … attempt; the last holds for all that follow.
    `later_s` is for a full queue or a used-up daily cap, where seconds cannot help."""

    waits_s: tuple[float, ...] = (1, 2, 5, 15, 30, 60, 120, 300)
    later_s: tuple[float, ...] = (60, 300, 900, 1800, 3600)
    attempts_max: int = 8


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """Seconds between looks: for an unknown outcome (the last passed, a person decides), and for
    a final status (the last passed, it stays unconfirmed)."""

    outcome_s: tuple[float, ...] = (5, 20, 60, 120)
    status_s: tuple[float, ...] = (60, 300, 900, 3600, 14_400)


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """Tries of an agent's turn (B037): doubling from `first_s` to `cap_s`; dead only after both
    so many attempts and so long a time."""

    first_s: float = 1.0
    cap_s: float = 180.0
    attempts_min: int = 8
    age_min: timedelta = timedelta(hours=24)


RETRY = RetrySettings()
WATCH = WatchSettings()
TURN = TurnSettings()


@dataclass(frozen=True, slots=True)
class Again:
    """Try again at this time."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Track:
    """Accepted: look for its final status at this time, if no callback told it before."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Resolve:
    """It may have been accepted: look for it at this time. Never send it again."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Failed:
    """The provider refused it for good."""

    reason: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Not tried again without a person."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """No final status will come; many carriers give no receipt (facts 2.2)."""


Next = Again | Track | Resolve | Failed | DeadLetter


def next_attempt(
    outcome: Outcome,
    attempt: int,
    now: datetime,
    expires_at: datetime,
    jitter: float,
    settings: RetrySettings = RETRY,
    watch: WatchSettings = WATCH,
) -> Next:
    """What follows attempt number `attempt` (the first is 1). `jitter` is in [0, 1). What never
    left us is bounded by `expires_at` alone: an outage says nothing against the message.

    Reasons: `attempts_exhausted`, `expired`, `line_misconfigured` (dead letters), else the error
    class's word."""
    match outcome.kind:
        case OutcomeKind.ACCEPTED:
            return Track(now + timedelta(seconds=watch.status_s[0]))
        case OutcomeKind.UNKNOWN:
            return resolve_again(0, now, watch)
        case OutcomeKind.REJECTED:
            return _rejected(outcome.error_class)
        case OutcomeKind.RETRYABLE:
            return _retry(outcome, attempt, now, expires_at, jitter, settings)
        case _:
            assert_never(outcome.kind)


def resolve_again(
    looks: int, now: datetime, settings: WatchSettings = WATCH
) -> Resolve | DeadLetter:
    """When to look for an unknown outcome again, after `looks` looks in vain."""
    if looks >= len(settings.outcome_s):
        return DeadLetter("unknown_outcome")
    return Resolve(now + timedelta(seconds=settings.outcome_s[looks]))


def poll_again(looks: int, now: datetime, settings: WatchSettings = WATCH) -> Track | Unconfirmed:
    """When to ask for a status again, after `looks` answers that were not final."""
    if looks >= len(settings.status_s):
        return Unconfirmed()
    return Track(now + timedelta(seconds=settings.status_s[looks]))


def turn_again(
    attempt: int,
    first_at: datetime,
    now: datetime,
    jitter: float,
    settings: TurnSettings = TURN,
) -> Again | DeadLetter:
    """When to try a turn again after attempt number `attempt` failed in passing. `first_at` is
    when the message came in; it keeps that time through all tries."""
    if attempt >= settings.attempts_min and now - first_at >= settings.age_min:
        return DeadLetter("attempts_exhausted")
    # Past 30 doublings any cap is reached; a larger exponent would only overflow.
    planned = settings.first_s * 2.0 ** min(attempt - 1, 30)
    wait_s = min(_spread(min(planned, settings.cap_s), jitter), settings.cap_s)
    return Again(now + timedelta(seconds=wait_s))


def _rejected(error_class: ErrorClass | None) -> Failed | DeadLetter:
    """A line that is set up wrongly is no fault of the message: it can be resubmitted."""
    if error_class in (ErrorClass.CONFIG, ErrorClass.STOP_LINE):
        return DeadLetter("line_misconfigured")
    return Failed((error_class or ErrorClass.PERMANENT).value)


def _retry(
    outcome: Outcome,
    attempt: int,
    now: datetime,
    expires_at: datetime,
    jitter: float,
    settings: RetrySettings,
) -> Again | DeadLetter:
    if outcome.left and attempt >= settings.attempts_max:
        return DeadLetter("attempts_exhausted")
    later = outcome.error_class is ErrorClass.RETRY_LATER
    table = settings.later_s if later else settings.waits_s
    wait_s = min(_spread(_nth(table, attempt), jitter), table[-1])
    at = now + timedelta(seconds=_heeding(wait_s, outcome.retry_after_s))
    return DeadLetter("expired") if at >= expires_at else Again(at)


def _nth(table: Sequence[float], attempt: int) -> float:
    return table[min(max(attempt, 1), len(table)) - 1]


def _spread(planned_s: float, jitter: float) -> float:
    """±20 %, so that what failed together does not come back together."""
    return planned_s * (1 - JITTER + 2 * JITTER * jitter)


def _heeding(wait_s: float, retry_after_s: float | None) -> float:
    """A provider's Retry-After counts between once and twice our own wait: neither can it make us
    hurry, nor stall us."""
    return min(max(retry_after_s or 0.0, wait_s), 2 * wait_s)
