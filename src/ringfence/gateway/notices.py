"""What owners are told by text without having asked: strangers who wrote, people who seem to want
to stop. Bounded per owner and hour, since anybody can cause one; must never fill the owner's lane."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from ringfence.gateway import disclosing
from ringfence.gateway.counting import HOUR, window
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.proposal import Proposal
from ringfence.model.line import Line
from ringfence.model.message import Message, MessageClass
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.ports import Tx

# A message's provenance names the words that read as a wish to stop; the answer to it is held.
SUSPECTED, STOP_SUSPECTED = "suspected", "opt_out_suspected"
NOTICES_PER_HOUR_MAX = 5
QUOTE_MAX, DRAFT_QUOTE_MAX = 120, 400
_QUOTES = {ord(sign): "'" for sign in '"“”„‟«»″'}


def suspected_stop(kit: Equipment, tx: Tx, line: Line, message: Message) -> list[Proposal]:
    """Somebody seems to want no more texts: on record, and told to the owners, who decide."""
    now, number = message.created_at, message.number
    body = {"line": line.id}
    tx.audit.append([kit.audit(STOP_SUSPECTED, message.id, "person", now, body)])
    text = (
        f"{number.e164} seems to want no more texts from {line.label}; an answer by the agent is "
        f"held. If so: ringfence consent opt-out {number.e164} --reason asked "
        f"They wrote: {quoted(message.body)}"
    )
    return owner_notices(tx, line, text, now)


def draft_waits(tx: Tx, line: Line, message: Message, code: str) -> list[Proposal]:
    """A draft waits for a yes: what the owners of its line are texted, so that they can decide from
    their phone. The text comes last, quoted: nothing in it can pass for our words."""
    if message.message_class is MessageClass.OWNER_NOTICE:
        return []
    before, words = disclosing.said(line, message)
    after = ", after the disclosure" if before else ""
    text = (
        f"Draft {code} on {line.label} to {message.number.e164} waits for a yes. "
        f"Reply OK {code}, NO {code}, or EDIT {code} and the new text. "
        f"It says{after}: {quoted(words, DRAFT_QUOTE_MAX)}"
    )
    return owner_notices(tx, line, text, message.created_at)


def owner_notices(tx: Tx, line: Line, text: str, now: datetime) -> list[Proposal]:
    """One notice to each owner who still gets one this hour; the first beyond the bound becomes a
    word that there is more, and then it is quiet until the next hour."""
    if not line.notify_owner:
        return []
    keys = {owner: window(f"notice:{line.id}:{owner.e164}", HOUR, now) for owner in line.owners}
    told = tx.counters.read(keys.values())
    proposals: list[Proposal] = []
    for owner, key in keys.items():
        count = told.get(key, 0)
        if count <= NOTICES_PER_HOUR_MAX:
            tx.counters.add({key: 1})
            words = text if count < NOTICES_PER_HOUR_MAX else _more(line)
            proposals.append(_notice(line, owner, words))
    return proposals


def quoted(body: str, most: int = QUOTE_MAX) -> str:
    """The beginning of somebody's words, which cannot end the quote they stand in, nor turn the
    text around it (directional marks)."""
    visible = "".join(one for one in body if unicodedata.category(one) != "Cf")
    words = " ".join(visible.translate(_QUOTES).split())
    return f'"{words}"' if len(words) <= most else f'"{words[: most - 1]}…"'


def _more(line: Line) -> str:
    return (
        f"More than {NOTICES_PER_HOUR_MAX} notices about {line.label} this hour; no more until the "
        "next. ringfence pairing list shows strangers who wrote, ringfence message list the rest."
    )


def _notice(line: Line, owner: PhoneNumber, text: str) -> Proposal:
    return Proposal(line, owner, text, Act.INITIATE, "system", MessageClass.OWNER_NOTICE)
