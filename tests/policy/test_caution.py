"""An answer that came with a warning waits for a person."""

from __future__ import annotations

import pytest

from policy_facts import facts
from ringfence.model.verdict import Verdict
from ringfence.policy.rules.caution import RULE


@pytest.mark.parametrize("why", ["cut_off", "too_long", "content_filter"])
def test_a_warning_holds_until_a_person_looked(why: str) -> None:
    ruling = RULE.judge(facts(caution=why))
    assert (ruling.verdict, ruling.until) == (Verdict.HOLD, None)
    assert why in ruling.text
    assert RULE.judge(facts()).verdict is Verdict.ALLOW
