"""Who may write in, and who may be answered (`dmPolicy`: pairing, allowlist, open, disabled)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from ringfence.model.contact import Role
from ringfence.model.line import AccessPolicy
from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Ruling, deny, hold
from ringfence.policy.facts import Facts
from ringfence.policy.rule import Looser, Rule, option

# Answers Ringfence owes people whether or not they were let in.
_OWED = frozenset(
    {
        MessageClass.OPT_OUT_CONFIRMATION,
        MessageClass.OPT_IN_CONFIRMATION,
        MessageClass.HELP,
        MessageClass.OWNER_NOTICE,
        MessageClass.SAFE_REPLY,
        MessageClass.ALERT_ANSWER,
    }
)


@dataclass(frozen=True, slots=True)
class Settings:
    access: AccessPolicy = option(
        AccessPolicy.PAIRING, "Who may write in.", looser=Looser.ANY, from_line="access"
    )
    enabled: bool = option(
        True, "A line that is switched off takes nothing.", looser=Looser.NEVER, from_line="enabled"
    )


def judge(facts: Facts, settings: Settings) -> Ruling:
    access = settings.access if settings.enabled else AccessPolicy.DISABLED
    return _receive(facts, access) if facts.act is Act.RECEIVE else _reply(facts, access)


def _receive(facts: Facts, access: AccessPolicy) -> Ruling:
    match access:
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
            assert_never(access)


def _reply(facts: Facts, access: AccessPolicy) -> Ruling:
    if facts.message_class is MessageClass.PAIRING:
        if access is AccessPolicy.PAIRING:
            return ALLOWED
        return deny("not_pairing", "This line does not pair.")
    if access is AccessPolicy.DISABLED:
        return deny("disabled", "This line takes no messages, so it answers none.")
    if facts.message_class in _OWED or _receive(facts, access) is ALLOWED:
        return ALLOWED
    return deny("not_admitted", "This person may not write to the line, so nobody answers.")


RULE = Rule(
    "access",
    "pairing: strangers get a code and an owner approves; allowlist: only listed numbers; "
    "open: anyone; disabled: nobody. Only people who may write in are answered.",
    judge,
    Settings(),
    # Whom an agent may write to first is for other rules.
    acts=frozenset({Act.RECEIVE, Act.REPLY}),
)
