"""What holds for every rule, found by discovery: its words, its settings and which way they loosen, an
answer to everything; and that each stands alone between some act and the world."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_facts import NOW, facts
from policy_strategies import ALL_FACTS, settings_of

from ringfence.model.contact import Role
from ringfence.model.draft import APPROVAL, Category
from ringfence.model.errors import InvalidField
from ringfence.model.line import AccessPolicy, Purpose
from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Ruling, Verdict, deny
from ringfence.policy.decide import decide
from ringfence.policy.facts import Caller, Disclosure, Facts, Initiator
from ringfence.policy.policy import Policy, discover, loosened, make_policy
from ringfence.policy.presets import LISTS, PRESETS
from ringfence.policy.record import from_record, to_record
from ringfence.policy.rule import Answer, Looser, Rule

RULES = {rule.name: rule for rule in discover()}
SOURCE = Path(__file__).resolve().parents[2] / "src" / "ringfence"
each_rule = pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
# The provider is told how long a call may last; no rule hears how long it did.
TOLD_ELSEWHERE = {"call_limits.minutes"}


# Every rule is tried, so each a little.
tried = settings(max_examples=30, deadline=None)
# An approved text is no automatic one any more; time alone would keep it otherwise.
READS_A_YES = {
    "opening_hours": {"approval"},
    "approval": {"approval"},
    "grant": {"grant"},
    "disclosure": {"approval"},
}


def entries(rule: Rule) -> tuple[dataclasses.Field[Any], ...]:
    return () if rule.settings is None else dataclasses.fields(rule.settings)


def chosen(rule: Rule) -> list[str]:
    """The settings an operator may choose by the rule's name; the rest are of the line itself."""
    return [entry.name for entry in entries(rule) if not entry.metadata["from_line"]]


# -- words and settings ---------------------------------------------------------------------------


@each_rule
def test_it_is_explained_in_a_sentence(rule: Rule) -> None:
    assert len(rule.explain) > 30
    assert rule.explain.rstrip().endswith(".")
    assert rule.acts, "a rule that is asked about nothing"


@each_rule
def test_every_setting_says_what_it_means_and_which_way_it_loosens(rule: Rule) -> None:
    for entry in entries(rule):
        assert entry.metadata["meaning"].endswith((".", ".)")), entry.name
        assert isinstance(entry.metadata["looser"], Looser), entry.name
        default = getattr(rule.settings, entry.name)
        least, most = entry.metadata["ge"], entry.metadata["le"]
        assert least is None or default >= least, entry.name
        assert most is None or default <= most, entry.name


@each_rule
def test_every_setting_is_read(rule: Rule) -> None:
    text = (SOURCE / "policy" / "rules" / f"{rule.name}.py").read_text(encoding="utf-8")
    text += (SOURCE / "gateway" / "traits.py").read_text(encoding="utf-8")
    for entry in entries(rule):
        if f"{rule.name}.{entry.name}" not in TOLD_ELSEWHERE:
            assert re.search(rf"\w\.{entry.name}\b", text), f"nothing reads {entry.name}"


@each_rule
@tried
@given(st.data())
def test_settings_come_back_from_their_record(rule: Rule, data: st.DataObject) -> None:
    told = data.draw(settings_of(rule))
    assert told is None or from_record(type(told), to_record(told)) == told


# -- every answer ---------------------------------------------------------------------------------


@each_rule
@tried
@given(ALL_FACTS, st.data())
def test_it_answers_everything_the_same_way_twice(
    rule: Rule, given_facts: Facts, data: st.DataObject
) -> None:
    given_facts = dataclasses.replace(
        given_facts, act=data.draw(st.sampled_from(sorted_acts(rule)))
    )
    told = data.draw(settings_of(rule))
    ruling = rule.judge(given_facts, told)
    assert rule.judge(given_facts, told) == ruling
    if ruling.verdict is Verdict.ALLOW:
        assert ruling is ALLOWED
        return
    assert re.fullmatch(r"[a-z][a-z0-9_]+", ruling.code)
    assert len(ruling.text) > 5
    assert given_facts.contact_id not in ruling.text
    assert ruling.until is None or (ruling.verdict is Verdict.HOLD and ruling.until > NOW)


def sorted_acts(rule: Rule) -> list[Act]:
    return [act for act in Act if act in rule.acts]


