"""The opt-out: after STOP, nothing but the one confirmation and a requested HELP answer (facts
compliance 4.1; a confirmation must not be stopped by its own opt-out)."""

from __future__ import annotations

from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Ruling, deny, hold
from ringfence.policy.facts import Facts
from ringfence.policy.rule import EVERY_ACT, Rule

_ALLOWED_CLASSES = frozenset({MessageClass.OPT_OUT_CONFIRMATION, MessageClass.HELP})


def judge(facts: Facts, settings: None) -> Ruling:
    if not facts.opt_out_source:
        return ALLOWED
    if facts.act is Act.RECEIVE:
        # Kept for a person to read; an agent could not answer anyway.
        return hold("opted_out", "This person opted out; the message is kept, nobody answers.")
    if facts.act is Act.ANSWER:
        return hold("opted_out_caller", "This person opted out, so no agent talks to them.")
    if facts.message_class in _ALLOWED_CLASSES and facts.act is not Act.CALL:
        return ALLOWED  # nobody is rung up to be told so
    return deny("opted_out", f"This person opted out (by {facts.opt_out_source}).")


RULE = Rule(
    "opt_out",
    "A person who opted out on any line gets nothing more from any line, no call either, except the single "
    "confirmation of the opt-out and an answer to HELP, until they opt in again.",
    judge,
    acts=EVERY_ACT,
)
