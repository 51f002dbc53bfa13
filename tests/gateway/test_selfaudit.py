"""The self-audit: each thing that is owed and late is a problem with words that say what to do; what is
merely busy, throttled or young is none; and a problem is told of once when it begins and ends."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from looking import ALICE, OPEN, Locked, message_form, webhook
from paged import Paged, operations, paged
from ringfence.gateway import figures
from ringfence.gateway.heartbeat_out import AUDIT_EVERY
from ringfence.gateway.selfaudit import CODES, LATE, Problem, by_code, problems
from ringfence.model.alert import AlertState
from ringfence.model.outbox import TurnState
from ringfence.model.planned import Planned, PlannedState
from ringfence.model.ticket import TaskState, Ticket, TicketAction, TicketState, TicketTask
from ringfence.ports import Beating, TurnChange
from ringfence.testing import Faults
from telling import Story

QUIET = {"faults": Faults(callback_dropped=1.0)}
CONFIG = {**operations(), "tickets": {"board": {"kind": "builtin"}}}


async def found(story: Story) -> tuple[Problem, ...]:
    now = story.clock.now()
    seen: tuple[Problem, ...] = await story.read(lambda tx: problems(story.gateway.kit, tx, now))
    return seen


def waits(story: Story, **delta: float) -> None:
    """Time goes by and no worker looks."""
    story.clock.move_to(story.clock.now() + timedelta(**delta))


# -- one of each ----------------------------------------------------------------------------------


async def a_send(paged: Paged) -> timedelta:
    await paged.story.post("/sms/send", {"to": "+15555550199", "body": "hello"})
    return LATE


async def a_send_that_was_claimed(paged: Paged) -> timedelta:
    await a_send(paged)
    assert await paged.story.gateway.dispatcher.claim(1)
    return LATE + paged.story.gateway.kit.pace.dispatch_lease


async def a_turn_that_was_claimed(paged: Paged) -> timedelta:
    await a_turn(paged)
    [item] = await paged.story.read(lambda tx: tx.turns.due(paged.story.clock.now(), 1))
    until = paged.story.clock.now() + timedelta(minutes=10)
    change = TurnChange(
        item.id,
        frozenset({TurnState.OWED}),
        TurnState.CLAIMED,
        lease_owner="a process that is gone",
        lease_until=until,
    )
    assert await paged.story.write(lambda tx: tx.turns.change([change]))
    return LATE + timedelta(minutes=10)


async def a_turn(paged: Paged) -> timedelta:
    assert (await webhook(paged.story, message_form(ALICE))).stored
    return LATE


async def a_watch(paged: Paged) -> timedelta:
    paged.story.carrier.script("+15555550199", "silent")
    await paged.story.post("/sms/send", {"to": "+15555550199", "body": "hello"})
    await paged.story.settle()
    return LATE + timedelta(seconds=paged.story.gateway.kit.pace.watch.status_s[0])


async def an_alert(paged: Paged) -> timedelta:
    alert = await paged.fires("db-1")
    assert alert.next_at is not None
    return alert.next_at - paged.story.clock.now() + timedelta(minutes=2)


async def a_notice(paged: Paged) -> timedelta:
    await paged.post(paged.event("db-1"))
    return LATE


async def a_planned_message(paged: Paged) -> timedelta:
    now = paged.story.clock.now()
    one = Planned(
        id="pln_1",
        flow="reminder",
        source="generic",
        event_id="evt_1",
        line="default",
        number=paged.story.line.owners[0],
        template="reminder",
        language="en",
        state=PlannedState.WAITING,
        due_at=now,
        created_at=now,
    )
    await paged.story.write(lambda tx: tx.planned.add([one]))
    return LATE


async def a_ticket(paged: Paged) -> timedelta:
    alert = await paged.fires("db-1")
    now = paged.story.clock.now()
    ticket = Ticket("tkt_1", alert.id, "board", TicketState.OPEN, "db-1", now, now)
    task = TicketTask("tsk_1", ticket.id, TicketAction.OPEN, TaskState.DUE, now, now)
    await paged.story.write(lambda tx: tx.tickets.add([ticket]))
    await paged.story.write(lambda tx: tx.tickets.owe([task]))
    return LATE


async def a_beat(paged: Paged) -> timedelta:
    now = paged.story.clock.now()
    promise = Beating("generic", "backup", now, 60, 0, now)
    await paged.story.write(lambda tx: tx.duty.beat(promise))
    return timedelta(minutes=2)


async def a_stopped_line(paged: Paged) -> timedelta:
    now = paged.story.clock.now()
    await paged.story.write(lambda tx: tx.lines.stop("default", "20003: bad token", now))
    return timedelta(0)


async def a_checkpoint(paged: Paged) -> timedelta:
    await paged.story.post("/sms/send", {"to": "+15555550199", "body": "hello"})
    await paged.story.settle()
    return paged.story.gateway.kit.pace.checkpoint_every + timedelta(minutes=15)


Cause = Callable[[Paged], Awaitable[timedelta]]
CAUSES: tuple[tuple[str, Cause], ...] = (
    ("outbox_overdue", a_send),
    ("outbox_overdue", a_send_that_was_claimed),
    ("turn_overdue", a_turn),
    ("turn_overdue", a_turn_that_was_claimed),
    ("watch_overdue", a_watch),
    ("alert_without_next_step", an_alert),
    ("notice_overdue", a_notice),
    ("planned_overdue", a_planned_message),
    ("ticket_overdue", a_ticket),
    ("beat_overdue", a_beat),
    ("line_stopped", a_stopped_line),
    ("checkpoint_overdue", a_checkpoint),
)


@pytest.mark.proves("P6")
@pytest.mark.parametrize(("code", "cause"), CAUSES, ids=[cause.__name__ for _, cause in CAUSES])
async def test_what_is_owed_too_long_is_a_problem(store_url: str, code: str, cause: Cause) -> None:
    sms = {**OPEN, "owners": ["+15555550199"]}
    async with paged(store_url, CONFIG, sms=sms, carrier_options=QUIET) as story:
        assert await found(story.story) == ()
        late = await cause(story)
        if late:
            waits(story.story, seconds=late.total_seconds() - 1)
            assert code not in {one.code for one in await found(story.story)}
        waits(story.story, seconds=2)
        seen = {one.code: one.words for one in await found(story.story)}
        assert code in seen
        assert any(word in seen[code] for word in ("ringfence", "log", "worker"))
        assert ALICE not in seen[code]


def test_every_code_has_a_cause() -> None:
    # That the store cannot be written is no fact of the store; see below.
    assert {code for code, _ in CAUSES} == set(CODES) - {"store_unwritable"}
    assert by_code([]) == dict.fromkeys(CODES, 0)


# -- what is no problem ---------------------------------------------------------------------------


async def test_texts_that_the_throttle_holds_back_are_in_time(sqlite_url: str) -> None:
    async with paged(sqlite_url) as story:
        for index in range(11):
            if index < 6:
                await story.post(story.event(f"db-{index}", service=f"service-{index}"))
            await story.story.passes(minutes=1)
            owed = await story.story.read(lambda tx: tx.alerts.owed(100))
            assert await found(story.story) == ()
        assert owed
        assert story.story.clock.now() - owed[0].at > LATE


async def test_what_a_stopped_line_owes_is_one_problem_not_two(sqlite_url: str) -> None:
    async with paged(sqlite_url) as story:
        await a_send(story)
        await a_stopped_line(story)
        waits(story.story, hours=1)
        assert [one.code for one in await found(story.story)] == ["line_stopped"]


async def test_an_alert_that_somebody_has_owes_nothing(sqlite_url: str) -> None:
    async with paged(sqlite_url) as story:
        await story.fires("db-1")
        await story.ann.texts("ack")
        await story.passes(seconds=10)
        assert (await story.alert("db-1")).state is AlertState.ACKNOWLEDGED
        waits(story.story, minutes=50)
        assert await found(story.story) == ()


async def test_a_triggered_alert_with_no_next_time_at_all_is_found(sqlite_url: str) -> None:
    async with paged(sqlite_url) as story:
        lost = replace(await story.fires("db-1"), next_at=None)
        await story.story.write(lambda tx: tx.alerts.save([lost]))
        [problem] = await found(story.story)
        assert problem.code == "alert_without_next_step"
        assert f"#{lost.number}" in problem.words


# -- told once ------------------------------------------------------------------------------------


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    return [
        (record.levelname, record.getMessage(), vars(record)["code"])
        for record in caplog.records
        if record.name == "ringfence.selfaudit"
    ]


async def test_a_problem_is_told_of_when_it_begins_and_when_it_ends(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with paged(sqlite_url) as story:
        await a_stopped_line(story)
        for _ in range(3):
            await story.story.passes(seconds=61)
        await story.story.write(lambda tx: tx.lines.start("default"))
        for _ in range(3):
            await story.story.passes(seconds=61)
        assert told(caplog) == [
            ("ERROR", "self-audit: a problem", "line_stopped"),
            ("INFO", "self-audit: a problem is over", "line_stopped"),
        ]


async def test_a_store_that_takes_nothing_is_a_problem(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with paged(sqlite_url) as story:
        audit = story.story.gateway.worker.oversight.audit
        locked = Locked(story.story)
        [problem] = await audit.look(story.story.clock.now())
        assert problem.code == "store_unwritable"
        locked.free()
        assert await audit.look(story.story.clock.now()) == ()
        assert [code for _, _, code in told(caplog)] == ["store_unwritable"] * 2


async def test_that_it_looked_is_on_record(sqlite_url: str) -> None:
    async with paged(sqlite_url) as story:
        assert await stamp(story) is None
        await story.story.passes(seconds=AUDIT_EVERY.total_seconds() - 1)
        assert await stamp(story) is None
        await story.story.passes(seconds=2)
        first = await stamp(story)
        await story.story.passes(seconds=61)
        assert first < await stamp(story) == story.story.clock.now()


async def stamp(story: Paged) -> Any:
    return await story.story.read(lambda tx: figures.stamped(tx, figures.AUDITED))
