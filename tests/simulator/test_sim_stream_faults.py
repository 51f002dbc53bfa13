"""What may go wrong with media streams of the simulated carrier: refused and broken sockets, nonsense, slow
readers on either end, second sockets; and that nothing is left open."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from call_rig import START, Time
from carrier_rig import ALICE, Receiver, Sdk
from starlette.types import Message, Receive, Scope, Send
from stream_rig import CONNECT, URL, AppSocket, Door, alerts, in_process, streaming, tone

from ringfence.clock import ManualClock
from ringfence.simulator.stream_ends import OUTBOX_MAX
from ringfence.simulator.stream_life import State, StreamFaults
from ringfence.simulator.stream_skin import PlaySound
from ringfence.simulator.stream_sockets import IN_FLIGHT_MAX
from ringfence.testing import Faults, SimulatedCarrier


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
