"""Tickets, and what their systems must still be told. The first open task of a ticket carries
`head = 1`, so that looking for work never walks what waits behind it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from ringfence.model.ticket import TaskState, Ticket, TicketAction, TicketState, TicketTask
from ringfence.store.connection import Connection, Row
from ringfence.store.outbox import LISTED_MAX
from ringfence.store.statements import ForEach, Insert, columns, names, per_row, within
from ringfence.store.values import micros, micros_or_none, moment, moment_or_none, storable

_COLUMNS = columns(
    "id alert_id system state title opened_at updated_at remote_id url",
    opened_at="bigint",
    updated_at="bigint",
)
_TICKET = ", ".join(f"t.{name}" for name in (*names(_COLUMNS), "seq"))
_ADD = Insert("tickets", _COLUMNS)
_OF_ALERT = ForEach(
    f"SELECT {_TICKET} FROM tickets t{{and_rows}} WHERE t.alert_id = :alert_id",
    columns("alert_id"),
)
_TASK_COLUMNS = columns(
    "id ticket_id action state due_at created_at text attempt lease_owner lease_until reason",
    **dict.fromkeys(("due_at", "created_at", "attempt", "lease_until"), "bigint"),
)
_TASK = ", ".join(f"k.{name}" for name in names(_TASK_COLUMNS))
_OWE = Insert("ticket_tasks", (*_TASK_COLUMNS, ("head", "bigint")))
_SAVE_TASK = ForEach(
    "UPDATE ticket_tasks SET "
    + ", ".join(f"{name} = :{name}" for name in names(_TASK_COLUMNS)[1:])
    + " {from_rows} WHERE ticket_tasks.id = :id",
    _TASK_COLUMNS,
)
_OPEN = "state IN ('due', 'claimed')"
_FIRST = f"(SELECT min(o.seq) FROM ticket_tasks o WHERE o.ticket_id = :ticket_id AND o.{_OPEN})"
_DEMOTE = ForEach(
    "UPDATE ticket_tasks SET head = 0 {from_rows} WHERE ticket_tasks.ticket_id = :ticket_id "
    f"AND ticket_tasks.{_OPEN} AND ticket_tasks.seq > {_FIRST} "
    f"AND ticket_tasks.head = {per_row('ticket_id', '1')}",
    columns("ticket_id"),
)
_PROMOTE = ForEach(
    f"UPDATE ticket_tasks SET head = 1 {{from_rows}} WHERE ticket_tasks.seq = {_FIRST} "
    f"AND ticket_tasks.head = {per_row('ticket_id', '0')}",
    columns("ticket_id"),
)


class TicketTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def add(self, tickets: Sequence[Ticket]) -> None:
        """Raises StoreError for a second ticket of one alert in one system."""
        if tickets:
            self._db.insert(_ADD, [_row(ticket) for ticket in tickets])

    def save(self, ticket: Ticket) -> None:
        settings = ", ".join(f"{name} = ?" for name in names(_COLUMNS)[1:])
        self._db.run(f"UPDATE tickets SET {settings} WHERE id = ?", (*_row(ticket)[1:], ticket.id))

    def get(self, ticket_id: str) -> Ticket | None:
        row = self._db.row(f"SELECT {_TICKET} FROM tickets t WHERE t.id = ?", (ticket_id,))
        return None if row is None else _ticket(row)

    def of_alerts(self, alert_ids: Collection[str]) -> dict[str, list[Ticket]]:
        wanted = [(id_,) for id_ in set(alert_ids)]
        rows = self._db.each(_OF_ALERT, wanted) if wanted else []
        found: dict[str, list[Ticket]] = {}
        for row in sorted(rows, key=lambda row: int(row[-1])):
            found.setdefault(row[1], []).append(_ticket(row))
        return found

    def listing(self, limit: int, system: str | None, after: str | None) -> list[Ticket]:
        where, order, params = ["true"], "t.seq DESC", list[Any]()
        if system is not None:
            where, order = [within("t.system")], "t.system DESC, t.seq DESC"
            params += [system, system]
        if after is not None:
            where.append("t.seq < (SELECT a.seq FROM tickets a WHERE a.id = ?)")
            params.append(after)
        rows = self._db.rows(
            f"SELECT {_TICKET} FROM tickets t WHERE {' AND '.join(where)} ORDER BY {order} LIMIT ?",
            (*params, limit),
        )
        return [_ticket(row) for row in rows]

    def owe(self, tasks: Sequence[TicketTask]) -> None:
        if tasks:
            self._db.insert(_OWE, [(*_task_row(task), 0) for task in tasks])
            self._order(task.ticket_id for task in tasks)

    def due(self, now: datetime, limit: int) -> list[TicketTask]:
        """What was claimed and lost comes first."""
        lost = self._tasks(
            "k.state = 'claimed' AND k.lease_until <= ? ORDER BY k.lease_until LIMIT ?",
            (micros(now), limit),
        )
        due = self._tasks(
            "k.state = 'due' AND k.head = 1 AND k.due_at <= ? ORDER BY k.due_at, k.seq LIMIT ?",
            (micros(now), limit),
        )
        return [*lost, *due][:limit]

    def task(self, task_id: str) -> TicketTask | None:
        found = self._tasks("k.id = ?", (task_id,))
        return found[0] if found else None

    def tasks_of(self, ticket_id: str) -> list[TicketTask]:
        return self._tasks("k.ticket_id = ? ORDER BY k.seq LIMIT ?", (ticket_id, LISTED_MAX))

    def save_tasks(self, tasks: Sequence[TicketTask]) -> None:
        last = {task.id: task for task in tasks}
        if last:
            self._db.run_each(_SAVE_TASK, [_task_row(task) for task in last.values()])
            self._order(task.ticket_id for task in last.values())

    def dead(self) -> list[TicketTask]:
        """Oldest first, LISTED_MAX at once."""
        return self._tasks("k.state = 'dead' ORDER BY k.seq LIMIT ?", (LISTED_MAX,))

    def _order(self, ticket_ids: Iterable[str]) -> None:
        """Each ticket's first open task is its head, and no other one."""
        wanted = [(id_,) for id_ in set(ticket_ids)]
        self._db.run_each(_DEMOTE, wanted)
        self._db.run_each(_PROMOTE, wanted)

    def _tasks(self, where: str, params: Sequence[Any]) -> list[TicketTask]:
        rows = self._db.rows(f"SELECT {_TASK} FROM ticket_tasks k WHERE {where}", params)
        return [_task(row) for row in rows]


