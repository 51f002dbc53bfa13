"""The line's purpose as a table: who starts, to whom, with which class of message."""

from __future__ import annotations

import pytest
from policy_facts import ask, facts

from ringfence.model.contact import Role
from ringfence.model.line import Purpose
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Initiator
from ringfence.policy.rules.purpose import RULE

ALLOW, HOLD, DENY = Verdict.ALLOW, Verdict.HOLD, Verdict.DENY
AGENT, OPERATOR = Initiator.AGENT, Initiator.OPERATOR
TEXT, TEMPLATE = MessageClass.FREE_TEXT, MessageClass.TEMPLATE


@pytest.mark.proves("P2")
@pytest.mark.parametrize(
    ("purpose", "act", "who", "message_class", "stranger", "paired"),
    [
        (Purpose.HOTLINE, Act.REPLY, AGENT, TEXT, ALLOW, ALLOW),
        (Purpose.HOTLINE, Act.INITIATE, AGENT, TEXT, HOLD, ALLOW),
        (Purpose.HOTLINE, Act.INITIATE, AGENT, TEMPLATE, HOLD, ALLOW),
        (Purpose.HOTLINE, Act.INITIATE, OPERATOR, TEXT, ALLOW, ALLOW),
        (Purpose.INTAKE, Act.REPLY, AGENT, TEXT, HOLD, HOLD),
        (Purpose.INTAKE, Act.REPLY, AGENT, TEMPLATE, ALLOW, ALLOW),
        (Purpose.INTAKE, Act.INITIATE, AGENT, TEXT, DENY, DENY),
        (Purpose.INTAKE, Act.INITIATE, OPERATOR, TEXT, ALLOW, ALLOW),
        (Purpose.NOTIFY, Act.REPLY, AGENT, TEXT, DENY, DENY),
        (Purpose.NOTIFY, Act.INITIATE, OPERATOR, TEXT, DENY, DENY),
        (Purpose.NOTIFY, Act.INITIATE, AGENT, TEMPLATE, HOLD, ALLOW),
        (Purpose.NOTIFY, Act.INITIATE, OPERATOR, TEMPLATE, HOLD, ALLOW),
    ],
)
def test_the_presets(
    purpose: Purpose,
    act: Act,
    who: Initiator,
    message_class: MessageClass,
    stranger: Verdict,
    paired: Verdict,
) -> None:
    def verdict(role: Role) -> Verdict:
        asked = facts(act=act, initiator=who, message_class=message_class, role=role)
        return ask(RULE, asked, purpose=purpose).verdict

    assert verdict(Role.STRANGER) is stranger
    assert {verdict(role) for role in (Role.OWNER, Role.MEMBER, Role.GUEST)} == {paired}


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("role", Role)
def test_a_notice_goes_to_owners_only(purpose: Purpose, role: Role) -> None:
    asked = facts(
        act=Act.INITIATE,
        initiator=Initiator.SYSTEM,
        message_class=MessageClass.OWNER_NOTICE,
        role=role,
    )
    assert ask(RULE, asked, purpose=purpose).verdict is (ALLOW if role is Role.OWNER else DENY)


@pytest.mark.parametrize(
    ("purpose", "heard"),
    [(Purpose.HOTLINE, ALLOW), (Purpose.INTAKE, ALLOW), (Purpose.NOTIFY, HOLD)],
)
def test_what_is_heard(purpose: Purpose, heard: Verdict) -> None:
    assert ask(RULE, facts(act=Act.RECEIVE), purpose=purpose).verdict is heard
