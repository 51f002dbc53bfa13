"""What owners are told by text without having asked: strangers who wrote, people who seem to want
to stop. Bounded per owner and hour, since anybody can cause one; must never fill the owner's lane."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from ringfence.gateway.facts import HOUR
from ringfence.gateway.review import Proposal
from ringfence.model.line import Line
from ringfence.model.message import MessageClass
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.ports import Tx

NOTICES_PER_HOUR_MAX = 5
QUOTE_MAX = 120
_QUOTES = {ord(sign): "'" for sign in '"“”„‟«»″'}


def owner_notices(
    tx: Tx, line: Line, about: PhoneNumber, text: str, now: datetime
) -> list[Proposal]:
    """One notice to each owner who still gets one this hour; the first beyond the bound becomes a
    word that there is more, and then it is quiet until the next hour. Counted as if proposed."""
    if not line.notify_owner:
        return []
    keys = {owner: (f"notice:{line.id}:{owner.e164}", HOUR) for owner in line.owners}
    told = tx.counters.read([key for owner, key in keys.items() if owner != about], now)
    proposals: list[Proposal] = []
    for owner, key in keys.items():
        count = told.get(key, 0)
        if owner == about or count > NOTICES_PER_HOUR_MAX:
            continue
        tx.counters.add({key: 1}, now)
        words = text if count < NOTICES_PER_HOUR_MAX else _more(line)
        proposals.append(_notice(line, owner, words))
    return proposals


def quoted(body: str) -> str:
    """The beginning of somebody's words, which cannot end the quote they stand in, nor turn the
    text around it (directional marks)."""
    visible = "".join(one for one in body if unicodedata.category(one) != "Cf")
    words = " ".join(visible.translate(_QUOTES).split())
    return f'"{words}"' if len(words) <= QUOTE_MAX else f'"{words[: QUOTE_MAX - 1]}…"'


def _more(line: Line) -> str:
    return (
        f"More than {NOTICES_PER_HOUR_MAX} notices about {line.label} this hour; no more until the "
        "next. ringfence pairing list shows strangers who wrote, ringfence message list the rest."
    )


def _notice(line: Line, owner: PhoneNumber, text: str) -> Proposal:
    return Proposal(line, owner, text, Act.INITIATE, "system", MessageClass.OWNER_NOTICE)
