"""Media streams of the simulated carrier: what an application is told and when, what a person hears of
what it sends, how the two part, and what may go wrong. The application is in this process, the clock is
moved; one call is made over real loopback."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from call_rig import START, Answers, Time
from carrier_rig import ALICE, Receiver, Sdk
from starlette.types import Message, Receive, Scope, Send
from stream_rig import (
    CONNECT,
    QUIET,
    URL,
    AppSocket,
    Door,
    Line,
    in_process,
    streaming,
    streaming_as,
    tone,
)
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Connect, VoiceResponse

from ringfence.clock import ManualClock
from ringfence.simulator import stream_voice
from ringfence.simulator.call_phone import NotHeard
from ringfence.simulator.stream_ends import OUTBOX_MAX
from ringfence.simulator.stream_life import State, StreamFaults
from ringfence.simulator.stream_plivo import Plivo
from ringfence.simulator.stream_skin import Nonsense, PlaySound
from ringfence.simulator.stream_sockets import IN_FLIGHT_MAX, Refused
from ringfence.testing import CallScript, Faults, SimulatedCarrier

FRAME = timedelta(milliseconds=20)


def alerts(time: Time) -> list[int]:
    return [alert.error_code for alert in time.carrier.alerts]


# -- what the application is told -----------------------------------------------------------------


async def test_the_socket_opens_with_connected_and_start_and_never_falls_silent(time: Time) -> None:
    document = f'<Connect><Stream url="{URL}?lost=1"><Parameter name="turn" value="t1"/></Stream></Connect>'
    line = await streaming(time, document=document)
    connected, start = line.app.told
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    sid = start["streamSid"]
    assert start == {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": sid,
        "start": {
            "accountSid": time.carrier.account_sid,
            "streamSid": sid,
            "callSid": line.call.sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"turn": "t1"},
        },
    }
    await line.passes(19)
    assert not line.app.of("media"), "the first piece is 20 ms long"
    await line.passes(1)
    first, *_ = line.app.of("media")
    assert first["media"] == {
        "track": "inbound",
        "chunk": "1",
        "timestamp": "20",
        "payload": base64.b64encode(QUIET).decode(),
    }
    assert len(first["media"]["payload"]) == 216
    await line.passes(980)
    assert [m["media"]["chunk"] for m in line.app.of("media")] == [f"{n}" for n in range(1, 51)]
    assert line.app.heard == QUIET * 50
    counted = [m["sequenceNumber"] for m in line.app.told[1:]]
    assert counted == [f"{n}" for n in range(1, 52)], "one count over all messages"


async def test_the_vendors_own_document_opens_a_stream(time: Time) -> None:
    built, connect = VoiceResponse(), Connect()
    stream = connect.stream(url=URL, name="talk", track="inbound_track")
    stream.parameter(name="turn", value="t1 & more")
    built.append(connect)
    document = str(built).partition("<Response>")[2].removesuffix("</Response>")
    line = await streaming(time, document=document)
    assert line.app.of("start")[0]["start"]["customParameters"] == {"turn": "t1 & more"}


async def test_a_late_clock_does_not_slow_the_line(
    time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step is due by its place on the grid, not a while after the last."""
    line = await streaming(time)
    on_time = time.clock.sleep

    async def late(seconds: float) -> None:
        await on_time(seconds + 0.003)

    monkeypatch.setattr(time.clock, "sleep", late)
    await line.passes(1_004)
    assert len(line.app.of("media")) == 50


async def test_the_upgrade_is_signed_over_the_address_without_its_query(time: Time) -> None:
    line = await streaming(time, document=f'<Connect><Stream url="{URL}?a=1"/></Connect>')
    socket = line.app.socket
    assert (socket.url.path, socket.url.query) == ("/media/one-time-token", "")
    validator = RequestValidator(time.carrier.auth_token)
    assert validator.validate(URL, {}, socket.headers["x-twilio-signature"])
    assert not validator.validate(URL + "x", {}, socket.headers["x-twilio-signature"])


async def test_what_the_person_says_and_presses_is_carried(time: Time) -> None:
    line = await streaming(time)
    line.alice.utters(tone(50))
    line.alice.presses("1#")
    await line.passes(100)
    assert line.app.heard == tone(50) + b"\xff" * 80 + QUIET * 2, "padded to whole pieces"
    assert line.app.events == ["connected", "start", "dtmf", "dtmf"]
    assert [m["dtmf"] for m in line.app.of("dtmf")] == [
        {"track": "inbound_track", "digit": digit} for digit in "1#"
    ]


