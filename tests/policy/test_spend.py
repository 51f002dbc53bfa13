"""What a line may cost in a day, in segments and money, and marketing to one person."""

from __future__ import annotations

import pytest
from policy_facts import NOW, ask, facts

from ringfence.model.draft import Category
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Initiator, day_end
from ringfence.policy.rules.spend import RULE

ZONE = "Australia/Lord_Howe"


@pytest.mark.proves("P10", "C9")
@pytest.mark.parametrize("initiator", Initiator)
def test_segments_are_counted_with_this_texts_own(initiator: Initiator) -> None:
    fits = facts({"segments_day": 7}, {"segments": 3}, initiator=initiator)
    over = facts({"segments_day": 8}, {"segments": 3}, initiator=initiator)
    assert ask(RULE, fits, segments_day=10).verdict is Verdict.ALLOW
    ruling = ask(RULE, over, segments_day=10, zone=ZONE)
    assert (ruling.verdict, ruling.code) == (Verdict.HOLD, "segments")
    assert ruling.until == day_end(NOW, ZONE)


@pytest.mark.proves("P10")
def test_money_is_segments_at_their_price() -> None:
    def code(segments: int, **settings: float) -> str:
        asked = facts({"segments_day": segments - 1}, {"segments": 1})
        return ask(RULE, asked, zone=ZONE, **settings).code

    assert code(100, money_day=1, price_per_segment=0.01) == ""
    assert code(101, money_day=1, price_per_segment=0.01) == "money"
    assert code(1, money_day=0, price_per_segment=0.01) == "money"
    assert code(1, money_day=0, price_per_segment=0) == ""


@pytest.mark.proves("P10")
@pytest.mark.parametrize(
    ("act", "minutes", "code"),
    [
        # A call takes a minute at least; a text none.
        (Act.CALL, 99, ""),
        (Act.CALL, 100, "money"),
        (Act.ANSWER, 99, ""),
        (Act.ANSWER, 100, "money"),
        (Act.REPLY, 100, ""),
        (Act.REPLY, 101, "money"),
    ],
)
def test_minutes_cost_what_segments_leave(act: Act, minutes: int, code: str) -> None:
    asked = facts({"segments_day": 10, "call_minutes_day": minutes}, {"segments": 0}, act=act)
    told = {"money_day": 110, "price_per_segment": 1, "price_per_minute": 1}
    ruling = ask(RULE, asked, zone=ZONE, **told)
    assert ruling.code == code
    assert not code or ruling.until == day_end(NOW, ZONE)


@pytest.mark.parametrize("act", [Act.CALL, Act.ANSWER])
def test_a_call_has_no_segments(act: Act) -> None:
    asked = facts({"segments_day": 10}, {"segments": 900}, act=act)
    assert ask(RULE, asked, segments_day=10).verdict is Verdict.ALLOW


@pytest.mark.parametrize("category", Category)
def test_marketing_to_one_person(category: Category) -> None:
    at = facts({"marketing_day": 3}, {"category": category})
    expected = "marketing_volume" if category is Category.MARKETING else ""
    assert ask(RULE, at, zone=ZONE).code == expected
    below = facts({"marketing_day": 2}, {"category": category})
    assert ask(RULE, below).verdict is Verdict.ALLOW


def test_what_is_owed_is_not_held_back_for_money() -> None:
    full = {"segments_day": 10**9, "marketing_day": 9}
    owed = {
        one
        for one in MessageClass
        if ask(RULE, facts(full, message_class=one)).verdict is Verdict.ALLOW
    }
    assert owed == {
        MessageClass.OPT_OUT_CONFIRMATION,
        MessageClass.OPT_IN_CONFIRMATION,
        MessageClass.HELP,
        MessageClass.SAFE_REPLY,
        MessageClass.ALERT_ANSWER,
        MessageClass.OWNER_NOTICE,
    }
