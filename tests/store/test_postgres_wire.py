"""The wire to PostgreSQL: what turns us away, what breaks, what falls silent; and that no words of
ours carry the password."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from store_rows import ANN, person

from ringfence.clock import SystemClock
from ringfence.model.errors import ConfigInvalid, StoreError, StoreUnreachable
from ringfence.ports import Tx
from ringfence.store import database as database_module
from ringfence.store import open_store
from ringfence.store.opening import locate
from ringfence.store.postgres import PostgresConnection


def add_ann(tx: Tx) -> None:
    tx.people.add([person(ANN)])


class Proxy:
    """Stands between the store and PostgreSQL, and can stop forwarding while both sockets stay
    open: to the store, a network that drops every packet."""

    def __init__(self, url: str) -> None:
        self._target = conninfo_to_dict(url)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._pipes: set[asyncio.Task[None]] = set()
        self.url = ""

    def falls_silent(self) -> None:
        self._flowing.clear()

    def talks_again(self) -> None:
        self._flowing.set()

    async def serve(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        given = self._target
        query = urlencode({"options": given["options"]}, quote_via=quote)
        self.url = f"postgresql://{given['user']}@127.0.0.1:{port}/{given['dbname']}?{query}"

    async def close(self) -> None:
        self._server.close()
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = str(self._target["host"]), self._target.get("port", 5432)
        if host.startswith("/"):
            far = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            far = await asyncio.open_connection(host, int(port))
        for pair in ((reader, far[1]), (far[0], writer)):
            self._pipes.add(asyncio.ensure_future(self._pipe(*pair)))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError), contextlib.closing(writer):
            while some := await reader.read(65_536):
                await self._flowing.wait()
                writer.write(some)
                await writer.drain()


@pytest.fixture
async def proxy(postgres_url: str) -> AsyncIterator[Proxy]:
    standing = Proxy(postgres_url)
    await standing.serve()
    yield standing
    standing.talks_again()
    await standing.close()


@pytest.mark.postgres
@pytest.mark.proves("P10")
async def test_a_silent_postgres_fails_the_write_and_is_taken_up_again(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringfence.store.postgres.ANSWER_S", 0.3)
    store = await open_store(proxy.url, clock=SystemClock(), busy_timeout_s=0.2)
    await store.write(add_ann)
    await store.read(lambda tx: tx.people.blocked())
    proxy.falls_silent()
    with pytest.raises(StoreUnreachable, match="nothing was written"):
        await asyncio.wait_for(store.write(add_ann), 10)
    with pytest.raises(StoreUnreachable):
        await asyncio.wait_for(store.read(lambda tx: tx.people.blocked()), 10)
    with pytest.raises(StoreUnreachable):
        await asyncio.wait_for(store.write(add_ann), 10)
    proxy.talks_again()
    await asyncio.wait_for(store.write(add_ann), 10)
    assert ANN in await asyncio.wait_for(store.read(lambda tx: tx.people.find([ANN])), 10)
    assert len(store._readers_open) <= 2
    await asyncio.wait_for(store.close(), 10)


@pytest.mark.postgres
@pytest.mark.proves("P10")
async def test_closing_leaves_a_silent_postgres_behind(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ringfence.store.postgres.ANSWER_S", 2.0)
    monkeypatch.setattr(database_module, "CLOSE_S", 0.1)
    monkeypatch.setattr(database_module, "BATCH_MAX", 1)
    store = await open_store(proxy.url, clock=SystemClock(), busy_timeout_s=1)
    await store.write(add_ann)
    await store.read(lambda tx: tx.people.blocked())
    proxy.falls_silent()
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()
    real = database_module._run_batch

    def entered(*given: object) -> object:
        loop.call_soon_threadsafe(begun.set)
        return real(*given)

    monkeypatch.setattr(database_module, "_run_batch", entered)
    stuck = [asyncio.ensure_future(store.write(add_ann)) for _ in range(3)]
    stuck.append(asyncio.ensure_future(store.read(lambda tx: tx.people.blocked())))
    await asyncio.wait_for(begun.wait(), 5)
    with caplog.at_level(logging.ERROR, "ringfence.store"):
        await asyncio.wait_for(store.close(), 2)
    words = {record.message for record in caplog.records}
    assert words == {
        "closing without the last writes: the database does not answer",
        "closing without the last reads: the database does not answer",
    }
    answers = await asyncio.wait_for(asyncio.gather(*stuck, return_exceptions=True), 10)
    assert all(isinstance(answer, StoreError) for answer in answers)
    assert sum("closed before" in str(answer) for answer in answers) == 2
    await loop.run_in_executor(None, store._writer.join, 10)


@pytest.mark.postgres
async def test_the_wire_is_watched_by_both_ends(postgres_url: str) -> None:
    db = PostgresConnection(postgres_url, read_only=False, busy_timeout_s=5)
    given = db._db.info.get_parameters()
    assert given["tcp_user_timeout"] == "10000"
    assert (given["keepalives_idle"], given["keepalives_count"]) == ("5", "3")
    assert db.value("SHOW statement_timeout") == "25s"
    assert db.value("SHOW lock_timeout") == "5s"
    db.close()


@pytest.mark.postgres
async def test_connections_that_broke_are_closed_and_forgotten(postgres_url: str) -> None:
    store = await open_store(postgres_url, clock=SystemClock())
    for _ in range(5):
        await store.write(add_ann)
        await store.read(lambda tx: tx.people.blocked())
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        for attempt in (store.write(add_ann), store.read(lambda tx: tx.people.blocked())):
            with contextlib.suppress(StoreUnreachable):
                await attempt
    assert len(store._readers_open) <= 2
    await store.close()


# -- no words with the password in them ------------------------------------------------------------

UNREADABLE = (
    "postgresql://ring:hunter2%secret@127.0.0.1:1/db",
    "postgresql://ring:hun/hunter2@127.0.0.1/db",
    "postgresql://ring:hunter2@[::1/db",
    "postgresql://ring:p:ss@hunter2@127.0.0.1:1/db",
    "postgresql://ring:1/hunter2@127.0.0.1/db",
    "postgresql://ring:pw@127.0.0.1/db?hunter2=1",
)


@pytest.mark.parametrize("url", UNREADABLE)
async def test_an_unreadable_url_is_refused_without_a_piece_of_it(url: str) -> None:
    with pytest.raises(ConfigInvalid, match="percent-encode special characters") as caught:
        await open_store(url, clock=SystemClock())
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in repr(locate(url))


async def test_an_unreachable_postgres_is_named_without_its_password(tmp_path: Path) -> None:
    # The password is a word of libpq's own complaint, so that only replacing it keeps it out.
    url = f"postgresql://someone:connection@/db?host={tmp_path}"
    with pytest.raises(StoreUnreachable, match="cannot be reached") as caught:
        await open_store(url, clock=SystemClock())
    assert caught.value.retryable
    assert "locked" not in str(caught.value)
    assert "connection" not in "".join(traceback.format_exception(caught.value)[-1:])
    assert caught.value.__suppress_context__


@pytest.mark.postgres
async def test_a_wrong_database_or_role_is_not_tried_again(postgres_url: str) -> None:
    given = conninfo_to_dict(postgres_url)
    where = urlencode({"host": given["host"], "port": given.get("port", 5432)}, quote_via=quote)
    for url in (
        f"postgresql://{given['user']}:hunter2@/no_such_database?{where}",
        f"postgresql://no_such_role:hunter2@/{given['dbname']}?{where}",
    ):
        with pytest.raises(StoreError, match="did not let us in") as caught:
            await open_store(url, clock=SystemClock())
        assert type(caught.value) is StoreError
        assert not caught.value.retryable
        assert "no_such" in str(caught.value)
        assert "hunter2" not in str(caught.value)
