"""The way in for everything outbound (architecture, step 7): whatever starts a message proposes it
here, the gate decides, and only ALLOW writes outbox items. Nothing else writes to the outbox."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ringfence.gateway import disclosing
from ringfence.gateway.call_words import is_call
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.facts import PASSIVE, FactsDesk, Question
from ringfence.gateway.finals import EVENT, tell_refused
from ringfence.gateway.lifetimes import asked_until, ends_at, use_until
from ringfence.gateway.notices import draft_waits
from ringfence.gateway.proposal import Proposal, Proposed
from ringfence.gateway.traits import traits_of
from ringfence.model.audit import AuditEntry, digest
from ringfence.model.draft import APPROVAL, Draft, DraftState, Traits, approval_digest
from ringfence.model.grant import basis_on
from ringfence.model.line import Line
from ringfence.model.message import (
    Direction,
    Message,
    MessageStatus,
)
from ringfence.model.outbox import OutboxItem, OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act, Decision, Reason, Verdict
from ringfence.policy.facts import Facts
from ringfence.ports import OutboxChange, Tx
from ringfence.text.chunks import split
from ringfence.text.segments import Encoding, Segments, count


@dataclass(frozen=True, slots=True)
class Weighed:
    """A proposal as the gate sees it: its parts are counted, its traits known."""

    proposal: Proposal
    texts: tuple[str, ...]
    parts: tuple[Segments, ...]
    traits: Traits


# No 0/O, 1/I/L: read aloud and typed on a phone without doubt.
CODE_ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 4
SPOKEN = Segments(Encoding.GSM_7, 0, 0, 0, ())

# `too_long`, `classifier: health`.
_CAUTION = re.compile(r"(?:classifier: )?[a-z_]{1,40}")

_STATUS = {
    Verdict.ALLOW: MessageStatus.QUEUED,
    Verdict.HOLD: MessageStatus.HELD,
    Verdict.DENY: MessageStatus.REFUSED,
}


def propose(kit: Equipment, tx: Tx, proposals: Sequence[Proposal], now: datetime) -> list[Proposed]:
    """Decide each proposal and store it with its decision, in the caller's transaction. One that a
    person must say yes to becomes a draft."""
    if not proposals:
        return []
    weighed = _weigh(kit, tx, proposals, now)
    questions = [_question(one) for one in weighed]
    desk = FactsDesk(kit, tx, questions, now)
    messages: list[Message] = []
    items: list[OutboxItem] = []
    drafts: list[tuple[Message, Draft]] = []
    entries: list[AuditEntry] = []
    results: list[Proposed] = []
    for one, question in zip(weighed, questions, strict=True):
        message_id = kit.ids.new("message", now)
        with kit.trace.span("propose", message_id, line=one.proposal.line.id) as span:
            decision, entry = desk.decide(question, message_id)
            status = status_of(decision)
            span.set(**_traced(one, status))
        desk.counts.raise_asked(question)
        contact_id = desk.people[question.number].contact_id
        if grant := entry.body.get("grant"):
            desk.grants.use(grant, message_id, contact_id, one.proposal.initiator)
            one = replace(one, traits=replace(one.traits, basis=basis_on(grant)))
        message = _message(one, message_id, contact_id, status, decision, now)
        messages.append(message)
        if status is MessageStatus.QUEUED:
            items += _items(kit, one, message, question.text_digest, decision, now)
        code = ""
        if status is MessageStatus.HELD:
            draft = draft_of(kit, tx, message, now, replaces=one.proposal.replaces)
            drafts.append((message, draft))
            code = draft.code
        entries.append(entry)
        results.append(
            Proposed(message_id, status, decision.reasons, one.parts, code, decision.until)
        )
    tx.messages.add_outbound(messages)
    tell_refused(messages, tx)
    disclosing.carry(tx, [one for one in messages if one.status is MessageStatus.QUEUED], now)
    tx.outbox.add(items)
    tx.drafts.add([draft for _, draft in drafts])
    tx.audit.append(entries)
    desk.grants.write(kit)
    desk.counts.write()
    _count_passive(tx, desk, messages)
    tell_owners(kit, tx, [pair for pair in drafts if not pair[1].replaces], now)
    return results


def _traced(one: Weighed, status: MessageStatus) -> dict[str, str]:
    return {
        "class": one.proposal.message_class.value,
        "category": one.traits.category.value,
        "event": str(one.proposal.provenance.get(EVENT, "")),
        "status": status.value,
    }


def tell_owners(
    kit: Equipment, tx: Tx, drafts: Sequence[tuple[Message, Draft]], now: datetime
) -> None:
    """Those who can say yes are told, each draft by itself; what they are told never becomes a draft.
    An edited text needs no telling: whoever edits it says yes to it in the same breath."""
    for message, draft in drafts:
        line = kit.lines[message.line]
        propose(kit, tx, draft_waits(tx, line, message, draft.code, now), now)


def preview(kit: Equipment, tx: Tx, proposal: Proposal, now: datetime) -> Proposed:
    """What `propose` would answer, in a transaction that is then undone (a dry run)."""
    (one,) = _weigh(kit, tx, [proposal], now)
    question = _question(one)
    decision, _ = FactsDesk(kit, tx, [question], now).decide(question, "preview")
    return Proposed("", status_of(decision), decision.reasons, one.parts, "", decision.until)


def facts_of(kit: Equipment, tx: Tx, proposal: Proposal, now: datetime) -> Facts:
    """What the gate would see of a proposal, in a transaction that is then undone."""
    (one,) = _weigh(kit, tx, [proposal], now)
    question = _question(one)
    return FactsDesk(kit, tx, [question], now).facts(question)


def let_go(
    kit: Equipment, tx: Tx, message: Message, line: Line, approved: Draft, now: datetime
) -> Decision:
    """A held message that a person approves (`approved` is its draft as it will be): the gate decides
    again, and only ALLOW, or a HOLD that time lifts, writes anything."""
    texts, parts = _parts(message.body, line, act_of(message))
    message = replace(message, traits=replace(message.traits, basis=APPROVAL))
    question = Question(
        act=act_of(message),
        line=line,
        number=message.number,
        initiator=message.initiator,
        message_class=message.message_class,
        text_digest=digest(message.body),
        message_id=message.id,
        text=message.body,
        provenance=message.provenance,
        traits=message.traits,
        approval_digest=asked_of(message),
    )
    desk = FactsDesk(kit, tx, [question], now, approving=approved)
    decision, entry = desk.decide(question, message.id)
    if status_of(decision) is not MessageStatus.QUEUED:
        return decision
    tx.audit.append([entry])
    disclosing.carry(tx, [message], now)
    if not _held_parts_due(tx, message, line, now):
        proposal = Proposal(line, message.number, message.body, question.act, message.initiator)
        one = Weighed(proposal, texts, parts, message.traits)
        tx.outbox.add(_items(kit, one, message, question.text_digest, decision, now))
    return decision


def _held_parts_due(tx: Tx, message: Message, line: Line, now: datetime) -> bool:
    """A message held at its claim has its items already: they go on from where they are."""
    items = tx.outbox.of_messages([message.id]).get(message.id, [])
    tx.outbox.change(
        [
            OutboxChange(
                item.id,
                frozenset({OutboxState.HELD}),
                OutboxState.DUE,
                due_at=now,
                expires_at=ends_at(line, item.traits, now),
                status=MessageStatus.QUEUED,
                reason="approved",
                traits=replace(item.traits, basis=APPROVAL),
            )
            for item in items
        ]
    )
    return bool(items)


def asked_of(message: Message) -> str:
    """What an approval of this message is for."""
    keys = [ref.media_id or ref.url for ref in message.media]
    return approval_digest(message.line, message.number, message.body, keys)


def approvals_of(tx: Tx, items: Sequence[OutboxItem]) -> dict[str, str]:
    """What the approvals of these items would have to be for, by item: the message as it is now,
    and this part of it word for word. Items nobody was asked about are left out."""
    asked = [item for item in items if item.traits.basis == APPROVAL]
    messages = tx.messages.many(item.message_id for item in asked) if asked else {}
    return {
        item.id: asked_of(messages[item.message_id])
        if item.body in messages[item.message_id].body
        else "changed"
        for item in asked
    }


def draft_of(
    kit: Equipment, tx: Tx, message: Message, now: datetime, *, replaces: str = ""
) -> Draft:
    """What a person is asked about a held message."""
    line = kit.lines[message.line]
    return Draft(
        message_id=message.id,
        code=new_code(kit, tx),
        state=DraftState.WAITING,
        line=message.line,
        number=message.number,
        text_digest=asked_of(message),
        created_at=now,
        expires_at=asked_until(line, message.traits, now),
        replaces=replaces,
    )


def new_code(kit: Equipment, tx: Tx) -> str:
    """A code no waiting draft has: four signs, a digit among them, so that it is no word."""
    while True:
        code = "".join(kit.chance.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
        if any(sign.isdigit() for sign in code) and not tx.drafts.is_taken(code):
            return code


def status_of(decision: Decision) -> MessageStatus:
    """A HOLD that time alone lifts is queued for that time; any other waits for a person."""
    if decision.verdict is Verdict.HOLD and decision.until is not None:
        return MessageStatus.QUEUED
    return _STATUS[decision.verdict]


def reason_text(reasons: Sequence[Reason]) -> str:
    """All reasons in one line: `rule: text; rule: text`."""
    return "; ".join(f"{reason.code}: {reason.text}" for reason in reasons)


def coded(caution: str) -> str:
    """A caution as facts may hold it: names of ours. An agent's own words may be anybody's, and the
    audit log keeps what it has for good (P9)."""
    names = [one if _CAUTION.fullmatch(one) else "noted" for one in caution.split(", ") if one]
    return ", ".join(dict.fromkeys(names))


def _reason(proposal: Proposal, decision: Decision) -> str:
    """Why it is as it is, for whoever decides; an agent's own words stand in the row alone."""
    text = reason_text(decision.reasons)
    if coded(proposal.caution) == proposal.caution:
        return text
    return f"{text} (the agent noted: {proposal.caution})"


