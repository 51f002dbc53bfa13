"""How much one line may send: per minute and day, and how much may wait in its queue."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.model.verdict import ALLOWED, Act, Ruling, deny, hold
from ringfence.policy.facts import Facts, day_end, window_end
from ringfence.policy.rule import Looser, Rule, option


@dataclass(frozen=True, slots=True)
class Settings:
    minute: int = option(600, "Messages from the line in a minute.", looser=Looser.HIGHER, ge=1)
    day: int = option(20_000, "Messages from the line in a day.", looser=Looser.HIGHER, ge=1)
    waiting_max: int = option(
        10_000, "Messages and calls that may wait on the line.", looser=Looser.HIGHER, ge=1
    )
    zone: str = option("UTC", "Where the day turns.", looser=Looser.NEVER, from_line="zone")


def judge(facts: Facts, settings: Settings) -> Ruling:
    counts, now = facts.counts, facts.now
    if counts.waiting >= settings.waiting_max:
        return deny(
            "queue_full", f"{counts.waiting} messages already wait (limit {settings.waiting_max})."
        )
    if facts.act is Act.CALL:
        return ALLOWED  # how many calls is for call_limits
    if counts.line_day >= settings.day:
        text = _words(counts.line_day, settings.day, "day")
        return hold("line_volume", text, day_end(now, settings.zone))
    if counts.line_minute >= settings.minute:
        text = _words(counts.line_minute, settings.minute, "minute")
        return hold("line_volume", text, window_end(now, 60))
    return ALLOWED


def _words(count: int, limit: int, word: str) -> str:
    return f"The line already sent {count} messages this {word} (limit {limit})."


RULE = Rule(
    "line_volume",
    "One line sends at most so many messages a minute and a day, and at most so many may wait.",
    judge,
    Settings(),
    acts=frozenset({Act.REPLY, Act.INITIATE, Act.CALL}),
)
