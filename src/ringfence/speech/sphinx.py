"""The local ear: pocketsphinx on this machine, within a grammar of whole sentences (facts voice 5.1:
right in 24 of 24 with one, in 10 of 24 without). It is decoded utterance by
utterance. For tests and demonstrations: whatever is said, it hears one of its sentences or nothing."""

from __future__ import annotations

import asyncio
import re
from array import array
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ringfence.audio.frames import silence
from ringfence.audio.g711 import pcm_bytes, samples, ulaw_to_pcm
from ringfence.audio.resample import Raised
from ringfence.model.voice import SpeechChoice
from ringfence.ports.speech import Ears, Hearing
from ringfence.speech.base import EarsKind, Turns, Wires, gone
from ringfence.speech.utterances import UtteranceHearing

NAME = "local"
SERVICE = "pocketsphinx"
SENTENCES_MAX = 200
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

        async def recognise(ulaw: bytes) -> str:
            async with self._one_at_a_time:
                return await asyncio.to_thread(_decoded, decoder, ulaw)

        return UtteranceHearing(SERVICE, recognise, self._turns)

    async def check(self) -> str:
        return self._missing()

    async def close(self) -> None:
        """Nothing is held: an utterance that is being decoded ends with its thread."""

    def _missing(self) -> str:
        if find_spec("pocketsphinx") is None:
            return "it is not installed; pip install 'ringfence[ear]'."
        return ""


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
