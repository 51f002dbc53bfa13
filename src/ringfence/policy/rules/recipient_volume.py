"""How much one person may get: per minute, hour and day. Time lifts it; nothing is lost. Notices to
owners have a bound of their own (gateway/notices.py): strangers cause them, and they must neither
use up the owner's allowance nor stand waiting before the answer to the owner."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.model.message import MessageClass
from ringfence.model.verdict import ALLOWED, Act, Ruling, hold
from ringfence.policy.facts import Facts, day_end, window_end
from ringfence.policy.rule import Looser, Rule, option


@dataclass(frozen=True, slots=True)
class Settings:
    minute: int = option(10, "Messages to one person in a minute.", looser=Looser.HIGHER, ge=1)
    hour: int = option(60, "Messages to one person in an hour.", looser=Looser.HIGHER, ge=1)
    day: int = option(200, "Messages to one person in a day.", looser=Looser.HIGHER, ge=1)
    zone: str = option("UTC", "Where the day turns.", looser=Looser.NEVER, from_line="zone")


def judge(facts: Facts, settings: Settings) -> Ruling:
    if facts.message_class is MessageClass.OWNER_NOTICE:
        return ALLOWED
    counts, now = facts.counts, facts.now
    if counts.recipient_day >= settings.day:
        text = _words(counts.recipient_day, settings.day, "day")
        return hold("recipient_volume", text, day_end(now, settings.zone))
    if counts.recipient_hour >= settings.hour:
        text = _words(counts.recipient_hour, settings.hour, "hour")
        return hold("recipient_volume", text, window_end(now, 3_600))
    if counts.recipient_minute >= settings.minute:
        text = _words(counts.recipient_minute, settings.minute, "minute")
        return hold("recipient_volume", text, window_end(now, 60))
    return ALLOWED


def _words(count: int, limit: int, word: str) -> str:
    return f"This person already got {count} messages this {word} (limit {limit})."


RULE = Rule(
    "recipient_volume",
    "One person gets at most so many messages a minute, an hour and a day; more wait. "
    "Notices to owners are bounded by themselves.",
    judge,
    Settings(),
    acts=frozenset({Act.REPLY, Act.INITIATE}),
)
