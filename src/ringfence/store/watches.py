"""Watches: something owed by a deadline. An item has at most one; a closed watch is gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from ringfence.model.outbox import Watch, WatchKind
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import ForEach, Insert, columns
from ringfence.store.values import micros, moment

_ADD = Insert(
    "watches",
    columns(
        "id kind line due_at created_at attempt",
        due_at="bigint",
        created_at="bigint",
        attempt="bigint",
    ),
    "ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, line = excluded.line, "
    "due_at = excluded.due_at, created_at = excluded.created_at, attempt = excluded.attempt",
)
_RESCHEDULE = ForEach(
    "UPDATE watches SET due_at = :due_at, attempt = :attempt, kind = :kind {from_rows} "
    "WHERE watches.id = :id",
    columns("id kind due_at attempt", due_at="bigint", attempt="bigint"),
)
_CLOSE = ForEach("DELETE FROM watches {using_rows} WHERE watches.id = :id", columns("id"))


class WatchTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def add(self, watches: Sequence[Watch]) -> None:
        last = {watch.id: _row(watch) for watch in watches}
        if last:
            self._db.insert(_ADD, list(last.values()))

    def due(self, now: datetime, limit: int) -> list[Watch]:
        rows = self._db.rows(
            "SELECT id, kind, line, due_at, created_at, attempt FROM watches "
            "WHERE due_at <= ? ORDER BY due_at LIMIT ?",
            (micros(now), limit),
        )
        return [_watch(row) for row in rows]

    def reschedule(self, watches: Sequence[Watch]) -> None:
        """A watch that was closed meanwhile stays closed."""
        last = {w.id: (w.id, w.kind.value, micros(w.due_at), w.attempt) for w in watches}
        if last:
            self._db.run_each(_RESCHEDULE, list(last.values()))

    def close(self, ids: Iterable[str]) -> None:
        wanted = [(id_,) for id_ in set(ids)]
        if wanted:
            self._db.run_each(_CLOSE, wanted)


def _row(watch: Watch) -> Row:
    return (
        watch.id,
        watch.kind.value,
        watch.line,
        micros(watch.due_at),
        micros(watch.created_at),
        watch.attempt,
    )


def _watch(row: Row) -> Watch:
    id_, kind, line, due_at, created_at, attempt = row
    return Watch(id_, WatchKind(kind), line, moment(due_at), moment(created_at), attempt)
