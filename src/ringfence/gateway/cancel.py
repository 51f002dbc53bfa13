"""Stop means stop (P3): what is owed for a person, a line, an agent or everybody is cancelled or
held in the same transaction as the reason for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ringfence.gateway.call_ending import end_with
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.evidence import Statement, opted_out
from ringfence.gateway.finals import change_messages
from ringfence.gateway.parts import settle_parts
from ringfence.model.consent import ConsentKind, Method
from ringfence.model.draft import DraftState
from ringfence.model.intake import IntakeState
from ringfence.model.message import MessageClass, MessageStatus
from ringfence.model.outbox import OutboxItem, OutboxState, TurnState
from ringfence.model.phone import PhoneNumber
from ringfence.model.planned import PlannedState
from ringfence.ports import MessageChange, OutboxChange, PlannedEnd, TurnChange, Tx

_PENDING = frozenset({OutboxState.DUE, OutboxState.HELD})
# Of a text with these statuses something may still leave; it was just cancelled, if it could be.
_STOPPABLE = frozenset(
    {
        MessageStatus.HELD,
        MessageStatus.QUEUED,
        MessageStatus.SENDING,
        MessageStatus.CANCELLED,
        # A dead letter can be resubmitted, and its yes must not come back to life with it.
        MessageStatus.FAILED,
    }
)
# Words to a person that nobody of ours may have looked at; what Ringfence owes them is none of it.
_WORDS = frozenset({MessageClass.FREE_TEXT, MessageClass.TEMPLATE, MessageClass.INTAKE_QUESTION})


def cancel_person(
    kit: Equipment,
    tx: Tx,
    number: PhoneNumber,
    reason: str,
    actor: str,
    now: datetime,
    line: str | None = None,
    *,
    call_id: str = "",
) -> int:
    """Cancel turns and unsent items of a person on every line (or on one), and end calls with them,
    those that still ring included; answers how many items. `call_id` is the call they said so in."""
    turns = _cancel_turns(tx, number, reason, line)
    tx.intakes.end(number, line, IntakeState.ABANDONED, now)
    items = [item for item in tx.outbox.pending_for(number) if line in (None, item.line)]
    cancel_items(tx, items, reason, now)
    held = _held(tx, number, line)
    _settle(tx, held, MessageStatus.CANCELLED, reason, now)
    planned = [one for one in tx.planned.waiting_for(number) if line in (None, one.line)]
    tx.planned.end(
        [PlannedEnd(one.id, PlannedState.CANCELLED, reason=reason, at=now) for one in planned]
    )
    drafts = _end_drafts(tx, number, line, reason, actor, now)
    end_with(kit, tx, number, actor, now, line=line, besides=call_id)
    if items or turns or held or planned:
        body = {
            "reason": reason,
            "items": [item.id for item in items],
            "turns": turns,
            "drafts": drafts,
            "planned": [one.id for one in planned],
        }
        tx.audit.append([kit.audit("cancelled", reason, actor, now, body)])
    return len(items)


def hold_automatic(
    kit: Equipment,
    tx: Tx,
    number: PhoneNumber,
    reason: str,
    actor: str,
    now: datetime,
    line: str | None,
) -> int:
    """Ask no agent about a person any more and hold what was on its way to them by itself, approved
    texts included: the yes was given before. Operators' own texts go. Answers how many are held."""
    _cancel_turns(tx, number, reason, line)
    tx.intakes.end(number, line, IntakeState.HANDED_OVER, now)
    items = [
        item
        for item in tx.outbox.pending_for(number)
        if line in (None, item.line)
        and item.message_class in _WORDS
        and not item.initiator.startswith("operator:")
    ]
    return hold_items(kit, tx, items, reason, actor, now)


def _cancel_turns(tx: Tx, number: PhoneNumber, reason: str, line: str | None) -> int:
    turns = [turn for turn in tx.turns.open_for(number) if line in (None, turn.line)]
    tx.turns.change(
        [
            TurnChange(
                turn.id,
                frozenset({TurnState.OWED, TurnState.CLAIMED}),
                TurnState.CANCELLED,
                reason=reason,
            )
            for turn in turns
        ]
    )
    return len(turns)


