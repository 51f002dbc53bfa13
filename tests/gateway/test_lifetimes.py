"""What lost its use expires, whatever it waited for: never late, and nobody is asked about it longer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from looking import ALICE, OPEN, creates, parts
from ringfence.gateway import drafts
from ringfence.gateway.lifetimes import ALERT_USE
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.review import propose
from ringfence.model.draft import Category
from ringfence.model.message import Message, MessageClass
from ringfence.model.outbox import OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from telling import Story, telling

TO = {**OPEN, "allowTo": [ALICE]}
# The story begins at 17:00.
HOURS = {"windows": "mon-sun 20:00-21:00", "defaultZone": "UTC"}
NIGHT = {**TO, "silent": True, "policy": {"quietHours": HOURS}}


async def says(story: Story, initiator: str = "agent:local", **more: Any) -> str:
    kit, now = story.gateway.kit, story.clock.now()
    proposal = Proposal(story.line, PhoneNumber(ALICE), "hello", Act.INITIATE, initiator, **more)
    (done,) = await story.write(lambda tx: propose(kit, tx, [proposal], now))
    return str(done.message_id)


async def told(story: Story, key: str) -> Message:
    found: Message = await story.read(lambda tx: tx.messages.get(key))
    return found


async def ends_at(story: Story, key: str) -> datetime:
    [item] = await parts(story, await told(story, key))
    return item.expires_at


@pytest.mark.parametrize(
    ("more", "minutes"),
    [
        ({}, 240),
        ({"category": Category.ALERT}, 30),
        ({"category": Category.ALERT, "lifetime": timedelta(hours=1)}, 60),
        ({"lifetime": timedelta(minutes=10)}, 10),
        ({"use_until": timedelta(minutes=20)}, 20),
        ({"use_until": timedelta(hours=9)}, 240),
        ({"lifetime": timedelta(hours=9), "use_until": timedelta(hours=8)}, 480),
        ({"category": Category.ALERT, "use_until": timedelta(hours=2)}, 120),
    ],
)
async def test_how_long_it_waits(sqlite_url: str, more: dict[str, Any], minutes: int) -> None:
    async with telling(sqlite_url, sms=TO) as story:
        now = story.clock.now()
        if "use_until" in more:
            more = {**more, "use_until": now + more["use_until"]}
        key = await says(story, "operator:t", **more)
        assert await ends_at(story, key) == now + timedelta(minutes=minutes)


@pytest.mark.proves("P6")
@pytest.mark.parametrize(("hours", "status"), [(5, "delivered"), (2, "expired")])
async def test_hours_do_not_lengthen_its_use(store_url: str, hours: int, status: str) -> None:
    async with telling(store_url, sms=NIGHT) as story:
        await story.phone(ALICE).texts("remind me")
        await story.passes(minutes=30)  # what follows is no answer any more
        key = await says(story, use_until=story.clock.now() + timedelta(hours=hours))
        first = await told(story, key)
        assert first.status.value == "queued", first.reason
        for _ in range(24):
            await story.passes(minutes=15)
        assert (await told(story, key)).status.value == status
        assert len(creates(story)) == (status == "delivered")


@pytest.mark.proves("P6")
@pytest.mark.parametrize("use", [True, False])
async def test_held_at_its_claim_it_still_ends_in_time(sqlite_url: str, use: bool) -> None:
    policy = {"recipientVolume": {"minute": 1000, "hour": 1}}
    async with telling(sqlite_url, sms={**TO, "policy": policy}) as story:
        await says(story, "operator:t")
        more = {"use_until": story.clock.now() + timedelta(minutes=20)} if use else {}
        key = await says(story, "operator:t", **more)
        await story.passes(seconds=10)
        [item] = await parts(story, await told(story, key))
        assert (item.state, item.due_at > story.clock.now()) == (OutboxState.DUE, True)
        for _ in range(10):
            await story.passes(minutes=10)
        assert (await told(story, key)).status.value == ("expired" if use else "delivered")


@pytest.mark.proves("P2", "P6")
async def test_nobody_is_asked_about_what_lost_its_use(store_url: str) -> None:
    ask = {**OPEN, "policy": {"recipientAllowlist": {"enforce": "hold"}}}
    async with telling(store_url, sms=ask) as story:
        until = story.clock.now() + timedelta(minutes=45)
        key = await says(story, message_class=MessageClass.FREE_TEXT, use_until=until)
        held = await told(story, key)
        assert held.status.value == "held"
        draft = await story.read(lambda tx: tx.drafts.get(key))
        assert draft.expires_at == until
        await story.passes(minutes=46)
        assert (await told(story, key)).status.value == "expired"


@pytest.mark.proves("P2")
async def test_what_is_approved_keeps_its_end(store_url: str) -> None:
    ask = {**OPEN, "policy": {"recipientAllowlist": {"enforce": "hold"}}}
    async with telling(store_url, sms=ask) as story:
        until = story.clock.now() + ALERT_USE
        key = await says(story, category=Category.CONVERSATION, use_until=until)
        await story.passes(minutes=10)
        kit, now = story.gateway.kit, story.clock.now()
        held = await story.read(lambda tx: tx.drafts.get(key))
        await story.write(lambda tx: drafts.approve(kit, tx, held, "operator:t", now))
        assert await ends_at(story, key) == until
