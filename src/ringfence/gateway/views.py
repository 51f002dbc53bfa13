"""What people and programs may look at: plain dictionaries, numbers masked unless the reader owns
them. Reads only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from ringfence.gateway.equipment import Equipment
from ringfence.model.contact import PairingRequest, Pause, Switch, SwitchScope
from ringfence.model.intake import Intake
from ringfence.model.line import Line
from ringfence.model.message import Direction, MediaRef, Message, MessageClass
from ringfence.model.outbox import OutboxItem
from ringfence.model.phone import mask
from ringfence.ports import DeadEvent, Tx

# Whoever has the link in a page acts as its responder (gateway.links).
_ALERT_LINK: Final = re.compile(r"/a/[A-Za-z0-9_-]{16,64}", re.ASCII)


def moment(at: datetime | None) -> str | None:
    """ISO 8601 in UTC with a Z, to the millisecond."""
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def message_view(message: Message) -> dict[str, Any]:
    """One message, in full: the reader is the operator or the local agent (private door). Only the
    link in a page is masked: it is its responder's, and readers may not act."""
    ours = message.direction is Direction.OUT
    return {
        "id": message.id,
        "line": message.line,
        "direction": message.direction.value,
        "to" if ours else "from": message.number.e164,
        "contact": message.contact_id,
        "body": _shown(message),
        "media": [_media_view(ref) for ref in message.media],
        "status": message.status.value,
        "reason": message.reason or None,
        "class": message.message_class.value,
        "initiator": message.initiator,
        "segments": message.segments,
        "encoding": message.encoding or None,
        "provider_id": message.provider_id or None,
        "error_code": message.error_code,
        "in_reply_to": message.in_reply_to or None,
        "created_at": moment(message.created_at),
        "updated_at": moment(message.updated_at),
    }


def _shown(message: Message) -> str:
    if message.message_class is not MessageClass.PAGE:
        return message.body
    return _ALERT_LINK.sub("/a/…", message.body)


def inbox_view(message: Message) -> dict[str, Any]:
    """One inbound message for the bridge."""
    return {
        "id": message.id,
        "line": message.line,
        "from": message.number.e164,
        "contact": message.contact_id,
        "body": message.body,
        "media": [_media_view(ref) for ref in message.media],
        "provider_id": message.provider_id,
        "received_at": moment(message.created_at),
    }


def _media_view(ref: MediaRef) -> dict[str, Any]:
    return {"content_type": ref.content_type, "url": ref.url or None, "bytes": ref.bytes_count}


def item_view(item: OutboxItem) -> dict[str, Any]:
    """One outbox item, its number masked."""
    return {
        "id": item.id,
        "message": item.message_id,
        "line": item.line,
        "to": item.number.masked,
        "part": f"{item.part}/{item.parts}",
        "state": item.state.value,
        "status": item.status.value,
        "attempt": item.attempt,
        "error_code": item.error_code,
        "reason": item.reason or None,
        "created_at": moment(item.created_at),
    }


def pairing_view(request: PairingRequest) -> dict[str, Any]:
    """One pairing request; the number in full, since an owner decides about a person."""
    return {
        "line": request.line,
        "from": request.number.e164,
        "code": request.code,
        "asked_at": moment(request.created_at),
        "expires_at": moment(request.expires_at),
        "last_seen_at": moment(request.last_seen_at),
        "messages": request.seen_count,
        "answered": request.answered,
    }


def switch_view(switch: Switch) -> dict[str, Any]:
    contact = switch.scope is SwitchScope.CONTACT
    return {
        "scope": switch.scope.value,
        "subject": mask(switch.subject) if contact else switch.subject or None,
        "engaged_at": moment(switch.engaged_at),
        "reason": switch.reason,
        "actor": switch.actor,
    }


def pause_view(pause: Pause) -> dict[str, Any]:
    """For those who answer the person, so the number is in full."""
    return {
        "number": pause.number.e164,
        "line": pause.line or None,
        "why": pause.why.value,
        "since": moment(pause.since),
        "actor": pause.actor,
        "message": pause.message_id or None,
    }


def intake_view(intake: Intake) -> dict[str, Any]:
    """For those who take the matter over; an answer that was skipped is empty."""
    return {
        "number": intake.number.e164,
        "line": intake.line,
        "state": intake.state.value,
        "answers": dict(intake.answers),
        "asked": intake.asked or None,
        "message": intake.message_id,
        "started_at": moment(intake.started_at),
        "updated_at": moment(intake.updated_at),
    }


def dead_letters(tx: Tx, line: str | None) -> list[dict[str, Any]]:
    """Everything that will not be tried again without a person: sends, turns, events."""
    letters = [{"kind": "send", **item_view(item)} for item in tx.outbox.dead(line)]
    letters += [
        {
            "kind": "turn",
            "id": turn.id,
            "message": turn.message_id,
            "line": turn.line,
            "from": turn.number.masked,
            "attempt": turn.attempt,
            "reason": turn.reason or None,
            "created_at": moment(turn.received_at),
        }
        for turn in tx.turns.dead(line)
    ]
    letters += [_event_view(event) for event in tx.events.dead(line)]
    return letters


def _event_view(event: DeadEvent) -> dict[str, Any]:
    return {
        "kind": "event",
        "id": event.id,
        "line": event.line,
        "reason": f"{event.kind}: {event.reason}",
        "created_at": moment(event.at),
    }


def line_view(line: Line, stopped: Mapping[str, str]) -> dict[str, Any]:
    """One line's set-up, no number in full and no secret."""
    blocked = line.blocked_reason or stopped.get(line.id)
    state = "disabled" if not line.enabled else "blocked" if blocked else "ready"
    sender = (
        line.number.masked if line.number else ("messaging service" if line.service_id else None)
    )
    return {
        "line": line.id,
        "name": line.name or None,
        "provider": line.provider,
        "state": state,
        "reason": blocked,
        "sender": sender,
        "purpose": line.purpose.value,
        "dm_policy": line.access.value,
        "webhook_path": line.webhook_path,
        "signature_checked": line.validate_signature,
        "credentials": bool(line.credentials.auth_tokens),
        "agent": line.agent_id,
    }


def _breakers(kit: Equipment) -> dict[str, str]:
    """Lines that do not send for now, as this process knows them."""
    states = kit.breakers.states(kit.clock.now())
    return {line: state.value for line, state in sorted(states.items())}


def health(kit: Equipment, tx: Tx) -> dict[str, Any]:
    """The health document: `ok`, or `degraded` with the reasons beside it."""
    stopped = tx.lines.stopped()
    lines = {line.id: line_view(line, stopped)["state"] for line in kit.lines.values()}
    letters: dict[str, dict[str, int]] = {}
    for (line, kind), count in tx.health.dead_letters().items():
        letters.setdefault(line, {})[kind] = count
    degraded = bool(_breakers(kit)) or any(state == "blocked" for state in lines.values())
    return {
        "status": "degraded" if degraded else "ok",
        "profile": kit.profile,
        "lines": lines,
        "breakers": _breakers(kit),
        "kill_switches": [switch_view(switch) for switch in tx.switches.engaged()],
        "dead_letters": letters,
        "ledgers": tx.health.counts(),
    }
