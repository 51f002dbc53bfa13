"""Media streams of the simulated carrier: what an application is told and when, what a person hears of
what it sends, how the two part. The application is in this process, the clock is moved; one call is made
over real loopback."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from aiohttp import web
from call_rig import START, Answers, Time
from carrier_rig import ALICE, Receiver, Sdk
from stream_rig import (
    CONNECT,
    QUIET,
    URL,
    streaming,
    tone,
)
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Connect, VoiceResponse

from ringfence.clock import ManualClock
from ringfence.simulator import stream_voice
from ringfence.simulator.call_phone import NotHeard
from ringfence.simulator.stream_life import State, StreamFaults
from ringfence.simulator.stream_sockets import Refused
from ringfence.testing import CallScript, SimulatedCarrier

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
    began = time.clock.now() + timedelta(milliseconds=20)
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
