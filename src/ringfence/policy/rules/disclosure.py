"""What a person must be told first on a line (who writes, that it is automated, how to reach somebody,
STOP and HELP). The gateway adds it to their first text; a text that should have it and has not waits.
A page is no case: it goes to people on duty alone, whom somebody of ours put on the list. A call is
not held for it: the gateway says it first, and nothing else before it was heard to its end."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.model.contact import Role
from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Ruling, deny
from ringfence.policy.facts import Disclosure, Facts
from ringfence.policy.rule import Looser, Refusal, Rule, option

_INTAKE = frozenset({MessageClass.INTAKE_QUESTION, MessageClass.INTAKE_END})


@dataclass(frozen=True, slots=True)
class Settings:
    owed: Refusal = option(
        Refusal.HOLD,
        "What becomes of a text to somebody who was not told yet and is not told by it.",
        looser=Looser.LOWER,
    )


def judge(facts: Facts, settings: Settings) -> Ruling:
    page = facts.message_class is MessageClass.PAGE
    words = (facts.is_text and not page) or facts.message_class in _INTAKE
    if not words or facts.role is Role.OWNER:
        return ALLOWED
    if facts.act is Act.SPEAK and facts.disclosure is not Disclosure.NONE:
        return _spoken(facts)
    if facts.disclosure is not Disclosure.OWED:
        return ALLOWED
    if facts.approval and not facts.traits.disclosure:
        # The yes was for these words, and these words tell nothing: an edit adds what is owed. Older
        # words that do tell are for the person who said yes to judge.
        return deny("disclosure_owed", "What this person must be told first never reached them.")
    return settings.owed.ruling(
        "disclosure_owed", "This person was not told yet who writes and how to stop it."
    )


def _spoken(facts: Facts) -> Ruling:
    """It is said first in every call, by the gateway: no sentence carries it, and no yes replaces it."""
    if facts.disclosure is Disclosure.GIVEN:
        return ALLOWED
    return deny(
        "disclosure_unheard", "This person did not hear yet who speaks, so nothing is said."
    )


RULE = Rule(
    "disclosure",
    "Nobody but an owner gets a text before they were told who writes, that it is automated and how "
    "to stop it; pages to people on duty are no case of it. In a call the gateway says it first, and "
    "nothing else is said before it was heard.",
    judge,
    Settings(),
    acts=frozenset({Act.REPLY, Act.INITIATE, Act.SPEAK}),
)
