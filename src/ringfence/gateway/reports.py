"""Reports: what a provider says of a message we sent, by callback or when asked, folded into the
item and its message. Late and repeated reports change nothing, and no status moves back (P4)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ringfence.delivery.status import fold
from ringfence.gateway import disclosing
from ringfence.gateway.cancel import provider_opted_out
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.finals import change_messages
from ringfence.gateway.halt import stop_line
from ringfence.gateway.parts import follow_proof, settle_parts
from ringfence.gateway.watching import watch_status
from ringfence.model.audit import AuditEntry
from ringfence.model.line import Line
from ringfence.model.message import FINAL, MessageStatus, StatusCallback
from ringfence.model.outbox import ErrorClass, OutboxItem, OutboxState
from ringfence.model.verdict import Act
from ringfence.ports import MessageChange, Observation, OutboxChange, Tx

log = logging.getLogger("ringfence.track")

# A report proves the provider has the message, whatever we believed before: it ends a wait for
# another try as well, so that nobody gets the text twice (P5).
_PROVABLE = frozenset(
    {
        OutboxState.DUE,
        OutboxState.HELD,
        OutboxState.SENDING,
        OutboxState.UNKNOWN,
        OutboxState.DEAD,
        OutboxState.ACCEPTED,
    }
)


@dataclass(frozen=True, slots=True)
class Report:
    """One status of one item, from a callback or a look-up."""

    line: Line
    event: StatusCallback


@dataclass(frozen=True, slots=True)
class Judged:
    """A report beside its item as it was and as it is now; no item when it is nobody's (yet)."""

    report: Report
    before: OutboxItem | None
    after: OutboxItem | None
    observation: Observation


def fold_reports(kit: Equipment, tx: Tx, reports: Sequence[Report], now: datetime) -> None:
    """Store and fold, in the caller's transaction. A report of nobody's message is kept for a
    while: its message may be recorded only after it (see `adopt`)."""
    items = _find_items(tx, reports)
    judged = _judge([(report, _item_of(report, items)) for report in reports], now)
    fresh = tx.events.observe([one.observation for one in judged])
    _settle(kit, tx, [one for one, new in zip(judged, fresh, strict=True) if new], now)


def adopt(kit: Equipment, tx: Tx, accepted: Sequence[OutboxItem], now: datetime) -> None:
    """Fold what was reported of items before their provider ids were known to us."""
    wanted = {_early_id(item.line, item.provider_id): item for item in accepted}
    pairs: list[tuple[Report, OutboxItem | None]] = []
    for early in tx.events.unmatched(wanted):
        item = wanted[early.provider_id]
        pairs.append((Report(kit.lines[item.line], _remembered(kit, early, item)), item))
    if pairs:
        for key, item in wanted.items():
            tx.events.adopt(key, item.id)
        _settle(kit, tx, _judge(pairs, now), now)


def _remembered(kit: Equipment, early: Observation, item: OutboxItem) -> StatusCallback:
    return StatusCallback(
        provider_id=item.provider_id,
        account_id=kit.lines[item.line].credentials.account_id,
        status=early.status,
        provider_status=early.provider_status,
        error_code=early.error_code,
        our_id=item.id,
    )


def _early_id(line: str, provider_id: str) -> str:
    # Named with its line: what one account reports is never another's status (B095).
    return f"{line}/{provider_id}"


def _find_items(tx: Tx, reports: Sequence[Report]) -> dict[str, OutboxItem]:
    """Items by our id and by (line, provider id)."""
    found: dict[str, OutboxItem] = {}
    ours = {report.event.our_id for report in reports if report.event.our_id}
    if ours:
        found.update(tx.outbox.many(ours))
    by_line: dict[str, set[str]] = {}
    for report in reports:
        if report.event.our_id not in found:
            by_line.setdefault(report.line.id, set()).add(report.event.provider_id)
    for line, provider_ids in by_line.items():
        for provider_id, item in tx.outbox.by_provider_ids(line, provider_ids).items():
            found[f"{line}/{provider_id}"] = item
    return found


def _item_of(report: Report, items: Mapping[str, OutboxItem]) -> OutboxItem | None:
    event = report.event
    item = items.get(event.our_id) if event.our_id else None
    if item is None:
        return items.get(f"{report.line.id}/{event.provider_id}")
    # Our id on another line, or beside another provider id, is nobody's status of this item.
    if item.line != report.line.id or item.provider_id not in ("", event.provider_id):
        return None
    return item


def _judge(pairs: Sequence[tuple[Report, OutboxItem | None]], now: datetime) -> list[Judged]:
    """Each report after the ones before it in the batch."""
    current: dict[str, OutboxItem] = {}
    judged: list[Judged] = []
    for report, found in pairs:
        item = None if found is None else current.get(found.id, found)
        one = _judge_one(report, item, now)
        judged.append(one)
        if one.after is not None:
            current[one.after.id] = one.after
    return judged


