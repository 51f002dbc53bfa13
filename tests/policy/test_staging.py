"""A line that is tried out reaches its test recipients and nobody else."""

from __future__ import annotations

import pytest
from policy_facts import ask, facts, policy_of

from ringfence.model.contact import Role
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.decide import decide
from ringfence.policy.facts import Initiator
from ringfence.policy.rule import EFFECTS
from ringfence.policy.rules.staging import OF_THE_PROFILE, RULE


@pytest.mark.parametrize("act", sorted(EFFECTS, key=str))
@pytest.mark.parametrize("message_class", MessageClass)
@pytest.mark.parametrize("initiator", Initiator)
def test_nobody_else_gets_anything(
    act: Act, message_class: MessageClass, initiator: Initiator
) -> None:
    other = facts(act=act, message_class=message_class, initiator=initiator)
    ruling = ask(RULE, other, enabled=True)
    assert (ruling.verdict, ruling.code) == (Verdict.DENY, "staging")
    assert ask(RULE, other).verdict is Verdict.ALLOW


def test_test_recipients_and_owners_do() -> None:
    assert ask(RULE, facts(staged=True), enabled=True).verdict is Verdict.ALLOW
    owner = facts(role=Role.OWNER)
    assert ask(RULE, owner, enabled=True).verdict is Verdict.ALLOW
    assert ask(RULE, owner, enabled=True, owners=False).verdict is Verdict.DENY
    assert ask(RULE, facts(role=Role.MEMBER), enabled=True).verdict is Verdict.DENY


@pytest.mark.parametrize("initiator", Initiator)
@pytest.mark.parametrize("message_class", MessageClass)
def test_in_the_profile_nothing_but_the_list_lets_anybody_be_reached(
    initiator: Initiator, message_class: MessageClass
) -> None:
    """Neither a yes to that very text nor a grant, and an owner by the list alone."""
    policy = policy_of(RULE, staging=OF_THE_PROFILE)
    for role in Role:
        given = facts(
            role=role,
            initiator=initiator,
            message_class=message_class,
            approval="msg_1",
            grant="grt_1",
        )
        assert decide(given, policy).verdict is Verdict.DENY
        listed = facts(role=role, initiator=initiator, message_class=message_class, staged=True)
        assert decide(listed, policy).verdict is Verdict.ALLOW
