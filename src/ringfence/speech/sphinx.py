"""The local ear: pocketsphinx on this machine, within a grammar of whole sentences (facts voice 5.1:
right in 24 of 24 with one, in 10 of 24 without). An energy detector finds the utterance; it is decoded
when it ends. For tests and demonstrations: whatever is said, it hears one of its sentences or nothing."""

from __future__ import annotations

import asyncio
import re
from array import array
from collections.abc import AsyncIterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ringfence.audio.activity import Activity, ActivitySettings, EnergyDetector
from ringfence.audio.frames import FRAME_MS, Framer, silence
from ringfence.audio.g711 import pcm_bytes, samples, ulaw_to_pcm
from ringfence.audio.resample import Raised
from ringfence.model.voice import SpeechChoice
from ringfence.ports.speech import Ears, Final, HeardWords, Hearing, SpeechBegan
from ringfence.speech.base import EarsKind, Turns, Wires, gone

NAME = "local"
SERVICE = "pocketsphinx"
SENTENCES_MAX = 200
UTTERANCE_MS_MAX = 30_000
BEFORE_MS = 300  # of sound before the detector was sure
UTTERANCES_MAX = 8  # that wait to be decoded
_HZ = 16_000  # what its model was made for
_EDGE = silence(200)
_WORDS = re.compile(r"[a-z']+")


class LocalEars:
    """Fulfils ports.speech.Ears. One decoder at a time works, in a thread."""

    name = NAME

    def __init__(self, choice: SpeechChoice, turns: Turns) -> None:
        self._choice, self._turns = choice, turns
        self._one_at_a_time = asyncio.Lock()

    async def listen(self, language: str, hints: Sequence[str] = ()) -> Hearing:
        """`hints` are the sentences that can be heard."""
        sentences = sorted({" ".join(_WORDS.findall(hint.lower())) for hint in hints} - {""})
        if not sentences:
            raise gone(SERVICE, "it hears only sentences it is told to expect.", "speech_choice")
        if len(sentences) > SENTENCES_MAX:
            raise gone(SERVICE, f"{SENTENCES_MAX} sentences at most.", "speech_choice")
        if missing := self._missing():
            raise gone(SERVICE, missing, "speech_program")
        decoder = await asyncio.to_thread(_decoder, sentences)
        return _LocalHearing(decoder, self._one_at_a_time, self._turns)

    async def check(self) -> str:
        return self._missing()

    async def close(self) -> None:
        """Nothing is held: an utterance that is being decoded ends with its thread."""

    def _missing(self) -> str:
        if find_spec("pocketsphinx") is None:
            return "it is not installed; pip install 'ringfence[ear]'."
        return ""


class _LocalHearing:
    def __init__(self, decoder: Any, one_at_a_time: asyncio.Lock, turns: Turns) -> None:
        self._decoder, self._one_at_a_time = decoder, one_at_a_time
        self._framer = Framer()
        self._settings = ActivitySettings(stop_ms=turns.silence_ms)
        self._detector = EnergyDetector(self._settings)
        self._utterance: list[bytes] = []
        self._heard: asyncio.Queue[HeardWords | bytes | None] = asyncio.Queue()
        self._waiting = 0
        self._closed = False

    async def feed(self, sound: bytes) -> None:
        if self._closed:
            raise gone(SERVICE, "this ear was closed.", "speech_closed")
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
            self._waiting -= 1
            async with self._one_at_a_time:
                text = await asyncio.to_thread(_decoded, self._decoder, item)
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
        if self._waiting > UTTERANCES_MAX:
            raise gone(SERVICE, "nobody reads what it hears.", "speech_unread")
        self._heard.put_nowait(utterance)


def _decoder(sentences: Sequence[str]) -> Any:
    """Raises SpeechError for words that are not in its dictionary."""
    decoder = import_module("pocketsphinx").Decoder(lm=None, loglevel="FATAL")
    words = {word for sentence in sentences for word in sentence.split()}
    unknown = sorted(word for word in words if decoder.lookup_word(word) is None)
    if unknown:
        raise gone(SERVICE, f"it knows no {', '.join(unknown[:5])}.", "speech_choice")
    grammar = f"#JSGF V1.0; grammar said; public <said> = {' | '.join(sentences)};"
    decoder.add_jsgf_string("said", grammar)
    decoder.activate_search("said")
    return decoder


def _decoded(decoder: Any, ulaw: bytes) -> str:
    # A second filter's worth of silence at both ends, which its model expects.
    quiet = ulaw_to_pcm(_EDGE + ulaw + _EDGE)
    pcm = pcm_bytes(_raised(samples(quiet)))
    decoder.start_utt()
    decoder.process_raw(pcm, no_search=False, full_utt=True)
    decoder.end_utt()
    best = decoder.hyp()
    return str(best.hypstr) if best is not None else ""


def _raised(values: array[int]) -> array[int]:
    return Raised(_HZ).feed(values)


def _problems(choice: SpeechChoice) -> tuple[str, ...]:
    return ()


def _ears(choice: SpeechChoice, wires: Wires, turns: Turns) -> Ears:
    return LocalEars(choice, turns)


EARS = EarsKind(NAME, _problems, _ears)
