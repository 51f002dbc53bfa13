"""Loops: our own numbers, the same text over and over, automatic answers to a machine."""

from __future__ import annotations

import pytest
from policy_facts import facts

from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Initiator
from ringfence.policy.rules.loop_guard import RULE

PASSIVE = {MessageClass.PAIRING, MessageClass.HELP, MessageClass.OPT_IN_CONFIRMATION}


@pytest.mark.proves("P10")
@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("initiator", Initiator)
def test_our_own_numbers(act: Act, initiator: Initiator) -> None:
    asked = facts(act=act, initiator=initiator, own_number=True)
    assert (RULE.judge(asked).verdict, RULE.judge(asked).code) == (Verdict.DENY, "own_number")


@pytest.mark.proves("P10")
@pytest.mark.parametrize("message_class", MessageClass)
def test_automatic_answers_end(message_class: MessageClass) -> None:
    limits = {"passive_replies_max": 3}
    asked = facts(None, limits, message_class=message_class, passive_replies=3)
    expected = Verdict.DENY if message_class in PASSIVE else Verdict.ALLOW
    assert RULE.judge(asked).verdict is expected
    fewer = facts(None, limits, message_class=message_class, passive_replies=2)
    assert RULE.judge(fewer).verdict is Verdict.ALLOW


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
    limits = {"same_text_per_5_minutes": 4}
    at = facts({"same_text_5_minutes": 4}, limits, initiator=initiator)
    assert RULE.judge(at).verdict is verdict
    below = facts({"same_text_5_minutes": 3}, limits, initiator=initiator)
    assert RULE.judge(below).verdict is Verdict.ALLOW
