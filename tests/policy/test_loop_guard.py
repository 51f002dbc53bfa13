"""Loops: our own numbers, the same text over and over, automatic answers to a machine."""

from __future__ import annotations

import pytest
from policy_facts import ask, facts

from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Initiator
from ringfence.policy.rules.loop_guard import RULE

PASSIVE = {
    MessageClass.PAIRING,
    MessageClass.HELP,
    MessageClass.OPT_IN_CONFIRMATION,
    MessageClass.ALERT_ANSWER,
}


@pytest.mark.proves("P10")
@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("initiator", Initiator)
def test_our_own_numbers(act: Act, initiator: Initiator) -> None:
    asked = facts(act=act, initiator=initiator, own_number=True)
    ruling = ask(RULE, asked)
    assert (ruling.verdict, ruling.code) == (Verdict.DENY, "own_number")


@pytest.mark.proves("P10")
@pytest.mark.parametrize("message_class", MessageClass)
def test_automatic_answers_end(message_class: MessageClass) -> None:
    asked = facts(message_class=message_class, passive_replies=3)
    expected = Verdict.DENY if message_class in PASSIVE else Verdict.ALLOW
    assert ask(RULE, asked, passive_replies_max=3).verdict is expected
    fewer = facts(message_class=message_class, passive_replies=2)
    assert ask(RULE, fewer, passive_replies_max=3).verdict is Verdict.ALLOW


@pytest.mark.proves("P10")
@pytest.mark.parametrize(
    ("initiator", "verdict"),
    [
        (Initiator.AGENT, Verdict.DENY),
        (Initiator.SYSTEM, Verdict.DENY),
        (Initiator.OPERATOR, Verdict.ALLOW),
    ],
)
def test_the_same_text(initiator: Initiator, verdict: Verdict) -> None:
    at = facts({"same_text_5_minutes": 4}, initiator=initiator)
    assert ask(RULE, at, same_text_per_5_minutes=4).verdict is verdict
    below = facts({"same_text_5_minutes": 3}, initiator=initiator)
    assert ask(RULE, below, same_text_per_5_minutes=4).verdict is Verdict.ALLOW