async def test_words_are_said_by_the_voice_that_is_given(time: Time) -> None:
    async def voice(words: str) -> bytes:
        return b"".join(tone(20, ord(letter)) for letter in words)

    time.carrier.voice.streams.mouth = voice
    line = await streaming(time)
    line.alice.says("ab")
    line.alice.says("c")
    await line.passes(100)
    assert (
        line.app.heard == tone(20, ord("a")) + tone(20, ord("b")) + tone(20, ord("c")) + QUIET * 2
    )
    assert [one.text for one in line.call.said] == ["ab", "c"]


async def test_words_without_a_voice_are_refused_aloud(
    time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_voice, "installed", lambda: None)
    line = await streaming(time)
    with pytest.raises(stream_voice.NoVoice, match="install flite or espeak-ng"):
        line.alice.says("hello")


async def test_sound_without_a_stream_is_refused_aloud(time: Time) -> None:
    time.carrier.voice_url = ""
    line = await streaming(time)
    await line.app.socket.close()
    await time.settles()
    with pytest.raises(NotHeard):
        line.alice.utters(tone(20))


# -- what the person hears ------------------------------------------------------------------------


async def test_sound_is_played_at_its_own_pace_and_marks_tell_when(time: Time) -> None:
    line = await streaming(time)
    await line.passes(100)
    await line.app.plays(tone(50))
    await line.app.marks_it("fifty")
    await line.app.plays(tone(200, 0x30))
    await line.app.marks_it("all")
    assert line.app.marks == []
    began = time.clock.now() + FRAME
    await line.passes(60)
    assert line.app.marks == [], "fifty milliseconds do not end on the grid"
    await line.passes(20)
    assert line.app.marks == ["fifty"]
    await line.passes(200)
    assert line.app.marks == ["fifty", "all"]
    (run,) = line.ear.runs
    assert (run.started_at, bytes(run.sound)) == (began, tone(50) + tone(200, 0x30))
    assert (line.stream.played_ms, line.stream.playout.waiting_bytes) == (250, 0)
    await line.app.marks_it("idle")
    await line.passes(0)
    assert line.app.marks[-1] == "idle", "at once when nothing is queued"


async def test_a_phone_waits_for_sound(time: Time) -> None:
    line = await streaming(time)
    await line.app.plays(tone(300))
    assert await time.until(line.alice.hears_sound(100)) == tone(100)
    assert await time.until(line.alice.hears_sound(300)) == tone(300)
    with pytest.raises(NotHeard, match="300 ms of sound, not 301"):
        await line.alice.hears_sound(301, timeout_s=0.01)


async def test_a_clear_stops_the_sound_and_returns_every_mark(time: Time) -> None:
    line = await streaming(time)
    await line.app.plays(tone(1_000))
    await line.app.marks_it("one")
    await line.app.plays(tone(1_000))
    await line.app.marks_it("two")
    await line.passes(200)
    await line.app.twilio("clear")
    await line.passes(20)
    assert line.app.marks == ["one", "two"], "as if they had been played"
    await line.passes(2_000)
    assert line.ear.heard_ms == 200, "what was cleared was not heard"


async def test_listeners_get_every_step_with_silence_in_it(time: Time) -> None:
    line = await streaming(time)
    heard: list[bytes] = []
    time.carrier.voice.sessions[line.call.sid].listeners.append(heard.append)
    await line.app.plays(tone(30))
    await line.passes(60)
    assert heard == [tone(20), tone(10) + b"\xff" * 80, QUIET]


# -- how the two part -----------------------------------------------------------------------------


async def test_the_document_goes_on_when_the_application_closes(time: Time) -> None:
    line = await streaming(time, document=CONNECT + "<Say>Goodbye now</Say>")
    await line.passes(500)
    await line.app.socket.close(1000)
    assert (await time.until(line.alice.hears("Goodbye now"))).heard == "Goodbye now"
    await time.settles()
    assert (line.stream.state, line.stream.close_code) == (State.CLOSED, 1000)
    assert "stop" not in line.app.events
    assert line.call.status == "completed"


async def test_nothing_after_the_stream_ends_the_call(time: Time) -> None:
    line = await streaming(time)
    await line.app.socket.close(1008)
    await time.settles()
    assert (line.call.status, line.call.heard) == ("completed", "")
    assert line.stream.close_code == 1008


