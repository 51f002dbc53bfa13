"""Gathers the facts of a decision: what the store knows, what the configuration says. Batched: a
stage asks once for all its rows. Runs inside the transaction that acts on the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ringfence.gateway.equipment import Equipment
from ringfence.model.audit import AuditEntry, digest
from ringfence.model.contact import Person, Role, Switch, SwitchScope
from ringfence.model.line import AccessPolicy, Line
from ringfence.model.message import MessageClass
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act, Decision
from ringfence.policy.decide import decide
from ringfence.policy.facts import Facts, Initiator, VolumeCounts
from ringfence.ports import Tx

MINUTE, FIVE_MINUTES, HOUR, DAY = 60, 300, 3_600, 86_400


# Automatic answers that a machine could keep asking for (loop guard).
PASSIVE = frozenset({MessageClass.PAIRING, MessageClass.HELP, MessageClass.OPT_IN_CONFIRMATION})


@dataclass(frozen=True, slots=True)
class Question:
    """One act to be decided. `initiator` is `agent:ID`, `operator:NAME`, `system` or `person`;
    `text_digest` names the text for the loop guard; `claiming` is true at dispatch, where the
    queue's length no longer matters. What is decided about goes into the record: `text` as a digest,
    the message (the subject itself when not given) and the provenance."""

    act: Act
    line: Line
    number: PhoneNumber
    initiator: str
    message_class: MessageClass = MessageClass.FREE_TEXT
    caution: str = ""
    text_digest: str = ""
    claiming: bool = False
    message_id: str = ""
    text: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)


class Counts:
    """Volume counters of one batch: read once, raised as items are allowed, written once."""

    def __init__(self, tx: Tx, questions: Iterable[Question], now: datetime) -> None:
        self._tx, self._now = tx, now
        keys = {key for question in questions for key in counter_keys(question)}
        self._known = dict(tx.counters.read(keys, now)) if keys else {}
        self._raised: dict[tuple[str, int], int] = {}

    def of(self, question: Question, waiting: int) -> VolumeCounts:
        minute, hour, day, line_minute, line_day, same = (
            self._known.get(key, 0) for key in counter_keys(question)
        )
        return VolumeCounts(minute, hour, day, line_minute, line_day, same, waiting)

    def raise_for(self, question: Question) -> None:
        for key in counter_keys(question):
            self._known[key] = self._known.get(key, 0) + 1
            self._raised[key] = self._raised.get(key, 0) + 1

    def write(self) -> None:
        if self._raised:
            self._tx.counters.add(self._raised, self._now)


def give_back(tx: Tx, claims: Iterable[tuple[Question, datetime]]) -> None:
    """What was claimed then and provably not accepted takes no place in its windows. The loop
    guard's stays taken: it counts texts, and this one is still to come."""
    for question, claimed_at in claims:
        keys = counter_keys(question)[:-1]
        tx.counters.add(dict.fromkeys(keys, -1), claimed_at)


def counter_keys(question: Question) -> tuple[tuple[str, int], ...]:
    """The six windows of one outbound act, in the order of VolumeCounts' fields."""
    # What strangers cause an owner to get must not use up what the owner may get.
    notice = question.message_class is MessageClass.OWNER_NOTICE
    recipient = f"{'noticed' if notice else 'to'}:{question.number.e164}"
    line = f"line:{question.line.id}"
    same = f"same:{question.number.e164}:{question.text_digest[:16]}"
    return (
        (recipient, MINUTE),
        (recipient, HOUR),
        (recipient, DAY),
        (line, MINUTE),
        (line, DAY),
        (same, FIVE_MINUTES),
    )


