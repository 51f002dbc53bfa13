"""How long a message may wait before it has lost its use: its line's time, its own, and the moment after
which nobody wants it any more. What waits past its end expires; it never leaves late."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from ringfence.gateway.proposal import Proposal
from ringfence.model.draft import Category, Traits
from ringfence.model.line import Line

ALERT_USE: Final = timedelta(minutes=30)
"""Somebody on duty who was not told of an alert by then is not told: the next one was long ago."""


def use_until(proposal: Proposal, now: datetime) -> datetime | None:
    """When a message loses its use whatever it waits for; None for never."""
    if proposal.use_until is None and proposal.lifetime is None:
        return now + ALERT_USE if proposal.category is Category.ALERT else None
    return proposal.use_until


def ends_at(line: Line, traits: Traits, start: datetime) -> datetime:
    """When a message that may leave from `start` on expires."""
    life = timedelta(seconds=traits.life_s) if traits.life_s else line.message_ttl
    return _capped(start + life, traits)


def asked_until(line: Line, traits: Traits, now: datetime) -> datetime:
    """How long a person is asked about it."""
    return _capped(now + line.draft_ttl, traits)


def _capped(end: datetime, traits: Traits) -> datetime:
    return end if traits.use_until is None else min(end, traits.use_until)
