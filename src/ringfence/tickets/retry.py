"""When a ticket task is tried again. Pure arithmetic over times that are given."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from ringfence.tickets.base import TicketOutcome

# As other senders of signed webhooks wait (facts, reliability-mechanics.md 3.3): eight tries in
# a day and a bit.
WAITS_S: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
SLOWLY_S_MIN: Final = 60
TRIES_MAX: Final = len(WAITS_S) + 1
_JITTER: Final = 0.2


def try_again_at(
    outcome: TicketOutcome, tried: int, now: datetime, jitter: float
) -> datetime | None:
    """The time of the next try after `tried` tries; None when that was the last. `jitter` is in
    [0, 1) and spreads by a fifth to either side. What the other side asks for counts between once and
    twice our own wait: it can neither hurry nor stall us."""
    if tried >= TRIES_MAX:
        return None
    planned = float(WAITS_S[max(tried, 1) - 1])
    if outcome.slowly:
        planned = max(planned, SLOWLY_S_MIN)
    planned *= 1 - _JITTER + 2 * _JITTER * jitter
    wait_s = min(max(outcome.retry_after_s or 0.0, planned), 2 * planned)
    return now + timedelta(seconds=wait_s)
