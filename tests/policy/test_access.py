"""Who may write in, and that only they are answered."""

from __future__ import annotations

import pytest

from policy_facts import facts
from ringfence.model.contact import Role
from ringfence.model.line import AccessPolicy
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.rules.access import RULE

KNOWN = [Role.OWNER, Role.MEMBER, Role.GUEST]


@pytest.mark.parametrize(
    ("access", "role", "verdict", "code"),
    [
        (AccessPolicy.OPEN, Role.STRANGER, Verdict.ALLOW, ""),
        (AccessPolicy.PAIRING, Role.STRANGER, Verdict.HOLD, "pairing_required"),
        (AccessPolicy.ALLOWLIST, Role.STRANGER, Verdict.DENY, "not_listed"),
        (AccessPolicy.DISABLED, Role.STRANGER, Verdict.DENY, "disabled"),
        (AccessPolicy.DISABLED, Role.OWNER, Verdict.DENY, "disabled"),
        *[(AccessPolicy.PAIRING, role, Verdict.ALLOW, "") for role in KNOWN],
        *[(AccessPolicy.ALLOWLIST, role, Verdict.ALLOW, "") for role in KNOWN],
    ],
)
@pytest.mark.proves("B052", "B053")
def test_who_may_write_in(access: AccessPolicy, role: Role, verdict: Verdict, code: str) -> None:
    ruling = RULE.judge(facts(act=Act.RECEIVE, access=access, role=role))
    assert (ruling.verdict, ruling.code) == (verdict, code)


@pytest.mark.parametrize("access", [AccessPolicy.PAIRING, AccessPolicy.ALLOWLIST])
def test_who_may_not_write_in_is_not_answered(access: AccessPolicy) -> None:
    assert RULE.judge(facts(access=access, role=Role.STRANGER)).verdict is Verdict.DENY


@pytest.mark.parametrize(
    "owed",
    [MessageClass.OPT_OUT_CONFIRMATION, MessageClass.OPT_IN_CONFIRMATION, MessageClass.HELP],
)
@pytest.mark.parametrize("access", AccessPolicy)
def test_what_is_owed_to_anybody_is_answered(owed: MessageClass, access: AccessPolicy) -> None:
    stranger = facts(access=access, role=Role.STRANGER, message_class=owed)
    allowed = RULE.judge(stranger).verdict is Verdict.ALLOW
    assert allowed == (access is not AccessPolicy.DISABLED)


def test_a_pairing_reply_goes_out_only_where_there_is_pairing() -> None:
    for access in AccessPolicy:
        asked = facts(access=access, role=Role.STRANGER, message_class=MessageClass.PAIRING)
        allowed = RULE.judge(asked).verdict is Verdict.ALLOW
        assert allowed == (access is AccessPolicy.PAIRING)
