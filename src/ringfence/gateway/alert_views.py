"""What people and programs may look at of alerts: plain dictionaries, responders by their names and
never by a number. Reads only."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from ringfence.delivery.escalate import Answered
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.views import moment
from ringfence.model.alert import OPEN, Alert, Note, Notice, Notification
from ringfence.model.ticket import Ticket
from ringfence.ports import StoredAudit, Tx

_TOLD_OTHERWISE: Final = frozenset({"alert_note"})
"""Audit entries that say again what stands in the timeline already, in full."""


def alert_view(alert: Alert) -> dict[str, Any]:
    """One alert as it stands. Times are ISO 8601 in UTC, null for what did not happen."""
    return {
        "id": alert.id,
        "number": alert.number,
        "title": alert.title,
        "state": alert.state.value,
        "open": alert.state in OPEN,
        "severity": alert.severity.value,
        "service": alert.service or None,
        "flow": alert.flow,
        "source": alert.source,
        "line": alert.line,
        "policy": alert.policy,
        "event": alert.event_id,
        "count": alert.count,
        "url": alert.url or None,
        "step": alert.step or None,
        "round": alert.round,
        "opened_at": moment(alert.opened_at),
        "triggered_at": moment(alert.triggered_at),
        "told_at": moment(alert.told_at),
        "next_at": moment(alert.next_at),
        "exhausted_at": moment(alert.exhausted_at),
        "acknowledged_by": alert.acknowledged_by or None,
        "acknowledged_at": moment(alert.acknowledged_at),
        "resolved_by": alert.resolved_by or None,
        "resolved_at": moment(alert.resolved_at),
    }


def alert_story(kit: Equipment, tx: Tx, alert: Alert) -> dict[str, Any]:
    """One alert with its tickets and everything that happened to it, in time order."""
    return {
        **alert_view(alert),
        "tickets": [
            ticket_line(ticket) for ticket in tx.tickets.of_alerts([alert.id]).get(alert.id, [])
        ],
        "timeline": timeline(tx, alert, kit.clock.now()),
    }


def timeline(tx: Tx, alert: Alert, now: datetime) -> list[dict[str, Any]]:
    """Notices with what became of them, notes in full, and the alert's own audit entries
    (acknowledgements are among those: `alert_acknowledged` with `as_of`)."""
    facts = tx.alerts.facts([alert.id], alert.opened_at)[alert.id]
    became = {(one.round, one.step, one.way, one.responder): one for one in facts.notifications}
    found: list[tuple[datetime, dict[str, Any]]] = []
    for notice in tx.alerts.notices_of(alert.id):
        key = (notice.round, notice.step, notice.way, notice.responder)
        found.append((notice.told_at or notice.at, _notice(notice, became.get(key))))
    found += [(note.at, _note(note)) for note in tx.alerts.notes(alert.id)]
    found += [
        (stored.entry.at, _entry(stored))
        for stored in tx.audit.of_subject(alert.id)
        if stored.entry.kind not in _TOLD_OTHERWISE
    ]
    return [shown for _, shown in sorted(found, key=lambda pair: pair[0])]


def answered_view(done: Answered) -> dict[str, Any]:
    """What became of what somebody did, and the alert as it is now."""
    return {
        "answer": done.answer.value,
        "missing": list(done.missing),
        "alert": alert_view(done.alert),
    }


def ticket_line(ticket: Ticket) -> dict[str, Any]:
    """One ticket as an alert names it."""
    return {
        "id": ticket.id,
        "system": ticket.system,
        "state": ticket.state.value,
        "url": ticket.url or None,
    }


def _notice(notice: Notice, became: Notification | None) -> dict[str, Any]:
    known = notice.message_id != "" and became is not None
    return {
        "at": moment(notice.told_at or notice.at),
        "kind": "notice",
        "about": notice.kind.value,
        "responder": notice.responder,
        "channel": notice.channel.value,
        "step": notice.step or None,
        "round": notice.round,
        "state": notice.state.value,
        "message": notice.message_id or None,
        "delivered_at": moment(became.delivered_at) if known and became else None,
        "failed_at": moment(became.failed_at) if known and became else None,
        "reason": notice.reason or None,
    }


def _note(note: Note) -> dict[str, Any]:
    return {"at": moment(note.at), "kind": "note", "actor": note.actor, "text": note.text}


def _entry(stored: StoredAudit) -> dict[str, Any]:
    entry = stored.entry
    return {
        "at": moment(entry.at),
        "kind": entry.kind,
        "actor": entry.actor,
        "body": dict(entry.body),
    }
