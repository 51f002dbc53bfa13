"""An answer with a warning waits for a person, whatever the warning says."""

from __future__ import annotations

import pytest
from policy_facts import ask, facts

from ringfence.model.verdict import Verdict
from ringfence.policy.rules.caution import RULE


@pytest.mark.parametrize("why", ["length", "too_long", "content_filter", "anything"])
def test_a_warning_holds(why: str) -> None:
    ruling = ask(RULE, facts(caution=why))
    assert (ruling.verdict, ruling.until) == (Verdict.HOLD, None)
    assert why in ruling.text


def test_no_warning_no_hold() -> None:
    assert ask(RULE, facts()).verdict is Verdict.ALLOW
