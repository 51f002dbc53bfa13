"""The outbox: owed sends, in lanes, claimed by lease. Every change is fenced by the state it
expects (P5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from ringfence.model.message import MessageClass, MessageStatus
from ringfence.model.outbox import OUTBOX_TRANSITIONS, OutboxItem, OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.ports import OutboxChange
from ringfence.store.changes import Moves, Shape
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import ForEach, Insert, columns, names
from ringfence.store.tallies import Tallies
from ringfence.store.values import (
    media_from,
    media_json,
    micros,
    micros_or_none,
    moment,
    moment_or_none,
    storable,
    traits_from,
    traits_json,
)

LISTED_MAX = 10_000
"""Dead letters given at once; more wait for the next listing."""

_OPEN = (OutboxState.DUE, OutboxState.SENDING, OutboxState.UNKNOWN)
_COLUMNS = columns(
    "id message_id line number part parts body media act message_class initiator state due_at "
    "expires_at created_at attempt lease_owner lease_until provider_id status error_code reason "
    "text_digest segments traits",
    part="bigint",
    parts="bigint",
    due_at="bigint",
    expires_at="bigint",
    created_at="bigint",
    attempt="bigint",
    lease_until="bigint",
    error_code="bigint",
    segments="bigint",
)
_ITEM = ", ".join(f"o.{name}" for name in (*names(_COLUMNS), "seq"))
_ADD = Insert("outbox", (*_COLUMNS, ("head", "bigint")))
# The partial indexes are chosen only where a query repeats their conditions word for word
# (https://www.sqlite.org/partialindex.html section 3).
_OPEN_SQL = "o.state IN ('due', 'sending', 'unknown')"
_HEADS = "o.state = 'due' AND o.head = 1"
# PostgreSQL, knowing nothing yet of a new table, picks the index that has the asked order.
_BY_LINE = "ORDER BY o.line, o.due_at, o.seq"
_GET = ForEach(
    f"SELECT {_ITEM} FROM outbox o{{and_rows}} WHERE o.id = :id",
    columns("id"),
)
_BY_PROVIDER = ForEach(
    f"SELECT {_ITEM} FROM outbox o{{and_rows}} "
    "WHERE o.provider_id = :provider_id AND o.provider_id <> '' AND o.line = :line",
    columns("provider_id line"),
)
_OF_MESSAGE = ForEach(
    f"SELECT {_ITEM} FROM outbox o{{and_rows}} WHERE o.message_id = :message_id",
    columns("message_id"),
)


class OutboxTable:
    def __init__(self, db: Connection, tallies: Tallies) -> None:
        self._db = db
        self._tallies = tallies
        self._moves = Moves(db, "outbox", _OPEN, tallies, OUTBOX_TRANSITIONS)

    def add(self, items: Sequence[OutboxItem]) -> None:
        if not items:
            return
        lanes = {(item.number.e164, item.line) for item in items if item.state in _OPEN}
        occupied = self._moves.lanes.occupied(lanes)
        rows = []
        for item in items:
            lane = (item.number.e164, item.line)
            head = item.state in _OPEN and lane not in occupied
            if head:
                occupied.add(lane)
            rows.append((*_row(item), int(head)))
            self._tallies.count("outbox", item.line, item.state.value, 1)
        self._db.insert(_ADD, rows)

    def due(self, now: datetime, limit: int, lines_stopped: Iterable[str]) -> list[OutboxItem]:
        stopped = frozenset(lines_stopped)
        found: list[Row] = []
        at = micros(now)
        for line in self._lines_with_heads():
            if line not in stopped:
                found += self._db.rows(
                    f"SELECT {_ITEM} FROM outbox o WHERE o.line = ? AND {_HEADS} "
                    "AND o.due_at <= ? ORDER BY o.due_at, o.seq LIMIT ?",
                    (line, at, limit),
                )
        found.sort(key=_by_due_at)
        return [_item(row) for row in found[:limit]]

    def change(self, changes: Sequence[OutboxChange]) -> set[str]:
        return self._moves.apply([_shaped(change) for change in changes])

    def get(self, item_id: str) -> OutboxItem | None:
        return self.many((item_id,)).get(item_id)

    def many(self, ids: Iterable[str]) -> dict[str, OutboxItem]:
        wanted = [(id_,) for id_ in set(ids)]
        found = map(_item, self._db.each(_GET, wanted) if wanted else ())
        return {item.id: item for item in found}

    def by_provider_ids(self, line: str, provider_ids: Iterable[str]) -> dict[str, OutboxItem]:
        wanted = [(provider_id, line) for provider_id in set(provider_ids) if provider_id]
        found = map(_item, self._db.each(_BY_PROVIDER, wanted) if wanted else ())
        return {item.provider_id: item for item in found}

    def of_messages(self, message_ids: Iterable[str]) -> dict[str, list[OutboxItem]]:
        wanted = [(id_,) for id_ in set(message_ids)]
        parts: dict[str, list[OutboxItem]] = {}
        for row in self._db.each(_OF_MESSAGE, wanted) if wanted else ():
            parts.setdefault(row[1], []).append(_item(row))
        return {id_: sorted(items, key=lambda item: item.part) for id_, items in parts.items()}

    def pending_for(self, number: PhoneNumber) -> list[OutboxItem]:
        return self._pending("o.number = ?", (number.e164,))

    def pending_where(self, line: str | None, initiator: str | None) -> list[OutboxItem]:
        where, params = "true", []
        if line is not None:
            where += " AND o.line = ?"
            params.append(line)
        if initiator is not None:
            where += " AND o.initiator = ?"
            params.append(initiator)
        return self._pending(where, tuple(params))

    def expired(self, now: datetime, limit: int) -> list[OutboxItem]:
        return self._items(
            "o.state IN ('due', 'held') AND o.expires_at <= ? ORDER BY o.expires_at LIMIT ?",
            (micros(now), limit),
        )

    def leases_lost(self, now: datetime, owner: str | None = None) -> list[OutboxItem]:
        lost, param = ("o.lease_until <= ?", micros(now)) if owner is None else _not_held_by(owner)
        found = self._items(f"o.state = 'sending' AND {lost} ORDER BY o.lease_until", (param,))
        return sorted(found, key=lambda item: item.seq)

    def waiting(self, line: str) -> int:
        return self._tallies.standing("outbox", line, OutboxState.DUE.value)

    def dead(self, line: str | None) -> list[OutboxItem]:
        of_line, params = ("AND o.line = ?", (line,)) if line is not None else ("", ())
        return self._items(
            f"o.state = 'dead' {of_line} ORDER BY o.seq LIMIT ?", (*params, LISTED_MAX)
        )

    def _lines_with_heads(self) -> list[str]:
        """Skips from line to line through the index, whatever waits on each."""
        return [
            line
            for (line,) in self._db.rows(
                f"""WITH RECURSIVE lines (line) AS (
                    SELECT (SELECT o.line FROM outbox o WHERE {_HEADS} {_BY_LINE} LIMIT 1)
                    UNION ALL
                    SELECT (SELECT o.line FROM outbox o WHERE {_HEADS} AND o.line > lines.line
                        {_BY_LINE} LIMIT 1)
                    FROM lines WHERE lines.line IS NOT NULL
                ) SELECT line FROM lines WHERE line IS NOT NULL"""
            )
        ]

    def _pending(self, where: str, params: tuple[str, ...]) -> list[OutboxItem]:
        due = self._items(f"{_OPEN_SQL} AND o.state = 'due' AND {where}", params)
        held = self._items(f"o.state = 'held' AND {where}", params)
        return sorted(due + held, key=lambda item: item.seq)

    def _items(self, where: str, params: Sequence[object]) -> list[OutboxItem]:
        rows = self._db.rows(f"SELECT {_ITEM} FROM outbox o WHERE {where}", params)
        return [_item(row) for row in rows]


def _not_held_by(owner: str) -> tuple[str, str]:
    return "o.lease_owner <> ?", owner


def _by_due_at(row: Row) -> tuple[int, int]:
    return row[12], row[-1]


def _shaped(change: OutboxChange) -> tuple[Shape[OutboxState], Row]:
    given = [
        (name, value)
        for name, value in (
            ("due_at", micros_or_none(change.due_at)),
            ("expires_at", micros_or_none(change.expires_at)),
            ("attempt", change.attempt),
            ("lease_owner", change.lease_owner),
            ("lease_until", micros_or_none(change.lease_until)),
            ("provider_id", change.provider_id),
            ("status", None if change.status is None else change.status.value),
            ("error_code", change.error_code),
            ("reason", None if change.reason is None else storable(change.reason)),
            ("traits", None if change.traits is None else traits_json(change.traits)),
        )
        if value is not None
    ]
    fence = () if change.expect_attempt is None else (change.expect_attempt,)
    shape = Shape(
        change.expect,
        change.state,
        tuple(name for name, _ in given),
        "attempt" if fence else "",
    )
    return shape, (*(value for _, value in given), *fence, change.id)


def _row(item: OutboxItem) -> Row:
    return (
        item.id,
        item.message_id,
        item.line,
        item.number.e164,
        item.part,
        item.parts,
        storable(item.body),
        media_json(item.media),
        item.act.value,
        item.message_class.value,
        item.initiator,
        item.state.value,
        micros(item.due_at),
        micros(item.expires_at),
        micros(item.created_at),
        item.attempt,
        item.lease_owner,
        micros_or_none(item.lease_until),
        item.provider_id,
        item.status.value,
        item.error_code,
        storable(item.reason),
        item.text_digest,
        item.segments,
        traits_json(item.traits),
    )


def _item(row: Row) -> OutboxItem:
    id_, message_id, line, number, part, parts, body, media, act, message_class = row[:10]
    initiator, state, due_at, expires_at, created_at, attempt, lease_owner = row[10:17]
    lease_until, provider_id, status, error_code, reason, text_digest = row[17:23]
    segments, traits, seq = row[23:]
    return OutboxItem(
        id_,
        message_id,
        line,
        PhoneNumber(number),
        part,
        parts,
        body,
        media_from(media),
        Act(act),
        MessageClass(message_class),
        initiator,
        OutboxState(state),
        moment(due_at),
        moment(expires_at),
        moment(created_at),
        attempt,
        lease_owner,
        moment_or_none(lease_until),
        provider_id,
        MessageStatus(status),
        error_code,
        reason,
        text_digest,
        segments,
        traits_from(traits),
        seq,
    )
