"""Dispatch (architecture, step 8): claim what is due, decide again in the claiming transaction,
commit, call the provider, record what came of it. The only stage that calls a provider to send;
no network call inside a transaction."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from ringfence.delivery.retry import Again, DeadLetter, Failed, Resolve, Track, next_attempt
from ringfence.gateway import disclosing
from ringfence.gateway.attach import hosted_urls
from ringfence.gateway.batch import Batcher, until_stored
from ringfence.gateway.cancel import provider_opted_out
from ringfence.gateway.claiming import CLAIM_FAILED, Claim
from ringfence.gateway.counting import give_back
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.facts import FactsDesk, Question
from ringfence.gateway.parts import cancel_later_parts, hold_later_parts, settle_parts
from ringfence.gateway.recover import expire
from ringfence.gateway.reports import adopt
from ringfence.gateway.review import approvals_of, draft_of, reason_text, tell_owners
from ringfence.gateway.traits import at_claim
from ringfence.gateway.tries import refusals
from ringfence.gateway.watching import watch_outcome, watch_status
from ringfence.model.audit import AuditEntry, digest
from ringfence.model.errors import (
    NotDispatched,
    PossiblyDispatched,
    ProviderMisconfigured,
    RingfenceError,
)
from ringfence.model.message import MessageStatus
from ringfence.model.outbox import (
    ErrorClass,
    OutboxItem,
    OutboxState,
    Outcome,
    OutcomeKind,
    Watch,
)
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Decision, Verdict
from ringfence.ports import MessageChange, OutboxChange, Tx
from ringfence.providers.base import OutboundText

log = logging.getLogger("ringfence.dispatch")

HELD_BY_TIME_MAX = timedelta(days=7)
"""Quiet hours and day limits together hold a message no longer than this after it was proposed."""

_CLAIMABLE = frozenset({OutboxState.DUE})
_IN_FLIGHT = frozenset({OutboxState.SENDING, OutboxState.UNKNOWN})
# Once its outcome is unknown an item is only ever resolved, never due again by itself (P5).
_OURS = frozenset({OutboxState.SENDING})


@dataclass(frozen=True, slots=True)
class Sent:
    """One finished call to the provider, as `record` takes it."""

    item: OutboxItem
    outcome: Outcome
    jitter: float


class Dispatcher:
    """Claims and sends. `claim` and `send` are separate so that the worker bounds what is in
    flight and a test can stand between them."""

    def __init__(self, kit: Equipment) -> None:
        self._kit = kit
        self._record: Batcher[Sent, None] = Batcher(kit.store, self._record_many)

    async def claim(self, limit: int) -> list[OutboxItem]:
        """Take up to `limit` due items that the gate allows now; each must then be sent. An item
        that breaks its claim goes to the dead letters, so that it holds up nobody else's."""
        now = self._kit.clock.now()
        claim: Claim[OutboxItem, OutboxItem] = Claim(
            due=lambda tx, most: self._due(tx, most, now),
            take=lambda tx, due: self._claim(tx, due, now),
            put_aside=lambda tx, item: self._put_aside(tx, item, now),
            about=_about,
        )
        return await claim.run(self._kit.store, limit, log)

    async def send(self, item: OutboxItem) -> None:
        """Call the provider once and record the outcome. Never raises for what a provider does."""
        outcome = await self._call(item)
        sent = Sent(item, outcome, self._kit.chance.random())
        await until_stored(self._kit.clock, lambda: self._record(sent))
        if outcome.kind is not OutcomeKind.ACCEPTED or item.part < item.parts:
            self._kit.outbox_bell.ring()

    # -- the claiming transaction ----------------------------------------------------------

    def _put_aside(self, tx: Tx, item: OutboxItem, now: datetime) -> None:
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
        _settle(tx, [(item, change)], now)
        body = {"reason": CLAIM_FAILED}
        tx.audit.append([self._kit.audit("dead_letter", item.id, "system", now, body)])

    def _claim(self, tx: Tx, due: Sequence[OutboxItem], now: datetime) -> list[OutboxItem]:
        kit = self._kit
        if not due:
            return []
        approvals = approvals_of(tx, due)
        questions = [self._question(item, approvals.get(item.id, "")) for item in due]
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

    def _due(self, tx: Tx, limit: int, now: datetime) -> list[OutboxItem]:
        """Due items of usable lines. What outlived its use while nobody looked (a gateway that was
        down) expires here, before it could be claimed."""
        skipped = set(tx.lines.stopped()) | {
            line.id for line in self._kit.lines.values() if line.blocked_reason or not line.enabled
        }
        due = tx.outbox.due(now, limit, skipped)
        # Lines that left the configuration must not crowd out the others.
        while gone := {item.line for item in due} - self._kit.lines.keys():
            skipped |= gone
            due = tx.outbox.due(now, limit, skipped)
        if any(item.expires_at <= now for item in due):
            expire(self._kit, tx, now)
        return [item for item in due if item.expires_at > now]

    def _host_again(self, tx: Tx, taken: Sequence[OutboxItem], now: datetime) -> None:
        """A hosted attachment's minutes begin when the provider learns its address."""
        for item in taken:
            tokens = [ref.media_id for ref in item.media if ref.media_id]
            if tokens:
                tx.media.keep(tokens, now + self._kit.lines[item.line].media.hosted_ttl)

    def _question(self, item: OutboxItem, approval_digest: str = "") -> Question:
        line = self._kit.lines[item.line]
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
            traits=at_claim(
                self._kit.policies[line.id], item.traits, disclosing.bare(line, item.body)
            ),
            approval_digest=approval_digest,
        )

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
                asked_until = now + self._kit.lines[item.line].draft_ttl
                return replace(change, expires_at=max(item.expires_at, asked_until)), status
            case Verdict.DENY if _only_stopped(decision):
                # As what waited when the switch was engaged: a person lets it go (ADR 0007).
                return _ended(item, OutboxState.HELD, MessageStatus.HELD, decision)
            case Verdict.DENY:
                return _ended(item, OutboxState.CANCELLED, MessageStatus.REFUSED, decision)
            case _:
                assert_never(decision.verdict)

    def _later(self, item: OutboxItem, decision: Decision, until: datetime) -> OutboxChange:
        """Time lifts the hold. Waiting for it must not use up the life of the message, which is for
        what comes after; but nothing waits for ever (P6)."""
        expires_at = item.expires_at
        if until >= expires_at:
            lifetime = self._kit.lines[item.line].message_ttl
            expires_at = max(expires_at, min(until + lifetime, item.created_at + HELD_BY_TIME_MAX))
        return OutboxChange(
            item.id,
            _CLAIMABLE,
            OutboxState.DUE,
            due_at=min(until, expires_at),
            expires_at=expires_at,
            reason=reason_text(decision.reasons),
        )

    # -- the call --------------------------------------------------------------------------

    async def _call(self, item: OutboxItem) -> Outcome:
        line = self._kit.lines[item.line]
        provider = self._kit.provider_of(line)
        try:
            text = OutboundText(item.id, item.number.e164, item.body, hosted_urls(line, item.media))
            request = provider.send(text, line)
            if not self._in_time(item, request.timeout_s):
                return _never_left("The claim grew old before the call.")
            return provider.sent(await self._kit.http.send(request))
        except PossiblyDispatched as error:
            return Outcome(OutcomeKind.UNKNOWN, detail=str(error))
        except RingfenceError as error:
            return _undispatched(error)

    def _in_time(self, item: OutboxItem, timeout_s: float) -> bool:
        """A process that stood still since its claim must not send: whoever found the lease run
        out may have given the item up already (P5)."""
        assert item.lease_until is not None, "only claimed items are sent"
        return self._kit.clock.now() + timedelta(seconds=timeout_s) <= item.lease_until

    # -- the recording transaction ---------------------------------------------------------

    def _record_many(self, tx: Tx, batch: Sequence[Sent]) -> list[None]:
        now = self._kit.clock.now()
        plans = [(sent, self._plan(tx, sent, now)) for sent in batch]
        matched = tx.outbox.change([change for _, (change, _) in plans])
        entries: list[AuditEntry] = []
        watches: list[Watch] = []
        done: list[tuple[OutboxItem, OutboxChange]] = []
        for sent, (change, watch) in plans:
            entries.append(self._entry(sent, change, change.id in matched, now))
            if change.id not in matched:
                # A callback, another process or an operator settled it first; theirs stands.
                continue
            if watch is not None:
                watches.append(watch)
            done.append((sent.item, change))
            _stop_later_parts(tx, sent, change)
        for sent in batch:
            self._heed(tx, sent, now)
        refused = [self._claim_of(sent.item) for sent in batch if _not_taken(sent, matched)]
        give_back(tx, refused, self._kit.zones)
        tx.watches.add(watches)
        _settle(tx, done, now)
        tx.audit.append(entries)
        adopt(self._kit, tx, [_accepted(*pair) for pair in done if pair[1].provider_id], now)
        _log_sent(batch, matched)
        return [None] * len(batch)

    def _claim_of(self, item: OutboxItem) -> tuple[Question, datetime]:
        assert item.lease_until is not None, "only claimed items are sent"
        claimed_at = item.lease_until - self._kit.pace.dispatch_lease
        return self._question(replace(item, attempt=item.attempt - 1)), claimed_at

    def _plan(self, tx: Tx, sent: Sent, now: datetime) -> tuple[OutboxChange, Watch | None]:
        item, outcome = sent.item, sent.outcome
        pace = self._kit.pace
        tried = item.attempt
        if outcome.left and tried >= pace.retry.attempts_max:
            # Some of them may never have left, or belong to a round before a person's resubmission.
            tried = refusals(tx, item) + 1
        step = next_attempt(
            outcome, tried, now, item.expires_at, sent.jitter, pace.retry, pace.watch
        )
        match step:
            case Track(at=at):
                change = _change(item, OutboxState.ACCEPTED, outcome, status=outcome.status)
                return change, watch_status(item.id, item.line, at, now)
            case Again(at=at):
                change = _change(
                    item, OutboxState.DUE, outcome, due_at=at, status=MessageStatus.QUEUED
                )
                return change, None
            case Resolve(at=at):
                change = _change(item, OutboxState.UNKNOWN, outcome)
                return change, watch_outcome(item.id, item.line, at, now)
            case DeadLetter(reason=reason):
                change = _change(
                    item, OutboxState.DEAD, outcome, reason=reason, status=MessageStatus.FAILED
                )
                return change, None
            case Failed(reason=reason):
                change = _change(
                    item, OutboxState.FAILED, outcome, reason=reason, status=MessageStatus.FAILED
                )
                return change, None
            case _:
                assert_never(step)

    def _heed(self, tx: Tx, sent: Sent, now: datetime) -> None:
        """What a refusal says of the person or the line holds whoever settled the item."""
        item, outcome = sent.item, sent.outcome
        if outcome.kind is not OutcomeKind.REJECTED:
            return
        if outcome.error_class is ErrorClass.OPT_OUT:
            provider_opted_out(self._kit, tx, item, outcome.error_code, now)
        if outcome.error_class is ErrorClass.STOP_LINE:
            tx.lines.stop(item.line, outcome.detail, now)
            body = {"line": item.line, "code": outcome.error_code, "detail": outcome.detail}
            tx.audit.append([self._kit.audit("line_stopped", item.line, "provider", now, body)])

    def _entry(self, sent: Sent, change: OutboxChange, applied: bool, now: datetime) -> AuditEntry:
        outcome = sent.outcome
        body = {
            "outcome": outcome.kind,
            "state": change.state if applied else "settled_elsewhere",
            "attempt": sent.item.attempt,
            "left": outcome.left,
            "provider_id": outcome.provider_id,
            "http_status": outcome.http_status,
            "error_code": outcome.error_code,
            "detail": outcome.detail,
        }
        return self._kit.audit("attempt", sent.item.id, sent.item.initiator, now, body)


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
            end = min(until, one.created_at + HELD_BY_TIME_MAX)
            follows = one.line == item.line and one.seq > item.seq
            if follows and one.state is OutboxState.DUE and one.expires_at < end:
                longer.append(OutboxChange(one.id, _CLAIMABLE, OutboxState.DUE, expires_at=end))
    return longer


