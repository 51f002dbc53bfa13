"""Who may write in and who may be answered (`dmPolicy`: pairing, allowlist, open, disabled); who may
call in and be spoken to there. A call names its caller in its own words, so a hidden number passes no
list and no pairing, and one that is shown is no proof (facts voice 1.2, B121)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from ringfence.model.contact import Role
from ringfence.model.line import AccessPolicy
from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Ruling, deny, hold
from ringfence.policy.facts import Caller, Facts
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
    calls: AccessPolicy = option(
        AccessPolicy.DISABLED, "Who may call in.", looser=Looser.ANY, from_line="voice.access"
    )
    enabled: bool = option(
        True, "A line that is switched off takes nothing.", looser=Looser.NEVER, from_line="enabled"
    )


def judge(facts: Facts, settings: Settings) -> Ruling:
    match facts.act:
        case Act.RECEIVE:
            return _receive(facts, _now(settings.access, settings))
        case Act.ANSWER:
            return _call(facts, _now(settings.calls, settings))
        case Act.SPEAK:
            return _speak(facts, _now(settings.calls, settings))
        case _:
            return _reply(facts, _now(settings.access, settings))


def _now(access: AccessPolicy, settings: Settings) -> AccessPolicy:
    return access if settings.enabled else AccessPolicy.DISABLED


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


def _call(facts: Facts, access: AccessPolicy) -> Ruling:
    if access is AccessPolicy.DISABLED:
        return deny("no_calls", "This line takes no calls.")
    if facts.caller in (Caller.HIDDEN, Caller.NONE):
        # A call is with a person, and a person is a number: without one there is neither a block
        # list nor an opt-out, and nobody could be told afterwards who it was.
        return deny("hidden_caller", "The caller shows no number, so nobody can be let in.")
    let_in = _receive(facts, access)
    if let_in is ALLOWED and facts.caller is Caller.PIN_OWED:
        return hold("pin_owed", "The caller has not given the line's PIN yet.")
    return let_in


def _speak(facts: Facts, access: AccessPolicy) -> Ruling:
    """In a call of ours whom we may speak to was decided with the call."""
    if facts.caller is Caller.NONE or facts.message_class in _OWED:
        return ALLOWED
    if facts.message_class is MessageClass.PAIRING and facts.caller is not Caller.HIDDEN:
        if access is AccessPolicy.PAIRING:
            return ALLOWED
        return deny("not_pairing", "This line does not pair.")
    if _call(facts, access) is ALLOWED:
        return ALLOWED
    return deny("not_let_in", "This caller was not let in, so nobody talks to them.")


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
    "open: anyone; disabled: nobody. Only people who may write in are answered. Who may call in is a "
    "setting of its own, off unless set; whoever hides their number is never let in, and where the "
    "line has a PIN it is asked of everybody who is.",
    judge,
    Settings(),
    # Whom an agent may write to or call first is for other rules.
    acts=frozenset({Act.RECEIVE, Act.REPLY, Act.ANSWER, Act.SPEAK}),
)
