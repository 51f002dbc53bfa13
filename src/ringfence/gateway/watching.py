"""Watches: a status or an outcome owed by a deadline. Makes the rows; `track` looks at them."""

from __future__ import annotations

from datetime import datetime

from ringfence.model.outbox import Watch, WatchKind


def watch_status(item_id: str, line: str, due_at: datetime, now: datetime) -> Watch:
    """An accepted item owes a final status."""
    return Watch(item_id, WatchKind.STATUS, line, due_at, now)


def watch_outcome(item_id: str, line: str, due_at: datetime, now: datetime) -> Watch:
    """An unknown item owes its outcome."""
    return Watch(item_id, WatchKind.OUTCOME, line, due_at, now)