def _stop_later_parts(tx: Tx, sent: Sent, change: OutboxChange) -> None:
    if change.state is OutboxState.DEAD:
        hold_later_parts(tx, sent.item)
    if change.state is OutboxState.FAILED:
        cancel_later_parts(tx, sent.item)


def _about(item: OutboxItem) -> dict[str, str]:
    return {"outbox_id": item.id, "message_id": item.message_id, "line": item.line}


def _undispatched(error: RingfenceError) -> Outcome:
    """Nothing left. Trying again helps only where the error says so; a line that was set up wrongly
    meanwhile makes a dead letter, which can be resubmitted (B070)."""
    if isinstance(error, NotDispatched) and error.retryable:
        return _never_left(str(error))
    misconfigured = isinstance(error, ProviderMisconfigured)
    error_class = ErrorClass.CONFIG if misconfigured else ErrorClass.PERMANENT
    return Outcome(OutcomeKind.REJECTED, error_class=error_class, detail=str(error))


def _never_left(detail: str) -> Outcome:
    return Outcome(OutcomeKind.RETRYABLE, detail=detail, left=False)


def _not_taken(sent: Sent, matched: set[str]) -> bool:
    # Only where this record made the move: a record that is written twice gives back once.
    return sent.outcome.kind is OutcomeKind.RETRYABLE and sent.item.id in matched


