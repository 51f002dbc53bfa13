"""gateway/tickets.py on both stores, with the other sides on loopback and a clock that the test
moves: one ticket per alert, told in order, tried again, never opened twice, dead letters with words."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook
from tracker_fakes import LOST, WEBHOOK_SECRET, Side, options, serving

from ringfence.clock import ManualClock
from ringfence.delivery.flow import AlertSettings, Flow, Operations, Responder
from ringfence.gateway import ticket_desk, tickets
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.tickets import LEASE, Ticketing
from ringfence.model.alert import Alert, AlertState
from ringfence.model.errors import NotDispatched, NotFound, NotResubmittable
from ringfence.model.event import Severity
from ringfence.model.ids import IdSource
from ringfence.model.mail import Mail, MailReply
from ringfence.model.phone import PhoneNumber
from ringfence.model.ticket import (
    TaskState,
    Ticket,
    TicketAction,
    TicketState,
    TicketSystem,
    TicketTask,
)
from ringfence.net.http import HttpClient
from ringfence.ports import Tx
from ringfence.store.database import Database
from ringfence.tickets.retry import TRIES_MAX

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
NUMBER = "+15555550123"
TRACKERS = ("github", "gitlab", "jira")
OPEN, UPDATE, CLOSE = TicketAction.OPEN, TicketAction.UPDATE, TicketAction.CLOSE
ACTOR = "operator:test"


@dataclass
class Mailbox:
    """A mailer that keeps what it is given."""

    mails: list[Mail] = field(default_factory=list)
    code: int = 250

    async def send(self, mail: Mail) -> MailReply:
        self.mails.append(mail)
        return MailReply(self.code)


@dataclass
class Board:
    """One process with its systems, and one alert."""

    kit: Equipment
    clock: ManualClock
    ticketing: Ticketing
    alert: Alert

    async def owes(self, action: TicketAction, text: str = "", **changes: Any) -> None:
        self.alert = replace(self.alert, **changes)
        now = self.clock.now()

        def job(tx: Tx) -> None:
            tx.alerts.save([self.alert])
            tickets.owe(self.kit, tx, self.alert, action, now, text)

        await self.kit.store.write(job)

    async def works(self) -> int:
        """Everything that is due now, in rounds; how many tasks were carried out."""
        count = 0
        while claimed := await self.ticketing.claim(10):
            await asyncio.gather(*(self.ticketing.carry_out(task) for task in claimed))
            count += len(claimed)
        return count

    async def passes(self, **delta: float) -> None:
        self.clock.advance(**delta)
        await self.works()

    async def ticket(self) -> Ticket:
        [ticket] = await self.tickets()
        return ticket

    async def tickets(self) -> list[Ticket]:
        found = await self.read(lambda tx: tx.tickets.of_alerts([self.alert.id]))
        return list(found.get(self.alert.id, []))

    async def tasks(self) -> list[TicketTask]:
        ticket = await self.ticket()
        return list(await self.read(lambda tx: tx.tickets.tasks_of(ticket.id)))

    async def read(self, query: Callable[[Tx], Any]) -> Any:
        return await self.kit.store.read(query)

    async def resubmits(self, task: TicketTask) -> list[TicketTask]:
        now = self.clock.now()
        return await self.kit.store.write(
            lambda tx: ticket_desk.resubmit(self.kit, tx, task.id, ACTOR, now)
        )

    async def entries(self, subject: str) -> list[tuple[str, dict[str, Any]]]:
        found = await self.read(lambda tx: tx.audit.of_subject(subject))
        return [(one.entry.kind, dict(one.entry.body)) for one in found]


def alert_of(flow: str = "incident") -> Alert:
    return Alert(
        id="alr_1",
        number=12,
        flow=flow,
        source="prometheus",
        title=f"Disk full, call {NUMBER}",
        severity=Severity.CRITICAL,
        state=AlertState.TRIGGERED,
        opened_at=START,
        triggered_at=START,
        service="db",
        url="https://mon.example.org/a/12",
    )


@asynccontextmanager
async def board(
    store: Database, *systems: TicketSystem, seed: int = 7, new: bool = True, **kit: Any
) -> AsyncIterator[Board]:
    """A process whose one flow opens tickets in all the systems."""
    names = tuple(system.name for system in systems)
    operations = Operations(
        responders={"ann": Responder("ann", PhoneNumber("+15555550141"), "Ann Other")},
        flows=(Flow("incident", "default", alert=AlertSettings("ops", tickets=names)),),
        tickets={system.name: system for system in systems},
    )
    clock = kit.pop("clock", None) or ManualClock(START)
    async with HttpClient() as http:
        made = Equipment(
            store=store,
            clock=clock,
            ids=IdSource(random.Random(seed).randbytes),
            chance=random.Random(seed),
            http=http,
            lines={},
            providers={},
            agents={},
            policies={},
            owner=f"gateway-{seed}",
            operations=operations,
            **kit,
        )
        alert = alert_of()
        if new:
            await store.write(lambda tx: tx.alerts.add([alert]))
        yield Board(made, clock, Ticketing(made), alert)


@asynccontextmanager
async def beside(store: Database, kind: str, **kit: Any) -> AsyncIterator[tuple[Board, Side]]:
    """A process and one other side."""
    async with (
        serving(kind) as side,
        board(store, TicketSystem("board", kind, options(kind, side.url)), **kit) as one,
    ):
        yield one, side


# -- the life of a ticket --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TRACKERS)
async def test_a_ticket_follows_its_alert_to_the_end(store: Database, kind: str) -> None:
    async with beside(store, kind) as (one, side):
        await one.owes(OPEN)
        await one.works()
        await one.owes(UPDATE, "Acknowledged by ann.", acknowledged_by="ann")
        await one.works()
        await one.owes(CLOSE, "Resolved by ann.", state=AlertState.RESOLVED)
        await one.works()
        [issue] = side.issues
        assert issue.title == "Alert 12: Disk full, call +1555•••0123"
        assert "Severity: critical" in issue.text
        assert ["Acknowledged" in issue.comments[0], "Resolved" in issue.comments[1]] == [True] * 2
        assert not issue.open
        ticket = await one.ticket()
        assert (ticket.state, ticket.remote_id[-1]) == (TicketState.CLOSED, "1")
        assert ticket.url.startswith(("https://", side.url))
        assert [task.state for task in await one.tasks()] == [TaskState.DONE] * 3


@pytest.mark.proves("P9", "P7")
async def test_everything_is_on_record_without_text_or_number(store: Database) -> None:
    async with beside(store, "github") as (one, side):
        await one.owes(OPEN)
        await one.works()
        await one.owes(UPDATE, f"Ann was called at {NUMBER}")
        side.trouble.append(404)
        await one.works()
        ticket = await one.ticket()
        [_, dead] = await one.tasks()
        entries = [*await one.entries(ticket.id), *await one.entries(dead.id)]
        assert [kind for kind, _ in entries] == [
            *("ticket_owed", "ticket_told", "ticket_owed", "ticket_told", "dead_letter")
        ]
        assert entries[3][1]["outcome"] == "refused"
        assert entries[4][1]["reason"] == "http_404"
        shown = json.dumps(entries)
        assert "Disk" not in shown
        assert "called" not in shown
        everything = repr([ticket.title, dead.text, side.bodies, shown])
        assert NUMBER not in everything
        assert NUMBER[1:] not in everything


async def test_who_has_it_is_named_not_numbered(store: Database) -> None:
    async with beside(store, "gitlab") as (one, side):
        await one.owes(OPEN, acknowledged_by="ann")
        await one.works()
        assert "Has it:   Ann Other" in side.issues[0].text
        assert "5550141" not in side.issues[0].text


async def test_one_ticket_for_each_system_and_alert_however_often_it_is_opened(
    store: Database,
) -> None:
    systems = [TicketSystem(name, "builtin", {}) for name in ("b1", "b2")]
    async with board(store, *systems) as one:
        await asyncio.gather(*(one.owes(OPEN) for _ in range(5)))
        assert [ticket.system for ticket in await one.tickets()] == ["b1", "b2"]


async def test_the_builtin_list_is_done_at_once(store: Database) -> None:
    async with board(store, TicketSystem("board", "builtin", {})) as one:
        await one.owes(OPEN)
        await one.owes(UPDATE, "Acknowledged by ann.")
        assert (await one.ticket()).state is TicketState.OPEN
        one.clock.advance(minutes=3)
        await one.owes(CLOSE, state=AlertState.RESOLVED)
        ticket = await one.ticket()
        assert (ticket.state, ticket.updated_at) == (
            TicketState.CLOSED,
            START + timedelta(minutes=3),
        )
        assert [task.state for task in await one.tasks()] == [TaskState.DONE] * 3
        await one.owes(UPDATE, "A note after its end.")
        assert len(await one.tasks()) == 3
        assert await one.works() == 0


async def test_an_alert_of_a_flow_without_tickets_owes_nothing(store: Database) -> None:
    async with board(store) as one:
        await one.owes(OPEN)
        await one.owes(CLOSE)
        assert await one.tickets() == []


# -- lost answers and trouble ----------------------------------------------------------------------


@pytest.mark.proves("P5")
@pytest.mark.parametrize("kind", TRACKERS)
async def test_a_lost_answer_never_makes_a_second_issue(store: Database, kind: str) -> None:
    async with beside(store, kind) as (one, side):
        side.trouble.append(LOST)
        await one.owes(OPEN)
        await one.works()
        [task] = await one.tasks()
        assert (task.state, task.reason) == (TaskState.DUE, "possibly_dispatched")
        assert task.due_at >= START + timedelta(seconds=48)
        await one.passes(seconds=80)
        assert len(side.issues) == 1
        assert [method for method, _ in side.asked] == ["POST", "GET"]
        assert (await one.ticket()).remote_id.endswith("1")
        assert [task.state for task in await one.tasks()] == [TaskState.DONE]


@pytest.mark.proves("P5")
@pytest.mark.parametrize("kind", TRACKERS)
async def test_a_lost_answer_never_says_the_same_twice(store: Database, kind: str) -> None:
    async with beside(store, kind) as (one, side):
        await one.owes(OPEN)
        await one.works()
        side.trouble.append(LOST)
        await one.owes(CLOSE, "Resolved by ann.", state=AlertState.RESOLVED)
        await one.works()
        assert side.issues[0].open
        await one.passes(seconds=80)
        assert len(side.issues[0].comments) == 1
        assert not side.issues[0].open


@pytest.mark.parametrize("kind", TRACKERS)
async def test_what_provably_did_not_arrive_is_looked_up_all_the_same(
    store: Database, kind: str
) -> None:
    async with beside(store, kind) as (one, side):
        side.trouble.append(500)
        await one.owes(OPEN)
        await one.works()
        await one.passes(seconds=7)
        assert len(side.issues) == 1
        assert [method for method, _ in side.asked] == ["POST", "GET", "POST"]


async def test_tasks_of_a_ticket_wait_for_each_other(store: Database) -> None:
    async with beside(store, "github") as (one, side):
        side.trouble.extend([503, 503])
        await one.owes(OPEN)
        await one.owes(UPDATE, "first")
        await one.owes(UPDATE, "second")
        await one.owes(CLOSE, state=AlertState.RESOLVED)
        assert await one.works() == 1
        assert side.issues == []
        await one.passes(seconds=80)
        assert side.issues == []
        await one.passes(minutes=7)
        [issue] = side.issues
        said = [text.split("\n")[1] for text in issue.comments]
        assert said == ["first", "second", "The alert is resolved."]
        assert not issue.open


async def test_a_busy_side_is_heeded_within_bounds(store: Database) -> None:
    async with beside(store, "gitlab") as (one, side):
        side.headers = {"Retry-After": "100"}
        side.trouble.append(429)
        await one.owes(OPEN)
        await one.works()
        [task] = await one.tasks()
        assert START + timedelta(seconds=96) <= task.due_at <= START + timedelta(seconds=100)


# -- dead letters ----------------------------------------------------------------------------------


@pytest.mark.proves("P6", "P10")
async def test_after_eight_tries_in_vain_it_is_a_dead_letter(
    store: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with beside(store, "webhook") as (one, side):
        side.trouble.extend([500] * 20)
        await one.owes(OPEN)
        times = []
        while (task := (await one.tasks())[0]).state is TaskState.DUE:
            times.append(task.due_at)
            one.clock.move_to(task.due_at)
            assert await one.works() == 1
        assert (task.state, task.reason) == (TaskState.DEAD, "attempts_exhausted: http_500")
        assert len(side.asked) == len(times) == TRIES_MAX
        waits = [(later - at).total_seconds() for at, later in itertools.pairwise(times)]
        planned = (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
        assert all(0.8 * p <= w <= 1.2 * p for p, w in zip(planned, waits, strict=True))
        assert len(set(waits)) == len(waits)
        assert "dead letter: a ticket system was not told" in caplog.messages
        assert await one.works() == 0


async def test_the_same_webhook_is_told_by_its_id(store: Database) -> None:
    async with beside(store, "webhook") as (one, side):
        side.trouble.extend([500, 500])
        await one.owes(OPEN)
        for _ in range(3):
            await one.passes(minutes=10)
        [task] = await one.tasks()
        assert task.state is TaskState.DONE
        assert {headers["webhook-id"] for headers, _ in side.bodies} == {task.id}
        stamps = [int(headers["webhook-timestamp"]) for headers, _ in side.bodies]
        assert stamps == sorted(set(stamps))
        for headers, body in side.bodies:
            at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
            wanted = Webhook(WEBHOOK_SECRET).sign(task.id, at, body.decode())
            assert headers["webhook-signature"] == wanted


async def test_a_refused_opening_takes_what_follows_with_it_and_brings_it_back(
    store: Database,
) -> None:
    async with beside(store, "github") as (one, side):
        side.trouble.append(401)
        await one.owes(OPEN)
        await one.owes(UPDATE, "first")
        await one.owes(CLOSE, state=AlertState.RESOLVED)
        await one.works()
        opening, update, _ = await one.tasks()
        assert [(task.state, task.reason) for task in await one.tasks()] == [
            (TaskState.DEAD, "http_401"),
            (TaskState.DEAD, "not_opened"),
            (TaskState.DEAD, "not_opened"),
        ]
        assert (await one.ticket()).state is TicketState.OPEN
        letters = await one.read(ticket_desk.dead)
        assert [(row["alert"], row["system"]) for row in letters] == [(12, "board")] * 3
        with pytest.raises(NotResubmittable, match=f"resubmit {opening.id} first"):
            await one.resubmits(update)
        assert len(await one.resubmits(opening)) == 3
        await one.works()
        [issue] = side.issues
        assert (len(issue.comments), issue.open) == (2, False)
        assert (await one.ticket()).state is TicketState.CLOSED
        kinds = [kind for kind, _ in await one.entries(opening.id)]
        assert kinds == ["dead_letter", "resubmitted"]
        with pytest.raises(NotResubmittable, match="is done"):
            await one.resubmits(opening)
        with pytest.raises(NotFound):
            await one.resubmits(replace(opening, id="tsk_unknown"))


async def test_all_dead_letters_come_back_each_once(store: Database) -> None:
    async with beside(store, "gitlab") as (one, side):
        side.trouble.append(403)
        await one.owes(OPEN)
        await one.owes(UPDATE, "first")
        await one.works()
        now = one.clock.now()
        fresh = await store.write(lambda tx: ticket_desk.resubmit_all(one.kit, tx, ACTOR, now))
        assert [task.action for task in fresh] == [OPEN, UPDATE]
        await one.works()
        assert [len(issue.comments) for issue in side.issues] == [1]


@pytest.mark.proves("P5")
async def test_a_resubmitted_opening_is_looked_up_before_it_is_done(store: Database) -> None:
    async with beside(store, "jira") as (one, side):
        side.trouble.append(LOST)
        await one.owes(OPEN)
        await one.works()
        [task] = await one.tasks()
        dead = replace(task, state=TaskState.DEAD, attempt=TRIES_MAX)
        await store.write(lambda tx: tx.tickets.save_tasks([dead]))
        await one.resubmits(dead)
        await one.works()
        assert len(side.issues) == 1
        [task] = await one.tasks()
        assert (task.state, task.attempt) == (TaskState.DONE, 1)


# -- two at once, and a process that dies ----------------------------------------------------------


async def test_two_processes_share_the_tasks_and_do_each_once(store: Database) -> None:
    async with (
        serving("github") as side,
        board(store, TicketSystem("board", "github", options("github", side.url))) as one,
        board(
            store,
            TicketSystem("board", "github", options("github", side.url)),
            seed=8,
            new=False,
            clock=one.clock,
        ) as other,
    ):
        await one.owes(OPEN)
        await asyncio.gather(one.works(), other.works())
        await one.owes(UPDATE, "x")
        await one.owes(CLOSE, state=AlertState.RESOLVED)
        await asyncio.gather(one.works(), other.works())
        await asyncio.gather(one.works(), other.works())
        [issue] = side.issues
        assert (len(issue.comments), issue.open) == (2, False)


@pytest.mark.proves("P5")
async def test_who_comes_back_after_its_lease_does_nothing_more(store: Database) -> None:
    async with beside(store, "github") as (one, side):
        await one.owes(OPEN)
        [stale] = await one.ticketing.claim(1)
        assert await one.ticketing.claim(1) == []
        one.clock.advance(seconds=LEASE.total_seconds())
        [fresh] = await one.ticketing.claim(1)
        assert (stale.attempt, fresh.attempt) == (1, 2)
        await one.ticketing.carry_out(stale)
        assert side.asked == []
        [task] = await one.tasks()
        assert (task.state, task.attempt) == (TaskState.CLAIMED, 2)
        await one.ticketing.carry_out(fresh)
        assert len(side.issues) == 1
        ticket = await one.ticket()
        told = [body for kind, body in await one.entries(ticket.id) if kind == "ticket_told"]
        assert [(body["late"], body["outcome"]) for body in told] == [
            (True, "again"),
            (False, "done"),
        ]


@pytest.mark.proves("P6")
async def test_a_task_that_kills_its_process_every_time_ends(store: Database) -> None:
    async with beside(store, "github") as (one, side):
        await one.owes(OPEN)
        for _ in range(TRIES_MAX):
            assert len(await one.ticketing.claim(1)) == 1
            one.clock.advance(seconds=LEASE.total_seconds())
        assert await one.ticketing.claim(1) == []
        [task] = await one.tasks()
        assert (task.state, task.reason) == (TaskState.DEAD, "attempts_exhausted")
        assert side.asked == []


async def test_a_task_that_breaks_its_claim_holds_up_no_other(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    systems = [TicketSystem(name, "smtp", MAIL) for name in ("m1", "m2")]
    mailbox = Mailbox()
    async with board(store, *systems, mailer=mailbox) as one:
        await one.owes(OPEN)
        taken = one.ticketing._taken

        def breaks(tx: Tx, task: TicketTask, now: datetime) -> TicketTask:
            ticket = tx.tickets.get(task.ticket_id)
            assert ticket is not None
            if ticket.system == "m1":
                raise RuntimeError("broken row")
            return taken(tx, task, now)

        monkeypatch.setattr(one.ticketing, "_taken", breaks)
        assert await one.ticketing.claim(10) == []
        assert await one.works() == 1
        assert len(mailbox.mails) == 1
        [letter] = await one.read(lambda tx: tx.tickets.dead())
        assert letter.reason == "claim_failed"


# -- systems that cannot be told -------------------------------------------------------------------

MAIL = {"host": "mail.example.org", "sender": "gate@example.org", "to": ("ops@example.org",)}


async def test_mail_goes_through_the_mailer(store: Database) -> None:
    mailbox = Mailbox()
    async with board(store, TicketSystem("mail", "smtp", MAIL), mailer=mailbox) as one:
        await one.owes(OPEN)
        await one.works()
        await one.owes(CLOSE, state=AlertState.RESOLVED)
        mailbox.code = 451
        await one.works()
        mailbox.code = 250
        await one.passes(minutes=2)
        first, again, last = mailbox.mails
        assert b"Subject: Alert 12: Disk full" in first.content
        assert again == last
        assert (await one.ticket()).state is TicketState.CLOSED


class Broken:
    async def send(self, mail: Mail) -> MailReply:
        raise NotDispatched("mail.example.org:587: TLS failed.", code="tls_failed")


@pytest.mark.parametrize(("mailer", "reason"), [(None, "no_mailer"), (Broken(), "tls_failed")])
async def test_a_mailer_that_is_not_there_or_fails_is_tried_again(
    store: Database, mailer: Broken | None, reason: str
) -> None:
    async with board(store, TicketSystem("mail", "smtp", MAIL), mailer=mailer) as one:
        await one.owes(OPEN)
        await one.passes(minutes=5)
        [task] = await one.tasks()
        assert (task.state, task.reason) == (TaskState.DUE, reason)


async def test_a_system_that_left_the_configuration_is_a_dead_letter(store: Database) -> None:
    async with beside(store, "github") as (one, side):
        await one.owes(OPEN)
        gone = replace(one.kit, operations=Operations())
        assert await Ticketing(gone).claim(5) == []
        [task] = await one.tasks()
        assert (task.state, task.reason) == (TaskState.DEAD, "system_gone")
        assert side.asked == []


@pytest.mark.proves("P6")
async def test_a_blocked_system_is_waited_for_a_day(store: Database) -> None:
    blocked = TicketSystem("board", "github", {}, "tickets.board.token: not set")
    async with board(store, blocked) as one:
        await one.owes(OPEN)
        assert await one.works() == 0
        [task] = await one.tasks()
        assert (task.state, task.reason, task.attempt) == (TaskState.DUE, "system_blocked", 0)
        assert task.due_at == START + timedelta(minutes=10)
        await one.passes(hours=24)
        [task] = await one.tasks()
        assert (task.state, task.reason) == (TaskState.DEAD, "system_blocked")
