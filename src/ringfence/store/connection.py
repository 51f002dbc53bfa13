"""What a table group needs from a database connection; `sqlite.py` and `postgres.py` fulfil it.
A connection belongs to one thread. It turns every database error into one of ours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from ringfence.store.statements import ForEach, Insert

Row = tuple[Any, ...]


class Connection(ABC):
    """Statements write `?` for a parameter. Every method may raise StoreBusy,
    StoreUnreachable, StoreFull, StoreCorrupt or StoreError."""

    read_only: bool
    lost: bool = False
    """True after the connection broke: what was in flight must not be tried again on it."""

    @abstractmethod
    def begin(self) -> None:
        """Start a transaction; for writers, wait for the one write lock (StoreBusy on timeout)."""

    @abstractmethod
    def commit(self) -> None: ...

    @abstractmethod
    def rollback(self) -> None:
        """Undo; never raises."""

    def mark(self) -> None:
        """Within a transaction: from here on, `undo` takes back and `keep` lets stand."""
        self.run("SAVEPOINT job")

    def keep(self) -> None:
        self.run("RELEASE SAVEPOINT job")

    def undo(self) -> None:
        """Raises StoreError when the database has already undone the whole transaction."""
        self.run("ROLLBACK TO SAVEPOINT job")
        self.keep()

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]: ...

    @abstractmethod
    def run(self, sql: str, params: Sequence[Any] = ()) -> int:
        """Execute; return how many rows it touched."""

    @abstractmethod
    def insert(self, statement: Insert, rows: Sequence[Row]) -> None: ...

    @abstractmethod
    def insert_returning(self, statement: Insert, rows: Sequence[Row]) -> list[Row]: ...

    @abstractmethod
    def each(self, statement: ForEach, rows: Sequence[Row]) -> list[Row]:
        """Run for each row; return everything returned or selected, in no promised order."""

    @abstractmethod
    def run_each(self, statement: ForEach, rows: Sequence[Row]) -> None: ...

    def row(self, sql: str, params: Sequence[Any] = ()) -> Row | None:
        found = self.rows(sql, params)
        return found[0] if found else None

    def value(self, sql: str, params: Sequence[Any] = ()) -> Any:
        """The first column of the first row, or None."""
        found = self.rows(sql, params)
        return found[0][0] if found else None
