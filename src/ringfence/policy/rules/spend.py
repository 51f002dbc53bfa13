"""What a line may cost in a day, in segments and in money, and how often one person gets marketing.
A call's minutes count as money here; how many there may be is for call_limits.
Answers Ringfence owes people are not held back by it."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.model.draft import Category
from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Ruling, hold
from ringfence.policy.facts import Facts, day_end
from ringfence.policy.rule import Looser, Rule, option

_OWED = frozenset(
    {
        MessageClass.OPT_OUT_CONFIRMATION,
        MessageClass.OPT_IN_CONFIRMATION,
        MessageClass.HELP,
        MessageClass.SAFE_REPLY,
        MessageClass.ALERT_ANSWER,
        # Bounded by themselves (gateway/notices.py), and a page must not wait for the next day.
        MessageClass.OWNER_NOTICE,
    }
)


@dataclass(frozen=True, slots=True)
class Settings:
    segments_day: int = option(
        50_000, "Segments the line sends in a day.", looser=Looser.HIGHER, ge=1
    )
    money_day: float = option(
        500.0,
        "What the line may cost in a day, in the currency of the price.",
        looser=Looser.HIGHER,
        ge=0,
    )
    price_per_segment: float = option(0.01, "What a segment costs.", looser=Looser.LOWER, ge=0)
    price_per_minute: float = option(
        0.03, "What a begun minute of a call costs, speech included.", looser=Looser.LOWER, ge=0
    )
    marketing_day: int = option(
        3, "Marketing texts and calls to one person in a day.", looser=Looser.HIGHER, ge=0
    )
    zone: str = option("UTC", "Where the day turns.", looser=Looser.NEVER, from_line="zone")

    def cost(self, segments: int, minutes: int) -> float:
        return segments * self.price_per_segment + minutes * self.price_per_minute


def judge(facts: Facts, settings: Settings) -> Ruling:
    if facts.message_class in _OWED:
        return ALLOWED
    counts, traits = facts.counts, facts.traits
    is_call = facts.act in (Act.CALL, Act.ANSWER)
    segments = counts.segments_day + (0 if is_call else traits.segments)
    minutes = counts.call_minutes_day + int(is_call)  # it takes one, or it is no call
    until = day_end(facts.now, settings.zone)
    if segments > settings.segments_day:
        text = f"The line would have sent {segments} segments this day (limit {settings.segments_day})."
        return hold("segments", text, until)
    if settings.cost(segments, minutes) > settings.money_day:
        text = f"The line would have cost more than {settings.money_day:g} this day."
        return hold("money", text, until)
    marketing = traits.category is Category.MARKETING
    if marketing and counts.marketing_day >= settings.marketing_day:
        text = f"This person already got {counts.marketing_day} marketing texts this day."
        return hold("marketing_volume", text, until)
    return ALLOWED


RULE = Rule(
    "spend",
    "A line sends at most so many segments a day, costs at most so much money with its calls, and sends "
    "at most so many marketing texts to one person; more wait.",
    judge,
    Settings(),
    acts=frozenset({Act.REPLY, Act.INITIATE, Act.CALL, Act.ANSWER}),
)
