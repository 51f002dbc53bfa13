"""The realtime model's socket: our messages and a stand-in's against the vendor's schemas, one call's
history over loopback, and everything that may go wrong with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import jsonschema
import orjson
import pytest
from speech_rig import WAIT_S, loud

from ringfence.audio.frames import silence
from ringfence.model.errors import SpeechError
from ringfence.model.line import Secret
from ringfence.model.realtime import RealtimeChoice
from ringfence.model.voice import SpeechChoice
from ringfence.ports.realtime import (
    AnswerDone,
    AnswerSound,
    AnswerWords,
    RealtimeEvent,
    RealtimeTalk,
    Tool,
    ToolCalled,
)
from ringfence.ports.speech import Final, SpeechBegan
from ringfence.simulator.speech import KEY, SpeechFaults, SpeechServer
from ringfence.simulator.speech_realtime import Answer, RealtimeVendor
from ringfence.speech import realtimes
from ringfence.speech.base import Wires
from ringfence.speech.realtime_openai import OpenAIRealtime

TOOLS = (Tool("end_call", "End the call.", {"type": "object", "properties": {}}),)


def choice(url: str = "") -> RealtimeChoice:
    service = SpeechChoice("openai", base_url=url and url + "/v1", api_key=Secret(KEY))
    return RealtimeChoice(service, "Be brief.")


@asynccontextmanager
async def talking(
    wires: Wires,
    *answers: Answer,
    faults: SpeechFaults | None = None,
    heard: tuple[str, ...] = (),
    watch: Callable[[Any], None] | None = None,
) -> AsyncIterator[tuple[RealtimeTalk, RealtimeVendor]]:
    vendor = RealtimeVendor(*answers)
    async with SpeechServer(vendor, transcripts=heard, faults=faults, watch=watch) as server:
        service = realtimes()["openai"].make(choice(server.url), wires, 500)
        talk = await service.open("en-GB", TOOLS, ["Ringfence"])
        try:
            yield talk, vendor
        finally:
            await talk.close()


async def until(talk: RealtimeTalk, kind: type[Any]) -> list[RealtimeEvent]:
    found: list[RealtimeEvent] = []
    async with asyncio.timeout(WAIT_S):
        async for event in talk.events():
            found.append(event)
            if isinstance(event, kind):
                return found
    return found


@pytest.mark.shared
async def test_realtime_messages_fit_the_schemas_both_ways(
    wires: Wires, shared_data: Callable[[str], Any]
) -> None:
    seen: list[Any] = []
    answers = (Answer("Hello there.", tools=[("end_call", {})]), Answer("Long.", unfinished=True))
    async with talking(wires, *answers, heard=("yes please",), watch=seen.append) as (talk, _):
        talk.feed(silence(400) + loud(1_000) + silence(900))
        await until(talk, Final)
        talk.said("Hello, this is Acme.")
        talk.told("(I pressed these keys: 5)")
        talk.answer()
        events = await until(talk, AnswerDone)
        [call] = [one for one in events if isinstance(one, ToolCalled)]
        item = next(one.item for one in events if isinstance(one, AnswerSound))
        talk.heard(item, 60)
        talk.forget(item)
        talk.result(call.call, "done")
        talk.answer()
        await until(talk, AnswerSound)
        talk.cancel()
        await until(talk, AnswerDone)
    client = jsonschema.Draft202012Validator(
        shared_data("openai-realtime-client-events.schema.json")
    )
    server = jsonschema.Draft202012Validator(
        shared_data("openai-realtime-server-events.schema.json")
    )
    ours = [one for one in seen if isinstance(one, dict)]
    theirs = [orjson.loads(one) for one in seen if isinstance(one, str)]
    for event in ours:
        client.validate(event)
    for event in theirs:
        server.validate(event)
    assert {event["type"] for event in ours} == {
        *("session.update", "input_audio_buffer.append", "response.create", "response.cancel"),
        *("conversation.item.create", "conversation.item.truncate", "conversation.item.delete"),
    }


async def test_it_speaks_mulaw_both_ways_and_answers_only_when_told(wires: Wires) -> None:
    async with talking(wires, Answer("Fine."), heard=("how are you",)) as (talk, vendor):
        talk.feed(silence(400) + loud(1_000) + silence(900))
        assert await until(talk, Final) == [SpeechBegan(), Final("how are you", turn_over=True)]
        [talker] = vendor.talkers
        sound = talker.settings["audio"]
        assert sound["input"]["format"] == sound["output"]["format"] == {"type": "audio/pcmu"}
        assert sound["input"]["turn_detection"]["create_response"] is False
        assert sound["input"]["transcription"]["language"] == "en"
        assert talker.settings["instructions"] == "Be brief."
        assert talker.remembers == [("user", "how are you")]
        number = talk.answer()
        events = await until(talk, AnswerDone)
    assert events[0] == AnswerWords(number, "item_2", "Fine.")
    assert events[-1] == AnswerDone(number)


async def test_a_next_answer_waits_for_the_end_of_the_one_before(wires: Wires) -> None:
    async with talking(wires, Answer("One.", unfinished=True), Answer("Two.")) as (talk, _):
        first = talk.answer()
        await until(talk, AnswerSound)
        talk.cancel()
        second = talk.answer()
        assert await until(talk, AnswerDone) == [AnswerDone(first, "client_cancelled")]
        events = await until(talk, AnswerDone)
    assert events[0] == AnswerWords(second, "item_2", "Two.")
    assert events[-1] == AnswerDone(second)


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        (SpeechFaults(dies_after=0), "speech_gone"),
        (SpeechFaults(error=True), "speech_refused"),
        (SpeechFaults(junk=20), "speech_junk"),
        (SpeechFaults(oversize=True), "speech_gone"),
    ],
)
async def test_a_model_that_fails_is_told_as_a_speech_error(
    wires: Wires, faults: SpeechFaults, code: str
) -> None:
    async with talking(wires, faults=faults) as (talk, _):
        with pytest.raises(SpeechError) as caught:
            await until(talk, AnswerDone)
        assert caught.value.code in (code, "message_too_large")
        with pytest.raises(SpeechError):
            talk.feed(b"\xff" * 160)


async def test_one_that_never_takes_our_settings_is_given_up(hasty: Wires) -> None:
    async with talking(hasty, faults=SpeechFaults(mute=True)) as (talk, _):
        with pytest.raises(SpeechError, match="no settings"):
            await until(talk, AnswerDone)


async def test_a_wrong_key_is_told_as_such(wires: Wires) -> None:
    with pytest.raises(SpeechError) as caught:
        async with talking(wires, faults=SpeechFaults(status=401)):
            pass
    assert caught.value.code == "speech_key"


def test_an_error_about_one_message_leaves_the_session_and_ends_its_answer() -> None:
    dialect = OpenAIRealtime(choice(), "en-US", (), (), 500)
    dialect.took(b'{"type": "session.updated"}')
    [asked] = dialect.answer(1)
    harmless = {"type": "error", "error": {"code": "response_cancel_not_active"}}
    assert dialect.took(orjson.dumps(harmless)) == ((), ())
    refused = {"code": "rate_limited", "event_id": orjson.loads(asked)["event_id"]}
    told = orjson.dumps({"type": "error", "error": refused})
    assert dialect.took(told) == ((AnswerDone(1, "rate_limited"),), ())


@pytest.mark.parametrize("arguments", ["", "[]", "{" * 9_000, '{"to": "owner"}'])
def test_arguments_of_a_tool_are_tamed(arguments: str) -> None:
    dialect = OpenAIRealtime(choice(), "en-US", TOOLS, (), 500)
    event = {
        "type": "response.function_call_arguments.done",
        "name": "transfer",
        "call_id": "c",
        "arguments": arguments,
    }
    ([called], _) = dialect.took(orjson.dumps(event))
    assert isinstance(called, ToolCalled)
    assert called.arguments == ({"to": "owner"} if "owner" in arguments else {})
