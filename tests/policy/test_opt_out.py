"""After STOP nothing but the one confirmation and a requested HELP answer."""

from __future__ import annotations

import pytest

from policy_facts import facts
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.rules.opt_out import RULE

BYPASS = {MessageClass.OPT_OUT_CONFIRMATION, MessageClass.HELP}


@pytest.mark.proves("P3")
@pytest.mark.parametrize("source", ["keyword", "operator", "provider"])
@pytest.mark.parametrize("act", [Act.REPLY, Act.INITIATE])
@pytest.mark.parametrize("message_class", MessageClass)
def test_only_the_confirmation_and_help_pass(
    source: str, act: Act, message_class: MessageClass
) -> None:
    ruling = RULE.judge(facts(act=act, message_class=message_class, opt_out_source=source))
    expected = Verdict.ALLOW if message_class in BYPASS else Verdict.DENY
    assert ruling.verdict is expected


def test_what_they_write_is_kept_and_not_answered() -> None:
    ruling = RULE.judge(facts(act=Act.RECEIVE, opt_out_source="keyword"))
    assert ruling.verdict is Verdict.HOLD
    assert ruling.until is None
