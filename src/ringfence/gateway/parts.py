"""A message of several parts is where its parts are: folds the parts' statuses into the message."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ringfence.delivery.status import fold_parts
from ringfence.ports import MessageChange, Tx


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
