"""The ear of a live call: sound in, bounded and in order, words out as the session's events. When it
cannot keep up the oldest sound is dropped and counted, since what a person says now matters more."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import assert_never

from ringfence.gateway.live_call import Live
from ringfence.model.errors import SpeechError
from ringfence.ports.speech import Final, HeardWords, Hearing, Partial, SpeechBegan
from ringfence.voice.events import EarFailed, PersonBegan, PersonFinal, PersonPartial, SessionEvent

_FINISH = b""
"""Stands in the queue for the end of a voice, which is told after the sound before it."""


class LiveEar:
    """`dropped` counts frames that were never fed."""

    def __init__(self, live: Live, tell: Callable[[SessionEvent], None]) -> None:
        self._live = live
        self._tell = tell
        self._heard: deque[bytes] = deque()
        self._more = asyncio.Event()
        self.dropped = 0

    def feed(self, sound: bytes) -> None:
        if len(self._heard) >= self._live.heard_max:
            self._heard.popleft()
            self.dropped += 1
        if sound:
            self._heard.append(sound)
            self._more.set()

    def finish(self) -> None:
        self._heard.append(_FINISH)
        self._more.set()

    async def run(self) -> None:
        """Listen until cancelled; an ear that fails is told once."""
        try:
            await self._listen()
        except* SpeechError:
            self._tell(EarFailed())

    async def _listen(self) -> None:
        hearing = await self._live.ears.listen(self._live.language, self._live.hints)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._feed(hearing))
                both.create_task(self._hear(hearing))
        finally:
            await hearing.close()

    async def _feed(self, hearing: Hearing) -> None:
        while True:
            while self._heard:
                sound = self._heard.popleft()
                await (hearing.feed(sound) if sound else hearing.finish())
            self._more.clear()
            await self._more.wait()

    async def _hear(self, hearing: Hearing) -> None:
        async for words in hearing.words():
            self._tell(_event(words))
        raise SpeechError("The ear has stopped listening.")


def _event(words: HeardWords) -> SessionEvent:
    match words:
        case SpeechBegan():
            return PersonBegan()
        case Partial(text):
            return PersonPartial(text)
        case Final(text, turn_over, confidence):
            return PersonFinal(text, turn_over, confidence)
        case _:
            assert_never(words)
