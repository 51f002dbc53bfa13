"""Tickets: what an alert owes each ticket system, and the stage that tells them. Owed in the alert's
own transaction; carried out outside any, one task of a ticket after the other, so that nothing is
lost and nothing opened twice. A system's trouble never holds up an alert."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from ringfence.gateway.batch import until_stored
from ringfence.gateway.claiming import CLAIM_FAILED, Claim
from ringfence.gateway.equipment import Equipment
from ringfence.model.alert import Alert
from ringfence.model.audit import AuditEntry
from ringfence.model.errors import (
    DestinationRefused,
    NotDispatched,
    PossiblyDispatched,
)
from ringfence.model.mail import Mail
from ringfence.model.ticket import TaskState, Ticket, TicketAction, TicketState, TicketTask
from ringfence.ports import Tx
from ringfence.text.unnumbered import unnumbered
from ringfence.tickets import settings_of, systems
from ringfence.tickets.base import (
    AlertView,
    Answered,
    Asked,
    Errand,
    OutcomeKind,
    TicketOutcome,
    again,
    refused,
)
from ringfence.tickets.retry import TRIES_MAX, try_again_at
from ringfence.tickets.wording import TEXT_CHARS_MAX

log = logging.getLogger("ringfence.tickets")

LEASE = timedelta(minutes=5)
BLOCKED_WAIT = timedelta(minutes=10)
BLOCKED_MAX = timedelta(days=1)
MAIL_S_MAX = 120.0
"""How long handing over one mail may take: a few answers of the server's, each with its own limit."""

SYSTEM_GONE = "system_gone"
SYSTEM_BLOCKED = "system_blocked"
EXHAUSTED = "attempts_exhausted"
GREW_OLD = "claim_grew_old"


# -- owed, in the alert's transaction --------------------------------------------------------------


def owe(
    kit: Equipment, tx: Tx, alert: Alert, action: TicketAction, now: datetime, text: str = ""
) -> None:
    """Owe every system of the alert's flow a new ticket, or every ticket of the alert that is open an
    update or its end. `text` is what an update says."""
    if action is TicketAction.OPEN:
        tickets = _new_tickets(kit, tx, alert, now)
        tx.tickets.add(tickets)
    else:
        known = tx.tickets.of_alerts([alert.id]).get(alert.id, [])
        tickets = [ticket for ticket in known if ticket.state is TicketState.OPEN]
    tasks = [_task(kit, ticket, action, now, text) for ticket in tickets]
    tx.tickets.owe(tasks)
    for ticket, task in zip(tickets, tasks, strict=True):
        if task.state is TaskState.DONE:
            tx.tickets.save(_after(ticket, action, now))
    tx.audit.append(
        [
            kit.audit("ticket_owed", ticket.id, "system", now, _body(ticket, task))
            for ticket, task in zip(tickets, tasks, strict=True)
        ]
    )


def _new_tickets(kit: Equipment, tx: Tx, alert: Alert, now: datetime) -> list[Ticket]:
    flow = kit.operations.flow(alert.flow)
    wanted = flow.alert.tickets if flow is not None and flow.alert is not None else ()
    there = {ticket.system for ticket in tx.tickets.of_alerts([alert.id]).get(alert.id, [])}
    return [
        Ticket(
            id=kit.ids.new("ticket", now),
            alert_id=alert.id,
            system=name,
            state=TicketState.OPEN,
            title=unnumbered(alert.title),
            opened_at=now,
            updated_at=now,
        )
        for name in dict.fromkeys(wanted)
        if name not in there
    ]


def _task(
    kit: Equipment, ticket: Ticket, action: TicketAction, now: datetime, text: str
) -> TicketTask:
    system = kit.operations.tickets.get(ticket.system)
    at_once = system is not None and systems()[system.kind].local
    return TicketTask(
        id=kit.ids.new("ticket_task", now),
        ticket_id=ticket.id,
        action=action,
        state=TaskState.DONE if at_once else TaskState.DUE,
        due_at=now,
        created_at=now,
        text=unnumbered(text[:TEXT_CHARS_MAX]),
    )


def _after(
    ticket: Ticket, action: TicketAction, now: datetime, outcome: TicketOutcome | None = None
) -> Ticket:
    """The ticket once the other side did that."""
    closed = action is TicketAction.CLOSE
    return replace(
        ticket,
        state=TicketState.CLOSED if closed else ticket.state,
        updated_at=now,
        remote_id=(outcome.remote_id if outcome else "") or ticket.remote_id,
        url=(outcome.url if outcome else "") or ticket.url,
    )


