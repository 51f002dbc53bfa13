"""The audit chain: append-only, each entry hashed over the one before (P7). The head and the count
are written in the same transaction, so that a cut tail is found too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ringfence.model.audit import AuditEntry, link
from ringfence.model.errors import StoreError
from ringfence.ports import LAST, StoredAudit
from ringfence.store.chain import canonical
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import Insert, columns
from ringfence.store.values import as_json, from_json, micros, micros_or_none, moment
from ringfence.store.verifying import head_finding, walk_all

_COLUMNS = columns("seq id at kind subject actor body previous hash", seq="bigint", at="bigint")
_ENTRY = ", ".join(name for name, _ in _COLUMNS)
_ADD = Insert("audit", _COLUMNS)


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

    def after(self, seq: int, limit: int, kind: str = "", until: int = LAST) -> list[StoredAudit]:
        self.flush()
        rows = self._db.rows(
            f"SELECT {_ENTRY} FROM audit WHERE seq > ? AND seq <= ? AND (? = '' OR kind = ?) "
            "ORDER BY seq LIMIT ?",
            (seq, until, kind, kind, limit),
        )
        return [_stored(row) for row in rows]

    def newest(self, limit: int, kind: str = "") -> list[StoredAudit]:
        self.flush()
        rows = self._db.rows(
            f"SELECT {_ENTRY} FROM audit WHERE (? = '' OR kind = ?) ORDER BY seq DESC LIMIT ?",
            (kind, kind, limit),
        )
        return [_stored(row) for row in reversed(rows)]

    def between(self, since: datetime | None, until: datetime | None) -> tuple[int, int]:
        self.flush()
        first, last = self._db.rows(
            "SELECT min(seq), max(seq) FROM audit "
            "WHERE at >= coalesce(?, at) AND at < coalesce(?, at + 1)",
            (micros_or_none(since), micros_or_none(until)),
        )[0]
        return (first, last) if first is not None else (1, 0)

    def mentioning(self, words: Sequence[str], after: int, limit: int) -> list[StoredAudit]:
        self.flush()
        like = " OR ".join(["body LIKE ?"] * len(words))
        rows = self._db.rows(
            f"SELECT {_ENTRY} FROM audit WHERE seq > ? AND kind NOT IN ('decision', 'attempt', "
            f"'status') AND ({like}) ORDER BY seq LIMIT ?",
            (after, *(f"%{word}%" for word in words), limit),
        )
        return [_stored(row) for row in rows]

    def head(self) -> tuple[int, str]:
        self.flush()
        return self._head()

    def verify(self) -> tuple[int, str]:
        self.flush()
        walk = walk_all(self._db)
        return walk.entries, walk.finding or head_finding(self._db, walk)

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
            following = link(previous, canonical(fields))
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


def _stored(row: Row) -> StoredAudit:
    seq, id_, at, kind, subject, actor, body, previous, stored_hash = row
    try:
        entry = AuditEntry(id_, moment(at), kind, subject, actor, from_json(body))
    except (TypeError, ValueError, OverflowError):
        raise StoreError(
            f"Audit entry {seq} cannot be read: it was changed. Run `ringfence audit verify`."
        ) from None
    return StoredAudit(seq, entry, previous, stored_hash)
