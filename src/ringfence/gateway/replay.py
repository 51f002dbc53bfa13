"""Decisions made again (P11): one that is stored, with every rule's verdict and the facts it saw; one
that nobody made yet; and a month of them under another configuration. Reads only: nothing here sends,
stores or changes anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ringfence.gateway import call_facts, disclosing
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.traits import topics_in
from ringfence.gateway.views import moment
from ringfence.model.contact import Role
from ringfence.model.errors import NotFound
from ringfence.model.line import Line
from ringfence.model.message import Message
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Decision, Verdict
from ringfence.policy.decide import decide, rulings
from ringfence.policy.facts import Caller, Facts, facts_from_record, facts_to_record
from ringfence.policy.policy import Policy, from_document
from ringfence.ports import Store, StoredAudit, Tx

EXAMPLES_MAX = 5
_CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Stored:
    """A decision as it stands in the log: what was asked, what came of it, by which policy."""

    entry: StoredAudit
    facts: Facts
    verdict: Verdict
    policy_version: str
    message_id: str


def stored_decision(tx: Tx, key: str) -> Stored:
    """The decision named by its own id, or the newest about a message or an outbox item. Raises
    NotFound, also for a record that this program cannot read."""
    if not (key.isascii() and key.isprintable()):
        raise NotFound("No id looks like that.")
    entry = tx.audit.get(key)
    entries = [entry] if entry is not None else list(tx.audit.of_subject(key))
    for item in tx.outbox.of_messages([key]).get(key, []):
        entries += tx.audit.of_subject(item.id)
    found = [one for one in entries if _is_decision(one)]
    if not found:
        raise NotFound("No decision has this id, nor is one about such a message on record.")
    stored = read_decision(max(found, key=lambda one: one.seq))
    if stored is None:
        raise NotFound("That decision was written by a version of Ringfence with other facts.")
    return stored


def read_decision(entry: StoredAudit) -> Stored | None:
    """A decision's record as values; None for one this program cannot read."""
    body = entry.entry.body
    try:
        return Stored(
            entry,
            facts_from_record(body["facts"]),
            Verdict[body["verdict"].upper()],
            body["policy"],
            body.get("message", entry.entry.subject),
        )
    except (KeyError, TypeError, ValueError):
        return None


def policy_of_version(tx: Tx, version: str) -> Policy:
    """The policy that decided. Raises NotFound when it is not kept, or is another program's."""
    document = tx.policies.get(version)
    if document is None:
        raise NotFound(f"The policy {version} is not kept in this store.")
    try:
        return from_document(document)
    except (KeyError, TypeError, ValueError) as error:
        raise NotFound(
            f"The policy {version} is of another version of Ringfence: {error}"
        ) from error


def explain_stored(tx: Tx, key: str) -> dict[str, Any]:
    """A stored decision with what each rule said, and whether deciding again gives the same."""
    stored = stored_decision(tx, key)
    policy = policy_of_version(tx, stored.policy_version)
    again = decide(stored.facts, policy)
    return {
        "decision": stored.entry.entry.id,
        "at": moment(stored.entry.entry.at),
        "by": stored.entry.entry.actor,
        "about": stored.message_id,
        **explained(stored.facts, policy, again),
        "same_again": again.verdict is stored.verdict,
    }


def explained(facts: Facts, policy: Policy, decision: Decision) -> dict[str, Any]:
    """What a decision came to, in the words of each rule."""
    met = {reason.rule: reason.met_by for reason in decision.reasons if reason.met_by}
    return {
        "verdict": decision.verdict.name.lower(),
        "until": moment(decision.until),
        "policy": policy.version,
        "rules": [
            {
                "rule": name,
                "verdict": ruling.verdict.name.lower(),
                "code": ruling.code or None,
                "text": ruling.text or None,
                "until": moment(ruling.until),
                "met_by": met.get(name),
            }
            for name, ruling in rulings(facts, policy)
        ],
        "facts": facts_to_record(facts),
    }


# -- another configuration -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Other:
    """A configuration that is asked about: its lines, and what they would decide by."""

    lines: Mapping[str, Line]
    policies: Mapping[str, Policy]
    own_numbers: frozenset[PhoneNumber]


@dataclass(slots=True)
class Backtest:
    """What another configuration would have decided. `changed` counts by (act, old, new, why); the
    examples name decisions and messages. `unread` are records of another version, `gone` those of
    lines the configuration does not have."""

    asked: int = 0
    same: int = 0
    unread: int = 0
    gone: int = 0
    changed: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str, str, str], list[dict[str, str]]] = field(default_factory=dict)

    def view(self) -> dict[str, Any]:
        return {
            "asked": self.asked,
            "same": self.same,
            "other": sum(self.changed.values()),
            "unread": self.unread,
            "lines_gone": self.gone,
            "changes": [
                {
                    "act": act,
                    "was": was,
                    "would_be": now,
                    "why": why,
                    "count": times,
                    "examples": self.examples[act, was, now, why],
                }
                for (act, was, now, why), times in self.changed.most_common()
            ],
        }


