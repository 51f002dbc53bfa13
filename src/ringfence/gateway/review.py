"""The way in for everything outbound (architecture, step 7): whatever starts a message proposes it
here, the gate decides, and only ALLOW writes outbox items. Nothing else writes to the outbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringfence.gateway.equipment import Equipment
from ringfence.gateway.facts import PASSIVE, FactsDesk, Question
from ringfence.model.audit import AuditEntry, digest
from ringfence.model.line import Line
from ringfence.model.message import (
    Direction,
    MediaRef,
    Message,
    MessageClass,
    MessageStatus,
)
from ringfence.model.outbox import OutboxItem, OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act, Decision, Reason, Verdict
from ringfence.ports import Tx
from ringfence.text.chunks import split
from ringfence.text.segments import Segments, count


@dataclass(frozen=True, slots=True)
class Proposal:
    """A message somebody or something wants sent. `body` is plain text, not empty unless there is
    media; `caution` says why a person must look first; `decide_only` proposes without storing."""

    line: Line
    number: PhoneNumber
    body: str
    act: Act
    initiator: str
    message_class: MessageClass = MessageClass.FREE_TEXT
    media: tuple[MediaRef, ...] = ()
    in_reply_to: str = ""
    caution: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proposed:
    """What became of a proposal: the message's id, its status, and why."""

    message_id: str
    status: MessageStatus
    reasons: tuple[Reason, ...]
    parts: tuple[Segments, ...]


_STATUS = {
    Verdict.ALLOW: MessageStatus.QUEUED,
    Verdict.HOLD: MessageStatus.HELD,
    Verdict.DENY: MessageStatus.REFUSED,
}


def propose(kit: Equipment, tx: Tx, proposals: Sequence[Proposal], now: datetime) -> list[Proposed]:
    """Decide each proposal and store it with its decision, in the caller's transaction."""
    if not proposals:
        return []
    questions = [_question(proposal) for proposal in proposals]
    desk = FactsDesk(kit, tx, questions, now)
    messages: list[Message] = []
    items: list[OutboxItem] = []
    entries: list[AuditEntry] = []
    results: list[Proposed] = []
    for proposal, question in zip(proposals, questions, strict=True):
        message_id = kit.ids.new("message", now)
        decision, entry = desk.decide(question, message_id)
        status = status_of(decision)
        texts = split(proposal.body, proposal.line.text_chunk_limit) or ("",)
        parts = tuple(count(text) for text in texts)
        contact_id = desk.people[proposal.number].contact_id
        messages.append(_message(proposal, message_id, contact_id, status, decision, parts, now))
        if status is MessageStatus.QUEUED:
            items += _items(kit, proposal, question, message_id, decision, texts, parts, now)
        entries.append(entry)
        results.append(Proposed(message_id, status, decision.reasons, parts))
    tx.messages.add_outbound(messages)
    tx.outbox.add(items)
    tx.audit.append(entries)
    _count_passive(tx, desk, messages)
    return results


def preview(kit: Equipment, tx: Tx, proposal: Proposal, now: datetime) -> Proposed:
    """What `propose` would answer, in a transaction that is then undone (a dry run)."""
    question = _question(proposal)
    decision, _ = FactsDesk(kit, tx, [question], now).decide(question, "preview")
    parts = tuple(count(text) for text in split(proposal.body, proposal.line.text_chunk_limit))
    return Proposed("", status_of(decision), decision.reasons, parts)


def status_of(decision: Decision) -> MessageStatus:
    """A HOLD that time alone lifts is queued for that time; any other waits for a person."""
    if decision.verdict is Verdict.HOLD and decision.until is not None:
        return MessageStatus.QUEUED
    return _STATUS[decision.verdict]


def reason_text(reasons: Sequence[Reason]) -> str:
    """All reasons in one line: `rule: text; rule: text`."""
    return "; ".join(f"{reason.code}: {reason.text}" for reason in reasons)


def _question(proposal: Proposal) -> Question:
    return Question(
        act=proposal.act,
        line=proposal.line,
        number=proposal.number,
        initiator=proposal.initiator,
        message_class=proposal.message_class,
        caution=proposal.caution,
        text_digest=digest(proposal.body),
        text=proposal.body,
        provenance=proposal.provenance,
    )


def _message(
    proposal: Proposal,
    message_id: str,
    contact_id: str,
    status: MessageStatus,
    decision: Decision,
    parts: tuple[Segments, ...],
    now: datetime,
) -> Message:
    return Message(
        id=message_id,
        line=proposal.line.id,
        direction=Direction.OUT,
        number=proposal.number,
        contact_id=contact_id,
        body=proposal.body,
        status=status,
        created_at=now,
        updated_at=now,
        media=proposal.media,
        message_class=proposal.message_class,
        initiator=proposal.initiator,
        segments=sum(part.segments for part in parts),
        encoding=_encoding(parts),
        reason=reason_text(decision.reasons),
        in_reply_to=proposal.in_reply_to,
        provenance=proposal.provenance,
    )


def _encoding(parts: Sequence[Segments]) -> str:
    names = {part.encoding.value for part in parts}
    return names.pop() if len(names) == 1 else "UCS-2"


def _items(
    kit: Equipment,
    proposal: Proposal,
    question: Question,
    message_id: str,
    decision: Decision,
    texts: tuple[str, ...],
    parts: tuple[Segments, ...],
    now: datetime,
) -> list[OutboxItem]:
    return [
        OutboxItem(
            id=kit.ids.new("outbox", now),
            message_id=message_id,
            line=proposal.line.id,
            number=proposal.number,
            part=index,
            parts=len(texts),
            body=text,
            # The attachments travel with the first part only.
            media=proposal.media if index == 1 else (),
            act=proposal.act,
            message_class=proposal.message_class,
            initiator=proposal.initiator,
            state=OutboxState.DUE,
            due_at=decision.until or now,
            expires_at=now + proposal.line.message_ttl,
            created_at=now,
            text_digest=question.text_digest,
            segments=part.segments,
        )
        for index, (text, part) in enumerate(zip(texts, parts, strict=True), start=1)
    ]


def _count_passive(tx: Tx, desk: FactsDesk, messages: Sequence[Message]) -> None:
    counts: dict[PhoneNumber, int] = {}
    for message in messages:
        if message.message_class in PASSIVE and message.status is MessageStatus.QUEUED:
            known = counts.get(message.number, desk.people[message.number].passive_replies)
            counts[message.number] = known + 1
    if counts:
        tx.people.set_passive_replies(list(counts.items()))
