"""Calls that say something and hang up, through the whole gateway: the gate, the ledger, the carrier's
wire, a phone that rings."""

from __future__ import annotations

import pytest

from calling import ANN, calling
from ringfence.model.call import CallState, EndReason
from ringfence.testing import SCRIPTS, Faults


@pytest.mark.proves("B128", "P12")
async def test_a_notice_rings_is_heard_and_hangs_up(store_url: str) -> None:
    async with calling(store_url) as story:
        proposed = await story.calls(ANN, "Hi! This is a test call.")
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("This is a test call"))
        over = await story.until(phone.is_over())
        await story.settles()
        assert (over.limit_s, over.limit_given) == (300, True)
        call = await story.call()
        assert (call.state, call.person.end_reason) == (CallState.ENDED, EndReason.SAID_ALL)
        assert await story.status(proposed.message_id) == "delivered"
        assert [one.text for one in await story.words(call)] == ["Hi! This is a test call."]


@pytest.mark.proves("P5")
@pytest.mark.parametrize(
    ("behaves", "state", "status"),
    [
        ("busy", CallState.BUSY, "undelivered"),
        ("failed", CallState.FAILED, "failed"),
        ("off", CallState.NO_ANSWER, "undelivered"),
        ("silent", CallState.NO_ANSWER, "undelivered"),
    ],
)
async def test_a_phone_that_is_not_answered_ends_the_notice(
    store_url: str, behaves: str, state: CallState, status: str
) -> None:
    """A switched-off phone (SIP 480) is one that nobody answered, not a failure."""
    async with calling(store_url) as story:
        story.story.carrier.voice.scripts[ANN] = SCRIPTS[behaves]
        proposed = await story.calls(ANN, "Your table is ready.")
        await story.story.passes(minutes=2)
        call = await story.call()
        assert (call.state, await story.status(proposed.message_id)) == (state, status)
        assert await story.story.read(lambda tx: tx.calls.live_ones()) == []


async def test_a_machine_is_hung_up_on_and_counts_as_nobody(store_url: str) -> None:
    async with calling(store_url) as story:
        story.story.carrier.voice.scripts[ANN] = SCRIPTS["voicemail"]
        words = (
            "Your order is ready and waits for you at the counter until seven this evening. " * 3
        )
        proposed = await story.calls(ANN, words)
        await story.story.passes(minutes=2)
        call = await story.call()
        assert call.person.end_reason is EndReason.MACHINE
        assert await story.status(proposed.message_id) == "undelivered"


async def test_a_voicemail_is_left_where_the_operator_wrote_one(store_url: str) -> None:
    async with calling(store_url, voice={"voicemail": "Please call Acme back."}) as story:
        story.story.carrier.voice.scripts[ANN] = SCRIPTS["voicemail"]
        proposed = await story.calls(ANN, "Your order is ready. " * 20)
        await story.story.passes(minutes=3)
        heard = [one.heard for c in story.phone(ANN).connections for one in c.call.played]
        assert heard[-1] == "Please call Acme back."
        assert await story.status(proposed.message_id) == "undelivered"


async def test_keys_are_asked_for_and_taken(store_url: str) -> None:
    async with calling(store_url) as story:
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
        call = await story.call()
        assert call.pressed == "1"
        assert await story.status(proposed.message_id) == "delivered"
        entries = await story.story.read(lambda tx: tx.audit.of_subject(call.id))
        assert any(one.entry.kind == "call_key" for one in entries)


async def test_a_wrong_key_is_asked_again_once(store_url: str) -> None:
    async with calling(store_url) as story:
        await story.calls(ANN, "Your appointment is at nine.", keys={"1": "confirm"})
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("Press 1 to confirm"))
        phone.presses("7")
        await story.until(phone.hears("Press 1 to confirm"))
        await story.until(phone.is_over())
        assert (await story.call()).pressed == ""


async def test_who_hangs_up_before_the_end_was_not_told(store_url: str) -> None:
    async with calling(store_url) as story:
        proposed = await story.calls(ANN, "Your order is ready. " * 20)
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.story.passes(seconds=1)
        phone.hangs_up()
        await story.settles()
        assert await story.status(proposed.message_id) == "undelivered"
        assert (await story.call()).person.end_reason is EndReason.HUNG_UP


@pytest.mark.proves("P3")
async def test_the_kill_switch_ends_a_live_call_with_a_sentence(store_url: str) -> None:
    async with calling(store_url) as story:
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


@pytest.mark.proves("P5")
async def test_a_lost_answer_is_looked_up_and_never_rung_again(store_url: str) -> None:
    options = {"faults": Faults(response_lost=1.0)}
    async with calling(store_url, carrier_options=options) as story:
        proposed = await story.calls(ANN, "Hello.")
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.is_over())
        await story.settles()
        assert len(phone.connections) == 1
        assert await story.status(proposed.message_id) == "delivered"


@pytest.mark.proves("B127")
async def test_no_configuration_no_calls(store_url: str) -> None:
    """A number on no list is nobody's to ring, whoever asks; a person decides."""
    async with calling(store_url) as story:
        proposed = await story.calls("+15555550177", "Hello.", by="agent:default")
        assert proposed.status.value == "held"
        await story.story.passes(minutes=1)
        story.phone("+15555550177").has_not_rung()
