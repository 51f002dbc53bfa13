"""The windows of the counters: the day they count in is the day the rules wait for the end of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from ringfence.gateway.counting import DAY, day_start
from ringfence.policy.facts import day_end

DAYS = 730
ZONES = sorted(available_timezones())
LONGEST = timedelta(seconds=DAY)


@pytest.mark.proves("C9")
def test_counter_and_rule_agree_on_the_day_in_every_zone() -> None:
    """Where a rule says until when a day lasts, the counter begins at nothing, and not before."""
    for zone in ZONES:
        for step in _noteworthy(zone):
            end = day_end(step, zone)
            assert step < end <= step + LONGEST, (zone, step)
            begun = day_start(step, zone)
            assert begun <= step.timestamp(), (zone, step)
            assert day_start(end - timedelta(seconds=1), zone) == begun, (zone, step)
            assert day_start(end, zone) == end.timestamp(), (zone, step)


def _noteworthy(zone: str) -> list[datetime]:
    """Noon of every thirtieth day, and the hours around each change of the clock."""
    noons = [datetime(2025, 1, 1, 12, tzinfo=UTC) + timedelta(days=day) for day in range(DAYS)]
    where = ZoneInfo(zone)
    offsets = [noon.astimezone(where).utcoffset() for noon in noons]
    changes = [noons[at] for at in range(1, DAYS) if offsets[at] != offsets[at - 1]]
    around = [noon - timedelta(hours=hours) for noon in changes for hours in range(30)]
    return noons[::30] + around
