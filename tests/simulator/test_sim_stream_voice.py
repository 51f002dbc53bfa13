"""A voice for people at simulated phones: what a speech program writes becomes telephone sound."""

from __future__ import annotations

import io
import itertools
import shutil
import stat
import wave
from array import array
from collections.abc import Iterator
from math import pi, sin
from pathlib import Path

import pytest

from ringfence.audio import g711
from ringfence.audio.activity import level_db
from ringfence.simulator import stream_voice
from ringfence.simulator.stream_voice import NoVoice, installed, ulaw_of


@pytest.fixture(autouse=True)
def _looked_for_anew() -> Iterator[None]:
    installed.cache_clear()
    yield
    installed.cache_clear()


def wav(hz: int, *, seconds: float = 0.5, channels: int = 1, width: int = 2) -> bytes:
    tone = array("h", (int(9_000 * sin(2 * pi * 400 * n / hz)) for n in range(int(hz * seconds))))
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(hz)
        file.writeframes(g711.pcm_bytes(tone))
    return written.getvalue()


@pytest.mark.parametrize("hz", [8_000, 16_000, 22_050, 24_000])
def test_any_rate_becomes_the_telephones(hz: int) -> None:
    sound = ulaw_of(wav(hz))
    assert abs(len(sound) - 4_000) <= 1
    values = g711.samples(g711.ulaw_to_pcm(sound))
    crossings = sum(1 for a, b in itertools.pairwise(values) if a < 0 <= b)
    assert abs(crossings - 200) <= 2, "400 Hz for half a second"
    assert level_db(sound) == pytest.approx(-14.2, abs=0.5)


def test_a_file_written_to_a_pipe_is_read_to_its_end() -> None:
    """Its head was written before its length was known."""
    whole = wav(8_000)
    at = whole.index(b"data") + 4
    for length in (b"\0\0\0\0", b"\xff\xff\xff\x7f"):
        assert ulaw_of(whole[:at] + length + whole[at + 4 :]) == ulaw_of(whole)


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"no sound", wav(8_000, channels=2), wav(8_000, width=1), wav(4_000)]
)
def test_what_is_no_speech_is_refused(content: bytes) -> None:
    with pytest.raises(NoVoice):
        ulaw_of(content)


def program(folder: Path, name: str, lines: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


async def test_the_first_program_that_is_there_speaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sound.wav").write_bytes(wav(8_000))
    program(tmp_path, "espeak-ng", f'[ "$5" = "-x; hello" ] && cat {tmp_path}/sound.wav')
    monkeypatch.setattr(
        shutil, "which", lambda name: str(found) if (found := tmp_path / name).exists() else None
    )
    speak = installed()
    assert speak is not None
    assert await speak("-x; hello") == ulaw_of(wav(8_000)), "words are words, never options"
    with pytest.raises(NoVoice, match="ended with 1"):
        await speak("something else")


def test_no_program_is_no_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert installed() is None


@pytest.mark.skipif(
    not any(shutil.which(name) for name in stream_voice.PROGRAMS), reason="no speech program here"
)
async def test_this_machines_voice_can_be_heard() -> None:
    speak = installed()
    assert speak is not None
    sound = await speak("Your server is down.")
    assert len(sound) > 4_000
    assert level_db(sound) > -45
    assert await speak("Your server is down.") == sound, "always the same"