class Watched:
    """Facts that remember what was looked at."""

    def __init__(self, given_facts: Facts) -> None:
        self._facts, self.read = given_facts, set[str]()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(self._facts, name)


@pytest.mark.proves("P2")
@each_rule
@tried
@given(ALL_FACTS, st.data())
def test_a_persons_yes_is_no_rules_business_but_its_own(
    rule: Rule, given_facts: Facts, data: st.DataObject
) -> None:
    """Whether a yes meets a HOLD is for `decide`; a rule that read it could turn it into more."""
    given_facts = dataclasses.replace(
        given_facts, act=data.draw(st.sampled_from(sorted_acts(rule)))
    )
    watched = Watched(given_facts)
    rule.judge(watched, data.draw(settings_of(rule)))  # type: ignore[arg-type]
    assert watched.read & {"approval", "grant"} <= READS_A_YES.get(rule.name, set())


@pytest.mark.parametrize(
    "rule", [one for one in RULES.values() if chosen(one)], ids=lambda r: r.name
)
@settings(max_examples=60, deadline=None)
@given(ALL_FACTS, st.data())
def test_what_is_not_called_a_loosening_loosens_nothing(
    rule: Rule, given_facts: Facts, data: st.DataObject
) -> None:
    """One setting changed: in the direction not called looser, no verdict gets milder."""
    given_facts = dataclasses.replace(
        given_facts, act=data.draw(st.sampled_from(sorted_acts(rule)))
    )
    base, other = data.draw(settings_of(rule)), data.draw(settings_of(rule))
    name = data.draw(st.sampled_from(chosen(rule)))
    try:
        actual = dataclasses.replace(base, **{name: getattr(other, name)})
    except InvalidField:  # a combination the rule refuses
        return
    before = rule.judge(given_facts, base).verdict
    after = rule.judge(given_facts, actual).verdict
    if not loosened(rule, base, actual):
        assert after >= before, name
    if not loosened(rule, actual, base):
        assert before >= after, name


# -- each rule alone ------------------------------------------------------------------------------


def preset(purpose: Purpose, **told: Mapping[str, Any]) -> Policy:
    """The policy of a purpose, with more settings by rule."""
    settings = {
        rule.name: dataclasses.replace(
            rule.settings,
            **({"purpose": purpose} if rule.name == "purpose" else {}),
            **{**PRESETS[purpose].get(rule.name, {}), **told.get(rule.name, {})},
        )
        for rule in discover()
        if rule.settings is not None
    }
    return make_policy(settings, LISTS)


def plain(
    counts: dict[str, int] | None = None, traits: dict[str, Any] | None = None, **changes: Any
) -> Facts:
    """A paired person's text was answered at noon where they are."""
    return facts(counts, traits, **{"zones": ("America/New_York",), **changes})


STRANGER = {"act": Act.INITIATE, "role": Role.STRANGER}
NEVER_HEARD = {"heard_at": None}
# For each rule an act that it alone stands in the way of, on a hotline unless told otherwise.
WITNESSES: dict[str, tuple[Facts, dict[str, Mapping[str, Any]]]] = {
    "access": (plain(role=Role.STRANGER), {}),
    "agent_volume": (plain({"agent_day": 5_000}), {}),
    "approval": (plain(traits={"basis": APPROVAL}), {}),
    "block_list": (plain(blocked=True), {}),
    "call_limits": (plain({"calls_now": 1}, act=Act.CALL), {}),
    "caution": (plain(caution="length"), {}),
    "consent": (plain(traits={"category": Category.MARKETING}, consent=("marketing",)), {}),
    "content": (plain(traits={"secrets": ("card_number",)}), {}),
    "disclosure": (plain(disclosure=Disclosure.OWED), {}),
    "fallback": (plain(traits={"fallback": "other"}), {}),
    "first_contact": (
        plain(traits=NEVER_HEARD, **STRANGER, listed=True, new_recipient=True),
        {},
    ),
    "forced_topics": (plain(traits={"topics": ("money",)}), {}),
    "grant": (plain(traits={"basis": "grant:grt_1"}), {}),
    "initiator": (plain(act=Act.INITIATE), {"initiator": {"agent": Answer.HOLD}}),
    "kill_switch": (plain(stopped_by=("everything",)), {}),
    "line_volume": (plain({"line_minute": 600}), {}),
    "loop_guard": (plain({"same_text_5_minutes": 5}), {}),
    "message_class": (plain(), {"message_class": {"categories": ()}}),
    "opening_hours": (plain(), {"opening_hours": {"windows": "mon-fri 20:00-21:00"}}),
    "opt_out": (plain(opt_out_source="keyword"), {}),
    "pause": (plain(paused="handover"), {}),
    "purpose": (
        plain(initiator=Initiator.SYSTEM, message_class=MessageClass.OWNER_NOTICE),
        {},
    ),
    "quiet_hours": (
        plain(act=Act.INITIATE, now=NOW + timedelta(hours=12)),
        {"quiet_hours": {"known_people_exempt": False}},
    ),
    "recipient_allowlist": (plain(**STRANGER), {}),
    "recipient_volume": (plain({"recipient_minute": 10}), {}),
    "spend": (plain({"segments_day": 50_000}), {"spend": {"money_day": 10_000}}),
    "staging": (plain(), {"staging": {"enabled": True}}),
}


