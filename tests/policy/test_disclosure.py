"""Nobody is texted by a machine that did not say so."""

from __future__ import annotations

import pytest
from policy_facts import ask, facts

from ringfence.model.contact import Role
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Disclosure, Initiator
from ringfence.policy.rule import Refusal
from ringfence.policy.rules.disclosure import RULE


@pytest.mark.parametrize("enforce", Refusal)
@pytest.mark.parametrize("act", [Act.REPLY, Act.INITIATE])
@pytest.mark.parametrize("role", [Role.STRANGER, Role.GUEST, Role.MEMBER])
@pytest.mark.parametrize(
    "message_class",
    [
        MessageClass.FREE_TEXT,
        MessageClass.TEMPLATE,
        MessageClass.INTAKE_QUESTION,
        MessageClass.INTAKE_END,
    ],
)
def test_owed_means_not_yet(
    enforce: Refusal, act: Act, role: Role, message_class: MessageClass
) -> None:
    for initiator in Initiator:
        asked = facts(
            act=act,
            role=role,
            message_class=message_class,
            initiator=initiator,
            disclosure=Disclosure.OWED,
        )
        ruling = ask(RULE, asked, owed=enforce)
        assert (ruling.verdict, ruling.code) == (Verdict[enforce.name], "disclosure_owed")


@pytest.mark.parametrize("stands", [Disclosure.NONE, Disclosure.CARRIED, Disclosure.GIVEN])
def test_told_or_nothing_to_tell(stands: Disclosure) -> None:
    assert ask(RULE, facts(disclosure=stands)).verdict is Verdict.ALLOW


@pytest.mark.proves("P1")
@pytest.mark.parametrize("enforce", Refusal)
@pytest.mark.parametrize("role", [Role.STRANGER, Role.GUEST, Role.MEMBER])
@pytest.mark.parametrize(
    "message_class",
    [
        MessageClass.FREE_TEXT,
        MessageClass.TEMPLATE,
        MessageClass.INTAKE_QUESTION,
        MessageClass.INTAKE_END,
    ],
)
@pytest.mark.parametrize("approval", ["", "msg_1"])
def test_nothing_is_said_before_it_was_heard(
    enforce: Refusal, role: Role, message_class: MessageClass, approval: str
) -> None:
    """No sentence carries it along, and no yes stands in for it."""
    for stands in Disclosure:
        asked = facts(
            act=Act.SPEAK,
            role=role,
            message_class=message_class,
            disclosure=stands,
            approval=approval,
        )
        ruling = ask(RULE, asked, owed=enforce)
        if stands in (Disclosure.NONE, Disclosure.GIVEN):
            assert ruling.verdict is Verdict.ALLOW
        else:
            assert (ruling.verdict, ruling.code) == (Verdict.DENY, "disclosure_unheard")


def test_a_call_is_not_held_for_what_is_said_first_in_it() -> None:
    assert not RULE.acts & {Act.CALL, Act.ANSWER}


def test_owners_and_owed_answers_are_no_case() -> None:
    assert ask(RULE, facts(role=Role.OWNER, disclosure=Disclosure.OWED)).verdict is Verdict.ALLOW
    help_answer = facts(message_class=MessageClass.HELP, disclosure=Disclosure.OWED)
    assert ask(RULE, help_answer).verdict is Verdict.ALLOW
    assert not RULE.grantable


@pytest.mark.parametrize("role", [Role.RESPONDER, Role.MEMBER])
def test_a_page_to_somebody_on_duty_waits_for_nothing(role: Role) -> None:
    page = facts(role=role, message_class=MessageClass.PAGE, disclosure=Disclosure.OWED)
    assert ask(RULE, page).verdict is Verdict.ALLOW


@pytest.mark.proves("P1")
def test_a_yes_to_words_that_do_not_tell_is_no_yes_to_not_telling() -> None:
    given = facts(disclosure=Disclosure.OWED, approval="msg_1", role=Role.STRANGER)
    assert ask(RULE, given).verdict is Verdict.DENY
    told = facts(disclosure=Disclosure.CARRIED, approval="msg_1", role=Role.STRANGER)
    assert ask(RULE, told).verdict is Verdict.ALLOW
