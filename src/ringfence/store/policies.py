"""The policies that decided, by version: with one of these and a stored decision's facts the
decision can be made again (P11). Rows are only ever added, never taken away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ringfence.store.connection import Connection
from ringfence.store.values import as_json, from_json, micros


class PolicyTable:
    def __init__(self, db: Connection) -> None:
        self._db = db
        # Every batch names its policies: what is stored for good is not written again.
        self._stored: set[str] = set()
        self._fresh: set[str] = set()

    def kept(self) -> None:
        """The transaction is durable."""
        self._stored |= self._fresh
        self._fresh.clear()

    def undone(self) -> None:
        """The transaction, or a job of it, left nothing."""
        self._fresh.clear()

    def remember(self, version: str, document: Mapping[str, Any], now: datetime) -> None:
        if version in self._stored:
            return
        self._fresh.add(version)
        self._db.run(
            "INSERT INTO policies (version, document, first_used_at) VALUES (?, ?, ?) "
            "ON CONFLICT (version) DO NOTHING",
            (version, as_json(document), micros(now)),
        )

    def get(self, version: str) -> dict[str, Any] | None:
        row = self._db.row("SELECT document FROM policies WHERE version = ?", (version,))
        return from_json(row[0]) if row else None
