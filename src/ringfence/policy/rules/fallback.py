"""A text whose line does not work may leave by another one only where that was allowed for what it is
for: people know a line by its number, and agreed to be texted by it."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.model.draft import Category
from ringfence.model.verdict import ALLOWED, Ruling, deny
from ringfence.policy.facts import Facts
from ringfence.policy.rule import Looser, Rule, option


@dataclass(frozen=True, slots=True)
class Settings:
    categories: tuple[Category, ...] = option(
        (Category.ALERT,),
        "What may leave by this line when the line it waited on does not work.",
        looser=Looser.MORE,
    )


def judge(facts: Facts, settings: Settings) -> Ruling:
    if not facts.traits.fallback or facts.traits.category in settings.categories:
        return ALLOWED
    return deny("no_fallback", "Texts of this kind leave by their own line only.")


RULE = Rule(
    "fallback",
    "What waited on a line that does not work leaves by another one only where its category is "
    "listed.",
    judge,
    Settings(),
)
