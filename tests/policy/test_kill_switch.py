"""The kill switch stops every outbound act it covers, and never the receiving."""

from __future__ import annotations

import pytest

from policy_facts import facts
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.rules.kill_switch import RULE


@pytest.mark.proves("P3")
@pytest.mark.parametrize("act", [Act.REPLY, Act.INITIATE])
@pytest.mark.parametrize("message_class", MessageClass)
def test_nothing_leaves_while_it_is_engaged(act: Act, message_class: MessageClass) -> None:
    stopped = facts(act=act, message_class=message_class, stopped_by=("line:default",))
    ruling = RULE.judge(stopped)
    assert ruling.verdict is Verdict.DENY
    assert "line:default" in ruling.text


def test_receiving_goes_on_and_without_a_switch_so_does_sending() -> None:
    assert RULE.judge(facts(act=Act.RECEIVE, stopped_by=("everything",))).verdict is Verdict.ALLOW
    assert RULE.judge(facts()).verdict is Verdict.ALLOW
