"""Calls and their legs on both databases: saved whole, one of each provider's id, found when due."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from call_rows import OVER, call, leg, owner_leg
from store_rows import ANN, BOB, NOW, ids, later, number

from ringfence.model.call import Answerer, Call, CallMode, CallState, EndReason, Leg, LegRole
from ringfence.model.errors import StoreError
from ringfence.model.message import Direction
from ringfence.model.phone import PhoneNumber
from ringfence.store.database import Database

FULL = call(
    "cal_full",
    line="night",
    direction=Direction.IN,
    mode=CallMode.CONVERSATION,
    contact_id="ctc_bob",
    person=Leg(
        BOB,
        LegRole.PERSON,
        CallState.ANSWERED,
        "CA1",
        NOW,
        later(seconds=3),
        later(seconds=9),
        Answerer.MACHINE_READY,
        EndReason.HUNG_UP,
    ),
    time_limit=timedelta(minutes=3, microseconds=1),
    created_at=later(seconds=1),
    updated_at=later(seconds=2),
    joined=(owner_leg("CA2", number=ANN), owner_leg("CA3", end_reason=EndReason.TRANSFERRED)),
    initiator="agent:a",
    message_id="msg_1",
    outbox_id="obx_1",
    turn=4,
    sequence=7,
    disclosed_at=later(seconds=4),
    said_at=later(seconds=5),
    pressed="1#",
    ending=EndReason.KILLED,
    look_at=later(seconds=6),
    looks=2,
    error_code=31_005,
    called="+15555550100",
    silences=1,
    pin_given=True,
    recent=("a1", "b2"),
    awaited_until=later(seconds=7),
)


async def add(store: Database, *calls: Call) -> None:
    await store.write(lambda tx: tx.calls.add(calls))


async def save(store: Database, *calls: Call) -> None:
    await store.write(lambda tx: tx.calls.save(calls))


async def get(store: Database, call_id: str = "cal_1") -> Call | None:
    return await store.read(lambda tx: tx.calls.get(call_id))


def test_the_full_call_leaves_nothing_at_its_default() -> None:
    """Or a field that the table forgets would not be missed below."""
    names = [one.name for one in fields(FULL)]
    assert [name for name in names if getattr(FULL, name) == getattr(call(), name)] == []


@pytest.mark.proves("P4")
async def test_a_call_is_kept_as_it_is_and_saved_whole(store: Database) -> None:
    await add(store, call(), FULL)
    await add(store)
    assert await get(store, "cal_full") == FULL
    assert await get(store) == call()
    turned = replace(FULL, id="cal_1")
    await save(store, call("cal_full"))
    await save(store, call(), turned)
    await save(store)
    assert await get(store) == turned, "of one call the last one counts"
    assert await get(store, "cal_full") == call("cal_full")
    assert await get(store, "cal_2") is None
    found = await store.read(lambda tx: tx.calls.many({"cal_1", "cal_full", "cal_2"}))
    assert found == {"cal_1": turned, "cal_full": call("cal_full")}
    assert await store.read(lambda tx: tx.calls.many(())) == {}


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_a_call_is_it_comes_back(store: Database, seed: int) -> None:
    """Against a model: any call, saved over any other."""
    chance = random.Random(seed)
    model: dict[str, Call] = {}
    for _ in range(12):
        fresh = [_any_call(chance, f"cal_{len(model) + n}") for n in range(chance.randrange(3))]
        changed = [_any_call(chance, id_) for id_ in chance.sample(sorted(model), len(model) // 2)]
        await add(store, *fresh)
        await save(store, *changed)
        model |= {one.id: one for one in (*fresh, *changed)}
        stored = await store.read(lambda tx, known=list(model): tx.calls.many(known))
        assert stored == model
        live = [id_ for id_, one in model.items() if not one.is_over]
        assert ids(await store.read(lambda tx: tx.calls.live_ones())) == live
        due = [one for one in model.values() if one.look_at is not None and one.look_at <= NOW]
        found = await store.read(lambda tx: tx.calls.due(NOW, 99))
        assert found == sorted(due, key=lambda one: (one.look_at, list(model).index(one.id)))


def _any_call(chance: random.Random, id_: str) -> Call:
    return Call(
        id=id_,
        line=chance.choice(["default", "night"]),
        direction=chance.choice(list(Direction)),
        mode=chance.choice(list(CallMode)),
        contact_id=_text(chance),
        person=_any_leg(chance, id_, LegRole.PERSON),
        time_limit=timedelta(microseconds=chance.randrange(10**11)),
        created_at=_moment(chance),
        updated_at=_moment(chance),
        joined=tuple(_any_leg(chance, id_, LegRole.OWNER) for _ in range(chance.randrange(3))),
        initiator=_text(chance),
        message_id=_text(chance),
        outbox_id=_text(chance),
        turn=chance.randrange(99),
        sequence=chance.randrange(-1, 99),
        disclosed_at=_perhaps(chance, _moment(chance)),
        said_at=_perhaps(chance, _moment(chance)),
        pressed=_text(chance),
        ending=_perhaps(chance, chance.choice(list(EndReason))),
        look_at=_perhaps(chance, _moment(chance)),
        looks=chance.randrange(99),
        error_code=_perhaps(chance, chance.randrange(-5, 10**6)),
        called=_text(chance),
        silences=chance.randrange(9),
    )


def _any_leg(chance: random.Random, of: str, role: LegRole) -> Leg:
    return Leg(
        number(chance.randrange(99)),
        role,
        chance.choice(list(CallState)),
        chance.choice(["", f"CA-{of}-{chance.randrange(10**9)}"]),
        _perhaps(chance, _moment(chance)),
        _perhaps(chance, _moment(chance)),
        _perhaps(chance, _moment(chance)),
        _perhaps(chance, chance.choice(list(Answerer))),
        _perhaps(chance, chance.choice(list(EndReason))),
    )


def _moment(chance: random.Random) -> datetime:
    return later(microseconds=chance.randrange(-(10**9), 10**9))


def _text(chance: random.Random) -> str:
    return chance.choice(["", "x", "ä ☎ '\"\\ %s ? :id", "9" * 400])


def _perhaps(chance: random.Random, value: Any) -> Any:
    return value if chance.random() < 0.6 else None


async def test_what_a_database_cannot_hold_becomes_a_mark(store: Database) -> None:
    await add(store, call(pressed="1\x002", person=leg("CA\x00")))
    found = await get(store)
    assert found is not None
    assert (found.pressed, found.person.provider_id) == ("1\ufffd2", "CA\ufffd")
    assert await store.read(lambda tx: tx.calls.at_provider("default", "CA\x00")) == found


@pytest.mark.proves("P4")
async def test_a_line_has_one_call_with_each_id_of_the_provider(store: Database) -> None:
    await add(store, call(person=leg("CA1"), joined=(owner_leg("CA2"),)))
    for taken in ("CA1", "CA2"):
        with pytest.raises(StoreError):
            await add(store, call("cal_2", person=leg(taken)))
        with pytest.raises(StoreError):
            await add(store, call("cal_2", joined=(owner_leg(taken),)))
    assert await get(store, "cal_2") is None, "nothing of what was refused is there"
    await add(store, call("cal_2", line="night", person=leg("CA1")))
    await add(store, call("cal_3"), call("cal_4", joined=(owner_leg(), owner_leg())))
    with pytest.raises(StoreError):
        await save(store, call("cal_3", person=leg("CA2")))
    with pytest.raises(StoreError):
        await add(store, call())


async def test_an_id_may_go_from_one_leg_to_another(store: Database) -> None:
    await add(store, call(person=leg("CA1"), joined=(owner_leg("CA2"), owner_leg("CA3"))))
    swapped = call(person=leg("CA2"), joined=(owner_leg("CA1"),))
    await save(store, swapped)
    assert await get(store) == swapped
    await add(store, call("cal_2", person=leg("CA3")))


async def test_a_call_that_was_never_added_cannot_be_saved(store: Database) -> None:
    with pytest.raises(StoreError):
        await save(store, call(person=leg("CA1")))
    assert await store.read(lambda tx: tx.calls.at_provider("default", "CA1")) is None


async def test_a_call_is_found_by_the_providers_id_of_any_leg(store: Database) -> None:
    await add(store, FULL, call("cal_2", line="default", person=leg("CA2")), call("cal_3"))

    async def found(line: str, provider_id: str) -> str | None:
        one = await store.read(lambda tx: tx.calls.at_provider(line, provider_id))
        return None if one is None else one.id

    assert await found("night", "CA1") == "cal_full"
    assert await found("night", "CA3") == "cal_full"
    assert await found("night", "CA2") == "cal_full"
    assert await found("default", "CA2") == "cal_2"
    assert await found("default", "CA1") is None
    assert await found("default", "") is None


async def test_of_several_tries_of_a_message_the_newest_is_its_call(store: Database) -> None:
    await add(
        store,
        call("cal_1", message_id="msg_1"),
        call("cal_2", message_id="msg_2"),
        call("cal_3", message_id="msg_1", created_at=later(hours=-1)),
        call("cal_4"),
    )
    found = await store.read(lambda tx: tx.calls.of_messages(["msg_1", "msg_2", "msg_3", ""]))
    assert {message_id: one.id for message_id, one in found.items()} == {
        "msg_1": "cal_3",
        "msg_2": "cal_2",
    }
    assert await store.read(lambda tx: tx.calls.of_messages(())) == {}


@pytest.mark.proves("P12")
async def test_calls_are_live_until_each_of_their_legs_is_over(store: Database) -> None:
    over = leg(state=OVER)
    await add(
        store,
        call("cal_1"),
        call("cal_2", direction=Direction.IN),
        call("cal_3", line="night", person=over, joined=(owner_leg(),)),
        call("cal_4", person=over, joined=(owner_leg(state=OVER),)),
        call("cal_5", line="day"),
    )

    async def live(*lines: str) -> dict[str, int]:
        return await store.read(lambda tx: tx.calls.live(lines))

    assert await live("default", "night", "other") == {"default": 2, "night": 1, "other": 0}
    assert await live() == {}
    listed = await store.read(lambda tx: tx.calls.live_ones())
    assert ids(listed) == ["cal_1", "cal_2", "cal_3", "cal_5"]
    await save(
        store,
        call("cal_1", person=leg(state=CallState.BUSY)),
        call("cal_3", line="night", person=over, joined=(owner_leg(state=OVER),)),
    )
    assert await live("default", "night") == {"default": 1, "night": 0}
    assert ids(await store.read(lambda tx: tx.calls.live_ones())) == ["cal_2", "cal_5"]


async def test_who_waited_longest_for_a_look_comes_first(store: Database) -> None:
    await add(
        store,
        call("cal_1", look_at=later(seconds=-1)),
        call("cal_2", look_at=later(seconds=-2)),
        call("cal_3"),
        call("cal_4", look_at=NOW),
        call("cal_5", look_at=later(microseconds=1)),
        call("cal_6", look_at=later(seconds=-1), person=leg(state=OVER)),
    )

    async def due(limit: int, **delta: float) -> list[str]:
        return ids(await store.read(lambda tx: tx.calls.due(later(**delta), limit)))

    assert await due(9) == ["cal_2", "cal_1", "cal_6", "cal_4"]
    assert await due(2) == ["cal_2", "cal_1"]
    assert await due(9, seconds=1) == ["cal_2", "cal_1", "cal_6", "cal_4", "cal_5"]
    await save(store, call("cal_2"))
    assert await due(2) == ["cal_1", "cal_6"]


async def test_the_listing_of_calls_is_newest_first_and_in_pages(store: Database) -> None:
    await add(
        store,
        *(
            call(
                f"cal_{n}", line=("default", "night")[n % 2], person=leg(number=(ANN, BOB)[n // 3])
            )
            for n in range(6)
        ),
    )

    async def listed(
        limit: int, line: str | None, who: PhoneNumber | None, after: str | None
    ) -> list[str]:
        return ids(await store.read(lambda tx: tx.calls.listing(limit, line, who, after)))

    assert await listed(2, None, None, None) == ["cal_5", "cal_4"]
    assert await listed(9, None, None, "cal_4") == ["cal_3", "cal_2", "cal_1", "cal_0"]
    assert await listed(9, "night", None, None) == ["cal_5", "cal_3", "cal_1"]
    assert await listed(1, "night", None, "cal_5") == ["cal_3"]
    assert await listed(9, None, ANN, None) == ["cal_2", "cal_1", "cal_0"]
    assert await listed(9, None, ANN, "cal_2") == ["cal_1", "cal_0"]
    assert await listed(9, "default", ANN, None) == ["cal_2", "cal_0"]
    assert await listed(9, "default", ANN, "cal_2") == ["cal_0"]
    assert await listed(9, "day", None, None) == []
    assert await listed(9, None, None, "cal_9") == []


async def test_a_persons_calls_are_those_with_them_and_not_those_they_joined(
    store: Database,
) -> None:
    await add(store, call("cal_1"), call("cal_2", person=leg(number=BOB)), call("cal_3"))
    await save(store, call("cal_1", joined=(owner_leg(),)))
    assert ids(await store.read(lambda tx: tx.calls.of_person(ANN))) == ["cal_1", "cal_3"]
    assert ids(await store.read(lambda tx: tx.calls.of_person(BOB))) == ["cal_2"]


async def test_many_calls_are_added_and_saved_at_once(store: Database) -> None:
    rows = [call(f"cal_{n}", person=leg(f"CA{n}"), joined=(owner_leg(),)) for n in range(300)]
    await add(store, *rows)
    ended = [
        replace(one, person=leg(one.person.provider_id, state=OVER), joined=()) for one in rows
    ]
    await save(store, *ended[:250])
    assert ids(await store.read(lambda tx: tx.calls.live_ones())) == ids(rows[250:])
    found = await store.read(lambda tx: tx.calls.many(ids(rows)))
    assert list(map(found.get, ids(rows))) == [*ended[:250], *rows[250:]]
