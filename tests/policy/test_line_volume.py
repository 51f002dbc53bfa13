"""How much one line may send, and how much may wait."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from policy_facts import facts
from ringfence.model.line import VolumeLimits
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import VolumeCounts
from ringfence.policy.rules.line_volume import RULE

LIMITS = VolumeLimits(per_line_minute=10, per_line_day=100, waiting_max=50)


@pytest.mark.proves("P10")
def test_a_full_window_holds_and_a_full_queue_refuses() -> None:
    minute = RULE.judge(facts(counts=VolumeCounts(line_minute=10), limits=LIMITS))
    assert (minute.verdict, minute.until) == (
        Verdict.HOLD,
        datetime(2026, 3, 2, 17, 1, tzinfo=UTC),
    )
    day = RULE.judge(facts(counts=VolumeCounts(line_minute=10, line_day=100), limits=LIMITS))
    assert day.until == datetime(2026, 3, 3, tzinfo=UTC)
    full = RULE.judge(facts(counts=VolumeCounts(waiting=50), limits=LIMITS))
    assert (full.verdict, full.code) == (Verdict.DENY, "queue_full")


def test_below_the_limits_and_for_receiving_it_says_nothing() -> None:
    below = VolumeCounts(line_minute=9, line_day=99, waiting=49)
    assert RULE.judge(facts(counts=below, limits=LIMITS)).verdict is Verdict.ALLOW
    over = VolumeCounts(line_minute=10, line_day=100, waiting=50)
    assert RULE.judge(facts(act=Act.RECEIVE, counts=over, limits=LIMITS)).verdict is Verdict.ALLOW
