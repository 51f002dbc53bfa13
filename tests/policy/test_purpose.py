"""The line's purpose as a table: who starts, with which class of message; no setting softens it."""

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
AGENT, OPERATOR, EVENT = Initiator.AGENT, Initiator.OPERATOR, Initiator.EVENT
TEXT, TEMPLATE = MessageClass.FREE_TEXT, MessageClass.TEMPLATE
INTAKE = (MessageClass.INTAKE_QUESTION, MessageClass.INTAKE_END)


@pytest.mark.proves("P2")
@pytest.mark.parametrize(
    ("purpose", "act", "who", "message_class", "expected"),
    [
        (Purpose.HOTLINE, Act.REPLY, AGENT, TEXT, ALLOW),
        (Purpose.HOTLINE, Act.INITIATE, AGENT, TEXT, ALLOW),
        (Purpose.HOTLINE, Act.CALL, AGENT, TEXT, ALLOW),
        (Purpose.INTAKE, Act.REPLY, AGENT, TEXT, HOLD),
        (Purpose.INTAKE, Act.SPEAK, AGENT, TEXT, HOLD),
        (Purpose.INTAKE, Act.REPLY, AGENT, TEMPLATE, ALLOW),
        (Purpose.INTAKE, Act.INITIATE, AGENT, TEXT, DENY),
        (Purpose.INTAKE, Act.INITIATE, AGENT, TEMPLATE, DENY),
        (Purpose.INTAKE, Act.CALL, AGENT, TEMPLATE, DENY),
        (Purpose.INTAKE, Act.INITIATE, EVENT, TEMPLATE, DENY),
        (Purpose.INTAKE, Act.INITIATE, OPERATOR, TEXT, ALLOW),
        (Purpose.NOTIFY, Act.REPLY, AGENT, TEXT, DENY),
        (Purpose.NOTIFY, Act.SPEAK, AGENT, TEXT, DENY),
        (Purpose.NOTIFY, Act.INITIATE, OPERATOR, TEXT, DENY),
        (Purpose.NOTIFY, Act.INITIATE, AGENT, TEMPLATE, ALLOW),
        (Purpose.NOTIFY, Act.INITIATE, EVENT, TEMPLATE, ALLOW),
        (Purpose.HOTLINE, Act.CALL, EVENT, TEMPLATE, ALLOW),
        (Purpose.HOTLINE, Act.SPEAK, AGENT, TEXT, ALLOW),
        (Purpose.INTAKE, Act.CALL, AGENT, TEXT, DENY),
        (Purpose.INTAKE, Act.CALL, EVENT, TEMPLATE, DENY),
        (Purpose.INTAKE, Act.CALL, OPERATOR, TEXT, ALLOW),
        (Purpose.INTAKE, Act.SPEAK, AGENT, TEMPLATE, ALLOW),
        (Purpose.INTAKE, Act.SPEAK, OPERATOR, TEXT, ALLOW),
        (Purpose.NOTIFY, Act.CALL, AGENT, TEXT, DENY),
        (Purpose.NOTIFY, Act.CALL, OPERATOR, TEXT, DENY),
        (Purpose.NOTIFY, Act.CALL, AGENT, TEMPLATE, ALLOW),
        (Purpose.NOTIFY, Act.CALL, EVENT, TEMPLATE, ALLOW),
        (Purpose.NOTIFY, Act.SPEAK, AGENT, TEMPLATE, ALLOW),
    ],
)
def test_the_table(
    purpose: Purpose, act: Act, who: Initiator, message_class: MessageClass, expected: Verdict
) -> None:
    for role in Role:
        asked = facts(act=act, initiator=who, message_class=message_class, role=role)
        assert ask(RULE, asked, purpose=purpose).verdict is expected


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


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("message_class", INTAKE)
def test_only_an_intake_line_asks_questions(purpose: Purpose, message_class: MessageClass) -> None:
    asked = facts(initiator=Initiator.SYSTEM, message_class=message_class)
    ruling = ask(RULE, asked, purpose=purpose)
    assert (ruling.verdict is ALLOW) is (purpose is Purpose.INTAKE)
    assert ruling.code == ("" if purpose is Purpose.INTAKE else "not_intake")


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize(
    "message_class",
    sorted(
        set(MessageClass) - {TEXT, TEMPLATE, MessageClass.PAGE, MessageClass.OWNER_NOTICE, *INTAKE},
        key=str,
    ),
)
def test_what_is_owed_is_owed_on_every_line(purpose: Purpose, message_class: MessageClass) -> None:
    asked = facts(initiator=Initiator.SYSTEM, message_class=message_class)
    assert ask(RULE, asked, purpose=purpose).verdict is ALLOW


@pytest.mark.parametrize(
    ("purpose", "heard"),
    [(Purpose.HOTLINE, ALLOW), (Purpose.INTAKE, ALLOW), (Purpose.NOTIFY, HOLD)],
)
def test_what_is_heard(purpose: Purpose, heard: Verdict) -> None:
    for act in (Act.RECEIVE, Act.ANSWER):
        assert ask(RULE, facts(act=act), purpose=purpose).verdict is heard
