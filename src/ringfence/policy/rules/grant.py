"""A text that left the gate on an operator's grant goes only while that grant stands: not once it is
revoked or over, nor outside its hours. Then a person decides."""

from __future__ import annotations

from ringfence.model.grant import grant_of
from ringfence.model.verdict import ALLOWED, Ruling, hold
from ringfence.policy.facts import Facts
from ringfence.policy.rule import Rule


def judge(facts: Facts, settings: None) -> Ruling:
    rests_on = grant_of(facts.traits.basis)
    if not rests_on or facts.grant == rests_on:
        return ALLOWED
    return hold("grant_gone", "The grant it rested on is revoked or over, or its hours are.")


RULE = Rule(
    "grant",
    "A text that left the gate on a grant goes only while the grant stands: once it is revoked or "
    "over, and outside its hours, a person decides.",
    judge,
)
