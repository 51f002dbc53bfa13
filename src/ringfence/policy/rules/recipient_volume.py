"""How much one person may get: per minute, hour and day. Time lifts it; nothing is lost. Notices to
owners have a bound of their own (gateway/notices.py): strangers cause them, and they must neither
use up the owner's allowance nor stand waiting before the answer to the owner."""

from __future__ import annotations

from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Ruling, hold
from ringfence.policy.facts import Facts, window_end
from ringfence.policy.rule import Rule


def judge(facts: Facts) -> Ruling:
    if facts.act is Act.RECEIVE or facts.message_class is MessageClass.OWNER_NOTICE:
        return ALLOWED
    counts, limits = facts.counts, facts.limits
    windows = (
        (counts.recipient_day, limits.per_recipient_day, 86_400, "day"),
        (counts.recipient_hour, limits.per_recipient_hour, 3_600, "hour"),
        (counts.recipient_minute, limits.per_recipient_minute, 60, "minute"),
    )
    for count, limit, window_s, word in windows:
        if count >= limit:
            text = f"This person already got {count} messages this {word} (limit {limit})."
            return hold("recipient_volume", text, window_end(facts.now, window_s))
    return ALLOWED


RULE = Rule(
    "recipient_volume",
    "One person gets at most so many messages a minute, an hour and a day; more wait. "
    "Notices to owners are bounded by themselves.",
    judge,
)
