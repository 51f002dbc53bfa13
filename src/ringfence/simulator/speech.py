"""Speech services on loopback, for tests, benches and demonstrations: a websocket server that one
vendor's file fills with its messages. Written apart from the adapters, so that the two check each other:
nothing here may import `ringfence.speech`. What is heard comes from a script, what is said is a tone for
each letter; both depend on the sound and the text alone."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol

import aiohttp
import orjson
from aiohttp import WSMsgType, web

from ringfence.audio.activity import Activity, EnergyDetector
from ringfence.audio.frames import FRAME_MS, Framer

LETTER_MS = 60
WORD_MS = 200
OVERSIZE_BYTES = 3 * 1024 * 1024
KEY = "key-of-the-simulated-service"


@dataclass(frozen=True, slots=True)
class Bye:
    """The server ends the socket."""

    code: int = 1000
    reason: str = ""


Said = str | bytes | Bye


@dataclass(slots=True)
class SpeechFaults:
    """What goes wrong. `status` refuses the opening; `mute` takes everything and never answers; `deaf`
    stops reading; `dies_after` messages the connection is cut without a word; `junk` messages come
    before the first good one; `oversize` one that is too large; `error` the vendor's own error in
    place of the first answer; `soundless` utterances end without a sound; `stalls_after` messages of
    sound nothing more comes."""

    status: int = 0
    mute: bool = False
    deaf: bool = False
    dies_after: int | None = None
    junk: int = 0
    oversize: bool = False
    error: bool = False
    soundless: bool = False
    stalls_after: int | None = None


@dataclass(slots=True)
class SpeechSession:
    """One socket or request as the server saw it."""

    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    texts: list[dict[str, Any]] = field(default_factory=list)
    sound: bytearray = field(default_factory=bytearray)
    said: list[Said] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Talker(Protocol):
    """One socket's side of a vendor, pure: what it says first, to each message, and as an error."""

    def opened(self) -> Sequence[Said]: ...
    def took(self, message: str | bytes) -> Sequence[Said]: ...
    def error(self) -> Sequence[Said]: ...


class Vendor(Protocol):
    """A vendor's doors. `refusal` is a status for what it would not open; None opens. `answer` is for
    plain requests, None where it has none."""

    def refusal(self, session: SpeechSession) -> int | None: ...
    def talker(self, session: SpeechSession, script: Script, faults: SpeechFaults) -> Talker: ...
    async def answer(
        self, request: web.Request, session: SpeechSession, faults: SpeechFaults
    ) -> web.StreamResponse | None: ...


