"""Ceilings of calls: a day's, a person's, minutes, and how many at once."""

from __future__ import annotations

from datetime import datetime

import pytest
from policy_facts import NOW, ask, facts

from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Facts, Initiator, day_end, window_end
from ringfence.policy.rules.call_limits import RULE

ZONE = "Europe/Vienna"
DAY, HOUR = day_end(NOW, ZONE), window_end(NOW, 3_600)


def call(counts: dict[str, int] | None = None, **changes: object) -> Facts:
    return facts(counts, **{"act": Act.CALL, **changes})  # type: ignore[arg-type]


@pytest.mark.proves("P10")
@pytest.mark.parametrize(
    ("count", "limit", "code", "until"),
    [
        ("calls_day", "day", "calls", DAY),
        ("recipient_calls_day", "recipient_day", "recipient_calls", DAY),
        ("recipient_calls_hour", "recipient_hour", "recipient_calls", HOUR),
        ("call_minutes_day", "minutes_day", "call_minutes", DAY),
        (
            "recipient_call_minutes_day",
            "recipient_minutes_day",
            "recipient_call_minutes",
            DAY,
        ),
        ("calls_now", "at_once", "calls_at_once", window_end(NOW, 60)),
    ],
)
@pytest.mark.parametrize("initiator", Initiator)
def test_each_ceiling_holds_for_everybody(
    count: str, limit: str, code: str, until: datetime, initiator: Initiator
) -> None:
    below = call({count: 6}, initiator=initiator)
    assert ask(RULE, below, **{limit: 7}).verdict is Verdict.ALLOW
    ruling = ask(RULE, call({count: 7}, initiator=initiator), **{limit: 7}, zone=ZONE)
    assert (ruling.verdict, ruling.code, ruling.until) == (Verdict.HOLD, code, until)
    assert "7" in ruling.text


@pytest.mark.proves("P10")
@pytest.mark.parametrize(
    ("count", "code"),
    [
        ("calls_day", ""),
        ("recipient_calls_day", ""),
        ("recipient_calls_hour", ""),
        ("call_minutes_day", "call_minutes"),
        ("recipient_call_minutes_day", "recipient_call_minutes"),
        ("calls_now", "calls_at_once"),
    ],
)
def test_a_call_that_comes_in_uses_minutes_and_a_place(count: str, code: str) -> None:
    """How often somebody was rung says nothing of how often they may call."""
    comes_in = call({count: 10_000}, act=Act.ANSWER, initiator=Initiator.PERSON)
    assert ask(RULE, comes_in).code == code


@pytest.mark.proves("P10")
@pytest.mark.parametrize(("act", "places"), [(Act.CALL, 3), (Act.ANSWER, 5)])
def test_callers_may_wait_and_what_we_place_may_not(act: Act, places: int) -> None:
    told = {"at_once": 3, "waiting": 2}
    assert ask(RULE, call({"calls_now": places - 1}, act=act), **told).verdict is Verdict.ALLOW
    full = ask(RULE, call({"calls_now": places}, act=act), **told)
    assert (full.verdict, full.code) == (Verdict.HOLD, "calls_at_once")


def test_of_several_ceilings_the_longest_wait_counts() -> None:
    """Otherwise it would be asked again, and refused again, until that one is over."""
    full = {"recipient_calls_hour": 10**6, "calls_now": 10**6}
    for count in ("calls_day", "recipient_calls_day"):
        assert ask(RULE, call({**full, count: 10**6}), zone=ZONE).until == DAY
    for count in ("call_minutes_day", "recipient_call_minutes_day"):
        assert ask(RULE, call({"calls_now": 10**6, count: 10**6}), zone=ZONE).until == DAY
    assert ask(RULE, call(full), zone=ZONE).until == HOUR


def test_what_is_said_within_a_call_is_not_counted() -> None:
    assert RULE.acts == {Act.CALL, Act.ANSWER}
    assert not RULE.grantable
