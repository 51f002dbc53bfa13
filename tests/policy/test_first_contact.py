"""The first word to somebody without a history goes by a person's hand."""

from __future__ import annotations

import pytest
from policy_facts import NOW, ask, facts

from ringfence.model.contact import Role
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.rule import Refusal
from ringfence.policy.rules.first_contact import RULE


def first(**changes: object) -> Facts:
    given = {"act": Act.INITIATE, "role": Role.STRANGER, "new_recipient": True, **changes}
    return facts(traits={"heard_at": None}, **given)  # type: ignore[arg-type]


@pytest.mark.proves("P2")
@pytest.mark.parametrize("initiator", [Initiator.AGENT, Initiator.EVENT])
@pytest.mark.parametrize("act", [Act.REPLY, Act.INITIATE, Act.CALL])
@pytest.mark.parametrize("message_class", [MessageClass.FREE_TEXT, MessageClass.TEMPLATE])
@pytest.mark.parametrize("enforce", Refusal)
def test_it_needs_a_person(
    initiator: Initiator, act: Act, message_class: MessageClass, enforce: Refusal
) -> None:
    # Being on the outbound list says whom, not what the first word is.
    for listed in (False, True):
        asked = first(initiator=initiator, act=act, message_class=message_class, listed=listed)
        ruling = ask(RULE, asked, enforce=enforce)
        assert (ruling.verdict, ruling.code) == (Verdict[enforce.name], "first_contact")
        assert ruling.until is None


def test_a_history_in_either_direction_ends_it() -> None:
    assert ask(RULE, first(new_recipient=False)).verdict is Verdict.ALLOW
    heard = facts(
        act=Act.INITIATE, role=Role.STRANGER, new_recipient=True, traits={"heard_at": NOW}
    )
    assert ask(RULE, heard).verdict is Verdict.ALLOW


@pytest.mark.parametrize("initiator", [Initiator.OPERATOR, Initiator.SYSTEM])
def test_a_person_is_there_already(initiator: Initiator) -> None:
    assert ask(RULE, first(initiator=initiator)).verdict is Verdict.ALLOW


@pytest.mark.parametrize("role", [Role.OWNER, Role.MEMBER, Role.GUEST])
def test_whom_a_person_named_needs_no_look_unless_told_so(role: Role) -> None:
    assert ask(RULE, first(role=role)).verdict is Verdict.ALLOW
    assert ask(RULE, first(role=role), known_exempt=False).verdict is Verdict.HOLD


def test_templates_may_be_exempt() -> None:
    template = first(message_class=MessageClass.TEMPLATE)
    assert ask(RULE, template, templates_exempt=True).verdict is Verdict.ALLOW
    assert ask(RULE, first(), templates_exempt=True).verdict is Verdict.HOLD


def test_what_is_owed_is_owed_to_new_people_too() -> None:
    assert ask(RULE, first(message_class=MessageClass.OPT_IN_REQUEST)).verdict is Verdict.ALLOW
