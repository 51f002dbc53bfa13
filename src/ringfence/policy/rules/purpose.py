"""The line's purpose as policy (product.md, Lines and their purposes). No preset lets an agent talk
freely to third parties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from ringfence.model.contact import Role
from ringfence.model.line import Purpose
from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Ruling, deny, hold
from ringfence.policy.facts import Facts
from ringfence.policy.rule import EVERY_ACT, Looser, Rule, option

# For people: what each purpose means, whatever else is set.
WORDS: Mapping[Purpose, str] = {
    Purpose.HOTLINE: "agents answer in their own words, also on the telephone",
    Purpose.INTAKE: "agents start nothing and call nobody; their free text waits for a person, so none "
    "is said in a call, templates go",
    Purpose.NOTIFY: "templates only, no free text ever; of what comes in only keywords are acted on, of "
    "calls only keys",
}

_INTAKE_CLASSES = frozenset({MessageClass.INTAKE_QUESTION, MessageClass.INTAKE_END})


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
    if facts.act in (Act.RECEIVE, Act.ANSWER):
        return _receive(settings)
    if facts.message_class in _INTAKE_CLASSES and settings.purpose is not Purpose.INTAKE:
        return deny("not_intake", "Only an intake line asks people questions.")
    if not facts.is_text:
        return ALLOWED
    match settings.purpose:
        case Purpose.HOTLINE:
            return ALLOWED  # whom an agent may write to is for the lists
        case Purpose.INTAKE:
            return _intake(facts)
        case Purpose.NOTIFY:
            return _notify(facts)
        case _:
            assert_never(settings.purpose)


def _receive(settings: Settings) -> Ruling:
    if settings.purpose is Purpose.NOTIFY:
        return hold("keywords_only", "This line acts on keywords and keys only; no agent hears it.")
    return ALLOWED


def _intake(facts: Facts) -> Ruling:
    if facts.by_operator:
        return ALLOWED
    if facts.is_first_move:
        return deny("no_initiate", "Agents never write first on an intake line.")
    if facts.message_class is MessageClass.TEMPLATE:
        return ALLOWED
    return hold("intake_free_text", "On an intake line a person reads free text before it goes.")


def _notify(facts: Facts) -> Ruling:
    if facts.message_class is MessageClass.FREE_TEXT:
        return deny("no_free_text", "A notify line sends templates only, never free text.")
    return ALLOWED


RULE = Rule(
    "purpose",
    ". ".join(f"{purpose.value}: {words}" for purpose, words in WORDS.items()) + ".",
    judge,
    Settings(),
    acts=EVERY_ACT,
    grantable=True,
)
