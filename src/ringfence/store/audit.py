"""The audit chain: append-only, each entry hashed over the one before (P7). The head and the count
are written in the same transaction, so that a cut tail is found too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from ringfence.model.audit import GENESIS, AuditEntry, link
from ringfence.model.errors import StoreError
from ringfence.ports import StoredAudit
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import Insert, columns
from ringfence.store.values import as_json, from_json, micros, moment

_COLUMNS = columns("seq id at kind subject actor body previous hash", seq="bigint", at="bigint")
_ENTRY = ", ".join(name for name, _ in _COLUMNS)
_ADD = Insert("audit", _COLUMNS)
_CHUNK = 1_000
"""Entries held in memory while verifying."""


class AuditTable:
    """Buffers the entries of one transaction; `flush` chains and writes them."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._waiting: list[AuditEntry] = []

    def append(self, entries: Sequence[AuditEntry]) -> None:
        if self._db.read_only:
            raise StoreError("A read tried to write.")
        self._waiting.extend(entries)

    def get(self, entry_id: str) -> StoredAudit | None:
        self.flush()
        row = self._db.row(f"SELECT {_ENTRY} FROM audit WHERE id = ?", (entry_id,))
        return _stored(row) if row else None

    def of_subject(self, subject: str) -> list[StoredAudit]:
        self.flush()
        rows = self._db.rows(
            f"SELECT {_ENTRY} FROM audit WHERE subject = ? ORDER BY seq",
            (subject,),
        )
        return [_stored(row) for row in rows]

    def verify(self) -> tuple[int, str]:
        """Walks the whole chain, a thousand entries at a time."""
        self.flush()
        count, head = self._head()
        checked, previous = 0, GENESIS
        while chunk := self._after(checked):
            for row in chunk:
                if finding := _broken(row, checked + 1, previous):
                    return checked, finding
                checked, previous = checked + 1, row[-1]
        if checked < count:
            return checked, f"entries {checked + 1} to {count} are gone from the end of the chain"
        if (checked, previous) != (count, head):
            return checked, f"the recorded head does not match entry {checked}"
        return checked, ""

    def reset(self) -> None:
        self._waiting.clear()

    def buffered(self) -> list[AuditEntry]:
        return list(self._waiting)

    def restore(self, buffered: list[AuditEntry]) -> None:
        self._waiting = buffered

    def flush(self) -> None:
        if not self._waiting:
            return
        count, previous = self._head()
        rows = []
        for entry in self._waiting:
            fields = (
                entry.id,
                micros(entry.at),
                entry.kind,
                entry.subject,
                entry.actor,
                as_json(entry.body),
            )
            count += 1
            following = link(previous, _canonical(fields))
            rows.append((count, *fields, previous, following))
            previous = following
        self._waiting.clear()
        self._db.insert(_ADD, rows)
        self._db.run("UPDATE audit_head SET count = ?, hash = ?", (count, previous))

    def _head(self) -> tuple[int, str]:
        row = self._db.row("SELECT count, hash FROM audit_head")
        if row is None:
            raise StoreError("The audit chain has lost its head. Run `ringfence audit verify`.")
        return row[0], row[1]

    def _after(self, seq: int) -> list[Row]:
        return self._db.rows(
            f"SELECT {_ENTRY} FROM audit WHERE seq > ? ORDER BY seq LIMIT {_CHUNK}",
            (seq,),
        )


def _canonical(fields: tuple[Any, ...]) -> bytes:
    """The columns but seq, previous and hash, as JSON with sorted keys; `link` adds previous."""
    id_, at, kind, subject, actor, body = fields
    # Written in the order of the alphabet: the same bytes as sorting, without the cost.
    return orjson.dumps(
        {"actor": actor, "at": at, "body": body, "id": id_, "kind": kind, "subject": subject}
    )


def _broken(row: Row, expected_seq: int, expected_previous: str) -> str:
    seq, *fields, previous, stored_hash = row
    if seq != expected_seq:
        return f"entry {expected_seq} is gone"
    if previous != expected_previous:
        return f"entry {seq} does not follow entry {seq - 1}"
    if link(previous, _canonical(tuple(fields))) != stored_hash:
        return f"entry {seq} ({row[1]}) was changed"
    return ""


def _stored(row: Row) -> StoredAudit:
    seq, id_, at, kind, subject, actor, body, previous, stored_hash = row
    entry = AuditEntry(id_, moment(at), kind, subject, actor, from_json(body))
    return StoredAudit(seq, entry, previous, stored_hash)
