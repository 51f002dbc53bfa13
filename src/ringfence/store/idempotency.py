"""Idempotency keys of callers. A key lives as long as its message; nothing here expires."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ringfence.ports import IdempotencyRecord
from ringfence.store.connection import Connection
from ringfence.store.statements import ForEach, Insert, columns
from ringfence.store.values import micros, moment

_FIND = ForEach(
    "SELECT i.scope, i.key, i.body_digest, i.message_id, i.created_at FROM idempotency i{and_rows} "
    "WHERE i.scope = :scope AND i.key = :key",
    columns("scope key"),
)
_ADD = Insert(
    "idempotency",
    columns("scope key body_digest message_id created_at", created_at="bigint"),
)


class IdempotencyTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def find(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], IdempotencyRecord]:
        wanted = list(set(pairs))
        rows = self._db.each(_FIND, wanted) if wanted else []
        return {
            (scope, key): IdempotencyRecord(scope, key, body_digest, message_id, moment(created_at))
            for scope, key, body_digest, message_id, created_at in rows
        }

    def add(self, records: Sequence[IdempotencyRecord]) -> None:
        """Raises StoreError when a key is already there: look with `find` in the same job."""
        if records:
            self._db.insert(
                _ADD,
                [
                    (r.scope, r.key, r.body_digest, r.message_id, micros(r.created_at))
                    for r in records
                ],
            )
