"""Which acts a grant covers, which of several counts, and which grants there cannot be."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_facts import NOW, facts, policy_of
from policy_strategies import ALL_FACTS

from ringfence.model.contact import Role
from ringfence.model.draft import Category
from ringfence.model.grant import Grant, GrantGroup, GrantScope, GrantState
from ringfence.model.message import MessageClass
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.decide import decide
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.granting import (
    RECIPIENTS_MAX,
    WIDE_COUNT_MAX,
    WIDE_LIFETIME_MAX,
    Asking,
    covers,
    narrowest,
    refusal,
    still_covers,
)

ANN, BEN = PhoneNumber("+15555550111"), PhoneNumber("+15555550112")
ASKING = Asking("shop", ANN, "UTC")
FREE, TEMPLATE = MessageClass.FREE_TEXT, MessageClass.TEMPLATE
BOTH = frozenset({FREE, TEMPLATE})
HOUR = timedelta(hours=1)


def scope(**changes: Any) -> GrantScope:
    return replace(GrantScope(GrantGroup.ANYONE, classes=BOTH), **changes)


def grant(what: GrantScope | None = None, **changes: Any) -> Grant:
    plain = Grant(
        id="grt_1",
        name="",
        agent="shop",
        line="",
        scope=what or scope(),
        count_max=None,
        valid_from=NOW - HOUR,
        valid_until=None,
        created_at=NOW - HOUR,
        created_by="operator:ann",
    )
    return replace(plain, **changes)


def asked(**changes: Any) -> Facts:
    return facts(**{"act": Act.INITIATE, "role": Role.STRANGER, **changes})


VISIT = {"template": "visit@2", "category": Category.TRANSACTIONAL, "programme": "visits"}

# NOW is Monday, 2026-03-02, 17:00:30 UTC.
TABLE: list[tuple[str, Grant, Facts, Asking, bool]] = [
    ("anything of its agent", grant(), asked(), ASKING, True),
    ("an answer too", grant(), asked(act=Act.REPLY), ASKING, True),
    ("no call", grant(), asked(act=Act.CALL), ASKING, False),
    ("no speech", grant(), asked(act=Act.SPEAK), ASKING, False),
    ("another agent", grant(), asked(), replace(ASKING, agent="other"), False),
    ("no agent at all", grant(agent=""), asked(), replace(ASKING, agent=""), False),
    ("an operator", grant(), asked(initiator=Initiator.OPERATOR), ASKING, False),
    ("an event source", grant(), asked(initiator=Initiator.EVENT), ASKING, False),
    ("its line", grant(line="default"), asked(), ASKING, True),
    ("another line", grant(line="other"), asked(), ASKING, False),
    ("a notice", grant(), asked(message_class=MessageClass.OWNER_NOTICE), ASKING, False),
    (
        "a class it cannot have",
        grant(scope(classes=frozenset(MessageClass))),
        asked(message_class=MessageClass.OPT_IN_REQUEST),
        ASKING,
        False,
    ),
    ("free text", grant(scope(classes=frozenset({FREE}))), asked(), ASKING, True),
    ("templates do not", grant(scope(classes=frozenset({TEMPLATE}))), asked(), ASKING, False),
    (
        "free text is no template",
        grant(scope(classes=frozenset({FREE}))),
        asked(message_class=TEMPLATE, traits=VISIT),
        ASKING,
        False,
    ),
    (
        "its template, any version",
        grant(scope(templates=frozenset({"visit"}))),
        asked(message_class=TEMPLATE, traits=VISIT),
        ASKING,
        True,
    ),
    (
        "this version",
        grant(scope(templates=frozenset({"visit@2"}))),
        asked(message_class=TEMPLATE, traits=VISIT),
        ASKING,
        True,
    ),
    (
        "another version",
        grant(scope(templates=frozenset({"visit@1"}))),
        asked(message_class=TEMPLATE, traits=VISIT),
        ASKING,
        False,
    ),
    (
        "another template",
        grant(scope(templates=frozenset({"order"}))),
        asked(message_class=TEMPLATE, traits=VISIT),
        ASKING,
        False,
    ),
    (
        "a text of a template's name",
        grant(scope(classes=frozenset({TEMPLATE}), templates=frozenset({"visit"}))),
        asked(traits={"template": "visit@2"}),
        ASKING,
        False,
    ),
    (
        "another category",
        grant(scope(categories=frozenset({Category.ALERT}))),
        asked(message_class=TEMPLATE, traits=VISIT),
        ASKING,
        False,
    ),
    (
        "its programme",
        grant(scope(programmes=frozenset({"visits"}))),
        asked(traits=VISIT),
        ASKING,
        True,
    ),
    (
        "another programme",
        grant(scope(programmes=frozenset({"orders"}))),
        asked(traits=VISIT),
        ASKING,
        False,
    ),
    (
        "a named person",
        grant(scope(group=GrantGroup.NAMED, recipients=frozenset({ANN}))),
        asked(),
        ASKING,
        True,
    ),
    (
        "another person",
        grant(scope(group=GrantGroup.NAMED, recipients=frozenset({BEN}))),
        asked(role=Role.OWNER, listed=True),
        ASKING,
        False,
    ),
    ("nobody is named", grant(scope(group=GrantGroup.NAMED)), asked(), ASKING, False),
    ("an owner", grant(scope(group=GrantGroup.OWNERS)), asked(role=Role.OWNER), ASKING, True),
    ("no owner", grant(scope(group=GrantGroup.OWNERS)), asked(role=Role.MEMBER), ASKING, False),
    ("paired", grant(scope(group=GrantGroup.PAIRED)), asked(role=Role.GUEST), ASKING, True),
    ("a stranger", grant(scope(group=GrantGroup.PAIRED)), asked(listed=True), ASKING, False),
    ("listed", grant(scope(group=GrantGroup.LISTED)), asked(listed=True), ASKING, True),
    ("let in", grant(scope(group=GrantGroup.LISTED)), asked(role=Role.GUEST), ASKING, True),
    ("on no list", grant(scope(group=GrantGroup.LISTED)), asked(), ASKING, False),
    (
        "consent",
        grant(scope(group=GrantGroup.CONSENTED)),
        asked(consent=("transactional",)),
        ASKING,
        True,
    ),
    (
        "no consent",
        grant(scope(group=GrantGroup.CONSENTED)),
        asked(role=Role.OWNER, listed=True),
        ASKING,
        False,
    ),
    ("in its hours", grant(scope(hours="mon-fri 09:00-18:00")), asked(), ASKING, True),
    ("after its hours", grant(scope(hours="mon-fri 09:00-17:00")), asked(), ASKING, False),
    ("not its day", grant(scope(hours="sat-sun 00:00-24:00")), asked(), ASKING, False),
    (
        "its hours where the line is",
        grant(scope(hours="mon-fri 09:00-17:00")),
        asked(),
        replace(ASKING, zone="America/New_York"),
        True,
    ),
    ("hours nobody can read", grant(scope(hours="office hours")), asked(), ASKING, False),
    ("a zone nobody has", grant(scope(hours="us")), asked(), replace(ASKING, zone="X/Y"), False),
    ("a use is left", grant(count_max=5, used=4), asked(), ASKING, True),
    ("none is left", grant(count_max=5, used=5), asked(), ASKING, False),
    ("not yet", grant(valid_from=NOW + timedelta(microseconds=1)), asked(), ASKING, False),
    ("from now on", grant(valid_from=NOW), asked(), ASKING, True),
    ("until then", grant(valid_until=NOW + timedelta(microseconds=1)), asked(), ASKING, True),
    ("it is over", grant(valid_until=NOW), asked(), ASKING, False),
    ("revoked", grant(state=GrantState.REVOKED), asked(), ASKING, False),
    ("expired", grant(state=GrantState.EXPIRED), asked(), ASKING, False),
    ("used up", grant(state=GrantState.USED_UP), asked(), ASKING, False),
]


@pytest.mark.proves("P1", "P2")
@pytest.mark.parametrize(
    ("held", "act", "asking", "covered"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_what_a_grant_covers(held: Grant, act: Facts, asking: Asking, covered: bool) -> None:
    assert covers(held, act, asking) is covered


@pytest.mark.parametrize(
    ("held", "standing"),
    [
        (grant(), True),
        (grant(count_max=5, used=5, state=GrantState.USED_UP), True),
        (grant(state=GrantState.USED_UP, valid_until=NOW), False),
        (grant(state=GrantState.REVOKED), False),
        (grant(state=GrantState.EXPIRED), False),
        (grant(valid_until=NOW), False),
        (grant(line="other"), False),
        (grant(scope(hours="mon-fri 09:00-17:00")), False),
    ],
)
def test_what_left_the_gate_goes_while_the_grant_stands(held: Grant, standing: bool) -> None:
    """Its own use was counted already, so the count says nothing any more."""
    assert still_covers(held, asked(), ASKING) is standing


MOMENTS = st.integers(-90, 90).map(lambda minutes: NOW + timedelta(minutes=minutes))
SCOPES = st.builds(
    GrantScope,
    group=st.sampled_from(GrantGroup),
    recipients=st.frozensets(st.sampled_from([ANN, BEN])),
    classes=st.frozensets(st.sampled_from(MessageClass)),
    categories=st.frozensets(st.sampled_from(Category), max_size=2),
    templates=st.frozensets(st.sampled_from(["ready", "other"]), max_size=1),
    programmes=st.frozensets(st.sampled_from(["orders", "default"]), max_size=1),
    hours=st.sampled_from(["", "mon-fri 09:00-17:00", "mon-sun 00:00-24:00", "nonsense"]),
)


@st.composite
def any_grant(draw: st.DrawFn) -> Grant:
    return grant(
        draw(SCOPES),
        id=f"grt_{draw(st.integers(0, 3))}",
        agent=draw(st.sampled_from(["shop", "other"])),
        line=draw(st.sampled_from(["", "default", "other"])),
        count_max=draw(st.none() | st.integers(1, 3)),
        used=draw(st.integers(0, 3)),
        valid_from=draw(MOMENTS),
        valid_until=draw(st.none() | MOMENTS),
        state=draw(st.sampled_from(GrantState)),
    )


@pytest.mark.proves("P1", "P2")
@given(any_grant(), ALL_FACTS, st.sampled_from(["shop", "other", ""]))
def test_nothing_is_covered_beyond_the_words_of_a_grant(
    held: Grant, act: Facts, agent: str
) -> None:
    if not covers(held, act, Asking(agent, ANN, "UTC")):
        return
    assert act.initiator is Initiator.AGENT
    assert held.agent == agent
    assert held.line in ("", act.line)
    assert act.message_class in held.scope.classes & BOTH
    assert held.state is GrantState.ACTIVE
    assert held.valid_from <= act.now
    assert held.valid_until is None or act.now < held.valid_until
    assert held.count_max is None or held.used < held.count_max
    assert held.scope.group is not GrantGroup.NAMED or ANN in held.scope.recipients
    assert still_covers(held, act, Asking(agent, ANN, "UTC"))


@given(any_grant(), ALL_FACTS, st.data())
def test_a_narrower_grant_covers_no_more(held: Grant, act: Facts, data: st.DataObject) -> None:
    what = held.scope
    narrower = data.draw(
        st.sampled_from(
            [
                replace(held, line="other"),
                replace(held, valid_until=NOW),
                replace(held, count_max=held.used + 1),
                replace(held, scope=replace(what, classes=what.classes - {FREE})),
                replace(held, scope=replace(what, classes=what.classes - {TEMPLATE})),
                replace(held, scope=replace(what, recipients=what.recipients - {ANN})),
            ]
        )
    )
    if covers(narrower, act, ASKING) and narrower.count_max == held.count_max:
        assert covers(held, act, ASKING) or held.line not in ("", narrower.line)


@pytest.mark.proves("P1")
@given(ALL_FACTS)
def test_no_grant_lifts_a_refusal_or_a_hold_that_is_not_grantable(act: Facts) -> None:
    """With all rules at their defaults: what a grant changes is only a HOLD of a grantable rule."""
    policy = policy_of()
    without, granted = decide(replace(act, grant=""), policy), decide(act, policy)
    grantable = {rule.name for rule in policy.rules if rule.grantable}
    if act.traits.basis == "" and granted.verdict < without.verdict:
        assert without.verdict is Verdict.HOLD
        met = {why.rule for why in granted.reasons if why.met_by.startswith("grant:")}
        assert met
        assert met <= grantable
    assert not {"forced_topics", "opt_out", "block_list", "kill_switch", "grant"} & grantable


# -- which of several ---------------------------------------------------------------------------


def named(*people: PhoneNumber) -> GrantScope:
    return scope(group=GrantGroup.NAMED, recipients=frozenset(people))


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        (grant(named(ANN)), grant(scope(group=GrantGroup.OWNERS))),
        (grant(named(ANN)), grant(named(ANN, BEN))),
        (grant(scope(group=GrantGroup.CONSENTED)), grant(count_max=1)),
        (grant(scope(classes=frozenset({FREE}))), grant()),
        (grant(scope(templates=frozenset({"a"}))), grant()),
        (grant(line="default"), grant()),
        (grant(scope(hours="us")), grant()),
        (grant(count_max=3), grant()),
        (grant(count_max=5, used=4), grant(count_max=3)),
        (grant(valid_until=NOW + HOUR), grant()),
        (grant(), grant(id="grt_2")),
    ],
)
def test_the_narrowest_counts_whatever_the_order(narrow: Grant, wide: Grant) -> None:
    wide = replace(wide, id="grt_2") if wide.id == narrow.id else wide
    assert narrowest([wide, narrow]) is narrow
    assert narrowest([narrow, wide]) is narrow


def test_of_none_none_counts() -> None:
    assert narrowest([]) is None


@given(st.lists(any_grant(), min_size=1, max_size=4, unique_by=lambda one: one.id), st.randoms())
def test_always_the_same_one(grants: list[Grant], chance: Any) -> None:
    shuffled = list(grants)
    chance.shuffle(shuffled)
    assert narrowest(shuffled) is narrowest(grants)


# -- which there cannot be ----------------------------------------------------------------------


DAY = timedelta(days=1)


@pytest.mark.proves("P2", "P10")
@pytest.mark.parametrize("group", [GrantGroup.ANYONE, GrantGroup.CONSENTED])
@pytest.mark.parametrize(
    ("count", "lifetime"),
    [
        (None, None),
        (5, None),
        (None, DAY),
        (WIDE_COUNT_MAX + 1, DAY),
        (5, WIDE_LIFETIME_MAX + DAY),
    ],
)
def test_free_text_to_everybody_needs_a_count_and_an_end(
    group: GrantGroup, count: int | None, lifetime: timedelta | None
) -> None:
    wide = scope(group=group, classes=frozenset({FREE}))
    assert "everybody" in refusal(wide, count, lifetime)
    assert "everybody" in refusal(replace(wide, classes=BOTH), count, lifetime)
    assert refusal(wide, WIDE_COUNT_MAX, WIDE_LIFETIME_MAX) == ""
    assert refusal(replace(wide, classes=frozenset({TEMPLATE})), None, None) == ""


@pytest.mark.parametrize("group", [one for one in GrantGroup if one.on_lists])
def test_free_text_to_people_on_lists_may_go_on(group: GrantGroup) -> None:
    people = frozenset({ANN}) if group is GrantGroup.NAMED else frozenset[PhoneNumber]()
    assert refusal(scope(group=group, recipients=people), None, None) == ""


MANY = frozenset(PhoneNumber(f"+1555{index:07d}") for index in range(RECIPIENTS_MAX + 1))


@pytest.mark.parametrize(
    ("what", "count", "lifetime", "words"),
    [
        (scope(group=GrantGroup.OWNERS, classes=frozenset()), None, None, "class"),
        (scope(group=GrantGroup.OWNERS, classes=frozenset({MessageClass.HELP})), None, None, "cla"),
        (
            scope(
                group=GrantGroup.OWNERS, classes=frozenset({FREE}), templates=frozenset({"visit"})
            ),
            None,
            None,
            "templates",
        ),
        (scope(group=GrantGroup.NAMED), None, None, "whom"),
        (scope(group=GrantGroup.PAIRED, recipients=frozenset({ANN})), None, None, "whom"),
        (scope(group=GrantGroup.NAMED, recipients=MANY), None, None, "recipients"),
        (scope(group=GrantGroup.OWNERS), 0, None, "count"),
        (scope(group=GrantGroup.OWNERS), 1_000_001, None, "count"),
        (scope(group=GrantGroup.OWNERS), None, timedelta(0), "ends"),
        (scope(group=GrantGroup.OWNERS), None, timedelta(days=5_000), "ends"),
    ],
)
def test_what_makes_no_sense_is_refused(
    what: GrantScope, count: int | None, lifetime: timedelta | None, words: str
) -> None:
    assert words in refusal(what, count, lifetime)


@pytest.mark.parametrize(
    ("held", "at", "state"),
    [
        (grant(), NOW, GrantState.ACTIVE),
        (grant(valid_until=NOW), NOW, GrantState.EXPIRED),
        (grant(valid_until=NOW, state=GrantState.REVOKED), NOW, GrantState.REVOKED),
        (grant(valid_until=NOW + HOUR), NOW, GrantState.ACTIVE),
    ],
)
def test_people_are_told_the_state_of_now(held: Grant, at: datetime, state: GrantState) -> None:
    assert held.state_at(at) is state
