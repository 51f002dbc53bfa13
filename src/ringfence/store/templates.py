"""Which text a template's name and version stand for, by its digest: noted when they are first used,
never changed. Rows are only ever added."""

from __future__ import annotations

from datetime import datetime

from ringfence.store.connection import Connection
from ringfence.store.values import micros


class TemplateTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def remember(self, name: str, version: int, digest: str, now: datetime) -> None:
        self._db.run(
            "INSERT INTO templates (name, version, digest, first_used_at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (name, version) DO NOTHING",
            (name, version, digest, micros(now)),
        )

    def digest(self, name: str, version: int) -> str:
        row = self._db.row(
            "SELECT digest FROM templates WHERE name = ? AND version = ?", (name, version)
        )
        return str(row[0]) if row else ""
