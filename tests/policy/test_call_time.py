"""How long a call may last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_facts import facts

from ringfence.model.verdict import Act, Verdict
from ringfence.policy.call_time import begun_minutes, call_ceiling_s, minutes_left
from ringfence.policy.facts import VolumeCounts
from ringfence.policy.rules import call_limits, spend

FREE = {"price_per_minute": 0, "price_per_segment": 0}


def told(money: dict[str, Any] | None = None, **limits: Any) -> dict[str, Any]:
    return {
        "call_limits": replace(call_limits.RULE.settings, **limits),
        "spend": replace(spend.RULE.settings, **(FREE if money is None else money)),
    }


@pytest.mark.proves("P12")
@pytest.mark.parametrize(
    ("limits", "counts", "asked_s", "expected"),
    [
        ({}, {}, 300, 300),
        ({}, {}, 14_400, 30 * 60),
        ({"minutes": 1}, {}, 300, 60),
        ({"minutes_day": 10}, {"call_minutes_day": 7}, 300, 180),
        ({"recipient_minutes_day": 10}, {"recipient_call_minutes_day": 8}, 300, 120),
        ({"minutes_day": 10}, {"call_minutes_day": 10}, 300, 0),
        ({"minutes_day": 10}, {"call_minutes_day": 99}, 300, 0),
        ({"minutes_day": 0}, {}, 300, 0),
    ],
)
def test_the_shortest_counts(
    limits: dict[str, int], counts: dict[str, int], asked_s: int, expected: int
) -> None:
    assert call_ceiling_s(VolumeCounts(**counts), told(**limits), asked_s) == expected


@pytest.mark.proves("P12")
def test_money_and_what_texts_cost_of_it() -> None:
    money = {"money_day": 10, "price_per_minute": 1, "price_per_segment": 0.5}
    spent = VolumeCounts(segments_day=4, call_minutes_day=3)
    assert minutes_left(spent, told(money)) == 5
    assert minutes_left(replace(spent, segments_day=100), told(money)) == 0


@pytest.mark.parametrize(
    ("seconds", "minutes"), [(0, 0), (1, 1), (59.9, 1), (60, 1), (60.1, 2), (3_600, 60)]
)
def test_a_begun_minute_is_one(seconds: float, minutes: int) -> None:
    assert begun_minutes(seconds) == minutes


USED = st.builds(
    VolumeCounts,
    segments_day=st.integers(0, 50),
    call_minutes_day=st.integers(0, 50),
    recipient_call_minutes_day=st.integers(0, 50),
)


@pytest.mark.proves("P1", "P12")
@given(USED, st.integers(0, 50), st.integers(0, 50), st.integers(0, 40), st.integers(60, 14_400))
def test_whatever_the_rules_let_begin_has_a_minute_and_no_more_than_is_left(
    used: VolumeCounts, day: int, person: int, money: int, asked_s: int
) -> None:
    prices = {"money_day": money, "price_per_minute": 1, "price_per_segment": 1}
    settings = told(prices, minutes_day=day, recipient_minutes_day=person)
    asked = replace(facts(act=Act.CALL), counts=used)
    allowed = all(
        rule.judge(asked, settings[rule.name]).verdict is Verdict.ALLOW
        for rule in (call_limits.RULE, spend.RULE)
    )
    ceiling = call_ceiling_s(used, settings, asked_s)
    assert (ceiling >= 60) == allowed
    assert begun_minutes(ceiling) <= max(0, day - used.call_minutes_day)
    assert begun_minutes(ceiling) <= max(0, person - used.recipient_call_minutes_day)
