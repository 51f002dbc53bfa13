"""What the store tells of registration: error codes of late, and the day's segments by account."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ringfence.gateway import bridge
from ringfence.gateway.registration import failed_lately, tiers
from ringfence.model.phone import PhoneNumber
from telling import Story, telling

ALICE, BOB = "+15555550111", "+15555550112"


async def sends(story: Story, number: str, body: str = "A text.", line: str = "default") -> None:
    to = story.gateway.kit.lines[line]
    asked = bridge.SendRequest(to, PhoneNumber(number), body, "operator:t")
    await bridge.send(story.gateway.kit, asked)
    await story.passes(seconds=30)


async def failed(story: Story, **ago: float) -> list[tuple[int, int, bool]]:
    now = story.clock.now() + timedelta(**ago)
    found = await story.read(lambda tx: failed_lately(tx, "default", now))
    return [(one.code, one.count, one.over) for one in found]


async def test_codes_of_a_week_the_newest_first(store_url: str) -> None:
    async with telling(store_url) as story:
        assert await failed(story) == []
        story.carrier.script(ALICE, "undelivered:30034")
        story.carrier.script(BOB, "undelivered:30007")
        await sends(story, ALICE, "one")
        await sends(story, ALICE, "two")
        await sends(story, BOB)
        assert await failed(story) == [(30007, 1, False), (30034, 2, False)]
        story.carrier.script(ALICE, "delivered")
        await sends(story, ALICE, "three")
        assert await failed(story) == [(30007, 1, True), (30034, 2, True)]
        assert await failed(story, days=6.9) != []
        assert await failed(story, days=7.1) == []


async def test_a_text_that_arrived_before_is_no_sign_of_repair(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        await sends(story, BOB)
        story.carrier.script(ALICE, "undelivered:30034")
        await sends(story, ALICE)
        assert await failed(story) == [(30034, 1, False)]


SECOND = {"fromNumber": "+15555550101", "webhookPath": "/webhooks/two", "publicWebhookUrl": "{public}/webhooks/two"}  # fmt: skip


async def counted(story: Story, **later: float) -> list[tuple[tuple[str, ...], int, int]]:
    now = story.clock.now() + timedelta(**later)
    lines = story.gateway.settings.lines
    found = await story.read(lambda tx: tiers(tx, lines, now))
    return [(one.lines, one.segments, one.segments_max) for one in found]


async def test_a_line_without_a_tier_is_not_watched(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        assert await counted(story) == []


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({}, [(("default", "two"), 4, 100)]),
        ({"a2p": {"dailySegments": 50}}, [(("default", "two"), 4, 50)]),
        ({"accountSid": "AC" + "2" * 32}, [(("default",), 3, 100), (("two",), 0, 100)]),
        ({"enabled": False}, [(("default",), 3, 100)]),
    ],
)
async def test_lines_of_one_provider_account_count_together(
    store_url: str, second: dict[str, Any], expected: list[tuple[tuple[str, ...], int, int]]
) -> None:
    sms = {"a2p": {"dailySegments": 100}, "accounts": {"two": {**SECOND, **second}}}
    async with telling(store_url, sms=sms) as story:
        world = story.carrier.world
        world.carrier.add_line(world.account, "+15555550101", world.clock.now(), world.line.sms)
        await sends(story, ALICE, "x" * 161)  # two segments
        await sends(story, ALICE, "y")
        if len(expected[0][0]) == 2:
            await sends(story, ALICE, "z", line="two")
        assert await counted(story) == expected
        tomorrow = [(lines, 0, most) for lines, _, most in expected]
        assert await counted(story, days=1) == tomorrow
