"""Notices on both databases: owed once, ended once, and what became of their texts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from operation_rows import alert, ended, notice
from store_rows import NOW, item, later, outbound

from ringfence.model.alert import Notice, NoticeKind, NoticeState, Notification
from ringfence.model.message import FINAL, MessageStatus
from ringfence.model.oncall import Channel
from ringfence.model.outbox import OutboxState
from ringfence.ports import NoticeEnd, SentText
from ringfence.store.database import Database

OWED, TOLD, MOOT = NoticeState.OWED, NoticeState.TOLD, NoticeState.MOOT
FAILED = NoticeState.FAILED
ARRIVED = {MessageStatus.DELIVERED, MessageStatus.READ}


async def add(store: Database, *notices: Notice) -> None:
    await store.write(lambda tx: tx.alerts.add_notices(notices))


async def end(store: Database, *ends: NoticeEnd) -> None:
    await store.write(lambda tx: tx.alerts.end_notices(ends))


async def of(store: Database, alert_id: str) -> list[Notice]:
    return await store.read(lambda tx: tx.alerts.notices_of(alert_id))


async def told(store: Database, tellings: Sequence[tuple[int, str, str, float]]) -> None:
    """Each is an alert's number, a responder, a text and its minute."""
    notices = [
        notice(f"alr_{number}", who, round=place)
        for place, (number, who, _, _) in enumerate(tellings)
    ]
    await add(store, *notices)
    await end(
        store,
        *(
            ended(one, TOLD, text, told_at=later(minutes=minute))
            for one, (_, _, text, minute) in zip(notices, tellings, strict=True)
        ),
    )


async def test_a_notice_is_owed_once_and_kept_as_it_is(store: Database) -> None:
    full = notice(
        kind=NoticeKind.RESOLVED,
        state=FAILED,
        message_id="msg_1",
        told_at=later(minutes=1),
        reason="because",
        way=2,
    )
    await add(store, notice(), full, notice(reason="again"))
    await add(store, notice(reason="and again", state=TOLD))
    await add(store)
    assert await of(store, "alr_1") == [notice(), full]
    assert await of(store, "alr_2") == []


async def test_what_is_owed_is_found_oldest_first(store: Database) -> None:
    await add(store, *(notice(f"alr_{n}") for n in range(9, 0, -1)))
    await end(store, ended(notice("alr_8"), TOLD, "msg_1"))
    found = await store.read(lambda tx: tx.alerts.owed(3))
    assert [one.alert_id for one in found] == ["alr_9", "alr_7", "alr_6"]
    assert (await store.read(lambda tx: tx.health.counts()))["notices.owed"] == 8


@pytest.mark.proves("P6")
@pytest.mark.parametrize("seed", range(5))
async def test_a_notice_ends_once(store: Database, seed: int) -> None:
    """Against a model: whatever comes first, told, moot or failed, stands."""
    chance = random.Random(seed)
    model = {
        (id_, kind, who): notice(id_, who, kind=kind)
        for id_ in ("alr_1", "alr_2", "alr_3")
        for kind in NoticeKind
        for who in ("ann", "ben")
    }
    await add(store, *model.values())
    for turn in range(6):
        if chance.random() < 0.3:
            gone = set(chance.sample(["alr_1", "alr_2", "alr_3"], 2))
            await store.write(lambda tx, gone=gone: tx.alerts.moot(gone, "over"))
            for key, one in model.items():
                if one.state is OWED and key[0] in gone and key[1] is NoticeKind.ALERT:
                    model[key] = replace(one, state=MOOT, reason="over")
            continue
        ends = []
        for key in chance.choices(list(model), k=4):
            one = NoticeEnd(model[key], chance.choice([TOLD, MOOT, FAILED]), f"msg_{turn}", NOW)
            ends.append(one)
            if model[key].state is OWED:
                model[key] = replace(
                    model[key], state=one.state, message_id=one.message_id, told_at=NOW
                )
        await end(store, *ends)
    for id_ in ("alr_1", "alr_2", "alr_3"):
        assert await of(store, id_) == [one for key, one in model.items() if key[0] == id_]


async def test_nothing_to_end_ends_nothing(store: Database) -> None:
    await add(store, notice())
    await end(store)
    await store.write(lambda tx: tx.alerts.moot([], "over"))
    assert await of(store, "alr_1") == [notice()]


@pytest.mark.proves("P6")
@pytest.mark.parametrize("status", list(MessageStatus))
async def test_what_became_of_a_text_is_a_fact(store: Database, status: MessageStatus) -> None:
    await add(store, notice(), notice(kind=NoticeKind.RESOLVED))
    message = outbound("msg_1", status=status, updated_at=later(minutes=3))
    await store.write(lambda tx: tx.messages.add_outbound([message]))
    await end(store, ended(notice(), TOLD, "msg_1"))
    [seen] = (await store.read(lambda tx: tx.alerts.facts(["alr_1"], NOW)))["alr_1"].notifications
    at = later(minutes=3)
    assert seen.delivered_at == (at if status in ARRIVED else None)
    assert seen.failed_at == (at if status in FINAL - ARRIVED else None)
    assert replace(seen, delivered_at=None, failed_at=None) == Notification(
        1, "first", 0, "ann", notice().channel, NOW
    )


