"""`audit show`: from any name of a message (its id, an outbox item's, an audit entry's, a turn's, a
draft's code, the provider's id) to the whole chain of records about it, and the five questions
answered. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ringfence.gateway.answers import Told, answers, who
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.explain import moment_of
from ringfence.gateway.views import moment
from ringfence.model.errors import NotFound
from ringfence.model.message import Direction, Message
from ringfence.model.outbox import OutboxItem
from ringfence.model.verdict import Ruling
from ringfence.policy.decide import rulings
from ringfence.policy.facts import facts_from_record
from ringfence.policy.policy import from_document
from ringfence.ports import StoredAudit, Tx

MENTIONS_MAX = 200
"""Entries about several things at once that are told of one."""


def record(kit: Equipment, tx: Tx, name: str) -> dict[str, Any]:
    """Everything on record about what `name` names. Raises NotFound."""
    entry = tx.audit.get(name)
    message = _message(kit, tx, name, entry)
    if message is not None:
        return _of_message(kit, tx, name, message)
    if entry is not None:
        return _of_entry(tx, name, entry)
    raise NotFound(
        f"Nothing is on record as {name!r}. Give the id of a message (msg_…), an outbox item "
        "(obx_…), an audit entry (aud_…) or a turn (trn_…), a draft's code, or the provider's id."
    )


def entry_view(stored: StoredAudit) -> dict[str, Any]:
    """One entry as it stands in the chain."""
    entry = stored.entry
    return {
        "seq": stored.seq,
        "id": entry.id,
        "at": moment(entry.at),
        "kind": entry.kind,
        "subject": entry.subject,
        "actor": entry.actor,
        "words": entry_words(stored),
        "body": dict(entry.body),
        "previous": stored.previous,
        "hash": stored.hash,
    }


def entry_words(stored: StoredAudit) -> str:
    """One line for people: what happened, in short."""
    body = stored.entry.body
    match stored.entry.kind:
        case "decision":
            return _decision_words(body)
        case "attempt":
            told = [body.get("outcome"), body.get("provider_id"), body.get("detail")]
            return f"try {body.get('attempt')}: " + ", ".join(str(one) for one in told if one)
        case "status":
            return ", ".join(str(value) for value in body.values() if value not in ("", None))
        case "checkpoint":
            return f"{body.get('count')} entries, {str(body.get('hash', ''))[:16]}…"
        case _:
            plain = {key: value for key, value in body.items() if isinstance(value, str | int)}
            return ", ".join(f"{key} {value}" for key, value in plain.items() if value != "")


def _decision_words(body: Mapping[str, Any]) -> str:
    codes = ", ".join(reason["code"] for reason in body.get("reasons", ()))
    when = " again, when claimed" if body.get("claiming") else ""
    return f"{body.get('act')}{when}: {body.get('verdict')}" + (f" ({codes})" if codes else "")


# -- which message is meant --------------------------------------------------------------------


def _message(kit: Equipment, tx: Tx, name: str, entry: StoredAudit | None) -> Message | None:
    found = _by_id(tx, name)
    if found is None and entry is not None:
        meant = str(entry.entry.body.get("message", "")) or entry.entry.subject
        return _by_id(tx, meant) or _by_id(tx, entry.entry.subject)
    if found is None:
        draft = tx.drafts.by_code(name.upper())
        other = draft.message_id if draft else tx.records.of_provider_id(name, kit.lines)
        found = tx.messages.get(other) if other else None
    return found


def _by_id(tx: Tx, name: str) -> Message | None:
    if item := tx.outbox.get(name):
        return tx.messages.get(item.message_id)
    if turn := tx.turns.get(name):
        return tx.messages.get(turn.message_id)
    return tx.messages.get(name)


# -- a message ---------------------------------------------------------------------------------


def _of_message(kit: Equipment, tx: Tx, name: str, message: Message) -> dict[str, Any]:
    items = tx.outbox.of_messages([message.id]).get(message.id, [])
    entries = _entries(tx, message, items)
    decisions = [stored for stored in entries if stored.entry.kind == "decision"]
    ours = message.direction is Direction.OUT
    told = Told(message, items, decisions, entries, tx.drafts.get(message.id) if ours else None)
    return {
        "asked": name,
        "message": message.id,
        "direction": message.direction.value,
        "line": message.line,
        "contact": message.contact_id,
        "status": message.status.value,
        "answers": answers(told) if ours else _came_in(told),
        "decisions": [_decision(tx, stored) for stored in decisions],
        "records": [entry_view(stored) for stored in entries],
    }


def _entries(tx: Tx, message: Message, items: Sequence[OutboxItem]) -> list[StoredAudit]:
    """Its own, its parts', its turn's, and those about several things that name one of these."""
    subjects = [message.id, *(item.id for item in items)]
    turn = message.provenance.get("turn")
    found: dict[int, StoredAudit] = {}
    for subject in (*subjects, *([turn] if isinstance(turn, str) else ())):
        found.update({stored.seq: stored for stored in tx.audit.of_subject(subject)})
    after = min(found, default=1) - 1
    for stored in tx.audit.mentioning(subjects, after, MENTIONS_MAX):
        found[stored.seq] = stored
    return [found[seq] for seq in sorted(found)]


def _came_in(told: Told) -> dict[str, list[str]]:
    """An inbound message: the questions that make sense of it."""
    message = told.message
    verdict = told.last.get("verdict")
    let_in = {
        "allow": "Nobody had to: the rules let it in.",
        "hold": "Nobody yet: the rules held it.",
        "deny": "It was not let in; it is kept, and the agent does not see it.",
    }
    return {
        "who_initiated_it": [
            f"The person {message.contact_id} wrote in on line {message.line}, at "
            f"{moment(message.created_at)}."
        ],
        "what_context_was_used": ["It came from the provider, signed, as it was sent."],
        "who_approved": [let_in.get(str(verdict), "The audit log has no decision about it.")],
        "which_model_or_workflow_wrote_it": ["None: a person's own words."],
        "how_to_stop_or_revoke_it": [
            "Shut this person out: ringfence pairing block NUMBER (ringfence message show "
            f"{message.id} has the number)",
            f"Stop the line: ringfence stop --line {message.line} --reason …",
        ],
    }


# -- a decision, rule by rule ------------------------------------------------------------------


def _decision(tx: Tx, stored: StoredAudit) -> dict[str, Any]:
    body = stored.entry.body
    return {
        "id": stored.entry.id,
        "at": moment(stored.entry.at),
        "act": body["act"],
        "verdict": body["verdict"],
        "claiming": body["claiming"],
        "when": moment_of(body),
        "policy": body["policy"],
        "rules": every_rule(tx, body),
        "facts": dict(body["facts"]),
        "approval": body.get("approval"),
        "grant": body.get("grant"),
    }


def every_rule(tx: Tx, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What each rule said: asked again with the stored facts and the policy that decided. Where
    that policy is not known here, only the rules that said no, as they were recorded."""
    recorded: dict[str, dict[str, Any]] = {
        reason["rule"]: _recorded(reason) for reason in body.get("reasons", ())
    }
    document = tx.policies.get(body["policy"])
    if document is None:
        return list(recorded.values())
    try:
        said = rulings(facts_from_record(body["facts"]), from_document(document))
    except (KeyError, ValueError, TypeError):
        return list(recorded.values())
    told = {name: _said(name, ruling) for name, ruling in said}
    return list((told | recorded).values())


