"""The engines on this machine: real programs where they are installed, stand-ins for how they fail."""

from __future__ import annotations

import asyncio
import os
import shutil
from array import array
from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise
from math import pi, sin
from pathlib import Path
from typing import cast

import pytest
from speech_rig import WAIT_S, feed, said, text_of_turn, until_over

from ringfence.audio.activity import level_db
from ringfence.audio.frames import silence
from ringfence.audio.g711 import pcm_bytes, samples, ulaw_to_pcm
from ringfence.model.errors import SpeechError
from ringfence.model.voice import SpeechChoice
from ringfence.ports.speech import Final, SpeechBegan
from ringfence.speech import ears, mouths
from ringfence.speech.base import Turns, Wires
from ringfence.speech.local import LocalMouth
from ringfence.speech.wav import ulaw_of_wav

NO_WIRES = cast(Wires, None)  # nothing leaves the machine
SENTENCES = [
    "this is a test call from your gateway",
    "please press one to say that you have it",
    "good morning and thank you for calling",
    "the database is down and nobody answered",
]


def needs(program: str) -> pytest.MarkDecorator:
    missing = shutil.which(program) is None
    return pytest.mark.skipif(missing, reason=f"{program} is not installed here")


needs_sphinx = pytest.mark.skipif(
    find_spec("pocketsphinx") is None, reason="pocketsphinx (ringfence[ear]) is not installed here"
)


@pytest.mark.parametrize(
    ("program", "voice"),
    [
        pytest.param("espeak-ng", "", marks=needs("espeak-ng")),
        pytest.param("espeak-ng", "de", marks=needs("espeak-ng")),
        pytest.param("flite", "", marks=needs("flite")),
        pytest.param("flite", "kal", marks=needs("flite")),
    ],
)
async def test_a_program_speaks_loudly_enough_and_in_pieces(program: str, voice: str) -> None:
    mouth = mouths()["local"].make(SpeechChoice("local", model=program, voice=voice), NO_WIRES)
    pieces = await said(mouth, "This is a test call. It says more than a word.")
    sound = b"".join(piece.sound for piece in pieces)
    assert len(pieces) > 5
    assert 1_500 < len(sound) / 8 < 8_000
    assert -40 < level_db(sound) < -5
    await mouth.close()


@needs("espeak-ng")
async def test_the_words_of_an_utterance_are_no_arguments() -> None:
    mouth = mouths()["local"].make(SpeechChoice("local", model="espeak-ng"), NO_WIRES)
    plain = await said(mouth, "help")
    dashed = await said(mouth, "--help")
    assert len(dashed) < 3 * len(plain), "the program read its help aloud, or out"
    assert await mouth.check() == ""