async def test_an_action_of_connect_is_asked_what_next(
    time: Time, answers: Answers, receiver: Receiver
) -> None:
    url = answers.at("/after", "<Say>After it</Say>")
    status = receiver.url("/status")
    document = f'<Connect action="{url}"><Stream url="{URL}" name="talk" statusCallback="{status}"/></Connect>'
    line = await streaming(time, document=document)
    await line.app.socket.close()
    await time.until(line.alice.hears("After it"))
    await time.settles()
    (asked,) = answers.hits("/after")
    assert asked.form["CallSid"] == line.call.sid
    told = answers.hits("/status")
    assert [hit.form["StreamEvent"] for hit in told] == ["stream-started", "stream-stopped"]
    assert told[0].form["StreamSid"] == line.stream.about.stream_id
    assert told[0].form["StreamName"] == "talk"


async def test_hanging_up_stops_the_stream(time: Time) -> None:
    line = await streaming(time, document=CONNECT + "<Say>Nobody hears this</Say>")
    await line.app.plays(tone(1_000))
    await line.passes(100)
    line.alice.hangs_up()
    await time.settles()
    assert line.app.told[-1] == {
        "event": "stop",
        "sequenceNumber": line.app.told[-1]["sequenceNumber"],
        "streamSid": line.stream.about.stream_id,
        "stop": {"accountSid": time.carrier.account_sid, "callSid": line.call.sid},
    }
    assert line.stream.state is State.STOPPED
    assert line.app.closed == 1000
    assert line.ear.heard_ms <= 120
    assert line.call.heard == ""


async def test_new_instructions_stop_the_stream(time: Time) -> None:
    line = await streaming(time)
    sdk = Sdk(time.carrier)
    twiml = "<Response><Say>Something else</Say></Response>"
    await sdk(lambda c: c.calls(line.call.sid).update(twiml=twiml))
    await time.until(line.alice.hears("Something else"))
    assert line.app.events[-1] == "stop"
    await time.settles()
    assert line.app.closed == 1000


async def test_the_api_ends_a_call_that_streams(time: Time) -> None:
    line = await streaming(time)
    sdk = Sdk(time.carrier)
    await sdk(lambda c: c.calls(line.call.sid).update(status="completed"))
    await time.settles()
    assert line.app.events[-1] == "stop"
    assert line.call.status == "completed"


async def test_the_end_of_the_world_breaks_the_sockets() -> None:
    clock = ManualClock(START)
    async with SimulatedCarrier(clock=clock) as carrier:
        line = await streaming(Time(clock, carrier))
        await line.passes(100)
    assert (line.stream.state, line.app.closed) == (State.STOPPED, 1006)
    assert "stop" not in line.app.events


# -- what may go wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "code"),
    [(URL, 31920), ("ws://gw.example.test/media", 31922), ("https://gw.example.test", 31922)],
)
async def test_a_stream_that_cannot_open_is_told_and_passed_over(
    time: Time, url: str, code: int
) -> None:
    in_process(time, Door(refuses=True))
    time.carrier.script_call(ALICE, "answers")
    sdk = Sdk(time.carrier)
    twiml = f'<Response><Connect><Stream url="{url}"/></Connect><Say>Never mind</Say></Response>'
    await sdk(lambda c: c.calls.create(to=ALICE, from_=time.carrier.number, twiml=twiml))
    await time.settles()
    (call,) = time.carrier.calls
    assert (alerts(time), call.heard) == ([code], "Never mind")
    assert time.carrier.voice.streams.of(call)[0].state is State.FAILED


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", 31950),
        ("[]", 31950),
        ({"event": "media", "media": {"payload": "AAAA"}}, 31951),
        ({"event": "clear", "streamSid": "MZ" + "0" * 32}, 31951),
    ],
)
async def test_nonsense_is_told_once_in_the_debugger_and_not_played(
    time: Time, message: dict[str, Any] | str, code: int
) -> None:
    line = await streaming(time)
    await line.app.say(message)
    await line.app.say(message)
    await line.app.plays(tone(20))
    await line.passes(60)
    assert alerts(time) == [code]
    assert line.ear.sound == tone(20), "the call goes on"


@pytest.mark.parametrize(
    ("event", "rest"),
    [
        ("media", {"media": {"payload": "???"}}),
        ("media", {}),
        ("mark", {"mark": {}}),
        ("dtmf", {"dtmf": {"digit": "1"}}),
        ("hello", {}),
    ],
)
async def test_what_twilio_has_no_message_for_is_invalid(
    time: Time, event: str, rest: dict[str, Any]
) -> None:
    line = await streaming(time)
    await line.app.twilio(event, **rest)
    await line.passes(20)
    assert alerts(time) == [31951]


