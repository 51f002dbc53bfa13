"""Provider events kept for a while: status observations, and events that are not ours to act on.
Observations hold no body, number or account (B098)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ringfence.model.message import MessageStatus
from ringfence.ports import DeadEvent, Observation
from ringfence.store.connection import Connection, Row
from ringfence.store.outbox import LISTED_MAX
from ringfence.store.statements import ForEach, Insert, columns
from ringfence.store.tallies import Tallies
from ringfence.store.values import as_json, from_json, micros, moment, storable

PER_ITEM_MAX = 20
ITEMS_MAX = 5_000
KEPT_DAYS = 30

_OBSERVATION = (
    "s.outbox_id, s.provider_id, s.provider_status, s.status, s.error_code, s.at, s.conflicting"
)
_OBSERVE = Insert(
    "observations",
    columns(
        "outbox_id provider_id provider_status status error_code at conflicting",
        error_code="bigint",
        at="bigint",
        conflicting="bigint",
    ),
    "ON CONFLICT DO NOTHING RETURNING provider_id, provider_status, error_code",
)
_UNMATCHED = ForEach(
    f"SELECT {_OBSERVATION}, s.seq FROM observations s{{and_rows}} "
    "WHERE s.provider_id = :provider_id AND s.outbox_id = ''",
    columns("provider_id"),
)
_DEAD = "d.id, d.line, d.dedupe_token, d.kind, d.reason, d.at, d.body"


class EventTable:
    def __init__(self, db: Connection, tallies: Tallies) -> None:
        self._db = db
        self._tallies = tallies

    def observe(self, observations: Sequence[Observation]) -> list[bool]:
        if not observations:
            return []
        rows = [_row(observation) for observation in observations]
        fresh = {tuple(row) for row in self._db.insert_returning(_OBSERVE, rows)}
        verdicts = []
        for observation in observations:
            key = (observation.provider_id, observation.provider_status, observation.error_code)
            verdicts.append(key in fresh)
            fresh.discard(key)
        return verdicts

    def observations(self, outbox_id: str) -> list[Observation]:
        """The newest 20 of an item, oldest first."""
        rows = self._db.rows(
            f"SELECT {_OBSERVATION} FROM observations s WHERE s.outbox_id = ? "
            "ORDER BY s.seq DESC LIMIT ?",
            (outbox_id, PER_ITEM_MAX),
        )
        return [_observation(row) for row in reversed(rows)]

    def unmatched(self, provider_ids: Iterable[str]) -> list[Observation]:
        """In the order they came."""
        wanted = [(id_,) for id_ in set(provider_ids) if id_]
        rows = self._db.each(_UNMATCHED, wanted) if wanted else []
        return [_observation(row[:-1]) for row in sorted(rows, key=lambda row: int(row[-1]))]

    def adopt(self, provider_id: str, outbox_id: str) -> None:
        self._db.run(
            "UPDATE observations SET outbox_id = ? WHERE provider_id = ? AND outbox_id = ''",
            (outbox_id, provider_id),
        )

    def bury(self, event: DeadEvent) -> bool:
        buried = (
            self._db.run(
                "INSERT INTO dead_events (id, line, dedupe_token, kind, reason, at, body) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    event.id,
                    event.line,
                    event.dedupe_token,
                    event.kind,
                    storable(event.reason),
                    micros(event.at),
                    as_json(event.body),
                ),
            )
            > 0
        )
        if buried:
            self._tallies.count("events", event.line, "dead", 1)
        return buried

    def dead(self, line: str | None) -> list[DeadEvent]:
        where, params = ("d.line = ?", (line,)) if line is not None else ("true", ())
        rows = self._db.rows(
            f"SELECT {_DEAD} FROM dead_events d WHERE {where} ORDER BY d.seq LIMIT ?",
            (*params, LISTED_MAX),
        )
        return [_dead(row) for row in rows]

    def exhume(self, event_id: str) -> DeadEvent | None:
        row = self._db.row(
            f"SELECT {_DEAD} FROM dead_events d WHERE d.id = ?",
            (event_id,),
        )
        if row is None:
            return None
        self._db.run("DELETE FROM dead_events WHERE id = ?", (event_id,))
        event = _dead(row)
        self._tallies.count("events", event.line, "dead", -1)
        return event


def _row(observation: Observation) -> Row:
    return (
        observation.outbox_id,
        observation.provider_id,
        observation.provider_status,
        observation.status.value,
        observation.error_code,
        micros(observation.at),
        int(observation.conflicting),
    )


def _observation(row: Row) -> Observation:
    outbox_id, provider_id, provider_status, status, error_code, at, conflicting = row
    return Observation(
        outbox_id,
        provider_id,
        provider_status,
        MessageStatus(status),
        error_code,
        moment(at),
        bool(conflicting),
    )


def _dead(row: Row) -> DeadEvent:
    id_, line, dedupe_token, kind, reason, at, body = row
    return DeadEvent(id_, line, dedupe_token, kind, reason, moment(at), from_json(body))
