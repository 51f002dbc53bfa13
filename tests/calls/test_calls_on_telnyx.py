"""Calls through the whole gateway on Telnyx, where a call is told what to do by requests, a step at a time,
and reports the end of each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from calling import ANN, BEN, Calling, calling
from ringfence.model.call import CallMode, CallState, EndReason, Speaker
from ringfence.testing import SCRIPTS, Faults
from telling import ScriptedAgent

APPLICATION = "0000000000000000001"  # of the stories' account


@asynccontextmanager
async def on_telnyx(
    store_url: str, *, voice: Mapping[str, Any] | None = None, **more: Any
) -> AsyncIterator[Calling]:
    settings = {"connection_id": APPLICATION, **(voice or {})}
    async with calling(store_url, provider="telnyx", voice=settings, **more) as story:
        assert story.story.carrier.connection_id == APPLICATION
        yield story


@pytest.mark.proves("P12")
async def test_a_notice_is_told_on_telnyx(store_url: str) -> None:
    async with on_telnyx(store_url) as story:
        proposed = await story.calls(ANN, "Hi! This is a test call.")
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("This is a test call"))
        over = await story.until(phone.is_over())
        await story.settles()
        assert over.limit_s == 300
        call = await story.call()
        assert (call.state, call.person.end_reason) == (CallState.ENDED, EndReason.SAID_ALL)
        assert await story.status(proposed.message_id) == "delivered"


@pytest.mark.parametrize(
    ("behaves", "state", "status"),
    [
        ("busy", CallState.BUSY, "undelivered"),
        ("failed", CallState.FAILED, "failed"),
        ("off", CallState.NO_ANSWER, "undelivered"),
        ("silent", CallState.NO_ANSWER, "undelivered"),
    ],
)
async def test_a_phone_that_is_not_answered_on_telnyx(
    store_url: str, behaves: str, state: CallState, status: str
) -> None:
    async with on_telnyx(store_url) as story:
        story.story.carrier.voice.scripts[ANN] = SCRIPTS[behaves]
        proposed = await story.calls(ANN, "Your table is ready.")
        await story.story.passes(minutes=2)
        call = await story.call()
        assert (call.state, await story.status(proposed.message_id)) == (state, status)


async def test_a_machine_is_hung_up_on_on_telnyx(store_url: str) -> None:
    async with on_telnyx(store_url) as story:
        story.story.carrier.voice.scripts[ANN] = SCRIPTS["voicemail"]
        proposed = await story.calls(ANN, "Your order is ready. " * 20)
        await story.story.passes(minutes=3)
        assert (await story.call()).person.end_reason is EndReason.MACHINE
        assert await story.status(proposed.message_id) == "undelivered"


async def test_a_key_is_taken_on_telnyx(store_url: str) -> None:
    async with on_telnyx(store_url) as story:
        keys = {"1": "confirm", "2": "cancel"}
        proposed = await story.calls(ANN, "Your appointment is at nine.", keys=keys)
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("Press 2 to cancel"))
        phone.presses("1")
        await story.until(phone.hears("Thank you"))
        await story.until(phone.is_over())
        await story.settles()
        assert (await story.call()).pressed == "1"
        assert await story.status(proposed.message_id) == "delivered"


@pytest.mark.proves("P1")
async def test_somebody_calls_and_talks_with_the_agent_on_telnyx(store_url: str) -> None:
    said = iter(["We open at nine.", "You are welcome."])
    agent = ScriptedAgent(lambda turn: next(said))
    async with on_telnyx(store_url, agent=agent) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        await story.story.passes(seconds=1)
        phone.says("When do you open?")
        await story.until(phone.hears("We open at nine"))
        await story.story.passes(seconds=1)
        phone.says("Thanks!")
        await story.until(phone.hears("You are welcome"))
        await story.story.passes(seconds=1)
        phone.hangs_up()
        await story.settles()
        call = await story.call()
        assert (call.state, call.person.end_reason) == (CallState.ENDED, EndReason.HUNG_UP)
        assert [(one.speaker, one.text) for one in await story.words(call)] == [
            (Speaker.GATEWAY, "Hello, this is Acme."),
            (Speaker.PERSON, "When do you open?"),
            (Speaker.AGENT, "We open at nine."),
            (Speaker.PERSON, "Thanks!"),
            (Speaker.AGENT, "You are welcome."),
        ]


async def test_an_outbound_conversation_on_telnyx(store_url: str) -> None:
    agent = ScriptedAgent(lambda turn: "At nine.")
    async with on_telnyx(store_url, agent=agent) as story:
        await story.calls(ANN, "Hi Ann, do you have a question?", mode=CallMode.CONVERSATION)
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("do you have a question"))
        await story.story.passes(seconds=1)
        phone.says("When do you open?")
        await story.until(phone.hears("At nine"))
        phone.hangs_up()
        await story.settles()
        assert (await story.call()).mode is CallMode.CONVERSATION


async def test_silence_ends_a_conversation_on_telnyx(store_url: str) -> None:
    async with on_telnyx(store_url) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        await story.until(phone.hears("Are you still there?"))
        await story.until(phone.hears("Goodbye"))
        await story.until(phone.is_over())
        await story.settles()
        assert (await story.call()).person.end_reason is EndReason.SILENCE


@pytest.mark.proves("B121")
async def test_a_hidden_caller_is_turned_away_unanswered_on_telnyx(store_url: str) -> None:
    async with on_telnyx(store_url) as story:
        call = story.phone(BEN).calls(shown="anonymous")
        await story.settles()
        assert (call.answered_at, call.played) == (None, [])
        assert call.status == "failed", "rejected, and not left to ring"


@pytest.mark.proves("P3")
async def test_the_kill_switch_ends_a_call_on_telnyx_with_a_sentence(store_url: str) -> None:
    async with on_telnyx(store_url) as story:
        await story.calls(ANN, "This is a long notice about your order. " * 30)
        phone = story.phone(ANN)
        await story.until(phone.rings())
        call = phone.answers()
        await story.story.passes(seconds=2)
        await story.stops()
        await story.until(phone.hears("This call has to end now"))
        await story.until(phone.is_over())
        await story.settles()
        assert (await story.call()).person.end_reason is EndReason.KILLED
        assert call.played[-1].heard.endswith("end now. Goodbye."), "nothing after it"


@pytest.mark.proves("P5")
async def test_a_call_whose_placing_was_not_answered_is_found_by_its_event(store_url: str) -> None:
    options = {"faults": Faults(response_lost=1.0)}
    async with on_telnyx(store_url, carrier_options=options) as story:
        proposed = await story.calls(ANN, "Hello.")
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.is_over())
        await story.settles()
        assert await story.status(proposed.message_id) == "delivered"
        phone.has_not_rung()


@pytest.mark.proves("B116")
async def test_events_that_come_twice_and_late_say_nothing_twice(store_url: str) -> None:
    options = {"faults": Faults(callback_duplicated=1.0)}
    async with on_telnyx(store_url, carrier_options=options) as story:
        await story.calls(ANN, "Hello there.")
        phone = story.phone(ANN)
        await story.until(phone.rings())
        call = phone.answers()
        await story.until(phone.is_over())
        await story.settles()
        assert call.heard.count("Hello there.") == 1
