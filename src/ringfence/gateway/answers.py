"""The five questions about one outbound message, answered in plain words from its chain of records:
who initiated it, what context was used, who approved, which model or workflow wrote it, and how to
stop or revoke it. Where the chain and the message's row disagree, the chain is believed and the
disagreement said. Holds no text and no number in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ringfence.gateway.views import moment
from ringfence.model.audit import digest
from ringfence.model.draft import Draft, DraftState
from ringfence.model.message import Message, MessageStatus
from ringfence.model.outbox import OutboxItem, OutboxState
from ringfence.ports import StoredAudit

_WHO = {
    "system": "Ringfence itself",
    "person": "The person who wrote in",
    "provider": "The provider",
}
_KINDS = {
    "agent": "The agent {}",
    "operator": "The operator {}",
    "approver": "The approver {}",
    "event": "The event source {}",
    "events": "The event source {}",
    "contact": "The person {}",
}
_UNSENT = frozenset({OutboxState.DUE, OutboxState.HELD})
_GONE = frozenset({OutboxState.ACCEPTED, OutboxState.SENDING, OutboxState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Told:
    """What the answers are made from. `decisions` and `entries` in the order of the chain."""

    message: Message
    items: Sequence[OutboxItem]
    decisions: Sequence[StoredAudit]
    entries: Sequence[StoredAudit]
    draft: Draft | None = None

    @property
    def first(self) -> Mapping[str, Any]:
        return self.decisions[0].entry.body if self.decisions else {}

    @property
    def last(self) -> Mapping[str, Any]:
        return self.decisions[-1].entry.body if self.decisions else {}

    @property
    def initiator(self) -> str:
        return self.decisions[0].entry.actor if self.decisions else self.message.initiator

    @property
    def provenance(self) -> Mapping[str, Any]:
        held: Mapping[str, Any] = self.first.get("provenance") or self.message.provenance
        return held


def answers(told: Told) -> dict[str, list[str]]:
    """By question, each answer a few sentences."""
    return {
        "who_initiated_it": list(_initiated(told)),
        "what_context_was_used": list(_context(told)),
        "who_approved": list(_approved(told)),
        "which_model_or_workflow_wrote_it": list(_written(told)),
        "how_to_stop_or_revoke_it": list(_stop(told)),
    }


def who(actor: str) -> str:
    """`agent:default` → `The agent default`."""
    kind, _, name = actor.partition(":")
    if actor == "agent:local":
        return "A program on the private listener (the agent local)"
    if name and kind in _KINDS:
        return _KINDS[kind].format(name)
    return _WHO.get(actor, actor)


def _initiated(told: Told) -> Iterator[str]:
    message = told.message
    if not told.decisions:
        yield f"Nothing in the audit log says so; the message's row says: {who(message.initiator)}."
        return
    act = told.first.get("act")
    what = "answered what came in" if act == "reply" else "wanted it sent"
    yield f"{who(told.initiator)} {what}, at {moment(told.decisions[0].entry.at)}."
    if message.in_reply_to:
        yield f"It answers {message.in_reply_to}."
    if message.initiator != told.initiator:
        yield (
            f"The message's row says {message.initiator}, the audit log {told.initiator}: the row "
            "was changed."
        )


def _context(told: Told) -> Iterator[str]:
    facts = told.first.get("facts", {})
    if "turn" in told.provenance:
        yield (
            f"The turn {told.provenance['turn']}: the text that came in (SHA-256 "
            f"{str(told.provenance.get('answered', ''))[:16]}…) and the conversation before it."
        )
    elif told.initiator.startswith(("agent:", "event")):
        yield "What the caller had; it came without a turn."
    if reference := told.provenance.get("context"):
        yield f"By its own account: {reference}."
    if facts:
        seen = ", ".join(f"{name} {facts[name]}" for name in _SEEN if name in facts)
        yield f"The gate saw: {seen}; all facts stand with each decision below."
    yield _text_words(told)


_SEEN = ("line", "contact_id", "role", "message_class", "approval", "grant", "caution", "paused")


def _text_words(told: Told) -> str:
    recorded = told.first.get("text")
    if recorded is None:
        return "The audit log holds no digest of its text."
    if recorded == digest(told.message.body):
        return "The text stored with the message is the text that was decided about."
    if not told.message.body:
        return f"The text itself is no longer kept; its SHA-256 was {recorded[:16]}…"
    return "The text stored with the message is NOT the text that was decided about."


def _approved(told: Told) -> Iterator[str]:
    said = [*_approvals(told), *_edits(told), *_grants(told), *_releases(told)]
    if said:
        yield from dict.fromkeys(said)
        return
    verdict = told.last.get("verdict")
    if told.draft is not None and told.draft.state is DraftState.REJECTED:
        yield f"{who(told.draft.decided_by)} rejected it." + _noted(told.draft)
    elif verdict == "hold":
        yield "Nobody yet. " + _why(told.last)
    elif verdict == "deny":
        yield "Nobody could: the rules refused it. " + _why(told.last)
    elif verdict == "allow":
        yield "Nobody had to: no rule asked for a person."
    else:
        yield "The audit log has no decision about it."


def _approvals(told: Told) -> Iterator[str]:
    when = {
        stored.entry.actor: f", at {moment(stored.entry.at)}"
        for stored in told.entries
        if stored.entry.kind == "draft_approved" and stored.entry.subject == told.message.id
    }
    for stored in told.decisions:
        if approval := stored.entry.body.get("approval"):
            by = approval["by"]
            text = f"{who(by)} approved exactly this text to exactly this person"
            yield f"{text}{when.get(by, '')} (draft {approval['id']})."


def _edits(told: Told) -> Iterator[str]:
    """The edit that made this message out of another, or another out of this one."""
    for stored in told.entries:
        if stored.entry.kind != "draft_edited":
            continue
        by, at = who(stored.entry.actor), moment(stored.entry.at)
        if stored.entry.subject == told.message.id:
            yield f"{by} replaced it by {stored.entry.body.get('replaced_by')}, at {at}."
        else:
            yield f"{by} wrote it in the place of {stored.entry.subject}, at {at}."


def _grants(told: Told) -> Iterator[str]:
    for grant in sorted(grants_used(told.decisions)):
        yield f"The grant {grant} stood in for a person."


def grants_used(decisions: Sequence[StoredAudit]) -> set[str]:
    """The grants a text went on, by id: one that met a rule while another held the text was not
    used."""
    return {str(stored.entry.body.get("grant", "")) for stored in decisions} - {""}


def _releases(told: Told) -> Iterator[str]:
    for stored in told.entries:
        if stored.entry.kind == "released":
            yield f"{who(stored.entry.actor)} let it go after a stop, at {moment(stored.entry.at)}."


def _why(body: Mapping[str, Any]) -> str:
    reasons = [reason for reason in body.get("reasons", ()) if not reason.get("met_by")]
    return " ".join(f"{reason['rule']}: {reason['text']}" for reason in reasons)


def _noted(draft: Draft) -> str:
    return f" Their reason: {draft.note}" if draft.note else ""


def _written(told: Told) -> Iterator[str]:
    held = told.provenance
    named = [
        f"the {word} {held[key]}"
        for key, word in (
            ("workflow", "workflow"),
            ("flow", "flow"),
            ("template", "template"),
            ("model", "model"),
            ("agent", "agent"),
        )
        if held.get(key)
    ]
    traits = told.message.traits
    named += [f"the template {traits.template}"] if traits.template else []
    named += [f"the flow {traits.flow}"] if traits.flow else []
    if named:
        yield f"Written by {', '.join(dict.fromkeys(named))}."
    elif told.initiator == "system":
        yield f"Ringfence's own words, of the class {told.message.message_class.value}."
    elif told.initiator.startswith("agent:"):
        yield f"{who(told.initiator)} did not say which model or workflow wrote it."
    else:
        yield f"{who(told.initiator)}; no model is on record."
    if answered := held.get("answered_by"):
        yield f"The endpoint answered as {answered}."
    yield from _edits(told)


def _stop(told: Told) -> Iterator[str]:
    message = told.message
    if any(item.state in _GONE for item in told.items):
        yield "It was handed to the provider and cannot be called back."
    unsent = any(item.state in _UNSENT for item in told.items)
    if told.draft is not None and told.draft.state is DraftState.WAITING:
        yield f"Reject it: ringfence drafts reject {told.draft.code} (or let it expire)."
    if told.draft is not None and told.draft.state is DraftState.APPROVED and unsent:
        yield f"Take the approval back: ringfence drafts reject {told.draft.code}"
    if message.status is MessageStatus.HELD or unsent:
        yield f"End it: ringfence message cancel {message.id}"
    for grant in sorted(grants_used(told.decisions)):
        yield f"Revoke the grant: ringfence grants revoke {grant}"
    if told.initiator.startswith("agent:"):
        agent = told.initiator.removeprefix("agent:")
        yield f"Stop whoever wrote it: ringfence stop --agent {agent} --reason …"
        if "turn" not in told.provenance:
            yield "Take its token away, if it has one: ringfence tokens list, tokens revoke ID"
    if flow := message.traits.flow:
        yield f"Stop its flow: ringfence stop --flow {flow} --reason …"
    yield f"Stop its line: ringfence stop --line {message.line} --reason …"
    yield (
        "Stop whatever goes to this person: ringfence stop --contact NUMBER --reason … "
        f"(ringfence message show {message.id} has the number)"
    )
