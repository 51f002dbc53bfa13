"""What is done about a difference between a provider's list and our rows, in one transaction each: a
status is folded, a text that never came is taken in or put before a person. Asks no provider."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ringfence.delivery.status import fold
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.reports import Report, adopt, fold_reports
from ringfence.gateway.track import as_callback, match
from ringfence.gateway.tries import UNKNOWN
from ringfence.model.line import Line
from ringfence.model.message import Direction
from ringfence.model.outbox import OutboxItem, OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.ports import DeadEvent, Shown, Tx
from ringfence.providers.base import ListedMessage, RemoteMessage
from ringfence.text.keywords import KeywordKind, classify

LATE: Final = "late"
"""The kind of dead event that a text becomes which a person must look at first."""
_CLOCK_SLACK: Final = timedelta(minutes=2)
_PAGE: Final = 200

Readmit = Callable[[Tx, Line, Sequence[tuple[str, str]]], bool]


@dataclass(frozen=True, slots=True)
class Folded:
    """Of some messages the provider has: how many statuses of ours differed, how many dead letters
    turned out to be there, and which messages are not ours."""

    statuses: int
    resolved: int
    foreign: tuple[str, ...]


def fold_remote(
    kit: Equipment, tx: Tx, line: Line, remote: Sequence[RemoteMessage], now: datetime
) -> Folded:
    """Outbound messages as the provider lists them."""
    known = tx.outbox.by_provider_ids(line.id, [one.provider_id for one in remote])
    differing = [
        Report(line, as_callback(one, known[one.provider_id], line))
        for one in remote
        if one.provider_id in known and _differs(known[one.provider_id], one)
    ]
    fold_reports(kit, tx, differing, now)
    unknown = [one for one in remote if one.provider_id not in known]
    found = _resolve(kit, tx, line, unknown, now) if unknown else set()
    foreign = tuple(one.provider_id for one in unknown if one.provider_id not in found)
    return Folded(len(differing), len(found), foreign)


def unheard(tx: Tx, line: Line, provider_ids: Sequence[str]) -> set[str]:
    """Those that we have no row of."""
    return {key for key in provider_ids if tx.records.of_provider_id(key, [line.id]) is None}


def absent(
    tx: Tx, line: Line, since: datetime, until: datetime, seen: set[str], most: int
) -> list[OutboxItem]:
    """Accepted sends of the span that are not among `seen`, newest first; one more than `most` says
    that there are more."""
    found: list[OutboxItem] = []
    wanted = Shown(frozenset({line.id}), direction=Direction.OUT)
    before: int | None = None
    while len(found) <= most:
        page = tx.messages.page(wanted, before, _PAGE)
        span = [one.id for one in page.messages if since <= one.created_at <= until]
        for parts in tx.outbox.of_messages(span).values():
            found += [one for one in parts if _is_taken(one) and one.provider_id not in seen]
        before = page.before_seq
        if before is None or any(one.created_at < since for one in page.messages):
            break
    return found[: most + 1]


def admit(
    kit: Equipment, tx: Tx, readmit: Readmit, line: Line, row: ListedMessage, now: datetime
) -> bool:
    """Take in an inbound text as if its webhook had come now; False when it is there already. Raises
    MalformedEvent and InvalidNumber."""
    if not readmit(tx, line, row.webhook):
        return False
    sid = row.message.provider_id
    subject = tx.records.of_provider_id(sid, [line.id]) or sid
    late_s = int((now - at(row.message)).total_seconds())
    body = {"line": line.id, "provider_id": sid, "late_s": late_s}
    tx.audit.append([kit.audit("inbound_recovered", subject, "system", now, body)])
    return True


def wants_a_person(line: Line, number: PhoneNumber, message: RemoteMessage) -> bool:
    """What undoes something may have been undone itself since: a START, an owner's command."""
    keyword = classify(message.body, yes_is_opt_in=True)
    return number in line.owners or keyword.kind is KeywordKind.OPT_IN


def bury(kit: Equipment, tx: Tx, line: Line, row: ListedMessage, now: datetime) -> bool:
    """Put it among the dead letters, once."""
    event = DeadEvent(
        id=kit.ids.new("event", now),
        line=line.id,
        dedupe_token=f"{LATE}:{row.message.provider_id}",
        kind=LATE,
        reason="its webhook never came; resubmit it if it still holds",
        at=now,
        body={"fields": [list(pair) for pair in row.webhook]},
    )
    fresh = tx.events.bury(event)
    if fresh:
        body = {"line": line.id, "kind": event.kind, "reason": event.reason}
        tx.audit.append([kit.audit("event_buried", event.id, "provider", now, body)])
    return fresh


def at(message: RemoteMessage) -> datetime:
    """One without a time is as old as can be: it is left out."""
    return message.created_at or datetime.min.replace(tzinfo=UTC)


def _differs(item: OutboxItem, remote: RemoteMessage) -> bool:
    if item.state is not OutboxState.ACCEPTED:
        return True
    return fold(item.status, item.error_code, remote.status, remote.error_code).changed


def _is_taken(item: OutboxItem) -> bool:
    """Calls are in no list of messages."""
    texted = item.act is not Act.CALL
    return texted and item.state is OutboxState.ACCEPTED and bool(item.provider_id)


def _resolve(
    kit: Equipment, tx: Tx, line: Line, unknown: Sequence[RemoteMessage], now: datetime
) -> set[str]:
    """Dead letters of unknown outcome that the provider has after all."""
    found: set[str] = set()
    for item in tx.outbox.dead(line.id):
        theirs = [one for one in unknown if one.provider_id not in found]
        theirs = [one for one in theirs if one.to == item.number.e164]
        unknown_text = item.act is not Act.CALL and item.reason.startswith(UNKNOWN)
        if not theirs or not unknown_text:
            continue
        remote = match(tx, item, theirs, item.created_at - _CLOCK_SLACK)
        if remote is None:
            continue
        found.add(remote.provider_id)
        fold_reports(kit, tx, [Report(line, as_callback(remote, item, line))], now)
        after = tx.outbox.get(item.id)
        if after is not None and after.state is OutboxState.ACCEPTED:
            adopt(kit, tx, [after], now)
    return found
