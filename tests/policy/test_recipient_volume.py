"""How much one person may get; time lifts it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from policy_facts import facts
from ringfence.model.line import VolumeLimits
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import VolumeCounts
from ringfence.policy.rules.recipient_volume import RULE

LIMITS = VolumeLimits(per_recipient_minute=2, per_recipient_hour=4, per_recipient_day=6)


@pytest.mark.proves("P10")
@pytest.mark.parametrize(
    ("minute", "hour", "day", "until"),
    [
        (1, 3, 5, None),
        (2, 3, 5, datetime(2026, 3, 2, 17, 1, tzinfo=UTC)),
        (0, 4, 5, datetime(2026, 3, 2, 18, 0, tzinfo=UTC)),
        (2, 4, 6, datetime(2026, 3, 3, tzinfo=UTC)),
    ],
)
def test_the_longest_full_window_holds_until_its_end(
    minute: int, hour: int, day: int, until: datetime | None
) -> None:
    counts = VolumeCounts(recipient_minute=minute, recipient_hour=hour, recipient_day=day)
    ruling = RULE.judge(facts(counts=counts, limits=LIMITS))
    assert ruling.until == until
    assert (ruling.verdict is Verdict.ALLOW) == (until is None)


def test_receiving_is_not_counted() -> None:
    counts = VolumeCounts(recipient_day=1_000)
    assert RULE.judge(facts(act=Act.RECEIVE, counts=counts, limits=LIMITS)).verdict is Verdict.ALLOW
