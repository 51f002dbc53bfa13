"""The claiming transaction (architecture, step 8): what is due is decided again, taken under a lease,
and counted. Every call to a provider follows from a claim; none is made in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from ringfence.gateway import call_placing, disclosing
from ringfence.gateway.claiming import CLAIM_FAILED
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.facts import FactsDesk, Question
from ringfence.gateway.finals import change_messages
from ringfence.gateway.lifetimes import asked_until, ends_at
from ringfence.gateway.parts import cancel_later_parts, hold_later_parts, settle_parts
from ringfence.gateway.recover import expire
from ringfence.gateway.review import approvals_of, draft_of, reason_text, tell_owners
from ringfence.gateway.settling import settle
from ringfence.gateway.traits import at_claim
from ringfence.model.audit import AuditEntry, digest
from ringfence.model.message import MessageStatus
from ringfence.model.outbox import OutboxItem, OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Decision, Verdict
from ringfence.ports import MessageChange, OutboxChange, Tx

HELD_BY_TIME_MAX = timedelta(days=7)
"""Quiet hours and day limits together hold a message no longer than this after it was proposed."""

_CLAIMABLE = frozenset({OutboxState.DUE})


class Claims:
    """One process's claims of its outbox."""

    def __init__(self, kit: Equipment) -> None:
        self._kit = kit

    def put_aside(self, tx: Tx, item: OutboxItem, now: datetime) -> None:
        """A dead letter of an item that breaks its claim."""
        change = OutboxChange(
            item.id,
            _CLAIMABLE,
            OutboxState.DEAD,
            expect_attempt=item.attempt,
            status=MessageStatus.FAILED,
            reason=CLAIM_FAILED,
        )
        if not tx.outbox.change([change]):
            return
        hold_later_parts(tx, item)
        settle(tx, [(item, change)], now)
        body = {"reason": CLAIM_FAILED}
        tx.audit.append([self._kit.audit("dead_letter", item.id, "system", now, body)])

    def take(self, tx: Tx, due: Sequence[OutboxItem], now: datetime) -> list[OutboxItem]:
        """Decide about each; those that the gate allows, under their lease."""
        kit = self._kit
        if not due:
            return []
        approvals = approvals_of(tx, due)
        questions = [question_of(kit, item, approvals.get(item.id, "")) for item in due]
        desk = FactsDesk(kit, tx, questions, now)
        claimed: list[OutboxItem] = []
        changes: list[OutboxChange] = []
        entries: list[AuditEntry] = []
        ended: list[tuple[OutboxItem, MessageStatus, str]] = []
        asked: set[str] = set()
        met: set[tuple[str, PhoneNumber]] = set()
        for item, question in zip(due, questions, strict=True):
            decision, entry = desk.decide(question, item.id)
            entries.append(entry)
            change, status = self._verdict(item, decision, now)
            changes.append(change)
            if change.state is OutboxState.SENDING:
                claimed.append(item)
                # Counted before the call, so that no ceiling is passed; given back when the
                # provider provably did not take it.
                pair = (item.line, item.number)
                new = pair not in met and desk.is_new(*pair)
                met |= {pair} if new else set()
                desk.counts.raise_for(question, new_recipient=new)
            elif status is not None:
                ended.append((item, status, reason_text(decision.reasons)))
                asked |= {item.message_id} if decision.verdict is Verdict.HOLD else set()
        matched = tx.outbox.change(changes)
        tx.outbox.change(_behind(tx, due, changes))
        desk.counts.write()
        tx.acquaintances.meet(met, now)
        tx.audit.append(entries)
        taken = [item for item in claimed if item.id in matched]
        call_placing.begin(self._kit, tx, taken, now)
        _mark_sending(tx, taken, now)
        _mark_ended(tx, ended, {change.id: change.expires_at for change in changes}, now)
        self._ask_people(tx, asked, now)
        self._host_again(tx, taken, now)
        until = now + self._kit.pace.dispatch_lease
        return [_leased(item, self._kit.owner, until) for item in taken]

    def _ask_people(self, tx: Tx, asked: set[str], now: datetime) -> None:
        """What a person must say yes to before it leaves becomes a draft, late as it is."""
        messages = tx.messages.many(asked) if asked else {}
        drafts = [
            (messages[key], draft_of(self._kit, tx, messages[key], now)) for key in sorted(messages)
        ]
        tx.drafts.add([draft for _, draft in drafts])
        tell_owners(self._kit, tx, drafts, now)

    def due(self, tx: Tx, limit: int, now: datetime) -> list[OutboxItem]:
        """Due items of usable lines; of a line whose breaker is half-open, one. What outlived its use
        while nobody looked (a gateway that was down) expires here, before it could be claimed."""
        rooms = self._kit.breakers.rooms(now)
        skipped = set(tx.lines.stopped()) | {line for line, room in rooms.items() if room == 0}
        skipped |= {
            line.id for line in self._kit.lines.values() if line.blocked_reason or not line.enabled
        }
        due = tx.outbox.due(now, limit, skipped)
        # Lines that left the configuration must not crowd out the others.
        while gone := {item.line for item in due} - self._kit.lines.keys():
            skipped |= gone
            due = tx.outbox.due(now, limit, skipped)
        if any(item.expires_at <= now for item in due):
            expire(self._kit, tx, now)
        return _fitting([item for item in due if item.expires_at > now], rooms)

    def _host_again(self, tx: Tx, taken: Sequence[OutboxItem], now: datetime) -> None:
        """A hosted attachment's minutes begin when the provider learns its address."""
        for item in taken:
            tokens = [ref.media_id for ref in item.media if ref.media_id]
            if tokens:
                tx.media.keep(tokens, now + self._kit.lines[item.line].media.hosted_ttl)

    def _verdict(
        self, item: OutboxItem, decision: Decision, now: datetime
    ) -> tuple[OutboxChange, MessageStatus | None]:
        match decision.verdict:
            case Verdict.ALLOW:
                lease = now + self._kit.pace.dispatch_lease
                return OutboxChange(
                    item.id,
                    _CLAIMABLE,
                    OutboxState.SENDING,
                    attempt=item.attempt + 1,
                    lease_owner=self._kit.owner,
                    lease_until=lease,
                    status=MessageStatus.SENDING,
                ), None
            case Verdict.HOLD if decision.until is not None:
                return self._later(item, decision, decision.until), None
            case Verdict.HOLD:
                change, status = _ended(item, OutboxState.HELD, MessageStatus.HELD, decision)
                # As long as the draft it becomes: a yes must find something to let go.
                asked = asked_until(self._kit.lines[item.line], item.traits, now)
                return replace(change, expires_at=max(item.expires_at, asked)), status
            case Verdict.DENY if _only_stopped(decision):
                # As what waited when the switch was engaged: a person lets it go (ADR 0007).
                return _ended(item, OutboxState.HELD, MessageStatus.HELD, decision)
            case Verdict.DENY:
                return _ended(item, OutboxState.CANCELLED, MessageStatus.REFUSED, decision)
            case _:
                assert_never(decision.verdict)

    def _later(self, item: OutboxItem, decision: Decision, until: datetime) -> OutboxChange:
        """Time lifts the hold. Waiting for it must not use up the life of the message, which is for
        what comes after; but nothing waits for ever (P6), nor past its use."""
        expires_at = item.expires_at
        if until >= expires_at:
            end = ends_at(self._kit.lines[item.line], item.traits, until)
            expires_at = max(expires_at, min(end, item.created_at + HELD_BY_TIME_MAX))
        return OutboxChange(
            item.id,
            _CLAIMABLE,
            OutboxState.DUE,
            due_at=min(until, expires_at),
            expires_at=expires_at,
            reason=reason_text(decision.reasons),
        )


