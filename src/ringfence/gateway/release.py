"""Letting go what was held, or ending it: an operator's acts, never an agent's (P2). What is let go is
only due again; the gate decides once more when it is claimed (P1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ringfence.gateway.cancel import cancel_items
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.facts import FactsDesk, Question
from ringfence.gateway.finals import change_messages
from ringfence.gateway.parts import settle_parts
from ringfence.gateway.review import approvals_of, reason_text
from ringfence.model.audit import digest
from ringfence.model.draft import DraftState
from ringfence.model.errors import NotFound, NotReleasable
from ringfence.model.message import Direction, Message, MessageStatus
from ringfence.model.outbox import OutboxItem, OutboxState
from ringfence.model.verdict import Verdict
from ringfence.ports import MessageChange, OutboxChange, Tx

_HELD = frozenset({OutboxState.HELD})
_WAITING = frozenset({OutboxState.DUE, OutboxState.HELD})
# After these the rest of a text would arrive as a fragment.
_LOST = frozenset({OutboxState.CANCELLED, OutboxState.EXPIRED, OutboxState.FAILED})


def release(kit: Equipment, tx: Tx, message_id: str, actor: str, now: datetime) -> int:
    """Make the held parts of a message due; answers how many. They keep the time at which they
    expire. Raises NotFound, and NotReleasable with words, also where the gate would say no to it
    now (a kill switch that is still engaged); nothing changes then."""
    message = _outbound(tx, message_id)
    items = tx.outbox.of_messages([message_id]).get(message_id, [])
    held = [item for item in items if item.state in _HELD]
    _must_be_whole(message, items, held)
    _must_not_be_asked(tx, message_id)
    _gate_must_allow(kit, tx, held[0], now)
    tx.outbox.change(
        [
            OutboxChange(
                item.id,
                _HELD,
                OutboxState.DUE,
                due_at=now,
                status=MessageStatus.QUEUED,
                reason="released",
            )
            for item in held
        ]
    )
    if held[0].parts == 1:
        queued = MessageChange(message_id, now, status=MessageStatus.QUEUED, reason="released")
        change_messages(tx, [queued])
    else:
        settle_parts(tx, [message_id], "released", now)
    body = {"line": message.line, "items": [item.id for item in held]}
    tx.audit.append([kit.audit("released", message_id, actor, now, body)])
    return len(held)


def cancel(kit: Equipment, tx: Tx, message_id: str, actor: str, now: datetime) -> None:
    """End a message that waits or is held, for whatever reason. Raises NotFound, and NotReleasable
    for one of which nothing waits."""
    message = _outbound(tx, message_id)
    items = tx.outbox.of_messages([message_id]).get(message_id, [])
    waiting = [item for item in items if item.state in _WAITING]
    if not waiting and (items or message.status is not MessageStatus.HELD):
        raise NotReleasable(f"Nothing of it waits: this message is {message.status.value}.")
    cancel_items(tx, waiting, "cancelled by an operator", now)
    if not items:
        ended = MessageStatus.CANCELLED
        change = MessageChange(message_id, now, status=ended, reason="cancelled by an operator")
        change_messages(tx, [change])
    # Whoever was asked about it is asked no more, and a yes to it is worth nothing.
    draft = tx.drafts.get(message_id)
    if draft is not None and draft.state in (DraftState.WAITING, DraftState.APPROVED):
        tx.drafts.change(message_id, DraftState.CANCELLED, actor, "", now, expect=draft.state)
    body = {"line": message.line, "items": [item.id for item in waiting]}
    tx.audit.append([kit.audit("message_cancelled", message_id, actor, now, body)])


def _outbound(tx: Tx, message_id: str) -> Message:
    message = tx.messages.get(message_id)
    if message is None:
        raise NotFound(f"No message {message_id[:64]}; `ringfence message list` shows them.")
    if message.direction is Direction.IN:
        raise NotReleasable("It came in; only what would go out can be let go or cancelled.")
    return message


def _must_be_whole(
    message: Message, items: Sequence[OutboxItem], held: Sequence[OutboxItem]
) -> None:
    if not held:
        if message.status is not MessageStatus.HELD:
            raise NotReleasable(f"This message is {message.status.value}, not held.")
        raise NotReleasable(
            "It waits for a person's yes: `ringfence drafts approve` gives it, `ringfence drafts "
            "reject` ends it."
        )
    if any(item.state is OutboxState.DEAD for item in items):
        raise NotReleasable(
            "It waits with an earlier part that is a dead letter: resubmit that "
            "(`ringfence channels dead-letters list`)."
        )
    if any(item.state in _LOST for item in items):
        raise NotReleasable(
            "Other parts of it will never arrive, so it would be a fragment. Send the whole text "
            "again as a new message."
        )


def _must_not_be_asked(tx: Tx, message_id: str) -> None:
    draft = tx.drafts.get(message_id)
    if draft is not None and draft.state is DraftState.WAITING:
        raise NotReleasable(
            f"It waits for a person's yes: `ringfence drafts approve {draft.code}`."
        )


def _gate_must_allow(kit: Equipment, tx: Tx, item: OutboxItem, now: datetime) -> None:
    """As the claim will ask. The record is made there: one decision for each call."""
    line = kit.lines.get(item.line)
    if line is None:
        raise NotReleasable(f"Its line {item.line} is no longer configured.")
    question = Question(
        act=item.act,
        line=line,
        number=item.number,
        initiator=item.initiator,
        message_class=item.message_class,
        text_digest=item.text_digest if item.attempt == 0 else digest(f"{item.id}/{item.attempt}"),
        claiming=True,
        message_id=item.message_id,
        traits=item.traits,
        approval_digest=approvals_of(tx, [item]).get(item.id, ""),
    )
    decision, _ = FactsDesk(kit, tx, [question], now).decide(question, item.id)
    # What needs a person by now becomes a draft at its claim, and whoever says yes is told.
    if decision.verdict is Verdict.DENY:
        raise NotReleasable(f"The gate says no: {reason_text(decision.reasons)}")
