"""Drafts: what people decide about held messages. Approve, edit and approve, reject; a draft nobody
decides on expires (recover.py). Two may race: one wins, the other is told who. None of this is open
to an agent (P2), and a yes is only ever for the text as it stood (P1, P3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ringfence.gateway import disclosing
from ringfence.gateway.cancel import cancel_items
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.finals import change_messages
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.review import act_of, asked_of, let_go, propose, reason_text, status_of
from ringfence.model.draft import Draft, DraftState
from ringfence.model.errors import AlreadyDecided, DraftChanged, EmptyText, NotFound, NotReleasable
from ringfence.model.line import Line
from ringfence.model.message import Message, MessageClass, MessageStatus
from ringfence.model.outbox import OutboxState
from ringfence.ports import MessageChange, Tx
from ringfence.text.plain import is_blank, tidy

NOTE_LENGTH_MAX = 500
_WAITING = frozenset({OutboxState.DUE, OutboxState.HELD})
_WORDS = {
    DraftState.APPROVED: "approved",
    DraftState.REJECTED: "rejected",
    DraftState.EDITED: "edited and replaced",
    DraftState.EXPIRED: "expired",
    DraftState.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True)
class Approved:
    """What a yes led to: the message that goes out (the edited one after an edit); `until` when time
    still holds it."""

    message: Message
    until: datetime | None


def find(tx: Tx, key: str) -> Draft:
    """A draft by its code (any case) or its message's id. Raises NotFound."""
    wanted = key.strip()
    draft = None
    if wanted.isascii() and wanted.isprintable():
        draft = tx.drafts.get(wanted) or tx.drafts.by_code(wanted.upper())
    if draft is None:
        raise NotFound(
            "No draft has this code or message id; `ringfence drafts list` shows those that wait."
        )
    return draft


def approve(kit: Equipment, tx: Tx, draft: Draft, actor: str, now: datetime) -> Approved:
    """Say yes to exactly this text to exactly this person. Raises AlreadyDecided, DraftChanged, and
    NotReleasable where the gate says no whatever a person says; the caller's job is then undone."""
    message, line = _open(kit, tx, draft, now)
    return _approve(kit, tx, draft, message, line, actor, now)


def edit(kit: Equipment, tx: Tx, draft: Draft, body: str, actor: str, now: datetime) -> Approved:
    """Replace the text and say yes to the new one. The new text goes through the gate as any other,
    which puts the disclosure before it where it is owed; both are kept. Raises as `approve`, and
    EmptyText."""
    message, line = _open(kit, tx, draft, now)
    text = disclosing.bare(line, tidy(body))
    if is_blank(text):
        raise EmptyText("Give the new text, or reject the draft.")
    edited = propose(kit, tx, [_edited(message, line, text, actor)], now)[0]
    if edited.status is MessageStatus.REFUSED:
        raise NotReleasable(f"The gate says no to the new text: {reason_text(edited.reasons)}")
    _must_win(tx, draft, DraftState.EDITED, actor, "", now, replaced_by=edited.message_id)
    _end(tx, draft, f"edited by {actor}", now)
    body_of = {"line": draft.line, "replaced_by": edited.message_id}
    tx.audit.append([kit.audit("draft_edited", draft.message_id, actor, now, body_of)])
    fresh, replacement = tx.drafts.get(edited.message_id), tx.messages.get(edited.message_id)
    assert replacement is not None, "a message is readable in the transaction that wrote it"
    if fresh is None:
        # Nothing holds the new text any more: the gate let it go by itself.
        return Approved(replacement, edited.until)
    return _approve(kit, tx, fresh, replacement, line, actor, now)


def reject(kit: Equipment, tx: Tx, draft: Draft, reason: str, actor: str, now: datetime) -> None:
    """Say no; also to what was approved and has not left yet. Raises AlreadyDecided."""
    if draft.state not in (DraftState.WAITING, DraftState.APPROVED):
        raise _decided(draft)
    items = tx.outbox.of_messages([draft.message_id]).get(draft.message_id, [])
    if draft.state is DraftState.APPROVED and not any(item.state in _WAITING for item in items):
        raise _decided(draft)
    _must_win(tx, draft, DraftState.REJECTED, actor, reason[:NOTE_LENGTH_MAX], now)
    _end(tx, draft, f"rejected by {actor}", now)
    body = {"line": draft.line, "was": draft.state}
    tx.audit.append([kit.audit("draft_rejected", draft.message_id, actor, now, body)])


