"""Loops: our own numbers, the same text over and over, and automatic answers to a machine
(facts reliability 3.1 and 3.2, compliance 4.5)."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Ruling, deny
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.rule import EVERY_ACT, Looser, Rule, option

_PASSIVE = frozenset(
    {
        MessageClass.PAIRING,
        MessageClass.HELP,
        MessageClass.OPT_IN_CONFIRMATION,
        MessageClass.ALERT_ANSWER,
    }
)


@dataclass(frozen=True, slots=True)
class Settings:
    same_text_per_5_minutes: int = option(
        5, "The same text to one person in five minutes.", looser=Looser.HIGHER, ge=1
    )
    passive_replies_max: int = option(
        5,
        "Automatic answers in a row to a person who does nothing real.",
        looser=Looser.HIGHER,
        ge=1,
    )


def judge(facts: Facts, settings: Settings) -> Ruling:
    if facts.own_number:
        return deny("own_number", "That is one of our own numbers.")
    if facts.act in (Act.RECEIVE, Act.ANSWER):
        return ALLOWED
    if facts.message_class in _PASSIVE and facts.passive_replies >= settings.passive_replies_max:
        return deny("loop_passive", "Enough automatic answers; this looks like a machine.")
    repeats = facts.counts.same_text_5_minutes
    if facts.initiator is not Initiator.OPERATOR and repeats >= settings.same_text_per_5_minutes:
        return deny(
            "loop_same_text", f"This person got the same text {repeats} times in 5 minutes."
        )
    return ALLOWED


RULE = Rule(
    "loop_guard",
    "Never text or call our own numbers, nor take their calls, never the same text to one person over and over, and stop "
    "automatic answers after a few until the person does something real.",
    judge,
    Settings(),
    acts=EVERY_ACT,
)
