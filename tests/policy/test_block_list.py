"""A blocked person is neither heard nor written to."""

from __future__ import annotations

import pytest
from policy_facts import ask, facts

from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.rules.block_list import RULE


@pytest.mark.proves("B050", "P3")
@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("message_class", MessageClass)
def test_a_block_is_a_no_to_everything(act: Act, message_class: MessageClass) -> None:
    asked = facts(act=act, message_class=message_class, blocked=True)
    assert ask(RULE, asked).verdict is Verdict.DENY
    assert ask(RULE, facts(act=act, message_class=message_class)).verdict is Verdict.ALLOW