async def test_a_program_that_is_not_there_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    mouth = mouths()["local"].make(SpeechChoice("local"), NO_WIRES)
    assert "espeak-ng or flite is not installed" in await mouth.check()


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A shell script in place of espeak-ng."""

    def put(body: str) -> Path:
        program = tmp_path / "espeak-ng"
        program.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        return tmp_path

    return put


@pytest.mark.proves("B146")
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("cat >/dev/null; exit 3", "speech_choice"),
        ("cat >/dev/null; exit 0", "speech_silent"),
        ("cat >/dev/null; while [ $# -gt 1 ]; do shift; done; echo junk >$1", "speech_format"),
        ("exec sleep 60", "speech_stalled"),
    ],
)
async def test_a_program_that_fails_is_an_error_of_speech(
    stand_in: Callable[[str], Path], body: str, code: str
) -> None:
    stand_in(body)
    patience_s = 0.5 if code == "speech_stalled" else 30.0
    mouth = LocalMouth(SpeechChoice("local", model="espeak-ng"), program_s_max=patience_s)
    with pytest.raises(SpeechError) as caught:
        await said(mouth, "hello")
    assert caught.value.code == code


@pytest.mark.parametrize("way", ["cancelled", "closed"])
async def test_no_program_outlives_its_mouth(stand_in: Callable[[str], Path], way: str) -> None:
    folder = stand_in('echo $$ >"$(dirname "$0")/pid"; exec sleep 60')
    mouth = LocalMouth(SpeechChoice("local", model="espeak-ng"))
    speaking = asyncio.create_task(said(mouth, "hello"))
    pid = await _written(folder / "pid")
    if way == "cancelled":
        speaking.cancel()
    else:
        await mouth.close()
    async with asyncio.timeout(WAIT_S):
        result = await asyncio.gather(speaking, return_exceptions=True)
    assert isinstance(result[0], asyncio.CancelledError | SpeechError)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@needs("espeak-ng")
async def test_a_closed_mouth_says_nothing_more() -> None:
    mouth = mouths()["local"].make(SpeechChoice("local", model="espeak-ng"), NO_WIRES)
    await mouth.close()
    with pytest.raises(SpeechError) as caught:
        await said(mouth, "hello")
    assert caught.value.code == "speech_closed"


async def _written(path: Path) -> int:
    async with asyncio.timeout(WAIT_S):
        while not (path.exists() and path.read_text().strip()):
            await asyncio.sleep(0)
    return int(path.read_text())


@pytest.mark.parametrize("model", ["sh", "/bin/sh", "espeak-ng; rm"])
def test_only_known_programs_are_started(model: str) -> None:
    assert mouths()["local"].problems(SpeechChoice("local", model=model))
    assert mouths()["local"].problems(SpeechChoice("local", voice="-w/etc/passwd"))


# -- wave files --------------------------------------------------------------------------------


def _wav(hz: int, pcm: bytes, *, size: int | None = None, bits: int = 16) -> bytes:
    form = b"".join(
        number.to_bytes(width, "little")
        for number, width in ((1, 2), (1, 2), (hz, 4), (hz * 2, 4), (2, 2), (bits, 2))
    )
    length = (len(pcm) if size is None else size).to_bytes(4, "little")
    return b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + form + b"data" + length + pcm


@pytest.mark.parametrize("hz", [8_000, 11_025, 16_000, 22_050, 24_000, 44_100])
@pytest.mark.parametrize("tone_hz", [300, 3_000])
def test_a_tone_keeps_its_pitch_and_strength_at_telephone_rate(hz: int, tone_hz: int) -> None:
    values = array("h", (round(8_000 * sin(2 * pi * tone_hz * n / hz)) for n in range(hz)))
    heard = samples(ulaw_to_pcm(ulaw_of_wav(_wav(hz, pcm_bytes(values), size=0x7FFFF000))))
    middle = heard[2_000:6_000]
    crossings = sum(1 for one, two in pairwise(middle) if one < 0 <= two)
    assert len(heard) == pytest.approx(8_000, abs=40)
    assert crossings == pytest.approx(tone_hz / 2, abs=2)
    assert max(middle) == pytest.approx(8_000, rel=0.12)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        b"no wave file at all, whatever it may be",
        _wav(4_000, b"\0\0"),
        _wav(96_000, b"\0\0"),
        _wav(16_000, b"\0\0", bits=8),
        _wav(16_000, b"")[:30],
    ],
)
def test_what_is_no_sound_is_not_made_into_some(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        ulaw_of_wav(content)


# -- the ear -----------------------------------------------------------------------------------


@needs_sphinx
@needs("flite")
@pytest.mark.parametrize("sentence", SENTENCES)
async def test_the_ear_knows_which_sentence_it_heard(sentence: str) -> None:
    mouth = mouths()["local"].make(SpeechChoice("local", model="flite"), NO_WIRES)
    sound = b"".join(piece.sound for piece in await said(mouth, sentence))
    ear = ears()["local"].make(SpeechChoice("local"), NO_WIRES, Turns(by_service=True))
    hearing = await ear.listen("en-US", SENTENCES)
    await feed(hearing, silence(500) + sound + silence(1_000))
    heard = await until_over(hearing)
    await hearing.close()
    assert heard[0] == SpeechBegan()
    assert text_of_turn(heard) == sentence


@needs_sphinx
@pytest.mark.proves("B136")
async def test_the_ear_hears_nothing_in_silence_and_says_so_when_asked() -> None:
    ear = ears()["local"].make(SpeechChoice("local"), NO_WIRES, Turns())
    hearing = await ear.listen("en-US", SENTENCES)
    await feed(hearing, silence(2_000))
    await hearing.finish()
    assert await until_over(hearing) == [Final("", turn_over=True)]
    await hearing.close()
    assert [words async for words in hearing.words()] == []
    with pytest.raises(SpeechError):
        await hearing.feed(silence(20))


@needs_sphinx
async def test_the_ear_refuses_words_it_cannot_know() -> None:
    ear = ears()["local"].make(SpeechChoice("local"), NO_WIRES, Turns())
    with pytest.raises(SpeechError, match="xqzzt"):
        await ear.listen("en-US", ["say xqzzt now"])


async def test_the_ear_wants_sentences_and_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    ear = ears()["local"].make(SpeechChoice("local"), NO_WIRES, Turns())
    with pytest.raises(SpeechError, match="sentences"):
        await ear.listen("en-US", ["", "123"])
    monkeypatch.setattr("ringfence.speech.sphinx.find_spec", lambda name: None)
    assert "ringfence[ear]" in await ear.check()
    with pytest.raises(SpeechError, match="ear"):
        await ear.listen("en-US", SENTENCES)