def _weigh(kit: Equipment, tx: Tx, proposals: Sequence[Proposal], now: datetime) -> list[Weighed]:
    pairs = {(proposal.line.id, proposal.number) for proposal in proposals}
    heard = tx.messages.heard(pairs)
    weighed = []
    for bare, (proposal, told) in zip(proposals, disclosing.dress(tx, proposals), strict=True):
        texts, parts = _parts(proposal.body, proposal.line, proposal.act)
        traits = replace(
            # What the words touch goes by the sender's own: the disclosure is the operator's.
            traits_of(kit.policies[proposal.line.id], bare.body, parts),
            category=proposal.category,
            programme=proposal.programme or proposal.line.programme or proposal.line.id,
            template=proposal.template,
            flow=proposal.flow,
            media=len(proposal.media),
            heard_at=heard.get((proposal.line.id, proposal.number)),
            disclosure=told,
            use_until=use_until(proposal, now),
            life_s=int(proposal.lifetime.total_seconds()) if proposal.lifetime else 0,
            fallback=proposal.fallback,
        )
        weighed.append(Weighed(proposal, texts, parts, traits))
    return weighed


def _question(one: Weighed) -> Question:
    proposal = one.proposal
    return Question(
        act=proposal.act,
        line=proposal.line,
        number=proposal.number,
        initiator=proposal.initiator,
        message_class=proposal.message_class,
        caution=coded(proposal.caution),
        text_digest=digest(proposal.body),
        text=proposal.body,
        provenance=proposal.provenance,
        traits=one.traits,
        # What a person rewrites they say yes to themselves.
        granting=not proposal.replaces,
    )


