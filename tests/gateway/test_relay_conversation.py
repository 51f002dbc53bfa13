"""The shell of a call on a relay: whose socket it is, what it does with what the session wants, how it
ends."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from live_call_rig import CALL_SID, LINE, Agent, Core, Wire
from ringfence.clock import ManualClock
from ringfence.gateway.live_call import Relayed, Sentence
from ringfence.gateway.live_shell import BROKEN, DONE, POLICY
from ringfence.gateway.relay import RelayConversation
from ringfence.model.call import EndReason
from ringfence.providers.twilio_relay import RELAY
from ringfence.voice.effects import DisclosureHeard, EndCall, Loss, StreamOver, WordsHeard
from ringfence.voice.events import Killed, ToldToPress
from ringfence.voice.settings import Script, SessionSettings


class RelayRig:
    def __init__(self, script: Script | None = None) -> None:
        self.clock = ManualClock(datetime(2026, 3, 2, 12, 0, tzinfo=UTC))
        self.wire, self.agent, self.core = Wire(), Agent(), Core()
        script, settings = script or Script(), SessionSettings()
        live = Relayed(
            "cal_1", CALL_SID, LINE, RELAY, self.core, self.agent, script, settings, "wss://x/y"
        )
        self.started = 0
        self.conversation = RelayConversation(
            live, self.wire, self.clock, self.clock.monotonic, self._on_start
        )
        self.task = asyncio.create_task(self.conversation.run())

    def _on_start(self) -> None:
        self.started += 1

    async def settle(self) -> RelayRig:
        for _ in range(60):
            await asyncio.sleep(0)
        return self

    async def starts(self, call_sid: str = CALL_SID) -> RelayRig:
        about = {"sessionId": "VX1", "callSid": call_sid, "accountSid": "AC1"}
        self.wire.says({"type": "setup", **about})
        return await self.settle()

    async def hears(self, **message: Any) -> RelayRig:
        self.wire.says(message)
        return await self.settle()

    async def asked(self) -> RelayRig:
        return await self.hears(type="prompt", voicePrompt="When?", last=True)

    async def plays(self, text: str) -> RelayRig:
        return await self.hears(type="info", name="tokensPlayed", value=text)

    async def passes(self, seconds: int) -> RelayRig:
        for _ in range(seconds):
            self.clock.advance(seconds=1)
            await self.settle()
        return self

    async def over(self) -> EndCall | StreamOver:
        async with asyncio.timeout(5):
            return await self.task

    @property
    def said(self) -> list[str]:
        return [message["token"] for message in self.wire.sent if message["type"] == "text"]


@pytest.mark.proves("B143")
@pytest.mark.parametrize("frame", ["no json", {"type": "setup"}, {"type": "dtmf", "digit": "12"}])
async def test_a_frame_that_is_none_closes_the_relay(frame: Any) -> None:
    rig = RelayRig()
    rig.wire.says(frame)
    assert await rig.over() == StreamOver(Loss.GONE)
    assert rig.conversation.close_code == POLICY


async def test_the_relay_of_another_call_is_closed_and_nothing_is_said_on_it() -> None:
    rig = await RelayRig(Script(opening="Hello.")).starts("CA" + "9" * 32)
    assert await rig.over() == StreamOver(Loss.GONE)
    assert (rig.conversation.close_code, rig.started, rig.wire.sent) == (POLICY, 0, [])


@pytest.mark.proves("P1")
async def test_each_sentence_is_decided_on_before_its_text_leaves() -> None:
    rig = await RelayRig().starts()
    rig.core.refuses.add("Never.")
    rig.agent.answers.append([Sentence("At nine."), Sentence("Never."), Sentence("Or ten.")])
    await rig.asked()
    assert (rig.core.judged, rig.said) == (
        ["At nine.", "Never.", "Or ten."],
        ["At nine.", "Or ten."],
    )
    assert rig.started == 1
    rig.task.cancel()


async def test_a_sentence_is_decided_on_when_there_is_room_for_it() -> None:
    rig = await RelayRig().starts()
    rig.agent.answers.append([Sentence(f"Number {n}.") for n in range(4)])
    await rig.asked()
    assert rig.core.judged == ["Number 0.", "Number 1."]
    await rig.plays("Number 0.")
    assert rig.core.judged == ["Number 0.", "Number 1.", "Number 2."]
    rig.task.cancel()


async def test_what_was_heard_is_on_record_before_the_agent_is_asked() -> None:
    rig = await RelayRig().starts()
    rig.agent.answers.append([Sentence("One two three.")])
    await rig.asked()
    rig.wire.says({"type": "interrupt", "utteranceUntilInterrupt": "One two"})
    recorded: list[int] = []
    rig.agent.answers.append([])
    ask = rig.agent.ask

    def asked(turn: int, text: str, digits: str) -> Any:
        recorded.extend(one.characters for one in rig.core.all(WordsHeard))
        return ask(turn, text, digits)

    rig.agent.ask = asked  # type: ignore[method-assign]
    await rig.asked()
    assert recorded == [len("One two")]
    rig.task.cancel()


async def test_a_call_we_end_is_ended_before_its_relay() -> None:
    rig = await RelayRig().starts()
    ended_with: list[int] = []
    rig.core.ended = _noting(rig, ended_with)  # type: ignore[method-assign]
    rig.conversation.tell(Killed())
    assert await rig.over() == EndCall(EndReason.KILLED)
    assert ended_with == [0], "nothing was sent when the end was stored"
    assert rig.wire.sent == [{"type": "end"}]
    assert rig.conversation.close_code == DONE


def _noting(rig: RelayRig, found: list[int]) -> Any:
    async def ended(how: EndCall | StreamOver) -> None:
        found.append(len(rig.wire.sent))

    return ended


async def test_a_disclosure_that_nobody_tells_of_ends_the_call_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "ringfence.media"):
        rig = await RelayRig(Script("A machine speaks.", "Hello.")).starts()
        await rig.passes(60)
        assert await rig.over() == EndCall(EndReason.FAILED)
    assert not rig.core.all(DisclosureHeard)
    assert "Hello." not in rig.said
    assert rig.conversation.close_code == BROKEN
    assert any("disclosure was played" in record.message for record in caplog.records)


async def test_keys_are_pressed_and_a_refused_message_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = await RelayRig().starts()
    rig.conversation.tell(ToldToPress("12", "dec"))
    await rig.hears(type="error", description="Invalid message received: {}")
    await rig.hears(type="error", description="Invalid message received: {}")
    assert rig.wire.sent == [{"type": "sendDigits", "digits": "12"}]
    refused = [one for one in caplog.records if "refused a message" in one.message]
    assert len(refused) == 1
    rig.task.cancel()