@pytest.mark.proves("P1")
def test_an_ordinary_answer_passes_them_all() -> None:
    decision = decide(plain(), preset(Purpose.HOTLINE))
    assert (decision.verdict, decision.reasons) == (Verdict.ALLOW, ())


@pytest.mark.proves("P1")
@each_rule
def test_each_stands_alone_between_some_act_and_the_world(rule: Rule) -> None:
    """Taken away, turned around or broken: each changes what is decided, whatever the others say."""
    given_facts, told = WITNESSES[rule.name]
    stands_alone(rule, given_facts, preset(Purpose.HOTLINE, **told))
    ordinary = changed(preset(Purpose.HOTLINE), rule, deny_what_passes)
    assert decide(plain(act=given_facts.act), ordinary).verdict is Verdict.DENY


def stands_alone(rule: Rule, given_facts: Facts, policy: Policy) -> None:
    decision = decide(given_facts, policy)
    assert [why.rule for why in decision.reasons] == [rule.name]
    assert decision.verdict is not Verdict.ALLOW
    assert decide(given_facts, without(policy, rule)).verdict is Verdict.ALLOW
    turned = changed(policy, rule, deny_what_passes)
    assert decide(given_facts, turned).verdict is Verdict.ALLOW


def deny_what_passes(ruling: Ruling) -> Ruling:
    return ALLOWED if ruling.verdict else deny("no", "no")


def without(policy: Policy, rule: Rule) -> Policy:
    rules = [one for one in policy.rules if one is not rule]
    return make_policy(policy.settings, {}, rules)


def changed(policy: Policy, rule: Rule, change: Any) -> Policy:
    def judge(given_facts: Facts, told: Any) -> Ruling:
        ruling: Ruling = change(rule.judge(given_facts, told))
        return ruling

    other = dataclasses.replace(rule, judge=judge)
    rules = [other if one is rule else one for one in policy.rules]
    return make_policy(policy.settings, {}, rules)


# -- each rule alone, in calls --------------------------------------------------------------------

LET_IN: dict[str, Mapping[str, Any]] = {"access": {"calls": AccessPolicy.PAIRING}}


def in_call(
    act: Act,
    counts: dict[str, int] | None = None,
    traits: dict[str, Any] | None = None,
    **changes: Any,
) -> Facts:
    """A paired person is rung, or rings, or is spoken to after they rang."""
    if act is not Act.CALL:
        changes = {"caller": Caller.BY_NUMBER, **changes}
    if act is Act.ANSWER:
        changes = {"initiator": Initiator.PERSON, **changes}
    return plain(counts, traits, act=act, **changes)


