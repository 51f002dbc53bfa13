"""Caps (compliance 4.7, point 9): several gateways on one store reach a limit and never pass it, the
day turns where the line is, a restart forgets no count, and what carriers count is segments."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from looking import all_items, creates
from ringfence.clock import ManualClock
from ringfence.gateway import consent
from ringfence.gateway.evidence import Statement
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.review import propose
from ringfence.model.consent import ConsentKind, Level, Method
from ringfence.model.draft import Category
from ringfence.model.outbox import OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.testing import Outcome
from telling import Story, telling

PEOPLE = [f"+1555555{number:04}" for number in range(111, 123)]
# Everybody is let in, so that nothing but the caps stands between an agent and them.
LET_IN = {"dmPolicy": "allowlist", "allowFrom": PEOPLE, "programme": "offers"}
AGENT = "agent:local"
LONG = "word " * 50
CYRILLIC = "Ваш заказ готов. " * 5


def house(policy: dict[str, Any], **sms: Any) -> dict[str, Any]:
    return {**LET_IN, "policy": policy, **sms}


async def proposes(
    story: Story, to: Sequence[str], body: str = "text", by: str = AGENT, **given: Any
) -> None:
    """Each in a transaction of its own, with words of its own."""
    kit, now = story.gateway.kit, story.clock.now()
    for number, person in enumerate(to):
        words = f"{body} {number} {story.gateway.kit.owner[-4:]}"
        one = Proposal(story.line, PhoneNumber(person), words, Act.INITIATE, by, **given)
        await story.write(lambda tx, one=one: propose(kit, tx, [one], now))


async def everybody_works(houses: Sequence[Story]) -> None:
    """Claims and sends of all gateways at once, until none finds anything."""
    idle = 0
    while idle < 2:
        dispatchers = [story.gateway.dispatcher for story in houses for _ in range(3)]
        batches = await asyncio.gather(*(one.claim(3) for one in dispatchers))
        pairs = zip(dispatchers, batches, strict=True)
        sends = [one.send(item) for one, batch in pairs for item in batch]
        await asyncio.gather(*sends)
        idle = 0 if sends else idle + 1


def left(houses: Sequence[Story]) -> list[Any]:
    return [message for story in houses for message in creates(story)]


async def agrees_to_marketing(story: Story, person: str) -> None:
    kit, now = story.gateway.kit, story.clock.now()
    said = Statement(
        PhoneNumber(person),
        ConsentKind.GRANTED,
        Method.PAPER,
        programme="offers",
        level=Level.MARKETING,
        disclosure="Offers weekly. Reply STOP to end.",
        evidence="form 7",
    )
    await story.write(lambda tx: consent.record(kit, tx, said, "operator:t", now))


ONE, MANY = PEOPLE[:1] * 12, PEOPLE
MARKETING = {"category": Category.MARKETING, "programme": "offers"}


@pytest.mark.proves("C9", "P10")
@pytest.mark.parametrize(
    ("policy", "to", "body", "given", "most"),
    [
        ({"recipientVolume": {"minute": 4}}, ONE, "text", {}, 4),
        ({"recipientVolume": {"hour": 5}}, ONE, "text", {}, 5),
        ({"recipientVolume": {"day": 3}}, ONE, "text", {}, 3),
        ({"lineVolume": {"minute": 6}}, MANY, "text", {}, 6),
        ({"lineVolume": {"day": 7}}, MANY, "text", {}, 7),
        ({"agentVolume": {"day": 5}}, MANY, "text", {}, 5),
        ({"agentVolume": {"newRecipientsDay": 4}}, MANY, "text", {}, 4),
        ({"spend": {"segmentsDay": 7}}, MANY, LONG, {}, 3),
        ({"spend": {"moneyDay": 1.1, "pricePerSegment": 0.1}}, MANY, LONG, {}, 5),
        ({"spend": {"marketingDay": 2}, "consent": {"marketing": True}}, ONE, "buy", MARKETING, 2),
    ],
)
async def test_three_gateways_reach_a_limit_and_never_pass_it(
    store_url: str,
    policy: dict[str, Any],
    to: Sequence[str],
    body: str,
    given: dict[str, Any],
    most: int,
) -> None:
    sms = house({"recipientVolume": {"minute": 1_000}, **policy})
    async with (
        telling(store_url, sms=sms, seed=1) as one,
        telling(store_url, sms=sms, seed=2, clock=one.clock) as two,
        telling(store_url, sms=sms, seed=3, clock=one.clock) as three,
    ):
        houses = (one, two, three)
        if given:
            await agrees_to_marketing(one, PEOPLE[0])
        # Nothing holds them when they are proposed: the limit is a matter of the claim.
        shares = [to[place::3] for place in range(3)]
        await asyncio.gather(
            *(proposes(*pair, body, **given) for pair in zip(houses, shares, strict=True))
        )
        await everybody_works(houses)
        assert len(left(houses)) == most
        waiting = [item for item in await all_items(one) if item.state is OutboxState.DUE]
        assert len(waiting) == len(to) - most, "the rest waits and is not lost"


# -- the day --------------------------------------------------------------------------------------


@pytest.mark.proves("C9", "C8")
@pytest.mark.parametrize(
    ("zone", "start", "turns"),
    [
        ("UTC", "2026-03-02T17:00", "2026-03-03T00:00"),
        ("America/New_York", "2026-03-02T17:00", "2026-03-03T05:00"),
        ("Asia/Kathmandu", "2026-03-02T17:00", "2026-03-02T18:15"),
        ("Pacific/Kiritimati", "2026-03-02T09:00", "2026-03-02T10:00"),
        # The day of 23 hours, and the one of 25.
        ("America/New_York", "2026-03-08T17:00", "2026-03-09T04:00"),
        ("America/New_York", "2026-11-01T17:00", "2026-11-02T05:00"),
    ],
)
async def test_the_day_turns_where_the_line_is(
    store_url: str, zone: str, start: str, turns: str
) -> None:
    clock = ManualClock(datetime.fromisoformat(start).replace(tzinfo=UTC))
    midnight = datetime.fromisoformat(turns).replace(tzinfo=UTC)
    sms = house({"lineVolume": {"day": 2}}, zone=zone)
    async with telling(store_url, sms=sms, clock=clock) as story:
        await proposes(story, PEOPLE[:5], by="operator:t")
        await story.settle()
        assert len(creates(story)) == 2
        # UTC's own midnight may pass meanwhile, and turns nothing.
        await story.passes(seconds=(midnight - clock.now() - timedelta(seconds=1)).total_seconds())
        assert len(creates(story)) == 2
        await story.passes(seconds=30)
        assert len(creates(story)) == 4
        await story.passes(hours=22)
        assert len(creates(story)) == 4
        await story.passes(hours=4)
        assert len(creates(story)) == 5


@pytest.mark.proves("C9", "P6")
async def test_what_waits_behind_a_cap_outlives_the_wait(store_url: str) -> None:
    """Only the first of a person's waiting texts is asked about; the others wait as long."""
    sms = house({"recipientVolume": {"day": 2}}, messageTtlMinutes=60)
    async with telling(store_url, sms=sms) as story:
        await proposes(story, PEOPLE[:1] * 6)
        await story.passes(minutes=30)
        sent = [len(creates(story))]
        for hours in (7, 24):
            await story.passes(hours=hours)  # half an hour past midnight
            sent.append(len(creates(story)))
        assert sent == [2, 4, 6]