def _said(rule: str, ruling: Ruling) -> dict[str, Any]:
    return {
        "rule": rule,
        "verdict": _NAMES[ruling.verdict],
        "code": ruling.code or None,
        "text": ruling.text or None,
        "met_by": None,
    }


_NAMES = {0: "allow", 1: "hold", 2: "deny"}


def _recorded(reason: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "rule": reason["rule"],
        "verdict": _NAMES.get(reason["verdict"], str(reason["verdict"])),
        "code": reason["code"],
        "text": reason["text"],
        "met_by": reason.get("met_by") or None,
    }


# -- an entry about something else -------------------------------------------------------------


def _of_entry(tx: Tx, name: str, stored: StoredAudit) -> dict[str, Any]:
    """A stop, a token, a consent: who did it and what is on record about the same subject."""
    entry = stored.entry
    same = [one for one in tx.audit.of_subject(entry.subject) if one.seq != stored.seq]
    near = sorted([stored, *same[-MENTIONS_MAX:]], key=lambda one: one.seq)
    return {
        "asked": name,
        "message": None,
        "answers": {
            "who_initiated_it": [f"{who(entry.actor)}, at {moment(entry.at)}: {entry.kind}."],
            "what_context_was_used": [entry_words(stored) or "Nothing more is on record."],
            "who_approved": ["Nobody had to: no message came of this entry itself."],
            "which_model_or_workflow_wrote_it": ["None: it records an act, not a text."],
            "how_to_stop_or_revoke_it": [_UNDO.get(entry.kind, "Nothing leaves because of it.")],
        },
        "decisions": [_decision(tx, stored)] if entry.kind == "decision" else [],
        "records": [entry_view(one) for one in near],
    }


_UNDO = {
    "stop": "Release it: ringfence resume, with the same option.",
    "pairing_approved": "Take it back: ringfence pairing revoke.",
    "blocked": "Take it back: ringfence pairing unblock.",
    "token_created": "Take it back: ringfence tokens revoke.",
    "consent": "Take it back: ringfence consent revoke.",
    "grant_created": "Take it back: ringfence grants revoke.",
}
