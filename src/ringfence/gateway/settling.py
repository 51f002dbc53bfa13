"""Items that reached an end bring the messages they are parts of with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ringfence.gateway.finals import change_messages
from ringfence.gateway.parts import settle_parts
from ringfence.model.outbox import OutboxItem
from ringfence.ports import MessageChange, OutboxChange, Tx


def settle(tx: Tx, done: Sequence[tuple[OutboxItem, OutboxChange]], now: datetime) -> None:
    """Bring the messages up to their items."""
    change_messages(
        tx,
        [
            MessageChange(
                item.message_id,
                now,
                status=change.status,
                reason=change.reason,
                error_code=change.error_code,
                provider_id=change.provider_id,
            )
            for item, change in done
            if item.parts == 1
        ],
    )
    several = [(item, change) for item, change in done if item.parts > 1]
    for item, change in several:
        settle_parts(tx, [item.message_id], change.reason or "", now)
