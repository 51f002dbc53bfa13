"""Calls through the whole gateway on Plivo, where instructions are fetched, what is placed has another id
than the call, and the end is told once."""

from __future__ import annotations

import pytest

from calling import ANN, calling
from ringfence.model.call import CallState, EndReason
from ringfence.testing import SCRIPTS, Faults
from telling import ScriptedAgent


@pytest.mark.proves("B131", "P12")
async def test_a_notice_on_plivo_follows_the_calls_own_id(store_url: str) -> None:
    async with calling(store_url, provider="plivo") as story:
        proposed = await story.calls(ANN, "Hi! This is a test call.")
        phone = story.phone(ANN)
        await story.story.passes(seconds=0.2)
        asked = (await story.call()).person.provider_id
        await story.until(phone.rings())
        await story.story.settle()
        call = await story.call()
        assert asked.startswith("request:")
        assert not call.person.provider_id.startswith("request:")
        line = call.line
        found = await story.story.read(
            lambda tx: tx.calls.at_provider(line, call.person.provider_id)
        )
        assert found is not None
        assert found.id == call.id
        assert await story.story.read(lambda tx: tx.calls.at_provider(line, asked)) is None
        phone.answers()
        await story.until(phone.hears("This is a test call"))
        over = await story.until(phone.is_over())
        await story.settles()
        assert (over.limit_s, over.limit_given) == (300, True)
        call = await story.call()
        assert (call.state, call.person.end_reason) == (CallState.ENDED, EndReason.SAID_ALL)
        assert await story.status(proposed.message_id) == "delivered"


@pytest.mark.parametrize(
    ("behaves", "state", "status"),
    [
        ("busy", CallState.BUSY, "undelivered"),
        ("failed", CallState.FAILED, "failed"),
        ("silent", CallState.NO_ANSWER, "undelivered"),
    ],
)
async def test_a_phone_that_is_not_answered_on_plivo(
    store_url: str, behaves: str, state: CallState, status: str
) -> None:
    async with calling(store_url, provider="plivo") as story:
        story.story.carrier.voice.scripts[ANN] = SCRIPTS[behaves]
        proposed = await story.calls(ANN, "Your table is ready.")
        await story.story.passes(minutes=2)
        call = await story.call()
        assert (call.state, await story.status(proposed.message_id)) == (state, status)


async def test_a_machine_on_plivo_is_hung_up_on(store_url: str) -> None:
    async with calling(store_url, provider="plivo") as story:
        story.story.carrier.voice.scripts[ANN] = SCRIPTS["voicemail"]
        proposed = await story.calls(ANN, "Your order waits for you at the counter. " * 5)
        await story.story.passes(minutes=2)
        assert (await story.call()).person.end_reason is EndReason.MACHINE
        assert await story.status(proposed.message_id) == "undelivered"


async def test_keys_are_taken_on_plivo(store_url: str) -> None:
    async with calling(store_url, provider="plivo") as story:
        await story.calls(ANN, "Your appointment is at nine.", keys={"1": "confirm"})
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("Press 1 to confirm"))
        phone.presses("1")
        await story.until(phone.hears("Thank you"))
        await story.until(phone.is_over())
        await story.settles()
        assert (await story.call()).pressed == "1"


async def test_a_caller_talks_with_the_agent_on_plivo(store_url: str) -> None:
    agent = ScriptedAgent()
    async with calling(store_url, agent=agent, provider="plivo") as story:
        phone = story.phone(ANN)
        phone.calls()
        await story.until(phone.hears("Hello, this is Acme."))
        phone.says("When do you open?")
        await story.until(phone.hears("When do you open?"))
        phone.hangs_up()
        await story.settles()
        call = await story.call()
        assert (call.state, call.person.end_reason) == (CallState.ENDED, EndReason.HUNG_UP)


@pytest.mark.proves("B133")
async def test_the_end_of_a_call_that_plivo_told_nobody_is_found(store_url: str) -> None:
    async with calling(store_url, provider="plivo") as story:
        await story.calls(ANN, "Your order is ready. " * 20)
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.story.passes(seconds=2)
        live = story.story.carrier.calls[-1]
        live.events = frozenset()
        phone.hangs_up()
        await story.story.passes(minutes=10)
        assert (await story.call()).is_over


@pytest.mark.proves("P5")
async def test_a_call_whose_answer_was_lost_makes_itself_known(store_url: str) -> None:
    """Plivo's list has no id of ours: what rings tells whose call it is, and nobody rings twice."""
    options = {"faults": Faults(response_lost=1.0)}
    async with calling(store_url, provider="plivo", carrier_options=options) as story:
        proposed = await story.calls(ANN, "Hello.")
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("Hello."))
        await story.settles()
        await story.story.passes(minutes=5)
        assert await story.status(proposed.message_id) == "delivered"
        assert len(story.story.carrier.calls) == 1


@pytest.mark.proves("P3")
async def test_the_kill_switch_ends_a_live_call_on_plivo_with_a_sentence(store_url: str) -> None:
    async with calling(store_url, provider="plivo") as story:
        await story.calls(ANN, "This is a long notice about your order. " * 30)
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.story.passes(seconds=2)
        await story.stops()
        await story.until(phone.hears("This call has to end now"))
        await story.until(phone.is_over())
        await story.settles()
        assert (await story.call()).person.end_reason is EndReason.KILLED
