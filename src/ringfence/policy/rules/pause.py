"""While a person is paused (an emergency in their words, or somebody of ours took over) nothing
automatic goes to them. Operators write; owed answers, the safe reply, the word that a person takes
over and pages to who is on call go."""

from __future__ import annotations

from dataclasses import replace

from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Ruling, hold
from ringfence.policy.facts import Facts
from ringfence.policy.rule import EFFECTS, Rule


def judge(facts: Facts, settings: None) -> Ruling:
    asks = facts.message_class is MessageClass.INTAKE_QUESTION
    if not facts.paused or facts.by_operator or not (facts.is_text or asks):
        return ALLOWED
    if facts.message_class is MessageClass.PAGE:
        return ALLOWED  # who is on call is told of alerts, whatever else they talk of with us
    ruling = hold("paused", f"A person looks after this conversation ({facts.paused}).")
    # Whoever said yes before the pause did not know what made it one.
    return replace(ruling, anew=facts.approved_before_pause)


RULE = Rule(
    "pause",
    "While a person's conversation is in human hands, or after an emergency, nothing automatic goes "
    "to them until somebody lifts the pause; no agent takes their calls.",
    judge,
    acts=EFFECTS,
)
