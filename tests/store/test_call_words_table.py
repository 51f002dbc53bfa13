"""What was said in calls on both databases: counted in order, forgotten in time, gone with a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from call_rows import OVER, call, call_turn, leg, owner_leg, words
from store_rows import ANN, BOB, NOW, ids, later

from ringfence.model.call import Call, CallTurn, CallTurnState, Speaker, TurnTimes, Words
from ringfence.model.errors import StoreError
from ringfence.store.database import Database


async def add(store: Database, *calls: Call) -> None:
    await store.write(lambda tx: tx.calls.add(calls))


async def say(store: Database, *given: Words) -> list[Words]:
    return await store.write(lambda tx: tx.calls.add_words(given))


async def said(store: Database, of: str = "cal_1") -> list[Words]:
    return await store.read(lambda tx: tx.calls.words_of(of))


async def put(store: Database, *turns: CallTurn) -> None:
    for one in turns:
        await store.write(lambda tx, one=one: tx.calls.put_turn(one))


async def turn(store: Database, n: int = 1, of: str = "cal_1") -> CallTurn | None:
    return await store.read(lambda tx: tx.calls.turn(of, n))


async def test_words_are_counted_in_each_call_in_the_order_they_are_given(store: Database) -> None:
    await add(store, call(), call("cal_2"))
    full = Words("cal_1", 0, Speaker.AGENT, "ä ☎", later(hours=1), 3, 2, "aud_1", 0.1 + 0.2)
    numbered = await say(store, words(text="a", n=7), words("cal_2", "b"), full)
    assert numbered == [words(text="a", n=1), words("cal_2", "b", n=1), replace(full, n=2)]
    # An earlier moment is no earlier place.
    [third] = await say(store, words(text="c\x00", at=later(hours=-1)))
    assert third.n == 3
    assert await said(store) == [
        words(text="a", n=1),
        replace(full, n=2),
        words(text="c\ufffd", n=3, at=later(hours=-1)),
    ]
    assert await said(store, "cal_2") == [words("cal_2", "b", n=1)]
    assert await said(store, "cal_3") == []
    assert await say(store) == []


async def test_everybody_who_speaks_is_kept_apart(store: Database) -> None:
    await add(store, call())
    await say(store, *(words(speaker=one, confidence=1.0) for one in Speaker))
    assert [one.speaker for one in await said(store)] == list(Speaker)


async def test_there_are_no_words_without_a_call(store: Database) -> None:
    with pytest.raises(StoreError):
        await say(store, words())
    with pytest.raises(StoreError):
        await put(store, call_turn())


@pytest.mark.proves("P4")
async def test_what_was_heard_is_never_less_than_before(store: Database) -> None:
    await add(store, call())
    await say(store, words(speaker=Speaker.AGENT), words(speaker=Speaker.AGENT))

    async def heard(characters: int) -> list[int | None]:
        await store.write(lambda tx: tx.calls.heard("cal_1", 2, characters))
        return [one.heard for one in await said(store)]

    assert await heard(0) == [None, 0]
    assert await heard(4) == [None, 4]
    assert await heard(3) == [None, 4]
    await store.write(lambda tx: tx.calls.heard("cal_1", 9, 5))
    assert await heard(5) == [None, 5]


async def test_a_turn_is_kept_as_it_is_and_put_again(store: Database) -> None:
    await add(store, call(), call("cal_2"))
    full = call_turn(
        "trn_2",
        n=2,
        state=CallTurnState.ANSWERED,
        answer="good\x00bye",
        reason="said",
        hang_up=True,
        lease_until=later(microseconds=7),
    )
    await put(store, call_turn(), full, call_turn("trn_3", "cal_2"))
    stored = replace(full, answer="good\ufffdbye")
    assert (await turn(store), await turn(store, 2)) == (call_turn(), stored)
    assert await turn(store, 1, "cal_2") == call_turn("trn_3", "cal_2")
    assert await turn(store, 3) is None
    failed = call_turn(state=CallTurnState.FAILED, asked_at=later(seconds=1), reason="late")
    await put(store, failed)
    assert await turn(store) == failed
    assert await turn(store, 2) == stored


@pytest.mark.proves("P4")
async def test_a_call_is_asked_about_each_turn_once(store: Database) -> None:
    await add(store, call())
    await put(store, call_turn())
    with pytest.raises(StoreError):
        await put(store, call_turn("trn_other"))
    assert await turn(store) == call_turn()


async def forget(store: Database, before: datetime = NOW, limit: int = 99) -> int:
    return await store.write(lambda tx: tx.calls.forget(before, limit))


@pytest.mark.proves("P7")
async def test_what_was_said_is_forgotten_in_time_and_that_it_was_said_stays(
    store: Database,
) -> None:
    old, new = later(days=-2), later(days=1)
    await add(store, call(pressed="12", created_at=old), call("cal_2", pressed="3", created_at=NOW))
    await say(store, words(at=old, heard=3), words(at=new), words("cal_2", at=NOW))
    await put(
        store,
        call_turn(asked_at=old, answer="yes"),
        call_turn("trn_2", n=2, asked_at=new, answer="no"),
        call_turn("trn_3", n=3, asked_at=old),
    )
    assert await forget(store, later(days=-3)) == 0
    assert await forget(store) == 3
    assert await said(store) == [words(text="", at=old, n=1, heard=3), words(at=new, n=2)]
    assert await said(store, "cal_2") == [words("cal_2", at=NOW, n=1)]
    assert await turn(store) == call_turn(asked_at=old)
    assert await turn(store, 2) == call_turn("trn_2", n=2, asked_at=new, answer="no")
    found = await store.read(lambda tx: tx.calls.many(["cal_1", "cal_2"]))
    assert {id_: one.pressed for id_, one in found.items()} == {"cal_1": "", "cal_2": "3"}
    assert await forget(store) == 0, "nothing is forgotten twice"
    await store.write(lambda tx: tx.calls.save([call(pressed="again", created_at=old)]))
    await say(store, words(at=old))
    assert await forget(store) == 2, "what came late goes too"


async def test_forgetting_what_was_said_takes_bites_from_the_oldest_on(store: Database) -> None:
    await add(store, call())
    await say(store, *(words(at=later(days=-n)) for n in (1, 5, 3, 2, 4)))
    assert await forget(store, limit=2) == 2
    assert [one.text for one in await said(store)] == ["hello", "", "hello", "hello", ""]
    assert await forget(store, limit=2) == 2
    assert [one.text for one in await said(store)] == ["hello", "", "", "", ""]


@pytest.mark.proves("P7", "P9")
async def test_an_erased_persons_calls_are_gone_with_all_that_was_said(store: Database) -> None:
    over = leg("CA1", state=OVER)
    theirs = call(person=over, joined=(owner_leg(state=OVER),), pressed="4711")
    others = call("cal_2", person=leg("CA2", number=BOB, state=OVER))
    await add(store, theirs, others)
    await say(store, words(text="a red door"), words("cal_2"))
    await put(store, call_turn(answer="so red"), call_turn("trn_2", "cal_2"))
    assert await store.write(lambda tx: tx.privacy.erase(ANN)) == {"calls": 1}
    assert ids(await store.read(lambda tx: tx.calls.listing(9, None, None, None))) == ["cal_2"]
    assert (await said(store), await turn(store)) == ([], None)
    assert await store.read(lambda tx: tx.calls.at_provider("default", "CA1")) is None
    assert await store.read(lambda tx: tx.calls.get("cal_2")) == others
    assert await said(store, "cal_2") == [words("cal_2", n=1)]
    assert await turn(store, 1, "cal_2") == call_turn("trn_2", "cal_2")


@pytest.mark.proves("P7", "P9")
async def test_an_erased_owner_leaves_the_calls_they_joined(store: Database) -> None:
    over = leg(state=OVER)
    first, third = owner_leg("CA2", state=OVER), owner_leg("CA4", number=ANN, state=OVER)
    await add(
        store,
        call(
            person=over,
            joined=(first, replace(third, provider_id="CA3"), owner_leg("CA5", state=OVER)),
        ),
        call("cal_2", person=over, joined=(third,)),
    )
    for of in ("cal_1", "cal_2"):
        await say(store, words(of), words(of, "I take over", speaker=Speaker.OWNER))
    assert await store.write(lambda tx: tx.privacy.erase(BOB)) == {"joined": 2}
    found = await store.read(lambda tx: tx.calls.get("cal_1"))
    assert found is not None
    assert found.joined == (replace(third, provider_id="CA3"),)
    assert [one.text for one in await said(store)] == ["hello", ""]
    assert [one.text for one in await said(store, "cal_2")] == ["hello", "I take over"]


async def test_how_long_turns_took_is_kept_once_and_goes_with_the_call(store: Database) -> None:
    await add(store, call(), call("cal_2"))
    first, second = (
        TurnTimes("cal_1", 1, 800, 900, 950, 960, 1_100),
        TurnTimes("cal_1", 2, *range(5)),
    )
    other = TurnTimes("cal_2", 1, *range(10, 15))
    for one in (second, first, other, replace(first, over_ms=1)):
        await store.write(lambda tx, one=one: tx.calls.add_times(one))
    assert await store.read(lambda tx: tx.calls.times_of({"cal_1", "cal_3"})) == [first, second]
    assert await store.read(lambda tx: tx.calls.times_of(["cal_2"])) == [other]
    assert await store.read(lambda tx: tx.calls.times_of([])) == []
