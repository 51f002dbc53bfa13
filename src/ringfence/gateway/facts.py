"""Gathers the facts of a decision: what the store knows, and who is on the line's lists. Batched: a
stage asks once for all its rows. Runs inside the transaction that acts on the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ringfence.gateway import call_facts
from ringfence.gateway.counting import Counts
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.granted import Granted, relied_on
from ringfence.model.audit import AuditEntry, digest
from ringfence.model.call import Call
from ringfence.model.contact import Pause, Person, Role, Switch, SwitchScope
from ringfence.model.draft import Category, Draft, DraftState, Traits
from ringfence.model.line import Line
from ringfence.model.message import NO_TRAITS, MessageClass
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act, Decision
from ringfence.policy.decide import decide
from ringfence.policy.facts import Caller, Disclosure, Facts, Initiator, facts_to_record
from ringfence.policy.zones import zones_of
from ringfence.ports import Tx

# Automatic answers that a machine could keep asking for (loop guard).
PASSIVE = frozenset(
    {
        MessageClass.PAIRING,
        MessageClass.HELP,
        MessageClass.OPT_IN_CONFIRMATION,
        MessageClass.ALERT_ANSWER,
    }
)

# What waits in the queue of its line.
_QUEUED = frozenset({Act.REPLY, Act.INITIATE, Act.CALL})


@dataclass(frozen=True, slots=True)
class Question:
    """One act to be decided. `initiator` is `agent:ID`, `operator:NAME`, `event:SOURCE`, `system` or
    `person`; `text_digest` names the text for the loop guard; `claiming` is true at dispatch, where
    the queue's length no longer matters. What is decided about goes into the record: `text` as a
    digest, the message (the subject itself when not given) and the provenance. `approval_digest` is
    what an approval would have to be for; empty where none is asked for. `granting` says that an
    operator's grant may stand in for a person: the text is proposed, and no person is at it already.
    `call` is the call that is taken, or that something is said in, `pin_given` that its caller gave the
    line's PIN."""

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
    traits: Traits = NO_TRAITS
    approval_digest: str = ""
    granting: bool = False
    call: Call | None = None
    pin_given: bool = False