async def backtest(store: Store, other: Other, since: datetime, until: datetime) -> Backtest:
    """Decide every decision of that time again as the other configuration would have: its rules,
    its settings, its lists of people and of words. What people approved then counts as approved."""
    result = Backtest()
    first, last = await store.read(lambda tx: tx.audit.between(since, until))
    after = first - 1
    while after < last:
        reached = after

        def chunk(tx: Tx, reached: int = reached) -> int:
            return _ask_again(tx, other, result, reached, last)

        after = await store.read(chunk)
    return result


def _ask_again(tx: Tx, other: Other, result: Backtest, after: int, last: int) -> int:
    """One chunk of the log; answers where it ended."""
    entries = tx.audit.after(after, _CHUNK, "decision", last)
    read = [(entry, read_decision(entry)) for entry in entries]
    stored = [one for _, one in read if one is not None]
    result.unread += len(read) - len(stored)
    asked = [one for one in stored if one.facts.line in other.lines]
    result.gone += len(stored) - len(asked)
    numbers = tx.people.by_contact({one.facts.contact_id for one in asked})
    messages = _texts(tx, other, asked)
    for one in asked:
        facts = _as_configured(other, one, numbers, messages)
        _note(result, one, decide(facts, other.policies[one.facts.line]))
    return entries[-1].seq if len(entries) == _CHUNK else last


def _texts(tx: Tx, other: Other, asked: Sequence[Stored]) -> dict[str, Message]:
    """Texts are read again only where the word lists are not those that were used."""
    by = {(one.facts.line, one.policy_version) for one in asked}
    differ = {pair for pair in by if _lists_differ(tx, other, *pair)}
    wanted = [one.message_id for one in asked if (one.facts.line, one.policy_version) in differ]
    return tx.messages.many(wanted) if wanted else {}


def _lists_differ(tx: Tx, other: Other, line: str, version: str) -> bool:
    policy = other.policies[line]
    if policy.version == version:
        return False
    document = tx.policies.get(version) or {}
    return _lists_of(document) != _lists_of(policy.document)


def _lists_of(document: Mapping[str, Any]) -> tuple[Any, ...]:
    topics = document.get("rules", {}).get("forced_topics") or {}
    return document.get("lists"), topics.get("extra"), topics.get("off")


def _as_configured(
    other: Other,
    one: Stored,
    numbers: Mapping[str, PhoneNumber],
    messages: Mapping[str, Message],
) -> Facts:
    """The stored facts with what the other configuration says of the same person and text."""
    facts, line = one.facts, other.lines[one.facts.line]
    number = numbers.get(facts.contact_id)
    if number is not None:
        facts = replace(
            facts,
            role=_role(line, number, facts),
            listed=number.e164 in call_facts.allow_to(line, facts.act),
            staged=number.e164 in line.test_recipients,
            own_number=number in other.own_numbers,
        )
    if facts.caller in (Caller.PIN_OWED, Caller.BY_NUMBER):
        facts = replace(facts, caller=call_facts.unproven(line))
    message = messages.get(one.message_id)
    if message is None or not message.body:
        return facts
    # As when it was proposed: what the words touch goes by the sender's own.
    topics = topics_in(other.policies[line.id], disclosing.bare(line, message.body))
    return replace(facts, traits=replace(facts.traits, topics=topics))


def _role(line: Line, number: PhoneNumber, facts: Facts) -> Role:
    if number in line.owners:
        return Role.OWNER
    if number.e164 in call_facts.allow_from(line, facts.act):
        return Role.MEMBER
    # Lists of who is on call are no part of a line's policy: what they were stays.
    known = facts.role
    return known if known in (Role.GUEST, Role.RESPONDER) else Role.STRANGER


def _note(result: Backtest, one: Stored, decision: Decision) -> None:
    result.asked += 1
    if decision.verdict is one.verdict:
        result.same += 1
        return
    key = (
        one.facts.act.value,
        one.verdict.name.lower(),
        decision.verdict.name.lower(),
        _why(one, decision),
    )
    result.changed[key] += 1
    examples = result.examples.setdefault(key, [])
    if len(examples) < EXAMPLES_MAX:
        examples.append({"decision": one.entry.entry.id, "about": one.message_id})


def _why(one: Stored, decision: Decision) -> str:
    """The reasons that came or went."""
    before = {
        reason["code"] for reason in one.entry.entry.body["reasons"] if not reason.get("met_by")
    }
    after = {reason.code for reason in decision.reasons if not reason.met_by}
    words = [f"+{code}" for code in sorted(after - before)]
    return " ".join([*words, *(f"-{code}" for code in sorted(before - after))])


def other_of(lines: Sequence[Line], policies: Mapping[str, Policy]) -> Other:
    """What a loaded configuration asks with."""
    return Other(
        {line.id: line for line in lines},
        policies,
        frozenset(line.number for line in lines if line.number is not None),
    )


def current(kit: Equipment) -> Other:
    """The configuration this process runs with."""
    return other_of(list(kit.lines.values()), kit.policies)


def _is_decision(stored: StoredAudit) -> bool:
    return stored.entry.kind == "decision"
