"""Stop means stop, also where a call is between two steps: being placed, ringing, being connected to
somebody, waiting for its agent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from test_live import FakeSpeech

from calling import ANN, BEN, ROUTE, Calling, calling
from ringfence.gateway.call_life import lost
from ringfence.gateway.halt import stop
from ringfence.model.call import CallMode, CallState, CallTurnState, EndReason, LegEnded, LegRole
from ringfence.model.contact import SwitchScope
from ringfence.model.wire import WireRequest
from ringfence.ports import AgentReply, AgentTurn, Clock
from ringfence.testing import Faults
from telling import OWNER, ScriptedAgent


async def claimed(story: Calling) -> list[Any]:
    """What is due, claimed and not yet sent."""
    return await story.story.gateway.dispatcher.claim(10)


@pytest.mark.proves("P3")
async def test_a_call_stopped_after_its_claim_is_not_placed(sqlite_url: str) -> None:
    async with calling(sqlite_url) as story:
        proposed = await story.calls(ANN, "Your table is ready.")
        (item,) = await claimed(story)
        await story.stops()
        await story.story.gateway.dispatcher.send(item)
        await story.story.passes(minutes=2)
        assert not story.story.carrier.calls
        assert (await story.call()).person.end_reason is EndReason.KILLED
        assert await story.status(proposed.message_id) == "failed"


@pytest.mark.proves("P3")
async def test_a_call_stopped_while_it_is_placed_is_hung_up_on_at_once(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hang-up is owed from the moment its id is known, not when it may have rung long enough: no
    callback need come to remind us."""
    lost = {"faults": Faults(callback_dropped=1.0)}
    async with calling(sqlite_url, carrier_options=lost) as story:
        await story.calls(ANN, "Your table is ready.")
        (item,) = await claimed(story)
        http = story.story.gateway.kit.http
        send = http.send

        async def meanwhile(request: WireRequest) -> Any:
            if not story.story.carrier.calls:
                await story.stops()
            return await send(request)

        monkeypatch.setattr(http, "send", meanwhile)
        await story.story.gateway.dispatcher.send(item)
        await story.story.passes(seconds=8)
        phone = story.phone(ANN)
        assert [one.call.status for one in phone.connections] in ([], ["canceled"], ["completed"])
        call = await story.call()
        assert (call.is_over, call.person.end_reason) == (True, EndReason.KILLED)


@pytest.mark.proves("P3")
@pytest.mark.parametrize("mode", [CallMode.CONVERSATION, CallMode.NOTIFY], ids=lambda m: m.value)
async def test_a_phone_stops_ringing_once_its_owner_opted_out(
    sqlite_url: str, mode: CallMode
) -> None:
    async with calling(sqlite_url) as story:
        await story.calls(ANN, "Your table is ready.", mode=mode)
        phone = story.phone(ANN)
        await story.until(phone.rings())
        await phone.texts("STOP")
        await story.story.passes(seconds=8)
        call = await story.call()
        assert (call.is_over, call.person.answered_at) == (True, None)
        assert call.person.end_reason is EndReason.KILLED


@pytest.mark.proves("P3")
async def test_who_says_so_on_the_phone_hears_the_last_words(sqlite_url: str) -> None:
    """The call they say it in ends by itself; it is not cut off."""
    async with calling(sqlite_url) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("Stop calling me.")
        await story.until(phone.hears("no more calls or messages"))
        await story.until(phone.is_over())
        await story.settles()
        assert (await story.call()).person.end_reason is EndReason.HUNG_UP


@pytest.mark.proves("P3")
async def test_nothing_is_said_once_a_transfer_ends_in_a_stopped_call(sqlite_url: str) -> None:
    asks = ScriptedAgent(lambda turn: '{"say": "I connect you.", "transferTo": "owner"}')
    async with calling(sqlite_url, agent=asks) as story:
        phone, owner = story.phone(BEN), story.phone(OWNER)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("A person, please.")
        await story.until(owner.rings())
        await story.stops()
        call = await story.call()
        line, now = story.story.line, story.story.clock.now()
        event = LegEnded(
            call.person.provider_id, line.credentials.account_id, call.id, CallState.BUSY, "back1"
        )
        desk = story.story.gateway.calls
        step = await story.story.write(lambda tx: desk._step(tx, line, event, "", now))
        assert (step.instructions, step.opens_stream) == ((), False)
        await story.settles()


