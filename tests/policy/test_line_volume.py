"""What one line may send in a window, and how much may wait."""

from __future__ import annotations

from datetime import datetime

import pytest
from policy_facts import NOW, ask, facts

from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Initiator, day_end, window_end
from ringfence.policy.rules.line_volume import RULE


@pytest.mark.proves("P10")
@pytest.mark.parametrize(
    ("window", "end"), [("minute", window_end(NOW, 60)), ("day", window_end(NOW, 86_400))]
)
@pytest.mark.parametrize("initiator", [Initiator.AGENT, Initiator.OPERATOR, Initiator.SYSTEM])
def test_the_limit_holds_for_everybody(window: str, end: datetime, initiator: Initiator) -> None:
    below = ask(RULE, facts({f"line_{window}": 6}, initiator=initiator), **{window: 7})
    at = ask(RULE, facts({f"line_{window}": 7}, initiator=initiator), **{window: 7})
    assert below.verdict is Verdict.ALLOW
    assert (at.verdict, at.until) == (Verdict.HOLD, end)


@pytest.mark.proves("P10")
def test_a_full_queue_is_a_no() -> None:
    at = ask(RULE, facts({"waiting": 3}), waiting_max=3)
    assert (at.verdict, at.code) == (Verdict.DENY, "queue_full")
    assert ask(RULE, facts({"waiting": 2}), waiting_max=3).verdict is Verdict.ALLOW


@pytest.mark.proves("P10")
def test_a_call_waits_in_the_same_queue_and_is_no_message() -> None:
    waits = facts({"waiting": 3}, act=Act.CALL)
    assert ask(RULE, waits, waiting_max=3).code == "queue_full"
    busy = facts({"line_day": 10**9, "line_minute": 10**9}, act=Act.CALL)
    assert ask(RULE, busy).verdict is Verdict.ALLOW


def test_what_comes_in_is_not_counted() -> None:
    assert Act.RECEIVE not in RULE.acts


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu"])
def test_the_day_is_the_lines(zone: str) -> None:
    assert ask(RULE, facts({"line_day": 7}), day=7, zone=zone).until == day_end(NOW, zone)