def _body(ticket: Ticket, task: TicketTask, **more: object) -> dict[str, object]:
    """Of an audit entry: neither the title nor the text."""
    named = {"task": task.id, "action": task.action.value, "system": ticket.system}
    return {**named, "alert": ticket.alert_id, **more}


# -- carried out, by the worker --------------------------------------------------------------------


class Ticketing:
    """Claims tasks and carries them out. `claim` and `carry_out` are separate so that the worker
    bounds what is under way and a test can stand between them. Raises ConfigInvalid for settings that
    no system takes."""

    def __init__(self, kit: Equipment) -> None:
        self._kit = kit
        self._settings: dict[str, Any] = {
            system.name: settings_of(system.kind, system.options)
            for system in kit.operations.tickets.values()
            if not system.blocked_reason
        }

    async def claim(self, limit: int) -> list[TicketTask]:
        """Take up to `limit` due tasks; each must then be carried out. A task that breaks its claim
        goes to the dead letters."""
        now = self._kit.clock.now()
        claim: Claim[TicketTask, TicketTask] = Claim(
            due=lambda tx, most: tx.tickets.due(now, most),
            take=lambda tx, due: self._claim(tx, due, now),
            put_aside=lambda tx, task: self._end(tx, [_dead(task, CLAIM_FAILED)], now),
            about=lambda task: {"task": task.id},
        )
        return await claim.run(self._kit.store, limit, log)

    async def carry_out(self, task: TicketTask) -> None:
        """Tell the other side and record what came of it. Never raises for what the other side
        does."""
        kit = self._kit
        ticket, alert = await kit.store.read(lambda tx: _asked_about(tx, task))
        outcome = await self._converse(task, ticket, alert)
        jitter = kit.chance.random()
        await until_stored(
            kit.clock,
            lambda: kit.store.write(lambda tx: self._record(tx, task, outcome, jitter)),
        )

    # -- the claiming transaction ----------------------------------------------------------

    def _claim(self, tx: Tx, due: Sequence[TicketTask], now: datetime) -> list[TicketTask]:
        after = [self._taken(tx, task, now) for task in due]
        taken = [task for task in after if task.state is TaskState.CLAIMED]
        tx.tickets.save_tasks([task for task in after if task.state is not TaskState.DEAD])
        self._end(tx, [task for task in after if task.state is TaskState.DEAD], now)
        return taken

    def _taken(self, tx: Tx, task: TicketTask, now: datetime) -> TicketTask:
        ticket = tx.tickets.get(task.ticket_id)
        system = None if ticket is None else self._kit.operations.tickets.get(ticket.system)
        if system is None:
            return _dead(task, SYSTEM_GONE)
        if system.blocked_reason:
            if now - task.created_at >= BLOCKED_MAX:
                return _dead(task, SYSTEM_BLOCKED)
            return _later(task, now + BLOCKED_WAIT, SYSTEM_BLOCKED)
        if task.attempt >= TRIES_MAX:
            # Its process died with it, every time.
            return _dead(task, EXHAUSTED)
        return replace(
            task,
            state=TaskState.CLAIMED,
            attempt=task.attempt + 1,
            lease_owner=self._kit.owner,
            lease_until=now + LEASE,
        )

    # -- the conversation ------------------------------------------------------------------

    async def _converse(self, task: TicketTask, ticket: Ticket, alert: Alert) -> TicketOutcome:
        system = self._kit.operations.tickets[ticket.system]
        now = self._kit.clock.now()
        # A second try, or one that a person asked for: the one before may have arrived.
        repeated = task.attempt > 1 or bool(task.reason)
        errand = Errand(task, ticket, alert_view(self._kit, alert), now, repeated)
        talk = systems()[system.kind].carry_out(errand, self._settings[ticket.system])
        try:
            asked = next(talk)
            while True:
                if not self._in_time(task, asked):
                    return again(GREW_OLD)
                asked = talk.send(await self._answered(asked))
        except StopIteration as ended:
            outcome: TicketOutcome = ended.value
            return outcome
        except DestinationRefused as error:
            return refused(error.code)
        except NotDispatched as error:
            return again(error.code)
        except PossiblyDispatched as error:
            return again(error.code, slowly=True)
        finally:
            talk.close()

    async def _answered(self, asked: Asked) -> Answered:
        if isinstance(asked, Mail):
            if self._kit.mailer is None:
                raise NotDispatched("This process sends no mail.", code="no_mailer")
            return await self._kit.mailer.send(asked)
        return await self._kit.http.send(asked)

    def _in_time(self, task: TicketTask, asked: Asked) -> bool:
        """Whoever finds the lease run out carries the task out; we must not do it as well."""
        assert task.lease_until is not None, "only claimed tasks are carried out"
        longest_s = MAIL_S_MAX if isinstance(asked, Mail) else asked.timeout_s
        return self._kit.clock.now() + timedelta(seconds=longest_s) <= task.lease_until

    # -- the recording transaction ---------------------------------------------------------

    def _record(self, tx: Tx, task: TicketTask, outcome: TicketOutcome, jitter: float) -> None:
        now = self._kit.clock.now()
        ticket, stored = tx.tickets.get(task.ticket_id), tx.tickets.task(task.id)
        assert ticket is not None, "a task's ticket is never deleted"
        ours = stored is not None and (stored.lease_owner, stored.attempt, stored.state) == (
            task.lease_owner,
            task.attempt,
            TaskState.CLAIMED,
        )
        tx.audit.append([self._entry(ticket, task, outcome, ours, now)])
        if not ours:
            # The lease ran out and somebody else has it; theirs stands.
            return
        match outcome.kind:
            case OutcomeKind.DONE:
                tx.tickets.save_tasks([_ended(task, TaskState.DONE, "")])
                tx.tickets.save(_after(ticket, task.action, now, outcome))
            case OutcomeKind.AGAIN:
                at = try_again_at(outcome, task.attempt, now, jitter)
                if at is None:
                    self._end(tx, [_dead(task, f"{EXHAUSTED}: {outcome.reason}")], now)
                else:
                    tx.tickets.save_tasks([_later(task, at, outcome.reason)])
            case OutcomeKind.REFUSED:
                self._end(tx, [_dead(task, outcome.reason)], now)
            case _:
                assert_never(outcome.kind)

    def _entry(
        self, ticket: Ticket, task: TicketTask, outcome: TicketOutcome, ours: bool, now: datetime
    ) -> AuditEntry:
        told = {"outcome": outcome.kind.value, "attempt": task.attempt, "late": not ours}
        body = _body(ticket, task, **told, reason=outcome.reason)
        return self._kit.audit("ticket_told", ticket.id, "system", now, body)

    def _end(self, tx: Tx, tasks: Sequence[TicketTask], now: datetime) -> None:
        """Dead letters, each with its entry."""
        tx.tickets.save_tasks(tasks)
        for task in tasks:
            body = {"reason": task.reason, "action": task.action.value, "ticket": task.ticket_id}
            tx.audit.append([self._kit.audit("dead_letter", task.id, "system", now, body)])
            log.warning("dead letter: a ticket system was not told", extra={"task": task.id} | body)


