"""A line that is being tried out reaches its test recipients and nobody else, confirmations
included."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.model.contact import Role
from ringfence.model.verdict import ALLOWED, Ruling, deny
from ringfence.policy.facts import Facts
from ringfence.policy.rule import EFFECTS, Looser, Rule, option


@dataclass(frozen=True, slots=True)
class Settings:
    enabled: bool = option(False, "Reach the line's `testRecipients` only.", looser=Looser.FALSE)
    owners: bool = option(True, "Owners are reached as well.", looser=Looser.TRUE)


def judge(facts: Facts, settings: Settings) -> Ruling:
    if not settings.enabled or facts.staged:
        return ALLOWED
    if settings.owners and facts.role is Role.OWNER:
        return ALLOWED
    return deny("staging", "The line is being tried out, and this person is no test recipient.")


# In the staging profile: the list and nobody else. An owner is reached when the list names them.
OF_THE_PROFILE = Settings(enabled=True, owners=False)

RULE = Rule(
    "staging",
    "While a line is staged only its test recipients and owners are reached, and only their calls taken.",
    judge,
    Settings(),
    acts=EFFECTS,
)
