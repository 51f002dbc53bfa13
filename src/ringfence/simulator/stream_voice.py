"""A voice for people at simulated phones: words as µ-law, made by a speech program of this machine (flite
or espeak-ng), always the same sound for the same words. Not fit for anything but tests and demos."""

from __future__ import annotations

import asyncio
import io
import shutil
import wave
from array import array
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Final, TypeAlias

from ringfence.audio import g711
from ringfence.simulator.call_phone import NotHeard

WORDS_MAX: Final = 2_000
TELEPHONE_HZ: Final = 8_000
SPEAK_S: Final = 30.0

Mouth: TypeAlias = Callable[[str], Awaitable[bytes]]
"""Words to µ-law at 8 kHz."""


class NoVoice(NotHeard):
    """Words cannot be spoken as sound here."""


# Both write a WAV file to their output; the words come last, after what ends the options.
PROGRAMS: Final = {
    "flite": ("-voice", "kal", "-o", "/dev/stdout", "-t"),
    "espeak-ng": ("-v", "en-us", "--stdout", "--"),
}


@cache
def installed() -> Mouth | None:
    """The first speech program that is there, or None."""
    for name, options in PROGRAMS.items():
        if (path := shutil.which(name)) is not None:
            return _program(path, *options)
    return None


def _program(path: str, *options: str) -> Mouth:
    async def speak(words: str) -> bytes:
        """Raises NoVoice when the program fails."""
        running = await asyncio.create_subprocess_exec(
            path,
            *options,
            words[:WORDS_MAX],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(SPEAK_S):
                content, _ = await running.communicate()
        except BaseException:
            running.kill()
            raise
        if running.returncode:
            raise NoVoice(f"{path} ended with {running.returncode}")
        return ulaw_of(content)

    return speak


def ulaw_of(content: bytes) -> bytes:
    """A WAV file of 16-bit samples, one channel, as µ-law at 8 kHz. Raises NoVoice for anything else.

    A file written to a pipe has no true length in its head, so all of the rest is taken."""
    head, _, body = content.partition(b"data")
    try:
        with wave.open(io.BytesIO(head + b"data" + bytes(4))) as file:
            kind = (file.getnchannels(), file.getsampwidth())
            hz = file.getframerate()
    except (wave.Error, EOFError):
        raise NoVoice("the speech program wrote no WAV file") from None
    if kind != (1, 2):
        raise NoVoice("the speech program wrote no 16-bit samples in one channel")
    pcm = body[4:]
    samples = g711.samples(pcm[: len(pcm) // 2 * 2])
    if hz != TELEPHONE_HZ:
        samples = _at_telephone_rate(samples, hz)
    return g711.pcm_to_ulaw(g711.pcm_bytes(samples))


def _at_telephone_rate(samples: array[int], hz: int) -> array[int]:
    """Each new sample is the mean of those it stands for: rough, and good enough to be recognised."""
    step = hz / TELEPHONE_HZ
    if step < 1:
        raise NoVoice(f"the speech program speaks at {hz} Hz, which is less than a telephone")
    made = array("h")
    for n in range(int(len(samples) / step)):
        piece = samples[int(n * step) : int((n + 1) * step) or 1]
        made.append(sum(piece) // len(piece))
    return made
