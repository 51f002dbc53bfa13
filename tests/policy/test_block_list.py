"""A blocked person is neither heard nor written to."""

from __future__ import annotations

import pytest

from policy_facts import facts
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.rules.block_list import RULE


@pytest.mark.proves("P3")
@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("message_class", MessageClass)
def test_a_blocked_person_is_refused_in_every_act(act: Act, message_class: MessageClass) -> None:
    blocked = facts(act=act, message_class=message_class, blocked=True)
    assert RULE.judge(blocked).verdict is Verdict.DENY
    assert RULE.judge(facts(act=act, message_class=message_class)).verdict is Verdict.ALLOW
