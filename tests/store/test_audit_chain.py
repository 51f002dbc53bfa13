"""The audit chain on both databases: append-only, and every tampering is found and located."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest
from store_rows import entry

from ringfence.clock import SystemClock
from ringfence.model.audit import GENESIS
from ringfence.store import check, open_store, verifying
from ringfence.store.connection import Connection, Row
from ringfence.store.database import Database

GUARDS = {
    True: [
        "DROP TRIGGER audit_append_only ON audit",
        "DROP TRIGGER audit_head_grows ON audit_head",
    ],
    False: [
        "DROP TRIGGER audit_no_update",
        "DROP TRIGGER audit_no_delete",
        "DROP TRIGGER audit_no_replace",
        "DROP TRIGGER audit_head_grows",
    ],
}


def behind_our_back(url: str, *statements: str) -> None:
    if url.startswith("postgresql"):
        with psycopg.connect(url, autocommit=True) as raw:
            for statement in statements:
                raw.execute(statement)
    else:
        file = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        for statement in statements:
            file.execute(statement)
        file.close()


async def fill(store: Database, count: int = 6) -> None:
    for n in range(count):
        await store.write(lambda tx, n=n: tx.audit.append([entry(f"aud_{n}", f"obx_{n % 2}")]))


@pytest.mark.proves("P7")
async def test_entries_are_chained_and_found_by_subject(store: Database) -> None:
    assert await store.read(lambda tx: tx.audit.verify()) == (0, "")
    await fill(store)
    chain = await store.read(lambda tx: tx.audit.of_subject("obx_0") + tx.audit.of_subject("obx_1"))
    chain.sort(key=lambda stored: stored.seq)
    assert [stored.seq for stored in chain] == [1, 2, 3, 4, 5, 6]
    assert [stored.previous for stored in chain] == [GENESIS, *(s.hash for s in chain[:-1])]
    assert chain[0].entry == entry("aud_0", "obx_0")
    assert await store.read(lambda tx: tx.audit.get("aud_5")) == chain[5]
    assert await store.read(lambda tx: tx.audit.get("aud_9")) is None
    assert await store.read(lambda tx: tx.audit.verify()) == (6, "")


async def test_a_job_sees_its_own_entries(store: Database) -> None:
    def job(tx: object) -> int:
        tx.audit.append([entry("aud_1"), entry("aud_2")])
        return len(tx.audit.of_subject("obx_1")) + tx.audit.verify()[0]

    assert await store.write(job) == 4
    assert await store.read(lambda tx: tx.audit.verify()) == (2, "")


@pytest.mark.proves("P7")
async def test_the_database_itself_refuses_changes(store_url: str) -> None:
    store = await open_store(store_url, clock=SystemClock())
    await fill(store)
    for statement in ("UPDATE audit SET actor = 'me'", "DELETE FROM audit WHERE seq = 3"):
        with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RaiseException), match="never"):
            behind_our_back(store_url, statement)
    assert await store.read(lambda tx: tx.audit.verify()) == (6, "")
    await store.close()


TAMPERINGS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "edit": (("UPDATE audit SET actor = 'me' WHERE seq = 3",), 2, "entry 3 (aud_2) was changed"),
    "edited body": (
        ("UPDATE audit SET body = '{}' WHERE seq = 6",),
        5,
        "entry 6 (aud_5) was changed",
    ),
    "delete": (("DELETE FROM audit WHERE seq = 3",), 2, "entry 3 is gone"),
    "delete the tail": (
        ("DELETE FROM audit WHERE seq > 4",),
        4,
        "entries 5 to 6 are gone from the end",
    ),
    "delete all": (("DELETE FROM audit",), 0, "entries 1 to 6 are gone from the end"),
    "renumber over a deletion": (
        (
            "DELETE FROM audit WHERE seq = 3",
            "UPDATE audit SET seq = 3 WHERE seq = 4",
            "UPDATE audit SET seq = 4 WHERE seq = 5",
            "UPDATE audit SET seq = 5 WHERE seq = 6",
        ),
        2,
        "entry 3 does not follow entry 2",
    ),
    "swap": (
        (
            "UPDATE audit SET seq = 99 WHERE seq = 2",
            "UPDATE audit SET seq = 2 WHERE seq = 3",
            "UPDATE audit SET seq = 3 WHERE seq = 99",
        ),
        1,
        "entry 2 does not follow entry 1",
    ),
    "forged tail": (
        (
            "INSERT INTO audit SELECT 7, 'aud_x', at, kind, subject, actor, body, hash, hash "
            "FROM audit WHERE seq = 6",
        ),
        6,
        "entry 7 (aud_x) was changed",
    ),
    "cut tail with the count mended": (
        ("DELETE FROM audit WHERE seq = 6", "UPDATE audit_head SET count = 5"),
        5,
        "the recorded head does not match entry 5",
    ),
}


@pytest.mark.proves("P7")
@pytest.mark.parametrize("name", TAMPERINGS)
async def test_tampering_is_found(store_url: str, name: str) -> None:
    statements, checked, words = TAMPERINGS[name]
    store = await open_store(store_url, clock=SystemClock())
    await fill(store)
    behind_our_back(store_url, *GUARDS[store_url.startswith("postgresql")], *statements)
    found = await store.read(lambda tx: tx.audit.verify())
    await store.close()
    assert found[0] == checked
    assert words in found[1]
    assert check(store_url).audit == found[1]


async def test_verifying_reads_a_piece_at_a_time(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(store, 7)
    sizes: list[int] = []
    real = verifying._after

    def counted(db: Connection, seq: int, limit: int) -> list[Row]:
        found = real(db, seq, limit)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(verifying, "CHUNK", 3)
    monkeypatch.setattr(verifying, "_after", counted)
    assert await store.read(lambda tx: tx.audit.verify()) == (7, "")
    assert sizes == [3, 3, 1, 0]
