"""Leaving by another line than one's own."""

from __future__ import annotations

import pytest
from policy_facts import ask, facts

from ringfence.model.draft import Category
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.rule import OUTBOUND
from ringfence.policy.rules.fallback import RULE


@pytest.mark.parametrize("act", sorted(OUTBOUND, key=str))
@pytest.mark.parametrize("category", Category)
def test_only_alerts_leave_by_another_line(act: Act, category: Category) -> None:
    moved = facts(act=act, traits={"category": category, "fallback": "main"})
    ruling = ask(RULE, moved)
    if category is Category.ALERT:
        assert ruling.verdict is Verdict.ALLOW
    else:
        assert (ruling.verdict, ruling.code) == (Verdict.DENY, "no_fallback")


@pytest.mark.parametrize("category", Category)
def test_what_never_moved_is_none_of_its_business(category: Category) -> None:
    here = facts(traits={"category": category})
    assert ask(RULE, here, categories=()).verdict is Verdict.ALLOW


def test_an_operator_says_what_may() -> None:
    moved = facts(traits={"category": Category.TRANSACTIONAL, "fallback": "main"})
    assert ask(RULE, moved, categories=(Category.TRANSACTIONAL,)).verdict is Verdict.ALLOW
    alert = facts(traits={"category": Category.ALERT, "fallback": "main"})
    assert ask(RULE, alert, categories=()).verdict is Verdict.DENY
