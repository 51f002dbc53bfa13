"""The purpose of a line as policy: the table of product.md, cell by cell."""

from __future__ import annotations

import pytest

from policy_facts import facts
from ringfence.model.contact import Role
from ringfence.model.line import Purpose
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Initiator
from ringfence.policy.rules.purpose import RULE

AGENT, OPERATOR = Initiator.AGENT, Initiator.OPERATOR
TEXT, TEMPLATE = MessageClass.FREE_TEXT, MessageClass.TEMPLATE
ALLOW, HOLD, DENY = Verdict.ALLOW, Verdict.HOLD, Verdict.DENY


@pytest.mark.proves("P2")
@pytest.mark.parametrize(
    ("purpose", "act", "initiator", "message_class", "role", "verdict"),
    [
        (Purpose.HOTLINE, Act.REPLY, AGENT, TEXT, Role.GUEST, ALLOW),
        (Purpose.HOTLINE, Act.INITIATE, AGENT, TEXT, Role.GUEST, ALLOW),
        (Purpose.HOTLINE, Act.INITIATE, AGENT, TEXT, Role.OWNER, ALLOW),
        (Purpose.HOTLINE, Act.INITIATE, AGENT, TEXT, Role.STRANGER, HOLD),
        (Purpose.HOTLINE, Act.INITIATE, OPERATOR, TEXT, Role.STRANGER, ALLOW),
        (Purpose.INTAKE, Act.REPLY, AGENT, TEXT, Role.STRANGER, HOLD),
        (Purpose.INTAKE, Act.REPLY, AGENT, TEMPLATE, Role.STRANGER, ALLOW),
        (Purpose.INTAKE, Act.INITIATE, AGENT, TEXT, Role.GUEST, DENY),
        (Purpose.INTAKE, Act.INITIATE, OPERATOR, TEXT, Role.GUEST, ALLOW),
        (Purpose.NOTIFY, Act.REPLY, AGENT, TEXT, Role.OWNER, DENY),
        (Purpose.NOTIFY, Act.INITIATE, OPERATOR, TEXT, Role.OWNER, DENY),
        (Purpose.NOTIFY, Act.INITIATE, AGENT, TEMPLATE, Role.MEMBER, ALLOW),
        (Purpose.NOTIFY, Act.INITIATE, AGENT, TEMPLATE, Role.STRANGER, HOLD),
    ],
)
def test_a_cell_of_the_table(
    purpose: Purpose,
    act: Act,
    initiator: Initiator,
    message_class: MessageClass,
    role: Role,
    verdict: Verdict,
) -> None:
    asked = facts(
        purpose=purpose, act=act, initiator=initiator, message_class=message_class, role=role
    )
    assert RULE.judge(asked).verdict is verdict


def test_a_notify_line_keeps_what_people_write_and_acts_on_keywords_only() -> None:
    assert RULE.judge(facts(act=Act.RECEIVE, purpose=Purpose.NOTIFY)).code == "keywords_only"
    for purpose in (Purpose.HOTLINE, Purpose.INTAKE):
        assert RULE.judge(facts(act=Act.RECEIVE, purpose=purpose)).verdict is ALLOW


def test_notices_go_to_owners_only() -> None:
    for role in Role:
        notice = facts(act=Act.INITIATE, message_class=MessageClass.OWNER_NOTICE, role=role)
        assert (RULE.judge(notice).verdict is ALLOW) == (role is Role.OWNER)
