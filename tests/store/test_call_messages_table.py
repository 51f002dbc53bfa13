"""Messages that callers left, on both databases: one for each call, its sound apart, gone with the call, the
person and the texts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from call_rows import OVER, call, leg
from store_rows import ANN, NOW, later

from ringfence.model.errors import StoreError
from ringfence.model.left_message import LeftMessage, LeftMessageState
from ringfence.store.database import Database

SOUND = b"RIFF\x00\xff"


def left(of: str = "cal_1", **given: Any) -> LeftMessage:
    owed = LeftMessage(of, LeftMessageState.OWED, "RE1", 7, NOW, "https://a.example", due_at=NOW)
    return replace(owed, **given)


async def put(store: Database, *messages: LeftMessage) -> None:
    for one in messages:
        await store.write(lambda tx, one=one: tx.calls.put_message(one))


async def found(store: Database, of: str = "cal_1") -> LeftMessage | None:
    return await store.read(lambda tx: tx.calls.message_of(of))


async def add(store: Database, *ids: str) -> None:
    made = [call(id_, person=leg(state=OVER)) for id_ in ids]
    await store.write(lambda tx: tx.calls.add(made))


async def test_a_message_is_one_row_and_changes_whole(store: Database) -> None:
    await add(store, "cal_1", "cal_2")
    assert await found(store) is None
    await put(store, left(state=LeftMessageState.ASKED, due_at=None), left())
    assert await found(store) == left()
    kept = left(
        state=LeftMessageState.KEPT,
        url="",
        due_at=None,
        size=6,
        content_type="audio/wav",
        tries=2,
        left_at=later(seconds=9),
    )
    await put(store, kept)
    await store.write(lambda tx: tx.calls.put_sound("cal_1", SOUND))
    assert await found(store) == kept
    assert await store.read(lambda tx: tx.calls.sound_of("cal_1")) == SOUND
    assert await store.read(lambda tx: tx.calls.sound_of("cal_2")) is None
    with pytest.raises(StoreError):
        await put(store, left("cal_9"))


async def test_what_is_due_and_what_was_left_are_found_in_order(store: Database) -> None:
    await add(store, "cal_1", "cal_2", "cal_3", "cal_4")
    await put(
        store,
        left("cal_1", due_at=later(seconds=5)),
        left("cal_2", due_at=later(seconds=2), left_at=later(seconds=1)),
        left("cal_3", due_at=None, state=LeftMessageState.KEPT, left_at=later(seconds=2)),
        left("cal_4", due_at=None, state=LeftMessageState.ASKED, left_at=later(seconds=3)),
    )

    async def due(seconds: int, limit: int = 9) -> list[str]:
        at = later(seconds=seconds)
        rows = await store.read(lambda tx: tx.calls.messages_due(at, limit))
        return [one.call_id for one in rows]

    assert await due(1) == []
    assert await due(2) == ["cal_2"]
    assert await due(5) == ["cal_2", "cal_1"]
    assert await due(5, 1) == ["cal_2"]
    listed = await store.read(lambda tx: tx.calls.messages_left(9))
    assert [one.call_id for one in listed] == ["cal_3", "cal_2", "cal_1"]


@pytest.mark.proves("P9")
async def test_a_message_is_forgotten_in_time_and_with_its_person(store: Database) -> None:
    await add(store, "cal_1", "cal_2", "cal_3")
    await put(store, *(left(f"cal_{n}", left_at=later(hours=n)) for n in (1, 2, 3)))
    await store.write(lambda tx: tx.calls.put_sound("cal_3", SOUND))
    assert await store.write(lambda tx: tx.calls.forget_messages(later(hours=3), 1)) == 1
    assert await found(store, "cal_1") is None
    assert await store.write(lambda tx: tx.calls.forget_messages(later(hours=3), 9)) == 1
    assert await found(store, "cal_3") is not None
    await store.write(lambda tx: tx.privacy.erase(ANN))
    assert await found(store, "cal_3") is None
    assert await store.read(lambda tx: tx.calls.sound_of("cal_3")) is None
