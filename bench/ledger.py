"""The bare ledger: message lives in one table through the store's own group commit, against a
carrier in the same process that answers in 1 ms. No gate, no audit, no lanes, no HTTP: what a life
costs when nothing is asked.

    python -m bench.ledger STORE_URL MESSAGES"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Callable, Sequence
from time import perf_counter

from bench.children import say
from ringfence.cli.common import run
from ringfence.clock import SystemClock
from ringfence.gateway.batch import Batcher
from ringfence.ports import Tx
from ringfence.store import opening
from ringfence.store.connection import Connection, Row
from ringfence.store.database import Database
from ringfence.store.statements import ForEach, Insert, columns

IN_FLIGHT = 256
CARRIER_S = 0.001

_TABLE = (
    "CREATE TABLE bare_ledger (id TEXT PRIMARY KEY, number TEXT NOT NULL, body TEXT NOT NULL, "
    "state TEXT NOT NULL, provider_id TEXT NOT NULL, status TEXT NOT NULL)"
)
_ADD = Insert("bare_ledger", columns("id number body state provider_id status"))
_SENT = ForEach(
    "UPDATE bare_ledger SET state = 'sent', provider_id = :provider_id {from_rows} "
    "WHERE bare_ledger.id = :id AND bare_ledger.state = 'sending'",
    columns("id provider_id"),
)
_STATUS = ForEach(
    "UPDATE bare_ledger SET status = :status {from_rows} WHERE bare_ledger.id = :id",
    columns("id status"),
)
_FINISH = ForEach(
    "UPDATE bare_ledger SET state = 'done' {from_rows} "
    "WHERE bare_ledger.id = :id AND bare_ledger.state = 'sent'",
    columns("id"),
)


class Ledger:
    """One life: record as being sent, send, store the provider's id, take the status, finish."""

    def __init__(self, url: str) -> None:
        self._location = opening.locate(url)
        self._db: Connection | None = None
        self.store = Database(self._connect)
        self._record = self._batcher(lambda db, rows: db.insert(_ADD, rows))
        self._sent = self._batcher(lambda db, rows: db.run_each(_SENT, rows))
        self._status = self._batcher(lambda db, rows: db.run_each(_STATUS, rows))
        self._finish = self._batcher(lambda db, rows: db.run_each(_FINISH, rows))
        self._clock = SystemClock()

    async def open(self) -> None:
        def job(_: Tx) -> None:
            self._writer().run(_TABLE)

        await self.store.write(job)

    async def live(self, index: int) -> None:
        id_ = f"msg_{index:032x}"
        await self._record((id_, "+15555550111", "The visit is at four.", "sending", "", ""))
        await self._clock.sleep(CARRIER_S)
        await self._sent((id_, f"SM{index:032x}"))
        await self._status((id_, "delivered"))
        await self._finish((id_,))

    async def finished(self) -> int:
        def job(_: Tx) -> int:
            sql = "SELECT count(*) FROM bare_ledger WHERE state = 'done' AND status = 'delivered'"
            return int(self._writer().value(sql) or 0)

        return await self.store.write(job)

    def _connect(self, read_only: bool) -> Connection:
        made = opening.connect(self._location, read_only=read_only, busy_timeout_s=5.0)
        if not read_only:
            self._db = made
        return made

    def _writer(self) -> Connection:
        assert self._db is not None
        return self._db

    def _batcher(
        self, statement: Callable[[Connection, Sequence[Row]], None]
    ) -> Batcher[Row, None]:
        def work(_: Tx, rows: Sequence[Row]) -> list[None]:
            statement(self._writer(), rows)
            return [None] * len(rows)

        return Batcher(self.store, work, most=IN_FLIGHT)


async def measure(url: str, messages: int) -> None:
    await (await opening.open_store(url, clock=SystemClock())).close()  # makes the file, migrates
    ledger = Ledger(url)
    await ledger.open()
    waiting = iter(range(messages))

    async def lives() -> None:
        for index in waiting:
            await ledger.live(index)

    before, started = resource.getrusage(resource.RUSAGE_SELF), perf_counter()
    await asyncio.gather(*(lives() for _ in range(IN_FLIGHT)))
    seconds, after = perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    done = await ledger.finished()
    await ledger.store.close()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    say(lives=done, seconds=seconds, cpu=cpu)


if __name__ == "__main__":
    run(measure(sys.argv[1], int(sys.argv[2])))
