"""Media streams of the simulated carrier as Telnyx and Plivo have them, opened as call control does."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from call_rig import Time
from stream_rig import URL, Line, alerts, streaming, streaming_as, tone

from ringfence.simulator.stream_life import State
from ringfence.simulator.stream_plivo import Plivo
from ringfence.simulator.stream_skin import Nonsense, PlaySound
from ringfence.testing import Faults


async def test_telnyx_says_its_token_and_both_ids(time: Time) -> None:
    line = await streaming_as(
        time,
        "telnyx",
        call_id="v3:one",
        account_id="user-1",
        session_id="session-1",
        client_state="c3RhdGU=",
        token="secret-1",
        parameters=[("turn", "t1")],
    )
    assert line.app.socket.headers["x-telnyx-streaming-auth-token"] == "secret-1"
    connected, start = line.app.told
    assert connected["x-telnyx-streaming-auth-token"] == "secret-1"
    assert start == {
        "event": "start",
        "stream_id": line.stream.about.stream_id,
        "sequence_number": "1",
        "start": {
            "user_id": "user-1",
            "call_control_id": "v3:one",
            "call_session_id": "session-1",
            "from": line.call.caller,
            "to": line.call.called,
            "client_state": "c3RhdGU=",
            "custom_parameters": {"turn": "t1"},
            "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
        },
    }


async def test_telnyx_may_change_the_order_of_sound(time: Time) -> None:
    time.carrier.faults = Faults(stream_disordered=0.5)
    line = await streaming_as(time, "telnyx")
    await line.passes(1_000)
    chunks = [int(m["media"]["chunk"]) for m in line.app.of("media")]
    assert chunks != sorted(chunks)
    assert sorted(chunks)[:49] == list(range(1, 50)), "none is lost"
    far = max(abs(chunk - place) for place, chunk in enumerate(chunks, 1))
    assert far == 1, "a piece changes places with its neighbour"
    numbers = [int(m["sequence_number"]) for m in line.app.of("media")]
    assert [n - 1 for n in numbers] == chunks, "numbered as they were made"


async def test_others_keep_the_order_whatever_the_dice_say(time: Time) -> None:
    time.carrier.faults = Faults(stream_disordered=1.0)
    line = await streaming(time)
    await line.passes(200)
    assert [m["media"]["chunk"] for m in line.app.of("media")] == [f"{n}" for n in range(1, 11)]


async def test_telnyx_answers_nonsense_on_the_socket(time: Time) -> None:
    line = await streaming_as(time, "telnyx")
    await line.app.say("{")
    short = base64.b64encode(tone(19)).decode()
    await line.app.say({"event": "media", "media": {"payload": short}})
    await line.passes(20)
    told = [m["payload"]["code"] for m in line.app.of("error")]
    assert told == [100003, 100004]


async def test_telnyx_takes_frames_without_a_stream_id(time: Time) -> None:
    line = await streaming_as(time, "telnyx")
    payload = base64.b64encode(tone(100)).decode()
    await line.app.say({"event": "media", "media": {"payload": payload}})
    await line.app.say({"event": "mark", "mark": {"name": "m1"}})
    await line.passes(40)
    await line.app.say({"event": "clear"})
    await line.passes(100)
    assert (line.ear.sound, line.app.marks) == (tone(40), ["m1"])


async def test_a_stream_of_call_control_stops_with_the_leg(time: Time) -> None:
    told: list[str] = []
    line = await streaming_as(time, "telnyx", told=lambda event, reason: told.append(event))
    line.alice.hangs_up()
    await time.settles()
    assert (line.app.events[-1], line.app.closed) == ("stop", 1000)
    assert told == ["started", "stopped"]


async def test_call_control_stops_a_stream_and_the_call_goes_on(time: Time) -> None:
    line = await streaming_as(time, "plivo")
    line.stream.stop()
    await line.passes(20)
    assert await line.stream.over() is State.STOPPED
    assert line.app.told[-1] == {"event": "stop", "streamId": line.stream.about.stream_id}
    assert not line.call.is_over


async def test_a_stream_that_fails_is_told_to_call_control(time: Time) -> None:
    told: list[tuple[str, str]] = []
    line = await streaming_as(time, "telnyx")
    line.door.refuses = True
    voice = time.carrier.voice
    session = voice.sessions[line.call.sid]
    again = voice.streams.open(session, URL, "telnyx", told=lambda *what: told.append(what))
    assert await time.until(again.over()) is State.FAILED
    assert told == [("failed", "the handshake was answered 403")]
    with pytest.raises(KeyError):
        voice.streams.open(session, URL, "vonage")


async def test_plivo_begins_with_start_and_numbers_from_nought(time: Time) -> None:
    line = await streaming_as(time, "plivo", call_id="uuid-1", parameters=[("turn", "t1")])
    await line.passes(40)
    start, first, second = line.app.told
    assert start["event"] == "start"
    assert (start["sequenceNumber"], start["start"]["callId"]) == (0, "uuid-1")
    assert json.loads(start["extra_headers"]) == {"turn": "t1"}
    assert [first["media"]["chunk"], second["media"]["chunk"]] == [1, 2]
    assert [first["sequenceNumber"], second["sequenceNumber"]] == [1, 2]


async def plivo_plays(line: Line, ms: int) -> None:
    media = {
        "contentType": "audio/x-mulaw",
        "sampleRate": 8000,
        "payload": base64.b64encode(tone(ms)).decode(),
    }
    await line.app.say({"event": "playAudio", "media": media})


@pytest.mark.parametrize("returned", [False, True])
async def test_plivo_tells_a_clear_apart(time: Time, returned: bool) -> None:
    time.carrier.voice.streams.skins["plivo"] = Plivo(returns_cleared=returned)
    line = await streaming_as(time, "plivo")
    sid = line.stream.about.stream_id
    await plivo_plays(line, 20)
    await line.app.say({"event": "checkpoint", "streamId": sid, "name": "played"})
    await plivo_plays(line, 1_000)
    await line.app.say({"event": "checkpoint", "streamId": sid, "name": "cleared"})
    await line.passes(60)
    await line.app.say({"event": "clearAudio", "streamId": sid})
    await line.passes(20)
    names = [m["name"] for m in line.app.of("playedStream")]
    assert names == (["played", "cleared"] if returned else ["played"])
    assert len(line.app.of("clearedAudio")) == 1
    assert line.ear.heard_ms == 60


async def test_plivo_sends_digits_that_the_phone_hears(time: Time) -> None:
    line = await streaming_as(time, "plivo")
    await line.app.say({"event": "sendDTMF", "dtmf": "12#"})
    assert (await time.until(line.alice.hears("12#"))).kind == "digits"


@pytest.mark.parametrize(
    ("message", "event"),
    [
        ({"event": "sendDTMF", "dtmf": "1w"}, "error"),
        ({"event": "clearAudio"}, "error"),
        ({"event": "playAudio", "media": {"payload": "AAAA"}}, "playFailed"),
        (
            {
                "event": "playAudio",
                "media": {"contentType": "audio/x-l16", "sampleRate": 8000, "payload": "AAAA"},
            },
            "playFailed",
        ),
    ],
)
async def test_plivo_says_why_it_does_not_play(
    time: Time, message: dict[str, Any], event: str
) -> None:
    line = await streaming_as(time, "plivo")
    await line.app.say(message)
    await line.passes(20)
    (told,) = line.app.of(event)
    assert told["reason"]
    assert isinstance(line.stream.commands[0], Nonsense)


async def test_a_one_way_stream_plays_nothing(time: Time) -> None:
    line = await streaming_as(time, "telnyx", two_way=False)
    payload = base64.b64encode(tone(100)).decode()
    await line.app.say({"event": "media", "media": {"payload": payload}})
    await line.passes(100)
    assert isinstance(line.stream.commands[0], PlaySound)
    assert not line.ear.runs
    assert alerts(time) == [31924]
    assert [m["payload"]["code"] for m in line.app.of("error")] == [100002]
