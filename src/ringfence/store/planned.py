"""Messages that flows owe: each ends once, and what filled its template ends with it. How many wait is
counted as they move, never by looking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ringfence.model.audit import digest
from ringfence.model.phone import PhoneNumber
from ringfence.model.planned import Planned, PlannedState
from ringfence.ports import FlowSaid, PlannedEnd
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import ForEach, Insert, columns, names, per_row, unindexed, within
from ringfence.store.tallies import Tallies
from ringfence.store.values import (
    document_from,
    document_json,
    indexable,
    micros,
    micros_or_none,
    moment,
    moment_or_none,
    storable,
)

_COLUMNS = columns(
    "id flow source event_id line number template language state due_at created_at key vals turn "
    "expires_at message_id reason ended_at",
    **dict.fromkeys(("due_at", "created_at", "turn", "expires_at", "ended_at"), "bigint"),
)
_PLANNED = ", ".join(f"p.{name}" for name in (*names(_COLUMNS), "seq"))
_FLOW = unindexed("p.flow")
_ADD = Insert("planned", _COLUMNS)
_WAITING = PlannedState.WAITING.value
_WAITS = f"'{_WAITING}'"
_PROPOSED = PlannedState.PROPOSED.value
_ENDS = {
    state.value: ForEach(
        "UPDATE planned SET state = :state, message_id = :message_id, reason = :reason, "
        "ended_at = :ended_at, due_at = COALESCE(:due_at, planned.due_at), "
        f"vals = CASE WHEN :state = '{_WAITING}' THEN planned.vals ELSE '' END {{from_rows}} "
        f"WHERE planned.id = :id AND planned.state = {per_row('id', repr(state.value))} "
        "RETURNING planned.id, planned.line, planned.state",
        columns("id state message_id reason ended_at due_at", ended_at="bigint", due_at="bigint"),
    )
    for state in (PlannedState.WAITING, PlannedState.PROPOSED)
}
_WAITING_OF = ForEach(
    f"SELECT {_PLANNED} FROM planned p{{and_rows}} WHERE p.key = :key "
    f"AND {_FLOW} = :flow AND p.state = {per_row('flow', _WAITS)}",
    columns("flow key"),
)
_UNSENT_OF = ForEach(
    f"SELECT {_PLANNED} FROM planned p{{and_rows}} WHERE p.key = :key "
    f"AND {_FLOW} = :flow AND p.state = {per_row('flow', repr(_PROPOSED))} "
    "AND EXISTS (SELECT 1 FROM messages m WHERE m.id = p.message_id "
    "AND m.status IN ('queued', 'held'))",
    columns("flow key"),
)
_COUNT_OF = ForEach(
    "SELECT :flow, :key, (SELECT count(*) FROM planned p WHERE p.key = :key "
    f"AND {_FLOW} = :flow AND p.state IN ('proposed', 'waiting')) {{from_rows}}",
    columns("flow key"),
)
_PERSON_SINCE = ForEach(
    "SELECT :flow, :number, (SELECT count(*) FROM planned p WHERE p.number = :number "
    f"AND {_FLOW} = :flow AND p.created_at >= :since "
    "AND p.state NOT IN ('cancelled', 'moved')) {from_rows}",
    columns("flow number since", since="bigint"),
)
_SAID = ForEach(
    "SELECT k.flow, k.key_digest, k.at, k.event FROM flow_keys k{and_rows} "
    f"WHERE k.key_digest = :key_digest AND {unindexed('k.flow')} = :flow",
    columns("flow key_digest"),
)
_SAY = Insert(
    "flow_keys",
    columns("key_digest flow at event", at="bigint"),
    "ON CONFLICT (key_digest, flow) DO UPDATE SET at = excluded.at, event = excluded.event",
)


class PlannedTable:
    def __init__(self, db: Connection, tallies: Tallies) -> None:
        self._db = db
        self._tallies = tallies

    def add(self, planned: Sequence[Planned]) -> None:
        if not planned:
            return
        self._db.insert(_ADD, [_row(one) for one in planned])
        for one in planned:
            self._tallies.count("planned", one.line, one.state.value, 1)

    def due(self, now: datetime, limit: int) -> list[Planned]:
        return self._where(
            f"p.state = '{_WAITING}' AND p.due_at <= ? ORDER BY p.due_at, p.seq LIMIT ?",
            (micros(now), limit),
        )

    def end(self, ends: Sequence[PlannedEnd]) -> set[str]:
        return self._end(_WAITING, ends)

    def withdraw(self, ends: Sequence[PlannedEnd]) -> set[str]:
        return self._end(_PROPOSED, ends)

    def _end(self, before: str, ends: Sequence[PlannedEnd]) -> set[str]:
        moved: set[str] = set()
        for run in _runs(ends):
            for id_, line, state in self._db.each(_ENDS[before], [_end_row(end) for end in run]):
                moved.add(id_)
                self._tallies.count("planned", line, before, -1)
                self._tallies.count("planned", line, state, 1)
        return moved

    def waiting_of(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[Planned]]:
        return self._of_keys(_WAITING_OF, pairs)

    def unsent_of(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[Planned]]:
        return self._of_keys(_UNSENT_OF, pairs)

    def _of_keys(
        self, query: ForEach, pairs: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], list[Planned]]:
        wanted = _stored(pairs)
        found: dict[Row, list[Planned]] = {}
        rows = self._db.each(query, list(set(wanted.values()))) if wanted else []
        for one in map(_planned, sorted(rows, key=_seq)):
            found.setdefault((one.flow, one.key), []).append(one)
        return {
            pair: sorted(found[key], key=lambda one: one.turn)
            for pair, key in wanted.items()
            if key in found
        }

    def said(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], FlowSaid]:
        wanted = {pair: (pair[0], digest(pair[1])) for pair in pairs}
        rows = self._db.each(_SAID, list(set(wanted.values()))) if wanted else ()
        found = {(flow, key): FlowSaid(moment(at), event) for flow, key, at, event in rows}
        return {pair: found[key] for pair, key in wanted.items() if key in found}

    def say(self, said: Mapping[tuple[str, str], FlowSaid]) -> None:
        rows = [(digest(key), flow, micros(one.at), one.event) for (flow, key), one in said.items()]
        if rows:
            self._db.insert(_SAY, rows)

    def waiting_for(self, number: PhoneNumber) -> list[Planned]:
        # A parameter, not a word: else the index of all that wait would do as well for a planner.
        return self._of(number, " AND p.state = ?", _WAITING)

    def of_person(self, number: PhoneNumber) -> list[Planned]:
        return self._of(number, "")

    def count_of(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
        wanted = _stored(pairs)
        rows = self._db.each(_COUNT_OF, list(set(wanted.values()))) if wanted else ()
        found = {(flow, key): int(count) for flow, key, count in rows}
        return {pair: found[key] for pair, key in wanted.items()}

    def person_since(
        self, pairs: Iterable[tuple[str, PhoneNumber]], since: datetime
    ) -> dict[tuple[str, PhoneNumber], int]:
        wanted = [(flow, number.e164, micros(since)) for flow, number in set(pairs)]
        rows = self._db.each(_PERSON_SINCE, wanted) if wanted else ()
        return {(flow, PhoneNumber(number)): int(count) for flow, number, count in rows}

    def get(self, planned_id: str) -> Planned | None:
        found = self._where("p.id = ?", (planned_id,))
        return found[0] if found else None

    def listing(
        self, limit: int, flow: str | None, waiting: bool, after: str | None
    ) -> list[Planned]:
        where, order, params = ["true"], "p.seq DESC", list[Any]()
        if flow is not None:
            where, order = [within("p.flow")], "p.flow DESC, p.seq DESC"
            params += [flow, flow]
        if after is not None:
            where.append("p.seq < (SELECT a.seq FROM planned a WHERE a.id = ?)")
            params.append(after)
        if waiting:
            where.append(f"p.state = {_WAITS}")
        return self._where(f"{' AND '.join(where)} ORDER BY {order} LIMIT ?", (*params, limit))

    def _of(self, number: PhoneNumber, where: str, *params: str) -> list[Planned]:
        rows = self._db.rows(
            f"SELECT {_PLANNED} FROM planned p WHERE p.number = ?{where}", (number.e164, *params)
        )
        return sorted(map(_planned, sorted(rows, key=_seq)), key=lambda one: one.due_at)

    def _where(self, where: str, params: Sequence[Any]) -> list[Planned]:
        rows = self._db.rows(f"SELECT {_PLANNED} FROM planned p WHERE {where}", params)
        return [_planned(row) for row in rows]


def _stored(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Row]:
    return {(flow, key): (flow, indexable(key)) for flow, key in pairs}


def _runs(ends: Sequence[PlannedEnd]) -> Iterator[list[PlannedEnd]]:
    """In their order, no id twice in one statement."""
    run: dict[str, PlannedEnd] = {}
    for end in ends:
        if end.id in run:
            yield list(run.values())
            run = {}
        run[end.id] = end
    if run:
        yield list(run.values())


def _seq(row: Row) -> int:
    return int(row[-1])


def _end_row(end: PlannedEnd) -> Row:
    waits = end.state is PlannedState.WAITING
    return (
        end.id,
        end.state.value,
        end.message_id,
        storable(end.reason),
        None if waits else micros_or_none(end.at),
        micros_or_none(end.due_at),
    )


def _row(planned: Planned) -> Row:
    return (
        planned.id,
        planned.flow,
        planned.source,
        planned.event_id,
        planned.line,
        planned.number.e164,
        planned.template,
        storable(planned.language),
        planned.state.value,
        micros(planned.due_at),
        micros(planned.created_at),
        indexable(planned.key),
        document_json(planned.values),
        planned.turn,
        micros_or_none(planned.expires_at),
        planned.message_id,
        storable(planned.reason),
        micros_or_none(planned.ended_at),
    )


def _planned(row: Row) -> Planned:
    id_, flow, source, event_id, line, number, template, language, state, due_at = row[:10]
    created_at, key, values, turn, expires_at, message_id, reason, ended_at, _ = row[10:]
    return Planned(
        id_,
        flow,
        source,
        event_id,
        line,
        PhoneNumber(number),
        template,
        language,
        PlannedState(state),
        moment(due_at),
        moment(created_at),
        key,
        document_from(values),
        turn,
        moment_or_none(expires_at),
        message_id,
        reason,
        moment_or_none(ended_at),
    )
