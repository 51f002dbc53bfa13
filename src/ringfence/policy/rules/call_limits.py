"""Ceilings of calls: how many in a day, to one person and at once, how many minutes, and how long one
may last. At which hours of the place where it rings is for quiet_hours (`callWindows`)."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.model.verdict import ALLOWED, Act, Ruling, hold
from ringfence.policy.facts import Facts, day_end, window_end
from ringfence.policy.rule import Looser, Rule, option


@dataclass(frozen=True, slots=True)
class Settings:
    day: int = option(100, "Calls the line places in a day.", looser=Looser.HIGHER, ge=0)
    recipient_hour: int = option(
        6, "Calls the line places to one person in an hour.", looser=Looser.HIGHER, ge=1
    )
    recipient_day: int = option(
        20, "Calls the line places to one person in a day.", looser=Looser.HIGHER, ge=1
    )
    minutes: int = option(
        30,
        "How long a call may last; the provider is told, and ends it.",
        looser=Looser.HIGHER,
        ge=1,
        le=240,
    )
    minutes_day: int = option(
        600,
        "Begun minutes of the line's calls in a day, in both directions; no call lasts longer than "
        "what is left of them.",
        looser=Looser.HIGHER,
        ge=0,
    )
    recipient_minutes_day: int = option(
        120, "Begun minutes of calls with one person in a day.", looser=Looser.HIGHER, ge=0
    )
    waiting: int = option(
        2,
        "Callers who may wait while the line has all calls it may have; the next one finds it busy.",
        looser=Looser.HIGHER,
        ge=0,
    )
    at_once: int = option(
        1,
        "Calls of the line at the same time, in both directions.",
        looser=Looser.HIGHER,
        ge=1,
        from_line="voice.at_once",
    )
    zone: str = option("UTC", "Where the day turns.", looser=Looser.NEVER, from_line="zone")


def judge(facts: Facts, settings: Settings) -> Ruling:
    counts = facts.counts
    day = day_end(facts.now, settings.zone)
    if facts.act is Act.CALL:
        placed = _placed(facts, settings)
        if placed is not ALLOWED:
            return placed
    if counts.call_minutes_day >= settings.minutes_day:
        text = f"The line's calls used up {counts.call_minutes_day} minutes this day (limit {settings.minutes_day})."
        return hold("call_minutes", text, day)
    if counts.recipient_call_minutes_day >= settings.recipient_minutes_day:
        text = (
            f"Calls with this person used up {counts.recipient_call_minutes_day} minutes this day "
            f"(limit {settings.recipient_minutes_day})."
        )
        return hold("recipient_call_minutes", text, day)
    if counts.calls_now >= settings.at_once + (settings.waiting if facts.act is Act.ANSWER else 0):
        text = f"{counts.calls_now} calls of the line are under way (limit {settings.at_once})."
        return hold("calls_at_once", text, window_end(facts.now, 60))
    return ALLOWED


def _placed(facts: Facts, settings: Settings) -> Ruling:
    """The longest wait goes first, so that nothing is asked again before it can be otherwise."""
    counts, day = facts.counts, day_end(facts.now, settings.zone)
    if counts.calls_day >= settings.day:
        text = f"The line already rang {counts.calls_day} times this day (limit {settings.day})."
        return hold("calls", text, day)
    if counts.recipient_calls_day >= settings.recipient_day:
        text = _rang(counts.recipient_calls_day, settings.recipient_day, "day")
        return hold("recipient_calls", text, day)
    if counts.recipient_calls_hour >= settings.recipient_hour:
        text = _rang(counts.recipient_calls_hour, settings.recipient_hour, "hour")
        return hold("recipient_calls", text, window_end(facts.now, 3_600))
    return ALLOWED


def _rang(count: int, limit: int, word: str) -> str:
    return f"This person was already rung {count} times this {word} (limit {limit})."


RULE = Rule(
    "call_limits",
    "A line places at most so many calls a day and to one person, holds at most so many at once, and "
    "uses at most so many minutes a day, with one person fewer; no call lasts longer than it may. "
    "More wait, callers too, and beyond so many of those the line is busy.",
    judge,
    Settings(),
    acts=frozenset({Act.CALL, Act.ANSWER}),
)