def _parts(body: str, line: Line, act: Act) -> tuple[tuple[str, ...], tuple[Segments, ...]]:
    """What goes out by itself: of a text its parts, of a call its opening words, which cost none."""
    if act is Act.CALL:
        return (body,), (SPOKEN,)
    texts = split(body, line.text_chunk_limit) or ("",)
    return tuple(texts), tuple(count(text) for text in texts)


def act_of(message: Message) -> Act:
    """What the message was proposed as: a call stays one, whatever becomes of its words."""
    if is_call(message):
        return Act.CALL
    return Act.REPLY if message.in_reply_to else Act.INITIATE


def _message(
    one: Weighed,
    message_id: str,
    contact_id: str,
    status: MessageStatus,
    decision: Decision,
    now: datetime,
) -> Message:
    proposal = one.proposal
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
        segments=sum(part.segments for part in one.parts),
        encoding=_encoding(one.parts),
        reason=_reason(proposal, decision),
        in_reply_to=proposal.in_reply_to,
        provenance=proposal.provenance,
        traits=one.traits,
    )


def _encoding(parts: Sequence[Segments]) -> str:
    names = {part.encoding.value for part in parts}
    return names.pop() if len(names) == 1 else "UCS-2"


def _items(
    kit: Equipment,
    one: Weighed,
    message: Message,
    text_digest: str,
    decision: Decision,
    now: datetime,
) -> list[OutboxItem]:
    line = one.proposal.line
    return [
        OutboxItem(
            id=kit.ids.new("outbox", now),
            message_id=message.id,
            line=line.id,
            number=message.number,
            part=index,
            parts=len(one.texts),
            body=text,
            media=message.media if index == 1 else (),
            act=one.proposal.act,
            message_class=message.message_class,
            initiator=message.initiator,
            state=OutboxState.DUE,
            due_at=decision.until or now,
            expires_at=ends_at(line, message.traits, decision.until or now),
            created_at=now,
            text_digest=text_digest,
            segments=part.segments,
            # What is counted and watched is each part's own.
            traits=replace(message.traits, segments=part.segments),
        )
        for index, (text, part) in enumerate(zip(one.texts, one.parts, strict=True), start=1)
    ]


def _count_passive(tx: Tx, desk: FactsDesk, messages: Sequence[Message]) -> None:
    counts: dict[PhoneNumber, int] = {}
    for message in messages:
        if message.message_class in PASSIVE and message.status is MessageStatus.QUEUED:
            known = counts.get(message.number, desk.people[message.number].passive_replies)
            counts[message.number] = known + 1
    if counts:
        tx.people.set_passive_replies(list(counts.items()))
