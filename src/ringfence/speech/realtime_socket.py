"""A realtime model over a websocket, whatever the service: what we say goes up through a bounded queue,
what it says comes down through another. The messages are the dialect's, which is pure. Must never wait
for the service, and never reconnect: what a new socket would not know, nobody may make up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from ringfence.audio.frames import BYTES_PER_MS
from ringfence.model.errors import NetError, SpeechError
from ringfence.model.wire import WireRequest
from ringfence.ports.realtime import RealtimeEvent
from ringfence.ports.sockets import Socket, SocketClosed
from ringfence.speech.base import EarLimits, Junk, Wires, gone, unreachable

# An answer of three minutes in the smallest pieces services send; nobody may make us keep more.
EVENTS_MAX = 10_000


class RealtimeDialect(Protocol):
    """One service's messages, for one call. Whatever asks for something answers with the messages that
    say it; `took` raises Junk and SpeechError, and may have something to say itself."""

    service: str
    ready: bool

    def opening(self) -> Sequence[str]: ...
    def sound(self, sound: bytes) -> Sequence[str]: ...
    def answer(self, number: int) -> Sequence[str]: ...
    def cancel(self) -> Sequence[str]: ...
    def said(self, text: str) -> Sequence[str]: ...
    def told(self, text: str) -> Sequence[str]: ...
    def heard(self, item: str, ms: int) -> Sequence[str]: ...
    def forget(self, item: str) -> Sequence[str]: ...
    def result(self, call: str, output: str) -> Sequence[str]: ...
    def took(self, message: str | bytes) -> tuple[Sequence[RealtimeEvent], Sequence[str]]: ...
    def ended(self, closed: SocketClosed) -> SpeechError: ...


class SocketTalk:
    """Fulfils ports.realtime.RealtimeTalk. Needs a running loop."""

    def __init__(self, socket: Socket, dialect: RealtimeDialect, limits: EarLimits) -> None:
        self._socket, self._dialect, self._limits = socket, dialect, limits
        self._up: deque[str] = deque(dialect.opening())
        self._sound = bytearray()
        self._wake = asyncio.Event()
        self._wake.set()
        self._events: deque[RealtimeEvent] = deque()
        self._news = asyncio.Event()
        self._answers = 0
        self._junk = 0
        self._error: SpeechError | None = None
        self._closed = False
        loop = asyncio.get_running_loop()
        self._greeting = loop.call_later(limits.ready_s, self._not_ready)
        self._tasks = [loop.create_task(self._send_all()), loop.create_task(self._receive_all())]

    # -- up --------------------------------------------------------------------------------

    def feed(self, sound: bytes) -> None:
        self._raise_if_gone()
        self._sound += sound
        if len(self._sound) > self._limits.waiting_ms * BYTES_PER_MS:
            waited = self._limits.waiting_ms / 1000
            self._fail(self._gone(f"it has taken no sound for {waited:g} s.", "speech_stalled"))
            self._raise_if_gone()
        self._wake.set()

    def answer(self) -> int:
        self._answers += 1
        self._put(self._dialect.answer(self._answers))
        return self._answers

    def cancel(self) -> None:
        self._put(self._dialect.cancel())

    def said(self, text: str) -> None:
        self._put(self._dialect.said(text))

    def told(self, text: str) -> None:
        self._put(self._dialect.told(text))

    def heard(self, item: str, ms: int) -> None:
        self._put(self._dialect.heard(item, ms))

    def forget(self, item: str) -> None:
        self._put(self._dialect.forget(item))

    def result(self, call: str, output: str) -> None:
        self._put(self._dialect.result(call, output))

    def _put(self, messages: Sequence[str]) -> None:
        self._raise_if_gone()
        self._up += self._sounded()
        self._up += messages
        self._wake.set()

    def _sounded(self) -> Sequence[str]:
        """The sound that waits, as messages, in its place before what follows."""
        if not self._sound:
            return ()
        sound = bytes(self._sound)
        self._sound.clear()
        return self._dialect.sound(sound)

    async def _send_all(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                self._up += self._sounded()
                while self._up:
                    await self._socket.send(self._up.popleft())
        except NetError as error:
            self._fail(unreachable(self._dialect.service, error))

    # -- down ------------------------------------------------------------------------------

    async def events(self) -> AsyncIterator[RealtimeEvent]:
        while True:
            while self._events:
                yield self._events.popleft()
            if self._closed:
                return
            self._raise_if_gone()
            self._news.clear()
            await self._news.wait()

    async def _receive_all(self) -> None:
        try:
            while self._error is None:
                message = await self._socket.receive()
                if isinstance(message, SocketClosed):
                    raise self._dialect.ended(message)
                self._take(message)
        except NetError as error:
            self._fail(unreachable(self._dialect.service, error))
        except SpeechError as error:
            self._fail(error)

    def _take(self, message: str | bytes) -> None:
        try:
            events, replies = self._dialect.took(message)
        except Junk:
            self._junk += 1
            if self._junk > self._limits.junk_max:
                raise self._gone("it says what is not its language.", "speech_junk") from None
            return
        if self._dialect.ready:
            self._greeting.cancel()
        self._up += replies
        self._events += events
        if replies:
            self._wake.set()
        if events:
            self._news.set()
        if len(self._events) > EVENTS_MAX:
            raise self._gone("nobody reads what it says.", "speech_unread")

    # -- ends ------------------------------------------------------------------------------

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._greeting.cancel()
        self._news.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._socket.close()

    def _not_ready(self) -> None:
        waited = self._limits.ready_s
        self._fail(
            self._gone(f"it took our call and no settings for {waited:g} s.", "speech_silent")
        )

    def _gone(self, why: str, code: str) -> SpeechError:
        return gone(self._dialect.service, why, code)

    def _fail(self, error: SpeechError) -> None:
        if self._error is None and not self._closed:
            self._error = error
        self._greeting.cancel()
        self._news.set()
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()

    def _raise_if_gone(self) -> None:
        if self._closed:
            raise self._gone("this socket was closed.", "speech_closed")
        if self._error is not None:
            raise SpeechError(self._error.detail, code=self._error.code)


async def talk(wires: Wires, request: WireRequest, dialect: RealtimeDialect) -> SocketTalk:
    """Raises SpeechError."""
    try:
        socket = await wires.sockets.connect(request)
    except NetError as error:
        raise unreachable(dialect.service, error) from None
    return SocketTalk(socket, dialect, wires.ear)