def _row(ticket: Ticket) -> Row:
    return (
        ticket.id,
        ticket.alert_id,
        ticket.system,
        ticket.state.value,
        storable(ticket.title),
        micros(ticket.opened_at),
        micros(ticket.updated_at),
        storable(ticket.remote_id),
        storable(ticket.url),
    )


def _ticket(row: Row) -> Ticket:
    id_, alert_id, system, state, title, opened_at, updated_at, remote_id, url, _ = row
    return Ticket(
        id_,
        alert_id,
        system,
        TicketState(state),
        title,
        moment(opened_at),
        moment(updated_at),
        remote_id,
        url,
    )


def _task_row(task: TicketTask) -> Row:
    return (
        task.id,
        task.ticket_id,
        task.action.value,
        task.state.value,
        micros(task.due_at),
        micros(task.created_at),
        storable(task.text),
        task.attempt,
        task.lease_owner,
        micros_or_none(task.lease_until),
        storable(task.reason),
    )


def _task(row: Row) -> TicketTask:
    id_, ticket_id, action, state, due_at, created_at, text, attempt = row[:8]
    lease_owner, lease_until, reason = row[8:]
    return TicketTask(
        id_,
        ticket_id,
        TicketAction(action),
        TaskState(state),
        moment(due_at),
        moment(created_at),
        text,
        attempt,
        lease_owner,
        moment_or_none(lease_until),
        reason,
    )
