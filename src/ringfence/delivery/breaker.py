"""A line's circuit breaker: after so many failures in a row nothing is sent by it for a while, then one
item alone finds out whether it works again. A pure state machine over times that are given; it must
never use up a message's tries, nor let two probes go at once (facts/reliability-mechanics.md 3.6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import assert_never

from ringfence.model.outbox import ErrorClass, Outcome, OutcomeKind

JITTER = 0.2


class BreakerState(Enum):
    """CLOSED: the line sends. OPEN: it does not. HALF_OPEN: one probe may go."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Sign(Enum):
    """What one call says of the line, whatever it says of the message."""

    WORKS = "works"
    FAILS = "fails"
    NEITHER = "neither"


class Turn(Enum):
    """What a sign did: an outage began, goes on after a failed probe, or is over."""

    OPENED = "opened"
    STAYED = "stayed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """So many `failures` in a row, the first and the last at most `window_s` apart, open it (0: never).
    It stays open for the first of `open_s`, longer after each probe that fails; the last holds for
    all that follow. Seconds, each give or take a fifth."""

    failures: int = 5
    window_s: float = 120.0
    open_s: tuple[float, ...] = (5, 15, 30, 60, 120)


BREAKER = BreakerSettings()


@dataclass(frozen=True, slots=True)
class Breaker:
    """`failed_at` are the last failures in a row while closed. `since` is when the outage began, None
    without one; nothing goes before `until`, and no second probe before `probe_until`."""

    failed_at: tuple[datetime, ...] = ()
    opened: int = 0
    since: datetime | None = None
    until: datetime | None = None
    probe_until: datetime | None = None

    def state(self, now: datetime) -> BreakerState:
        if self.until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self.until else BreakerState.HALF_OPEN

    def room(self, now: datetime) -> int | None:
        """How many items may be claimed: None for any number."""
        match self.state(now):
            case BreakerState.CLOSED:
                return None
            case BreakerState.OPEN:
                return 0
            case BreakerState.HALF_OPEN:
                return 0 if self.probe_until is not None and now < self.probe_until else 1
            case _ as never:
                assert_never(never)


CLOSED = Breaker()


def sign_of(outcome: Outcome) -> Sign:
    """An outcome nobody knows counts against the line as well (its message is never repeated for
    it, P5). A refusal in the provider's words shows that it answers; one about our own set-up, or
    about a full queue of the sender, says nothing of the way there."""
    match outcome.kind:
        case OutcomeKind.ACCEPTED:
            return Sign.WORKS
        case OutcomeKind.UNKNOWN:
            return Sign.FAILS
        case OutcomeKind.RETRYABLE:
            throttled = outcome.http_status == 429
            return Sign.FAILS if throttled or not outcome.left else Sign.NEITHER
        case OutcomeKind.REJECTED:
            answered = outcome.http_status is not None
            ours = outcome.error_class in (ErrorClass.STOP_LINE, ErrorClass.CONFIG)
            return Sign.WORKS if answered and not ours else Sign.NEITHER
        case _:
            assert_never(outcome.kind)


def probing(breaker: Breaker, now: datetime, until: datetime) -> Breaker:
    """Its one probe is claimed, and is heard of by `until`; if not, another may go."""
    if breaker.state(now) is not BreakerState.HALF_OPEN:
        return breaker
    return replace(breaker, probe_until=until)


def heard(
    breaker: Breaker, sign: Sign, now: datetime, jitter: float, settings: BreakerSettings = BREAKER
) -> tuple[Breaker, Turn | None]:
    """The breaker after one call. `jitter` is in [0, 1). What fails while it is open was under way
    when it opened and changes nothing."""
    state = breaker.state(now)
    match sign:
        case Sign.WORKS:
            return CLOSED, None if state is BreakerState.CLOSED else Turn.CLOSED
        case Sign.NEITHER:
            return replace(breaker, probe_until=None), None
        case Sign.FAILS if state is BreakerState.OPEN:
            return breaker, None
        case Sign.FAILS if state is BreakerState.HALF_OPEN:
            return _opened(breaker, now, jitter, settings), Turn.STAYED
        case Sign.FAILS:
            return _failed(breaker, now, jitter, settings)
        case _ as never:
            assert_never(never)


def _failed(
    breaker: Breaker, now: datetime, jitter: float, settings: BreakerSettings
) -> tuple[Breaker, Turn | None]:
    if settings.failures <= 0:
        return breaker, None
    failed_at = (*breaker.failed_at, now)[-settings.failures :]
    close = now - failed_at[0] <= timedelta(seconds=settings.window_s)
    if len(failed_at) < settings.failures or not close:
        return replace(breaker, failed_at=failed_at), None
    return _opened(CLOSED, now, jitter, settings), Turn.OPENED


def _opened(breaker: Breaker, now: datetime, jitter: float, settings: BreakerSettings) -> Breaker:
    planned_s = settings.open_s[min(breaker.opened, len(settings.open_s) - 1)]
    wait_s = planned_s * (1 - JITTER + 2 * JITTER * jitter)
    return Breaker(
        opened=breaker.opened + 1,
        since=breaker.since or now,
        until=now + timedelta(seconds=wait_s),
    )