def question_of(kit: Equipment, item: OutboxItem, approval_digest: str = "") -> Question:
    """What the gate is asked of an item when it is claimed."""
    line = kit.lines[item.line]
    return Question(
        act=item.act,
        line=line,
        number=item.number,
        initiator=item.initiator,
        message_class=item.message_class,
        # The loop guard counts whole texts: neither a long text's parts nor another try of the
        # same item are a repetition.
        text_digest=item.text_digest
        if item.part == 1 and item.attempt == 0
        else digest(f"{item.id}/{item.attempt}"),
        claiming=True,
        message_id=item.message_id,
        text=item.body,
        traits=at_claim(kit.policies[line.id], item.traits, disclosing.bare(line, item.body)),
        approval_digest=approval_digest,
    )


def _fitting(due: Sequence[OutboxItem], rooms: Mapping[str, int]) -> list[OutboxItem]:
    """No more of each line than there is room for; lines that are not named have room for all."""
    if not rooms:
        return list(due)
    left = dict(rooms)
    fitting: list[OutboxItem] = []
    for item in due:
        room = left.get(item.line)
        if room is not None:
            if room <= 0:
                continue
            left[item.line] = room - 1
        fitting.append(item)
    return fitting


def _behind(
    tx: Tx, due: Sequence[OutboxItem], changes: Sequence[OutboxChange]
) -> list[OutboxChange]:
    """What stands behind an item of its conversation that time holds back waits as long, without being
    asked about: the wait must not use up its life either."""
    longer: list[OutboxChange] = []
    for item, change in zip(due, changes, strict=True):
        until = change.expires_at
        if change.state is not OutboxState.DUE or until is None or until <= item.expires_at:
            continue
        for one in tx.outbox.pending_for(item.number):
            end = min(until, one.created_at + HELD_BY_TIME_MAX, one.traits.use_until or until)
            follows = one.line == item.line and one.seq > item.seq
            if follows and one.state is OutboxState.DUE and one.expires_at < end:
                longer.append(OutboxChange(one.id, _CLAIMABLE, OutboxState.DUE, expires_at=end))
    return longer


