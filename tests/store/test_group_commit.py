"""The running store: many jobs in one commit, each undone alone; serial across processes; what was
acknowledged is there after a kill."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from store_rows import ANN, entry, ids, inbound, item, number, person

from ringfence.clock import SystemClock
from ringfence.model.errors import (
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreUnreachable,
)
from ringfence.ports import Tx, Window
from ringfence.store import database as database_module
from ringfence.store import open_store
from ringfence.store.database import Database
from ringfence.store.transaction import Transaction

HERE = Path(__file__).parent


class Wrong(Exception):
    """A job's own mistake."""


def add_item(index: int) -> Callable[[Tx], int]:
    def job(tx: Tx) -> int:
        tx.outbox.add([item(f"obx_{index}", number=number(index))])
        tx.audit.append([entry(f"aud_{index}", f"obx_{index}")])
        return index

    return job


def add_big(index: int) -> Callable[[Tx], object]:
    def job(tx: Tx) -> None:
        add_item(index)(tx)
        tx.messages.add_inbound([inbound(f"msg_{index}", f"SM{index}", body="x" * 4000)])

    return job


async def stored(store: Database, upto: int) -> set[str]:
    return set(await store.read(lambda tx: tx.outbox.many([f"obx_{n}" for n in range(upto)])))


async def test_a_failing_job_is_undone_alone(store: Database) -> None:
    def fails(tx: Tx) -> None:
        tx.outbox.add([item("obx_wrong")])
        tx.audit.append([entry("aud_wrong")])
        raise Wrong("on purpose")

    jobs = [add_item(n) for n in range(5)]
    jobs.insert(2, fails)
    answers = await asyncio.gather(*(store.write(j) for j in jobs), return_exceptions=True)
    assert [a for a in answers if not isinstance(a, Wrong)] == [0, 1, 2, 3, 4]
    assert isinstance(answers[2], Wrong)
    assert await stored(store, 5) == {f"obx_{n}" for n in range(5)}
    assert await store.read(lambda tx: tx.outbox.get("obx_wrong")) is None
    assert await store.read(lambda tx: tx.audit.verify()) == (5, "")
    assert (await store.read(lambda tx: tx.health.counts()))["outbox.due"] == 5


async def test_a_job_refused_by_the_database_is_undone_alone(store: Database) -> None:
    await store.write(lambda tx: tx.outbox.add([item("obx_0")]))
    jobs = [add_item(1), add_item(0), add_item(2)]
    answers = await asyncio.gather(*(store.write(j) for j in jobs), return_exceptions=True)
    assert [type(a) for a in answers] == [int, StoreError, int]
    assert await stored(store, 3) == {"obx_0", "obx_1", "obx_2"}


async def test_what_a_failing_job_had_buffered_goes_with_it(store: Database) -> None:
    """Entries and counts wait in memory for the commit, and some are written before it."""

    def fails(tx: Tx) -> None:
        tx.audit.append([entry("aud_wrong")])
        assert tx.audit.get("aud_0") is not None  # writes all that waits, its neighbours' too
        tx.audit.append([entry("aud_wrong_too")])
        tx.outbox.add([item("obx_wrong", number=number(9))])
        tx.health.counts()
        raise Wrong("on purpose")

    jobs = [add_item(0), fails, add_item(1), fails]
    answers = await asyncio.gather(*(store.write(j) for j in jobs), return_exceptions=True)
    assert [type(a) for a in answers] == [int, Wrong, int, Wrong]
    assert await store.read(lambda tx: tx.audit.verify()) == (2, "")
    assert (await store.read(lambda tx: tx.health.counts()))["outbox.due"] == 2


