"""Planned messages on both databases: due in order, ended once, counted for people and keys."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from operation_rows import planned
from store_rows import ANN, BOB, NOW, ids, later, number, outbound

from ringfence.model.message import MessageStatus
from ringfence.model.planned import Planned, PlannedState
from ringfence.ports import FlowSaid, PlannedEnd
from ringfence.store.database import Database

WAITING, PROPOSED = PlannedState.WAITING, PlannedState.PROPOSED
CANCELLED, MOVED = PlannedState.CANCELLED, PlannedState.MOVED


async def add(store: Database, *rows: Planned) -> None:
    await store.write(lambda tx: tx.planned.add(rows))


async def end(store: Database, *ends: PlannedEnd) -> set[str]:
    return await store.write(lambda tx: tx.planned.end(ends))


async def kept(store: Database, id_: str) -> Planned:
    found = await store.read(lambda tx: tx.planned.get(id_))
    assert found is not None
    return found


async def counted(store: Database) -> dict[str, int]:
    counts = await store.read(lambda tx: tx.health.counts())
    return {name: count for name, count in counts.items() if name.startswith("planned.")}


async def test_a_message_is_kept_as_it_is(store: Database) -> None:
    full = planned(
        turn=3,
        expires_at=later(hours=1),
        message_id="msg_1",
        reason="because",
        ended_at=later(minutes=1),
        values={"name": "Änne \ud83d", "code": "12"},
        state=PROPOSED,
    )
    await add(store, full, planned("pln_2", values={}))
    await add(store)
    assert await kept(store, "pln_1") == full
    assert await kept(store, "pln_2") == planned("pln_2", values={})
    assert await store.read(lambda tx: tx.planned.get("pln_3")) is None


@pytest.mark.parametrize("seed", range(4))
async def test_due_is_in_order_of_time_then_of_planning(store: Database, seed: int) -> None:
    chance = random.Random(seed)
    rows = [
        planned(
            f"pln_{n}",
            due_at=later(minutes=chance.randrange(-3, 4)),
            state=chance.choice([WAITING, WAITING, CANCELLED]),
        )
        for n in range(60)
    ]
    await add(store, *rows)
    expected = [
        one.id
        for one in sorted(rows, key=lambda one: one.due_at)
        if one.state is WAITING and one.due_at <= NOW
    ]
    assert ids(await store.read(lambda tx: tx.planned.due(NOW, 100))) == expected
    assert ids(await store.read(lambda tx: tx.planned.due(NOW, 5))) == expected[:5]


@pytest.mark.proves("P3")
@pytest.mark.parametrize("seed", range(4))
async def test_each_ends_once_and_is_counted(store: Database, seed: int) -> None:
    """Against a model: of all ends the first counts, and waiting for another time is none."""
    chance = random.Random(seed)
    model = {f"pln_{n}": planned(f"pln_{n}") for n in range(12)}
    await add(store, *model.values())
    for _ in range(10):
        ends, expected = list[PlannedEnd](), set[str]()
        for _ in range(chance.randrange(0, 8)):
            id_ = f"pln_{chance.randrange(14)}"
            state = chance.choice([WAITING, WAITING, *PlannedState])
            due = later(hours=chance.randrange(9)) if chance.random() < 0.5 else None
            one = PlannedEnd(id_, state, "msg_1", "why", later(minutes=1), due)
            ends.append(one)
            before = model.get(id_)
            if before is None or before.state is not WAITING:
                continue
            expected.add(id_)
            model[id_] = replace(
                before,
                state=state,
                message_id="msg_1",
                reason="why",
                due_at=due or before.due_at,
                values=before.values if state is WAITING else {},
                ended_at=None if state is WAITING else later(minutes=1),
            )
        assert await end(store, *ends) == expected
        for id_, now_is in model.items():
            assert await kept(store, id_) == now_is
    states = [one.state.value for one in model.values()]
    assert await counted(store) == {f"planned.{s}": states.count(s) for s in set(states)}


async def test_what_waits_is_found_by_its_key_in_the_order_of_turns(store: Database) -> None:
    long = "visit " * 2_000
    await add(
        store,
        planned("pln_1", turn=2),
        planned("pln_2", turn=1),
        planned("pln_3", state=PROPOSED),
        planned("pln_4", flow="other"),
        planned("pln_5", key=long),
    )
    pairs = [("reminder", "visit-1"), ("other", "visit-1"), ("reminder", "x"), ("reminder", long)]
    found = await store.read(lambda tx: tx.planned.waiting_of(pairs))
    assert {pair: ids(rows) for pair, rows in found.items()} == {
        pairs[0]: ["pln_2", "pln_1"],
        pairs[1]: ["pln_4"],
        pairs[3]: ["pln_5"],
    }
    assert await store.read(lambda tx: tx.planned.waiting_of([])) == {}
    counts = await store.read(lambda tx: tx.planned.count_of(pairs))
    assert counts == {pairs[0]: 3, pairs[1]: 1, pairs[2]: 0, pairs[3]: 1}


async def test_what_was_proposed_and_has_not_left_is_found_by_its_key(store: Database) -> None:
    messages = {
        "queued": MessageStatus.QUEUED,
        "held": MessageStatus.HELD,
        "sending": MessageStatus.SENDING,
        "sent": MessageStatus.SENT,
        "gone": MessageStatus.CANCELLED,
        "moved": MessageStatus.QUEUED,
        "else": MessageStatus.QUEUED,
    }
    rows = [outbound(f"msg_{name}", status=status) for name, status in messages.items()]
    await store.write(lambda tx: tx.messages.add_outbound(rows))
    long = "visit " * 2_000
    keys = {"held": long, "else": "visit-2"}
    await add(
        store,
        planned("pln_waits"),
        *(
            planned(
                f"pln_{name}",
                key=keys.get(name, "visit-1"),
                state=MOVED if name == "moved" else PROPOSED,
                message_id=f"msg_{name}",
            )
            for name in messages
        ),
    )
    pairs = [("reminder", "visit-1"), ("reminder", long), ("other", "visit-1"), ("reminder", "x")]
    found = await store.read(lambda tx: tx.planned.unsent_of(pairs))
    assert {pair: ids(rows) for pair, rows in found.items()} == {
        pairs[0]: ["pln_queued"],
        pairs[1]: ["pln_held"],
    }
    assert await store.read(lambda tx: tx.planned.unsent_of([])) == {}


async def test_what_did_not_leave_is_withdrawn_and_counts_no_more(store: Database) -> None:
    states = [one for one in PlannedState if one is not WAITING]
    await add(
        store, *(planned(f"pln_{one.value}", state=one, message_id="msg_1") for one in states)
    )
    ends = [
        PlannedEnd(f"pln_{one.value}", MOVED, "msg_1", "moved by evt_1", later(minutes=1))
        for one in PlannedState
    ]
    assert await store.write(lambda tx: tx.planned.withdraw(ends)) == {"pln_proposed"}
    after = await kept(store, "pln_proposed")
    assert (after.state, after.message_id, after.reason) == (MOVED, "msg_1", "moved by evt_1")
    assert await counted(store) == {
        "planned.moved": 2,
        **{f"planned.{one.value}": 1 for one in states if one not in (MOVED, PROPOSED)},
    }
    pair = ("reminder", "visit-1")
    assert await store.read(lambda tx: tx.planned.count_of([pair])) == {pair: 0}


async def test_a_key_counts_what_waits_or_was_proposed(store: Database) -> None:
    await add(store, *(planned(f"pln_{state.value}", state=state) for state in PlannedState))
    pair = ("reminder", "visit-1")
    assert await store.read(lambda tx: tx.planned.count_of([pair])) == {pair: 2}
    assert await store.read(lambda tx: tx.planned.count_of([])) == {}


async def test_a_person_counts_what_was_planned_lately_and_stood(store: Database) -> None:
    await add(store, *(planned(f"pln_{state.value}", state=state) for state in PlannedState))
    await add(
        store,
        planned("pln_old", created_at=later(hours=-2)),
        planned("pln_bob", number=BOB),
        planned("pln_other", flow="other"),
    )
    pairs = [("reminder", ANN), ("reminder", BOB), ("other", ANN), ("other", BOB)]
    found = await store.read(lambda tx: tx.planned.person_since(pairs, later(hours=-1)))
    assert found == dict(zip(pairs, [4, 1, 1, 0], strict=True))
    assert await store.read(lambda tx: tx.planned.person_since([], NOW)) == {}


async def test_a_persons_messages_are_found_by_their_time(store: Database) -> None:
    await add(
        store,
        planned("pln_1", due_at=later(hours=2)),
        planned("pln_2", due_at=later(hours=1)),
        planned("pln_3", state=MOVED),
        planned("pln_4", number=BOB),
    )
    assert ids(await store.read(lambda tx: tx.planned.waiting_for(ANN))) == ["pln_2", "pln_1"]
    assert ids(await store.read(lambda tx: tx.planned.of_person(ANN))) == [
        "pln_3",
        "pln_2",
        "pln_1",
    ]


async def test_the_listing_is_newest_first_and_in_pages(store: Database) -> None:
    await add(
        store,
        *(
            planned(f"pln_{n}", flow="ab"[n % 2], state=CANCELLED if n in (2, 3) else WAITING)
            for n in range(6)
        ),
    )

    async def listed(limit: int, flow: str | None, waiting: bool, after: str | None) -> list[str]:
        return ids(await store.read(lambda tx: tx.planned.listing(limit, flow, waiting, after)))

    assert await listed(2, None, False, None) == ["pln_5", "pln_4"]
    assert await listed(2, None, True, "pln_4") == ["pln_1", "pln_0"]
    assert await listed(9, "a", False, None) == ["pln_4", "pln_2", "pln_0"]
    assert await listed(9, "a", True, None) == ["pln_4", "pln_0"]
    assert await listed(9, "b", True, "pln_5") == ["pln_1"]


@pytest.mark.proves("P7")
async def test_an_erased_persons_messages_are_gone_and_not_counted(store: Database) -> None:
    await add(
        store, planned("pln_1"), planned("pln_2", state=PROPOSED), planned("pln_3", number=BOB)
    )
    await store.write(lambda tx: tx.duty.verify(ANN, "ann", NOW))
    await store.write(lambda tx: tx.duty.ask(ANN, "123456", later(hours=1)))
    erased = await store.write(lambda tx: tx.privacy.erase(ANN))
    assert erased == {"planned": 2, "verified_numbers": 1, "verifications": 1}
    assert await store.read(lambda tx: tx.planned.of_person(ANN)) == []
    assert await store.read(lambda tx: tx.duty.verified([ANN])) == set()
    assert await store.read(lambda tx: tx.duty.asked(ANN, NOW)) == ""
    assert await counted(store) == {"planned.waiting": 1}
    assert await end(store, PlannedEnd("pln_1", PROPOSED)) == set()


async def test_many_are_planned_and_ended_at_once(store: Database) -> None:
    await add(store, *(planned(f"pln_{n}", number=number(n)) for n in range(300)))
    ends = [PlannedEnd(f"pln_{n}", CANCELLED) for n in range(250)]
    assert await end(store, *ends, *ends) == {f"pln_{n}" for n in range(250)}
    assert await counted(store) == {"planned.waiting": 50, "planned.cancelled": 250}


async def test_what_a_flow_was_told_last_of_a_key_is_kept_without_the_key(store: Database) -> None:
    pair, other = ("reminder", "+15555550121"), ("reminder", "visit-2")
    first, last = FlowSaid(NOW, "a"), FlowSaid(later(minutes=1), "b")
    await store.write(lambda tx: tx.planned.say({pair: first, other: first}))
    await store.write(lambda tx: tx.planned.say({pair: last}))
    found = await store.read(lambda tx: tx.planned.said([pair, other, ("other", "visit-2")]))
    assert found == {pair: last, other: first}
