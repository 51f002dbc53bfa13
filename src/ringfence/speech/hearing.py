"""An ear over a websocket, whatever the service: sound goes up through a bounded queue, words come down
through another. What the messages look like is the dialect's, which is pure. Must never let a slow
service slow the call down, and never reconnect: whoever listens decides whether to open another."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from ringfence.audio.frames import BYTES_PER_MS
from ringfence.model.errors import NetError, SpeechError
from ringfence.model.wire import WireRequest
from ringfence.ports.sockets import Socket, SocketClosed
from ringfence.ports.speech import Final, HeardWords, Partial
from ringfence.speech.base import CHECK_LANGUAGE, EarLimits, Junk, Wires, gone, unreachable


class EarDialect(Protocol):
    """One service's messages, for one hearing. `piece_ms` of sound go up in a message; `ready` once
    the service has taken our settings. `heard` raises Junk and SpeechError."""

    service: str
    piece_ms: int
    ready: bool

    def opening(self) -> Sequence[str | bytes]: ...
    def sound(self, sound: bytes) -> str | bytes: ...
    def finish(self) -> Sequence[str | bytes]: ...
    def idle(self) -> str | bytes: ...
    def goodbye(self) -> Sequence[str | bytes]: ...
    def heard(self, message: str | bytes) -> Sequence[HeardWords]: ...
    def ended(self, closed: SocketClosed) -> SpeechError: ...


_FINISH = b""  # in the queue of sound: the person's turn is over


class SocketHearing:
    """Fulfils ports.speech.Hearing. Needs a running loop."""

    def __init__(self, socket: Socket, dialect: EarDialect, limits: EarLimits) -> None:
        self._socket, self._dialect, self._limits = socket, dialect, limits
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._words: deque[HeardWords] = deque()
        self._news = asyncio.Event()
        self._ready = asyncio.Event()
        self._partial = ""
        self._junk = 0
        self._error: SpeechError | None = None
        self._closed = False
        loop = asyncio.get_running_loop()
        self._patience: asyncio.TimerHandle | None = None
        self._greeting = loop.call_later(limits.ready_s, self._not_ready)
        self._tasks = [loop.create_task(self._send_all()), loop.create_task(self._receive_all())]

    async def feed(self, sound: bytes) -> None:
        self._raise_if_gone()
        if not sound:
            return
        self._waiting.append(sound)
        self._waiting_bytes += len(sound)
        if self._waiting_bytes > self._limits.waiting_ms * BYTES_PER_MS:
            waited = self._limits.waiting_ms / 1000
            self._fail(self._gone(f"it has taken no sound for {waited:g} s.", "speech_stalled"))
            self._raise_if_gone()
        if self._waiting_bytes >= self._dialect.piece_ms * BYTES_PER_MS:
            self._wake.set()

    async def finish(self) -> None:
        self._raise_if_gone()
        self._waiting.append(_FINISH)
        self._wake.set()
        if self._patience is None:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(self._limits.finish_s, self._give_up)

    async def words(self) -> AsyncIterator[HeardWords]:
        while True:
            while self._words:
                yield self._words.popleft()
            if self._closed:
                return
            self._raise_if_gone()
            self._news.clear()
            await self._news.wait()

    async def ready(self) -> None:
        """Return once the service has taken our settings. Raises SpeechError."""
        await self._ready.wait()
        self._raise_if_gone()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._stop_timers()
        self._news.set()
        self._ready.set()
        await _ended(self._tasks)
        if self._error is None:
            await self._goodbye()
        await self._socket.close()

    async def _goodbye(self) -> None:
        try:
            async with asyncio.timeout(self._limits.goodbye_s):
                for message in self._dialect.goodbye():
                    await self._socket.send(message)
        except (NetError, TimeoutError):
            pass  # it is gone, which is what was wanted

    # -- up -------------------------------------------------------------------------------

    async def _send_all(self) -> None:
        try:
            for message in self._dialect.opening():
                await self._socket.send(message)
            while True:
                for message in await self._next_up():
                    await self._socket.send(message)
        except NetError as error:
            self._fail(unreachable(self._dialect.service, error))

    async def _next_up(self) -> Sequence[str | bytes]:
        try:
            async with asyncio.timeout(self._limits.idle_s):
                await self._wake.wait()
        except TimeoutError:
            if not self._waiting:
                return [self._dialect.idle()]
        self._wake.clear()
        taken, self._waiting, self._waiting_bytes = self._waiting, [], 0
        return self._messages(taken)

    def _messages(self, taken: Sequence[bytes]) -> list[str | bytes]:
        """What waited, in its order, sound that stands together as one message."""
        messages: list[str | bytes] = []
        sound: list[bytes] = []
        for item in [*taken, None]:
            if item:
                sound.append(item)
                continue
            if sound:
                messages.append(self._dialect.sound(b"".join(sound)))
                sound = []
            if item is not None:
                messages += self._dialect.finish()
        return messages

    # -- down -----------------------------------------------------------------------------

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
            heard = self._dialect.heard(message)
        except Junk:
            self._junk += 1
            if self._junk > self._limits.junk_max:
                raise self._gone("it says what is not its language.", "speech_junk") from None
            return
        if self._dialect.ready and not self._ready.is_set():
            self._greeting.cancel()
            self._ready.set()
        for words in heard:
            self._tell(words)

    def _tell(self, words: HeardWords) -> None:
        if isinstance(words, Final) and words.turn_over and self._patience is not None:
            self._patience.cancel()
            self._patience = None
        if isinstance(words, Partial):
            self._partial = words.text
            if self._words and isinstance(self._words[-1], Partial):
                self._words.pop()
        elif isinstance(words, Final):
            self._partial = ""
        self._words.append(words)
        self._news.set()
        if len(self._words) > self._limits.words_max:
            self._fail(self._gone("nobody reads what it hears.", "speech_unread"))

    # -- ends -----------------------------------------------------------------------------

    def _give_up(self) -> None:
        """The service does not answer that the turn is over: the words so far have to do."""
        self._patience = None
        self._tell(Final(self._partial, turn_over=True))

    def _not_ready(self) -> None:
        if not self._dialect.ready:
            waited = self._limits.ready_s
            self._fail(
                self._gone(f"it took our call and said nothing for {waited:g} s.", "speech_silent")
            )
        self._ready.set()

    def _gone(self, why: str, code: str) -> SpeechError:
        return gone(self._dialect.service, why, code)

    def _fail(self, error: SpeechError) -> None:
        if self._error is None and not self._closed:
            self._error = error
        self._stop_timers()
        self._news.set()
        self._ready.set()
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()

    def _stop_timers(self) -> None:
        self._greeting.cancel()
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _raise_if_gone(self) -> None:
        if self._closed:
            raise self._gone("this ear was closed.", "speech_closed")
        if self._error is not None:
            # A new one each time: one that is raised twice would drag its first traceback along.
            raise SpeechError(self._error.detail, code=self._error.code)


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def hear(wires: Wires, request: WireRequest, dialect: EarDialect) -> SocketHearing:
    """Open an ear. Raises SpeechError."""
    try:
        socket = await wires.sockets.connect(request)
    except NetError as error:
        raise unreachable(dialect.service, error) from None
    return SocketHearing(socket, dialect, wires.ear)


class Opens(Protocol):
    async def open(self, language: str, hints: Sequence[str]) -> SocketHearing: ...


async def check_ears(ears: Opens, language: str) -> str:
    """Whether a hearing can be had: it is opened, left until it is ready, and closed."""
    try:
        hearing = await ears.open(language or CHECK_LANGUAGE, ())
        try:
            await hearing.ready()
        finally:
            await hearing.close()
    except SpeechError as error:
        return str(error)
    return ""
