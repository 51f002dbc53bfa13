"""Who may write in, and who may be answered (`dmPolicy`: pairing, allowlist, open, disabled)."""

from __future__ import annotations

from typing import assert_never

from ringfence.model.contact import Role
from ringfence.model.line import AccessPolicy
from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Ruling, deny, hold
from ringfence.policy.facts import Facts
from ringfence.policy.rule import Rule

# Answers Ringfence owes people whether or not they were let in.
_OWED = frozenset(
    {
        MessageClass.OPT_OUT_CONFIRMATION,
        MessageClass.OPT_IN_CONFIRMATION,
        MessageClass.HELP,
        MessageClass.OWNER_NOTICE,
    }
)


def judge(facts: Facts) -> Ruling:
    match facts.act:
        case Act.RECEIVE:
            return _receive(facts)
        case Act.REPLY:
            return _reply(facts)
        case Act.INITIATE:
            return ALLOWED  # whom an agent may write to first is the purpose's business
        case _:
            assert_never(facts.act)


def _receive(facts: Facts) -> Ruling:
    match facts.access:
        case AccessPolicy.DISABLED:
            return deny("disabled", "This line takes no messages.")
        case AccessPolicy.OPEN:
            return ALLOWED
        case AccessPolicy.ALLOWLIST:
            if facts.role is Role.STRANGER:
                return deny("not_listed", "This person is not on the line's allow list.")
            return ALLOWED
        case AccessPolicy.PAIRING:
            if facts.role is Role.STRANGER:
                return hold("pairing_required", "This person is not paired; an owner must approve.")
            return ALLOWED
        case _:
            assert_never(facts.access)


def _reply(facts: Facts) -> Ruling:
    if facts.message_class is MessageClass.PAIRING:
        if facts.access is AccessPolicy.PAIRING:
            return ALLOWED
        return deny("not_pairing", "This line does not pair.")
    if facts.access is AccessPolicy.DISABLED:
        return deny("disabled", "This line takes no messages, so it answers none.")
    if facts.message_class in _OWED or _receive(facts) is ALLOWED:
        return ALLOWED
    return deny("not_admitted", "This person may not write to the line, so nobody answers.")


RULE = Rule(
    "access",
    "pairing: strangers get a code and an owner approves; allowlist: only listed numbers; "
    "open: anyone; disabled: nobody. Only people who may write in are answered.",
    judge,
)
