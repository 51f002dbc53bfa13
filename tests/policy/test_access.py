"""Who may write in, and who may be answered, as a table."""

from __future__ import annotations

import pytest
from policy_facts import ask, facts

from ringfence.model.contact import Role
from ringfence.model.line import AccessPolicy
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Caller, Facts
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


def test_whom_to_write_to_or_call_first_is_not_its_business() -> None:
    assert not RULE.acts & {Act.INITIATE, Act.CALL}


@pytest.mark.parametrize("access", AccessPolicy)
def test_a_line_that_is_switched_off_takes_nothing(access: AccessPolicy) -> None:
    for act in (Act.RECEIVE, Act.REPLY, Act.ANSWER, Act.SPEAK):
        asked = facts(act=act, role=Role.OWNER, caller=Caller.BY_PIN)
        assert ask(RULE, asked, access=access, calls=access, enabled=False).verdict is DENY


# -- calls that come in ---------------------------------------------------------------------------

NAMED = (Caller.BY_NUMBER, Caller.BY_PIN)


def rings(role: Role = Role.GUEST, caller: Caller = Caller.BY_NUMBER) -> Facts:
    return facts(act=Act.ANSWER, role=role, caller=caller)


@pytest.mark.proves("B121")
@pytest.mark.parametrize(
    ("calls", "stranger", "known"),
    [(P, HOLD, ALLOW), (L, DENY, ALLOW), (O, ALLOW, ALLOW), (D, DENY, DENY)],
)
@pytest.mark.parametrize("caller", NAMED)
def test_who_may_call_in(
    calls: AccessPolicy, stranger: Verdict, known: Verdict, caller: Caller
) -> None:
    for texts in AccessPolicy:  # who may write in is another matter
        told = {"calls": calls, "access": texts}
        assert ask(RULE, rings(Role.STRANGER, caller), **told).verdict is stranger
        assert {ask(RULE, rings(role, caller), **told).verdict for role in KNOWN} == {known}


def test_nobody_calls_in_unless_somebody_said_so() -> None:
    for role in Role:
        ruling = ask(RULE, rings(role))
        assert (ruling.verdict, ruling.code) == (DENY, "no_calls")


@pytest.mark.proves("B121")
@pytest.mark.parametrize("calls", [P, L, O])
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("caller", [Caller.HIDDEN, Caller.NONE])
def test_whoever_hides_is_on_no_list_and_pairs_with_nobody(
    calls: AccessPolicy, role: Role, caller: Caller
) -> None:
    ruling = ask(RULE, rings(role, caller), calls=calls)
    assert (ruling.verdict, ruling.code) == (DENY, "hidden_caller")


@pytest.mark.parametrize("calls", [P, L, O])
def test_the_pin_is_asked_of_whoever_was_let_in_and_of_nobody_else(calls: AccessPolicy) -> None:
    for role in KNOWN:
        ruling = ask(RULE, rings(role, Caller.PIN_OWED), calls=calls)
        assert (ruling.verdict, ruling.code, ruling.until) == (HOLD, "pin_owed", None)
    stranger = ask(RULE, rings(Role.STRANGER, Caller.PIN_OWED), calls=calls)
    # Who is not let in learns nothing of a PIN.
    expected = {P: "pairing_required", L: "not_listed", O: "pin_owed"}
    assert stranger.code == expected[calls]


@pytest.mark.proves("P1")
@pytest.mark.parametrize("calls", AccessPolicy)
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("caller", Caller)
def test_nobody_talks_to_a_caller_who_was_not_let_in(
    calls: AccessPolicy, role: Role, caller: Caller
) -> None:
    spoken = facts(act=Act.SPEAK, role=role, caller=caller)
    let_in = ask(RULE, rings(role, caller), calls=calls).verdict is ALLOW
    ours = caller is Caller.NONE
    ruling = ask(RULE, spoken, calls=calls)
    assert (ruling.verdict is ALLOW) == (let_in or ours)
    assert ruling.verdict is ALLOW or (ruling.verdict, ruling.code) == (DENY, "not_let_in")
    owed = facts(act=Act.SPEAK, role=role, caller=caller, message_class=MessageClass.HELP)
    assert ask(RULE, owed, calls=calls).verdict is ALLOW


@pytest.mark.parametrize("calls", AccessPolicy)
@pytest.mark.parametrize("caller", [Caller.BY_NUMBER, Caller.HIDDEN])
def test_the_code_is_told_where_a_line_pairs_and_to_a_number(
    calls: AccessPolicy, caller: Caller
) -> None:
    told = facts(
        act=Act.SPEAK, role=Role.STRANGER, caller=caller, message_class=MessageClass.PAIRING
    )
    allowed = calls is P and caller is Caller.BY_NUMBER
    assert ask(RULE, told, calls=calls).verdict is (ALLOW if allowed else DENY)
