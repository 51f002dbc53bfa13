"""What one line may send in a window, and how much may wait."""

from __future__ import annotations

import pytest
from policy_facts import NOW, facts

from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Initiator, window_end
from ringfence.policy.rules.line_volume import RULE


@pytest.mark.proves("P10")
@pytest.mark.parametrize(("window", "seconds"), [("minute", 60), ("day", 86_400)])
@pytest.mark.parametrize("initiator", [Initiator.AGENT, Initiator.OPERATOR, Initiator.SYSTEM])
def test_the_limit_holds_for_everybody(window: str, seconds: int, initiator: Initiator) -> None:
    limits = {f"per_line_{window}": 7}
    below = RULE.judge(facts({f"line_{window}": 6}, limits, initiator=initiator))
    at = RULE.judge(facts({f"line_{window}": 7}, limits, initiator=initiator))
    assert below.verdict is Verdict.ALLOW
    assert (at.verdict, at.until) == (Verdict.HOLD, window_end(NOW, seconds))


@pytest.mark.proves("P10")
def test_a_full_queue_is_a_no() -> None:
    at = RULE.judge(facts({"waiting": 3}, {"waiting_max": 3}))
    assert (at.verdict, at.code) == (Verdict.DENY, "queue_full")
    assert RULE.judge(facts({"waiting": 2}, {"waiting_max": 3})).verdict is Verdict.ALLOW


def test_what_comes_in_is_not_counted() -> None:
    full = {"waiting": 10**6, "line_day": 10**6}
    assert RULE.judge(facts(full, act=Act.RECEIVE)).verdict is Verdict.ALLOW
