"""Ceilings of calls."""

from __future__ import annotations

import pytest
from policy_facts import NOW, ask, facts

from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Facts, Initiator, day_end, window_end
from ringfence.policy.rules.call_limits import RULE

ZONE = "Europe/Vienna"


def call(counts: dict[str, int] | None = None, **changes: object) -> Facts:
    return facts(counts, act=Act.CALL, **changes)


@pytest.mark.proves("P10")
@pytest.mark.parametrize("initiator", Initiator)
def test_so_many_a_day_and_at_once(initiator: Initiator) -> None:
    by = {"initiator": initiator}
    assert ask(RULE, call({"calls_day": 6, "calls_now": 1}, **by), day=7).verdict is Verdict.ALLOW
    day = ask(RULE, call({"calls_day": 7}, **by), day=7, zone=ZONE)
    assert (day.verdict, day.code, day.until) == (Verdict.HOLD, "calls", day_end(NOW, ZONE))
    now = ask(RULE, call({"calls_now": 2}, **by))
    assert (now.verdict, now.code) == (Verdict.HOLD, "calls_at_once")
    assert now.until == window_end(NOW, 60)