NOTICE = {"initiator": Initiator.SYSTEM, "message_class": MessageClass.OWNER_NOTICE}
AGREED = {"role": Role.STRANGER, "consent": ("transactional",)}
CLOSED = {"opening_hours": {"windows": "mon-fri 20:00-21:00"}}
POOR = {"spend": {"money_day": 0.1}}
# For each rule and each act of calls it is about: facts it alone stands in the way of.
IN_CALLS: dict[tuple[str, Act], tuple[Facts, dict[str, Mapping[str, Any]]]] = {
    **{
        (name, act): (in_call(act, traits=traits), {})
        for act in (Act.CALL, Act.SPEAK)
        for name, traits in (
            ("approval", {"basis": APPROVAL}),
            ("content", {"secrets": ("card_number",)}),
            ("fallback", {"fallback": "other"}),
            ("forced_topics", {"topics": ("money",)}),
            ("grant", {"basis": "grant:grt_1"}),
        )
    },
    **{
        (name, act): (in_call(act, **changes), {})
        for act in (Act.CALL, Act.ANSWER, Act.SPEAK)
        for name, changes in (
            ("block_list", {"blocked": True}),
            ("kill_switch", {"stopped_by": ("line:default",)}),
            ("loop_guard", {"own_number": True}),
            ("opt_out", {"opt_out_source": "keyword"}),
            ("pause", {"paused": "handover"}),
        )
    },
    **{
        ("staging", act): (in_call(act), {"staging": {"enabled": True}})
        for act in (Act.CALL, Act.ANSWER, Act.SPEAK)
    },
    **{
        (name, act): (in_call(act, **changes), told)
        for act in (Act.CALL, Act.SPEAK)
        for name, changes, told in (
            ("caution", {"caution": "length"}, {}),
            ("message_class", {}, {"message_class": {"free_text": Answer.HOLD}}),
            ("purpose", NOTICE, {}),
        )
    },
    **{("access", act): (in_call(act, role=Role.STRANGER), {}) for act in (Act.ANSWER, Act.SPEAK)},
    **{
        (name, act): (in_call(act, counts), told)
        for act in (Act.CALL, Act.ANSWER)
        for name, counts, told in (
            ("call_limits", {"call_minutes_day": 600}, {}),
            ("opening_hours", {}, CLOSED),
            ("spend", {"call_minutes_day": 10}, POOR),
        )
    },
    ("agent_volume", Act.CALL): (in_call(Act.CALL, {"agent_day": 5_000}), {}),
    ("consent", Act.CALL): (in_call(Act.CALL, role=Role.STRANGER, listed=True), {}),
    ("disclosure", Act.SPEAK): (in_call(Act.SPEAK, disclosure=Disclosure.OWED), {}),
    ("first_contact", Act.CALL): (
        in_call(Act.CALL, traits=NEVER_HEARD, listed=True, new_recipient=True, **AGREED),
        {},
    ),
    ("initiator", Act.CALL): (in_call(Act.CALL), {"initiator": {"agent": Answer.HOLD}}),
    ("initiator", Act.SPEAK): (in_call(Act.SPEAK, initiator=Initiator.PERSON), {}),
    ("line_volume", Act.CALL): (in_call(Act.CALL, {"waiting": 10_000}), {}),
    ("purpose", Act.ANSWER): (in_call(Act.ANSWER), {}),  # on a notify line
    ("quiet_hours", Act.CALL): (in_call(Act.CALL, now=NOW + timedelta(hours=12)), {}),
    ("recipient_allowlist", Act.CALL): (in_call(Act.CALL, **AGREED), {}),
}
ACTS_OF_CALLS = (Act.CALL, Act.ANSWER, Act.SPEAK)


@pytest.mark.proves("P1")
@pytest.mark.parametrize("act", ACTS_OF_CALLS)
@pytest.mark.parametrize("caller", [Caller.BY_NUMBER, Caller.BY_PIN])
def test_an_ordinary_call_passes_them_all(act: Act, caller: Caller) -> None:
    given_facts = in_call(act) if act is Act.CALL else in_call(act, caller=caller)
    decision = decide(given_facts, preset(Purpose.HOTLINE, **LET_IN))
    assert (decision.verdict, decision.reasons) == (Verdict.ALLOW, ())


@pytest.mark.proves("P1")
@pytest.mark.parametrize(
    ("name", "act"),
    [(name, act) for name, rule in RULES.items() for act in ACTS_OF_CALLS if act in rule.acts],
)
def test_each_stands_alone_between_some_call_and_the_world(name: str, act: Act) -> None:
    given_facts, told = IN_CALLS[name, act]
    purpose = Purpose.NOTIFY if (name, act) == ("purpose", Act.ANSWER) else Purpose.HOTLINE
    stands_alone(RULES[name], given_facts, preset(purpose, **LET_IN, **told))


