"""An engaged kill switch stops everything outbound, confirmations included, and nothing inbound."""

from __future__ import annotations

import pytest
from policy_facts import ask, facts

from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Initiator
from ringfence.policy.rule import EFFECTS
from ringfence.policy.rules.kill_switch import RULE


@pytest.mark.proves("P3")
@pytest.mark.parametrize("message_class", MessageClass)
@pytest.mark.parametrize("initiator", Initiator)
@pytest.mark.parametrize("act", sorted(EFFECTS, key=str))
def test_nothing_leaves(act: Act, initiator: Initiator, message_class: MessageClass) -> None:
    asked = facts(
        act=act, initiator=initiator, message_class=message_class, stopped_by=("everything",)
    )
    assert ask(RULE, asked).verdict is Verdict.DENY


def test_people_can_still_write_in() -> None:
    assert Act.RECEIVE not in RULE.acts


def test_without_a_switch_it_says_nothing() -> None:
    assert ask(RULE, facts()).verdict is Verdict.ALLOW
