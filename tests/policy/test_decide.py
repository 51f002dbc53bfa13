"""The one decision function: all rules run, the strictest wins, whatever breaks means no, order
cannot matter, and what was stored can be decided again."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_facts import NOW, facts

from looking import ALICE, OPEN, audit, inbound
from ringfence.model.contact import Role
from ringfence.model.line import AccessPolicy, Purpose
from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Ruling, Verdict, deny, hold
from ringfence.policy.decide import decide, discover
from ringfence.policy.facts import Facts, Initiator, VolumeCounts, facts_from_record
from ringfence.policy.rule import Rule
from telling import telling

RULINGS = st.one_of(
    st.just(ALLOWED),
    st.builds(hold, st.just("held"), st.just("why"), st.none()),
    st.builds(
        hold,
        st.just("later"),
        st.just("why"),
        st.integers(1, 100).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    ),
    st.just(deny("no", "why")),
    st.just(ValueError("a bug")),
)


def rule(name: str, answer: Ruling | Exception | object) -> Rule:
    def judge(_: Facts) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Rule(name, name, judge)


ALL_FACTS = st.builds(
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
    stopped_by=st.sampled_from([(), ("everything",), ("line:default",)]),
    caution=st.sampled_from(["", "length"]),
    passive_replies=st.integers(0, 9),
    counts=st.builds(
        VolumeCounts,
        recipient_minute=st.integers(0, 20),
        line_minute=st.integers(0, 900),
        same_text_5_minutes=st.integers(0, 9),
        waiting=st.integers(0, 20_000),
    ),
)


@pytest.mark.proves("P1")
def test_no_rules_means_no() -> None:
    decision = decide(facts(), (), "v1")
    assert decision.verdict is Verdict.DENY
    assert [reason.code for reason in decision.reasons] == ["no_rules"]


@pytest.mark.proves("P1")
@pytest.mark.parametrize("answer", [RuntimeError("x"), None, Verdict.ALLOW, True, "allow"])
def test_a_rule_that_breaks_is_a_no_and_an_alarm(answer: object) -> None:
    decision = decide(facts(), (rule("fine", ALLOWED), rule("broken", answer)), "v1")
    assert decision.verdict is Verdict.DENY
    assert [(why.rule, why.code) for why in decision.reasons] == [("broken", "rule_failed")]
    [alarm] = decision.alarms
    assert alarm.startswith("broken: ")


@pytest.mark.proves("P1", "P11")
@given(st.lists(RULINGS, min_size=1, max_size=6), st.randoms())
def test_the_strictest_wins_in_every_order(answers: list[Any], chance: Any) -> None:
    rules = [rule(f"rule{n}", answer) for n, answer in enumerate(answers)]
    shuffled = list(rules)
    chance.shuffle(shuffled)
    one, other = decide(facts(), rules, "v1"), decide(facts(), shuffled, "v1")
    assert (one.verdict, one.until) == (other.verdict, other.until)
    assert set(one.reasons) == set(other.reasons)
    assert set(one.alarms) == set(other.alarms)
    expected = [
        Verdict.DENY if isinstance(answer, Exception) else answer.verdict for answer in answers
    ]
    assert one.verdict is max(expected)
    assert len(one.reasons) == sum(verdict is not Verdict.ALLOW for verdict in expected)


@pytest.mark.proves("P1")
@given(st.lists(RULINGS, min_size=1, max_size=6), RULINGS)
def test_another_rule_never_weakens_the_rest(answers: list[Any], more: Any) -> None:
    rules = [rule(f"rule{n}", answer) for n, answer in enumerate(answers)]
    before = decide(facts(), rules, "v1")
    after = decide(facts(), [*rules, rule("more", more)], "v1")
    assert after.verdict >= before.verdict
    if before.verdict is Verdict.HOLD is after.verdict and before.until is None:
        assert after.until is None
    if before.until is not None and after.until is not None:
        assert after.until >= before.until


def test_time_lifts_a_hold_only_if_it_lifts_every_one() -> None:
    soon, late = NOW + timedelta(minutes=1), NOW + timedelta(hours=1)
    timed = [rule("a", hold("x", "", soon)), rule("b", hold("y", "", late))]
    assert decide(facts(), timed, "v1").until == late
    assert decide(facts(), [*timed, rule("c", hold("z", ""))], "v1").until is None
    assert decide(facts(), [*timed, rule("c", deny("z", ""))], "v1").until is None


@pytest.mark.proves("P1")
def test_every_rule_file_is_found_by_its_name() -> None:
    assert [one.name for one in discover()] == [
        "access",
        "block_list",
        "caution",
        "kill_switch",
        "line_volume",
        "loop_guard",
        "opt_out",
        "purpose",
        "recipient_volume",
    ]
    assert all(one.explain for one in discover())


@pytest.mark.proves("P1", "P3")
@given(ALL_FACTS)
def test_whatever_the_facts_the_great_noes_hold(given_facts: Facts) -> None:
    decision = decide(given_facts, discover(), "v1")
    assert decision.alarms == ()
    outbound = given_facts.act is not Act.RECEIVE
    if given_facts.blocked or given_facts.own_number or (outbound and given_facts.stopped_by):
        assert decision.verdict is Verdict.DENY
    confirming = given_facts.message_class in (
        MessageClass.OPT_OUT_CONFIRMATION,
        MessageClass.HELP,
    )
    if outbound and given_facts.opt_out_source and not confirming:
        assert decision.verdict is Verdict.DENY
    if outbound and given_facts.caution:
        assert decision.verdict is not Verdict.ALLOW


@pytest.mark.proves("P2")
@given(ALL_FACTS)
def test_an_agent_never_writes_first_to_a_stranger_by_itself(given_facts: Facts) -> None:
    asked = (
        given_facts.act is Act.INITIATE
        and given_facts.initiator is Initiator.AGENT
        and given_facts.role is Role.STRANGER
        and given_facts.message_class is MessageClass.FREE_TEXT
    )
    if asked:
        assert decide(given_facts, discover(), "v1").verdict is not Verdict.ALLOW


@pytest.mark.proves("P11")
@given(ALL_FACTS)
def test_the_same_facts_give_the_same_decision(given_facts: Facts) -> None:
    assert decide(given_facts, discover(), "v1") == decide(given_facts, discover(), "v1")


@pytest.mark.proves("P11", "P7")
async def test_a_stored_decision_is_decided_again(store_url: str) -> None:
    async with telling(store_url, sms={**OPEN, "volume": {"perRecipientMinute": 1}}) as story:
        for body in ("hello", "again", "STOP"):
            await story.phone(ALICE).texts(body)
            await story.passes(seconds=5)
        await story.passes(minutes=2)
        replayed = []
        outbound = await story.read(lambda tx: tx.messages.listing(50, None, None, None))
        items = await story.read(lambda tx: tx.outbox.of_messages([m.id for m in outbound]))
        subjects = [m.id for m in outbound] + [one.id for part in items.values() for one in part]
        for subject in subjects:
            for body in await audit(story, subject, "decision"):
                stored = json.loads(json.dumps(body))
                again = decide(
                    facts_from_record(stored["facts"]),
                    story.gateway.kit.rules,
                    stored["policy"],
                )
                assert again.verdict.name.lower() == stored["verdict"]
                assert [why.code for why in again.reasons] == [
                    why["code"] for why in stored["reasons"]
                ]
                assert ALICE not in str(stored)
                replayed.append(stored["verdict"])
        assert {"allow", "hold"} <= set(replayed)
        assert len(replayed) >= 6
        assert len(await inbound(story)) == 3