def _leased(item: OutboxItem, owner: str, until: datetime) -> OutboxItem:
    return replace(
        item,
        state=OutboxState.SENDING,
        attempt=item.attempt + 1,
        lease_owner=owner,
        lease_until=until,
    )


def _only_stopped(decision: Decision) -> bool:
    """The kill switch alone is against it; whatever else denies it denies it for good."""
    denying = [one.code for one in decision.reasons if one.verdict is Verdict.DENY]
    return denying == ["stopped"]


def _ended(
    item: OutboxItem, state: OutboxState, status: MessageStatus, decision: Decision
) -> tuple[OutboxChange, MessageStatus]:
    reason = reason_text(decision.reasons)
    return OutboxChange(item.id, _CLAIMABLE, state, reason=reason, status=status), status


def _mark_sending(tx: Tx, taken: Sequence[OutboxItem], now: datetime) -> None:
    change_messages(
        tx,
        [
            MessageChange(item.message_id, now, status=MessageStatus.SENDING)
            for item in taken
            if item.part == 1
        ],
    )


def _mark_ended(
    tx: Tx,
    ended: Sequence[tuple[OutboxItem, MessageStatus, str]],
    lives: Mapping[str, datetime | None],
    now: datetime,
) -> None:
    for item, status, reason in ended:
        if item.parts == 1:
            change = MessageChange(item.message_id, now, status=status, reason=reason)
            change_messages(tx, [change])
            continue
        if status is MessageStatus.REFUSED:
            cancel_later_parts(tx, item)
        else:
            # A draft is of all its parts: none may be gone before somebody decides.
            hold_later_parts(tx, item, reason, lives[item.id])
        settle_parts(tx, [item.message_id], reason, now)
