"""Events that came in from sources. A name that a source gave to an occurrence is taken once, for
ever; what an event said is forgotten in time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ringfence.ports import StoredEvent
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import ForEach, Insert, columns, names, unindexed, within
from ringfence.store.values import (
    document_from,
    document_json,
    indexable,
    micros,
    moment,
    storable,
)

_COLUMNS = columns(
    "id source name type severity action at received_at dedupe_key document outcome",
    at="bigint",
    received_at="bigint",
)
_EVENT = ", ".join(f"e.{name}" for name in names(_COLUMNS))
_ADD = Insert(
    "source_events",
    _COLUMNS,
    "ON CONFLICT (source, name) WHERE name <> '' DO NOTHING RETURNING id",
)
_OUTCOME = ForEach(
    "UPDATE source_events SET outcome = :outcome {from_rows} WHERE source_events.id = :id",
    columns("id outcome"),
)
_KNOWN = ForEach(
    "SELECT e.source, e.name, e.id FROM source_events e{and_rows} "
    f"WHERE e.name = :name AND e.name <> '' AND {unindexed('e.source')} = :source",
    columns("source name"),
)


class SourceEventTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def add(self, events: Sequence[StoredEvent]) -> set[str]:
        rows = [_row(event) for event in events]
        return {id_ for (id_,) in self._db.insert_returning(_ADD, rows)} if rows else set()

    def outcome(self, outcomes: Mapping[str, Mapping[str, Any]]) -> None:
        if outcomes:
            rows = [(id_, document_json(outcome)) for id_, outcome in outcomes.items()]
            self._db.run_each(_OUTCOME, rows)

    def get(self, event_id: str) -> StoredEvent | None:
        query = f"SELECT {_EVENT} FROM source_events e WHERE e.id = ?"
        row = self._db.row(query, (event_id,))
        return None if row is None else _event(row)

    def known(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        wanted = {(source, name): (source, indexable(name)) for source, name in pairs if name}
        rows = self._db.each(_KNOWN, list(set(wanted.values()))) if wanted else ()
        found = {(source, name): id_ for source, name, id_ in rows}
        return {pair: found[key] for pair, key in wanted.items() if key in found}

    def listing(self, limit: int, source: str | None, after: str | None) -> list[StoredEvent]:
        where, order, params = ["true"], "e.seq DESC", list[Any]()
        if source is not None:
            where, order = [within("e.source")], "e.source DESC, e.seq DESC"
            params += [source, source]
        if after is not None:
            where.append("e.seq < (SELECT a.seq FROM source_events a WHERE a.id = ?)")
            params.append(after)
        rows = self._db.rows(
            f"SELECT {_EVENT} FROM source_events e WHERE {' AND '.join(where)} "
            f"ORDER BY {order} LIMIT ?",
            (*params, limit),
        )
        return [_event(row) for row in rows]

    def forget(self, received_before: datetime, limit: int) -> int:
        return self._db.run(
            "UPDATE source_events SET document = '' WHERE seq IN (SELECT e.seq "
            "FROM source_events e WHERE e.document <> '' AND e.received_at < ? "
            "ORDER BY e.received_at LIMIT ?)",
            (micros(received_before), limit),
        )


def _row(event: StoredEvent) -> Row:
    return (
        event.id,
        event.source,
        indexable(event.name),
        storable(event.type),
        event.severity,
        event.action,
        micros(event.at),
        micros(event.received_at),
        storable(event.dedupe_key),
        document_json(event.document),
        document_json(event.outcome),
    )


def _event(row: Row) -> StoredEvent:
    id_, source, name, type_, severity, action, at, received_at, key, document, outcome = row
    return StoredEvent(
        id_,
        source,
        name,
        type_,
        severity,
        action,
        moment(at),
        moment(received_at),
        key,
        document_from(document),
        document_from(outcome),
    )