async def test_binary_messages_are_refused(time: Time) -> None:
    line = await streaming(time)
    await line.app.socket.send_bytes(tone(20))
    await line.passes(40)
    assert alerts(time) == [31950]
    assert not line.ear.runs


async def test_an_application_that_does_not_read_loses_sound_and_not_the_call(time: Time) -> None:
    door = Door(deaf=True)
    line = await streaming(time, door=door)
    await line.passes(20 * (OUTBOX_MAX + IN_FLIGHT_MAX + 50))
    assert alerts(time) == [31930]
    assert 40 <= line.stream.lost <= 60
    line.alice.presses("1")
    await line.passes(20)
    door.listens.set()
    await line.passes(1_000)
    assert line.app.events[-1] == "dtmf", "only sound is dropped"
    chunks = [int(m["media"]["chunk"]) for m in line.app.of("media")]
    assert chunks == sorted(chunks)
    line.alice.hangs_up()
    await time.settles()
    assert line.app.events[-1] == "stop"


async def test_a_second_socket_opens_for_the_call(time: Time) -> None:
    line = await streaming(time, faults=StreamFaults(doubled_after_s=0.5))
    await line.passes(600)
    first, second = line.door.sockets
    starts = [socket.of("start")[0]["start"] for socket in (first, second)]
    assert starts[0]["callSid"] == starts[1]["callSid"]
    assert starts[0]["streamSid"] != starts[1]["streamSid"]
    assert second.socket.url == first.socket.url, "with the token that was used"
    await second.plays(tone(20))
    await line.passes(40)
    assert not line.ear.runs, "nobody hears the second"
    await second.socket.close(1008)
    await line.passes(40)
    assert line.stream.state is State.LIVE
    await first.socket.close()
    await time.settles()
    assert line.call.status == "completed"


async def test_the_socket_breaks_in_the_middle_of_what_is_said(time: Time) -> None:
    document = CONNECT + "<Say>Goodbye</Say>"
    line = await streaming(time, document=document, faults=StreamFaults(dropped_after_ms=200))
    await line.app.plays(tone(1_000))
    await time.settles()
    assert (line.stream.state, line.stream.played_ms) == (State.DROPPED, 200)
    assert line.app.closed == 1006
    assert "stop" not in line.app.events
    assert line.call.heard == "Goodbye"


async def test_the_carrier_may_read_slowly(time: Time) -> None:
    line = await streaming(time, faults=StreamFaults(reads_every_s=0.1))
    for _ in range(5):
        await line.app.plays(tone(20))
    await line.passes(320)
    assert len(line.stream.commands) == 3
    await line.passes(300)
    assert line.ear.heard_ms == 100, "late, and all of it"


async def test_faults_are_drawn_from_the_seed(time: Time) -> None:
    time.carrier.faults = Faults(
        stream_doubled=1.0, stream_dropped=1.0, stream_dropped_s=0.3, stream_slow=1.0
    )
    line = await streaming(time)
    assert line.stream.faults == StreamFaults(1.0, 300, 0.1, 0.0)
    with pytest.raises(ValueError, match="seconds"):
        Faults(stream_slow_s=-1)
    with pytest.raises(ValueError, match="stream_dropped is a probability"):
        Faults(stream_dropped=2)


