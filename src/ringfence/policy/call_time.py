"""How long a call may last: the shortest of what was asked for, what one call may take, and what is left
of the day's minutes and money. The provider is told, so that a gateway that dies leaves no call running
(P12). Pure; the rules themselves let no call begin with less than a minute left."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ringfence.policy.facts import VolumeCounts
from ringfence.policy.rules import call_limits, spend

MINUTE_S = 60


def call_ceiling_s(counts: VolumeCounts, settings: Mapping[str, Any], asked_s: int) -> int:
    """In seconds from the answer on, 0 where nothing is left: then there must be no call. `settings`
    are a policy's, `asked_s` is what the line itself gives a call."""
    limits: call_limits.Settings = settings[call_limits.RULE.name]
    minutes = min(limits.minutes, minutes_left(counts, settings))
    return max(0, min(asked_s, minutes * MINUTE_S))


def minutes_left(counts: VolumeCounts, settings: Mapping[str, Any]) -> int:
    """Begun minutes that one more call may use: of the line's day, the person's, and the money's."""
    limits: call_limits.Settings = settings[call_limits.RULE.name]
    prices: spend.Settings = settings[spend.RULE.name]
    left = [
        limits.minutes_day - counts.call_minutes_day,
        limits.recipient_minutes_day - counts.recipient_call_minutes_day,
    ]
    if prices.price_per_minute:
        money = prices.money_day - prices.cost(counts.segments_day, counts.call_minutes_day)
        left.append(math.floor(money / prices.price_per_minute))
    return max(0, min(left))


def begun_minutes(seconds: float) -> int:
    """As providers charge them: what has begun counts whole."""
    return math.ceil(seconds / MINUTE_S)
