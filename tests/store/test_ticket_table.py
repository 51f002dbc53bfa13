"""Tickets and their tasks on both databases: one per alert and system, told in order."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from operation_rows import alert, task, ticket
from store_rows import NOW, ids, later

from ringfence.model.errors import StoreError
from ringfence.model.ticket import TaskState, Ticket, TicketAction, TicketState, TicketTask
from ringfence.store.database import Database

DUE, CLAIMED, DONE, DEAD = TaskState.DUE, TaskState.CLAIMED, TaskState.DONE, TaskState.DEAD


async def add(store: Database, *tickets: Ticket) -> None:
    await store.write(lambda tx: tx.tickets.add(tickets))


async def owe(store: Database, *tasks: TicketTask) -> None:
    await store.write(lambda tx: tx.tickets.owe(tasks))


async def save(store: Database, *tasks: TicketTask) -> None:
    await store.write(lambda tx: tx.tickets.save_tasks(tasks))


async def due(store: Database, limit: int = 50, **delta: float) -> list[str]:
    return ids(await store.read(lambda tx: tx.tickets.due(later(**delta), limit)))


async def test_a_ticket_is_kept_as_it_is_and_saved_whole(store: Database) -> None:
    full = ticket("tkt_2", "alr_2", remote_id="42", url="https://jira.example.org/42")
    await add(store, ticket(), full)
    await add(store)
    assert await store.read(lambda tx: tx.tickets.get("tkt_2")) == full
    closed = replace(full, state=TicketState.CLOSED, title="over", updated_at=later(hours=1))
    await store.write(lambda tx: tx.tickets.save(closed))
    assert await store.read(lambda tx: tx.tickets.get("tkt_2")) == closed
    assert await store.read(lambda tx: tx.tickets.get("tkt_1")) == ticket()
    assert await store.read(lambda tx: tx.tickets.get("tkt_3")) is None


@pytest.mark.proves("P6")
async def test_an_alert_has_one_ticket_in_each_system(store: Database) -> None:
    await add(store, ticket(), ticket("tkt_2", system="hook"), ticket("tkt_3", "alr_2"))
    with pytest.raises(StoreError):
        await add(store, ticket("tkt_4"))
    found = await store.read(lambda tx: tx.tickets.of_alerts(["alr_1", "alr_2", "alr_3"]))
    assert {id_: ids(rows) for id_, rows in found.items()} == {
        "alr_1": ["tkt_1", "tkt_2"],
        "alr_2": ["tkt_3"],
    }
    assert await store.read(lambda tx: tx.tickets.of_alerts([])) == {}


async def test_the_listing_is_newest_first_and_in_pages(store: Database) -> None:
    await add(store, *(ticket(f"tkt_{n}", f"alr_{n}", system="ab"[n % 2]) for n in range(6)))

    async def listed(limit: int, system: str | None, after: str | None) -> list[str]:
        return ids(await store.read(lambda tx: tx.tickets.listing(limit, system, after)))

    assert await listed(2, None, None) == ["tkt_5", "tkt_4"]
    assert await listed(2, None, "tkt_4") == ["tkt_3", "tkt_2"]
    assert await listed(9, "a", "tkt_4") == ["tkt_2", "tkt_0"]


async def test_a_task_is_kept_as_it_is_and_saved_whole(store: Database) -> None:
    full = task(
        action=TicketAction.UPDATE,
        text="acknowledged by ann\x00",
        attempt=3,
        state=CLAIMED,
        lease_owner="here",
        lease_until=later(minutes=1),
        reason="HTTP 503",
    )
    await owe(store, full)
    await owe(store)
    stored = replace(full, text="acknowledged by ann\ufffd")
    assert await store.read(lambda tx: tx.tickets.task("tsk_1")) == stored
    await save(store, replace(full, state=DONE), task(reason="the last one counts"))
    await save(store)
    expected = task(reason="the last one counts")
    assert await store.read(lambda tx: tx.tickets.task("tsk_1")) == expected
    assert await store.read(lambda tx: tx.tickets.task("tsk_2")) is None


@pytest.mark.proves("P6")
@pytest.mark.parametrize("seed", range(5))
async def test_tasks_of_a_ticket_are_due_one_by_one_in_their_order(
    store: Database, seed: int
) -> None:
    """Against a model: due is the first open task of each ticket, when its time or its lease says."""
    chance = random.Random(seed)
    model: list[TicketTask] = []
    for _ in range(14):
        fresh = [
            task(
                f"tsk_{len(model) + n}",
                f"tkt_{chance.randrange(4)}",
                due_at=later(minutes=chance.randrange(-5, 4)),
                state=chance.choice([DUE, DUE, DUE, DONE]),
            )
            for n in range(chance.randrange(4))
        ]
        model += fresh
        await owe(store, *fresh)
        changed = {}
        for place in chance.choices(range(len(model)), k=3) if model else []:
            changed[place] = replace(
                model[place],
                state=chance.choice(list(TaskState)),
                due_at=later(minutes=chance.randrange(-5, 4)),
                lease_until=later(minutes=chance.randrange(-5, 4)),
            )
            model[place] = changed[place]
        await save(store, *changed.values())
        heads: dict[str, TicketTask] = {}
        for one in model:
            if one.state in (DUE, CLAIMED):
                heads.setdefault(one.ticket_id, one)
        expected = {one.id for one in heads.values() if one.state is DUE and one.due_at <= NOW}
        expected |= {
            one.id
            for one in model
            if one.state is CLAIMED and one.lease_until and one.lease_until <= NOW
        }
        assert set(await due(store)) == expected
        dead = {one.id for one in model if one.state is DEAD}
        assert set(ids(await store.read(lambda tx: tx.tickets.dead()))) == dead


async def test_lost_leases_come_first_then_what_waits_longest(store: Database) -> None:
    await owe(
        store,
        task("tsk_1", "tkt_1", due_at=later(minutes=-1)),
        task("tsk_2", "tkt_2", due_at=later(minutes=-2)),
        task("tsk_3", "tkt_3", state=CLAIMED, lease_until=later(minutes=1)),
        task("tsk_4", "tkt_4", due_at=later(minutes=1)),
    )
    assert await due(store) == ["tsk_2", "tsk_1"]
    assert await due(store, limit=1) == ["tsk_2"]
    assert await due(store, minutes=1) == ["tsk_3", "tsk_2", "tsk_1", "tsk_4"]
    assert await due(store, limit=2, minutes=1) == ["tsk_3", "tsk_2"]


async def test_dead_letters_are_counted_by_the_line_of_their_alert(store: Database) -> None:
    await store.write(lambda tx: tx.alerts.add([alert(1), alert(2, line="night")]))
    await add(store, ticket(), ticket("tkt_2", "alr_2"))
    assert await store.read(lambda tx: tx.health.dead_letters()) == {}
    await owe(
        store,
        task("tsk_1", state=DEAD),
        task("tsk_2", state=DEAD),
        task("tsk_3", "tkt_2", state=DEAD),
        task("tsk_4", "tkt_2"),
    )
    assert await store.read(lambda tx: tx.health.dead_letters()) == {
        ("default", "tickets"): 2,
        ("night", "tickets"): 1,
    }
    assert (await store.read(lambda tx: tx.health.counts()))["tickets.dead"] == 3