class FactsDesk:
    """The facts of one batch of questions in one transaction."""

    def __init__(
        self,
        kit: Equipment,
        tx: Tx,
        questions: Sequence[Question],
        now: datetime,
        approving: Draft | None = None,
    ) -> None:
        """`approving` is a draft that is being approved, as it will be."""
        self._kit, self._tx, self._now = kit, tx, now
        self._approving = {} if approving is None else {approving.message_id: approving}
        numbers = {question.number for question in questions}
        self.people = tx.people.find(numbers)
        self._add_unknown(numbers)
        self._paired = tx.access.approved({(q.line.id, q.number) for q in questions if _pairs(q)})
        self._switches = tx.switches.engaged()
        outbound = [q for q in questions if q.act is not Act.RECEIVE]
        self.counts = Counts(tx, outbound, now, kit.zones)
        self._waiting = {
            line: tx.outbox.waiting(line)
            for line in {q.line.id for q in outbound if not q.claiming and q.act in _QUEUED}
        }
        self._outbound(outbound)
        for policy in {q.line.id: kit.policies[q.line.id] for q in questions}.values():
            tx.policies.remember(policy.version, policy.document, now)

    def _outbound(self, questions: Sequence[Question]) -> None:
        """What only sending asks for."""
        tx = self._tx
        pairs = {(q.line.id, q.number) for q in questions}
        self.grants = Granted(tx, questions, self._now)
        self._known = tx.acquaintances.known(pairs)
        self._pauses = tx.pauses.of({q.number for q in questions})
        asked = [q.message_id for q in questions if q.approval_digest]
        self._approvals = (tx.drafts.many(asked) if asked else {}) | self._approving
        self._standings = tx.consents.standing({(q.number, q.traits.programme) for q in questions})
        told = {
            (q.line.id, q.number, disclosure_version(q.line))
            for q in questions
            if q.line.disclosure
        }
        self._told = tx.acquaintances.disclosed(told) if told else {}

    def is_new(self, line: str, number: PhoneNumber) -> bool:
        """Did this line never write to this person?"""
        return (line, number) not in self._known

    def role(self, line: Line, number: PhoneNumber) -> Role:
        if number in line.owners:
            return Role.OWNER
        if number.e164 in line.allow_from:
            return Role.MEMBER
        return Role.GUEST if (line.id, number) in self._paired else Role.STRANGER

    def _role_of(self, question: Question) -> Role:
        """Who can be on call is nobody's stranger for alerts; to an agent they are."""
        line, number = question.line, question.number
        if question.act in call_facts.OF_CALLS:
            role = call_facts.role(question, paired=(line.id, number) in self._paired)
        else:
            role = self.role(line, number)
        alert = question.traits.category is Category.ALERT
        if role is not Role.STRANGER or not alert or question.initiator.startswith("agent:"):
            return role
        responder = self._kit.operations.responder_at(question.number)
        return role if responder is None else Role.RESPONDER

    def facts(self, question: Question) -> Facts:
        line, person = question.line, self.people[question.number]
        if question.act is Act.RECEIVE:
            return self._received(question, person)
        waiting = 0 if question.claiming else self._waiting.get(line.id, 0)
        approval, pause = self.approval(question), _paused(self._pauses, question)
        zones = zones_of(person.zone, question.number)
        facts = Facts(
            act=question.act,
            now=self._now,
            line=line.id,
            contact_id=person.contact_id,
            role=self._role_of(question),
            initiator=Initiator(question.initiator.partition(":")[0]),
            caller=call_facts.caller(question),
            message_class=question.message_class,
            own_number=question.number in self._kit.own_numbers,
            blocked=person.blocked,
            opt_out_source=person.opt_out_source,
            stopped_by=self._stops(question),
            caution=question.caution,
            passive_replies=_passive_before(question, person),
            paused=pause.why.value if pause is not None else "",
            listed=question.number.e164 in call_facts.allow_to(line, question.act),
            staged=question.number.e164 in line.test_recipients,
            new_recipient=self.is_new(line.id, question.number),
            consent=self._consent(question),
            disclosure=self._disclosure(question),
            zones=zones.names,
            zone_source=zones.source,
            approval=approval.message_id if approval is not None else "",
            approved_before_pause=_is_older(approval, pause),
            traits=question.traits,
            counts=self.counts.of(question, waiting),
        )
        grant = self.grants.of(question, facts)
        return replace(facts, grant=grant) if grant else facts

    def _received(self, question: Question, person: Person) -> Facts:
        line = question.line
        return Facts(
            act=question.act,
            now=self._now,
            line=line.id,
            contact_id=person.contact_id,
            role=self.role(line, question.number),
            initiator=Initiator.PERSON,
            own_number=question.number in self._kit.own_numbers,
            blocked=person.blocked,
            opt_out_source=person.opt_out_source,
        )

    def decide(self, question: Question, subject: str) -> tuple[Decision, AuditEntry]:
        """Decide and make the record of it: facts, every reason, the policy's version (P7)."""
        facts = self.facts(question)
        decision = decide(facts, self._kit.policies[question.line.id])
        body = _record(facts, decision, question.claiming)
        if facts.approval:
            approved = self._approvals[question.message_id]
            body["approval"] = {"id": approved.message_id, "by": approved.decided_by}
        if grant := relied_on(facts, decision):
            body["grant"] = grant
        if question.text:
            # Bound to the message, its very text and where it came from: none of the three can be
            # changed in its row without disagreeing with the chain (P7).
            body["message"] = question.message_id or subject
            body["text"] = digest(question.text)
            body["provenance"] = question.provenance
        entry = self._kit.audit("decision", subject, question.initiator, self._now, body)
        return decision, entry

    def decide_unnamed(self, line: Line, subject: str) -> tuple[Decision, AuditEntry]:
        """The same of a caller who shows no number: nobody's row is read or made for them."""
        kit, policy = self._kit, self._kit.policies[line.id]
        self._tx.policies.remember(policy.version, policy.document, self._now)
        facts = Facts(
            act=Act.ANSWER,
            now=self._now,
            line=line.id,
            contact_id="",
            role=Role.STRANGER,
            initiator=Initiator.PERSON,
            caller=Caller.HIDDEN,
        )
        decision = decide(facts, policy)
        body = _record(facts, decision, claiming=False)
        return decision, kit.audit("decision", subject, "person", self._now, body)

    def approval(self, question: Question) -> Draft | None:
        """The live approval of exactly this text to exactly this person, if there is one."""
        draft = self._approvals.get(question.message_id) if question.approval_digest else None
        if draft is None or draft.state is not DraftState.APPROVED:
            return None
        return draft if draft.text_digest == question.approval_digest else None

    def _disclosure(self, question: Question) -> Disclosure:
        line = question.line
        if question.act is Act.SPEAK:
            return call_facts.disclosure_in(question)
        if not line.disclosure:
            return Disclosure.NONE
        version = disclosure_version(line)
        if question.traits.disclosure == version:
            return Disclosure.CARRIED
        told = (line.id, question.number, version) in self._told
        return Disclosure.GIVEN if told else Disclosure.OWED

    def _consent(self, question: Question) -> tuple[str, ...]:
        """The levels on record for what the text is about, sorted."""
        standing = self._standings[question.number, question.traits.programme]
        return tuple(sorted(level.value for level in standing.held(self._now)))

    def _stops(self, question: Question) -> tuple[str, ...]:
        return tuple(
            f"{switch.scope.value}:{self.people[question.number].contact_id}"
            if switch.scope is SwitchScope.CONTACT
            else f"{switch.scope.value}:{switch.subject}".rstrip(":")
            for switch in self._switches
            if covers(
                switch,
                question.line.id,
                call_facts.on_our_side(question),
                question.number,
                question.traits.flow,
            )
        )

    def _add_unknown(self, numbers: set[PhoneNumber]) -> None:
        fresh = [
            Person(number, self._kit.ids.new("contact", self._now))
            for number in sorted(numbers - self.people.keys())
        ]
        if fresh:
            self._tx.people.add(fresh)
            self.people.update({person.number: person for person in fresh})


