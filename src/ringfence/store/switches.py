"""Engaged kill switches, and lines stopped by their provider. A row here is a stop that survives a
restart (P3)."""

from __future__ import annotations

from datetime import datetime

from ringfence.model.contact import Switch, SwitchScope
from ringfence.store.connection import Connection
from ringfence.store.values import micros, moment


class SwitchTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def engaged(self) -> tuple[Switch, ...]:
        rows = self._db.rows(
            "SELECT scope, subject, engaged_at, reason, actor FROM switches "
            "ORDER BY engaged_at, scope, subject"
        )
        return tuple(
            Switch(SwitchScope(scope), subject, moment(at), reason, actor)
            for scope, subject, at, reason, actor in rows
        )

    def engage(self, switch: Switch) -> None:
        """Engaging twice keeps the first: who stopped it, when and why."""
        self._db.run(
            "INSERT INTO switches (scope, subject, engaged_at, reason, actor) "
            "VALUES (?, ?, ?, ?, ?) ON CONFLICT (scope, subject) DO NOTHING",
            (
                switch.scope.value,
                switch.subject,
                micros(switch.engaged_at),
                switch.reason,
                switch.actor,
            ),
        )

    def release(self, scope: SwitchScope, subject: str) -> bool:
        return (
            self._db.run(
                "DELETE FROM switches WHERE scope = ? AND subject = ?", (scope.value, subject)
            )
            > 0
        )


class LineStopTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def stopped(self) -> dict[str, str]:
        return dict(self._db.rows("SELECT line, reason FROM line_stops ORDER BY line"))

    def stop(self, line: str, reason: str, now: datetime) -> None:
        self._db.run(
            "INSERT INTO line_stops (line, reason, stopped_at) VALUES (?, ?, ?) "
            "ON CONFLICT (line) DO NOTHING",
            (line, reason, micros(now)),
        )

    def start(self, line: str) -> bool:
        return self._db.run("DELETE FROM line_stops WHERE line = ?", (line,)) > 0
