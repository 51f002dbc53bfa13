"""Verifying a responder's number: a code is texted to it, and an operator who has it from the person
enters it here. Until then the number is paged, and what it answers does not count."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Final

from ringfence.gateway.acknowledging import responder_named
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.finals import PRIVATE
from ringfence.gateway.paging import TEMPLATE
from ringfence.gateway.proposal import Proposal, Proposed
from ringfence.gateway.review import propose
from ringfence.model.draft import Category
from ringfence.model.errors import InvalidField, NotFound, TooMany
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act
from ringfence.ports import Tx

LASTS: Final = timedelta(minutes=30)
WRONG_MAX: Final = 5
WRONG_WITHIN: Final = timedelta(hours=24)
LOCKED_FOR: Final = timedelta(hours=1)


def ask(kit: Equipment, tx: Tx, name: str, line_id: str, actor: str, now: datetime) -> Proposed:
    """Text a code. Raises NotFound."""
    responder = responder_named(kit, name)
    line = kit.lines.get(responder.line or line_id)
    if line is None:
        raise NotFound(f"No line is called {(responder.line or line_id)[:64]!r}.")
    code = f"{kit.chance.randrange(10**6):06d}"
    tx.duty.ask(responder.number, code, now + LASTS)
    tx.audit.append([kit.audit("responder_asked", name, actor, now, {"line": line.id})])
    text = (
        f"{line.label} lists this number for alerts to {responder.label or name}. Your code: {code}. "
        "Tell it to whoever set this up; nobody else needs it."
    )
    proposal = Proposal(
        line,
        responder.number,
        text,
        Act.INITIATE,
        "system",
        MessageClass.PAGE,
        category=Category.ALERT,
        template=TEMPLATE,
        provenance={PRIVATE: True},
        lifetime=LASTS,
    )
    (answer,) = propose(kit, tx, [proposal], now)
    return answer


def confirm(kit: Equipment, tx: Tx, name: str, code: str, actor: str, now: datetime) -> bool:
    """Whether the code was the one texted last: then the number counts from now on. A wrong one is
    counted. Raises NotFound, TooMany, and InvalidField where no code is waited for."""
    responder = responder_named(kit, name)
    subject = f"responder:{name}"
    if tx.guesses.locked(subject, now):
        raise TooMany("Too many wrong codes for this responder; wait an hour.")
    wanted = tx.duty.asked(responder.number, now)
    if not wanted:
        raise InvalidField("No code is waited for: ask for one first (it lasts 30 minutes).")
    if not hmac.compare_digest(wanted.encode(), code.strip().encode()):
        tx.guesses.wrong(subject, now, WRONG_MAX, WRONG_WITHIN, LOCKED_FOR)
        tx.audit.append([kit.audit("responder_code_wrong", name, actor, now, {})])
        return False
    tx.guesses.right(subject)
    tx.duty.verify(responder.number, name, now)
    tx.audit.append([kit.audit("responder_verified", name, actor, now, {})])
    return True
