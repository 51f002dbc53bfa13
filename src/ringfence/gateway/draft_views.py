"""A draft as people are shown it: the text in full, why it is held, where it came from, what it costs
and what became of it. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ringfence.gateway import disclosing
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.views import moment
from ringfence.model.draft import Draft
from ringfence.model.message import MediaRef, Message
from ringfence.ports import Tx


def draft_views(kit: Equipment, tx: Tx, drafts: Iterable[Draft]) -> list[dict[str, Any]]:
    """In the order given; a draft whose message is gone is left out."""
    wanted = list(drafts)
    messages = tx.messages.many(draft.message_id for draft in wanted)
    return [
        draft_view(kit, draft, messages[draft.message_id])
        for draft in wanted
        if draft.message_id in messages
    ]


def draft_view(kit: Equipment, draft: Draft, message: Message) -> dict[str, Any]:
    """One draft; its reader decides about it, so number and text are in full."""
    traits = message.traits
    return {
        "code": draft.code,
        "message": draft.message_id,
        "state": draft.state.value,
        "line": draft.line,
        "to": draft.number.e164,
        "contact": message.contact_id,
        "body": message.body,
        "disclosure": _disclosure(kit, message),
        "attachments": [_attachment(ref) for ref in message.media],
        "reasons": message.reason or None,
        "initiator": message.initiator,
        "provenance": dict(message.provenance),
        "class": message.message_class.value,
        "template": traits.template or None,
        "topics": list(traits.topics),
        "segments": message.segments,
        "encoding": message.encoding or None,
        "cost": _cost(kit, draft.line, message.segments),
        "in_reply_to": message.in_reply_to or None,
        "created_at": moment(draft.created_at),
        "expires_at": moment(draft.expires_at),
        "decided_at": moment(draft.decided_at),
        "decided_by": draft.decided_by or None,
        "note": draft.note or None,
        "replaces": draft.replaces or None,
        "replaced_by": draft.replaced_by or None,
    }


def _disclosure(kit: Equipment, message: Message) -> str | None:
    """What the text begins with because the person was not told yet; None for nothing."""
    line = kit.lines.get(message.line)
    return (disclosing.said(line, message)[0] if line is not None else "") or None


def _attachment(ref: MediaRef) -> str:
    """Its address; of a hosted one, whose address is a secret until it leaves, what it is."""
    return ref.url or f"{ref.content_type}, hosted here"


def _cost(kit: Equipment, line: str, segments: int) -> float | None:
    """In the currency of the line's `spend.pricePerSegment`; None where none is set."""
    policy = kit.policies.get(line)
    price = getattr(policy.settings.get("spend") if policy else None, "price_per_segment", 0)
    return round(segments * float(price), 4) if price else None
