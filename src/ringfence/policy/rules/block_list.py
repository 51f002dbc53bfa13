"""The block list: a blocked person is neither heard nor written to."""

from __future__ import annotations

from ringfence.model.verdict import ALLOWED, Ruling, deny
from ringfence.policy.facts import Facts
from ringfence.policy.rule import EVERY_ACT, Rule


def judge(facts: Facts, settings: None) -> Ruling:
    return deny("blocked", "This person is blocked.") if facts.blocked else ALLOWED


RULE = Rule(
    "block_list",
    "A blocked person's messages are ignored and nothing is sent to them.",
    judge,
    acts=EVERY_ACT,
)
