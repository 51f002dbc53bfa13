"""Pages by call: an escalation step rings, says what it is, takes a key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from calling import Calling, calling
from paged import ANN, BEN, Paged, operations
from ringfence.model.alert import AlertState
from ringfence.model.call import EndReason
from ringfence.testing import SCRIPTS

STEPS = (
    {"name": "first", "notify": ["person:ann"], "by": ["call"], "acknowledgedWithin": 300},
    {"name": "second", "notify": ["person:ben"], "by": ["call"], "acknowledgedWithin": 300},
)


@asynccontextmanager
async def ringing(store_url: str, **more: Any) -> AsyncIterator[tuple[Calling, Paged]]:
    config = operations(steps=more.pop("steps", STEPS))
    async with calling(store_url, config=config, **more) as story:
        yield story, Paged(story.story)


@pytest.mark.proves("P6")
async def test_a_page_rings_and_a_key_takes_the_alert(store_url: str) -> None:
    async with ringing(store_url) as (story, paged):
        await paged.fires("db-1")
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("Press 1 to acknowledge"))
        phone.presses("1")
        await story.until(phone.is_over())
        await story.settles()
        alert = await paged.alert("db-1")
        assert alert.state is AlertState.ACKNOWLEDGED
        story.phone(BEN).has_not_rung()


async def test_a_page_passed_on_rings_the_next_at_once(store_url: str) -> None:
    async with ringing(store_url) as (story, paged):
        await paged.fires("db-1")
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("Press 1 to acknowledge"))
        phone.presses("2")
        await story.until(story.phone(BEN).rings())


@pytest.mark.parametrize("behaves", ["voicemail", "busy", "off"])
async def test_a_phone_nobody_answers_is_not_reached(store_url: str, behaves: str) -> None:
    """The next way is tried when the call is over, not when a silence would have been noticed."""
    async with ringing(store_url) as (story, paged):
        story.story.carrier.voice.scripts[ANN] = SCRIPTS[behaves]
        await paged.fires("db-1")
        began = story.story.clock.now()
        await story.until(story.phone(BEN).rings())
        assert (story.story.clock.now() - began).total_seconds() < 120


async def test_a_phone_that_rings_about_nothing_stops(store_url: str) -> None:
    async with ringing(store_url) as (story, paged):
        await paged.fires("db-1")
        await story.until(story.phone(ANN).rings())
        await paged.ends("db-1")
        await story.settles()
        assert (await story.call()).person.end_reason is EndReason.MOOT
