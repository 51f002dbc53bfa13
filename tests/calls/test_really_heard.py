"""What the callee really heard: calls over live sound in each dialect, spoken by a program of this machine,
and a recognizer that we did not write listens to what the carrier played out. It knows the sentences that
might be said, those that must not be too, and tells which of them were, in order."""

from __future__ import annotations

import asyncio
import re
import shutil
from array import array
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest
from test_calls_on_telnyx import APPLICATION
from test_live import DISCLOSURE, FakeSpeech, route

from calling import ANN, BEN, ROUTE, Calling, calling
from ringfence.audio.frames import BYTES_PER_MS, lasting_ms, silence
from ringfence.audio.g711 import pcm_bytes, samples, ulaw_to_pcm
from ringfence.audio.resample import Raised
from ringfence.model.call import CallMode
from ringfence.model.voice import SpeechChoice
from ringfence.ports.speech import Spoken
from ringfence.speech.local import LocalMouth
from ringfence.testing import Phone
from telling import ScriptedAgent

PROVIDERS = ("plivo", "telnyx", "twilio")
VOICES = (("flite", "kal"), ("flite", "rms"))
QUESTION = "When do you open?"
ANSWER = "We open at nine in the morning."
OPENING = "Hello, your table is ready for tonight."
NEVER_SAID = (
    "We close at five in the evening.",
    "Good morning and thank you for calling.",
    "Your account is closed for good.",
)
PIECE_MS = 200
_WORDS = re.compile(r"[a-z']+")

needs_sphinx = pytest.mark.skipif(
    find_spec("pocketsphinx") is None, reason="pocketsphinx (ringfence[ear]) is not installed here"
)
every_voice = pytest.mark.parametrize(
    ("program", "voice"),
    [
        pytest.param(
            program,
            voice,
            marks=pytest.mark.skipif(
                shutil.which(program) is None, reason=f"{program} is not installed here"
            ),
            id=f"{program} {voice}".strip(),
        )
        for program, voice in VOICES
    ],
)


class LocalSpeech(FakeSpeech):
    """Hears what the test says, and speaks with a program. What it will be asked for is made beforehand:
    the story's clock does not wait for programs."""

    def __init__(self, program: str, voice: str) -> None:
        super().__init__()
        self._mouth = LocalMouth(SpeechChoice("local", model=program, voice=voice))
        self._made: dict[str, bytes] = {}

    async def makes(self, *texts: str) -> None:
        for text in texts:
            pieces = [piece.sound async for piece in self._mouth.speak(text, "en-US")]
            self._made[text] = b"".join(pieces)

    async def speak(self, text: str, language: str) -> AsyncGenerator[Spoken, None]:
        self.spoken.append(text)
        sound, step = self._made[text], PIECE_MS * BYTES_PER_MS
        for at in range(0, len(sound), step):
            yield Spoken(sound[at : at + step])

    def lasts_s(self, *texts: str) -> float:
        """How long they sound, and a little."""
        return sum(lasting_ms(self._made[text]) / 1_000 + 0.5 for text in texts)


def words_of(text: str) -> str:
    return " ".join(_WORDS.findall(text.lower()))


def understood(ulaw: bytes, sentences: Sequence[str]) -> str:
    """The words of those of `sentences` that are in the sound, in their order."""
    said = " | ".join(words_of(sentence) for sentence in sentences)
    decoder: Any = import_module("pocketsphinx").Decoder(lm=None, loglevel="FATAL")
    decoder.add_jsgf_string("said", f"#JSGF V1.0; grammar said; public <said> = ({said})+;")
    decoder.activate_search("said")
    around = silence(300)
    heard: array[int] = samples(ulaw_to_pcm(around + ulaw + around))
    decoder.start_utt()
    decoder.process_raw(pcm_bytes(Raised(16_000).feed(heard)), no_search=False, full_utt=True)
    decoder.end_utt()
    best = decoder.hyp()
    return str(best.hypstr) if best is not None else ""


async def understood_by(phone: Phone) -> str:
    """What was played out to the phone, gaps and all, as the recognizer understands it."""
    played = phone.connections[-1].wire.ear.as_heard()
    sentences = (DISCLOSURE, ROUTE.greeting, OPENING, ANSWER, *NEVER_SAID)
    return await asyncio.to_thread(understood, played, sentences)


@asynccontextmanager
async def talking(sqlite_url: str, provider: str, speech: LocalSpeech) -> AsyncIterator[Calling]:
    """A line in live sound whose agent has one answer."""
    voice: dict[str, Any] = {"route": route()}
    if provider == "telnyx":
        voice["connection_id"] = APPLICATION
    agent = ScriptedAgent(lambda turn: ANSWER)
    async with calling(
        sqlite_url, provider=provider, voice=voice, streams=True, speech=speech, agent=agent
    ) as story:
        yield story


async def asks_and_hangs_up(story: Calling, speech: LocalSpeech, phone: Phone) -> None:
    speech.hears(QUESTION)
    await story.story.passes(seconds=speech.lasts_s(ANSWER))
    phone.hangs_up()
    await story.settles()


@needs_sphinx
@every_voice
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.proves("B143")
async def test_a_caller_really_hears_disclosure_greeting_and_answer(
    provider: str, program: str, voice: str, sqlite_url: str
) -> None:
    speech = LocalSpeech(program, voice)
    await speech.makes(DISCLOSURE, ROUTE.greeting, ANSWER)
    async with talking(sqlite_url, provider, speech) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.is_streamed())
        await story.story.passes(seconds=speech.lasts_s(DISCLOSURE, ROUTE.greeting))
        await asks_and_hangs_up(story, speech, phone)
        heard = await understood_by(phone)
    assert heard == words_of(f"{DISCLOSURE} {ROUTE.greeting} {ANSWER}")


@needs_sphinx
@every_voice
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_who_is_called_really_hears_disclosure_opening_and_answer(
    provider: str, program: str, voice: str, sqlite_url: str
) -> None:
    speech = LocalSpeech(program, voice)
    await speech.makes(DISCLOSURE, OPENING, ANSWER)
    async with talking(sqlite_url, provider, speech) as story:
        await story.calls(ANN, OPENING, mode=CallMode.CONVERSATION)
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.is_streamed())
        await story.story.passes(seconds=speech.lasts_s(DISCLOSURE, OPENING))
        await asks_and_hangs_up(story, speech, phone)
        heard = await understood_by(phone)
    assert heard == words_of(f"{DISCLOSURE} {OPENING} {ANSWER}")
