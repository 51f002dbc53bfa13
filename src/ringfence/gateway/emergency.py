"""Somebody may be in danger: words of an emergency or of self-harm in a text. Everything automatic to
them stops, on every line; the owners are paged; and they get one careful answer that promises no
help. Found by lists alone (text/topics.py), which rather cry wolf."""

from __future__ import annotations

import logging
from datetime import datetime

from ringfence.gateway import bytext, handover
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.notices import page, quoted
from ringfence.gateway.proposal import Proposal
from ringfence.model.contact import Pause, PauseReason
from ringfence.model.line import Line
from ringfence.model.message import Message, MessageClass
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.policy.policy import Policy
from ringfence.policy.rules import forced_topics
from ringfence.ports import Tx
from ringfence.text.topics import emergency

log = logging.getLogger("ringfence.emergency")

_WORDS = {"self_harm": "self-harm", "emergency": "an emergency"}


def heard(policy: Policy, line: Line, number: PhoneNumber, body: str) -> str:
    """`self_harm`, `emergency` or nothing. An operator's word about a draft, or to stop, is neither,
    whatever it quotes."""
    lists = policy.settings.get("forced_topics", forced_topics.Settings())
    kind = emergency(body, lists.extra, lists.off)
    return kind if kind and bytext.read(line, number, body) is None else ""


def heed(
    kit: Equipment, tx: Tx, line: Line, message: Message, kind: str, now: datetime
) -> list[Proposal]:
    """Pause the person everywhere, page the owners, answer once."""
    number = message.number
    pause = Pause(number, handover.EVERYWHERE, PauseReason.EMERGENCY, now, "system", message.id)
    fresh = handover.begin(kit, tx, pause, now)
    body = {"line": line.id, "kind": kind, "fresh": fresh}
    tx.audit.append([kit.audit("emergency", message.id, "person", now, body)])
    # Whatever becomes of the texts to owners, this line is for whoever watches the log.
    log.warning(
        "page",
        extra={
            "message_id": message.id,
            "contact_id": message.contact_id,
            "line": line.id,
            "reason": kind,
        },
    )
    told = page(tx, line, message, _page(line, message, kind), now)
    answer = [_safe_reply(line, message)] if fresh and not line.silent else []
    return [*answer, *told]


def _page(line: Line, message: Message, kind: str) -> str:
    number = message.number.e164
    whose = "an owner, " if message.number in line.owners else ""
    return (
        f"URGENT: {whose}{number} wrote words of {_WORDS.get(kind, kind)} to {line.label}. Nothing "
        "automatic goes to them any more; call or text them yourself. A false alarm? "
        f"ringfence pauses lift {number} They wrote: {quoted(message.body)}"
    )


def _safe_reply(line: Line, message: Message) -> Proposal:
    text = line.safe_reply or default_words(line, message.number)
    if message.number in line.owners:
        text += (
            " Your agent stays silent towards you from now on. If this was no emergency: ringfence "
            f"pauses lift {message.number.e164}"
        )
    return Proposal(
        line,
        message.number,
        text,
        Act.REPLY,
        "system",
        MessageClass.SAFE_REPLY,
        in_reply_to=message.id,
    )


def default_words(line: Line, number: PhoneNumber) -> str:
    """What nobody could be misled by: no promise of help, and nobody said to be told who is not."""
    others = [owner for owner in line.owners if owner != number]
    told = " A person was told and may read this later." if others else ""
    return (
        f"{line.label}: this line is automated and cannot help in an emergency.{told} If you or "
        "somebody else may be in danger, call your local emergency number now (911, 112, 999 ...)."
    )
