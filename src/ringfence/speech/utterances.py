"""An ear for whoever recognises whole utterances only: an energy detector finds one in the sound, and it is
recognised when it ends. Slower than a streaming ear by the time of the recognition, and without partial
words. Must never keep more sound than an utterance's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from ringfence.audio.activity import Activity, ActivitySettings, EnergyDetector
from ringfence.audio.frames import FRAME_MS, Framer
from ringfence.ports.speech import Final, HeardWords, SpeechBegan
from ringfence.speech.base import Turns, gone

UTTERANCE_MS_MAX = 30_000
BEFORE_MS = 300  # of sound before the detector was sure
WAITING_MAX = 8  # utterances
# Where we end turns, so long a silence ends an utterance all the same: somebody did not call `finish`.
PATIENT_MS = 2_000


class UtteranceHearing:
    """Fulfils ports.speech.Hearing. `recognise` makes words of µ-law; it may raise SpeechError."""

    def __init__(
        self, service: str, recognise: Callable[[bytes], Awaitable[str]], turns: Turns
    ) -> None:
        self._service, self._recognise = service, recognise
        stop_ms = turns.silence_ms if turns.by_service else max(PATIENT_MS, turns.silence_ms)
        self._settings = ActivitySettings(stop_ms=stop_ms)
        self._detector = EnergyDetector(self._settings)
        self._framer = Framer()
        self._utterance: list[bytes] = []
        self._heard: asyncio.Queue[HeardWords | bytes | None] = asyncio.Queue()
        self._waiting = 0
        self._closed = False

    async def feed(self, sound: bytes) -> None:
        if self._closed:
            raise gone(self._service, "this ear was closed.", "speech_closed")
        for frame in self._framer.feed(sound):
            self._frame(frame)

    async def finish(self) -> None:
        if self._detector.is_speech:
            self._detector = EnergyDetector(self._settings)
            self._end_utterance()
        elif not self._waiting:
            self._heard.put_nowait(Final("", turn_over=True))

    async def words(self) -> AsyncIterator[HeardWords]:
        while (item := await self._heard.get()) is not None and not self._closed:
            if not isinstance(item, bytes):
                yield item
                continue
            text = await self._recognise(item)
            self._waiting -= 1
            yield Final(text, turn_over=True)

    async def close(self) -> None:
        self._closed = True
        self._heard.put_nowait(None)

    def _frame(self, frame: bytes) -> None:
        change = self._detector.hear(frame)
        self._utterance.append(frame)
        if change is Activity.STARTED:
            self._heard.put_nowait(SpeechBegan())
        if not self._detector.is_speech and change is None:
            del self._utterance[: -BEFORE_MS // FRAME_MS]
        too_long = len(self._utterance) * FRAME_MS >= UTTERANCE_MS_MAX
        if change is Activity.STOPPED or too_long:
            self._end_utterance()

    def _end_utterance(self) -> None:
        utterance, self._utterance = b"".join(self._utterance), []
        self._waiting += 1
        if self._waiting > WAITING_MAX:
            raise gone(self._service, "it does not keep up with what is said.", "speech_stalled")
        self._heard.put_nowait(utterance)
