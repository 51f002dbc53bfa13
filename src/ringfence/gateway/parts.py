"""A message of several parts is where its parts are: folds the parts' statuses into the message,
stops later parts when an earlier one failed (half a text is worse than its first half), and lets
them go again when it did not fail after all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from ringfence.delivery.status import ARRIVED, fold_parts
from ringfence.gateway.finals import change_messages
from ringfence.model.message import FINAL, MessageStatus
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
    change_messages(
        tx,
        [
            MessageChange(
                key,
                now,
                status=fold_parts([item.status for item in items]),
                reason=reason or None,
                error_code=next((item.error_code for item in items if item.error_code), None),
            )
            for key, items in parts.items()
        ],
    )


def cancel_later_parts(tx: Tx, item: OutboxItem) -> None:
    """The item was refused for good: what follows it in its message never goes out."""
    _stop(tx, item, _PENDING, OutboxState.CANCELLED, MessageStatus.CANCELLED)


def hold_later_parts(
    tx: Tx, item: OutboxItem, reason: str = EARLIER, expires_at: datetime | None = None
) -> None:
    """The item became a dead letter, or is held itself: what follows waits with it, for whoever
    resubmits it or lets it go, and until `expires_at` where the item does."""
    due = frozenset({OutboxState.DUE})
    _stop(tx, item, due, OutboxState.HELD, MessageStatus.HELD, reason, expires_at)


def waiting_parts_due(
    siblings: Sequence[OutboxItem], now: datetime, reason: str, expires_at: datetime | None = None
) -> list[OutboxChange]:
    """The parts that waited with a dead one go after it, in their order."""
    return [
        OutboxChange(
            part.id,
            frozenset({OutboxState.HELD}),
            OutboxState.DUE,
            due_at=now,
            expires_at=expires_at,
            status=MessageStatus.QUEUED,
            reason=reason,
        )
        for part in siblings
        if part.state is OutboxState.HELD and part.reason == EARLIER
    ]


def follow_proof(tx: Tx, item: OutboxItem, now: datetime) -> None:
    """A dead letter proved to have been taken after all: what waited with it goes out. Where it
    was taken and failed then, the rest never does; where another part is dead still, it waits."""
    if item.part == item.parts:
        return
    if item.status in FINAL and item.status not in ARRIVED:
        cancel_later_parts(tx, item)
        return
    siblings = tx.outbox.of_messages([item.message_id]).get(item.message_id, [])
    if not any(part.state is OutboxState.DEAD for part in siblings):
        tx.outbox.change(waiting_parts_due(siblings, now, ""))


def _stop(
    tx: Tx,
    item: OutboxItem,
    expect: frozenset[OutboxState],
    state: OutboxState,
    status: MessageStatus,
    reason: str = EARLIER,
    expires_at: datetime | None = None,
) -> None:
    if item.part == item.parts:
        return
    parts = tx.outbox.of_messages([item.message_id]).get(item.message_id, [])
    tx.outbox.change(
        [
            OutboxChange(
                part.id, expect, state, reason=reason, status=status, expires_at=expires_at
            )
            for part in parts
            if part.part > item.part
        ]
    )
