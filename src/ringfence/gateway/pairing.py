"""Pairing: a stranger asks, an owner approves with the code (behaviours D). Runs inside the
receiving transaction; approving is an operator's act and never an agent's (P2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ringfence.gateway.cancel import cancel_person
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.notices import owner_notices, quoted
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.review import propose
from ringfence.model.contact import PairingRequest, PairingState
from ringfence.model.errors import NotFound
from ringfence.model.line import Line
from ringfence.model.message import MessageClass
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.ports import Tx

# No 0/O, 1/I/L: read aloud and typed on a phone without doubt (B044).
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 8
# OpenClaw answers three strangers at a time and goes silent for everyone else (B047, its gap). We
# record every stranger, always; only the number of paid answers per line and lifetime is bounded.
ANSWERS_MAX = 30


def new_code(kit: Equipment) -> str:
    return "".join(kit.chance.choice(ALPHABET) for _ in range(CODE_LENGTH))


def stranger_wrote(
    kit: Equipment,
    tx: Tx,
    line: Line,
    number: PhoneNumber,
    body: str,
    message_id: str,
    now: datetime,
) -> list[Proposal]:
    """Record the request; answer what should be sent for it: one pairing reply to the stranger
    (unless the line is silent) and a notice to each owner, for a new request only."""
    known = tx.access.pending([(line.id, number)], now).get((line.id, number))
    if known is not None:
        tx.access.seen_again(known.id, now)
        return []
    answer = not line.silent and tx.access.pending_answered(line.id, now) < ANSWERS_MAX
    request = PairingRequest(
        id=kit.ids.new("pairing", now),
        line=line.id,
        number=number,
        code=new_code(kit),
        state=PairingState.PENDING,
        created_at=now,
        expires_at=now + line.pairing_ttl,
        last_seen_at=now,
        answered=answer,
    )
    tx.access.add_request(request)
    tx.audit.append([kit.audit("pairing_requested", request.id, "person", now, {"line": line.id})])
    proposals = owner_notices(tx, line, _told(request, line, body), now)
    if answer:
        proposals.append(_reply(line, request, message_id))
    return proposals


def approve(
    kit: Equipment, tx: Tx, line: Line, code: str, actor: str, notify: bool, now: datetime
) -> PairingRequest:
    """Let the person behind a code write to the line. Raises NotFound for a code that is unknown,
    used or older than its lifetime (B046)."""
    request = _pending(tx, line, code, now)
    tx.access.approve(line.id, request.number, actor, now)
    tx.access.close_request(request.id, PairingState.APPROVED)
    tx.audit.append([kit.audit("pairing_approved", request.id, actor, now, {"line": line.id})])
    if notify:
        text = "You are connected. Text here and the agent will answer."
        confirmation = Proposal(
            line, request.number, text, Act.REPLY, "system", MessageClass.PAIRING
        )
        propose(kit, tx, [confirmation], now)
    return request


def dismiss(
    kit: Equipment, tx: Tx, line: Line, code: str, actor: str, now: datetime
) -> PairingRequest:
    """Remove the request; the next message opens a new one (B050). To refuse for good, block."""
    request = _pending(tx, line, code, now)
    tx.access.close_request(request.id, PairingState.DISMISSED)
    tx.audit.append([kit.audit("pairing_dismissed", request.id, actor, now, {"line": line.id})])
    return request


def revoke(
    kit: Equipment, tx: Tx, line: Line, number: PhoneNumber, actor: str, now: datetime
) -> int:
    """Take an approval back; what the line still owes the person is cancelled with it (P3). Answers
    how many messages. Raises NotFound for somebody who was not approved by pairing."""
    if not tx.access.revoke(line.id, number):
        raise NotFound(
            f"Nobody with this number was approved on line {line.id}. Numbers in allowFrom and "
            "owners are removed in the configuration."
        )
    person = tx.people.find([number]).get(number)
    subject = person.contact_id if person is not None else "unknown"
    tx.audit.append([kit.audit("pairing_revoked", subject, actor, now, {"line": line.id})])
    return cancel_person(kit, tx, number, "pairing_revoked", actor, now, line=line.id)


def line_with(tx: Tx, lines: Sequence[Line], code: str, now: datetime) -> Line:
    """The line on which a code is pending, the first of `lines` if on none: an operator types a
    code from a phone's screen, which does not say the line."""
    wanted = code.strip().upper()
    pending = (line for line in lines if tx.access.pending_by_code(line.id, wanted, now))
    return next(pending, lines[0])


def _pending(tx: Tx, line: Line, code: str, now: datetime) -> PairingRequest:
    wanted = code.strip().upper()
    request = tx.access.pending_by_code(line.id, wanted, now)
    if request is None:
        raise NotFound(
            "No pending request has this code: it may be mistyped, used, or older than "
            f"{_words(line.pairing_ttl)}. `ringfence pairing list` shows the pending ones."
        )
    return request


def _words(ttl: timedelta) -> str:
    minutes = int(ttl.total_seconds() // 60)
    return f"{minutes} minutes"


def _reply(line: Line, request: PairingRequest, message_id: str) -> Proposal:
    text = (
        f"This number is private. Your number: {request.number.e164}. "
        f"Your code: {request.code}. To be let in, ask the owner to run: "
        f"ringfence pairing approve sms {request.code}"
    )
    return Proposal(
        line,
        request.number,
        text,
        Act.REPLY,
        "system",
        MessageClass.PAIRING,
        in_reply_to=message_id,
    )


def _told(request: PairingRequest, line: Line, body: str) -> str:
    """Our words and our command first: whatever the stranger wrote comes after them, quoted."""
    return (
        f"{request.number.e164} wrote to {line.label}. To let them in: "
        f"ringfence pairing approve sms {request.code} They wrote: {quoted(body)}"
    )