@pytest.mark.proves("P2")
@pytest.mark.parametrize("purpose", Purpose)
@given(ALL_FACTS, st.data())
def test_no_preset_lets_a_machine_call_third_parties(
    purpose: Purpose, given_facts: Facts, data: st.DataObject
) -> None:
    """No configuration, no calls; nor does time alone let one out."""
    asked = dataclasses.replace(
        given_facts,
        act=Act.CALL,
        initiator=data.draw(st.sampled_from([Initiator.AGENT, Initiator.EVENT])),
        message_class=data.draw(st.sampled_from([TEXT, TEMPLATE])),
        role=Role.STRANGER,
        listed=False,
        consent=(),
        approval="",
        grant="",
    )
    decision = decide(asked, preset(purpose))
    assert decision.verdict is not Verdict.ALLOW
    assert decision.until is None


@pytest.mark.proves("B121")
@given(ALL_FACTS)
def test_a_caller_who_hides_gets_in_nowhere(given_facts: Facts) -> None:
    asked = dataclasses.replace(given_facts, act=Act.ANSWER, caller=Caller.HIDDEN)
    for access in AccessPolicy:
        policy = preset(Purpose.HOTLINE, access={"calls": access})
        assert decide(asked, policy).verdict is Verdict.DENY


# -- the presets (product.md, Lines and their purposes) --------------------------------------------


@pytest.mark.parametrize("purpose", Purpose)
def test_a_preset_says_only_what_rules_can_be_told(purpose: Purpose) -> None:
    for name, told in PRESETS[purpose].items():
        assert dataclasses.replace(RULES[name].settings, **told) is not None
        taken = {entry.name for entry in entries(RULES[name]) if entry.metadata["from_line"]}
        assert not taken & told.keys(), "what a line says itself is not for its preset"


OWNER, GUEST = Role.OWNER, Role.GUEST
TEXT, TEMPLATE = MessageClass.FREE_TEXT, MessageClass.TEMPLATE


@pytest.mark.proves("P2")
@pytest.mark.parametrize(
    ("purpose", "role", "act", "message_class", "expected"),
    [
        (Purpose.HOTLINE, OWNER, Act.REPLY, TEXT, Verdict.ALLOW),
        (Purpose.HOTLINE, GUEST, Act.REPLY, TEXT, Verdict.ALLOW),
        (Purpose.HOTLINE, OWNER, Act.INITIATE, TEXT, Verdict.ALLOW),
        (Purpose.HOTLINE, GUEST, Act.INITIATE, TEXT, Verdict.ALLOW),
        (Purpose.HOTLINE, Role.STRANGER, Act.INITIATE, TEXT, Verdict.HOLD),
        (Purpose.HOTLINE, Role.STRANGER, Act.INITIATE, TEMPLATE, Verdict.HOLD),
        (Purpose.INTAKE, GUEST, Act.REPLY, TEXT, Verdict.HOLD),
        (Purpose.INTAKE, GUEST, Act.REPLY, TEMPLATE, Verdict.ALLOW),
        (Purpose.INTAKE, OWNER, Act.INITIATE, TEXT, Verdict.DENY),
        (Purpose.INTAKE, GUEST, Act.INITIATE, TEMPLATE, Verdict.DENY),
        (Purpose.NOTIFY, GUEST, Act.REPLY, TEXT, Verdict.DENY),
        (Purpose.NOTIFY, OWNER, Act.INITIATE, TEXT, Verdict.DENY),
        (Purpose.NOTIFY, GUEST, Act.INITIATE, TEMPLATE, Verdict.ALLOW),
        (Purpose.NOTIFY, Role.STRANGER, Act.INITIATE, TEMPLATE, Verdict.HOLD),
    ],
)
def test_the_table_of_purposes(
    purpose: Purpose, role: Role, act: Act, message_class: MessageClass, expected: Verdict
) -> None:
    asked = plain(act=act, role=role, message_class=message_class)
    assert decide(asked, preset(purpose)).verdict is expected


@pytest.mark.parametrize("initiator", [Initiator.AGENT, Initiator.EVENT])
def test_a_notify_line_reaches_whoever_agreed(initiator: Initiator) -> None:
    def asked(**changes: Any) -> Facts:
        given: dict[str, Any] = {"message_class": TEMPLATE, "new_recipient": True, **STRANGER}
        traits = {"heard_at": None, "category": Category.TRANSACTIONAL, "template": "ready@1"}
        return plain(traits=traits, initiator=initiator, **{**given, **changes})

    policy = preset(Purpose.NOTIFY)
    assert decide(asked(consent=("transactional",)), policy).verdict is Verdict.ALLOW
    # Nobody stands by to decide for a machine.
    alone = Verdict.DENY if initiator is Initiator.EVENT else Verdict.HOLD
    assert decide(asked(), policy).verdict is alone
    text = asked(consent=("transactional",), message_class=TEXT)
    assert decide(text, policy).verdict is Verdict.DENY


