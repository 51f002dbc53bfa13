"""Which kinds of text a line sends: free text or not, which categories, which templates. Where a
person must look, an operator's own text has been looked at."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.model.draft import Category
from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Ruling, Verdict
from ringfence.policy.facts import Facts
from ringfence.policy.rule import ALL, OUTBOUND, Answer, Looser, Refusal, Rule, option


@dataclass(frozen=True, slots=True)
class Settings:
    free_text: Answer = option(Answer.ALLOW, "Texts in anybody's own words.", looser=Looser.LOWER)
    templates: tuple[str, ...] = option(
        (ALL,), "The templates that may be sent, by name; `*` for all.", looser=Looser.MORE
    )
    categories: tuple[Category, ...] = option(
        tuple(Category), "What texts may be for.", looser=Looser.MORE
    )
    others: Refusal = option(
        Refusal.HOLD,
        "What becomes of another template or category.",
        looser=Looser.LOWER,
    )


def judge(facts: Facts, settings: Settings) -> Ruling:
    if not facts.is_text:
        return ALLOWED
    ruling = _ruling(facts, settings)
    return ALLOWED if facts.by_operator and ruling.verdict is Verdict.HOLD else ruling


def _ruling(facts: Facts, settings: Settings) -> Ruling:
    """The stricter of what the category and the text's class are told: a category taken away must
    not turn a refusal of free text into a question."""
    category, text = _of_category(facts, settings), _of_class(facts, settings)
    return text if text.verdict > category.verdict else category


def _of_category(facts: Facts, settings: Settings) -> Ruling:
    category = facts.traits.category
    if category in settings.categories:
        return ALLOWED
    return settings.others.ruling("category", f"This line sends nothing {category.value}.")


def _of_class(facts: Facts, settings: Settings) -> Ruling:
    if facts.message_class is MessageClass.FREE_TEXT:
        return settings.free_text.ruling("free_text", "This line sends no free text by itself.")
    name = facts.traits.template.partition("@")[0]
    if ALL in settings.templates or name in settings.templates:
        return ALLOWED
    return settings.others.ruling("template", f"This line does not send the template {name}.")


RULE = Rule(
    "message_class",
    "A line sends and says only the kinds of text, the categories and the templates it is told to.",
    judge,
    Settings(),
    acts=OUTBOUND,
    grantable=True,
)
