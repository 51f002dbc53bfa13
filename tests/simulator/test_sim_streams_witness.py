"""Plivo's own stream SDK as a witness: its models take every message of our simulator, what they write our
simulator plays, our codec writes what they take, and its handler talks with our simulator. It is no
dependency of ours; `pip install plivo-stream-sdk plivo` makes these run."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from call_rig import Time
from carrier_rig import ALICE, Sdk
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from stream_rig import tone

from ringfence.providers.plivo_media import MEDIA
from ringfence.simulator.stream_plivo import Plivo
from ringfence.simulator.stream_skin import About, Clear, PlaySound, QueueMark
from ringfence.simulator.stream_sockets import DirectSockets

WHY = "needs the vendor's SDK: pip install plivo-stream-sdk plivo"
sdk = pytest.importorskip("plivo_stream", reason=WHY)
types = pytest.importorskip("plivo_stream.types", reason=WHY)

ABOUT = About("s-1", "c-1", "MA-1", "+15555550123", "+15555550100", parameters=(("a", "b"),))


def told() -> list[tuple[Any, dict[str, Any]]]:
    """Each message of the simulator beside the vendor's model of it."""
    skin, numbers = Plivo(), itertools.count(Plivo.first)
    cleared = skin.cleared(ABOUT, numbers)
    assert cleared is not None
    return [
        (types.StartEvent, skin.start(ABOUT, numbers)),
        (types.MediaEvent, skin.media(ABOUT, numbers, 1, 20, tone(20))),
        (types.DtmfEvent, skin.key(ABOUT, numbers, "5", 40)),
        (types.PlayedStreamEvent, skin.mark(ABOUT, numbers, "u1")),
        (types.ClearedAudioEvent, cleared),
    ]


def test_the_vendors_models_take_what_the_simulator_says() -> None:
    for model, message in told():
        found = model.model_validate(json.loads(json.dumps(message)), strict=True)
        names = {field.alias or name for name, field in model.model_fields.items()}
        assert set(message) <= names, "nothing the vendor does not know"
        assert found.event == message["event"]


def test_the_simulator_plays_what_the_vendors_models_write() -> None:
    media = types.PlayAudioMedia(contentType="audio/x-mulaw", sampleRate=8000, payload="/38A")
    for model, command in (
        (types.PlayAudioEvent(event="playAudio", media=media), PlaySound(b"\xff\x7f\x00")),
        (types.CheckpointEvent(event="checkpoint", streamId="s-1", name="u1"), QueueMark("u1")),
        (types.ClearAudioEvent(event="clearAudio", streamId="s-1"), Clear()),
    ):
        assert Plivo().command(ABOUT, json.dumps(model.model_dump(by_alias=True))) == command


def test_the_codec_writes_what_the_vendors_models_take() -> None:
    for model, frame in (
        (types.PlayAudioEvent, MEDIA.sound("s-1", b"\xff\x7f\x00")),
        (types.CheckpointEvent, MEDIA.mark("s-1", "u1")),
        (types.ClearAudioEvent, MEDIA.clear("s-1")),
    ):
        taken = model.model_validate(json.loads(frame), strict=True).model_dump(by_alias=True)
        assert taken.items() <= json.loads(frame).items()


async def test_the_vendors_handler_talks_with_the_simulator(time: Time) -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        handler = sdk.PlivoFastAPIStreamingHandler(WebSocket(scope, receive, send))

        @handler.on_start
        async def began(event: Any) -> None:
            seen.append(event.start.call_id)
            await handler.send_media(tone(100))
            await handler.send_checkpoint("a tenth")
            await handler.send_media(tone(2_000))

        @handler.on_media
        async def heard(event: Any) -> None:
            if event.get_raw_media() == tone(20):
                await handler.send_clear_audio()

        @handler.on_played_stream
        async def played(event: Any) -> None:
            seen.append(event.name)

        @handler.on_cleared_audio
        async def cleared(event: Any) -> None:
            seen.append(event.event)

        @handler.on_dtmf
        async def pressed(event: Any) -> None:
            seen.append(event.dtmf.digit)

        @handler.on_error
        async def failed(error: Exception) -> None:
            seen.append(repr(error))

        await handler.start()

    voice = time.carrier.voice
    voice.streams.dial = DirectSockets(lambda: app)
    time.carrier.script_call(ALICE, "answers")
    client, twiml = Sdk(time.carrier), '<Response><Pause length="60"/></Response>'
    made = await client(lambda c: c.calls.create(to=ALICE, from_=time.carrier.number, twiml=twiml))
    await time.passes(seconds=5)
    session = voice.sessions[made.sid]
    stream = voice.streams.open(session, "wss://gw.example.test/plivo", "plivo", call_id="uuid-1")
    alice = time.carrier.phone(ALICE)
    await time.until(alice.hears_sound(300))
    alice.utters(tone(20))
    alice.presses("7")
    await time.passes(milliseconds=500)
    assert 300 <= stream.played_ms < 400, "it was interrupted"
    alice.hangs_up()
    await time.settles()
    *events, end = seen
    assert events == ["uuid-1", "a tenth", "7", "clearedAudio"]
    assert "Unknown event type: stop" in end, "which the vendor's own SDK does not know"
