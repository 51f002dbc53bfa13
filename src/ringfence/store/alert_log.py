"""What people say of alerts: acknowledgements, notes, and the links that stand for an acknowledgement,
stored as hashes only. Rows are added, never changed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from ringfence.model.alert import Acknowledgement, Note
from ringfence.ports import AlertLink
from ringfence.store.connection import Connection
from ringfence.store.statements import ForEach, columns
from ringfence.store.values import micros, moment, storable

_ACKNOWLEDGED = ForEach(
    "SELECT k.alert_id, k.seq, k.responder, k.at FROM acknowledgements k{and_rows} "
    "WHERE k.alert_id = :alert_id",
    columns("alert_id"),
)

_BLANK = (
    ForEach(
        "UPDATE alert_notes SET text = '' {from_rows} WHERE alert_notes.alert_id = :id",
        columns("id"),
    ),
    ForEach(
        "UPDATE ticket_tasks SET text = '' {from_rows} WHERE ticket_tasks.ticket_id IN "
        "(SELECT t.id FROM tickets t WHERE t.alert_id = :id)",
        columns("id"),
    ),
    ForEach(
        "UPDATE tickets SET title = '' {from_rows} WHERE tickets.alert_id = :id", columns("id")
    ),
    ForEach(
        "UPDATE alerts SET title = '', url = '' {from_rows} WHERE alerts.id = :id", columns("id")
    ),
)


class AlertLog:
    _db: Connection

    def acknowledge(self, alert_id: str, acknowledgement: Acknowledgement) -> None:
        self._db.run(
            "INSERT INTO acknowledgements (alert_id, responder, at) VALUES (?, ?, ?)",
            (alert_id, storable(acknowledgement.responder), micros(acknowledgement.at)),
        )

    def note(self, note: Note) -> None:
        self._db.run(
            "INSERT INTO alert_notes (alert_id, at, actor, text) VALUES (?, ?, ?, ?)",
            (note.alert_id, micros(note.at), storable(note.actor), storable(note.text)),
        )

    def forget(self, resolved_before: datetime, limit: int) -> int:
        rows = self._db.rows(
            "SELECT a.id FROM alerts a WHERE a.title <> '' AND a.resolved_at < ? "
            "ORDER BY a.resolved_at LIMIT ?",
            (micros(resolved_before), limit),
        )
        for statement in _BLANK if rows else ():
            self._db.run_each(statement, rows)
        return len(rows)

    def notes(self, alert_id: str) -> list[Note]:
        rows = self._db.rows(
            "SELECT alert_id, at, actor, text FROM alert_notes WHERE alert_id = ? ORDER BY seq",
            (alert_id,),
        )
        return [Note(alert, moment(at), actor, text) for alert, at, actor, text in rows]

    def add_link(self, link: AlertLink) -> None:
        self._db.run(
            "INSERT INTO alert_links (token_hash, responder, message_id, expires_at) "
            "VALUES (?, ?, ?, ?)",
            (link.token_hash, link.responder, link.message_id, micros(link.expires_at)),
        )

    def link(self, token_hash: str, now: datetime) -> AlertLink | None:
        row = self._db.row(
            "SELECT token_hash, responder, message_id, expires_at FROM alert_links "
            "WHERE token_hash = ? AND expires_at > ?",
            (token_hash, micros(now)),
        )
        if row is None:
            return None
        found, responder, message_id, expires_at = row
        return AlertLink(found, responder, message_id, moment(expires_at))

    def _acknowledgements(self, alert_ids: Collection[str]) -> dict[str, list[Acknowledgement]]:
        """By alert, in the order they were stored."""
        found: dict[str, list[Acknowledgement]] = {}
        rows = self._db.each(_ACKNOWLEDGED, [(id_,) for id_ in alert_ids]) if alert_ids else []
        for alert_id, _, responder, at in sorted(rows, key=lambda row: int(row[1])):
            found.setdefault(alert_id, []).append(Acknowledgement(responder, moment(at)))
        return found
