"""Ceilings of calls: how many in a day and at once, how long, and at which hours of the place where
it rings. Owners and people on duty may be rung at night; nobody else."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.model.contact import Role
from ringfence.model.draft import Category
from ringfence.model.verdict import ALLOWED, Act, Ruling, hold
from ringfence.policy.facts import Facts, day_end, window_end
from ringfence.policy.hours import Never, Until, hours_of, judge_hours
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
    hours: str = option(
        "mon-sun 08:00-21:00",
        "When people may be rung, by the clock where it rings.",
        looser=Looser.ANY,
    )
    owners_exempt: bool = option(True, "Owners may be rung at any hour.", looser=Looser.TRUE)
    alerts_exempt: bool = option(
        True, "Alerts ring people on duty at any hour.", looser=Looser.TRUE
    )
    zone: str = option("UTC", "Where the day turns.", looser=Looser.NEVER, from_line="zone")

    def __post_init__(self) -> None:
        hours_of(self.hours)


def judge(facts: Facts, settings: Settings) -> Ruling:
    counts = facts.counts
    if counts.calls_day >= settings.day:
        text = f"The line already rang {counts.calls_day} times this day (limit {settings.day})."
        return hold("calls", text, day_end(facts.now, settings.zone))
    if counts.calls_now >= settings.at_once:
        text = f"{counts.calls_now} calls of the line are under way (limit {settings.at_once})."
        return hold("calls_at_once", text, window_end(facts.now, 60))
    if _at_any_hour(facts, settings):
        return ALLOWED
    match judge_hours(hours_of(settings.hours), facts.zones, facts.now):
        case Until(moment=moment):
            return hold("calling_hours", "It is no hour to ring where they are.", moment)
        case Never():
            return hold("calling_hours", "Nobody knows which hour it is where they are.")
        case _:
            return ALLOWED


def _at_any_hour(facts: Facts, settings: Settings) -> bool:
    if settings.owners_exempt and facts.role is Role.OWNER:
        return True
    return settings.alerts_exempt and facts.traits.category is Category.ALERT


RULE = Rule(
    "call_limits",
    "A line places at most so many calls a day and at once, and only at decent hours of the place "
    "where it rings.",
    judge,
    Settings(),
    acts=frozenset({Act.CALL}),
)
