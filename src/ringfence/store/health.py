"""How full the tables are, and forgetting what has outlived its keeping time. Forgetting is bounded:
it takes a bite at each call, never the writer's whole time."""

from __future__ import annotations

from datetime import datetime, timedelta

from ringfence.store.connection import Connection
from ringfence.store.events import ITEMS_MAX, KEPT_DAYS, PER_ITEM_MAX
from ringfence.store.statements import ForEach, columns
from ringfence.store.tallies import Tallies
from ringfence.store.values import micros

FORGOTTEN_AT_ONCE = 20_000
"""Rows of one table dropped by one call."""
DUTY_KEPT = timedelta(days=400)
"""How long it can be asked who was on call instead of whom, and what was under maintenance."""

_THIN_OUT = ForEach(
    "DELETE FROM observations {using_rows} WHERE observations.outbox_id = :outbox_id "
    "AND observations.seq <= (SELECT n.seq FROM observations n WHERE n.outbox_id = :outbox_id "
    f"ORDER BY n.seq DESC LIMIT 1 OFFSET {PER_ITEM_MAX})",
    columns("outbox_id"),
)


class HealthView:
    def __init__(self, db: Connection, tallies: Tallies) -> None:
        self._db = db
        self._tallies = tallies

    def counts(self) -> dict[str, int]:
        """`outbox.due`, `turns.owed`, `events.dead`, `alerts.triggered`, `planned.waiting`, … over
        all lines, `watches.open`, `notices.owed`, `tickets.dead`, and `audit.entries`. Of the
        ledgers, a state with no rows is left out."""
        totals: dict[str, int] = {}
        for (ledger, _, state), count in self._tallies.all().items():
            totals[f"{ledger}.{state}"] = totals.get(f"{ledger}.{state}", 0) + count
        totals["watches.open"] = self._db.value("SELECT count(*) FROM watches")
        totals["notices.owed"] = self._db.value("SELECT count(*) FROM notices WHERE state = 'owed'")
        totals["tickets.dead"] = sum(self._dead_tickets().values())
        totals["audit.entries"] = self._db.value("SELECT count FROM audit_head")
        return totals

    def dead_letters(self) -> dict[tuple[str, str], int]:
        """Kinds are `outbox`, `turns`, `events` and `tickets`, these by the line of their alert."""
        counted = {
            (line, ledger): count
            for (ledger, line, state), count in self._tallies.all().items()
            if state == "dead"
        }
        tickets = {(line, "tickets"): count for line, count in self._dead_tickets().items()}
        return counted | tickets

    def _dead_tickets(self) -> dict[str, int]:
        """Line → tasks of tickets that are dead letters; few, or somebody would have come."""
        rows = self._db.rows(
            "SELECT a.line, count(*) FROM ticket_tasks k JOIN tickets t ON t.id = k.ticket_id "
            "JOIN alerts a ON a.id = t.alert_id WHERE k.state = 'dead' GROUP BY a.line"
        )
        return {line: int(count) for line, count in rows}

    def forget(self, now: datetime) -> None:
        at = micros(now)
        self._drop("media", "id", "token <> '' AND expires_at <= ?", at)
        self._db.run(
            "DELETE FROM counters WHERE (name, window_s, window_start) IN (SELECT name, window_s, "
            "window_start FROM counters WHERE ends_at <= ? ORDER BY ends_at LIMIT ?)",
            (at, FORGOTTEN_AT_ONCE),
        )
        self._drop("alert_links", "token_hash", "expires_at <= ?", at)
        self._drop("verifications", "number", "expires_at <= ?", at)
        for table in ("duty_overrides", "maintenance"):
            self._drop(table, "seq", "ends < ?", micros(now - DUTY_KEPT))
        self._expire_pairing(at)
        self._forget_observations(micros(now - timedelta(days=KEPT_DAYS)))

    def _expire_pairing(self, at: int) -> None:
        self._db.run(
            "UPDATE pairing_requests SET state = 'expired' WHERE state = 'pending' "
            "AND expires_at <= ?",
            (at,),
        )

    def _forget_observations(self, before: int) -> None:
        """By age, then all but the newest 20 of an item, then all but the newest 5,000 items."""
        self._drop("observations", "seq", "at < ?", before)
        crowded = self._db.rows(
            "SELECT outbox_id FROM observations WHERE outbox_id <> '' "
            "GROUP BY outbox_id HAVING count(*) > ? LIMIT ?",
            (PER_ITEM_MAX, FORGOTTEN_AT_ONCE),
        )
        if crowded:
            self._db.run_each(_THIN_OUT, crowded)
        self._drop("observations", "seq", "seq <= ?", self._newest_surplus())

    def _newest_surplus(self) -> int:
        """The last observation of the newest item that is one too many; 0 when there is none."""
        found = self._db.value(
            "SELECT newest FROM (SELECT max(seq) AS newest FROM observations GROUP BY outbox_id) "
            "AS items ORDER BY newest DESC LIMIT 1 OFFSET ?",
            (ITEMS_MAX,),
        )
        return int(found or 0)

    def _drop(self, table: str, key: str, where: str, param: int) -> None:
        self._db.run(
            f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE {where} LIMIT ?)",
            (param, FORGOTTEN_AT_ONCE),
        )
