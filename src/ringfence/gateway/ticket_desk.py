"""What people see of tickets and do about them: the list, one with its tasks, the dead letters, and
trying one of those again. Each change is one transaction with its audit entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ringfence.gateway.equipment import Equipment
from ringfence.gateway.views import moment
from ringfence.model.alert import Alert
from ringfence.model.errors import NotFound, NotResubmittable
from ringfence.model.ticket import TaskState, Ticket, TicketAction, TicketTask
from ringfence.ports import Tx
from ringfence.tickets.tracker import NOT_OPENED

RESUBMITTED = "resubmitted"

Lines = frozenset[str] | None


def listing(
    tx: Tx, limit: int, system: str | None, after: str | None, lines: Lines = None
) -> tuple[list[dict[str, Any]], str | None]:
    """Newest first, those of alerts on these lines (None: all), and where the next page begins."""
    found = tx.tickets.listing(limit, system, after)
    following = found[-1].id if len(found) == limit else None
    return _views(tx, found, lines), following


def one(tx: Tx, ticket_id: str, lines: Lines = None) -> dict[str, Any]:
    """A ticket with all it was owed. Raises NotFound, also for one of another's line."""
    ticket = tx.tickets.get(ticket_id)
    shown = [] if ticket is None else _views(tx, [ticket], lines)
    if not shown:
        raise NotFound(f"No ticket {ticket_id[:64]}.")
    return {**shown[0], "tasks": [task_view(task) for task in tx.tickets.tasks_of(ticket_id)]}


def dead(tx: Tx) -> list[dict[str, Any]]:
    """The dead letters, oldest first, each with its ticket's system and alert."""
    rows = []
    for task in tx.tickets.dead():
        ticket = tx.tickets.get(task.ticket_id)
        assert ticket is not None, "a task has its ticket"
        [about] = _views(tx, [ticket])
        rows.append({**task_view(task), "system": about["system"], "alert": about["alert"]})
    return rows


def task_view(task: TicketTask) -> dict[str, Any]:
    open_ = task.state in (TaskState.DUE, TaskState.CLAIMED)
    return {
        "id": task.id,
        "ticket": task.ticket_id,
        "action": task.action.value,
        "state": task.state.value,
        "text": task.text or None,
        "attempt": task.attempt,
        "reason": task.reason or None,
        "created_at": moment(task.created_at),
        "due_at": moment(task.due_at) if open_ else None,
    }


def _views(tx: Tx, tickets: Sequence[Ticket], lines: Lines = None) -> list[dict[str, Any]]:
    alerts = tx.alerts.many(ticket.alert_id for ticket in tickets)
    return [
        _view(ticket, alerts[ticket.alert_id])
        for ticket in tickets
        if lines is None or alerts[ticket.alert_id].line in lines
    ]


def _view(ticket: Ticket, alert: Alert) -> dict[str, Any]:
    return {
        "id": ticket.id,
        "alert": alert.number,
        "system": ticket.system,
        "state": ticket.state.value,
        "title": ticket.title,
        "remote_id": ticket.remote_id or None,
        "url": ticket.url or None,
        "opened_at": moment(ticket.opened_at),
        "updated_at": moment(ticket.updated_at),
    }


def resubmit(kit: Equipment, tx: Tx, task_id: str, actor: str, now: datetime) -> list[TicketTask]:
    """Put one dead letter back to work; with the opening of a ticket also what came to nothing
    because there was no ticket. The other side is searched first where it can be. Raises NotFound and
    NotResubmittable; nothing changes then."""
    task = tx.tickets.task(task_id)
    if task is None:
        raise NotFound(f"No ticket task {task_id[:64]}; `tickets dead` shows the dead letters.")
    if task.state is not TaskState.DEAD:
        raise NotResubmittable(f"This task is {task.state.value}, no dead letter.")
    others = [
        other
        for other in tx.tickets.tasks_of(task.ticket_id)
        if other.state is TaskState.DEAD and other.id != task.id
    ]
    opening = task if task.action is TicketAction.OPEN else None
    if opening is None:
        for other in others:
            if other.action is TicketAction.OPEN:
                raise NotResubmittable(f"Its ticket was never opened; resubmit {other.id} first.")
    waiting = [other for other in others if opening and other.reason == NOT_OPENED]
    fresh = [_due_again(one, now) for one in (task, *waiting)]
    tx.tickets.save_tasks(fresh)
    tx.audit.append(
        [
            kit.audit(RESUBMITTED, one.id, actor, now, {"kind": "ticket", "ticket": one.ticket_id})
            for one in fresh
        ]
    )
    return fresh


def resubmit_all(kit: Equipment, tx: Tx, actor: str, now: datetime) -> list[TicketTask]:
    """Put the dead letters back to work, as many as `dead` lists at once. The oldest first: a
    ticket's opening brings what waits for it."""
    fresh: dict[str, TicketTask] = {}
    for task in tx.tickets.dead():
        if task.id not in fresh:
            fresh |= {one.id: one for one in resubmit(kit, tx, task.id, actor, now)}
    return list(fresh.values())


def _due_again(task: TicketTask, now: datetime) -> TicketTask:
    """With a fresh count of tries; the reason says that an earlier one may have arrived."""
    return replace(task, state=TaskState.DUE, due_at=now, attempt=0, reason=RESUBMITTED)
