"""Messages, media, idempotency, counters, events on both databases."""

from __future__ import annotations

import pytest
from store_rows import ANN, BOB, NOW, ids, inbound, later, observation, outbound, request

from ringfence.model.contact import PairingState
from ringfence.model.errors import StoreError
from ringfence.model.message import MediaRef, MessageStatus
from ringfence.ports import DeadEvent, IdempotencyRecord, MessageChange, StoredMedia, Tx, Window
from ringfence.store.database import Database

HELD, SENT = MessageStatus.HELD, MessageStatus.SENT


@pytest.mark.proves("P4")
async def test_a_repeated_webhook_inserts_nothing(store: Database) -> None:
    first = await store.write(
        lambda tx: tx.messages.add_inbound(
            [inbound("msg_1"), inbound("msg_2"), inbound("msg_3", "SM3")]
        )
    )
    assert first == {"msg_1", "msg_3"}
    again = await store.write(lambda tx: tx.messages.add_inbound([inbound("msg_4")]))
    other_line = await store.write(
        lambda tx: tx.messages.add_inbound([inbound("msg_5", line="night")])
    )
    assert (again, other_line) == (set(), {"msg_5"})
    assert await store.read(lambda tx: tx.messages.get("msg_2")) is None


async def test_a_message_comes_back_as_it_was(store: Database) -> None:
    full = inbound(
        body="Grüße 👋\n\u2028",
        media=(MediaRef("image/png", "https://x.test/1"), MediaRef("a/b", unavailable="big")),
        segments=2,
        encoding="UCS-2",
        error_code=30003,
        reason="why",
        in_reply_to="msg_0",
        provenance={"model": "m", "n": 1},
        initiator="agent:default",
    )
    await store.write(lambda tx: tx.messages.add_inbound([full]))
    found = await store.read(lambda tx: tx.messages.get("msg_in"))
    assert found is not None
    assert found.seq > 0
    assert found == inbound(
        **{n: getattr(full, n) for n in full.__slots__ if n not in ("id", "seq")}, seq=found.seq
    )


@pytest.mark.proves("P4")
async def test_text_no_database_holds_is_stored_with_a_mark(store: Database) -> None:
    await store.write(lambda tx: tx.messages.add_inbound([inbound(body="a\x00b\ud83dc👋")]))
    found = await store.read(lambda tx: tx.messages.get("msg_in"))
    assert found is not None
    assert found.body == "a\ufffdb\ufffdc👋"


async def test_changes_leave_other_columns_alone(store: Database) -> None:
    await store.write(
        lambda tx: tx.messages.add_outbound([outbound(reason="old"), outbound("msg_2")])
    )
    await store.write(
        lambda tx: tx.messages.change(
            [
                MessageChange("msg_out", later(seconds=1), status=SENT, provider_id="SM1"),
                MessageChange("msg_2", later(seconds=1), error_code=30003, reason="gone"),
                MessageChange("msg_out", later(seconds=2), error_code=30005),
                MessageChange("msg_nobody", NOW, status=SENT),
            ]
        )
    )
    found = await store.read(lambda tx: tx.messages.many(["msg_out", "msg_2"]))
    one, two = found["msg_out"], found["msg_2"]
    assert (one.status, one.provider_id, one.reason) == (SENT, "SM1", "old")
    assert (one.updated_at, one.error_code) == (later(seconds=2), 30005)
    assert (two.error_code, two.reason, two.status) == (30003, "gone", MessageStatus.QUEUED)


async def test_inbox_is_the_newest_admitted_oldest_first(store: Database) -> None:
    rows = [
        inbound(
            f"msg_{n}", f"SM{n}", created_at=later(seconds=n), line="night" if n == 3 else "default"
        )
        for n in range(6)
    ]
    rows.append(inbound("msg_refused", "SM9", status=MessageStatus.REFUSED))
    await store.write(lambda tx: tx.messages.add_inbound(rows))
    await store.write(lambda tx: tx.messages.add_outbound([outbound()]))

    async def inbox(*asked: object) -> list[str]:
        return ids(await store.read(lambda tx: tx.messages.inbox(*asked)))

    assert await inbox(None, 3, None) == ["msg_3", "msg_4", "msg_5"]
    assert await inbox(None, 3, "default") == ["msg_2", "msg_4", "msg_5"]
    assert await inbox(later(seconds=4), 100, None) == ["msg_4", "msg_5"]


