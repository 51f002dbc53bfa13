"""The three ledgers on both databases: lanes, fencing, leases, tallies."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from store_rows import ANN, BOB, NOW, claim, ids, item, later, move, number, turn, turn_move

from ringfence.model.message import MediaRef, MessageStatus
from ringfence.model.outbox import (
    OUTBOX_TRANSITIONS,
    OutboxItem,
    OutboxState,
    TurnState,
    Watch,
    WatchKind,
)
from ringfence.ports import OutboxChange, Tx
from ringfence.store.database import Database

DUE, SENDING, UNKNOWN = OutboxState.DUE, OutboxState.SENDING, OutboxState.UNKNOWN
ACCEPTED, HELD, DEAD = OutboxState.ACCEPTED, OutboxState.HELD, OutboxState.DEAD
OPEN = {DUE, SENDING, UNKNOWN}


async def add(store: Database, *items: OutboxItem) -> None:
    await store.write(lambda tx: tx.outbox.add(items))


async def change(store: Database, *changes: OutboxChange) -> set[str]:
    return await store.write(lambda tx: tx.outbox.change(changes))


async def due(store: Database, *stopped: str, limit: int = 10, **delta: float) -> list[str]:
    return ids(await store.read(lambda tx: tx.outbox.due(later(**delta), limit, stopped)))


async def test_an_item_comes_back_as_it_was(store: Database) -> None:
    full = item(
        media=(MediaRef("image/png", media_id="med_1", bytes_count=12),),
        body="Grüße 👋",
        lease_until=later(minutes=1),
        lease_owner="here",
        attempt=3,
        provider_id="SM1",
        status=MessageStatus.SENT,
        error_code=30003,
        reason="because",
        text_digest="ab",
        segments=2,
    )
    await add(store, full)
    found = await store.read(lambda tx: tx.outbox.get("obx_1"))
    assert found is not None
    assert found.seq > 0
    assert found == item(**{**_fields(full), "seq": found.seq})
    assert await store.read(lambda tx: tx.outbox.get("obx_none")) is None


def _fields(of: OutboxItem) -> dict[str, Any]:
    return {name: getattr(of, name) for name in OutboxItem.__slots__ if name != "id"}


async def test_due_is_in_order_of_time_and_within_the_limit(store: Database) -> None:
    await add(
        store,
        item("obx_later", number=number(1), due_at=later(seconds=5)),
        item("obx_first", number=number(2), due_at=later(seconds=-5)),
        item("obx_night", number=number(3), line="night"),
        item("obx_future", number=number(4), due_at=later(minutes=1)),
    )
    assert await due(store, seconds=10) == ["obx_first", "obx_night", "obx_later"]
    assert await due(store, seconds=10, limit=2) == ["obx_first", "obx_night"]
    assert await due(store, "default", seconds=10) == ["obx_night"]
    assert await due(store, "default", "night", seconds=10) == []


@pytest.mark.proves("P4")
async def test_only_the_first_of_a_lane_is_due(store: Database) -> None:
    await add(store, item("obx_1"), item("obx_2"), item("obx_night", line="night"))
    await add(store, item("obx_3"))
    assert await due(store) == ["obx_1", "obx_night"]
    await change(store, claim("obx_1"))
    assert await due(store) == ["obx_night"]
    await change(store, move("obx_1", SENDING, UNKNOWN))
    assert await due(store) == ["obx_night"]
    await change(store, move("obx_1", UNKNOWN, ACCEPTED, provider_id="SM1"))
    assert await due(store) == ["obx_2", "obx_night"]
    await change(store, move("obx_2", DUE, OutboxState.CANCELLED))
    assert await due(store) == ["obx_night", "obx_3"]


async def test_a_head_that_is_not_due_yet_holds_its_lane(store: Database) -> None:
    await add(store, item("obx_1", due_at=later(minutes=5)), item("obx_2"))
    assert await due(store) == []
    found = await store.read(lambda tx: tx.outbox.due(later(minutes=5), 10, ()))
    assert ids(found) == ["obx_1"]


async def test_a_released_item_takes_its_old_place(store: Database) -> None:
    await add(store, item("obx_1", state=HELD), item("obx_2"))
    assert await due(store) == ["obx_2"]
    await change(store, move("obx_1", HELD, DUE))
    assert await due(store) == ["obx_1"]
    await change(store, move("obx_1", DUE, HELD))
    assert await due(store) == ["obx_2"]


@pytest.mark.proves("P4")
async def test_lanes_hold_through_any_history(store: Database) -> None:
    """Random legal moves; after each, `due` is what the definition says."""
    chance = random.Random(20260701)
    book: dict[str, OutboxItem] = {}
    order: list[str] = []
    for step in range(120):
        if chance.random() < 0.4 or not book:
            new = [
                item(
                    f"obx_{step}_{n}",
                    number=chance.choice([ANN, BOB]),
                    line=chance.choice(["default", "night"]),
                    state=chance.choice([DUE, DUE, HELD]),
                    due_at=later(seconds=chance.randint(-3, 3)),
                )
                for n in range(chance.randint(1, 3))
            ]
            await add(store, *new)
            book |= {i.id: i for i in new}
            order += ids(new)
        else:
            changes = []
            for id_ in chance.sample(order, min(3, len(order))):
                before = book[id_].state
                if after := sorted(OUTBOX_TRANSITIONS[before], key=lambda s: s.value):
                    changes.append(move(id_, before, chance.choice(after)))
            assert await change(store, *changes) == {c.id for c in changes}
            for made in changes:
                book[made.id] = item(**{**_fields(book[made.id]), "state": made.state}, id_=made.id)
        assert await due(store, limit=100) == _expected_due(book, order)
    counted = await store.read(lambda tx: tx.health.counts())
    for state in OutboxState:
        there = sum(1 for i in book.values() if i.state is state)
        assert counted.get(f"outbox.{state.value}", 0) == there, state


def _expected_due(book: dict[str, OutboxItem], order: list[str]) -> list[str]:
    heads: dict[tuple[str, str], OutboxItem] = {}
    for id_ in order:
        if book[id_].state in OPEN:
            heads.setdefault((book[id_].line, book[id_].number.e164), book[id_])
    ready = [h for h in heads.values() if h.state is DUE and h.due_at <= NOW]
    return ids(sorted(ready, key=lambda h: (h.due_at, order.index(h.id))))


@pytest.mark.proves("P5")
async def test_only_one_of_two_claims_wins(store: Database) -> None:
    await add(store, item("obx_1"), item("obx_2", number=BOB))
    assert await change(store, claim("obx_1", "here"), claim("obx_2", "here")) == {"obx_1", "obx_2"}
    assert await change(store, claim("obx_1", "there")) == set()
    kept = await store.read(lambda tx: tx.outbox.get("obx_1"))
    assert kept is not None
    assert kept.lease_owner == "here"


@pytest.mark.proves("P5")
async def test_a_result_of_an_earlier_attempt_is_ignored(store: Database) -> None:
    await add(store, item("obx_1"))
    await change(store, claim("obx_1"))
    await change(store, move("obx_1", SENDING, DUE))
    await change(store, claim("obx_1", expect_attempt=1, owner="there"))
    late = move("obx_1", SENDING, ACCEPTED, expect_attempt=2, provider_id="SM1")
    assert await change(store, late) == set()
    in_time = move("obx_1", SENDING, ACCEPTED, expect_attempt=1, provider_id="SM1")
    assert await change(store, in_time) == {"obx_1"}


async def test_several_expectations_match_any_of_them(store: Database) -> None:
    await add(store, item("obx_1"), item("obx_2", state=HELD), item("obx_3", number=BOB))
    await change(store, claim("obx_3"))
    stop = [
        OutboxChange(i, frozenset({DUE, HELD}), OutboxState.CANCELLED, reason="opt-out")
        for i in ("obx_1", "obx_2", "obx_3")
    ]
    assert await change(store, *stop) == {"obx_1", "obx_2"}
    found = await store.read(lambda tx: tx.outbox.many(["obx_1", "obx_2", "obx_3", "obx_9"]))
    assert [found[i].state for i in sorted(found)] == [
        OutboxState.CANCELLED,
        OutboxState.CANCELLED,
        SENDING,
    ]
    assert found["obx_1"].reason == "opt-out"


async def test_one_item_moves_twice_in_one_batch_in_order(store: Database) -> None:
    await add(store, item("obx_1"))
    there_and_back = [claim("obx_1"), move("obx_1", SENDING, DUE), claim("obx_1", "again")]
    assert await change(store, *there_and_back) == {"obx_1"}
    found = await store.read(lambda tx: tx.outbox.get("obx_1"))
    assert found is not None
    assert (found.state, found.lease_owner) == (SENDING, "again")


async def test_the_last_of_two_like_changes_stays(store: Database) -> None:
    await add(store, item("obx_1"))
    for hours in range(1, 9):
        twice = [move("obx_1", DUE, DUE, due_at=later(hours=h)) for h in (hours + 1, hours)]
        assert await change(store, *twice) == {"obx_1"}
        found = await store.read(lambda tx: tx.outbox.get("obx_1"))
        assert found is not None
        assert found.due_at == later(hours=hours)


async def test_staying_in_a_state_changes_only_columns(store: Database) -> None:
    await add(store, item("obx_1"))
    await change(store, claim("obx_1"))
    longer = move("obx_1", SENDING, SENDING, lease_until=later(minutes=9))
    assert await change(store, longer) == {"obx_1"}
    assert (await store.read(lambda tx: tx.health.counts()))["outbox.sending"] == 1


async def test_an_illegal_move_is_our_own_mistake(store: Database) -> None:
    await add(store, item("obx_1"))
    with pytest.raises(AssertionError, match="accepted never becomes due"):
        await change(store, move("obx_1", ACCEPTED, DUE))
    with pytest.raises(AssertionError, match="done never becomes owed"):
        await store.write(
            lambda tx: tx.turns.change([turn_move("trn_1", TurnState.DONE, TurnState.OWED)])
        )


async def test_lost_leases_are_found(store: Database) -> None:
    await add(store, item("obx_1"), item("obx_2", number=BOB))
    await change(store, claim("obx_1", "here"), claim("obx_2", "there"))
    outbox = store.read
    assert ids(await outbox(lambda tx: tx.outbox.leases_lost(NOW))) == []
    assert ids(await outbox(lambda tx: tx.outbox.leases_lost(later(minutes=1)))) == [
        "obx_1",
        "obx_2",
    ]
    assert ids(await outbox(lambda tx: tx.outbox.leases_lost(NOW, "here"))) == ["obx_2"]


@pytest.mark.proves("P3")
async def test_what_is_pending_for_a_person_is_all_found(store: Database) -> None:
    await add(
        store,
        item("obx_1"),
        item("obx_2", line="night", initiator="bridge"),
        item("obx_3", state=HELD),
        item("obx_4", number=BOB),
        item("obx_5"),
    )
    await change(store, claim("obx_1"))
    assert ids(await store.read(lambda tx: tx.outbox.pending_for(ANN))) == [
        "obx_2",
        "obx_3",
        "obx_5",
    ]
    where = {
        (None, None): ["obx_2", "obx_3", "obx_4", "obx_5"],
        ("night", None): ["obx_2"],
        (None, "bridge"): ["obx_2"],
        ("default", "agent:default"): ["obx_3", "obx_4", "obx_5"],
    }
    for (line, initiator), expected in where.items():

        def pending(tx: Tx, a: str | None = line, b: str | None = initiator) -> list[str]:
            return ids(tx.outbox.pending_where(a, b))

        assert await store.read(pending) == expected


async def test_look_ups(store: Database) -> None:
    await add(
        store,
        item("obx_2", message_id="msg_a", part=2, parts=2),
        item("obx_1", message_id="msg_a", part=1, parts=2, provider_id="SM1"),
        item("obx_3", message_id="msg_b", line="night", provider_id="SM3"),
    )
    parts = await store.read(lambda tx: tx.outbox.of_messages(["msg_a", "msg_b", "msg_c"]))
    assert {id_: ids(items) for id_, items in parts.items()} == {
        "msg_a": ["obx_1", "obx_2"],
        "msg_b": ["obx_3"],
    }
    by_provider = await store.read(
        lambda tx: tx.outbox.by_provider_ids("default", ["SM1", "SM3", "", "SM9"])
    )
    assert {k: v.id for k, v in by_provider.items()} == {"SM1": "obx_1"}


async def test_expired_items_are_found_wherever_they_wait(store: Database) -> None:
    soon = later(minutes=1)
    await add(
        store,
        item("obx_1", expires_at=soon),
        item("obx_2", expires_at=NOW, state=HELD),
        item("obx_3", number=BOB, expires_at=soon),
        item("obx_4", number=number(4)),
    )
    await change(store, claim("obx_3"))
    assert ids(await store.read(lambda tx: tx.outbox.expired(soon, 10))) == ["obx_2", "obx_1"]
    assert ids(await store.read(lambda tx: tx.outbox.expired(soon, 1))) == ["obx_2"]


@pytest.mark.proves("B043")
async def test_waiting_dead_and_next_due(store: Database) -> None:
    await add(store, item("obx_1"), item("obx_2"), item("obx_3", line="night", number=BOB))
    assert await store.read(lambda tx: tx.outbox.waiting("default")) == 2

    def within(tx: Tx) -> int:
        tx.outbox.add([item("obx_4")])
        return tx.outbox.waiting("default")

    assert await store.write(within) == 3
    await change(store, claim("obx_1"))
    await change(store, move("obx_1", SENDING, DEAD, reason="no answer"))
    assert await store.read(lambda tx: tx.outbox.waiting("default")) == 2
    assert ids(await store.read(lambda tx: tx.outbox.dead(None))) == ["obx_1"]
    assert await store.read(lambda tx: tx.outbox.dead("night")) == []
    assert await store.read(lambda tx: tx.health.dead_letters()) == {("default", "outbox"): 1}


async def test_turns_wait_for_the_one_before(store: Database) -> None:
    await store.write(lambda tx: tx.turns.add([turn("trn_1"), turn("trn_2")]))
    await store.write(lambda tx: tx.turns.add([turn("trn_3", number=BOB), turn("trn_4")]))

    async def due_turns() -> list[str]:
        return ids(await store.read(lambda tx: tx.turns.due(NOW, 10)))

    async def moved(*changes: Any) -> set[str]:
        return await store.write(lambda tx: tx.turns.change(changes))

    assert await due_turns() == ["trn_1", "trn_3"]
    lease = {"lease_owner": "here", "lease_until": later(minutes=1), "attempt": 1}
    await moved(turn_move("trn_1", TurnState.OWED, TurnState.CLAIMED, **lease))
    assert await due_turns() == ["trn_3"]
    wrong = turn_move("trn_1", TurnState.CLAIMED, TurnState.DONE, expect_owner="there")
    assert await moved(wrong) == set()
    assert ids(await store.read(lambda tx: tx.turns.leases_lost(NOW, "there"))) == ["trn_1"]
    assert ids(await store.read(lambda tx: tx.turns.leases_lost(later(minutes=2)))) == ["trn_1"]
    right = turn_move("trn_1", TurnState.CLAIMED, TurnState.DONE, expect_owner="here")
    assert await moved(right) == {"trn_1"}
    assert await due_turns() == ["trn_2", "trn_3"]
    assert ids(await store.read(lambda tx: tx.turns.open_for(ANN))) == ["trn_2", "trn_4"]
    await moved(turn_move("trn_2", TurnState.OWED, TurnState.DEAD, reason="refused"))
    assert ids(await store.read(lambda tx: tx.turns.dead("default"))) == ["trn_2"]
    await moved(turn_move("trn_2", TurnState.DEAD, TurnState.OWED, due_at=NOW))
    assert await due_turns() == ["trn_2", "trn_3"]
    kept = await store.read(lambda tx: tx.turns.get("trn_2"))
    assert kept == turn("trn_2", reason="refused", seq=kept.seq if kept else 0)


async def test_watches_are_one_per_item(store: Database) -> None:
    watch = Watch("obx_1", WatchKind.STATUS, "default", later(minutes=5), NOW)
    again = Watch("obx_1", WatchKind.OUTCOME, "default", later(minutes=1), NOW, attempt=1)
    other = Watch("obx_2", WatchKind.STATUS, "default", later(minutes=2), NOW)
    await store.write(lambda tx: tx.watches.add([watch, other]))
    await store.write(lambda tx: tx.watches.add([again]))
    at_five = later(minutes=5)
    assert await store.read(lambda tx: tx.watches.due(at_five, 10)) == [again, other]
    assert await store.read(lambda tx: tx.watches.due(at_five, 1)) == [again]
    moved = Watch("obx_2", WatchKind.STATUS, "default", later(hours=1), NOW, attempt=2)
    gone = Watch("obx_9", WatchKind.STATUS, "default", NOW, NOW)
    await store.write(lambda tx: tx.watches.reschedule([moved, gone]))
    assert await store.read(lambda tx: tx.watches.due(at_five, 10)) == [again]
    await store.write(lambda tx: tx.watches.close(["obx_1", "obx_9"]))
    assert await store.read(lambda tx: tx.watches.due(later(hours=2), 10)) == [moved]


async def test_ids_come_in_the_order_they_were_added(store: Database) -> None:
    await add(store, *(item(f"obx_{n}", number=number(n)) for n in range(50)))
    found = await store.read(lambda tx: tx.outbox.many([f"obx_{n}" for n in range(50)]))
    seqs = [found[f"obx_{n}"].seq for n in range(50)]
    assert all(a < b for a, b in pairwise(seqs))
