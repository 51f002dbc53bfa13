"""A text that a person let go leaves only while that very yes stands: an approval is for one text to
one person, and dies with any change."""

from __future__ import annotations

from ringfence.model.draft import APPROVAL
from ringfence.model.verdict import ALLOWED, Ruling, deny
from ringfence.policy.facts import Facts
from ringfence.policy.rule import Rule


def judge(facts: Facts, settings: None) -> Ruling:
    if facts.traits.basis != APPROVAL or facts.approval:
        return ALLOWED
    return deny("approval_gone", "Its approval no longer stands, or was for another text.")


RULE = Rule(
    "approval",
    "A text a person said yes to leaves only while that yes stands, and only word for word.",
    judge,
)