def disclosure_version(line: Line) -> str:
    """Names the words a person is told first: other words are owed again."""
    return digest(line.disclosure)[:12]


def _record(facts: Facts, decision: Decision, claiming: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "act": facts.act,
        "verdict": decision.verdict.name.lower(),
        "reasons": decision.reasons,
        "policy": decision.policy_version,
        "facts": facts_to_record(facts),
        "claiming": claiming,
    }
    if decision.alarms:
        body["alarms"] = decision.alarms
    return body


def _passive_before(question: Question, person: Person) -> int:
    """Automatic answers before this one: at its claim it has been counted itself."""
    counted = question.claiming and question.message_class in PASSIVE
    return max(0, person.passive_replies - 1) if counted else person.passive_replies


def _paused(pauses: Sequence[Pause], question: Question) -> Pause | None:
    """The newest of those that cover it."""
    return max(
        (
            pause
            for pause in pauses
            if pause.number == question.number and pause.line in ("", question.line.id)
        ),
        key=lambda pause: pause.since,
        default=None,
    )


def _is_older(approval: Draft | None, pause: Pause | None) -> bool:
    """Was this yes given before the pause began?"""
    if approval is None or pause is None:
        return False
    return approval.decided_at is None or approval.decided_at < pause.since


def _pairs(question: Question) -> bool:
    return question.number not in question.line.owners


def covers(switch: Switch, line: str, initiator: str, number: PhoneNumber, flow: str = "") -> bool:
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
        case SwitchScope.FLOW:
            return bool(flow) and switch.subject == flow
