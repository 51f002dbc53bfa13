"""No configuration, no outbound."""

from __future__ import annotations

import pytest
from policy_facts import ask, facts

from ringfence.model.contact import Role
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.rule import Refusal
from ringfence.policy.rules.recipient_allowlist import RULE

AUTOMATIC = [Initiator.AGENT, Initiator.EVENT]


def to_a_stranger(**changes: object) -> Facts:
    given = {"act": Act.INITIATE, "role": Role.STRANGER, **changes}
    return facts(**given)  # type: ignore[arg-type]


@pytest.mark.proves("P2")
@pytest.mark.parametrize("initiator", AUTOMATIC)
@pytest.mark.parametrize("act", [Act.INITIATE, Act.CALL])
@pytest.mark.parametrize("enforce", Refusal)
def test_nobody_is_written_to_whom_nobody_named(
    initiator: Initiator, act: Act, enforce: Refusal
) -> None:
    ruling = ask(RULE, to_a_stranger(initiator=initiator, act=act), enforce=enforce)
    assert (ruling.verdict, ruling.code) == (Verdict[enforce.name], "recipient_not_listed")
    assert ruling.until is None


@pytest.mark.parametrize("initiator", AUTOMATIC)
def test_a_list_or_a_role_opens_it(initiator: Initiator) -> None:
    assert ask(RULE, to_a_stranger(initiator=initiator, listed=True)).verdict is Verdict.ALLOW
    for role in (Role.OWNER, Role.MEMBER, Role.GUEST):
        assert ask(RULE, to_a_stranger(initiator=initiator, role=role)).verdict is Verdict.ALLOW


def test_an_agreement_opens_it_only_where_it_counts() -> None:
    agreed = to_a_stranger(consent=("transactional",))
    assert ask(RULE, agreed).verdict is Verdict.HOLD
    assert ask(RULE, agreed, consent_counts=True).verdict is Verdict.ALLOW
    talked = to_a_stranger(consent=("conversational",))
    assert ask(RULE, talked, consent_counts=True).verdict is Verdict.HOLD


def test_operators_and_what_is_owed_need_no_list() -> None:
    assert ask(RULE, to_a_stranger(initiator=Initiator.OPERATOR)).verdict is Verdict.ALLOW
    asked = to_a_stranger(message_class=MessageClass.OPT_IN_REQUEST)
    assert ask(RULE, asked).verdict is Verdict.ALLOW
    assert Act.REPLY not in RULE.acts
