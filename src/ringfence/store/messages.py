"""Messages of both directions. An inbound one is stored once per (line, provider id) (P4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from ringfence.model.message import Direction, Message, MessageClass, MessageStatus
from ringfence.model.phone import PhoneNumber
from ringfence.ports import MessageChange, MessagePage, Shown
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import ForEach, Insert, columns, names
from ringfence.store.values import (
    as_json,
    from_json,
    media_from,
    media_json,
    micros,
    moment,
    storable,
    traits_from,
    traits_json,
)

_COLUMNS = columns(
    "id line direction number contact_id body status created_at updated_at media message_class "
    "initiator provider_id segments encoding error_code reason in_reply_to provenance traits",
    created_at="bigint",
    updated_at="bigint",
    segments="bigint",
    error_code="bigint",
)
_MESSAGE = ", ".join(f"m.{name}" for name in (*names(_COLUMNS), "seq"))
_ADD = Insert("messages", _COLUMNS)
_ADD_NEW = Insert("messages", _COLUMNS, "ON CONFLICT DO NOTHING RETURNING id")
_GET = ForEach(
    f"SELECT {_MESSAGE} FROM messages m{{and_rows}} WHERE m.id = :id",
    columns("id"),
)
# In a conversation: what they sent and we admitted, and what we sent and was not refused.
_SPOKEN = "('received', 'sending', 'sent', 'delivered', 'read')"
# Between Ringfence and the owners, codes that approve among it: no agent's to read (P2).
_NOT_OURS = "m.message_class NOT IN ('owner_notice', 'alert_answer', 'page')"
_HEARD = ForEach(
    """SELECT m.line, m.number, m.created_at FROM messages m{and_rows} WHERE m.seq = (
        SELECT n.seq FROM messages n WHERE n.number = :number AND n.line = :line
        AND n.direction = 'in' AND n.status = 'received' ORDER BY n.seq DESC LIMIT 1
    )""",
    columns("line number"),
)
_HELD = "m.direction = 'out' AND m.status = 'held'"
_CHANGE = ForEach(
    """UPDATE messages SET updated_at = :updated_at, status = COALESCE(:status, messages.status),
        error_code = COALESCE(:error_code, messages.error_code),
        reason = COALESCE(:reason, messages.reason),
        provider_id = COALESCE(:provider_id, messages.provider_id)
        {from_rows} WHERE messages.id = :id""",
    columns(
        "id updated_at status error_code reason provider_id",
        updated_at="bigint",
        error_code="bigint",
    ),
)


LOOK_MAX = 20_000
"""Rows that one page of a listing may look through."""


class MessageTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def add_inbound(self, messages: Sequence[Message]) -> set[str]:
        if not messages:
            return set()
        rows = [_row(message) for message in messages]
        return {id_ for (id_,) in self._db.insert_returning(_ADD_NEW, rows)}

    def add_outbound(self, messages: Sequence[Message]) -> None:
        if messages:
            self._db.insert(_ADD, [_row(message) for message in messages])

    def change(self, changes: Sequence[MessageChange]) -> None:
        if len(changes) == len({change.id for change in changes}):
            if changes:
                self._db.run_each(_CHANGE, [_changed(change) for change in changes])
            return
        for change in changes:
            self._db.run_each(_CHANGE, [_changed(change)])

    def get(self, message_id: str) -> Message | None:
        return self.many((message_id,)).get(message_id)

    def many(self, ids: Iterable[str]) -> dict[str, Message]:
        wanted = [(id_,) for id_ in set(ids)]
        found = map(_message, self._db.each(_GET, wanted) if wanted else ())
        return {message.id: message for message in found}

    def inbox(self, since: datetime | None, limit: int, line: str | None) -> list[Message]:
        """`since` is inclusive and compares with when the message was stored."""
        where = f"m.direction = 'in' AND m.status = 'received' AND {_NOT_OURS}"
        params: list[int | str] = []
        if since is not None:
            where += " AND m.created_at >= ?"
            params.append(micros(since))
        if line is not None:
            where += " AND m.line = ?"
            params.append(line)
        rows = self._db.rows(
            f"SELECT {_MESSAGE} FROM messages m WHERE {where} "
            "ORDER BY m.created_at DESC, m.seq DESC LIMIT ?",
            (*params, limit),
        )
        return [_message(row) for row in reversed(rows)]

    def listing(
        self, limit: int, line: str | None, direction: str | None, status: MessageStatus | None
    ) -> list[Message]:
        wanted = {
            "line": line,
            "direction": direction,
            "status": status.value if status else None,
        }
        given = {name: value for name, value in wanted.items() if value is not None}
        where = " AND ".join(f"m.{name} = ?" for name in given) or "true"
        rows = self._db.rows(
            f"SELECT {_MESSAGE} FROM messages m WHERE {where} ORDER BY m.seq DESC LIMIT ?",
            (*given.values(), limit),
        )
        return [_message(row) for row in rows]

    def page(self, wanted: Shown, before_seq: int | None, limit: int) -> MessagePage:
        """Looks through LOOK_MAX rows at most, so that what is rare costs no scan of the table."""
        top = before_seq
        if top is None:
            top = int(self._db.value("SELECT COALESCE(max(seq), 0) FROM messages")) + 1
        floor = max(top - LOOK_MAX, 1)
        where, params = _shown(wanted)
        rows = self._db.rows(
            f"SELECT {_MESSAGE} FROM messages m WHERE m.seq < ? AND m.seq >= ? {where} "
            "ORDER BY m.seq DESC LIMIT ?",
            (top, floor, *params, limit + 1),
        )
        found = tuple(_message(row) for row in rows[:limit])
        if len(rows) > limit:
            return MessagePage(found, found[-1].seq)
        return MessagePage(found, floor if floor > 1 else None)

    def held_for(self, number: PhoneNumber) -> list[str]:
        rows = self._db.rows(
            f"SELECT m.id FROM messages m WHERE {_HELD} AND m.number = ? ORDER BY m.seq",
            (number.e164,),
        )
        return [id_ for (id_,) in rows]

    def held_before(self, line: str, created_before: datetime, limit: int) -> list[str]:
        """Oldest first. Without those that end with their draft, or with what is to be sent of them."""
        rows = self._db.rows(
            f"SELECT m.id FROM messages m WHERE {_HELD} AND m.line = ? AND m.created_at < ? "
            "AND NOT EXISTS (SELECT 1 FROM drafts d "
            "WHERE d.message_id = m.id AND d.state = 'waiting') "
            "AND NOT EXISTS (SELECT 1 FROM outbox o "
            "WHERE o.message_id = m.id AND o.state IN ('due', 'held')) "
            "ORDER BY m.created_at LIMIT ?",
            (line, micros(created_before), limit),
        )
        return [id_ for (id_,) in rows]

    def held_lines(self) -> list[str]:
        rows = self._db.rows(
            f"SELECT DISTINCT m.line FROM messages m WHERE {_HELD} ORDER BY m.line"
        )
        return [line for (line,) in rows]

    def heard(
        self, pairs: Iterable[tuple[str, PhoneNumber]]
    ) -> dict[tuple[str, PhoneNumber], datetime]:
        """When each person last wrote to a line and was taken in."""
        wanted = [(line, number.e164) for line, number in set(pairs)]
        rows = self._db.each(_HEARD, wanted) if wanted else ()
        return {
            (line, PhoneNumber(number)): moment(at) for line, number, at in rows if at is not None
        }

    def of_person(self, number: PhoneNumber) -> list[Message]:
        rows = self._db.rows(
            f"SELECT {_MESSAGE} FROM messages m WHERE m.number = ? ORDER BY m.seq", (number.e164,)
        )
        return [_message(row) for row in rows]

    def history(self, line: str, number: PhoneNumber, before_seq: int, limit: int) -> list[Message]:
        rows = self._db.rows(
            f"SELECT {_MESSAGE} FROM messages m WHERE m.number = ? AND m.line = ? "
            f"AND m.seq < ? AND m.status IN {_SPOKEN} AND {_NOT_OURS} "
            "ORDER BY m.seq DESC LIMIT ?",
            (number.e164, line, before_seq, limit),
        )
        return [_message(row) for row in reversed(rows)]


def _shown(wanted: Shown) -> tuple[str, tuple[str, ...]]:
    """Conditions, each with AND before it, and their parameters."""
    given = {
        "m.direction = ?": wanted.direction.value if wanted.direction else "",
        "m.status = ?": wanted.status.value if wanted.status else "",
        "m.contact_id = ?": wanted.contact_id,
        "((m.direction = 'in' AND m.status = 'received' AND "
        f"{_NOT_OURS}) OR m.initiator = ?)": wanted.to_initiator,
    }
    chosen = {condition: value for condition, value in given.items() if value}
    where, params = list(chosen), list(chosen.values())
    if wanted.lines is not None:
        marks = ", ".join("?" * len(wanted.lines)) or "NULL"
        where.append(f"m.line IN ({marks})")
        params += sorted(wanted.lines)
    return "".join(f"AND {condition} " for condition in where), tuple(params)


def _changed(change: MessageChange) -> Row:
    return (
        change.id,
        micros(change.updated_at),
        change.status.value if change.status else None,
        change.error_code,
        None if change.reason is None else storable(change.reason),
        change.provider_id,
    )


def _row(message: Message) -> Row:
    return (
        message.id,
        message.line,
        message.direction.value,
        message.number.e164,
        message.contact_id,
        storable(message.body),
        message.status.value,
        micros(message.created_at),
        micros(message.updated_at),
        media_json(message.media),
        message.message_class.value,
        message.initiator,
        message.provider_id,
        message.segments,
        message.encoding,
        message.error_code,
        storable(message.reason),
        message.in_reply_to,
        as_json(message.provenance),
        traits_json(message.traits),
    )


def _message(row: Row) -> Message:
    id_, line, direction, number, contact_id, body, status, created_at, updated_at = row[:9]
    media, message_class, initiator, provider_id, segments, encoding, error_code = row[9:16]
    reason, in_reply_to, provenance, traits, seq = row[16:]
    return Message(
        id_,
        line,
        Direction(direction),
        PhoneNumber(number),
        contact_id,
        body,
        MessageStatus(status),
        moment(created_at),
        moment(updated_at),
        media_from(media),
        MessageClass(message_class),
        initiator,
        provider_id,
        segments,
        encoding,
        error_code,
        reason,
        in_reply_to,
        from_json(provenance),
        traits_from(traits),
        seq,
    )
