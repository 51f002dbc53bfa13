"""Counts per fixed window, kept in the transaction that claims, so that a ceiling holds across
processes and restarts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ringfence.ports import Window
from ringfence.store.connection import Connection
from ringfence.store.statements import ForEach, Insert, columns

_READ = ForEach(
    "SELECT c.name, c.window_s, c.window_start, c.count FROM counters c{and_rows} WHERE c.name = :name "
    "AND c.window_s = :window_s AND c.window_start = :window_start",
    columns("name window_s window_start", window_s="bigint", window_start="bigint"),
)
_ADD = Insert(
    "counters",
    columns(
        "name window_s window_start ends_at count",
        window_s="bigint",
        window_start="bigint",
        ends_at="bigint",
        count="bigint",
    ),
    "ON CONFLICT (name, window_s, window_start) "
    "DO UPDATE SET count = counters.count + excluded.count",
)


class CounterTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def read(self, windows: Iterable[Window]) -> dict[Window, int]:
        wanted = list(set(windows))
        if not wanted:
            return {}
        return {Window(*key): count for *key, count in self._db.each(_READ, wanted)}

    def add(self, counts: Mapping[Window, int]) -> None:
        rows = [
            (name, window_s, start_s, (start_s + window_s) * 1_000_000, count)
            for (name, window_s, start_s), count in counts.items()
        ]
        if rows:
            self._db.insert(_ADD, rows)
