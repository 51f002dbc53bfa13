"""The running store: one writer thread that gathers waiting jobs into a transaction (group commit),
and a few readers that never wait for it. Never lets a job see another's half."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from ringfence.model.errors import StoreBusy, StoreError
from ringfence.ports import Tx
from ringfence.store.connection import Connection
from ringfence.store.transaction import Transaction

T = TypeVar("T")
log = logging.getLogger("ringfence.store")

BATCH_MAX = 256
"""Jobs that share one commit."""
WAITING_MAX = 20_000
"""Jobs that may wait for the writer before StoreBusy (P10)."""
CLOSE_S = 30.0
"""How long closing waits for the writer, and again for the readers."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    job: Callable[[Tx], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop


_Outcome = tuple[_Waiting, Any, Exception | None]


class Database:
    """Fulfils ports.Store. `connect(read_only)` opens a connection; it is called on the thread that
    will use it."""

    def __init__(self, connect: Callable[[bool], Connection], readers: int = 2) -> None:
        self._connect = connect
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._closed = False
        self._thread_held = threading.local()
        self._readers_open: list[Connection] = []
        self._reads = ThreadPoolExecutor(readers, thread_name_prefix="store-read")
        self._writer = threading.Thread(target=self._write_loop, name="store-write", daemon=True)
        self._writer.start()

    async def write(self, job: Callable[[Tx], T]) -> T:
        """A caller that is cancelled while it waits does not undo its job."""
        if self._closed:
            raise StoreError("It is closed.")
        if self._queue.qsize() >= WAITING_MAX:
            raise StoreBusy(f"{WAITING_MAX} writes are waiting already. Try again later.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Waiting(job, future, loop))
        return await future

    async def read(self, query: Callable[[Tx], T]) -> T:
        if self._closed:
            raise StoreError("It is closed.")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reads, self._read, query)

    async def close(self) -> None:
        """Finish what was accepted, then close every connection. A database that does not answer
        is left behind after CLOSE_S, with words in the log. Closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._writer.join, CLOSE_S)
        if self._writer.is_alive():
            self._give_up()
        if await loop.run_in_executor(None, _ends, self._reads.shutdown, CLOSE_S):
            for connection in self._readers_open:
                connection.close()
        else:
            log.error("closing without the last reads: the database does not answer")

    def _give_up(self) -> None:
        """The writer is stuck in a batch, which may yet be written; the rest never will be."""
        left: list[_Waiting] = []
        try:
            while True:
                left += [waiting] if (waiting := self._queue.get_nowait()) else []
        except queue.Empty:
            self._queue.put(None)
        log.error(
            "closing without the last writes: the database does not answer",
            extra={"unwritten": len(left)},
        )
        closed = StoreError("It was closed before this could be written.")
        _resolve([(waiting, None, closed) for waiting in left])

    # -- readers -------------------------------------------------------------------------------

    def _read(self, query: Callable[[Tx], T]) -> T:
        connection, tx = self._reader()
        tx.begin()
        try:
            return query(tx)
        finally:
            connection.rollback()

    def _reader(self) -> tuple[Connection, Transaction]:
        held: tuple[Connection, Transaction] | None = getattr(self._thread_held, "reader", None)
        if held is not None and held[0].lost:
            self._readers_open.remove(held[0])
            held[0].close()
            held = self._thread_held.reader = None
        if held is None:
            connection = self._connect(True)
            self._readers_open.append(connection)
            held = self._thread_held.reader = (connection, Transaction(connection))
        return held

    # -- the writer ----------------------------------------------------------------------------

    def _write_loop(self) -> None:
        connection: Connection | None = None
        tx: Transaction | None = None
        while (batch := self._gather()) is not None:
            try:
                if connection is not None and connection.lost:
                    connection.close()
                    connection = None
                if connection is None or tx is None:
                    connection = self._connect(False)
                    tx = Transaction(connection)
                outcomes = _run_batch(tx, connection, batch)
            except StoreError as error:
                outcomes = [(waiting, None, error) for waiting in batch]
            _resolve(outcomes)
        if connection is not None:
            connection.close()

    def _gather(self) -> list[_Waiting] | None:
        """Wait for a job, then take what else is there. None when the store closes."""
        first = self._queue.get()
        if first is None:
            return None
        batch = [first]
        while len(batch) < BATCH_MAX:
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                break
            if following is None:
                self._queue.put(None)
                break
            batch.append(following)
        return batch


def _run_batch(tx: Transaction, connection: Connection, batch: list[_Waiting]) -> list[_Outcome]:
    """All in one transaction; when one job fails, again with marks between them. Raises StoreError
    when the transaction could not begin or its end is unknown: then all share that fate."""
    tx.begin()
    try:
        results = [waiting.job(tx) for waiting in batch]
        tx.commit()
    except Exception as error:
        # Whatever a job raises belongs to its caller, and must not take the others with it.
        tx.rollback()
        if connection.lost:
            raise _lost(error) from error
        if len(batch) == 1:
            return [(batch[0], None, error)]
        return _run_marked(tx, connection, batch)
    return [(waiting, result, None) for waiting, result in zip(batch, results, strict=True)]


def _run_marked(tx: Transaction, connection: Connection, batch: list[_Waiting]) -> list[_Outcome]:
    """A job that raises is undone alone and the others still share one commit, so that a caller
    who is refused again and again does not cost each of them a sync."""
    tx.begin()
    try:
        outcomes = [_attempt(tx, connection, waiting) for waiting in batch]
        tx.commit()
    except Exception as error:
        tx.rollback()
        if connection.lost:
            raise _lost(error) from error
        return _run_alone(tx, connection, batch)
    return outcomes


def _attempt(tx: Transaction, connection: Connection, waiting: _Waiting) -> _Outcome:
    tx.mark()
    try:
        result = waiting.job(tx)
    except Exception as error:
        if connection.lost:
            raise
        tx.undo()
        return waiting, None, error
    tx.keep()
    return waiting, result, None


def _run_alone(tx: Transaction, connection: Connection, batch: list[_Waiting]) -> list[_Outcome]:
    """Each in its own transaction: the common one cannot be committed, whoever is to blame (what
    is buffered for its end may be refused; a full disk undoes it whole)."""
    outcomes: list[_Outcome] = []
    for position, waiting in enumerate(batch):
        try:
            outcomes += _run_batch(tx, connection, [waiting])
        except StoreError as error:
            # The database is locked or gone: the rest would only wait for the same answer.
            outcomes += [(left, None, error) for left in batch[position:]]
            break
    return outcomes


def _ends(work: Callable[[], object], within_s: float) -> bool:
    thread = threading.Thread(target=work, name="store-close", daemon=True)
    thread.start()
    thread.join(within_s)
    return not thread.is_alive()


def _lost(error: Exception) -> StoreError:
    return error if isinstance(error, StoreError) else StoreError(str(error))


def _resolve(outcomes: list[_Outcome]) -> None:
    """One wake-up per event loop, however many jobs."""
    loops: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        loops.setdefault(outcome[0].loop, []).append(outcome)
    for loop, theirs in loops.items():
        try:
            loop.call_soon_threadsafe(_deliver, theirs)
        except RuntimeError:
            # The loop was closed: nobody waits for the answer any more.
            continue


def _deliver(outcomes: list[_Outcome]) -> None:
    for waiting, result, error in outcomes:
        if waiting.future.done():
            continue
        if error is None:
            waiting.future.set_result(result)
        else:
            waiting.future.set_exception(error)
