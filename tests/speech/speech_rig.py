"""What the speech tests share: sound to feed, the services as one table, words and sound gathered."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from math import pi, sin
from typing import Any

from ringfence.audio.frames import FRAME_BYTES, silence
from ringfence.audio.g711 import pcm_bytes, pcm_to_ulaw
from ringfence.model.line import Secret
from ringfence.model.voice import SpeechChoice
from ringfence.ports.speech import Ears, Final, HeardWords, Hearing, Mouth, Spoken
from ringfence.simulator.speech import KEY, SpeechFaults, SpeechServer, Vendor
from ringfence.simulator.speech_deepgram import DeepgramVendor
from ringfence.simulator.speech_elevenlabs import ElevenLabsVendor
from ringfence.simulator.speech_openai import OpenAIVendor
from ringfence.speech import ears, mouths
from ringfence.speech.base import Turns, Wires

WAIT_S = 30.0
SENTENCE = "yes please call me back"


def loud(ms: int) -> bytes:
    """A tone as loud as speech."""
    step = 2 * pi * 300 / 8_000
    values = array("h", (round(9_000 * sin(step * n)) for n in range(ms * 8)))
    return pcm_to_ulaw(pcm_bytes(values))


def spoken_sound() -> bytes:
    """Quiet, two seconds of speech, quiet."""
    return silence(400) + loud(2_000) + silence(1_200)


@dataclass(frozen=True)
class Service:
    """`word` is the configuration's, `path` goes before the endpoints in the base URL, `greets` when
    the service says that it took our settings, `begins` whether it tells that speech began, also when
    turns are ended by us."""

    word: str
    vendor: Callable[[], Vendor]
    path: str = ""
    model: str = ""
    voice: str = ""
    greets: bool = True
    begins: bool = True

    def choice(self, server: SpeechServer, **changes: Any) -> SpeechChoice:
        chosen = SpeechChoice(
            self.word,
            model=self.model,
            voice=self.voice,
            base_url=server.url + self.path,
            api_key=Secret(KEY),
        )
        return replace(chosen, **changes)

    def server(
        self, *transcripts: str, faults: SpeechFaults | None = None, **more: Any
    ) -> SpeechServer:
        return SpeechServer(self.vendor(), transcripts=transcripts, faults=faults, **more)

    def ears(self, server: SpeechServer, wires: Wires, *, by_service: bool = True) -> Ears:
        return ears()[self.word].make(self.choice(server), wires, Turns(by_service))

    def mouth(self, server: SpeechServer, wires: Wires) -> Mouth:
        return mouths()[self.word].make(self.choice(server), wires)


EARS = {
    "deepgram-flux": Service("deepgram", DeepgramVendor, model="flux-general-en"),
    "deepgram-nova": Service("deepgram", DeepgramVendor, greets=False),
    "elevenlabs": Service("elevenlabs", ElevenLabsVendor),
    "openai": Service("openai", OpenAIVendor, path="/v1", begins=False),
}
MOUTHS = {
    "deepgram": Service("deepgram", DeepgramVendor),
    "elevenlabs": Service("elevenlabs", ElevenLabsVendor, voice="voice-of-the-test"),
    "openai": Service("openai", OpenAIVendor, path="/v1"),
}


async def feed(hearing: Hearing, sound: bytes) -> None:
    """As a call does, frame by frame, letting the loop turn between."""
    for at in range(0, len(sound), FRAME_BYTES):
        await hearing.feed(sound[at : at + FRAME_BYTES])
        await asyncio.sleep(0)


async def until_over(hearing: Hearing) -> list[HeardWords]:
    """Everything up to the end of the turn."""
    heard: list[HeardWords] = []
    async with asyncio.timeout(WAIT_S):
        async for words in hearing.words():
            heard.append(words)
            if isinstance(words, Final) and words.turn_over:
                break
    return heard


def text_of_turn(heard: Sequence[HeardWords]) -> str:
    return " ".join(words.text for words in heard if isinstance(words, Final) and words.text)


async def said(mouth: Mouth, text: str) -> list[Spoken]:
    async with asyncio.timeout(WAIT_S), aclosing(mouth.speak(text, "en-US")) as pieces:
        return [piece async for piece in pieces]