async def test_listing_filters(store: Database) -> None:
    await store.write(
        lambda tx: tx.messages.add_outbound(
            [outbound("msg_1"), outbound("msg_2", status=HELD), outbound("msg_3", line="night")]
        )
    )
    await store.write(lambda tx: tx.messages.add_inbound([inbound("msg_4")]))

    async def listing(*asked: object) -> list[str]:
        return ids(await store.read(lambda tx: tx.messages.listing(*asked)))

    assert await listing(10, None, None, None) == ["msg_4", "msg_3", "msg_2", "msg_1"]
    assert await listing(2, None, None, None) == ["msg_4", "msg_3"]
    assert await listing(10, "default", "out", None) == ["msg_2", "msg_1"]
    assert await listing(10, None, None, HELD) == ["msg_2"]


async def test_held_messages_of_a_person_and_a_line(store: Database) -> None:
    await store.write(
        lambda tx: tx.messages.add_outbound(
            [
                outbound("msg_1", status=HELD),
                outbound("msg_2", status=HELD, line="night", created_at=later(hours=1)),
                outbound("msg_3", status=HELD, number=BOB),
                outbound("msg_4"),
            ]
        )
    )
    assert await store.read(lambda tx: tx.messages.held_for(ANN)) == ["msg_1", "msg_2"]
    before = later(minutes=1)
    held = await store.read(lambda tx: tx.messages.held_before("default", before, 10))
    assert held == ["msg_1", "msg_3"]
    assert await store.read(lambda tx: tx.messages.held_before("default", before, 1)) == ["msg_1"]
    assert await store.read(lambda tx: tx.messages.held_before("night", before, 10)) == []
    assert await store.read(lambda tx: tx.messages.held_lines()) == ["default", "night"]


async def test_history_holds_only_what_was_said(store: Database) -> None:
    def talk(tx: Tx) -> None:
        tx.messages.add_inbound([inbound("msg_1")])
        tx.messages.add_outbound([outbound("msg_2", status=SENT), outbound("msg_3", status=HELD)])
        tx.messages.add_inbound([inbound("msg_4", "SM4", status=MessageStatus.REFUSED)])
        tx.messages.add_inbound([inbound("msg_5", "SM5", number=BOB), inbound("msg_6", "SM6")])

    await store.write(talk)
    last = await store.read(lambda tx: tx.messages.get("msg_6"))
    assert last is not None

    async def history(limit: int) -> list[str]:
        return ids(
            await store.read(lambda tx: tx.messages.history("default", ANN, last.seq, limit))
        )

    assert await history(10) == ["msg_1", "msg_2"]
    assert await history(1) == ["msg_2"]


async def test_idempotency_keys_are_per_caller(store: Database) -> None:
    record = IdempotencyRecord("bridge", "key", "digest", "msg_1", NOW)
    await store.write(lambda tx: tx.idempotency.add([record]))
    asked = [("bridge", "key"), ("other", "key"), ("bridge", "k2")]
    assert await store.read(lambda tx: tx.idempotency.find(asked)) == {("bridge", "key"): record}
    with pytest.raises(StoreError):
        await store.write(lambda tx: tx.idempotency.add([record]))


async def test_hosted_media_expires(store: Database) -> None:
    hosted = StoredMedia(
        "med_1", "default", "image/png", b"\x00\xff", NOW, "tok", later(minutes=10)
    )
    kept = StoredMedia("med_2", "default", "image/png", b"x", NOW)
    await store.write(lambda tx: (tx.media.add(hosted), tx.media.add(kept)))
    assert await store.read(lambda tx: tx.media.hosted("tok", NOW)) == hosted
    assert await store.read(lambda tx: tx.media.hosted("", NOW)) is None
    assert await store.read(lambda tx: tx.media.hosted("tok", later(minutes=10))) is None
    assert await store.read(lambda tx: tx.media.hosted_count("default", NOW)) == 1
    assert await store.read(lambda tx: tx.media.hosted_count("night", NOW)) == 0
    await store.write(lambda tx: tx.media.keep(["tok", ""], later(minutes=20)))
    await store.write(lambda tx: tx.health.forget(later(minutes=10)))
    assert await store.read(lambda tx: tx.media.hosted("tok", later(minutes=10))) is not None
    await store.write(lambda tx: tx.health.forget(later(minutes=20)))
    left = await store.read(lambda tx: tx.media._db.rows("SELECT id FROM media"))
    assert left == [("med_2",)], "only what was hosted expires"