@pytest.mark.proves("C9")
async def test_lines_in_other_zones_share_what_a_person_gets_in_a_day(store_url: str) -> None:
    """It is one person: neither line's day gives them a second helping of the other's, and what the
    carrier did not take is given back in both."""
    second = {
        "fromNumber": "+15555550101",
        "webhookPath": "/webhooks/second",
        "publicWebhookUrl": "{public}/webhooks/second",
        "zone": "Asia/Kathmandu",
    }
    day = {"recipientVolume": {"day": 3}}
    sms = house(day, accounts={"second": second})
    async with telling(store_url, sms=sms) as story:
        world = story.carrier.world
        world.carrier.add_line(world.account, "+15555550101", story.clock.now(), world.line.sms)
        story.carrier.next_creates(Outcome.THROTTLED)
        kit, now = story.gateway.kit, story.clock.now()
        both = [
            Proposal(kit.lines[line], PhoneNumber(PEOPLE[0]), f"{line} {n}", Act.INITIATE, AGENT)
            for n in range(6)
            for line in ("default", "second")
        ]
        await story.write(lambda tx: propose(kit, tx, both, now))
        await story.passes(minutes=1)
        assert len(creates(story)) == 3
        # Kathmandu's midnight is at 18:15; the line there begins anew, the other does not.
        await story.passes(minutes=80)
        senders = [message.sender for message in creates(story)[3:]]
        assert senders, "its day has begun"
        assert set(senders) == {"+15555550101"}
        await story.passes(hours=6)
        assert len(creates(story)) == 3 + len(senders) + 3


# -- restarts and segments ------------------------------------------------------------------------


@pytest.mark.proves("C9")
@pytest.mark.parametrize("policy", [{"lineVolume": {"day": 3}}, {"spend": {"segmentsDay": 3}}])
async def test_a_restart_forgets_no_count(store_url: str, policy: dict[str, Any]) -> None:
    sms = house(policy)
    async with telling(store_url, sms=sms) as story:
        await proposes(story, PEOPLE[:2])
        await story.passes(minutes=1)
        assert len(creates(story)) == 2
        clock = story.clock
    async with telling(store_url, sms=sms, seed=8, clock=clock) as story:
        await proposes(story, PEOPLE[2:6])
        await story.passes(minutes=30)
        assert len(creates(story)) == 1


@pytest.mark.proves("C9")
async def test_what_is_counted_is_segments(store_url: str) -> None:
    """Seventy-one letters that need UCS-2 are two segments, though they are one message; as many
    plain ones are one."""
    assert 70 < len(CYRILLIC) < 130
    sms = house({"spend": {"segmentsDay": 5}})
    async with telling(store_url, sms=sms) as story:
        await proposes(story, PEOPLE[:4], CYRILLIC)
        await story.settle()
        assert [m.segments for m in creates(story)] == [2, 2]
        # One segment is left of the day, and a short text still fits into it.
        await proposes(story, PEOPLE[4:6], "short")
        await story.settle()
        assert [m.segments for m in creates(story)] == [2, 2, 1]
        held = [item for item in await all_items(story) if item.state is OutboxState.DUE]
        assert len(held) == 3
        assert {item.reason.partition(":")[0] for item in held} == {"segments"}
