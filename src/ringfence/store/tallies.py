"""How many rows of each ledger stand in each state, per line: counted as they move, so that nothing
ever counts a table that grows with history. Written once a transaction."""

from __future__ import annotations

from ringfence.store.connection import Connection
from ringfence.store.statements import Insert, columns

_ADD = Insert(
    "tallies",
    columns("ledger line state count", count="bigint"),
    "ON CONFLICT (ledger, line, state) DO UPDATE SET count = tallies.count + excluded.count",
)


class Tallies:
    """Buffers the moves of one transaction."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._moves: dict[tuple[str, str, str], int] = {}

    def count(self, ledger: str, line: str, state: str, by: int) -> None:
        key = (ledger, line, state)
        self._moves[key] = self._moves.get(key, 0) + by

    def standing(self, ledger: str, line: str, state: str) -> int:
        """Rows now in that state, this transaction's moves included."""
        stored = self._db.value(
            "SELECT count FROM tallies WHERE ledger = ? AND line = ? AND state = ?",
            (ledger, line, state),
        )
        return int(stored or 0) + self._moves.get((ledger, line, state), 0)

    def all(self) -> dict[tuple[str, str, str], int]:
        """`(ledger, line, state)` → rows; zeroes left out."""
        stored = self._db.rows("SELECT ledger, line, state, count FROM tallies")
        totals = dict(self._moves)
        for ledger, line, state, count in stored:
            key = (ledger, line, state)
            totals[key] = totals.get(key, 0) + count
        return {key: count for key, count in totals.items() if count}

    def reset(self) -> None:
        self._moves.clear()

    def buffered(self) -> dict[tuple[str, str, str], int]:
        return dict(self._moves)

    def restore(self, buffered: dict[tuple[str, str, str], int]) -> None:
        self._moves = buffered

    def flush(self) -> None:
        moved = [(*key, by) for key, by in self._moves.items() if by]
        if moved:
            self._db.insert(_ADD, moved)
        self._moves.clear()
