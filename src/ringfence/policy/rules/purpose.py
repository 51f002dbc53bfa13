"""The line's purpose as policy (product.md, Lines and their purposes). No preset lets an agent talk
freely to third parties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from ringfence.model.contact import Role
from ringfence.model.line import Purpose
from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Ruling, deny, hold
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.rule import Looser, Rule, option


@dataclass(frozen=True, slots=True)
class Settings:
    purpose: Purpose = option(
        Purpose.HOTLINE, "The line's purpose.", looser=Looser.ANY, from_line="purpose"
    )


def judge(facts: Facts, settings: Settings) -> Ruling:
    if facts.message_class is MessageClass.OWNER_NOTICE:
        if facts.role is Role.OWNER:
            return ALLOWED
        return deny("not_owner", "Notices go to the line's owners only.")
    if facts.act is Act.RECEIVE:
        return _receive(settings)
    if facts.message_class not in (MessageClass.FREE_TEXT, MessageClass.TEMPLATE):
        return ALLOWED
    match settings.purpose:
        case Purpose.HOTLINE:
            return _hotline(facts)
        case Purpose.INTAKE:
            return _intake(facts)
        case Purpose.NOTIFY:
            return _notify(facts)
        case _:
            assert_never(settings.purpose)


def _receive(settings: Settings) -> Ruling:
    if settings.purpose is Purpose.NOTIFY:
        return hold("keywords_only", "This line acts on keywords only; the message is kept.")
    return ALLOWED


def _hotline(facts: Facts) -> Ruling:
    if facts.act is Act.REPLY or facts.initiator is Initiator.OPERATOR:
        return ALLOWED
    if facts.role is Role.STRANGER:
        return hold("first_contact", "An agent may write first only to owners and paired people.")
    return ALLOWED


def _intake(facts: Facts) -> Ruling:
    if facts.initiator is Initiator.OPERATOR or facts.message_class is MessageClass.TEMPLATE:
        return ALLOWED
    if facts.act is Act.INITIATE:
        return deny("no_initiate", "Agents never write first on an intake line.")
    return hold("intake_free_text", "On an intake line a person reads free text before it goes.")


def _notify(facts: Facts) -> Ruling:
    if facts.message_class is MessageClass.FREE_TEXT:
        return deny("no_free_text", "A notify line sends templates only, never free text.")
    if facts.role is Role.STRANGER:
        return hold("no_consent", "No consent of this person is on record.")
    return ALLOWED


RULE = Rule(
    "purpose",
    "hotline: agents answer people who may write in and write first only to owners and paired "
    "people; intake: free text waits for a person; notify: templates only.",
    judge,
    Settings(),
    acts=frozenset({Act.RECEIVE, Act.REPLY, Act.INITIATE}),
    grantable=True,
)
