"""Order within a lane: a lane is one (line, number), and only its first open row may be claimed.
That row carries `head = 1`, kept true here whenever rows come, go or come back, so that looking for
work never walks a lane's queue (10,000 rows behind one head cost nothing)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ringfence.store.connection import Connection
from ringfence.store.statements import ForEach, columns, per_row

Lane = tuple[str, str]
"""(number, line), in the order of the index."""

_LANE = columns("number line")


class Lanes:
    """The heads of one ledger's lanes. Relies on write transactions being serial. `open_states` is
    in the order of the table's `_open` index: SQLite compares the condition word for word."""

    def __init__(self, db: Connection, table: str, open_states: Sequence[str]) -> None:
        self._db = db
        states = ", ".join(f"'{state}'" for state in open_states)

        def inside(name: str) -> str:
            lane = f"{name}.number = :number AND {name}.line = :line"
            return f"{lane} AND {name}.state IN ({states})"

        # Only names of tables and states are put into these texts, never a value.
        first = f"(SELECT min(o.seq) FROM {table} o WHERE {inside('o')})"
        self._occupied = ForEach(
            # With LIMIT, PostgreSQL looks each lane up; EXISTS it would turn into a join.
            "SELECT :number, :line {from_rows} "
            f"WHERE (SELECT 1 FROM {table} o WHERE {inside('o')} LIMIT 1) = 1",
            _LANE,
        )
        self._promote = ForEach(
            f"UPDATE {table} SET head = 1 {{from_rows}} "
            f"WHERE {table}.seq = {first} AND {table}.head = {per_row('number', '0')}",
            _LANE,
        )
        self._demote = ForEach(
            f"UPDATE {table} SET head = 0 {{from_rows}} "
            f"WHERE {inside(table)} AND {table}.seq > {first} "
            f"AND {table}.head = {per_row('number', '1')}",
            _LANE,
        )

    def occupied(self, lanes: Collection[Lane]) -> set[Lane]:
        """Those that hold an open row."""
        if not lanes:
            return set()
        return {(number, line) for number, line in self._db.each(self._occupied, list(lanes))}

    def left(self, lanes: Collection[Lane]) -> None:
        """Open rows of these lanes were closed: the next one becomes the head."""
        if lanes:
            self._db.run_each(self._promote, list(lanes))

    def rejoined(self, lanes: Collection[Lane]) -> None:
        """Closed rows came back, maybe ahead of the present head."""
        if lanes:
            self._db.run_each(self._demote, list(lanes))
            self._db.run_each(self._promote, list(lanes))
