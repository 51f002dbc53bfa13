"""Counts per fixed window, kept in the transaction that claims, so that a ceiling holds across
processes and restarts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from ringfence.store.connection import Connection
from ringfence.store.statements import ForEach, Insert, columns
from ringfence.store.values import micros

_READ = ForEach(
    "SELECT c.name, c.window_s, c.count FROM counters c{and_rows} WHERE c.name = :name "
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

    def read(self, keys: Iterable[tuple[str, int]], now: datetime) -> dict[tuple[str, int], int]:
        seconds = micros(now) // 1_000_000
        wanted = [(name, window, seconds - seconds % window) for name, window in set(keys)]
        if not wanted:
            return {}
        return {(name, window): count for name, window, count in self._db.each(_READ, wanted)}

    def add(self, counts: Mapping[tuple[str, int], int], now: datetime) -> None:
        seconds = micros(now) // 1_000_000
        rows = []
        for (name, window), count in counts.items():
            start = seconds - seconds % window
            rows.append((name, window, start, (start + window) * 1_000_000, count))
        if rows:
            self._db.insert(_ADD, rows)