def alert_view(kit: Equipment, alert: Alert) -> AlertView:
    """What ticket systems are told of an alert."""
    responder = kit.operations.responders.get(alert.acknowledged_by)
    return AlertView(
        number=alert.number,
        title=alert.title,
        severity=alert.severity.value,
        service=alert.service,
        flow=alert.flow,
        state=alert.state.value,
        opened_at=alert.opened_at,
        acknowledged_by=(responder.label if responder else "") or alert.acknowledged_by,
        url=alert.url,
    )


def _asked_about(tx: Tx, task: TicketTask) -> tuple[Ticket, Alert]:
    ticket = tx.tickets.get(task.ticket_id)
    alert = None if ticket is None else tx.alerts.get(ticket.alert_id)
    assert ticket is not None, "a task has its ticket"
    assert alert is not None, "a ticket has its alert"
    return ticket, alert


def _ended(task: TicketTask, state: TaskState, reason: str) -> TicketTask:
    return replace(task, state=state, reason=reason, lease_owner="", lease_until=None)


def _dead(task: TicketTask, reason: str) -> TicketTask:
    return _ended(task, TaskState.DEAD, reason)


def _later(task: TicketTask, at: datetime, reason: str) -> TicketTask:
    return replace(_ended(task, TaskState.DUE, reason), due_at=at)
