"""After an opt-out: one confirmation, an answer to HELP, and nothing else."""

from __future__ import annotations

import pytest
from policy_facts import ask, facts

from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Initiator
from ringfence.policy.rules.opt_out import RULE

SAID = {MessageClass.OPT_OUT_CONFIRMATION, MessageClass.HELP}


@pytest.mark.proves("P3")
@pytest.mark.parametrize("source", ["keyword", "operator", "provider"])
@pytest.mark.parametrize("initiator", Initiator)
def test_what_may_still_be_said(source: str, initiator: Initiator) -> None:
    allowed = {
        message_class
        for message_class in MessageClass
        for act in (Act.REPLY, Act.INITIATE)
        if ask(
            RULE,
            facts(
                act=act,
                message_class=message_class,
                initiator=initiator,
                opt_out_source=source,
            ),
        ).verdict
        is Verdict.ALLOW
    }
    assert allowed == SAID


def test_what_they_write_is_kept() -> None:
    asked = facts(act=Act.RECEIVE, opt_out_source="keyword")
    assert ask(RULE, asked).verdict is Verdict.HOLD
