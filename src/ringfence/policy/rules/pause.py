"""While a person is paused (an emergency in their words, or somebody of ours took over) nothing
automatic goes to them. Operators write, owed answers and the safe reply go."""

from __future__ import annotations

from ringfence.model.verdict import ALLOWED, Ruling, hold
from ringfence.policy.facts import Facts
from ringfence.policy.rule import Rule


def judge(facts: Facts, settings: None) -> Ruling:
    if not facts.paused or facts.by_operator or not facts.is_text:
        return ALLOWED
    return hold("paused", f"A person looks after this conversation ({facts.paused}).")


RULE = Rule(
    "pause",
    "While a person's conversation is in human hands, or after an emergency, nothing automatic goes "
    "to them until somebody lifts the pause.",
    judge,
)
