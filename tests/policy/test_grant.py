"""A text that left the gate on a grant goes only while that very grant stands."""

from __future__ import annotations

import pytest
from policy_facts import ask, facts, policy_of

from ringfence.model.grant import basis_on
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.decide import decide
from ringfence.policy.rule import OUTBOUND
from ringfence.policy.rules.grant import RULE

RESTS = {"basis": basis_on("grt_1")}


@pytest.mark.proves("P3")
@pytest.mark.parametrize("act", sorted(OUTBOUND, key=str))
@pytest.mark.parametrize("stands", ["", "grt_2"])
def test_without_its_grant_it_waits_for_a_person(act: Act, stands: str) -> None:
    gone = ask(RULE, facts(act=act, traits=RESTS, grant=stands))
    assert (gone.verdict, gone.code, gone.until) == (Verdict.HOLD, "grant_gone", None)
    assert ask(RULE, facts(act=act, traits=RESTS, grant="grt_1")).verdict is Verdict.ALLOW


@pytest.mark.parametrize("basis", ["", "approval"])
def test_what_rests_on_no_grant_needs_none(basis: str) -> None:
    assert ask(RULE, facts(traits={"basis": basis})).verdict is Verdict.ALLOW


def test_no_other_grant_stands_in_for_it() -> None:
    given = facts(traits=RESTS, grant="grt_2")
    assert not RULE.grantable
    assert decide(given, policy_of(RULE)).verdict is Verdict.HOLD
