"""Consent as operators write it: recorded with its evidence, taken back, a person opted out, and an
operator's opt-out lifted. Each is one transaction with its audit entry; none is open to an agent
(P2), and none sends anything."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from datetime import datetime

from ringfence.gateway.cancel import cancel_person
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.evidence import Statement, opted_in, opted_out, write
from ringfence.model.consent import (
    EVERY_PROGRAMME,
    SMS,
    ConsentEvent,
    ConsentKind,
    Level,
    Method,
    is_programme,
)
from ringfence.model.errors import ConsentRefused, InvalidField, NotFound
from ringfence.model.phone import PhoneNumber
from ringfence.ports import Tx

DISCLOSURE_MAX, EVIDENCE_MAX, USER_AGENT_MAX = 4_000, 1_000, 500
# A written agreement: the person saw the text, and the answer is theirs (compliance 4.2).
_WRITTEN = frozenset({Method.WEB_FORM, Method.PAPER, Method.DOUBLE_OPT_IN, Method.IMPORT})
_CHANNELS = frozenset({SMS, "voice"})
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


def record(kit: Equipment, tx: Tx, said: Statement, actor: str, now: datetime) -> ConsentEvent:
    """Put a person's agreement, or its end, on record. Raises InvalidField for one that could not
    be proved, Forbidden for an agent."""
    check(said, now)
    [event] = write(kit, tx, [said], actor, now)
    return event


def revoke(
    kit: Equipment,
    tx: Tx,
    number: PhoneNumber,
    programme: str,
    level: Level,
    evidence: str,
    actor: str,
    now: datetime,
) -> ConsentEvent:
    """Take back a level of a programme (or of every programme) and what includes it. The gate asks
    again when something is claimed, so what waits does not leave."""
    said = Statement(
        number, ConsentKind.REVOKED, Method.OPERATOR, programme, level, evidence=evidence
    )
    return record(kit, tx, said, actor, now)


def opt_out(
    kit: Equipment, tx: Tx, number: PhoneNumber, reason: str, actor: str, now: datetime
) -> int:
    """Do not contact: nothing goes to the person on any line until an operator lifts it; a START
    does not. Cancels what is owed; answers how many messages. Raises ConsentRefused when that
    stands already."""
    said = Statement(number, ConsentKind.OPT_OUT, Method.OPERATOR, evidence=reason)
    check(said, now)
    event = opted_out(kit, tx, said, actor, now)
    if event is None:
        raise ConsentRefused("An operator has opted this person out already.")
    body = {"source": Method.OPERATOR, "consent": event.id}
    tx.audit.append([kit.audit("opt_out", event.id, actor, now, body)])
    return cancel_person(kit, tx, number, "opted_out", actor, now)


def opt_in(
    kit: Equipment, tx: Tx, number: PhoneNumber, reason: str, actor: str, now: datetime
) -> str:
    """Lift what an operator set, and nothing else; answers who else's opt-out still stands (empty:
    nobody's). Raises NotFound for somebody who is not opted out, ConsentRefused for somebody who
    opted out themselves: only they can come back, by START."""
    person = tx.people.find([number]).get(number)
    if person is None or not person.opt_out_source:
        raise NotFound("This person is not opted out.")
    if person.opt_out_source != Method.OPERATOR.value:
        raise ConsentRefused(
            "This person opted out themselves; only they can opt in again, by texting START."
        )
    said = Statement(number, ConsentKind.OPT_IN, Method.OPERATOR, evidence=reason)
    check(said, now)
    left = opted_in(kit, tx, said, actor, now)
    body = {"source": Method.OPERATOR, "left": left}
    tx.audit.append([kit.audit("opt_in", person.contact_id, actor, now, body)])
    return left


def check(said: Statement, now: datetime) -> None:
    """Raises InvalidField with everything that is wrong."""
    if wrong := "; ".join(_faults(said, now)):
        raise InvalidField(wrong + ".")


def _faults(said: Statement, now: datetime) -> Iterator[str]:
    at = said.at or now
    if at > now:
        yield "the time lies in the future"
    if said.expires_at is not None and said.expires_at <= at:
        yield "it ends before it begins"
    if said.channel not in _CHANNELS:
        yield "the channel is sms or voice"
    if said.country and not _COUNTRY.fullmatch(said.country):
        yield "the country is two capital letters (ISO 3166)"
    if said.ip and not _is_address(said.ip):
        yield "the ip is no IP address"
    for name, text, most in (
        ("disclosure", said.disclosure, DISCLOSURE_MAX),
        ("evidence", said.evidence, EVIDENCE_MAX),
        ("user agent", said.user_agent, USER_AGENT_MAX),
    ):
        if len(text) > most:
            yield f"the {name} is longer than {most} characters"
    yield from _faults_of_kind(said)


def _faults_of_kind(said: Statement) -> Iterator[str]:
    everywhere = said.programme == EVERY_PROGRAMME
    if said.kind in (ConsentKind.OPT_OUT, ConsentKind.OPT_IN):
        if not everywhere:
            yield "an opt-out is of every programme; leave it empty, or use revoked"
        return
    if not is_programme(said.programme) and not (everywhere and said.kind is ConsentKind.REVOKED):
        yield "the programme is up to 64 lower-case letters, digits, or one of _ . -"
    if said.kind is not ConsentKind.GRANTED:
        return
    if not (said.disclosure or said.evidence):
        yield "consent needs evidence: the text the person saw, or where the proof is"
    if said.level is Level.MARKETING and not (said.disclosure and said.method in _WRITTEN):
        written = ", ".join(sorted(method.value for method in _WRITTEN))
        yield f"marketing needs a written agreement ({written}) and the text the person saw"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
