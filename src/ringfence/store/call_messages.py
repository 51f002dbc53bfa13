"""What callers left after the tone: a row of its own for each call, the sound with it, so that it goes with
the call and its person. Listings never read the sound."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ringfence.model.left_message import LeftMessage, LeftMessageState
from ringfence.store.connection import Connection, Row
from ringfence.store.values import micros, micros_or_none, moment, moment_or_none, storable

_COLUMNS = "call_id, state, recording_id, lasted_s, left_at, url, content_type, size, due_at, tries"


class CallMessages:
    _db: Connection

    def put_message(self, message: LeftMessage) -> None:
        self._db.run(
            f"INSERT INTO call_messages ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (call_id) DO UPDATE SET state = excluded.state, "
            "recording_id = excluded.recording_id, lasted_s = excluded.lasted_s, "
            "left_at = excluded.left_at, "
            "url = excluded.url, content_type = excluded.content_type, size = excluded.size, "
            "due_at = excluded.due_at, tries = excluded.tries",
            _row(message),
        )

    def put_sound(self, call_id: str, content: bytes) -> None:
        self._db.run("UPDATE call_messages SET content = ? WHERE call_id = ?", (content, call_id))

    def message_of(self, call_id: str) -> LeftMessage | None:
        found = self._messages("call_id = ?", (call_id,))
        return found[0] if found else None

    def sound_of(self, call_id: str) -> bytes | None:
        content = self._db.value("SELECT content FROM call_messages WHERE call_id = ?", (call_id,))
        return None if content is None else bytes(content)

    def messages_due(self, now: datetime, limit: int) -> list[LeftMessage]:
        return self._messages(
            "due_at IS NOT NULL AND due_at <= ? ORDER BY due_at, call_id LIMIT ?",
            (micros(now), limit),
        )

    def messages_left(self, limit: int) -> list[LeftMessage]:
        return self._messages(
            "state <> 'asked' ORDER BY left_at DESC, call_id DESC LIMIT ?", (limit,)
        )

    def forget_messages(self, before: datetime, limit: int) -> int:
        return self._db.run(
            "DELETE FROM call_messages WHERE call_id IN (SELECT call_id FROM call_messages "
            "WHERE left_at < ? ORDER BY left_at LIMIT ?)",
            (micros(before), limit),
        )

    def _messages(self, where: str, params: Sequence[Any]) -> list[LeftMessage]:
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM call_messages WHERE {where}", params)
        return [_message(row) for row in rows]


def _row(message: LeftMessage) -> Row:
    return (
        message.call_id,
        message.state.value,
        storable(message.recording_id),
        message.lasted_s,
        micros(message.left_at),
        storable(message.url),
        storable(message.content_type),
        message.size,
        micros_or_none(message.due_at),
        message.tries,
    )


def _message(row: Row) -> LeftMessage:
    call_id, state, recording_id, lasted_s, left_at, url, content_type, size, due_at, tries = row
    return LeftMessage(
        call_id=call_id,
        state=LeftMessageState(state),
        recording_id=recording_id,
        lasted_s=lasted_s,
        left_at=moment(left_at),
        url=url,
        content_type=content_type,
        size=size,
        due_at=moment_or_none(due_at),
        tries=tries,
    )