async def test_a_caller_who_is_refused_costs_the_others_no_commit(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(tx: Tx) -> None:
        raise Wrong("on purpose")

    commits = 0
    real = Transaction.commit

    def counted(tx: Transaction) -> None:
        nonlocal commits
        commits += 1
        real(tx)

    monkeypatch.setattr(Transaction, "commit", counted)
    jobs = [add_item(n) if n % 2 else fails for n in range(200)]
    await asyncio.gather(*(store.write(j) for j in jobs), return_exceptions=True)
    assert len(await stored(store, 200)) == 100
    assert commits < 20


async def test_an_entry_refused_at_the_commit_is_undone_alone(store: Database) -> None:
    await store.write(lambda tx: tx.audit.append([entry("aud_0")]))
    jobs = [add_item(1), lambda tx: tx.audit.append([entry("aud_0")]), add_item(2)]
    answers = await asyncio.gather(*(store.write(j) for j in jobs), return_exceptions=True)
    assert [type(a) for a in answers] == [int, StoreError, int]
    assert await store.read(lambda tx: tx.audit.verify()) == (3, "")


async def test_jobs_of_a_moment_share_a_commit_in_their_order(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    real = database_module._run_batch

    def counted(*given: object) -> object:
        sizes.append(len(given[2]))
        return real(*given)

    monkeypatch.setattr(database_module, "_run_batch", counted)
    store = await open_store(sqlite_url, clock=SystemClock())
    await asyncio.gather(*(store.write(add_item(n)) for n in range(600)))
    found = await store.read(lambda tx: tx.outbox.many([f"obx_{n}" for n in range(600)]))
    await store.close()
    in_order = sorted(found.values(), key=lambda i: i.seq)
    assert ids(in_order) == [f"obx_{n}" for n in range(600)]
    assert max(sizes) <= database_module.BATCH_MAX
    assert len(sizes) < 60, sizes


async def test_a_read_never_waits_for_the_writer_and_never_writes(store: Database) -> None:
    entered, release = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(tx: Tx) -> None:
        tx.people.add([person()])
        loop.call_soon_threadsafe(entered.set)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result(10)

    writing = asyncio.ensure_future(store.write(slow))
    await asyncio.wait_for(entered.wait(), 10)
    assert await asyncio.wait_for(store.read(lambda tx: tx.people.find([ANN])), 5) == {}
    release.set()
    await writing
    assert ANN in await store.read(lambda tx: tx.people.find([ANN]))
    for attempt in (
        lambda tx: tx.people.set_blocked(ANN, True),
        lambda tx: tx.audit.append([entry("aud_1")]),
        lambda tx: tx.counters.add({Window("a", 60, 0): 1}),
    ):
        with pytest.raises(StoreError, match="read tried to write"):
            await store.read(attempt)


async def test_a_closed_store_says_so_and_closes_once(store_url: str) -> None:
    store = await open_store(store_url, clock=SystemClock())
    last = asyncio.ensure_future(store.write(add_item(1)))
    await asyncio.sleep(0)
    await store.close()
    await store.close()
    assert await last == 1
    with pytest.raises(StoreError, match="closed"):
        await store.write(add_item(2))
    with pytest.raises(StoreError, match="closed"):
        await store.read(lambda tx: tx.people.blocked())


async def test_too_many_waiting_writes_are_refused(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "WAITING_MAX", 0)
    store = await open_store(sqlite_url, clock=SystemClock())
    with pytest.raises(StoreBusy, match="waiting already"):
        await store.write(add_item(1))
    await store.close()


# -- several processes -----------------------------------------------------------------------------

WRITER = """
import asyncio, sys
sys.path.insert(0, sys.argv[3])
from store_rows import entry, inbound, item, number
from ringfence.clock import SystemClock
from ringfence.ports import Window
from ringfence.store import open_store

async def main(url, name):
    store = await open_store(url, clock=SystemClock(), busy_timeout_s=20)
    def job(n):
        def work(tx):
            tx.people.find([number(1)])  # a look first, as every decision has
            tx.messages.add_inbound([inbound(f"msg_{name}_{n}", f"SM{name}{n}")])
            tx.outbox.add([item(f"obx_{name}_{n}", number=number(n % 7))])
            tx.audit.append([entry(f"aud_{name}_{n}"), entry(f"aud_{name}_{n}b")])
            tx.counters.add({Window("all", 90_000, 10**10): 1})
        return work
    for start in range(0, int(sys.argv[4]), 10):
        await asyncio.gather(*(store.write(job(n)) for n in range(start, start + 10)))
        for n in range(start, start + 10):
            print(n, flush=True)
    await store.close()

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


def _writer(url: str, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), url, name, str(HERE), str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.proves("P3", "P7")
async def test_two_processes_write_one_whole_chain(store_url: str) -> None:
    store = await open_store(store_url, clock=SystemClock())
    writers = [_writer(store_url, name, 150) for name in ("a", "b")]
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    assert await store.read(lambda tx: tx.audit.verify()) == (600, "")
    counts = await store.read(lambda tx: tx.health.counts())
    at = entry("x").at
    counted = await store.read(lambda tx: tx.counters.read([Window("all", 90_000, 10**10)]))
    due = await store.read(lambda tx: tx.outbox.due(at, 100, ()))
    await store.close()
    assert counts["outbox.due"] == 300
    assert counted == {Window("all", 90_000, 10**10): 300}
    assert len(due) == 7, "one head a lane, whichever process added it"


@pytest.mark.proves("P4", "B040")
async def test_what_was_acknowledged_survives_a_kill(store_url: str) -> None:
    writer = _writer(store_url, "a", 100_000)
    assert writer.stdout is not None
    acknowledged = [int(writer.stdout.readline()) for _ in range(137)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += [int(n) for n in writer.stdout.read().split("\n")[:-1]]
    writer.wait(10)
    store = await open_store(store_url, clock=SystemClock())
    wanted = [f"msg_a_{n}" for n in acknowledged]
    found = await store.read(lambda tx: tx.messages.many(wanted))
    checked, finding = await store.read(lambda tx: tx.audit.verify())
    repeated = await store.write(
        lambda tx: tx.messages.add_inbound([inbound("msg_again", f"SMa{acknowledged[-1]}")])
    )
    await store.close()
    assert set(found) == set(wanted)
    assert finding == ""
    assert checked >= 2 * len(acknowledged)
    assert checked % 2 == 0, "half a job was kept"
    assert repeated == set()


# -- what can go wrong with the database -----------------------------------------------------------


async def test_a_locked_sqlite_file_is_busy_with_words(tmp_path: Path) -> None:
    path = tmp_path / "ringfence.db"
    store = await open_store(path, clock=SystemClock(), busy_timeout_s=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match=r"ringfence\.db stayed locked for 0\.05 s"):
        await store.write(add_item(1))
    assert await store.read(lambda tx: tx.people.blocked()) == []
    other.execute("ROLLBACK")
    other.close()
    assert await store.write(add_item(1)) == 1
    await store.close()


@pytest.mark.postgres
async def test_a_held_write_lock_on_postgres_is_busy_with_words(postgres_url: str) -> None:
    store = await open_store(postgres_url, clock=SystemClock(), busy_timeout_s=0.1)
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", (0x52494E47,))
        with pytest.raises(StoreBusy, match=r"write lock stayed taken for 0\.1 s"):
            await store.write(add_item(1))
    assert await store.write(add_item(1)) == 1
    await store.close()


@pytest.mark.proves("P4")
async def test_a_full_disk_keeps_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ringfence.db"
    await (await open_store(path, clock=SystemClock())).close()
    _limit_pages(monkeypatch, path)
    store = await open_store(path, clock=SystemClock())
    kept = 0

    async def fill() -> None:
        nonlocal kept
        for kept in range(500):
            await store.write(add_big(kept))

    with pytest.raises(StoreFull, match="Make room on the disk"):
        await fill()
    assert kept > 3
    assert await stored(store, kept + 1) == {f"obx_{n}" for n in range(kept)}
    assert await store.read(lambda tx: tx.messages.get(f"msg_{kept}")) is None
    assert await store.read(lambda tx: tx.audit.verify()) == (kept, "")
    await store.close()


def _limit_pages(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """SQLite answers SQLITE_FULL at max_page_count as it does at ENOSPC."""
    from ringfence.store.sqlite import SqliteConnection

    pages = sqlite3.connect(path).execute("PRAGMA page_count").fetchone()[0] + 40
    real = SqliteConnection._set_up

    def limited(self: SqliteConnection) -> None:
        real(self)
        self._db.execute(f"PRAGMA max_page_count = {pages}")

    monkeypatch.setattr(SqliteConnection, "_set_up", limited)


@pytest.mark.postgres
async def test_a_lost_postgres_connection_is_taken_up_again(postgres_url: str) -> None:
    store = await open_store(postgres_url, clock=SystemClock())
    assert await store.write(add_item(1)) == 1
    await store.read(lambda tx: tx.people.blocked())

    def cut(tx: Tx) -> None:
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        tx.people.add([person()])

    with pytest.raises(StoreUnreachable, match="nothing was written"):
        await store.write(cut)
    assert await store.write(add_item(2)) == 2
    with pytest.raises(StoreUnreachable):
        await store.read(lambda tx: tx.people.blocked())
    assert await store.read(lambda tx: tx.people.find([ANN])) == {}
    assert await stored(store, 3) == {"obx_1", "obx_2"}
    await store.close()


@pytest.mark.postgres
@pytest.mark.proves("P5")
async def test_a_connection_lost_in_a_commit_leaves_the_outcome_unknown(postgres_url: str) -> None:
    store = await open_store(postgres_url, clock=SystemClock())
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
        )
        admin.execute(
            "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON people "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()"
        )
    with pytest.raises(StoreError, match="whether it was kept is not known") as caught:
        await store.write(lambda tx: tx.people.add([person()]))
    assert not isinstance(caught.value, StoreBusy)
    assert await store.write(add_item(1)) == 1
    await store.close()


@pytest.mark.postgres
async def test_a_stalled_postgres_writer_loses_its_lock(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringfence.store.postgres.STALLED_S", 0.2)
    stalled = await open_store(postgres_url, clock=SystemClock())
    other = await open_store(postgres_url, clock=SystemClock(), busy_timeout_s=10)
    held, resume = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def stall(tx: Tx) -> None:
        tx.people.add([person()])
        loop.call_soon_threadsafe(held.set)
        asyncio.run_coroutine_threadsafe(resume.wait(), loop).result(20)
        tx.people.blocked()

    stalling = asyncio.ensure_future(stalled.write(stall))
    await asyncio.wait_for(held.wait(), 10)
    assert await asyncio.wait_for(other.write(add_item(1)), 10) == 1
    resume.set()
    with pytest.raises(StoreUnreachable):
        await stalling
    assert await other.read(lambda tx: tx.people.find([ANN])) == {}
    await stalled.close()
    await other.close()


async def test_a_damaged_file_is_refused_with_words(tmp_path: Path) -> None:
    path = tmp_path / "ringfence.db"
    path.write_bytes(b"this is not a database, it is a letter to a friend" * 100)
    with pytest.raises(StoreCorrupt, match="restore the last backup"):
        await open_store(path, clock=SystemClock())


async def test_pages_overwritten_behind_our_back_are_found(tmp_path: Path) -> None:
    path = tmp_path / "ringfence.db"
    store = await open_store(path, clock=SystemClock())
    for n in range(50):
        await store.write(add_item(n))
    await store.close()
    whole = bytearray(path.read_bytes())
    whole[4096 * 5 : 4096 * 30] = b"\xff" * (4096 * 25)
    path.write_bytes(whole)
    with pytest.raises(StoreCorrupt, match=r"ringfence\.db"):
        await open_store(path, clock=SystemClock())