async def test_facts_are_what_was_told_and_what_is_still_to_be(store: Database) -> None:
    await add(
        store,
        notice(responder="owed"),
        notice(responder="failed"),
        notice(responder="failed late"),
        notice(responder="moot"),
        notice(responder="erased", way=1),
    )
    await end(
        store,
        ended(notice(responder="failed"), FAILED, told_at=None),
        ended(notice(responder="failed late"), FAILED, told_at=later(minutes=1)),
        ended(notice(responder="moot"), MOOT, told_at=None),
        ended(notice(responder="erased", way=1), TOLD, "msg_gone", told_at=later(minutes=2)),
    )
    facts = await store.read(lambda tx: tx.alerts.facts(["alr_1", "alr_9"], later(hours=1)))
    seen = [
        (one.responder, one.at, one.delivered_at, one.failed_at)
        for one in facts["alr_1"].notifications
    ]
    assert seen == [
        ("owed", later(hours=1), None, None),
        ("failed", NOW, None, NOW),
        ("failed late", later(minutes=1), None, later(minutes=1)),
        ("erased", later(minutes=2), None, None),
    ]
    assert facts["alr_9"].notifications == ()
    assert await store.read(lambda tx: tx.alerts.facts([], NOW)) == {}


async def test_a_bundle_counts_as_one_text(store: Database) -> None:
    await told(
        store,
        [
            (1, "ann", "msg_1", -5),
            (2, "ann", "msg_1", -5),
            (3, "ben", "msg_2", -9),
            (4, "ben", "msg_3", -60),
        ],
    )
    await add(store, notice("alr_5"), notice("alr_6", kind=NoticeKind.RESOLVED))
    await end(store, ended(notice("alr_6", kind=NoticeKind.RESOLVED), TOLD, "msg_4"))

    async def sent(kind: NoticeKind) -> list[SentText]:
        return await store.read(
            lambda tx: tx.alerts.sent_since(kind, Channel.SMS, later(minutes=-30))
        )

    assert await sent(NoticeKind.ALERT) == [
        SentText("ben", "disk", later(minutes=-9)),
        SentText("ann", "disk", later(minutes=-5)),
    ]
    assert await sent(NoticeKind.RESOLVED) == [SentText("ann", "disk", NOW)]


async def test_who_answers_means_the_newest_they_were_told_of(store: Database) -> None:
    await store.write(lambda tx: tx.alerts.add([alert(n) for n in range(1, 12)]))
    await told(
        store,
        [
            (9, "ann", "msg_1", 0),
            (2, "ann", "msg_2", 5),
            (10, "ann", "msg_2", 5),
            (3, "ann", "msg_3", 5),
            (9, "ann", "msg_2", 5),
            (11, "ben", "msg_4", 9),
        ],
    )
    await add(store, notice("alr_11", "ann"), notice("alr_8", "ann", kind=NoticeKind.RESOLVED))
    await end(store, ended(notice("alr_8", "ann", kind=NoticeKind.RESOLVED), TOLD, "msg_5"))

    async def found(who: str, limit: int) -> list[str]:
        return await store.read(lambda tx: tx.alerts.told(who, limit))

    assert await found("ann", 9) == ["alr_3", "alr_10", "alr_9", "alr_2"]
    assert await found("ann", 2) == ["alr_3", "alr_10"]
    assert await found("ben", 2) == ["alr_11"]
    assert await found("eve", 2) == []


async def test_only_texts_with_something_to_send_are_unsent(store: Database) -> None:
    await store.write(lambda tx: tx.alerts.add([alert(n) for n in range(1, 5)]))
    await told(
        store,
        [
            (1, "ann", "msg_due", 0),
            (2, "ann", "msg_due", 0),
            (1, "ann", "msg_left", 0),
            (1, "ben", "msg_held", 0),
            (3, "ben", "msg_other", 0),
        ],
    )
    states = {
        "due": OutboxState.DUE,
        "held": OutboxState.HELD,
        "left": OutboxState.ACCEPTED,
        "other": OutboxState.DUE,
    }
    parts = [
        item(f"obx_{name}", message_id=f"msg_{name}", state=state) for name, state in states.items()
    ]
    parts.append(item("obx_first", message_id="msg_due", state=OutboxState.ACCEPTED))
    await store.write(lambda tx: tx.outbox.add(parts))
    found = await store.read(lambda tx: tx.alerts.unsent_of(["alr_1"]))
    assert found == {"msg_due": ["alr_1", "alr_2"], "msg_held": ["alr_1"]}
    assert await store.read(lambda tx: tx.alerts.unsent_of([])) == {}
