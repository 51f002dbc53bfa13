"""A PostgreSQL connection (psycopg 3). Write transactions of all processes are made serial by one
advisory lock, so that what commits first is seen by all that follow (P3). Never prints the URL: it
may hold a password."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import orjson
import psycopg
from psycopg import errors, pq

from ringfence.model.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import ForEach, Insert, names

WRITE_LOCK = 0x52494E47
"""First key of the advisory lock; the second is the schema, so that stores in other schemas of the
same database do not wait for this one."""
STALLED_S = 30
"""A process that stops in the middle of a transaction loses its lock after this long."""

# Every statement of ours is a look-up through an index, and a queue's statistics are always stale:
# the planner must not fall back to scanning a table it believes to be empty. Plans are made once.
_SESSION = """
    SET synchronous_commit = on;
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
    SET jit = off; SET plan_cache_mode = force_generic_plan;
    SET client_min_messages = warning;
"""


class PostgresConnection(Connection):
    def __init__(self, url: str, *, read_only: bool, busy_timeout_s: float) -> None:
        self.read_only = read_only
        self.lost = False
        self._busy_timeout_s = busy_timeout_s
        self._committing = False
        self._texts: dict[str | Insert | ForEach, str] = {}
        try:
            self._db = psycopg.connect(
                url, autocommit=True, connect_timeout=max(2, round(busy_timeout_s))
            )
            self._db.prepare_threshold = 1
            self._db.prepared_max = 500
            self._cursor = self._db.cursor()
            self._set_up()
        except psycopg.Error as error:
            raise StoreBusy(
                f"PostgreSQL cannot be reached: {_first_line(error)}. Check that it runs and that "
                "store.url names it."
            ) from error

    def _set_up(self) -> None:
        self._cursor.execute(_SESSION)
        self._cursor.execute(f"SET lock_timeout = {round(self._busy_timeout_s * 1000)}")
        self._cursor.execute(f"SET idle_in_transaction_session_timeout = {STALLED_S * 1000}")
        if self.read_only:
            self._begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        else:
            # The lock comes first: a statement after it sees all that was committed before.
            self._begin = (
                "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock("
                f"{WRITE_LOCK}, hashtext(coalesce(current_schema(), '')))"
            )

    def begin(self) -> None:
        self._committing = False
        try:
            self._cursor.execute(self._begin, prepare=False)
        except psycopg.Error as error:
            self.rollback()
            self._fail(error)

    def commit(self) -> None:
        self._committing = True
        self._execute("COMMIT", None)
        self._committing = False

    def rollback(self) -> None:
        if self._db.closed or self._db.broken:
            self.lost = True
            return
        if self._db.info.transaction_status == pq.TransactionStatus.IDLE:
            return
        try:
            self._cursor.execute("ROLLBACK")
        except psycopg.Error:
            # The connection is gone, and with it the transaction.
            self.lost = True

    def close(self) -> None:
        self._db.close()

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        self._execute(self._plain(sql), params)
        return self._cursor.fetchall()

    def run(self, sql: str, params: Sequence[Any] = ()) -> int:
        self._execute(self._plain(sql), params)
        return self._cursor.rowcount

    def insert(self, statement: Insert, rows: Sequence[Row]) -> None:
        self._bulk(statement, names(statement.columns), rows)

    def insert_returning(self, statement: Insert, rows: Sequence[Row]) -> list[Row]:
        self._bulk(statement, names(statement.columns), rows)
        return self._cursor.fetchall()

    def each(self, statement: ForEach, rows: Sequence[Row]) -> list[Row]:
        self._bulk(statement, tuple(f"p_{name}" for name in names(statement.params)), rows)
        return self._cursor.fetchall()

    def run_each(self, statement: ForEach, rows: Sequence[Row]) -> None:
        self._bulk(statement, tuple(f"p_{name}" for name in names(statement.params)), rows)

    def _bulk(self, statement: Insert | ForEach, keys: Sequence[str], rows: Sequence[Row]) -> None:
        text = self._texts.get(statement)
        if text is None:
            text = self._texts[statement] = statement.for_postgres()
        packed = orjson.dumps([dict(zip(keys, row, strict=True)) for row in rows]).decode()
        self._execute(text, (packed,))

    def _plain(self, sql: str) -> str:
        text = self._texts.get(sql)
        if text is None:
            text = self._texts[sql] = sql.replace("%", "%%").replace("?", "%s")
        return text

    def _execute(self, text: str, params: Sequence[Any] | None) -> None:
        try:
            self._cursor.execute(text, params or None)
        except psycopg.Error as error:
            self._fail(error)

    def _fail(self, error: psycopg.Error) -> NoReturn:
        self.lost = self.lost or self._db.closed or self._db.broken
        raise self._translated(error) from error

    def _translated(self, error: psycopg.Error) -> StoreError:
        if self.lost and self._committing:
            return StoreError(
                "The connection to PostgreSQL broke during a commit: whether it was kept is not "
                "known. Trying again is safe."
            )
        if self.lost:
            return StoreBusy("The connection to PostgreSQL broke; nothing was written. Try again.")
        if isinstance(error, errors.LockNotAvailable | errors.QueryCanceled):
            return StoreBusy(
                f"The write lock stayed taken for {self._busy_timeout_s:g} s. Another process "
                "holds a transaction open; see pg_stat_activity, or raise "
                "store.busyTimeoutS."
            )
        if isinstance(error, errors.DiskFull | errors.OutOfMemory):
            return StoreFull("Make room for PostgreSQL's data; nothing was written.")
        if isinstance(error, errors.DataCorrupted | errors.IndexCorrupted):
            return StoreCorrupt(f"{_first_line(error)}. Restore the last pg_dump.")
        if isinstance(error, errors.ReadOnlySqlTransaction) and self.read_only:
            return StoreError("A read tried to write.")
        return StoreError(_first_line(error))


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0].rstrip(".")
