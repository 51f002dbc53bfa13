"""The stand-ins speak as the vendors do, and so do we to them: OpenAI's messages against the JSON Schemas
of its SDK's types, the others' against the fields that their published message types require."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema
import orjson
import pytest
from speech_rig import EARS, MOUTHS, SENTENCE, feed, loud, said, spoken_sound, until_over

from ringfence.audio.frames import silence
from ringfence.model.wire import WireRequest
from ringfence.simulator.speech import Bye, Said
from ringfence.speech.base import Wires

# Required fields by message type (facts voice 1.11 and 1.12: the vendors' specifications and SDK types).
DEEPGRAM = {
    "Results": {"channel_index", "duration", "start", "channel", "metadata"},
    "SpeechStarted": {"channel", "timestamp"},
    "UtteranceEnd": {"channel", "last_word_end"},
    "Connected": {"request_id", "sequence_id"},
    "TurnInfo": {
        *("request_id", "sequence_id", "event", "turn_index", "audio_window_start"),
        *("audio_window_end", "transcript", "words", "end_of_turn_confidence"),
    },
    "Metadata": {"request_id"},
    "Flushed": {"sequence_id"},
    "Error": {"description"},
}
DEEPGRAM_HEARS = {"Finalize", "CloseStream", "KeepAlive", "ForceEndTurn", "Speak", "Flush"}
ELEVENLABS = {
    "session_started": {"session_id", "config"},
    "partial_transcript": {"text"},
    "committed_transcript": {"text"},
    "commit_throttled": {"error"},
    "transcriber_error": {"error"},
}


def _texts(messages: list[Said | dict[str, Any]]) -> list[dict[str, Any]]:
    """What the stand-in said, without sound and farewells."""
    said_texts = [one for one in messages if isinstance(one, str)]
    return [orjson.loads(one) for one in said_texts]


async def _talk(name: str, wires: Wires, seen: list[Any], *, by_service: bool) -> None:
    service = EARS[name]
    async with service.server(SENTENCE, "goodbye", watch=seen.append) as server:
        hearing = await service.ears(server, wires, by_service=by_service).listen("en", ["Zoe"])
        await hearing.finish()
        await until_over(hearing)
        await feed(hearing, spoken_sound())
        if not by_service:
            await hearing.finish()
        await until_over(hearing)
        await feed(hearing, loud(400) + silence(200))
        await hearing.finish()
        await until_over(hearing)
        await hearing.close()


@pytest.mark.shared
@pytest.mark.parametrize("by_service", [False, True])
async def test_openais_messages_fit_its_schemas_both_ways(
    wires: Wires, shared_data: Callable[[str], Any], by_service: bool
) -> None:
    seen: list[Any] = []
    await _talk("openai", wires, seen, by_service=by_service)
    ours = [one for one in seen if isinstance(one, dict)]
    theirs = _texts(seen)
    client = jsonschema.Draft202012Validator(
        shared_data("openai-realtime-client-events.schema.json")
    )
    server = jsonschema.Draft202012Validator(
        shared_data("openai-realtime-server-events.schema.json")
    )
    for event in ours:
        client.validate(event)
    for event in theirs:
        server.validate(event)
    kinds = {event["type"] for event in theirs}
    assert {"session.created", "session.updated", "error", "input_audio_buffer.committed"} <= kinds
    assert {event["type"] for event in ours} == {
        *("session.update", "input_audio_buffer.append", "input_audio_buffer.commit"),
    }


@pytest.mark.parametrize("name", ["deepgram-flux", "deepgram-nova"])
async def test_deepgrams_ears_say_what_is_required(name: str, wires: Wires) -> None:
    seen: list[Any] = []
    await _talk(name, wires, seen, by_service=True)
    for said_text in _texts(seen):
        assert DEEPGRAM[said_text["type"]] <= said_text.keys()
    assert {one["type"] for one in seen if isinstance(one, dict)} <= DEEPGRAM_HEARS


async def test_deepgrams_mouth_says_what_is_required(wires: Wires) -> None:
    seen: list[Any] = []
    async with MOUTHS["deepgram"].server(watch=seen.append) as server:
        await said(MOUTHS["deepgram"].mouth(server, wires), "Hello there.")
    for said_text in _texts(seen):
        assert DEEPGRAM[said_text["type"]] <= said_text.keys()
    assert [one["type"] for one in seen if isinstance(one, dict)] == ["Speak", "Flush"]


@pytest.mark.parametrize("by_service", [False, True])
async def test_scribe_says_what_is_required(wires: Wires, by_service: bool) -> None:
    seen: list[Any] = []
    await _talk("elevenlabs", wires, seen, by_service=by_service)
    for said_text in _texts(seen):
        assert ELEVENLABS[said_text["message_type"]] <= said_text.keys()
    for chunk in (one for one in seen if isinstance(one, dict)):
        assert chunk.keys() == {"message_type", "audio_base_64", "commit", "sample_rate"}


async def test_stream_input_is_opened_with_a_space_and_ended_with_nothing(wires: Wires) -> None:
    seen: list[Any] = []
    async with MOUTHS["elevenlabs"].server(watch=seen.append) as server:
        await said(MOUTHS["elevenlabs"].mouth(server, wires), "Hello there.")
        query = server.sessions[0].query
    texts = [one["text"] for one in seen if isinstance(one, dict)]
    assert texts == [" ", "Hello there. ", ""]
    assert query["output_format"] == ["ulaw_8000"]
    assert seen[-1] == Bye()


@pytest.mark.parametrize("name", sorted(EARS))
async def test_a_stand_in_opens_to_nobody_without_its_key(name: str, wires: Wires) -> None:
    async with (
        EARS[name].server() as server,
        wires.streams.open(WireRequest("GET", server.url + "/v1/listen")) as answer,
    ):
        assert answer.status == 401
