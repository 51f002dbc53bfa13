"""A PostgreSQL connection (psycopg 3). Write transactions of all processes are made serial by one
advisory lock, so that what commits first is seen by all that follow (P3). Never prints the URL or
the password in it, and never waits without an end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, TypeVar

import orjson
import psycopg
from psycopg import errors, pq
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from ringfence.model.errors import (
    ConfigInvalid,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreUnreachable,
)
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import ForEach, Insert, names

WRITE_LOCK = 0x52494E47
"""First key of the advisory lock; the second is the schema, so that stores in other schemas of the
same database do not wait for this one."""
STALLED_S = 30
"""A process that stops in the middle of a transaction loses its lock after this long."""
ANSWER_S = 20.0
"""What one statement may take, beside waiting for the lock."""

T = TypeVar("T")

# A network that drops packets says nothing: TCP alone would wait for about 15 minutes, and for ever
# when nothing is being sent (https://www.postgresql.org/docs/current/libpq-connect.html).
_LIVENESS = {
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
# What a server says that will soon say something else. It comes before any SQLSTATE is to be had.
_NOT_NOW = (
    "starting up",
    "shutting down",
    "in recovery mode",
    "not yet accepting",
    "too many c",
    "connection slots are reserved",
)

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
        self._statement_s = busy_timeout_s + ANSWER_S
        given = _parameters(url)
        self._secrets = [given[key] for key in ("password", "sslpassword") if given.get(key)]
        wanted = _LIVENESS | given | {"connect_timeout": max(2, round(busy_timeout_s))}
        try:
            self._db = _Bounded.connect(make_conninfo(**wanted), autocommit=True)
        except psycopg.Error as error:
            # Without its cause: a traceback would print what was masked.
            raise self._no_connection(error) from None
        try:
            self._set_up()
        except psycopg.Error as error:
            self._db.close()
            raise self._no_connection(error) from None

    def _set_up(self) -> None:
        # The server ends a statement first; only one that has fallen silent is left behind.
        self._db.silent_after_s = 1.2 * self._statement_s
        self._db.prepare_threshold = 1
        self._db.prepared_max = 500
        self._cursor = self._db.cursor()
        self._cursor.execute(_SESSION)
        self._cursor.execute(f"SET statement_timeout = {round(self._statement_s * 1000)}")
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
            return StoreUnreachable(
                "The connection to PostgreSQL broke; nothing was written. Try again."
            )
        if isinstance(error, errors.QueryCanceled):
            return StoreBusy(
                f"A statement took longer than {self._statement_s:g} s and was stopped; nothing "
                "was written. See pg_stat_activity for what keeps PostgreSQL from answering."
            )
        if isinstance(error, errors.LockNotAvailable):
            return StoreBusy(
                f"The write lock stayed taken for {self._busy_timeout_s:g} s. Another process "
                "holds a transaction open; see pg_stat_activity, or raise "
                "store.busyTimeoutS."
            )
        if isinstance(error, errors.DiskFull | errors.OutOfMemory):
            return StoreFull("Make room for PostgreSQL's data; nothing was written.")
        if isinstance(error, errors.DataCorrupted | errors.IndexCorrupted):
            return StoreCorrupt(f"{self._first_line(error)}. Restore the last pg_dump.")
        if isinstance(error, errors.ReadOnlySqlTransaction) and self.read_only:
            return StoreError("A read tried to write.")
        return StoreError(self._first_line(error))

    def _no_connection(self, error: psycopg.Error) -> StoreError:
        """Not reached, or turned away: the one passes by itself, the other does not."""
        text, reason = str(error), self._first_line(error)
        turned_away = (
            error.sqlstate is not None
            # libpq writes what a server said, and nothing else, as "FATAL:  reason" (two spaces).
            or ":  " in text
            or (error.pgconn is not None and error.pgconn.needs_password)
        )
        if turned_away and not any(words in text for words in _NOT_NOW):
            return StoreError(
                f"PostgreSQL did not let us in: {reason}. Check the role, the password and the "
                "database in store.url."
            )
        return StoreUnreachable(f"{reason}. Check that it runs and that store.url names it.")

    def _first_line(self, error: psycopg.Error) -> str:
        line = (str(error).strip().splitlines() or ["no reason given"])[0].rstrip(".")
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return line


class _Bounded(psycopg.Connection[TupleRow]):
    """Gives up on a server that has stopped talking, whatever keeps the socket open (a proxy, a
    stopped process)."""

    silent_after_s = ANSWER_S

    def wait(self, gen: PQGen[T], interval: float = 0.0, timeout: float | None = None) -> T:
        return super().wait(self._unless_silent(gen), interval=self.silent_after_s)

    def _unless_silent(self, gen: PQGen[T]) -> PQGen[T]:
        try:
            wanted = next(gen)
            while ready := (yield wanted):
                wanted = gen.send(ready)
        except StopIteration as finished:
            answer: T = finished.value
            return answer
        self.pgconn.finish()
        raise psycopg.OperationalError(f"no answer for {self.silent_after_s:g} s")


def _parameters(url: str) -> dict[str, Any]:
    """Raises ConfigInvalid, in words without a piece of the URL: libpq's own repeat the password
    where they cannot read it."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        given = {"port": "unreadable"}
    # A password with a bare "@" or "/" spills into the host, the port and the database.
    spilled = "@" in str(given.get("host", ""))[1:] or "@" in str(given.get("dbname", ""))
    if spilled or not str(given.get("port", "0")).replace(",", "0").isdecimal():
        raise ConfigInvalid(
            ("store.url: cannot be read; percent-encode special characters of the password",)
        )
    return given
