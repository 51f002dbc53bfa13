"""The one decision function: strictest wins, order cannot matter, failure is a no, replay agrees."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_facts import NOW, facts
from ringfence.model.contact import Role
from ringfence.model.line import AccessPolicy, Purpose, VolumeLimits
from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Ruling, Verdict, deny, hold
from ringfence.policy.decide import decide, discover
from ringfence.policy.facts import Facts, Initiator, VolumeCounts, facts_from_record
from ringfence.policy.rule import Rule

RULINGS = st.sampled_from(
    [ALLOWED, hold("a", "A."), hold("b", "B.", NOW + timedelta(hours=1)), deny("c", "C.")]
)
COUNTS = st.builds(VolumeCounts, *[st.integers(0, 30_000)] * 7)
LIMITS = st.builds(VolumeLimits, *[st.integers(1, 30_000)] * 8)
FACTS = st.builds(
    Facts,
    act=st.sampled_from(Act),
    now=st.just(NOW),
    line=st.just("default"),
    contact_id=st.just("ctc_1"),
    purpose=st.sampled_from(Purpose),
    access=st.sampled_from(AccessPolicy),
    role=st.sampled_from(Role),
    initiator=st.sampled_from(Initiator),
    message_class=st.sampled_from(MessageClass),
    anyone_may_write=st.booleans(),
    own_number=st.booleans(),
    blocked=st.booleans(),
    opt_out_source=st.sampled_from(["", "keyword", "operator", "provider"]),
    stopped_by=st.sampled_from([(), ("everything",), ("line:default", "agent:default")]),
    caution=st.sampled_from(["", "cut_off"]),
    passive_replies=st.integers(0, 10),
    counts=COUNTS,
    limits=LIMITS,
)


def _rule(name: str, ruling: Any) -> Rule:
    return Rule(name, "A rule of a test.", lambda _: ruling)


@pytest.mark.proves("P1")
def test_no_rules_means_deny() -> None:
    decision = decide(facts(), (), "v1")
    assert decision.verdict is Verdict.DENY
    assert decision.reasons[0].code == "no_rules"


@pytest.mark.proves("P1")
@pytest.mark.parametrize("answer", [None, True, "ALLOW", Verdict.ALLOW])
def test_a_rule_that_gives_no_ruling_is_a_no_and_an_alarm(answer: Any) -> None:
    decision = decide(facts(), (_rule("odd", answer), _rule("fine", ALLOWED)), "v1")
    assert decision.verdict is Verdict.DENY
    assert decision.alarms[0].startswith("odd")


@pytest.mark.proves("P1")
def test_a_rule_that_raises_is_a_no_and_an_alarm_and_the_others_still_speak() -> None:
    def broken(_: Facts) -> Ruling:
        raise KeyError("quiet_hours")

    rules = (Rule("broken", "Fails.", broken), _rule("holds", hold("h", "H.")))
    decision = decide(facts(), rules, "v1")
    assert decision.verdict is Verdict.DENY
    assert [reason.rule for reason in decision.reasons] == ["broken", "holds"]
    assert decision.alarms == ("broken: KeyError",)


@pytest.mark.proves("P1")
@given(st.lists(RULINGS, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_strictest_wins_whatever_the_order(rulings: list[Ruling], chance: Any) -> None:
    rules = [_rule(f"r{index}", ruling) for index, ruling in enumerate(rulings)]
    decision = decide(facts(), rules, "v1")
    assert decision.verdict is max(ruling.verdict for ruling in rulings)
    chance.shuffle(rules)
    again = decide(facts(), rules, "v1")
    assert (again.verdict, again.until) == (decision.verdict, decision.until)
    assert sorted(reason.rule for reason in again.reasons) == sorted(
        reason.rule for reason in decision.reasons
    )


def test_a_hold_has_an_end_only_when_time_lifts_all_of_them() -> None:
    soon, later = NOW + timedelta(minutes=1), NOW + timedelta(hours=1)
    timed = (_rule("a", hold("a", "A.", soon)), _rule("b", hold("b", "B.", later)))
    assert decide(facts(), timed, "v1").until == later
    assert decide(facts(), (*timed, _rule("c", hold("c", "C."))), "v1").until is None
    assert decide(facts(), (*timed, _rule("d", deny("d", "D."))), "v1").until is None


@pytest.mark.proves("P1")
@given(FACTS, RULINGS)
def test_another_rule_never_weakens_a_decision(known: Facts, ruling: Ruling) -> None:
    before = decide(known, discover(), "v1")
    after = decide(known, (*discover(), _rule("added", ruling)), "v1")
    assert after.verdict >= before.verdict


@pytest.mark.proves("P11", "P7")
@given(FACTS)
def test_stored_facts_replay_to_the_same_decision(known: Facts) -> None:
    replayed = facts_from_record(orjson.loads(orjson.dumps(known)))
    assert replayed == known
    assert decide(replayed, discover(), "v1") == decide(known, discover(), "v1")


@pytest.mark.proves("P1")
@given(FACTS)
def test_no_shipped_rule_fails_on_any_facts(known: Facts) -> None:
    assert decide(known, discover(), "v1").alarms == ()


@pytest.mark.proves("P2")
@given(FACTS)
def test_an_agent_never_writes_first_to_a_stranger_on_its_own(known: Facts) -> None:
    asked = known.act is Act.INITIATE and known.initiator is Initiator.AGENT
    if asked and known.role is Role.STRANGER and known.message_class is MessageClass.FREE_TEXT:
        assert decide(known, discover(), "v1").verdict is not Verdict.ALLOW


def test_every_rule_explains_itself_in_plain_words() -> None:
    for rule in discover():
        assert rule.explain.endswith("."), rule.name
        assert len(rule.explain) > 40, rule.name
