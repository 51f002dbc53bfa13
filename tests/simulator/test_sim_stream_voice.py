"""A voice for people at simulated phones: words go to a speech program of this machine, sound comes back."""

from __future__ import annotations

import shutil
import stat
import wave
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringfence.audio import g711
from ringfence.audio.activity import level_db
from ringfence.simulator import stream_voice
from ringfence.simulator.stream_voice import NoVoice, installed

PCM = g711.pcm_bytes(array("h", [6_000, 6_000, -6_000, -6_000] * 400))


@pytest.fixture(autouse=True)
def _looked_for_anew() -> Iterator[None]:
    installed.cache_clear()
    yield
    installed.cache_clear()


async def test_the_program_that_is_there_speaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with wave.open(str(tmp_path / "sound.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(PCM)
    program = tmp_path / "espeak-ng"
    program.write_text(
        '#!/bin/sh\nfor out; do :; done\nread -r words || [ "$words" ]\n'
        f'[ "$words" = "-x; hello" ] && cp {tmp_path}/sound.wav "$out"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(shutil, "which", lambda name: str(program) if name == "espeak-ng" else None)
    speak = installed()
    assert speak is not None
    assert await speak("-x; hello") == g711.pcm_to_ulaw(PCM)
    with pytest.raises(NoVoice):
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