def _accepted(item: OutboxItem, change: OutboxChange) -> OutboxItem:
    return replace(
        item,
        state=OutboxState.ACCEPTED,
        status=change.status or item.status,
        provider_id=change.provider_id or "",
    )


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


def _change(
    item: OutboxItem,
    state: OutboxState,
    outcome: Outcome,
    *,
    due_at: datetime | None = None,
    status: MessageStatus | None = None,
    reason: str | None = None,
) -> OutboxChange:
    return OutboxChange(
        item.id,
        _OURS if state in (OutboxState.DUE, OutboxState.UNKNOWN) else _IN_FLIGHT,
        state,
        expect_attempt=item.attempt,
        due_at=due_at,
        provider_id=outcome.provider_id or None,
        status=status,
        error_code=outcome.error_code,
        reason=reason if reason is not None else outcome.detail or None,
    )


def _mark_sending(tx: Tx, taken: Sequence[OutboxItem], now: datetime) -> None:
    tx.messages.change(
        [
            MessageChange(item.message_id, now, status=MessageStatus.SENDING)
            for item in taken
            if item.part == 1
        ]
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
            tx.messages.change([change])
            continue
        if status is MessageStatus.REFUSED:
            cancel_later_parts(tx, item)
        else:
            # A draft is of all its parts: none may be gone before somebody decides.
            hold_later_parts(tx, item, reason, lives[item.id])
        settle_parts(tx, [item.message_id], reason, now)


def _settle(tx: Tx, done: Sequence[tuple[OutboxItem, OutboxChange]], now: datetime) -> None:
    """Bring the messages up to their items."""
    tx.messages.change(
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
        ]
    )
    several = [(item, change) for item, change in done if item.parts > 1]
    for item, change in several:
        settle_parts(tx, [item.message_id], change.reason or "", now)


def _log_sent(batch: Sequence[Sent], matched: set[str]) -> None:
    for sent in batch:
        item, outcome = sent.item, sent.outcome
        level = logging.INFO if outcome.kind is OutcomeKind.ACCEPTED else logging.WARNING
        if log.isEnabledFor(level):
            log.log(
                level,
                "attempt",
                extra={
                    "message_id": item.message_id,
                    "outbox_id": item.id,
                    "provider_id": outcome.provider_id,
                    "line": item.line,
                    "state": outcome.kind.value,
                    "attempt": item.attempt,
                    "error_code": outcome.error_code,
                    "detail": outcome.detail,
                    "settled_elsewhere": item.id not in matched or None,
                },
            )
