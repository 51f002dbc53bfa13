"""The one decision function: all rules run, the strictest wins, whatever breaks means no, order
cannot matter, a person's yes reaches as far as it may, and what was stored can be decided again."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_facts import NOW, facts, policy_of
from policy_strategies import ALL_FACTS, policies

from looking import ALICE, OPEN, audit, inbound
from ringfence.model.contact import Role
from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Decision, Ruling, Verdict, deny, hold
from ringfence.policy.decide import allowed, decide, rulings
from ringfence.policy.facts import Caller, Facts, Initiator, facts_from_record, facts_to_record
from ringfence.policy.policy import Policy, discover, from_document, make_policy
from ringfence.policy.rule import EFFECTS, OUTBOUND, Rule
from telling import telling

HELD = st.builds(hold, st.just("held"), st.just("why"), st.none())
RULINGS = st.one_of(
    st.just(ALLOWED),
    HELD,
    st.builds(
        hold,
        st.just("later"),
        st.just("why"),
        st.integers(1, 100).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    ),
    st.just(deny("no", "why")),
    st.just(ValueError("a bug")),
)


def rule(name: str, answer: Ruling | Exception | object, *, grantable: bool = False) -> Rule:
    def judge(_: Facts, __: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Rule(name, name, judge, grantable=grantable)


def by(*rules: Rule, **changes: Any) -> Decision:
    return decide(facts(**changes), make_policy({}, {}, rules))


@pytest.mark.proves("P1")
def test_no_rules_means_no() -> None:
    decision = by()
    assert decision.verdict is Verdict.DENY
    assert [reason.code for reason in decision.reasons] == ["no_rules"]


@pytest.mark.proves("P1")
def test_an_act_that_no_rule_is_about_is_a_no() -> None:
    receiving = frozenset({Act.RECEIVE})
    silent = Rule("silent", "Says nothing of sending.", lambda f, s: ALLOWED, acts=receiving)
    decision = by(silent)
    assert decision.verdict is Verdict.DENY
    assert [reason.code for reason in decision.reasons] == ["no_rules"]


@pytest.mark.proves("P1")
@pytest.mark.parametrize("answer", [RuntimeError("x"), None, Verdict.ALLOW, True, "allow"])
def test_a_rule_that_breaks_is_a_no_and_an_alarm(answer: object) -> None:
    decision = by(rule("fine", ALLOWED), rule("broken", answer))
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
    one, other = by(*rules), by(*shuffled)
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
    before, after = by(*rules), by(*rules, rule("more", more))
    assert after.verdict >= before.verdict
    if before.verdict is Verdict.HOLD is after.verdict and before.until is None:
        assert after.until is None
    if before.until is not None and after.until is not None:
        assert after.until >= before.until


def test_time_lifts_a_hold_only_if_it_lifts_every_one() -> None:
    soon, late = NOW + timedelta(minutes=1), NOW + timedelta(hours=1)
    timed = [rule("a", hold("x", "", soon)), rule("b", hold("y", "", late))]
    assert by(*timed).until == late
    assert by(*timed, rule("c", hold("z", ""))).until is None
    assert by(*timed, rule("c", deny("z", ""))).until is None


# -- a person's yes -------------------------------------------------------------------------------


@pytest.mark.proves("P2")
@pytest.mark.parametrize("grantable", [True, False])
def test_an_approval_meets_what_asks_for_a_person(grantable: bool) -> None:
    held = rule("held", hold("x", "a person must look"), grantable=grantable)
    decision = by(held, approval="msg_1")
    assert decision.verdict is Verdict.ALLOW
    [reason] = decision.reasons
    assert (reason.verdict, reason.met_by) == (Verdict.HOLD, "approval:msg_1")


@pytest.mark.proves("P2")
def test_a_grant_meets_only_what_may_be_granted() -> None:
    yes, no = rule("yes", hold("x", ""), grantable=True), rule("no", hold("y", ""))
    assert by(yes, grant="grt_1").verdict is Verdict.ALLOW
    assert [why.met_by for why in by(yes, grant="grt_1").reasons] == ["grant:grt_1"]
    both = by(yes, no, grant="grt_1")
    assert both.verdict is Verdict.HOLD
    assert {why.rule: why.met_by for why in both.reasons} == {"yes": "grant:grt_1", "no": ""}


@pytest.mark.proves("P1", "P2")
@given(st.lists(RULINGS, min_size=1, max_size=6), st.booleans(), st.booleans())
def test_nobody_lifts_a_no_and_only_time_lifts_what_waits_for_it(
    answers: list[Any], approved: bool, granted: bool
) -> None:
    rules = [rule(f"rule{n}", answer, grantable=True) for n, answer in enumerate(answers)]
    yes = {"approval": "msg_1" if approved else "", "grant": "grt_1" if granted else ""}
    before, after = by(*rules), by(*rules, **yes)
    timed = [a.until for a in answers if isinstance(a, Ruling) and a.until is not None]
    if before.verdict is Verdict.DENY:
        assert after.verdict is Verdict.DENY
    elif timed:
        assert after.verdict is Verdict.HOLD
        assert after.until == (max(timed) if any(yes.values()) else before.until)
    for reason in after.reasons:
        assert not reason.met_by or (reason.verdict is Verdict.HOLD and reason.code == "held")


def test_each_rule_is_asked_about_its_acts_only() -> None:
    only = Rule("only", "only", lambda f, s: deny("no", ""), acts=frozenset({Act.CALL}))
    assert by(only, act=Act.CALL).verdict is Verdict.DENY
    assert by(only, rule("fine", ALLOWED)).verdict is Verdict.ALLOW


def test_who_asks_why_hears_every_rule() -> None:
    policy = make_policy({}, {}, [rule("a", ALLOWED), rule("b", deny("no", "why"))])
    assert rulings(facts(), policy) == [("a", ALLOWED), ("b", deny("no", "why"))]
    assert decide(facts(), make_policy({}, {}, [rule("a", ALLOWED)])) == allowed(
        Act.REPLY, make_policy({}, {}, [rule("a", ALLOWED)]).version
    )


# -- all rules together ---------------------------------------------------------------------------


@pytest.mark.proves("P1", "P3")
@given(ALL_FACTS, policies())
def test_whatever_the_facts_and_settings_the_great_noes_hold(
    given_facts: Facts, policy: Policy
) -> None:
    decision = decide(given_facts, policy)
    assert decision.alarms == ()
    outbound = given_facts.act in OUTBOUND
    stops = given_facts.act in EFFECTS and given_facts.stopped_by
    if given_facts.blocked or given_facts.own_number or stops:
        assert decision.verdict is Verdict.DENY
    confirming = given_facts.message_class in (
        MessageClass.OPT_OUT_CONFIRMATION,
        MessageClass.HELP,
    )
    if outbound and given_facts.opt_out_source and not confirming:
        assert decision.verdict is Verdict.DENY
    taken = given_facts.act is Act.ANSWER and decision.verdict is Verdict.ALLOW
    assert not (taken and given_facts.opt_out_source and not given_facts.approval)
    yes = given_facts.approval or given_facts.grant
    if outbound and given_facts.caution and not yes:
        assert decision.verdict is not Verdict.ALLOW


@pytest.mark.proves("P2")
@given(ALL_FACTS)
def test_an_agent_never_writes_first_to_a_stranger_by_itself(given_facts: Facts) -> None:
    asked = (
        given_facts.act is Act.INITIATE
        and given_facts.initiator is Initiator.AGENT
        and given_facts.role is Role.STRANGER
        and given_facts.message_class is MessageClass.FREE_TEXT
        and not given_facts.listed
        and not given_facts.approval
        and not given_facts.grant
    )
    if asked:
        assert decide(given_facts, policy_of()).verdict is not Verdict.ALLOW


@pytest.mark.proves("P11")
@given(ALL_FACTS, policies())
def test_the_same_facts_and_policy_give_the_same_decision_from_the_record_too(
    given_facts: Facts, policy: Policy
) -> None:
    decision = decide(given_facts, policy)
    assert decide(given_facts, policy) == decision
    stored_facts = json.loads(json.dumps(facts_to_record(given_facts)))
    stored_policy = from_document(json.loads(json.dumps(policy.document)))
    assert facts_from_record(stored_facts) == given_facts
    assert (stored_policy.version, stored_policy.settings) == (policy.version, policy.settings)
    assert decide(facts_from_record(stored_facts), stored_policy) == decision


# -- policies and records -------------------------------------------------------------------------


@pytest.mark.proves("P1")
def test_every_rule_file_is_found_by_its_name() -> None:
    found = [one.name for one in discover()]
    assert found == sorted(found)
    assert {"access", "approval", "block_list", "kill_switch", "opt_out", "purpose"} <= set(found)


@pytest.mark.proves("P11")
def test_a_version_names_exactly_what_a_policy_says() -> None:
    volume = {one.name: one for one in discover()}["line_volume"]
    plain = policy_of()
    assert policy_of().version == plain.version
    assert policy_of(line_volume=volume.settings).version == plain.version
    other = type(volume.settings)(minute=7)
    assert policy_of(line_volume=other).version != plain.version
    assert make_policy({}, {"topics": "1"}).version != plain.version
    assert make_policy({}, {}, discover()[1:]).version != plain.version


def test_a_policy_of_other_rules_is_not_decided_by() -> None:
    document = dict(policy_of().document)
    for rules in ({**document["rules"], "unheard_of": {}}, {}):
        with pytest.raises(KeyError, match="another set of rules"):
            from_document({**document, "rules": rules})


@pytest.mark.parametrize(
    "record",
    [{"unheard_of": 1}, {"act": "party"}, {"counts": {"unheard_of": 1}}, {}],
)
def test_a_foreign_record_is_told(record: dict[str, Any]) -> None:
    given = {**facts_to_record(facts()), **record} if record else {}
    with pytest.raises((KeyError, TypeError, ValueError)):
        facts_from_record(given)


@pytest.mark.proves("P11")
def test_what_was_stored_before_calls_were_known_is_read_and_decided_alike() -> None:
    """Facts had no caller and no minutes, policies no ceilings of them."""
    record = {
        "act": "initiate",
        "now": "2026-03-02T17:00:30+00:00",
        "line": "default",
        "contact_id": "ctc_1",
        "role": "stranger",
        "initiator": "agent",
        "counts": {"recipient_minute": 1, "calls_day": 2},
        "zones": ["Europe/Paris"],
    }
    found = facts_from_record(record)
    assert (found.caller, found.counts.call_minutes_day) == (Caller.NONE, 0)
    assert facts_to_record(found) == record
    document = json.loads(json.dumps(policy_of().document))
    document["rules"]["call_limits"] = {"day": 7, "at_once": 5}
    document["rules"]["spend"] = {"money_day": 20.0}
    policy = from_document(document)
    assert policy.document == document
    assert [why.code for why in decide(found, policy).reasons] == [
        "agent_initiated",
        "recipient_not_listed",
    ]


@pytest.mark.proves("P7")
def test_a_record_names_only_what_is_out_of_the_ordinary() -> None:
    record = facts_to_record(facts())
    assert set(record) == {"act", "now", "line", "contact_id", "role", "initiator", "traits"}


@pytest.mark.proves("P11", "P7")
async def test_a_stored_decision_is_decided_again(store_url: str) -> None:
    sms = {**OPEN, "policy": {"recipientVolume": {"minute": 1}}}
    async with telling(store_url, sms=sms) as story:
        for body in ("hello", "again", "STOP"):
            await story.phone(ALICE).texts(body)
            await story.passes(seconds=5)
        await story.passes(minutes=2)
        replayed = []
        outbound = await story.read(lambda tx: tx.messages.listing(50, None, None, None))
        items = await story.read(lambda tx: tx.outbox.of_messages([m.id for m in outbound]))
        policy = story.gateway.kit.policies["default"]
        again_from = from_document(json.loads(json.dumps(policy.document)))
        subjects = [m.id for m in outbound] + [one.id for part in items.values() for one in part]
        for subject in subjects:
            for body in await audit(story, subject, "decision"):
                stored = json.loads(json.dumps(body))
                assert stored["policy"] == again_from.version
                again = decide(facts_from_record(stored["facts"]), again_from)
                assert again.verdict.name.lower() == stored["verdict"]
                assert [why.code for why in again.reasons] == [
                    why["code"] for why in stored["reasons"]
                ]
                assert ALICE not in str(stored)
                replayed.append(stored["verdict"])
        assert {"allow", "hold"} <= set(replayed)
        assert len(replayed) >= 6
        assert len(await inbound(story)) == 3
