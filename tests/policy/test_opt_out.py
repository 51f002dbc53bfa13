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


@pytest.mark.proves("P3")
@pytest.mark.parametrize("source", ["keyword", "operator", "provider"])
@pytest.mark.parametrize("message_class", MessageClass)
def test_stop_by_text_is_stop_for_calls_too(source: str, message_class: MessageClass) -> None:
    """Nobody is rung up even to be told that they will not be; in a call it may still be said."""
    given = {"message_class": message_class, "opt_out_source": source}
    assert ask(RULE, facts(act=Act.CALL, **given)).verdict is Verdict.DENY
    said = ask(RULE, facts(act=Act.SPEAK, **given)).verdict
    assert said is (Verdict.ALLOW if message_class in SAID else Verdict.DENY)


@pytest.mark.proves("P3")
def test_no_agent_talks_to_a_caller_who_opted_out() -> None:
    ruling = ask(RULE, facts(act=Act.ANSWER, opt_out_source="keyword"))
    assert (ruling.verdict, ruling.code, ruling.until) == (Verdict.HOLD, "opted_out_caller", None)