class FactsDesk:
    """The facts of one batch of questions in one transaction."""

    def __init__(
        self, kit: Equipment, tx: Tx, questions: Sequence[Question], now: datetime
    ) -> None:
        self._kit, self._tx, self._now = kit, tx, now
        numbers = {question.number for question in questions}
        self.people = tx.people.find(numbers)
        self._add_unknown(numbers)
        self._paired = tx.access.approved({(q.line.id, q.number) for q in questions if _pairs(q)})
        self._switches = tx.switches.engaged()
        outbound = [q for q in questions if q.act is not Act.RECEIVE]
        self.counts = Counts(tx, outbound, now)
        self._waiting = {
            line: tx.outbox.waiting(line)
            for line in {q.line.id for q in outbound if not q.claiming}
        }

    def role(self, line: Line, number: PhoneNumber) -> Role:
        if number in line.owners:
            return Role.OWNER
        if number.e164 in line.allow_from:
            return Role.MEMBER
        return Role.GUEST if (line.id, number) in self._paired else Role.STRANGER

    def facts(self, question: Question) -> Facts:
        line, person = question.line, self.people[question.number]
        sends = question.act is not Act.RECEIVE
        waiting = 0 if question.claiming else self._waiting.get(line.id, 0)
        return Facts(
            act=question.act,
            now=self._now,
            line=line.id,
            contact_id=person.contact_id,
            purpose=line.purpose,
            access=line.access if line.enabled else AccessPolicy.DISABLED,
            role=self.role(line, question.number),
            initiator=Initiator(question.initiator.partition(":")[0]),
            message_class=question.message_class,
            anyone_may_write=line.allow_anyone,
            own_number=question.number in self._kit.own_numbers,
            blocked=person.blocked,
            opt_out_source=person.opt_out_source,
            stopped_by=self._stops(question),
            caution=question.caution,
            passive_replies=_passive_before(question, person),
            counts=self.counts.of(question, waiting) if sends else _NO_COUNTS,
            limits=line.volume,
        )

    def decide(self, question: Question, subject: str) -> tuple[Decision, AuditEntry]:
        """Decide and make the record of it: facts, every reason, the policy's version (P7)."""
        facts = self.facts(question)
        decision = decide(facts, self._kit.rules, self._kit.policy_version)
        body: dict[str, Any] = {
            "act": question.act,
            "verdict": decision.verdict.name.lower(),
            "reasons": decision.reasons,
            "alarms": decision.alarms,
            "policy": decision.policy_version,
            "facts": facts,
            "claiming": question.claiming,
        }
        if question.text:
            # Bound to the message, its very text and where it came from: none of the three can be
            # changed in its row without disagreeing with the chain (P7).
            body["message"] = question.message_id or subject
            body["text"] = digest(question.text)
            body["provenance"] = question.provenance
        entry = self._kit.audit("decision", subject, question.initiator, self._now, body)
        return decision, entry

    def _stops(self, question: Question) -> tuple[str, ...]:
        return tuple(
            f"{switch.scope.value}:{self.people[question.number].contact_id}"
            if switch.scope is SwitchScope.CONTACT
            else f"{switch.scope.value}:{switch.subject}".rstrip(":")
            for switch in self._switches
            if covers(switch, question.line.id, question.initiator, question.number)
        )

    def _add_unknown(self, numbers: set[PhoneNumber]) -> None:
        fresh = [
            Person(number, self._kit.ids.new("contact", self._now))
            for number in sorted(numbers - self.people.keys())
        ]
        if fresh:
            self._tx.people.add(fresh)
            self.people.update({person.number: person for person in fresh})


_NO_COUNTS = VolumeCounts()


def _passive_before(question: Question, person: Person) -> int:
    """Automatic answers before this one: at its claim it has been counted itself."""
    counted = question.claiming and question.message_class in PASSIVE
    return max(0, person.passive_replies - 1) if counted else person.passive_replies


def _pairs(question: Question) -> bool:
    return question.number not in question.line.owners


def covers(switch: Switch, line: str, initiator: str, number: PhoneNumber) -> bool:
    """Does an engaged kill switch stop this act?"""
    match switch.scope:
        case SwitchScope.EVERYTHING:
            return True
        case SwitchScope.LINE:
            return switch.subject == line
        case SwitchScope.AGENT:
            return initiator == f"agent:{switch.subject}"
        case SwitchScope.CONTACT:
            return switch.subject == number.e164