class Script:
    """What is heard, whoever speaks: the next of `sentences` for each stretch of speech. A word is
    heard every WORD_MS, and the rest when the speech ends."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self._sentences = list(sentences)
        self._next = 0

    def take(self) -> list[str]:
        words = self._sentences[self._next].split() if self._next < len(self._sentences) else []
        self._next += 1
        return words


@dataclass(frozen=True, slots=True)
class Heard:
    """`kind` is began, partial or ended; `text` all words of the turn so far."""

    kind: str
    text: str = ""
    at_ms: int = 0


class ScriptedEar:
    """Turns sound into the script's words. `ends` by silence, or only when told."""

    def __init__(self, script: Script, *, ends: bool = True) -> None:
        self._script, self._ends = script, ends
        self._framer, self._detector = Framer(), EnergyDetector()
        self._words: list[str] = []
        self._speech_ms = 0
        self._shown = 0
        self.open = False  # a turn is under way

    @property
    def heard_ms(self) -> int:
        return self._detector.heard_ms

    def feed(self, sound: bytes) -> list[Heard]:
        return [one for frame in self._framer.feed(sound) for one in self._frame(frame)]

    def finish(self) -> list[Heard]:
        """The turn is over, somebody says."""
        if not self.open:
            return []
        self.open = False
        return [Heard("ended", " ".join(self._words), self.heard_ms)]

    def _frame(self, frame: bytes) -> list[Heard]:
        change = self._detector.hear(frame)
        if change is Activity.STARTED and not self.open:
            self.open, self._speech_ms, self._shown = True, 0, 0
            self._words = self._script.take()
            return [Heard("began", at_ms=self.heard_ms)]
        if change is Activity.STOPPED and self._ends:
            return self.finish()
        if not self.open or not self._detector.is_speech:
            return []
        self._speech_ms += FRAME_MS
        shown = min(len(self._words), self._speech_ms // WORD_MS)
        if shown == self._shown:
            return []
        self._shown = shown
        return [Heard("partial", " ".join(self._words[:shown]), self.heard_ms)]


def tone_of(text: str) -> bytes:
    """LETTER_MS of µ-law for each letter, another byte for another letter."""
    return b"".join(bytes([0x10 + ord(letter) % 0x60]) * (LETTER_MS * 8) for letter in text)


def pieces_of(sound: bytes, ms: int = 200) -> list[bytes]:
    return [sound[at : at + ms * 8] for at in range(0, len(sound), ms * 8)]


def text_of(document: Mapping[str, Any]) -> str:
    return orjson.dumps(document).decode()


class SpeechServer:
    """`async with SpeechServer(DeepgramVendor(), transcripts=["yes please"]) as server:`, then
    `server.url` is the base URL to configure. `sessions` are what came, oldest first."""

    def __init__(
        self,
        vendor: Vendor,
        *,
        transcripts: Sequence[str] = (),
        faults: SpeechFaults | None = None,
        tls: ssl.SSLContext | None = None,
        watch: Callable[[Said | dict[str, Any]], None] | None = None,
    ) -> None:
        self._vendor, self._tls, self._watch = vendor, tls, watch
        self.script = Script(transcripts)
        self.faults = faults or SpeechFaults()
        self.sessions: list[SpeechSession] = []
        self._runner: web.AppRunner | None = None
        self._released = asyncio.Event()
        self.url = ""

    async def __aenter__(self) -> SpeechServer:
        app = web.Application(client_max_size=1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._came)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"{'https' if self._tls else 'http'}://{host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._released.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _came(self, request: web.Request) -> web.StreamResponse:
        query = {name: request.query.getall(name) for name in request.query}
        headers = {name.lower(): value for name, value in request.headers.items()}
        session = SpeechSession(request.path, query, headers)
        self.sessions.append(session)
        status = self.faults.status or self._vendor.refusal(session)
        if status:
            return web.Response(status=status)
        try:
            answer = await self._vendor.answer(request, session, self.faults)
            return answer if answer is not None else await self._talk(request, session)
        finally:
            session.ended.set()

    async def _talk(self, request: web.Request, session: SpeechSession) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=1024 * 1024)
        await socket.prepare(request)
        talker = self._vendor.talker(session, self.script, self.faults)
        try:
            await self._say(socket, session, talker.opened())
            await self._converse(request, socket, session, talker)
        except (ConnectionError, aiohttp.ClientError):
            pass  # the client went, which it may at any time
        return socket

    async def _converse(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        session: SpeechSession,
        talker: Talker,
    ) -> None:
        taken = 0
        while not socket.closed:
            if self.faults.deaf:
                await self._released.wait()
                return
            message = await socket.receive()
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            taken += 1
            self._note(session, message.data)
            if self.faults.dies_after is not None and taken > self.faults.dies_after:
                if request.transport is not None:
                    request.transport.abort()
                return
            replies = talker.error() if self.faults.error else talker.took(message.data)
            await self._say(socket, session, replies)

    def _note(self, session: SpeechSession, message: str | bytes) -> None:
        if isinstance(message, bytes):
            session.sound += message
            return
        said = orjson.loads(message)
        session.texts.append(said)
        if self._watch is not None:
            self._watch(said)

    async def _say(
        self, socket: web.WebSocketResponse, session: SpeechSession, messages: Sequence[Said]
    ) -> None:
        if self.faults.mute:
            return
        if messages and not session.said:
            await self._begin_badly(socket)
        for message in messages:
            session.said.append(message)
            if self._watch is not None:
                self._watch(message)
            if isinstance(message, Bye):
                await socket.close(code=message.code, message=message.reason.encode())
            elif isinstance(message, bytes):
                await socket.send_bytes(message)
            else:
                await socket.send_str(message)

    async def _begin_badly(self, socket: web.WebSocketResponse) -> None:
        for index in range(self.faults.junk):
            await (socket.send_bytes(b"\x00\xff") if index % 2 else socket.send_str("{not json"))
        if self.faults.oversize:
            await socket.send_str("x" * OVERSIZE_BYTES)
