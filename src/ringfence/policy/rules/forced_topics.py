"""Some subjects are for people: what an agent writes about money, health, the law, a quarrel or an
emergency waits for one, whatever else allows it. Found by lists of words alone (text/topics.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ringfence.model.contact import Role
from ringfence.model.errors import InvalidField
from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Ruling, hold
from ringfence.policy.facts import Facts
from ringfence.policy.rule import ALL, Looser, Rule, option
from ringfence.text.topics import TOPICS, extra_problem


@dataclass(frozen=True, slots=True)
class Settings:
    topics: tuple[str, ...] = option(
        (ALL,), "The topics that need a person; `*` for all.", looser=Looser.FEWER
    )
    extra: Mapping[str, tuple[str, ...]] = option(
        {}, "More phrases by topic, also of topics of one's own.", looser=Looser.FEWER
    )
    off: tuple[str, ...] = option(
        (), "Phrases of the shipped lists that do not count.", looser=Looser.MORE
    )
    exempt_templates: bool = option(
        True, "Templates, which a person wrote beforehand, may touch them.", looser=Looser.TRUE
    )
    owners_exempt: bool = option(
        True,
        "An owner's own agent may answer the owner about them; one who calls in gave the line's PIN.",
        looser=Looser.TRUE,
    )

    def __post_init__(self) -> None:
        for topic, phrases in self.extra.items():
            for phrase in phrases:
                if problem := extra_problem(topic, phrase):
                    raise InvalidField(
                        f"phrases that can be looked for in extra.{topic} ({problem})"
                    )
        known = {*TOPICS, *self.extra, ALL}
        for topic in self.topics:
            if topic not in known:
                raise InvalidField(f"topics out of {', '.join(sorted(known))}, not {topic}")


def judge(facts: Facts, settings: Settings) -> Ruling:
    if not facts.is_text or facts.by_operator:
        return ALLOWED
    wanted = settings.topics
    found = [one for one in facts.traits.topics if ALL in wanted or one in wanted]
    if not found:
        return ALLOWED
    if settings.exempt_templates and facts.message_class is MessageClass.TEMPLATE:
        return ALLOWED
    if settings.owners_exempt and _answers_an_owner(facts):
        return ALLOWED
    return hold("forced_topic", f"A person decides about this: {', '.join(found)}.")


def _answers_an_owner(facts: Facts) -> bool:
    """Anybody can call under an owner's number."""
    return facts.role is Role.OWNER and not facts.is_first_move and facts.surely_who


RULE = Rule(
    "forced_topics",
    "A text that touches a forced topic (money, health, the law, family conflict and others) waits "
    "for a person. No grant lifts this.",
    judge,
    Settings(),
)
