"""Final statuses: the one way a message's row is changed, so that every end is told of once, in the
log and in the figures. The log line has ids, the line, the class and a masked recipient, never a
text or a number in full (P9)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ringfence.delivery.status import ARRIVED
from ringfence.gateway.figures import DELIVERY, MESSAGES, Figures
from ringfence.model.draft import Category
from ringfence.model.message import FINAL, Message, MessageStatus
from ringfence.ports import MessageChange, Tx

log = logging.getLogger("ringfence.message")

EVENT = "event"
"""The key of a message's provenance that names the event it came from."""

PRIVATE = "private"
"""The key that says that the text holds a secret of the person's, such as a one-time code."""

OUTCOMES = tuple(sorted(status.value for status in FINAL))
_BAD = frozenset({MessageStatus.UNDELIVERED, MessageStatus.FAILED})


@dataclass(frozen=True, slots=True)
class End:
    """A message as it was, and how it ended."""

    message: Message
    status: MessageStatus
    at: datetime
    provider_id: str
    error_code: int | None

    @property
    def taken_s(self) -> float:
        return (self.at - self.message.created_at).total_seconds()

    @property
    def arrived(self) -> bool:
        return self.status in ARRIVED


def change_messages(tx: Tx, changes: Sequence[MessageChange]) -> None:
    """Apply the changes, in the caller's transaction, and tell of those that end a message."""
    ends = {one.id: one for one in changes if one.status in FINAL}
    before = tx.messages.many(ends) if ends else {}
    tx.messages.change(changes)
    ended = [_ended(before[key], change) for key, change in ends.items() if key in before]
    _tell([end for end in ended if _is_news(end)], tx)


def tell_refused(messages: Sequence[Message], tx: Tx) -> None:
    """Of messages that the gate refused when they were proposed: they ended as they began."""
    ends = [End(one, one.status, one.updated_at, "", one.error_code) for one in messages]
    _tell([end for end in ends if end.status is MessageStatus.REFUSED], tx)


def _tell(ended: Sequence[End], tx: Tx) -> None:
    """One that ends again (a late proof that a dead letter had arrived) is told of again, and counted
    again."""
    figures = Figures()
    for end in ended:
        labels = end.message.line, end.message.traits.category.value
        figures.count(MESSAGES, *labels, end.status.value)
        if end.arrived:
            figures.time(DELIVERY, end.taken_s, *labels)
    figures.write(tx)
    _log(logging.INFO, [end for end in ended if end.status not in _BAD])
    _log(logging.WARNING, [end for end in ended if end.status in _BAD])
    _look_again(ended, tx)
    _forget_private(ended, tx)


def _forget_private(ended: Sequence[End], tx: Tx) -> None:
    """A one-time code is of use to one person, for minutes: once its text is over, it is nowhere."""
    private = [end.message.id for end in ended if end.message.provenance.get(PRIVATE)]
    if private:
        tx.privacy.forget_texts(private)


def _look_again(ended: Sequence[End], tx: Tx) -> None:
    """A text to somebody on duty that will not arrive: its alerts are looked at now, and not when they
    would have been told of a silence."""
    lost = [
        end for end in ended if end.message.traits.category is Category.ALERT and not end.arrived
    ]
    if lost:
        tx.alerts.nudge([end.message.id for end in lost], max(end.at for end in lost))


def _is_news(end: End) -> bool:
    """A message that was read had been delivered: one end, not two."""
    was = end.message.status
    return was is not end.status and not (was in ARRIVED and end.arrived)


def _ended(message: Message, change: MessageChange) -> End:
    assert change.status is not None, "only ends are told of"
    code = message.error_code if change.error_code is None else change.error_code
    provider_id = change.provider_id or message.provider_id
    return End(message, change.status, change.updated_at, provider_id, code)


def _log(level: int, ended: Sequence[End]) -> None:
    if ended and log.isEnabledFor(level):
        log.log(level, "final status", extra={"each": [_line(end) for end in ended]})


def _line(end: End) -> dict[str, object]:
    message = end.message
    return {
        "message_id": message.id,
        "provider_id": end.provider_id,
        "source_event": str(message.provenance.get(EVENT, "")),
        "flow": message.traits.flow,
        "recipient": message.number.masked,
        "line": message.line,
        "class": message.message_class.value,
        "category": message.traits.category.value,
        "status": end.status.value,
        "error_code": end.error_code,
        "delivered_after_s": round(end.taken_s, 1) if end.arrived else None,
    }
