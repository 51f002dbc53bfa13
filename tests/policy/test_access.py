"""Who may write in, and who may be answered, as a table."""

from __future__ import annotations

import pytest
from policy_facts import ask, facts

from ringfence.model.contact import Role
from ringfence.model.line import AccessPolicy
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.rules.access import RULE

ALLOW, HOLD, DENY = Verdict.ALLOW, Verdict.HOLD, Verdict.DENY
P, L, O, D = (  # noqa: E741 - a table is read by its letters
    AccessPolicy.PAIRING,
    AccessPolicy.ALLOWLIST,
    AccessPolicy.OPEN,
    AccessPolicy.DISABLED,
)
KNOWN = (Role.OWNER, Role.MEMBER, Role.GUEST)


@pytest.mark.proves("B044", "B052", "B053")
@pytest.mark.parametrize(
    ("access", "stranger", "known"),
    [(P, HOLD, ALLOW), (L, DENY, ALLOW), (O, ALLOW, ALLOW), (D, DENY, DENY)],
)
def test_who_may_write_in(access: AccessPolicy, stranger: Verdict, known: Verdict) -> None:
    def verdict(role: Role) -> Verdict:
        return ask(RULE, facts(act=Act.RECEIVE, role=role), access=access).verdict

    assert verdict(Role.STRANGER) is stranger
    assert {verdict(role) for role in KNOWN} == {known}


@pytest.mark.proves("B053")
@pytest.mark.parametrize(
    ("message_class", "answered"),
    [
        (MessageClass.FREE_TEXT, {O}),
        (MessageClass.TEMPLATE, {O}),
        (MessageClass.PAIRING, {P}),
        (MessageClass.HELP, {P, L, O}),
        (MessageClass.OPT_OUT_CONFIRMATION, {P, L, O}),
        (MessageClass.OPT_IN_CONFIRMATION, {P, L, O}),
    ],
)
def test_where_a_stranger_is_answered(
    message_class: MessageClass, answered: set[AccessPolicy]
) -> None:
    allowed = {
        access
        for access in AccessPolicy
        if ask(RULE, facts(role=Role.STRANGER, message_class=message_class), access=access).verdict
        is ALLOW
    }
    assert allowed == answered


def test_whom_to_write_to_first_is_not_its_business() -> None:
    assert RULE.acts == {Act.RECEIVE, Act.REPLY}


@pytest.mark.parametrize("access", AccessPolicy)
def test_a_line_that_is_switched_off_takes_nothing(access: AccessPolicy) -> None:
    for act in (Act.RECEIVE, Act.REPLY):
        asked = facts(act=act, role=Role.OWNER)
        assert ask(RULE, asked, access=access, enabled=False).verdict is DENY
