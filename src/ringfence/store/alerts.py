"""Alerts: one row each, saved whole; their states are counted as they move. What is told of them is in
`notices.py`, what people say of them in `alert_log.py`: this table group holds all three."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from heapq import nlargest
from typing import Any

from ringfence.model.alert import Alert, AlertState
from ringfence.model.event import Severity
from ringfence.store.connection import Connection, Row
from ringfence.store.notices import NoticeTable
from ringfence.store.statements import ForEach, Insert, columns, names, per_row, within
from ringfence.store.tallies import Tallies
from ringfence.store.values import (
    indexable,
    micros,
    micros_or_none,
    moment,
    moment_or_none,
    storable,
)

_BIGINTS = (
    "number opened_at triggered_at acknowledged_at resolved_at place round step_at next_at "
    "exhausted_at count said_at told_at"
)
_COLUMNS = columns(
    "number id flow source dedupe_key service title url severity state line event_id opened_at "
    "triggered_at policy acknowledged_by acknowledged_at resolved_by resolved_at step place round "
    "step_at next_at exhausted_at count said_at told_at",
    **dict.fromkeys(_BIGINTS.split(), "bigint"),
)
_ALERT = ", ".join(f"a.{name}" for name in names(_COLUMNS))
_ADD = Insert("alerts", _COLUMNS)
_SAVE = ForEach(
    "UPDATE alerts SET "
    + ", ".join(f"{name} = :{name}" for name in names(_COLUMNS) if name not in ("number", "id"))
    + " {from_rows} WHERE alerts.id = :id",
    tuple(column for column in _COLUMNS if column[0] != "number"),
)
_GET = ForEach(f"SELECT {_ALERT} FROM alerts a{{and_rows}} WHERE a.id = :id", columns("id"))
_STATE = ForEach(
    "SELECT a.id, a.line, a.state FROM alerts a{and_rows} WHERE a.id = :id", columns("id")
)
_NEWEST = ForEach(
    f"""SELECT {_ALERT} FROM alerts a{{and_rows}} WHERE a.number = (
        SELECT n.number FROM alerts n WHERE n.flow = :flow AND n.source = :source
        AND n.dedupe_key = :dedupe_key ORDER BY n.number DESC LIMIT 1
    )""",
    columns("flow source dedupe_key"),
)
_NUDGE = ForEach(
    "UPDATE alerts SET next_at = :now {from_rows} WHERE alerts.id = :id "
    # PostgreSQL must not walk the index of waiting ones for each id.
    f"AND alerts.next_at > {per_row('id', ':now')}",
    columns("id now", now="bigint"),
)


class AlertTable(NoticeTable):
    def __init__(self, db: Connection, tallies: Tallies) -> None:
        self._db = db
        self._tallies = tallies

    def next_number(self) -> int:
        return int(self._db.value("SELECT COALESCE(max(number), 0) FROM alerts")) + 1

    def add(self, alerts: Sequence[Alert]) -> None:
        if not alerts:
            return
        self._db.insert(_ADD, [_row(alert) for alert in alerts])
        for alert in alerts:
            self._tallies.count("alerts", alert.line, alert.state.value, 1)

    def save(self, alerts: Sequence[Alert]) -> None:
        last = {alert.id: alert for alert in alerts}
        if not last:
            return
        before = self._db.each(_STATE, [(id_,) for id_ in last])
        self._db.run_each(_SAVE, [_row(alert)[1:] for alert in last.values()])
        for id_, line, state in before:
            self._tallies.count("alerts", line, state, -1)
            self._tallies.count("alerts", last[id_].line, last[id_].state.value, 1)

    def get(self, alert_id: str) -> Alert | None:
        return self.many((alert_id,)).get(alert_id)

    def many(self, ids: Iterable[str]) -> dict[str, Alert]:
        wanted = [(id_,) for id_ in set(ids)]
        found = map(_alert, self._db.each(_GET, wanted) if wanted else ())
        return {alert.id: alert for alert in found}

    def by_number(self, number: int) -> Alert | None:
        # More than a column holds is nobody's number.
        if not 0 < number < 1 << 63:
            return None
        row = self._db.row(f"SELECT {_ALERT} FROM alerts a WHERE a.number = ?", (number,))
        return None if row is None else _alert(row)

    def newest_of(self, keys: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], Alert]:
        wanted = {key: (*key[:2], indexable(key[2])) for key in keys}
        rows = self._db.each(_NEWEST, list(set(wanted.values()))) if wanted else ()
        found = {(one.flow, one.source, one.dedupe_key): one for one in map(_alert, rows)}
        return {key: found[stored] for key, stored in wanted.items() if stored in found}

    def due(self, now: datetime, limit: int) -> list[Alert]:
        return self._where(
            "a.next_at IS NOT NULL AND a.next_at <= ? ORDER BY a.next_at, a.number LIMIT ?",
            (micros(now), limit),
        )

    def nudge(self, message_ids: Collection[str], now: datetime) -> None:
        about = self._about(message_ids)
        if about:
            self._db.run_each(_NUDGE, [(id_, micros(now)) for id_ in sorted(about)])

    def open_of(self, flow: str | None, service: str | None) -> list[Alert]:
        where, params = "a.state <> 'resolved'", list[Any]()
        if flow is not None:
            where += " AND a.flow = ?"
            params.append(flow)
        if service is not None:
            where += " AND a.service = ?"
            params.append(indexable(service))
        # In the order of the index of open ones, so that no database walks through all the others.
        found = self._where(f"{where} ORDER BY a.service, a.number", params)
        return sorted(found, key=lambda alert: alert.number)

    def listing(self, limit: int, states: Collection[AlertState], after: str | None) -> list[Alert]:
        before, params = "true", list[Any]()
        if after is not None:
            before = "a.number < (SELECT b.number FROM alerts b WHERE b.id = ?)"
            params.append(after)
        if not states:
            return self._where(f"{before} ORDER BY a.number DESC LIMIT ?", (*params, limit))
        # State by state, each in the order of its index: what is rare costs no walk through the rest.
        found = [
            alert
            for state in set(states)
            for alert in self._where(
                f"{within('a.state')} AND {before} ORDER BY a.state DESC, a.number DESC LIMIT ?",
                (state.value, state.value, *params, limit),
            )
        ]
        return nlargest(limit, found, key=lambda alert: alert.number)

    def overdue(self, before: datetime, limit: int) -> list[Alert]:
        late = self._where(
            "a.next_at IS NOT NULL AND a.next_at < ? ORDER BY a.next_at, a.number LIMIT ?",
            (micros(before), limit),
        )
        lost = self._where(
            "a.state = 'triggered' AND a.exhausted_at IS NULL AND a.next_at IS NULL "
            "ORDER BY a.number LIMIT ?",
            (limit,),
        )
        return [*lost, *late][:limit]

    def counts(self) -> dict[AlertState, int]:
        counts = dict.fromkeys(AlertState, 0)
        for (ledger, _, state), count in self._tallies.all().items():
            if ledger == "alerts":
                counts[AlertState(state)] += count
        return counts

    def _where(self, where: str, params: Sequence[Any]) -> list[Alert]:
        rows = self._db.rows(f"SELECT {_ALERT} FROM alerts a WHERE {where}", params)
        return [_alert(row) for row in rows]


def _row(alert: Alert) -> Row:
    return (
        alert.number,
        alert.id,
        alert.flow,
        alert.source,
        indexable(alert.dedupe_key),
        indexable(alert.service),
        storable(alert.title),
        storable(alert.url),
        alert.severity.value,
        alert.state.value,
        alert.line,
        alert.event_id,
        micros(alert.opened_at),
        micros(alert.triggered_at),
        alert.policy,
        storable(alert.acknowledged_by),
        micros_or_none(alert.acknowledged_at),
        storable(alert.resolved_by),
        micros_or_none(alert.resolved_at),
        alert.step,
        alert.place,
        alert.round,
        micros_or_none(alert.step_at),
        micros_or_none(alert.next_at),
        micros_or_none(alert.exhausted_at),
        alert.count,
        micros_or_none(alert.said_at),
        micros_or_none(alert.told_at),
    )


def _alert(row: Row) -> Alert:
    number, id_, flow, source, dedupe_key, service, title, url, severity, state, line = row[:11]
    event_id, opened_at, triggered_at, policy, acknowledged_by, acknowledged_at = row[11:17]
    resolved_by, resolved_at, step, place, round_, step_at, next_at, exhausted_at = row[17:25]
    count, said_at, told_at = row[25:]
    return Alert(
        id=id_,
        number=number,
        flow=flow,
        source=source,
        title=title,
        severity=Severity(severity),
        state=AlertState(state),
        opened_at=moment(opened_at),
        triggered_at=moment(triggered_at),
        policy=policy,
        dedupe_key=dedupe_key,
        service=service,
        acknowledged_by=acknowledged_by,
        acknowledged_at=moment_or_none(acknowledged_at),
        resolved_by=resolved_by,
        resolved_at=moment_or_none(resolved_at),
        step=step,
        place=place,
        round=round_,
        step_at=moment_or_none(step_at),
        next_at=moment_or_none(next_at),
        exhausted_at=moment_or_none(exhausted_at),
        line=line,
        event_id=event_id,
        count=count,
        said_at=moment_or_none(said_at),
        told_at=moment_or_none(told_at),
        url=url,
    )
