"""The recording transaction (architecture, step 8): what came of a call to a provider, and all that
follows from it. Whoever settled the item first stays right; what a refusal says of a person or a line
holds all the same."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from ringfence.delivery.retry import Again, DeadLetter, Failed, Resolve, Track, next_attempt
from ringfence.gateway import call_placing
from ringfence.gateway.cancel import provider_opted_out
from ringfence.gateway.claims import question_of
from ringfence.gateway.counting import give_back
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.facts import Question
from ringfence.gateway.halt import stop_line
from ringfence.gateway.parts import cancel_later_parts, hold_later_parts
from ringfence.gateway.reports import adopt
from ringfence.gateway.settling import settle
from ringfence.gateway.tries import refusals
from ringfence.gateway.watching import watch_outcome, watch_status
from ringfence.model.audit import AuditEntry
from ringfence.model.message import MessageStatus
from ringfence.model.outbox import (
    ErrorClass,
    OutboxItem,
    OutboxState,
    Outcome,
    OutcomeKind,
    Watch,
)
from ringfence.model.verdict import Act
from ringfence.ports import OutboxChange, Tx

log = logging.getLogger("ringfence.dispatch")

_IN_FLIGHT = frozenset({OutboxState.SENDING, OutboxState.UNKNOWN})
# Once its outcome is unknown an item is only ever resolved, never due again by itself (P5).
_OURS = frozenset({OutboxState.SENDING})


@dataclass(frozen=True, slots=True)
class Sent:
    """One finished call to the provider, as `record` takes it."""

    item: OutboxItem
    outcome: Outcome
    jitter: float


class Recorder:
    """Writes down what came of calls, many in one transaction."""

    def __init__(self, kit: Equipment) -> None:
        self._kit = kit

    def record(self, tx: Tx, batch: Sequence[Sent]) -> list[None]:
        """In the caller's transaction."""
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
            if watch is not None and sent.item.act is not Act.CALL:
                watches.append(watch)  # a call is looked after by itself
            done.append((sent.item, change))
            _stop_later_parts(tx, sent, change)
        for sent in batch:
            self._heed(tx, sent, now)
        refused = [self._claim_of(sent.item) for sent in batch if _not_taken(sent, matched)]
        give_back(tx, refused, self._kit.zones)
        tx.watches.add(watches)
        settle(tx, done, now)
        tx.audit.append(entries)
        tries = [(sent.item, change.state, sent.outcome) for sent, (change, _) in plans]
        call_placing.placed(self._kit, tx, [one for one in tries if one[0].id in matched], now)
        adopt(self._kit, tx, [_accepted(*pair) for pair in done if pair[1].provider_id], now)
        _log_sent(batch, matched)
        return [None] * len(batch)

    def _claim_of(self, item: OutboxItem) -> tuple[Question, datetime]:
        assert item.lease_until is not None, "only claimed items are sent"
        claimed_at = item.lease_until - self._kit.pace.dispatch_lease
        return question_of(self._kit, replace(item, attempt=item.attempt - 1)), claimed_at

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
            stop_line(self._kit, tx, item.line, outcome.error_code, outcome.detail, now)

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


def _stop_later_parts(tx: Tx, sent: Sent, change: OutboxChange) -> None:
    if change.state is OutboxState.DEAD:
        hold_later_parts(tx, sent.item)
    if change.state is OutboxState.FAILED:
        cancel_later_parts(tx, sent.item)


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
