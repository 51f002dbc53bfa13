"""The one place that writes consent: events into the ledger, each with its audit entry, in the
caller's transaction. Open to people and operators, and to what a provider reports; never to an
agent (P2). The audit log gets digests: the ledger can forget a person, the log cannot."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ringfence.gateway.equipment import Equipment
from ringfence.model.audit import AuditEntry, digest
from ringfence.model.consent import (
    EVERY_PROGRAMME,
    SMS,
    ConsentEvent,
    ConsentKind,
    Level,
    Method,
    lifted_by,
    opt_out_source,
)
from ringfence.model.contact import Person
from ringfence.model.errors import Forbidden
from ringfence.model.phone import PhoneNumber
from ringfence.ports import Tx

_WRITER = re.compile(r"(?:operator:.+|person|provider)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody said about messages, before it is in the ledger. `at` None is now."""

    number: PhoneNumber
    kind: ConsentKind
    method: Method
    programme: str = EVERY_PROGRAMME
    level: Level = Level.CONVERSATIONAL
    at: datetime | None = None
    channel: str = SMS
    disclosure: str = ""
    evidence: str = ""
    ip: str = ""
    user_agent: str = ""
    expires_at: datetime | None = None
    country: str = ""


def require_writer(actor: str) -> None:
    """Raises Forbidden unless a person, an operator or the provider speaks."""
    if not _WRITER.fullmatch(actor):
        raise Forbidden("Consent is written by people and operators only.")


def write(
    kit: Equipment, tx: Tx, said: Sequence[Statement], actor: str, now: datetime
) -> list[ConsentEvent]:
    """Append to the ledger, as it is said; who is opted out is not looked at here. Raises
    Forbidden for an agent."""
    require_writer(actor)
    people = known(kit, tx, [one.number for one in said], now)
    events = [_event(kit, one, actor, now) for one in said]
    tx.consents.append(events)
    tx.audit.append([_entry(kit, one, people[one.number].contact_id, now) for one in events])
    return events


def opted_out(
    kit: Equipment, tx: Tx, said: Statement, actor: str, now: datetime
) -> ConsentEvent | None:
    """Opt a person out, in the ledger and for the gate; None when that is on record already, or when
    they opted in again after it (an import tells of the past). Never weakens an operator's opt-out, and never forgets a person's own behind it: lifting the one must
    not lift the other (compliance 4.1)."""
    require_writer(actor)
    source = lifted_by(said.method)
    before = known(kit, tx, [said.number], now)[said.number].opt_out_source
    own, entered = source != Method.OPERATOR.value, before == Method.OPERATOR.value
    if before and own is not entered:
        return None  # their own again, or another operator's beside an operator's
    if before and own and _has_own(tx, said.number):
        return None
    if said.at is not None and _came_back(tx, said.number, said.at):
        return None
    [event] = write(kit, tx, [said], actor, now)
    if not entered:
        tx.people.set_opt_out(said.number, source)
    tx.consents.withdraw_requests(said.number)
    return event


def opted_in(kit: Equipment, tx: Tx, said: Statement, actor: str, now: datetime) -> str:
    """Lift what the speaker may lift; answers what still stands (`opt_out_source`)."""
    [event] = write(kit, tx, [said], actor, now)
    by_operator = lifted_by(said.method) == Method.OPERATOR.value
    left = opt_out_source(tx.consents.of_person(event.number)) if by_operator else ""
    tx.people.set_opt_out(said.number, left)
    return left


def known(
    kit: Equipment, tx: Tx, numbers: Sequence[PhoneNumber], now: datetime
) -> dict[PhoneNumber, Person]:
    """The people at these numbers, made known if nobody knew them."""
    found = tx.people.find(numbers)
    fresh = sorted(set(numbers) - found.keys())
    if fresh:
        tx.people.add([Person(number, kit.ids.new("contact", now)) for number in fresh])
        found.update(tx.people.find(fresh))
    return found


def _has_own(tx: Tx, number: PhoneNumber) -> bool:
    own = [one for one in tx.consents.of_person(number) if lifted_by(one.method) != "operator"]
    return bool(opt_out_source(own))


def _came_back(tx: Tx, number: PhoneNumber, since: datetime) -> bool:
    return any(
        one.kind is ConsentKind.OPT_IN and one.at > since for one in tx.consents.of_person(number)
    )


def _event(kit: Equipment, said: Statement, actor: str, now: datetime) -> ConsentEvent:
    return ConsentEvent(
        id=kit.ids.new("consent", now),
        number=said.number,
        programme=said.programme,
        kind=said.kind,
        level=said.level,
        method=said.method,
        actor=actor,
        at=said.at or now,
        recorded_at=now,
        channel=said.channel,
        disclosure=said.disclosure,
        disclosure_digest=digest(said.disclosure) if said.disclosure else "",
        evidence=said.evidence,
        ip=said.ip,
        user_agent=said.user_agent,
        expires_at=said.expires_at,
        country=said.country,
    )


def _entry(kit: Equipment, event: ConsentEvent, contact_id: str, now: datetime) -> AuditEntry:
    body = {
        "event": event.id,
        "kind": event.kind,
        "programme": event.programme,
        "level": event.level,
        "channel": event.channel,
        "method": event.method,
        "at": event.at,
        "expires_at": event.expires_at,
        "disclosure": event.disclosure_digest,
        "evidence": digest(event.evidence) if event.evidence else "",
    }
    return kit.audit("consent", contact_id, event.actor, now, body)
