"""A message of several parts is where its parts are: folds the parts' statuses into the message,
and stops later parts when an earlier one failed (half a text is worse than its first half)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ringfence.delivery.status import fold_parts
from ringfence.model.message import MessageStatus
from ringfence.model.outbox import OutboxItem, OutboxState
from ringfence.ports import MessageChange, OutboxChange, Tx

_PENDING = frozenset({OutboxState.DUE, OutboxState.HELD})
EARLIER = "earlier_part_failed"


def settle_parts(tx: Tx, message_ids: Iterable[str], reason: str, now: datetime) -> None:
    """Recompute the status of messages with more than one part, after a part moved."""
    wanted = sorted(set(message_ids))
    if not wanted:
        return
    parts = tx.outbox.of_messages(wanted)
    tx.messages.change(
        [
            MessageChange(
                key,
                now,
                status=fold_parts([item.status for item in items]),
                reason=reason or None,
                error_code=next((item.error_code for item in items if item.error_code), None),
            )
            for key, items in parts.items()
        ]
    )


def cancel_later_parts(tx: Tx, item: OutboxItem) -> None:
    """The item was refused for good: what follows it in its message never goes out."""
    _stop(tx, item, _PENDING, OutboxState.CANCELLED, MessageStatus.CANCELLED)


def hold_later_parts(tx: Tx, item: OutboxItem) -> None:
    """The item became a dead letter: what follows waits with it, for whoever resubmits it."""
    _stop(tx, item, frozenset({OutboxState.DUE}), OutboxState.HELD, MessageStatus.HELD)


def _stop(
    tx: Tx,
    item: OutboxItem,
    expect: frozenset[OutboxState],
    state: OutboxState,
    status: MessageStatus,
) -> None:
    if item.part == item.parts:
        return
    parts = tx.outbox.of_messages([item.message_id]).get(item.message_id, [])
    tx.outbox.change(
        [
            OutboxChange(part.id, expect, state, reason=EARLIER, status=status)
            for part in parts
            if part.part > item.part
        ]
    )
