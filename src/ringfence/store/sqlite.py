"""A SQLite connection: WAL, full durability, one writer at a time through BEGIN IMMEDIATE. Never
opens a file another user could read."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

from ringfence.model.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import ForEach, Insert

OLDEST = (3, 35, 0)
"""The first SQLite with RETURNING (https://www.sqlite.org/releaselog/3_35_0.html)."""
ROWS_MAX = 32
"""Rows in one list: each length is a statement of its own in the cache."""


class SqliteConnection(Connection):
    """One connection to one file. `read_only` refuses every write (PRAGMA query_only)."""

    def __init__(self, path: Path, *, read_only: bool, busy_timeout_s: float) -> None:
        require_sqlite(sqlite3.sqlite_version_info)
        self.path = path
        self.read_only = read_only
        self._busy_timeout_s = busy_timeout_s
        self._texts: dict[Insert | ForEach, str] = {}
        self._lists: dict[tuple[Insert | ForEach, int], str] = {}
        self._begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"
        if not read_only:
            _make_private(path)
        try:
            self._db = sqlite3.connect(
                path,
                timeout=busy_timeout_s,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=2048,
            )
            self._set_up()
        except sqlite3.Error as error:
            self._fail(error)

    def _set_up(self) -> None:
        if self.read_only:
            self._db.execute("PRAGMA query_only = ON")
        else:
            self._db.execute("PRAGMA journal_mode = WAL")
            # FULL syncs the WAL at each commit: accepted means stored (P4), through power loss.
            self._db.execute("PRAGMA synchronous = FULL")
            # Pages in the WAL before they are written back: fewer, larger checkpoints (16 MB).
            self._db.execute("PRAGMA wal_autocheckpoint = 4000")
            # A statement of many rows keeps the pages it changes until it ends: in memory, not in a
            # file that is made and removed each time (measured: a tenth of a webhook).
            self._db.execute("PRAGMA temp_store = MEMORY")
        self._db.execute("PRAGMA foreign_keys = ON")

    def begin(self) -> None:
        self.run(self._begin)

    def commit(self) -> None:
        self.run("COMMIT")

    def rollback(self) -> None:
        if self._db.in_transaction:
            try:
                self._db.execute("ROLLBACK")
            except sqlite3.Error:
                # SQLite rolled back by itself (a full disk does that); nothing is left to undo.
                return

    def close(self) -> None:
        self._db.close()

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        try:
            return self._db.execute(sql, params).fetchall()
        except sqlite3.Error as error:
            self._fail(error)

    def run(self, sql: str, params: Sequence[Any] = ()) -> int:
        try:
            return self._db.execute(sql, params).rowcount
        except sqlite3.Error as error:
            self._fail(error)

    def insert(self, statement: Insert, rows: Sequence[Row]) -> None:
        self._returned(statement, rows)

    def insert_returning(self, statement: Insert, rows: Sequence[Row]) -> list[Row]:
        return self._returned(statement, rows)

    def each(self, statement: ForEach, rows: Sequence[Row]) -> list[Row]:
        return self._returned(statement, rows)

    def run_each(self, statement: ForEach, rows: Sequence[Row]) -> None:
        # A DELETE joins nothing in SQLite.
        if "{using_rows}" in statement.sql:
            self._run_many(statement, rows)
        else:
            self._returned(statement, rows)

    def backup_to(self, target: sqlite3.Connection) -> None:
        """Copy the whole file while others read and write (SQLite's online backup API)."""
        try:
            self._db.backup(target, pages=1024)
        except sqlite3.Error as error:
            self._fail(error)

    def _run_many(self, statement: ForEach, rows: Sequence[Row]) -> None:
        try:
            self._db.executemany(self._text(statement), rows)
        except sqlite3.Error as error:
            self._fail(error)

    def _returned(self, statement: Insert | ForEach, rows: Sequence[Row]) -> list[Row]:
        """Rows by the list, not one by one: a look-up costs a third of a call of its own, and each
        call hands the interpreter to another thread and has to get it back."""
        found: list[Row] = []
        try:
            for start in range(0, len(rows), ROWS_MAX):
                some = rows[start : start + ROWS_MAX]
                values = some[0] if len(some) == 1 else tuple(chain.from_iterable(some))
                found += self._db.execute(self._listed(statement, len(some)), values).fetchall()
        except sqlite3.Error as error:
            self._fail(error)
        return found

    def _listed(self, statement: Insert | ForEach, count: int) -> str:
        if count == 1:
            return self._text(statement)
        text = self._lists.get((statement, count))
        if text is None:
            text = self._lists[statement, count] = statement.for_sqlite_rows(count)
        return text

    def _text(self, statement: Insert | ForEach) -> str:
        text = self._texts.get(statement)
        if text is None:
            text = self._texts[statement] = statement.for_sqlite()
        return text

    def _fail(self, error: sqlite3.Error) -> NoReturn:
        raise self._translated(error) from error

    def _translated(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreBusy(
                f"{self.path.name} stayed locked for {self._busy_timeout_s:g} s. Close whatever "
                "else has it open (a backup, a database browser), or raise store.busyTimeoutS."
            )
        if code == sqlite3.SQLITE_FULL:
            return StoreFull(f"Make room on the disk that holds {self.path}; nothing was written.")
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return corrupt(self.path, str(error))
        if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            return StoreError(f"{self.path} cannot be opened. Check its owner and permissions.")
        if code == sqlite3.SQLITE_READONLY:
            return StoreError(
                "A read tried to write."
                if self.read_only
                else f"{self.path} is read-only. Check its owner and permissions."
            )
        return StoreError(str(error))


def corrupt(path: Path, finding: str) -> StoreCorrupt:
    return StoreCorrupt(
        f"{path}: {finding}. Stop Ringfence, keep a copy of the file, and restore the last backup "
        "(made with `ringfence backup`) in its place."
    )


def require_sqlite(version: tuple[int, ...]) -> None:
    """Raises StoreError when the SQLite library is too old."""
    if version < OLDEST:
        have, need = (".".join(map(str, v)) for v in (version, OLDEST))
        raise StoreError(
            f"This Python has SQLite {have}; Ringfence needs {need} or newer. Use a newer Python "
            "build, or PostgreSQL (store.url)."
        )


def _make_private(path: Path) -> None:
    """Create the directory 0700 and the file 0600 before SQLite would with the umask's mode; its
    -wal and -shm files take the mode of the file (https://www.sqlite.org/src/info/84968cb8)."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error.strerror}.") from error
