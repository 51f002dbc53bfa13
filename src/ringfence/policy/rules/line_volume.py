"""How much one line may send: per minute and day, and how much may wait in its queue."""

from __future__ import annotations

from ringfence.model.verdict import ALLOWED, Act, Ruling, deny, hold
from ringfence.policy.facts import Facts, window_end
from ringfence.policy.rule import Rule


def judge(facts: Facts) -> Ruling:
    if facts.act is Act.RECEIVE:
        return ALLOWED
    counts, limits = facts.counts, facts.limits
    if counts.waiting >= limits.waiting_max:
        return deny(
            "queue_full", f"{counts.waiting} messages already wait (limit {limits.waiting_max})."
        )
    if counts.line_day >= limits.per_line_day:
        return hold(
            "line_volume",
            _words(counts.line_day, limits.per_line_day, "day"),
            window_end(facts.now, 86_400),
        )
    if counts.line_minute >= limits.per_line_minute:
        return hold(
            "line_volume",
            _words(counts.line_minute, limits.per_line_minute, "minute"),
            window_end(facts.now, 60),
        )
    return ALLOWED


def _words(count: int, limit: int, word: str) -> str:
    return f"The line already sent {count} messages this {word} (limit {limit})."


RULE = Rule(
    "line_volume",
    "One line sends at most so many messages a minute and a day, and at most so many may wait.",
    judge,
)
