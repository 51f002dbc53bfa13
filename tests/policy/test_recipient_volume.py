"""What one person may get in a window; exactly at the limit time lifts it, below nothing is said."""

from __future__ import annotations

from datetime import timedelta

import pytest
from policy_facts import NOW, ask, facts

from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import day_end, window_end
from ringfence.policy.rules.recipient_volume import RULE


@pytest.mark.proves("P10")
@pytest.mark.parametrize(("window", "seconds"), [("minute", 60), ("hour", 3_600), ("day", 86_400)])
def test_the_limit_is_the_last_one_that_goes(window: str, seconds: int) -> None:
    below = ask(RULE, facts({f"recipient_{window}": 6}), **{window: 7})
    at = ask(RULE, facts({f"recipient_{window}": 7}), **{window: 7})
    assert below.verdict is Verdict.ALLOW
    assert (at.verdict, at.until) == (Verdict.HOLD, window_end(NOW, seconds))
    assert window in at.text


def test_the_longest_window_that_is_full_decides() -> None:
    full = {"recipient_minute": 99, "recipient_hour": 99, "recipient_day": 999}
    until = ask(RULE, facts(full)).until
    assert until is not None
    assert until - NOW > timedelta(hours=1)


def test_what_comes_in_is_not_counted() -> None:
    assert Act.RECEIVE not in RULE.acts


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu"])
def test_the_day_is_the_lines(zone: str) -> None:
    assert ask(RULE, facts({"recipient_day": 7}), day=7, zone=zone).until == day_end(NOW, zone)


@pytest.mark.proves("B047", "P10")
def test_a_notice_to_an_owner_never_waits() -> None:
    full = facts({"recipient_day": 10**6}, message_class=MessageClass.OWNER_NOTICE)
    assert ask(RULE, full).verdict is Verdict.ALLOW


@pytest.mark.proves("P11")
@pytest.mark.parametrize("seconds", [60, 300, 3_600, 86_400])
def test_a_window_ends_at_a_multiple_of_its_length(seconds: int) -> None:
    end = window_end(NOW, seconds)
    assert int(end.timestamp()) % seconds == 0
    assert timedelta(0) < end - NOW <= timedelta(seconds=seconds)
    assert window_end(end, seconds) - end == timedelta(seconds=seconds)