@pytest.mark.proves("P3")
async def test_a_stop_for_the_one_who_is_being_connected_ends_the_ringing(sqlite_url: str) -> None:
    asks = ScriptedAgent(lambda turn: '{"say": "I connect you.", "transferTo": "owner"}')
    async with calling(sqlite_url, agent=asks) as story:
        phone, owner = story.phone(BEN), story.phone(OWNER)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("A person, please.")
        await story.until(owner.rings())
        kit, now = story.story.gateway.kit, story.story.clock.now()
        await story.story.write(
            lambda tx: stop(kit, tx, SwitchScope.CONTACT, OWNER, "test", "operator:test", now)
        )
        call = await story.call()
        assert [leg.role for leg in call.joined] == [LegRole.OWNER]
        assert call.ending is EndReason.KILLED
        await story.settles()


class Slow(ScriptedAgent):
    """Thinks for ten seconds of the story's clock."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.clock: Clock | None = None

    async def reply(self, turn: AgentTurn) -> AgentReply:
        assert self.clock is not None
        self.asked.set()
        await self.clock.sleep(10)
        return AgentReply("Too late.")


@pytest.mark.proves("P3")
async def test_no_filler_is_told_to_a_call_that_was_stopped(sqlite_url: str) -> None:
    """On Telnyx we tell by requests of our own: nothing asks us first whether it still holds."""
    agent = Slow()
    voice = {"connection_id": "0000000000000000001", "route": ROUTE}
    async with calling(sqlite_url, provider="telnyx", voice=voice, agent=agent) as story:
        agent.clock = story.story.clock
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        await story.story.passes(seconds=1)
        phone.says("When do you open?")
        await story.until(agent.asked.wait())
        await story.stops()
        await story.settles()
        heard = [one.heard for c in phone.connections for one in c.call.played]
        assert not any("One moment" in one or "Too late" in one for one in heard)


@pytest.mark.proves("P3")
async def test_a_turn_that_failed_late_takes_back_no_answer(sqlite_url: str) -> None:
    """Two may have asked about one turn, where the first one's lease ran out."""
    async with calling(sqlite_url) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("When do you open?")
        await story.until(phone.hears("You said"))
        call = await story.call()
        turn = await story.story.read(lambda tx: tx.calls.turn(call.id, 1))
        failed = replace(turn, state=CallTurnState.FAILED, reason="agent_slow", answer="")
        await story.story.gateway.calls.asking._keep(failed)
        assert await story.story.read(lambda tx: tx.calls.turn(call.id, 1)) == turn
        phone.hangs_up()
        await story.settles()


@pytest.mark.proves("P3")
async def test_a_stopped_call_in_live_sound_is_silent_at_once_where_sound_and_words_mix(
    sqlite_url: str,
) -> None:
    """On Telnyx a sentence of the provider's does not take the stream away."""
    speech, voice = FakeSpeech(), {"connection_id": "0000000000000000001"}
    async with calling(
        sqlite_url, provider="telnyx", voice=voice, streams=True, speech=speech
    ) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.is_streamed())
        assert story.story.gateway.conversations.count == 1
        await story.stops()
        await story.story.passes(seconds=1)
        assert story.story.gateway.conversations.count == 0
        await story.until(phone.hears("has to end now"))
        await story.until(phone.is_over())
        await story.settles()
        assert (await story.call()).person.end_reason is EndReason.KILLED


@pytest.mark.proves("P5")
async def test_a_call_that_was_given_up_is_hung_up_on_when_it_is_answered_after_all(
    sqlite_url: str,
) -> None:
    """Also where nobody fetches what to do next."""
    voice = {"connection_id": "0000000000000000001"}
    async with calling(sqlite_url, provider="telnyx", voice=voice) as story:
        await story.calls(ANN, "Your table is ready.")
        phone = story.phone(ANN)
        await story.until(phone.rings())
        kit, now = story.story.gateway.kit, story.story.clock.now()
        call = await story.call()
        await story.story.write(lambda tx: lost(kit, tx, call, now))
        phone.answers()
        await story.until(phone.is_over())
        await story.story.settle()
        assert story.story.clock.now() - now < timedelta(seconds=10)
        assert [one.heard for c in phone.connections for one in c.call.played] == []
