"""What became of one message, told from the ledgers and the audit chain: parts, status reports,
decisions in plain words. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ringfence.gateway.views import item_view, message_view, moment
from ringfence.model.message import Message
from ringfence.ports import Observation, StoredAudit, Tx

_VERDICTS = {"allow": "allowed", "hold": "held", "deny": "refused"}


def message_story(tx: Tx, message: Message) -> dict[str, Any]:
    """The message in full, its parts with what the provider reported, and every decision about it,
    oldest first."""
    items = tx.outbox.of_messages([message.id]).get(message.id, [])
    entries = list(tx.audit.of_subject(message.id))
    for item in items:
        entries += tx.audit.of_subject(item.id)
    parts = [
        {**item_view(item), "reports": [_report(one) for one in tx.events.observations(item.id)]}
        for item in items
    ]
    return {
        **message_view(message),
        "parts": parts,
        "decisions": _told(entries, "decision", _decision),
        "attempts": _told(entries, "attempt", _attempt),
    }


def _told(entries: Sequence[StoredAudit], kind: str, tell: Any) -> list[dict[str, Any]]:
    of_kind = [stored for stored in entries if stored.entry.kind == kind]
    return [
        {"id": stored.entry.id, "at": moment(stored.entry.at), **tell(stored)}
        for stored in sorted(of_kind, key=lambda stored: stored.seq)
    ]


def _decision(stored: StoredAudit) -> dict[str, Any]:
    body = stored.entry.body
    reasons = [_reason(reason) for reason in body["reasons"]]
    return {
        "verdict": body["verdict"],
        "words": _words(body, stored.entry.actor, reasons),
        "reasons": reasons,
        "policy": body["policy"],
    }


def _reason(recorded: Mapping[str, Any]) -> dict[str, Any]:
    reason = {key: recorded[key] for key in ("rule", "code", "text")}
    met_by = recorded.get("met_by")
    return {**reason, "met_by": met_by} if met_by else reason


def _words(body: Mapping[str, Any], actor: str, reasons: Sequence[Mapping[str, Any]]) -> str:
    """`When it was proposed: held (first_contact: An agent may …).`"""
    verdict = _VERDICTS.get(body["verdict"], body["verdict"])
    why = "; ".join(f"{reason['code']}: {reason['text']}{_met(reason)}" for reason in reasons)
    return f"{moment_of(body)}, by {actor}: {verdict}" + (f" ({why})" if why else ".")


def moment_of(body: Mapping[str, Any]) -> str:
    """At which point of a message's way a decision was made, from its record."""
    if body["act"] in ("receive", "answer"):
        return "When it came in"
    if body["act"] == "speak":
        return "Before it was said"
    if body["claiming"]:
        return "Before it was sent"
    return "When it was approved" if body.get("approval") else "When it was proposed"


def _met(reason: Mapping[str, Any]) -> str:
    return f" [met by {reason['met_by']}]" if reason.get("met_by") else ""


def _attempt(stored: StoredAudit) -> dict[str, Any]:
    body = stored.entry.body
    kept = ("outcome", "attempt", "http_status", "error_code", "detail")
    return {key: body.get(key) or None for key in kept}


def _report(observation: Observation) -> dict[str, Any]:
    return {
        "at": moment(observation.at),
        "status": observation.status.value,
        "provider_status": observation.provider_status,
        "error_code": observation.error_code,
        "conflicting": observation.conflicting,
    }
