"""A text a person let go leaves only while that very yes stands."""

from __future__ import annotations

import pytest
from policy_facts import ask, facts

from ringfence.model.draft import APPROVAL
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.rule import OUTBOUND
from ringfence.policy.rules.approval import RULE


@pytest.mark.proves("P3")
@pytest.mark.parametrize("act", sorted(OUTBOUND, key=str))
def test_without_its_approval_it_stays(act: Act) -> None:
    gone = ask(RULE, facts(act=act, traits={"basis": APPROVAL}))
    assert (gone.verdict, gone.code) == (Verdict.DENY, "approval_gone")
    stands = facts(act=act, traits={"basis": APPROVAL}, approval="msg_1")
    assert ask(RULE, stands).verdict is Verdict.ALLOW


@pytest.mark.parametrize("basis", ["", "grant:grt_1"])
def test_what_needed_no_approval_needs_none(basis: str) -> None:
    assert ask(RULE, facts(traits={"basis": basis})).verdict is Verdict.ALLOW
