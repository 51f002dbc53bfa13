"""What one agent may send in a day, and how many new people a line may write to."""

from __future__ import annotations

import pytest
from policy_facts import NOW, ask, facts

from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Initiator, day_end
from ringfence.policy.rules.agent_volume import RULE

AUTOMATIC = [Initiator.AGENT, Initiator.EVENT]
ZONE = "Asia/Kathmandu"


@pytest.mark.proves("P10")
@pytest.mark.parametrize("initiator", AUTOMATIC)
def test_an_agents_day(initiator: Initiator) -> None:
    below = facts({"agent_day": 6}, initiator=initiator)
    at = facts({"agent_day": 7}, initiator=initiator)
    assert ask(RULE, below, day=7).verdict is Verdict.ALLOW
    ruling = ask(RULE, at, day=7, zone=ZONE)
    assert (ruling.verdict, ruling.code) == (Verdict.HOLD, "agent_volume")
    assert ruling.until == day_end(NOW, ZONE)


@pytest.mark.proves("P10")
@pytest.mark.parametrize("initiator", AUTOMATIC)
def test_new_people_a_day(initiator: Initiator) -> None:
    def given(count: int, **changes: object) -> object:
        unknown = {"new_recipient": True, "initiator": initiator, **changes}
        return facts({"new_recipients_day": count}, {"heard_at": None}, **unknown)

    def verdict(asked: object) -> Verdict:
        return ask(RULE, asked, new_recipients_day=2).verdict  # type: ignore[arg-type]

    assert verdict(given(1)) is Verdict.ALLOW
    assert verdict(given(2)) is Verdict.HOLD
    assert verdict(given(2, new_recipient=False)) is Verdict.ALLOW
    heard = facts({"new_recipients_day": 2}, new_recipient=True, initiator=initiator)
    assert verdict(heard) is Verdict.ALLOW, "whoever wrote first is answered"
    ruling = ask(RULE, given(0), new_recipients_day=0, zone=ZONE)  # type: ignore[arg-type]
    assert (ruling.code, ruling.until) == ("new_recipients", day_end(NOW, ZONE))


@pytest.mark.proves("P10")
@pytest.mark.parametrize("initiator", AUTOMATIC)
def test_calls_are_braked_with_the_texts(initiator: Initiator) -> None:
    given = {"initiator": initiator, "act": Act.CALL}
    assert ask(RULE, facts({"agent_day": 7}, **given), day=7).code == "agent_volume"  # type: ignore[arg-type]
    flood = facts({"asked_hour": 7}, **given)  # type: ignore[arg-type]
    assert ask(RULE, flood, asked_hour=7).code == "agent_flood"
    first = facts({"new_recipients_day": 2}, {"heard_at": None}, new_recipient=True, **given)  # type: ignore[arg-type]
    assert ask(RULE, first, new_recipients_day=2).code == "new_recipients"


@pytest.mark.parametrize("initiator", [Initiator.OPERATOR, Initiator.SYSTEM])
def test_it_brakes_machines_only(initiator: Initiator) -> None:
    full = {"agent_day": 10**6, "new_recipients_day": 10**6}
    asked = facts(full, {"heard_at": None}, new_recipient=True, initiator=initiator)
    assert ask(RULE, asked).verdict is Verdict.ALLOW


@pytest.mark.proves("P10")
def test_an_agent_that_floods_people_with_drafts_is_refused() -> None:
    below = facts({"asked_hour": 6}, initiator=Initiator.AGENT)
    at = facts({"asked_hour": 7}, initiator=Initiator.AGENT)
    assert ask(RULE, below, asked_hour=7).verdict is Verdict.ALLOW
    ruling = ask(RULE, at, asked_hour=7)
    assert (ruling.verdict, ruling.code) == (Verdict.DENY, "agent_flood")
    by_event = facts({"asked_hour": 7}, initiator=Initiator.EVENT)
    assert ask(RULE, by_event, asked_hour=7).verdict is Verdict.DENY