@pytest.mark.proves("P2")
@pytest.mark.parametrize("purpose", Purpose)
@given(ALL_FACTS, st.data())
def test_no_preset_lets_an_agent_talk_freely_to_third_parties(
    purpose: Purpose, given_facts: Facts, data: st.DataObject
) -> None:
    asked = dataclasses.replace(
        given_facts,
        act=Act.INITIATE,
        initiator=data.draw(st.sampled_from([Initiator.AGENT, Initiator.EVENT])),
        message_class=TEXT,
        role=Role.STRANGER,
        listed=False,
        approval="",
        grant="",
        blocked=False,
    )
    decision = decide(asked, preset(purpose))
    assert decision.verdict is not Verdict.ALLOW
    # Nor does time alone let it out.
    assert decision.until is None


@pytest.mark.parametrize("purpose", Purpose)
def test_the_safe_reply_passes_the_pause_and_nothing_more(purpose: Purpose) -> None:
    safe: dict[str, Any] = {"message_class": MessageClass.SAFE_REPLY, "initiator": Initiator.SYSTEM}
    policy = preset(purpose)
    assert decide(plain(paused="emergency", **safe), policy).verdict is Verdict.ALLOW
    for no in ({"blocked": True}, {"opt_out_source": "keyword"}, {"stopped_by": ("everything",)}):
        assert decide(plain(paused="emergency", **safe, **no), policy).verdict is Verdict.DENY


@pytest.mark.parametrize("purpose", Purpose)
def test_the_question_whether_a_person_agrees_may_be_asked_once_nobody_said_stop(
    purpose: Purpose,
) -> None:
    question: dict[str, Any] = {
        "message_class": MessageClass.OPT_IN_REQUEST,
        "initiator": Initiator.OPERATOR,
        "new_recipient": True,
        **STRANGER,
    }
    policy = preset(purpose)
    asked = plain(traits=NEVER_HEARD, **question)
    assert decide(asked, policy).verdict is Verdict.ALLOW
    for source in ("keyword", "operator", "provider"):
        stopped = dataclasses.replace(asked, opt_out_source=source)
        assert decide(stopped, policy).verdict is Verdict.DENY
    by_agent = dataclasses.replace(asked, initiator=Initiator.AGENT)
    assert decide(by_agent, policy).verdict is Verdict.DENY


@pytest.mark.parametrize(
    "looser",
    [{"agent": "allow"}, {"event": "allow"}],
)
def test_what_a_line_loosens_is_named(looser: dict[str, str]) -> None:
    rule = RULES["initiator"]
    kind = type(rule.settings.agent)
    base = dataclasses.replace(rule.settings, **PRESETS[Purpose.INTAKE]["initiator"])
    actual = dataclasses.replace(base, **{name: kind(word) for name, word in looser.items()})
    assert loosened(rule, base, actual) == list(looser)
    assert loosened(rule, actual, base) == []


@pytest.mark.parametrize(
    ("rule", "name", "base", "actual", "named"),
    [
        ("content", "hosts", (), ("example.com",), True),
        ("content", "hosts", ("example.com",), (), False),
        ("message_class", "templates", ("*",), ("ready",), False),
        ("message_class", "templates", ("ready",), ("*",), True),
        ("message_class", "templates", ("ready",), ("other",), True),
        ("forced_topics", "topics", ("*",), ("money",), True),
        ("forced_topics", "topics", ("money",), ("*",), False),
        ("forced_topics", "extra", {}, {"money": ("pocket change",)}, False),
        ("forced_topics", "off", (), ("refund",), True),
    ],
)
def test_what_loosens_a_list(
    rule: str, name: str, base: object, actual: object, named: bool
) -> None:
    told = RULES[rule].settings
    before, after = (dataclasses.replace(told, **{name: one}) for one in (base, actual))
    assert loosened(RULES[rule], before, after) == ([name] if named else [])
