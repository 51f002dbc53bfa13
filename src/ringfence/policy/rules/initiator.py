"""Who started it. A reply belongs to the person's own text, for a while; everything else was started
by an agent, an operator or an event source, and each has its own answer. Content from outside starts
nothing, and what Ringfence owes people is nobody else's to send (P2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Ruling, deny
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.rule import Answer, Looser, Rule, option


@dataclass(frozen=True, slots=True)
class Settings:
    agent: Answer = option(Answer.HOLD, "What an agent starts by itself.", looser=Looser.LOWER)
    event: Answer = option(Answer.HOLD, "What an event source starts.", looser=Looser.LOWER)
    operator: Answer = option(Answer.ALLOW, "What an operator starts.", looser=Looser.LOWER)
    reply_window_hours: int = option(
        24,
        "How long after a person's text an answer is still an answer.",
        looser=Looser.HIGHER,
        ge=1,
        le=24 * 30,
    )


def judge(facts: Facts, settings: Settings) -> Ruling:
    started = facts.initiator
    if started is Initiator.PERSON:
        return deny("nobody_started", "A person's text starts nothing by itself.")
    if started is Initiator.SYSTEM:
        return ALLOWED
    if not facts.is_text:
        if started is Initiator.OPERATOR:
            return ALLOWED
        return deny("not_theirs", "Such a text is Ringfence's own to send.")
    if facts.message_class is MessageClass.PAGE:
        if started is Initiator.AGENT:
            return deny("not_theirs", "Agents page nobody.")
        return ALLOWED  # who can be on call is there to be woken by events
    if facts.act is Act.SPEAK or _is_answer(facts, settings):
        return ALLOWED
    match started:
        case Initiator.AGENT:
            return settings.agent.ruling("agent_initiated", "An agent started this by itself.")
        case Initiator.EVENT:
            return settings.event.ruling("event_initiated", "An event source started this.")
        case Initiator.OPERATOR:
            return settings.operator.ruling("operator_initiated", "An operator started this.")
        case _:
            assert_never(started)


def _is_answer(facts: Facts, settings: Settings) -> bool:
    heard_s = facts.heard_s
    in_time = heard_s is not None and heard_s <= settings.reply_window_hours * 3_600
    return facts.act is Act.REPLY and in_time


RULE = Rule(
    "initiator",
    "An answer within a while of the person's text is theirs; what an agent, an event source or an "
    "operator starts has an answer each: allow, hold or deny.",
    judge,
    Settings(),
    grantable=True,
)
