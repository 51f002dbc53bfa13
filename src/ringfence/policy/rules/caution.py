"""An answer that came with a warning (cut off, too long, filtered) waits for a person's eye."""

from __future__ import annotations

from ringfence.model.verdict import ALLOWED, Ruling, hold
from ringfence.policy.facts import Facts
from ringfence.policy.rule import Rule


def judge(facts: Facts, settings: None) -> Ruling:
    if not facts.caution:
        return ALLOWED
    return hold("caution", f"The agent's answer needs a look before it goes ({facts.caution}).")


RULE = Rule(
    "caution",
    "An agent's answer that was cut off, filtered or too long is held, never sent as it is.",
    judge,
)
