"""A mouth over the network, whatever the service: one wire for one utterance, sound handed on as it
comes. What the messages look like is the dialect's, which is pure. Must never hand on an utterance that
ended without a sound as one that was spoken (B146)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Protocol

from ringfence.audio.frames import BYTES_PER_MS
from ringfence.model.errors import NetError, SpeechError
from ringfence.model.wire import WireRequest
from ringfence.ports.sockets import Socket, SocketClosed
from ringfence.ports.speech import Mouth, Spoken
from ringfence.speech.base import (
    CHECK_LANGUAGE,
    SPOKEN_CHARS_MAX,
    Junk,
    MouthLimits,
    Wires,
    gone,
    unreachable,
)

CHECK_TEXT = "Hello."


class Done:
    """The utterance is whole."""


DONE = Done()


class MouthDialect(Protocol):
    """One service's messages, for one utterance. `made` raises Junk and SpeechError. `ended`: None
    where the service ends an utterance by closing."""

    service: str

    def opening(self) -> Sequence[str | bytes]: ...
    def made(self, message: str | bytes) -> Spoken | Done | None: ...
    def ended(self, closed: SocketClosed) -> SpeechError | None: ...


def speakable(service: str, text: str) -> str:
    """The text on one line. Raises SpeechError for none, and for more than is taken at once."""
    line = " ".join(text.split())
    if not line:
        raise gone(service, "there are no words to say.", "speech_no_words")
    if len(line) > SPOKEN_CHARS_MAX:
        raise gone(
            service,
            f"{len(line)} characters are too many to say at once; hand over sentences "
            f"({SPOKEN_CHARS_MAX} at most).",
            "speech_too_long",
        )
    return line


class Measure:
    """Counts the sound of one utterance. Raises SpeechError when it lasts too long."""

    def __init__(self, service: str, limits: MouthLimits) -> None:
        self._service, self._limits = service, limits
        self.sound_bytes = 0

    @property
    def lasting_ms(self) -> int:
        return self.sound_bytes // BYTES_PER_MS

    def add(self, sound: bytes) -> None:
        self.sound_bytes += len(sound)
        if self.lasting_ms > self._limits.sound_ms_max:
            raise gone(self._service, "it does not stop making sound.", "speech_endless")

    def require_sound(self) -> None:
        """Raises SpeechError when there was none (B146)."""
        if not self.sound_bytes:
            raise gone(self._service, "it made no sound of these words.", "speech_silent")


async def say(
    wires: Wires, request: WireRequest, dialect: MouthDialect
) -> AsyncGenerator[Spoken, None]:
    """One utterance. Raises SpeechError; however it ends, the socket is closed."""
    try:
        socket = await wires.sockets.connect(request)
    except NetError as error:
        raise unreachable(dialect.service, error) from None
    try:
        measure = Measure(dialect.service, wires.mouth)
        async with aclosing(_pieces(socket, dialect, wires.mouth)) as pieces:
            async for spoken in pieces:
                measure.add(spoken.sound)
                yield spoken
        measure.require_sound()
    finally:
        await socket.close()


async def _pieces(
    socket: Socket, dialect: MouthDialect, limits: MouthLimits
) -> AsyncGenerator[Spoken, None]:
    try:
        async with asyncio.timeout(limits.stall_s):
            for message in dialect.opening():
                await socket.send(message)
        junk = 0
        while junk <= limits.junk_max:
            try:
                made = await _next(socket, dialect, limits)
            except Junk:
                junk += 1
                continue
            if isinstance(made, Done):
                return
            if made is not None:
                yield made
    except TimeoutError:
        waited = limits.stall_s
        raise gone(dialect.service, f"no sound came for {waited:g} s.", "speech_stalled") from None
    except NetError as error:
        raise unreachable(dialect.service, error) from None
    raise gone(dialect.service, "it says what is not its language.", "speech_junk")


async def _next(socket: Socket, dialect: MouthDialect, limits: MouthLimits) -> Spoken | Done | None:
    async with asyncio.timeout(limits.stall_s):
        message = await socket.receive()
    if not isinstance(message, SocketClosed):
        return dialect.made(message)
    error = dialect.ended(message)
    if error is not None:
        raise error
    return DONE


async def check_mouth(mouth: Mouth, language: str) -> str:
    """Whether a word can be said: it is, until its first sound."""
    try:
        async with aclosing(mouth.speak(CHECK_TEXT, language or CHECK_LANGUAGE)) as spoken:
            async for _ in spoken:
                return ""
    except SpeechError as error:
        return str(error)
    return f"{mouth.name} made no sound."