class Talker(Door):
    """Says as much again as it heard, clears now and then, and closes some of its sockets by itself."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        spoken: list[asyncio.Task[None]] = []

        async def overheard() -> Message:
            message = await receive()
            if self.sockets and message["type"] == "websocket.receive":
                spoken.append(asyncio.ensure_future(self._answer(json.loads(message["text"]))))
            return message

        await super().__call__(scope, overheard, send)
        await asyncio.gather(*spoken, return_exceptions=True)

    async def _answer(self, told: dict[str, Any]) -> None:
        sid = told.get("streamSid", "")
        app = next((one for one in self.sockets if _is_of(one, sid)), None)
        if told["event"] != "media" or app is None:
            return
        chunk = int(told["media"]["chunk"])
        await app.plays(tone(40))
        if chunk % 10 == 0:
            await app.marks_it(f"{chunk}")
        if chunk % 35 == 0:
            await app.twilio("clear")
        if chunk == 90 and int(sid[-1], 16) % 3 == 0:
            await app.socket.close()


def _is_of(app: AppSocket, sid: str) -> bool:
    starts = app.of("start")
    return bool(starts) and starts[0]["streamSid"] == sid


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_goes_wrong_nothing_is_left_open(receiver: Receiver, seed: int) -> None:
    """Calls with every fault at once, put down by people in the middle: every socket is closed on both
    ends, every call is over, nobody heard more than was sent."""
    clock, door = ManualClock(START), Talker()
    faults = Faults(
        stream_doubled=0.4,
        stream_dropped=0.3,
        stream_dropped_s=0.5,
        stream_slow=0.3,
        stream_slow_s=0.07,
    )
    async with SimulatedCarrier(seed=seed, clock=clock, faults=faults) as carrier:
        time = Time(clock, carrier)
        in_process(time, door)
        people = [f"+155555501{n}" for n in range(10, 18)]
        sdk, twiml = Sdk(carrier), f"<Response>{CONNECT}<Say>Goodbye now</Say></Response>"
        for person in people:
            carrier.script_call(person, "answers")
            await sdk(lambda c, to=person: c.calls.create(to=to, from_=carrier.number, twiml=twiml))
        for seconds, some in ((4, people[::2]), (1, people)):
            await time.passes(seconds=seconds)
            for person in some:
                if carrier.phone(person).connections[-1].state == "up":
                    carrier.phone(person).hangs_up()
        await time.settles()
        streams = carrier.voice.streams.all
        ends = {stream.state for stream in streams}
        assert ends == {State.STOPPED, State.CLOSED, State.DROPPED}
        assert len(streams) > len(people), "some were doubled"
        assert all(app.is_over for app in door.sockets)
        assert not carrier.voice.sessions
        assert all(call.is_over for call in carrier.calls)
        for stream in streams:
            sent = sum(len(one.sound) for one in stream.commands if isinstance(one, PlaySound))
            assert stream.played_bytes <= sent
            assert not stream.session.taps


# -- the other dialects ---------------------------------------------------------------------------


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


# -- over loopback --------------------------------------------------------------------------------


async def test_a_call_streams_over_loopback_in_real_time() -> None:
    """The application echoes, and closes when it has heard enough; TLS ends at the tunnel."""
    seen: list[web.Request] = []
    codes: list[int | None] = []

    async def media(request: web.Request) -> web.WebSocketResponse:
        seen.append(request)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            told = json.loads(message.data)
            if told["event"] == "media":
                answer = {"event": "media", "streamSid": told["streamSid"], "media": told["media"]}
                await socket.send_json(answer)
                if int(told["media"]["chunk"]) == 25:
                    await socket.close()
        codes.append(socket.close_code)
        return socket

    app = web.Application()
    app.router.add_get("/media/{token}", media)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    inside = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with SimulatedCarrier(tunnel={"https://gw.example.test": inside}) as carrier:
            carrier.script_call(ALICE, CallScript("human", after_s=0))
            carrier.voice.behaviour.dial_after_s = carrier.voice.behaviour.ring_after_s = 0.0
            await _echoed(carrier, URL)
            assert seen[0].host == "gw.example.test"
            validator = RequestValidator(carrier.auth_token)
            assert validator.validate(URL, {}, seen[0].headers["X-Twilio-Signature"])
            carrier.voice.streams.faults = lambda call: StreamFaults(dropped_after_ms=100)
            await _echoed(carrier, inside.replace("http", "wss") + "/media/two")
            assert carrier.voice.streams.all[-1].state is State.DROPPED
    finally:
        await runner.cleanup()
    assert codes == [1000, 1006]


async def _echoed(carrier: SimulatedCarrier, url: str) -> None:
    twiml = f'<Response><Connect><Stream url="{url}"/></Connect></Response>'
    sdk = Sdk(carrier)
    await sdk(lambda c: c.calls.create(to=ALICE, from_=carrier.number, twiml=twiml))
    alice = carrier.phone(ALICE)
    await alice.is_streamed(timeout_s=10)
    alice.utters(tone(300))
    heard = await alice.hears_sound(100)
    assert tone(40) in heard, "what was said came back"
    await alice.is_over(timeout_s=10)
    await carrier.settles()


async def test_nothing_but_loopback_is_dialled() -> None:
    async with SimulatedCarrier() as carrier:
        dial = carrier.voice.streams.dial
        for url, why in (
            ("wss://media.example.com/x", "not on loopback"),
            ("https://127.0.0.1/x", "no wss address"),
            ("wss://127.0.0.1:1/x", "31921"),
        ):
            with pytest.raises(Refused, match=why):
                await dial(url, {})