async def test_counters_are_kept_by_window_until_it_ends(store: Database) -> None:
    start = int(NOW.timestamp()) // 60 * 60
    minute, day = Window("line:default", 60, start), Window("line:default", 90_000, start)
    after, nobody = Window("line:default", 60, start + 60), Window("nobody", 60, start)
    await store.write(lambda tx: tx.counters.add({minute: 2, day: 2}))
    await store.write(lambda tx: tx.counters.add({minute: 1}))
    asked = [minute, day, after, nobody]
    assert await store.read(lambda tx: tx.counters.read(asked)) == {minute: 3, day: 2}
    await store.write(lambda tx: tx.health.forget(later(seconds=60)))
    assert await store.read(lambda tx: tx.counters.read(asked)) == {day: 2}


@pytest.mark.proves("P4", "B098")
async def test_a_repeated_status_is_seen_once(store: Database) -> None:
    seen = await store.write(
        lambda tx: tx.events.observe(
            [
                observation(),
                observation(at=later(seconds=1)),
                observation(error_code=0),
                observation(provider_status="sent", conflicting=True),
            ]
        )
    )
    assert seen == [True, False, True, True]
    assert await store.write(lambda tx: tx.events.observe([observation()])) == [False]
    kept = await store.read(lambda tx: tx.events.observations("obx_1"))
    assert [(o.provider_status, o.error_code, o.conflicting) for o in kept] == [
        ("delivered", None, False),
        ("delivered", 0, False),
        ("sent", None, True),
    ]


async def test_early_callbacks_are_adopted(store: Database) -> None:
    early = [observation("", provider_status=s) for s in ("sent", "delivered")]
    await store.write(lambda tx: tx.events.observe(early))
    await store.write(lambda tx: tx.events.observe([observation("", provider_id="SM2")]))
    assert await store.read(lambda tx: tx.events.unmatched(["SM1", "SM9"])) == early
    await store.write(lambda tx: tx.events.adopt("SM1", "obx_1"))
    assert await store.read(lambda tx: tx.events.unmatched(["SM1"])) == []
    assert len(await store.read(lambda tx: tx.events.observations("obx_1"))) == 2


@pytest.mark.proves("B098")
async def test_observations_are_bounded(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringfence.store.health.ITEMS_MAX", 3)
    many = [observation("obx_1", error_code=n) for n in range(25)]
    await store.write(lambda tx: tx.events.observe(many))
    assert len(await store.read(lambda tx: tx.events.observations("obx_1"))) == 20
    await store.write(lambda tx: tx.health.forget(NOW))
    left = await store.read(lambda tx: tx.events.observations("obx_1"))
    assert [o.error_code for o in left] == list(range(5, 25))
    assert await store.write(lambda tx: tx.events.observe(many[:6])) == [True] * 5 + [False]
    others = [observation(f"obx_{n}", provider_id=f"SM{n}") for n in range(2, 5)]
    await store.write(lambda tx: tx.events.observe(others))
    await store.write(lambda tx: tx.health.forget(NOW))
    assert await store.read(lambda tx: tx.events.observations("obx_1")) == []
    assert len(await store.read(lambda tx: tx.events.observations("obx_2"))) == 1
    await store.write(lambda tx: tx.health.forget(later(days=31)))
    assert await store.read(lambda tx: tx.events.observations("obx_4")) == []


@pytest.mark.proves("B029", "B043")
async def test_dead_events_are_kept_once_and_taken_out(store: Database) -> None:
    event = DeadEvent("evt_1", "default", "tok", "inbound", "other account", NOW, {"a": [1]})
    twin = DeadEvent("evt_2", "default", "tok", "inbound", "other account", NOW, {})
    assert await store.write(lambda tx: tx.events.bury(event))
    assert not await store.write(lambda tx: tx.events.bury(twin))
    assert await store.read(lambda tx: tx.events.dead(None)) == [event]
    assert await store.read(lambda tx: tx.events.dead("night")) == []
    assert await store.read(lambda tx: tx.health.dead_letters()) == {("default", "events"): 1}
    assert await store.write(lambda tx: tx.events.exhume("evt_1")) == event
    assert await store.write(lambda tx: tx.events.exhume("evt_1")) is None
    assert await store.read(lambda tx: tx.health.dead_letters()) == {}


async def test_forgetting_expires_pairing_requests(store: Database) -> None:
    await store.write(lambda tx: tx.access.add_request(request(state=PairingState.PENDING)))
    await store.write(lambda tx: tx.health.forget(later(hours=1)))
    assert await store.read(lambda tx: tx.access.requests(None, NOW)) == []
