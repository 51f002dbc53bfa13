"""What people and programs may look at of events and of what flows planned for people: plain
dictionaries. Reads only."""

from __future__ import annotations

from typing import Any

from ringfence.gateway.views import moment
from ringfence.model.planned import Planned
from ringfence.ports import StoredEvent


def event_view(event: StoredEvent) -> dict[str, Any]:
    """One event; `flows` says what each flow did with it."""
    return {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "severity": event.severity,
        "action": event.action,
        "at": moment(event.at),
        "received_at": moment(event.received_at),
        "flows": dict(event.outcome),
    }


def event_story(event: StoredEvent) -> dict[str, Any]:
    """One event in full; `event` is null where its content must not be kept, or is not any more."""
    return {
        **event_view(event),
        "name": event.name or None,
        "dedupe_key": event.dedupe_key,
        "event": dict(event.document) or None,
    }


def planned_view(planned: Planned) -> dict[str, Any]:
    """One message that a flow owes or owed; its number masked, its values left out."""
    return {
        "id": planned.id,
        "flow": planned.flow,
        "line": planned.line,
        "source": planned.source,
        "event": planned.event_id,
        "to": planned.number.masked,
        "template": planned.template,
        "language": planned.language or None,
        "state": planned.state.value,
        "key": planned.key,
        "turn": planned.turn,
        "due_at": moment(planned.due_at),
        "expires_at": moment(planned.expires_at),
        "created_at": moment(planned.created_at),
        "ended_at": moment(planned.ended_at),
        "message": planned.message_id or None,
        "reason": planned.reason or None,
    }
