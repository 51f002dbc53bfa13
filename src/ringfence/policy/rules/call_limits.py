"""Ceilings of calls: how many in a day and at once, and how long. At which hours of the place where it
rings is for quiet_hours (`callWindows`)."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.model.verdict import ALLOWED, Act, Ruling, hold
from ringfence.policy.facts import Facts, day_end, window_end
from ringfence.policy.rule import Looser, Rule, option


@dataclass(frozen=True, slots=True)
class Settings:
    day: int = option(100, "Calls of the line in a day.", looser=Looser.HIGHER, ge=0)
    at_once: int = option(2, "Calls of the line at the same time.", looser=Looser.HIGHER, ge=1)
    minutes: int = option(
        30,
        "How long a call may last; the provider is told, and ends it.",
        looser=Looser.HIGHER,
        ge=1,
        le=240,
    )
    zone: str = option("UTC", "Where the day turns.", looser=Looser.NEVER, from_line="zone")


def judge(facts: Facts, settings: Settings) -> Ruling:
    counts = facts.counts
    if counts.calls_day >= settings.day:
        text = f"The line already rang {counts.calls_day} times this day (limit {settings.day})."
        return hold("calls", text, day_end(facts.now, settings.zone))
    if counts.calls_now >= settings.at_once:
        text = f"{counts.calls_now} calls of the line are under way (limit {settings.at_once})."
        return hold("calls_at_once", text, window_end(facts.now, 60))
    return ALLOWED


RULE = Rule(
    "call_limits",
    "A line places at most so many calls a day and at once, and none lasts longer than it may.",
    judge,
    Settings(),
    acts=frozenset({Act.CALL}),
)
