"""Who gave wrong codes, how often, and until when nobody listens to them. Survives a restart: a
guesser must not be able to start afresh with the process."""

from __future__ import annotations

from datetime import datetime, timedelta

from ringfence.store.connection import Connection
from ringfence.store.values import micros


class GuessTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def locked(self, subject: str, now: datetime) -> bool:
        row = self._db.row("SELECT locked_until FROM guesses WHERE subject = ?", (subject,))
        return row is not None and row[0] is not None and row[0] > micros(now)

    def wrong(
        self, subject: str, now: datetime, most: int, within: timedelta, lock: timedelta
    ) -> bool:
        row = self._db.row("SELECT count, since FROM guesses WHERE subject = ?", (subject,))
        old = row is None or row[1] <= micros(now - within)
        count, since = (1, micros(now)) if row is None or old else (row[0] + 1, row[1])
        locked_until = micros(now + lock) if count >= most else None
        self._db.run(
            "INSERT INTO guesses (subject, count, since, locked_until) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (subject) DO UPDATE SET count = excluded.count, since = excluded.since, "
            "locked_until = excluded.locked_until",
            (subject, 0 if locked_until else count, since, locked_until),
        )
        return locked_until is not None

    def right(self, subject: str) -> None:
        self._db.run("DELETE FROM guesses WHERE subject = ?", (subject,))