def _judge_one(report: Report, item: OutboxItem | None, now: datetime) -> Judged:
    event = report.event
    if item is None:
        known_as = _early_id(report.line.id, event.provider_id)
        observation = Observation(
            "", known_as, event.provider_status, event.status, event.error_code, now
        )
        return Judged(report, None, None, observation)
    # Before its acceptance an item's status is our guess; the provider's word replaces a guess.
    accepted = item.state is OutboxState.ACCEPTED
    was = (item.status, item.error_code) if accepted else (MessageStatus.SENDING, None)
    folded = fold(*was, event.status, event.error_code)
    observation = Observation(
        item.id,
        event.provider_id,
        event.provider_status,
        event.status,
        event.error_code,
        now,
        folded.conflicting,
    )
    if item.state not in _PROVABLE:
        return Judged(report, item, None, observation)
    after = replace(
        item,
        state=OutboxState.ACCEPTED,
        status=folded.status,
        error_code=folded.error_code,
        provider_id=item.provider_id or event.provider_id,
    )
    return Judged(report, item, after, observation)


def _settle(kit: Equipment, tx: Tx, judged: Sequence[Judged], now: datetime) -> None:
    first: dict[str, OutboxItem] = {}
    last: dict[str, OutboxItem] = {}
    entries: list[AuditEntry] = []
    for one in judged:
        if one.before is None:
            continue
        entries.append(_entry(kit, one, one.before, now))
        _log_status(one.before, one.observation)
        _trace_status(kit, one.before, one.observation)
        if one.after is not None:
            first.setdefault(one.before.id, one.before)
            last[one.after.id] = one.after
    tx.audit.append(entries)
    moved = [(first[key], after) for key, after in last.items()]
    if moved:
        _apply(kit, tx, moved, now)
    for one in judged:
        if one.before is not None:
            _heed(kit, tx, one.report, one.before, now)


def _apply(
    kit: Equipment, tx: Tx, moved: Sequence[tuple[OutboxItem, OutboxItem]], now: datetime
) -> None:
    tx.outbox.change([_item_change(before, after) for before, after in moved])
    change_messages(
        tx,
        [
            MessageChange(
                after.message_id,
                now,
                status=after.status,
                error_code=after.error_code,
                provider_id=after.provider_id,
                reason=_reason(before),
            )
            for before, after in moved
            if after.parts == 1
        ],
    )
    for before, after in moved:
        if before.state is OutboxState.DEAD:
            follow_proof(tx, after, now)
    settle_parts(tx, {after.message_id for _, after in moved if after.parts > 1}, "", now)
    disclosing.arrived(kit, tx, [after for _, after in moved], now)
    tx.watches.close([after.id for _, after in moved if after.status in FINAL])
    at = now + timedelta(seconds=kit.pace.watch.status_s[0])
    tx.watches.add(
        [
            watch_status(after.id, after.line, at, now)
            for before, after in moved
            if after.status not in FINAL
            and before.state is not OutboxState.ACCEPTED
            and after.act is not Act.CALL
        ]
    )


def _item_change(before: OutboxItem, after: OutboxItem) -> OutboxChange:
    return OutboxChange(
        after.id,
        # Read in this transaction: each state that is expected besides would be a statement.
        frozenset({before.state}),
        OutboxState.ACCEPTED,
        provider_id=after.provider_id,
        status=after.status,
        error_code=after.error_code,
        reason=_reason(before),
    )


def _reason(before: OutboxItem) -> str | None:
    """Why it was thought lost is no longer true once the provider has it."""
    return None if before.state is OutboxState.ACCEPTED else ""


def _entry(kit: Equipment, one: Judged, before: OutboxItem, now: datetime) -> AuditEntry:
    body = {
        "status": one.observation.status,
        "provider_status": one.observation.provider_status,
        "was": before.status,
        "error_code": one.observation.error_code,
        "conflicting": one.observation.conflicting,
        "provider_id": one.report.event.provider_id,
    }
    return kit.audit("status", before.id, "provider", now, body)


def _log_status(item: OutboxItem, observation: Observation) -> None:
    log.info(
        "status",
        extra={
            "message_id": item.message_id,
            "outbox_id": item.id,
            "provider_id": observation.provider_id,
            "line": item.line,
            "state": observation.status.value,
            "error_code": observation.error_code,
            "conflicting": observation.conflicting or None,
        },
    )


def _trace_status(kit: Equipment, item: OutboxItem, observation: Observation) -> None:
    about = {"line": item.line, "outbox_id": item.id, "status": observation.status.value}
    with kit.trace.span("callback", item.message_id, **about):
        pass  # folded with others, in one transaction


def _heed(kit: Equipment, tx: Tx, report: Report, item: OutboxItem, now: datetime) -> None:
    """What a report says of the person or the line, whatever became of the message."""
    code = report.event.error_code
    if code is None:
        return
    error_class = kit.provider_of(report.line).classify(code)
    if error_class is ErrorClass.OPT_OUT:
        provider_opted_out(kit, tx, item, code, now)
    if error_class is ErrorClass.STOP_LINE:
        stop_line(kit, tx, item.line, code, f"A report said error {code}.", now)
