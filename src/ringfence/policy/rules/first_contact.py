"""The first word of a line to somebody who never wrote to it goes out by a person's hand."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.model.contact import Role
from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Ruling
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.rule import Looser, Refusal, Rule, option

_PEOPLE = frozenset({Initiator.OPERATOR, Initiator.SYSTEM})


@dataclass(frozen=True, slots=True)
class Settings:
    enforce: Refusal = option(
        Refusal.HOLD, "What becomes of a first contact nobody looked at.", looser=Looser.LOWER
    )
    known_exempt: bool = option(
        True,
        "Owners, people on the allow list and paired people need no such look.",
        looser=Looser.TRUE,
    )
    templates_exempt: bool = option(
        False, "Templates, which a person wrote beforehand, need none.", looser=Looser.TRUE
    )
    flows_exempt: bool = option(
        True,
        "What an event starts needs none where the person agreed to the text's programme.",
        looser=Looser.TRUE,
    )


def judge(facts: Facts, settings: Settings) -> Ruling:
    if not facts.is_text or not facts.new_recipient or facts.heard_s is not None:
        return ALLOWED
    if facts.initiator in _PEOPLE:
        return ALLOWED
    if settings.known_exempt and facts.role is not Role.STRANGER:
        return ALLOWED
    if settings.templates_exempt and facts.message_class is MessageClass.TEMPLATE:
        return ALLOWED
    if settings.flows_exempt and facts.initiator is Initiator.EVENT and facts.consent:
        return ALLOWED
    return settings.enforce.ruling(
        "first_contact", "This line never wrote to this person, nor they to it."
    )


RULE = Rule(
    "first_contact",
    "The first text or call to somebody this line has no history with needs a person.",
    judge,
    Settings(),
    acts=frozenset({Act.REPLY, Act.INITIATE, Act.CALL}),
    grantable=True,
)
