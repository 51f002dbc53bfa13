"""Loops: our own numbers, the same text again, automatic answers to a machine."""

from __future__ import annotations

import pytest

from policy_facts import facts
from ringfence.model.line import VolumeLimits
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Initiator, VolumeCounts
from ringfence.policy.rules.loop_guard import RULE

LIMITS = VolumeLimits(same_text_per_5_minutes=3, passive_replies_max=5)


@pytest.mark.parametrize("act", Act)
def test_our_own_number_is_nobody_to_talk_to(act: Act) -> None:
    assert RULE.judge(facts(act=act, own_number=True)).code == "own_number"


def test_the_same_text_to_one_person_ends_at_its_limit_but_not_for_an_operator() -> None:
    at_limit = VolumeCounts(same_text_5_minutes=3)
    assert RULE.judge(facts(counts=at_limit, limits=LIMITS)).code == "loop_same_text"
    below = VolumeCounts(same_text_5_minutes=2)
    assert RULE.judge(facts(counts=below, limits=LIMITS)).verdict is Verdict.ALLOW
    person = facts(counts=at_limit, limits=LIMITS, initiator=Initiator.OPERATOR)
    assert RULE.judge(person).verdict is Verdict.ALLOW


@pytest.mark.parametrize("passive", [MessageClass.PAIRING, MessageClass.HELP])
def test_automatic_answers_end_after_a_few(passive: MessageClass) -> None:
    few = facts(message_class=passive, passive_replies=4, limits=LIMITS)
    assert RULE.judge(few).verdict is Verdict.ALLOW
    enough = facts(message_class=passive, passive_replies=5, limits=LIMITS)
    assert RULE.judge(enough).code == "loop_passive"
    real = facts(passive_replies=5, limits=LIMITS)
    assert RULE.judge(real).verdict is Verdict.ALLOW
