"""A paused person gets nothing automatic."""

from __future__ import annotations

import pytest
from policy_facts import ask, facts

from ringfence.model.contact import PauseReason
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Initiator
from ringfence.policy.rule import EFFECTS
from ringfence.policy.rules.pause import RULE

TEXTS = {MessageClass.FREE_TEXT, MessageClass.TEMPLATE, MessageClass.INTAKE_QUESTION}


@pytest.mark.proves("P3")
@pytest.mark.parametrize("why", PauseReason)
@pytest.mark.parametrize("act", sorted(EFFECTS, key=str))
@pytest.mark.parametrize("message_class", MessageClass)
def test_only_people_and_what_is_owed_get_through(
    why: PauseReason, act: Act, message_class: MessageClass
) -> None:
    for initiator in Initiator:
        asked = facts(act=act, message_class=message_class, initiator=initiator, paused=why.value)
        held = message_class in TEXTS and initiator is not Initiator.OPERATOR
        ruling = ask(RULE, asked)
        assert ruling.verdict is (Verdict.HOLD if held else Verdict.ALLOW)
        assert ruling.until is None
        assert not held or (ruling.code == "paused" and why.value in ruling.text)


def test_no_grant_ends_a_pause() -> None:
    assert not RULE.grantable


def test_nobody_paused_nothing_held() -> None:
    assert ask(RULE, facts()).verdict is Verdict.ALLOW
