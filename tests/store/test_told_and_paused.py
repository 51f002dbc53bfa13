"""Whom a line told what it must tell first, who is paused, and what people answered, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from store_rows import ANN, BOB, NOW, later

from ringfence.model.contact import Pause, PauseReason
from ringfence.model.intake import Intake, IntakeState
from ringfence.model.message import Direction, Message, MessageStatus
from ringfence.ports import MessageChange
from ringfence.store.database import Database

KEY = ("default", ANN, "v1")


def message(id_: str, status: MessageStatus = MessageStatus.QUEUED) -> Message:
    return Message(id_, "default", Direction.OUT, ANN, "ctc_1", "hi", status, NOW, NOW)


async def state(store: Database) -> str:
    found = await store.read(lambda tx: tx.acquaintances.disclosed([KEY]))
    return found[KEY][0] if found else ""


@pytest.mark.parametrize("status", MessageStatus)
async def test_what_is_carried_counts_while_its_message_is_under_way(
    store: Database, status: MessageStatus
) -> None:
    await store.write(lambda tx: tx.messages.add_outbound([message("msg_1")]))
    await store.write(lambda tx: tx.acquaintances.carry([(*KEY, "msg_1")], NOW))
    assert await state(store) == "carried"
    change = MessageChange("msg_1", later(seconds=1), status=status)
    await store.write(lambda tx: tx.messages.change([change]))
    under_way = {"queued", "sending", "sent", "delivered", "read"}
    assert await state(store) == ("carried" if status.value in under_way else "")


async def test_delivered_stays_whatever_becomes_of_other_texts(store: Database) -> None:
    await store.write(lambda tx: tx.messages.add_outbound([message("msg_1"), message("msg_2")]))
    await store.write(lambda tx: tx.acquaintances.carry([(*KEY, "msg_1")], NOW))
    await store.write(lambda tx: tx.acquaintances.carry([(*KEY, "msg_2")], NOW))
    # The first arrived, though the second was the last to carry it.
    await store.write(lambda tx: tx.acquaintances.delivered([(*KEY, "msg_1")], NOW))
    failed = MessageChange("msg_2", NOW, status=MessageStatus.FAILED)
    await store.write(lambda tx: tx.messages.change([failed]))
    await store.write(lambda tx: tx.acquaintances.carry([(*KEY, "msg_2")], NOW))
    assert await state(store) == "delivered"


async def test_what_came_without_being_carried_is_told_all_the_same(store: Database) -> None:
    await store.write(lambda tx: tx.acquaintances.delivered([(*KEY, "m"), (*KEY, "n")], NOW))
    assert await state(store) == "delivered"
    others = [("second", ANN, "v1"), ("default", BOB, "v1"), ("default", ANN, "v2")]
    assert await store.read(lambda tx: tx.acquaintances.disclosed(others)) == {}


async def test_pauses_by_person_and_line(store: Database) -> None:
    everywhere = Pause(ANN, "", PauseReason.EMERGENCY, NOW, "system", "msg_1")
    here = Pause(ANN, "default", PauseReason.HANDOVER, later(seconds=1), "operator:t")
    assert await store.write(lambda tx: tx.pauses.add(everywhere))
    assert await store.write(lambda tx: tx.pauses.add(here))
    assert not await store.write(lambda tx: tx.pauses.add(replace(here, actor="other")))
    assert await store.read(lambda tx: tx.pauses.listing()) == [everywhere, here]
    assert await store.read(lambda tx: tx.pauses.of([BOB])) == []
    assert await store.write(lambda tx: tx.pauses.lift(ANN, ""))
    assert not await store.write(lambda tx: tx.pauses.lift(ANN, ""))
    assert await store.read(lambda tx: tx.pauses.of([ANN, BOB])) == [here]


async def test_intakes_are_one_per_person_and_line(store: Database) -> None:
    asking = Intake(
        ANN, "default", IntakeState.ASKING, "msg_1", NOW, NOW, {"name": 'Ann "é"'}, "floor", 2
    )
    second = replace(asking, line="second", updated_at=later(hours=1), answers={})
    for intake in (asking, second, replace(asking, number=BOB, state=IntakeState.DONE)):
        await store.write(lambda tx, intake=intake: tx.intakes.put(intake))
    assert await store.read(lambda tx: tx.intakes.get("default", ANN)) == asking
    assert await store.read(lambda tx: tx.intakes.get("third", ANN)) is None
    assert await store.read(lambda tx: tx.intakes.of_person(ANN)) == [asking, second]
    silent = await store.read(lambda tx: tx.intakes.silent("default", NOW, 10))
    assert silent == [asking]
    assert await store.read(lambda tx: tx.intakes.silent("second", NOW, 10)) == []
    listed = await store.read(lambda tx: tx.intakes.listing(None, 2))
    assert [(one.line, one.number) for one in listed] == [("second", ANN), ("default", ANN)]
    ended = await store.write(
        lambda tx: tx.intakes.end(ANN, None, IntakeState.ABANDONED, later(hours=2))
    )
    assert sorted(ended) == ["default", "second"]
    left = await store.read(lambda tx: tx.intakes.of_person(ANN))
    assert {(one.state, one.updated_at) for one in left} == {
        (IntakeState.ABANDONED, later(hours=2))
    }
    again = await store.write(
        lambda tx: tx.intakes.end(ANN, "default", IntakeState.HANDED_OVER, NOW)
    )
    assert again == []
