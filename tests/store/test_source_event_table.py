"""Events of sources on both databases: taken once for ever, listed, forgotten in time."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from operation_rows import event
from store_rows import NOW, ids, later

from ringfence.ports import StoredEvent
from ringfence.store.database import Database

STRANGE = {"text": "NUL \x00, half \ud800", "big": 1 << 80, "nested": [{"a": None}, 1.5, True]}


async def add(store: Database, *events: StoredEvent) -> set[str]:
    return await store.write(lambda tx: tx.source_events.add(events))


async def kept(store: Database, id_: str) -> StoredEvent:
    found = await store.read(lambda tx: tx.source_events.get(id_))
    assert found is not None
    return found


async def test_an_event_is_kept_as_it_is(store: Database) -> None:
    full = event(dedupe_key="disk", document=STRANGE, outcome={"incident": {"alert": "alr_1"}})
    assert await add(store, full) == {"evt_1"}
    assert await kept(store, "evt_1") == full
    assert await store.read(lambda tx: tx.source_events.get("evt_2")) is None
    assert await add(store) == set()


async def test_what_became_of_events_is_noted(store: Database) -> None:
    await add(store, event(), event("evt_2", "two"))
    outcomes = {"evt_1": {"a": {"did": "opened"}}, "evt_2": {}, "evt_9": {"a": 1}}
    await store.write(lambda tx: tx.source_events.outcome(outcomes))
    await store.write(lambda tx: tx.source_events.outcome({}))
    assert (await kept(store, "evt_1")).outcome == {"a": {"did": "opened"}}
    assert (await kept(store, "evt_2")).outcome == {}


async def test_names_longer_than_an_index_takes_are_told_apart(store: Database) -> None:
    noise = random.Random(7).choices([chr(n) for n in range(0x4E00, 0x9000)], k=9_000)
    long = "".join(noise)
    first, second = event("evt_1", long + "1"), event("evt_2", long + "2")
    assert await add(store, first, second, event("evt_3", long + "1")) == {"evt_1", "evt_2"}
    pairs = [("prometheus", long + "2"), ("prometheus", long + "3")]
    assert await store.read(lambda tx: tx.source_events.known(pairs)) == {pairs[0]: "evt_2"}


async def test_events_without_a_name_are_all_different(store: Database) -> None:
    assert await add(store, event("evt_1", ""), event("evt_2", "")) == {"evt_1", "evt_2"}
    assert await add(store, event("evt_3", "")) == {"evt_3"}
    assert await store.read(lambda tx: tx.source_events.known([("prometheus", "")])) == {}


@pytest.mark.proves("P4")
@pytest.mark.parametrize("seed", range(5))
async def test_a_name_is_taken_once_for_ever(store: Database, seed: int) -> None:
    """Within a batch and across batches the first one wins, per source, whatever its document."""
    chance = random.Random(seed)
    first: dict[tuple[str, str], str] = {}
    count = 0
    for _ in range(12):
        batch, fresh = list[StoredEvent](), set[str]()
        for _ in range(chance.randrange(1, 40)):
            count += 1
            pair = (chance.choice("ab"), chance.choice(["", *"klmnopqr", "n\x00", "n\ufffd"]))
            one = event(f"evt_{count}", pair[1], source=pair[0], document={"n": count})
            stored = (pair[0], pair[1].replace("\x00", "\ufffd"))
            if not pair[1] or first.setdefault(stored, one.id) == one.id:
                fresh.add(one.id)
            batch.append(one)
        assert await add(store, *batch) == fresh
        if chance.random() < 0.3:
            await store.write(lambda tx: tx.source_events.forget(later(days=9), 1_000))
        known = await store.read(lambda tx: tx.source_events.known(sorted(first)))
        assert known == first
    everything = await store.read(lambda tx: tx.source_events.known([("a", "n\x00"), ("c", "k")]))
    assert ("c", "k") not in everything


async def test_the_listing_is_newest_first_and_in_pages(store: Database) -> None:
    await add(store, *(event(f"evt_{n}", str(n), source="ab"[n % 2]) for n in range(6)))

    async def listed(limit: int, source: str | None, after: str | None) -> list[str]:
        return ids(await store.read(lambda tx: tx.source_events.listing(limit, source, after)))

    assert await listed(3, None, None) == ["evt_5", "evt_4", "evt_3"]
    assert await listed(3, None, "evt_3") == ["evt_2", "evt_1", "evt_0"]
    assert await listed(9, "a", None) == ["evt_4", "evt_2", "evt_0"]
    assert await listed(1, "a", "evt_4") == ["evt_2"]
    assert await listed(9, None, "evt_none") == []


@pytest.mark.proves("P7")
async def test_documents_go_and_names_stay(store: Database) -> None:
    events: Sequence[StoredEvent] = [
        event(f"evt_{n}", str(n), document={"phone": "+15555550101"}, received_at=later(hours=n))
        for n in range(4)
    ]
    await add(store, *events)

    async def forget(hours: float, limit: int) -> int:
        return await store.write(lambda tx: tx.source_events.forget(later(hours=hours), limit))

    assert await forget(3, 2) == 2
    assert await forget(3, 2) == 1
    assert await forget(3, 2) == 0
    found = [(await kept(store, f"evt_{n}")).document for n in range(4)]
    assert found == [{}, {}, {}, {"phone": "+15555550101"}]
    assert await add(store, event("evt_new", "0", received_at=NOW)) == set()