def _approve(
    kit: Equipment,
    tx: Tx,
    draft: Draft,
    message: Message,
    line: Line,
    actor: str,
    now: datetime,
) -> Approved:
    disclosing.must_be_told(tx, message, line)
    approved = replace(draft, state=DraftState.APPROVED, decided_by=actor, decided_at=now)
    decision = let_go(kit, tx, message, line, approved, now)
    if status_of(decision) is not MessageStatus.QUEUED:
        against = [reason for reason in decision.reasons if not reason.met_by]
        raise NotReleasable(f"The gate says no to it now: {reason_text(against)}")
    _must_win(tx, draft, DraftState.APPROVED, actor, "", now)
    body = {"line": draft.line, "text": draft.text_digest, "initiator": message.initiator}
    tx.audit.append([kit.audit("draft_approved", draft.message_id, actor, now, body)])
    reason = f"approved by {actor}"
    change = MessageChange(message.id, now, status=MessageStatus.QUEUED, reason=reason)
    change_messages(tx, [change])
    return Approved(replace(message, status=MessageStatus.QUEUED, reason=reason), decision.until)


def _open(kit: Equipment, tx: Tx, draft: Draft, now: datetime) -> tuple[Message, Line]:
    """The message and line of a draft that can still be decided on."""
    if draft.state is not DraftState.WAITING:
        raise _decided(draft)
    if draft.expires_at <= now:
        raise AlreadyDecided("It expired; whoever proposed it must propose it again.")
    line = kit.lines.get(draft.line)
    if line is None:
        raise NotReleasable(f"Its line {draft.line} is no longer configured.")
    message = tx.messages.get(draft.message_id)
    if message is None or message.status is not MessageStatus.HELD:
        raise DraftChanged("Its message is no longer held.")
    if asked_of(message) != draft.text_digest:
        raise DraftChanged("Its text or recipient is not what it was when it was held.")
    return message, line


def _must_win(
    tx: Tx,
    draft: Draft,
    state: DraftState,
    actor: str,
    note: str,
    now: datetime,
    *,
    replaced_by: str = "",
) -> None:
    won = tx.drafts.change(
        draft.message_id, state, actor, note, now, expect=draft.state, replaced_by=replaced_by
    )
    if not won:
        current = tx.drafts.get(draft.message_id)
        raise _decided(current or draft)


def _decided(draft: Draft) -> AlreadyDecided:
    when = "" if draft.decided_at is None else f" at {draft.decided_at:%H:%M} UTC"
    by = f" by {draft.decided_by}" if draft.decided_by else ""
    return AlreadyDecided(f"It was {_WORDS.get(draft.state, draft.state.value)}{by}{when}.")


def _end(tx: Tx, draft: Draft, reason: str, now: datetime) -> None:
    items = tx.outbox.of_messages([draft.message_id]).get(draft.message_id, [])
    cancel_items(tx, [item for item in items if item.state in _WAITING], reason, now)
    if not items:
        ended = MessageChange(draft.message_id, now, status=MessageStatus.CANCELLED, reason=reason)
        change_messages(tx, [ended])


def _edited(message: Message, line: Line, text: str, actor: str) -> Proposal:
    """The same act with other words. Words of a person are no template any more."""
    was_template = message.message_class is MessageClass.TEMPLATE
    return Proposal(
        line=line,
        number=message.number,
        body=text,
        act=act_of(message),
        initiator=message.initiator,
        message_class=MessageClass.FREE_TEXT if was_template else message.message_class,
        media=message.media,
        in_reply_to=message.in_reply_to,
        provenance={**message.provenance, "edited_from": message.id, "edited_by": actor},
        category=message.traits.category,
        programme=message.traits.programme,
        flow=message.traits.flow,
        replaces=message.id,
        use_until=message.traits.use_until,
    )