def _end_drafts(
    tx: Tx, number: PhoneNumber, line: str | None, reason: str, actor: str, now: datetime
) -> list[str]:
    """What people were asked about a person, and what they said yes to, ends with it (P3). Whose text
    has left, or ended, stays as it was decided: who said yes to it is part of the record (P7)."""
    known = [draft for draft in tx.drafts.live_for(number) if line in (None, draft.line)]
    messages = tx.messages.many(draft.message_id for draft in known) if known else {}
    live = [
        draft
        for draft in known
        if draft.state is DraftState.WAITING
        or (message := messages.get(draft.message_id)) is None
        or message.status in _STOPPABLE
    ]
    for draft in live:
        tx.drafts.change(
            draft.message_id, DraftState.CANCELLED, actor, reason, now, expect=draft.state
        )
    return [draft.message_id for draft in live]


def _held(tx: Tx, number: PhoneNumber, line: str | None) -> list[str]:
    held = tx.messages.held_for(number)
    if line is None or not held:
        return held
    return [key for key, message in tx.messages.many(held).items() if message.line == line]


def provider_opted_out(
    kit: Equipment, tx: Tx, item: OutboxItem, code: int | None, now: datetime
) -> None:
    """The provider says this person opted out there. Never replaces an opt-out we already have: an
    operator's is not to be lifted by a keyword afterwards (compliance 4.1)."""
    person = tx.people.find([item.number]).get(item.number)
    evidence = f"{item.id} {code}"
    said = Statement(item.number, ConsentKind.OPT_OUT, Method.PROVIDER, evidence=evidence)
    event = opted_out(kit, tx, said, "provider", now)
    if event is None or (person is not None and person.opt_out_source):
        return
    body = {"line": item.line, "source": "provider", "code": code, "consent": event.id}
    tx.audit.append([kit.audit("opt_out", item.id, "provider", now, body)])
    cancel_person(kit, tx, item.number, "opted_out", "provider", now)


def cancel_items(tx: Tx, items: Sequence[OutboxItem], reason: str, now: datetime) -> None:
    """End unsent items and the messages they are parts of."""
    _end(tx, items, OutboxState.CANCELLED, MessageStatus.CANCELLED, reason, now)


def cancel_texts(
    tx: Tx, message_ids: Sequence[str], reason: str, actor: str, now: datetime
) -> list[str]:
    """End what has not left of these messages: parts that are owed, texts that are held, and what
    people were asked about them or said yes to. Answers which messages were ended."""
    if not message_ids:
        return []
    parts = tx.outbox.of_messages(message_ids)
    items = [item for each in parts.values() for item in each if item.state in _PENDING]
    cancel_items(tx, items, reason, now)
    messages = tx.messages.many(message_ids)
    held = [key for key, message in messages.items() if message.status is MessageStatus.HELD]
    _settle(tx, held, MessageStatus.CANCELLED, reason, now)
    ended = {item.message_id for item in items} | set(held)
    for key, draft in tx.drafts.many(ended).items():
        if draft.state in (DraftState.WAITING, DraftState.APPROVED):
            tx.drafts.change(key, DraftState.CANCELLED, actor, reason, now, expect=draft.state)
    return [key for key in message_ids if key in ended]


def hold_items(
    kit: Equipment, tx: Tx, items: Sequence[OutboxItem], reason: str, actor: str, now: datetime
) -> int:
    """Hold unsent items: a person may let them go later; they expire at their time."""
    due = [item for item in items if item.state is OutboxState.DUE]
    _end(tx, due, OutboxState.HELD, MessageStatus.HELD, reason, now)
    if due:
        body = {"reason": reason, "items": [item.id for item in due]}
        tx.audit.append([kit.audit("held", reason, actor, now, body)])
    return len(due)


def _end(
    tx: Tx,
    items: Sequence[OutboxItem],
    state: OutboxState,
    status: MessageStatus,
    reason: str,
    now: datetime,
) -> None:
    changed = tx.outbox.change(
        [OutboxChange(item.id, _PENDING, state, reason=reason, status=status) for item in items]
    )
    ended = [item for item in items if item.id in changed]
    single = [item.message_id for item in ended if item.parts == 1]
    _settle(tx, single, status, reason, now)
    settle_parts(tx, {item.message_id for item in ended if item.parts > 1}, reason, now)


def _settle(
    tx: Tx, message_ids: Sequence[str], status: MessageStatus, reason: str, now: datetime
) -> None:
    change_messages(
        tx, [MessageChange(key, now, status=status, reason=reason) for key in message_ids]
    )
