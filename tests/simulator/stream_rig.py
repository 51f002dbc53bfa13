"""What the tests of media streams hold in hand: an application whose sockets they see and speak through,
in this process, and a call that streams to it under a moved clock."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, field
from typing import Any

from call_rig import Time
from carrier_rig import ALICE, Sdk
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ringfence.simulator.calls import Call
from ringfence.simulator.phone import Phone
from ringfence.simulator.stream_life import Stream, StreamFaults
from ringfence.simulator.stream_playout import Ear
from ringfence.simulator.stream_sockets import DirectSockets

URL = "wss://gw.example.test/media/one-time-token"
CONNECT = f'<Connect><Stream url="{URL}"/></Connect>'
QUIET = b"\xff" * 160


def tone(ms: int, code: int = 0x20) -> bytes:
    return bytes([code]) * (8 * ms)


@dataclass
class AppSocket:
    """The application's end. `told` is what the carrier said, in order."""

    socket: WebSocket
    told: list[dict[str, Any]] = field(default_factory=list)
    closed: int | None = None

    def of(self, event: str) -> list[dict[str, Any]]:
        return [message for message in self.told if message["event"] == event]

    @property
    def is_over(self) -> bool:
        """Closed, by either end."""
        ours = self.socket.application_state is WebSocketState.DISCONNECTED
        return ours or self.closed is not None

    @property
    def events(self) -> list[str]:
        """In order, without the sound."""
        return [message["event"] for message in self.told if message["event"] != "media"]

    @property
    def heard(self) -> bytes:
        """The person's sound as it came."""
        return b"".join(base64.b64decode(m["media"]["payload"]) for m in self.of("media"))

    @property
    def marks(self) -> list[str]:
        return [message["mark"]["name"] for message in self.of("mark")]

    async def say(self, message: dict[str, Any] | str) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        await self.socket.send_text(text)

    async def plays(self, sound: bytes) -> None:
        """In Twilio's words."""
        payload = base64.b64encode(sound).decode()
        await self.twilio("media", media={"payload": payload})

    async def marks_it(self, name: str) -> None:
        await self.twilio("mark", mark={"name": name})

    async def twilio(self, event: str, **rest: Any) -> None:
        sid = self.of("start")[0]["streamSid"]
        await self.say({"event": event, "streamSid": sid, **rest})


@dataclass
class Door:
    """An ASGI application that takes every socket, or `refuses`; while it is `deaf`, it reads nothing."""

    sockets: list[AppSocket] = field(default_factory=list)
    refuses: bool = False
    deaf: bool = False
    listens: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def socket(self) -> AppSocket:
        (only,) = self.sockets
        return only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = AppSocket(WebSocket(scope, receive, send))
        if self.refuses:
            await found.socket.close()
            return
        await found.socket.accept()
        self.sockets.append(found)
        if self.deaf:
            await self.listens.wait()
        try:
            while True:
                found.told.append(json.loads(await found.socket.receive_text()))
        except WebSocketDisconnect as gone:
            found.closed = gone.code


@dataclass
class Line:
    """A call that streams: `await line.passes(100)` lets as many milliseconds pass."""

    time: Time
    door: Door
    call: Call
    stream: Stream

    @property
    def alice(self) -> Phone:
        return self.time.carrier.phone(ALICE)

    @property
    def ear(self) -> Ear:
        return self.alice.connections[-1].wire.ear

    @property
    def app(self) -> AppSocket:
        return self.door.sockets[0]

    async def passes(self, ms: int) -> None:
        await self.time.passes(milliseconds=ms)


def in_process(time: Time, door: Door) -> None:
    """Media sockets lead into `door`."""
    time.carrier.voice.streams.dial = DirectSockets(lambda: door)


async def streaming(
    time: Time,
    *,
    document: str = CONNECT,
    faults: StreamFaults | None = None,
    door: Door | None = None,
) -> Line:
    """Alice is called, answers, and hears what an application sends."""
    door = door or Door()
    in_process(time, door)
    streams = time.carrier.voice.streams
    if faults is not None:
        streams.faults = lambda call: faults
    time.carrier.script_call(ALICE, "answers")
    sdk = Sdk(time.carrier)
    made = await sdk(
        lambda c: c.calls.create(
            to=ALICE, from_=time.carrier.number, twiml=f"<Response>{document}</Response>"
        )
    )
    call = time.carrier.voice.book.calls[made.sid]
    await time.until(time.carrier.phone(ALICE).is_streamed())
    return Line(time, door, call, streams.of(call)[0])


async def streaming_as(time: Time, dialect: str, **rest: Any) -> Line:
    """The same in another dialect, opened as call control opens a stream: the call waits meanwhile."""
    door = Door()
    in_process(time, door)
    voice = time.carrier.voice
    time.carrier.script_call(ALICE, "answers")
    sdk = Sdk(time.carrier)
    twiml = '<Response><Pause length="600"/></Response>'
    made = await sdk(lambda c: c.calls.create(to=ALICE, from_=time.carrier.number, twiml=twiml))
    call = voice.book.calls[made.sid]
    await time.passes(seconds=5)
    stream = voice.streams.open(voice.sessions[call.sid], URL, dialect, **rest)
    await time.until(time.carrier.phone(ALICE).is_streamed())
    return Line(time, door, call, stream)


def alerts(time: Time) -> list[int]:
    """The codes in the debugger."""
    return [alert.error_code for alert in time.carrier.alerts]
