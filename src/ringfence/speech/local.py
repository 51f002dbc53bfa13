"""Engines on this machine: espeak-ng or flite speak, as programs; pocketsphinx hears, within a grammar.
Nothing leaves the machine. For demonstrations, tests and machines without a network: the voice is a
robot's, and the ear knows only the sentences it was told to expect. Must never put a word into a
program's arguments, and never leave a program running."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ringfence.audio.frames import BYTES_PER_MS
from ringfence.model.voice import SpeechChoice
from ringfence.ports.speech import Mouth, Spoken
from ringfence.speech.base import MouthKind, MouthLimits, Wires, gone
from ringfence.speech.speaking import Measure, check_mouth, speakable
from ringfence.speech.wav import ulaw_of_wav

NAME = "local"
PROGRAM_S_MAX = 20.0
WAV_BYTES_MAX = 20 * 1024 * 1024
PIECE_MS = 200
REAP_S = 2.0
_VOICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]{0,39}", re.ASCII)
_ENV = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


class _Program(Protocol):
    """One speech program: words on its standard input, a WAVE at `out` or on its standard output."""

    @property
    def name(self) -> str: ...
    def arguments(self, voice: str, language: str, out: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class _Espeak:
    name: str = "espeak-ng"

    def arguments(self, voice: str, language: str, out: str) -> list[str]:
        chosen = voice or (language.lower() if _VOICE.fullmatch(language) else "en-us")
        return ["--stdin", "-b", "1", "-v", chosen, "-w", out]


@dataclass(frozen=True, slots=True)
class _Flite:
    """It speaks English only."""

    name: str = "flite"

    def arguments(self, voice: str, language: str, out: str) -> list[str]:
        return ["-voice", voice or "rms", "-f", "/dev/stdin", "-o", out]


_PROGRAMS: Mapping[str, _Program] = {one.name: one for one in (_Espeak(), _Flite())}


class LocalMouth:
    """Fulfils ports.speech.Mouth. `model` names the program, empty: the first that is there."""

    name = NAME

    def __init__(self, choice: SpeechChoice, *, program_s_max: float = PROGRAM_S_MAX) -> None:
        self._choice, self._program_s_max = choice, program_s_max
        self._running: set[asyncio.subprocess.Process] = set()
        self._closed = False

    async def speak(self, text: str, language: str) -> AsyncGenerator[Spoken, None]:
        program, path = self._program()
        line = speakable(program.name, text)
        with tempfile.TemporaryDirectory(prefix="ringfence-speech-") as folder:
            out = os.path.join(folder, "said.wav")
            spoken = self._choice.language or language
            arguments = program.arguments(self._choice.voice, spoken, out)
            await self._run(program.name, [path, *arguments], line)
            # A second of sound is some 40 ms of arithmetic, and other calls' frames are due meanwhile.
            sound = await asyncio.to_thread(_sound, program.name, out)
        measure = Measure(program.name, MouthLimits())
        measure.add(sound)
        measure.require_sound()
        for at in range(0, len(sound), PIECE_MS * BYTES_PER_MS):
            yield Spoken(sound[at : at + PIECE_MS * BYTES_PER_MS])

    async def check(self) -> str:
        return await check_mouth(self, self._choice.language)

    async def close(self) -> None:
        """Ends whatever still makes sound, also what is just being started."""
        self._closed = True
        for process in list(self._running):
            await self._end(process)

    def _program(self) -> tuple[_Program, str]:
        wanted = [self._choice.model] if self._choice.model else list(_PROGRAMS)
        for name in wanted:
            if path := shutil.which(name):
                return _PROGRAMS[name], path
        named = " or ".join(wanted)
        raise gone(NAME, f"{named} is not installed; apt install {wanted[0]}.", "speech_program")

    async def _run(self, name: str, argv: Sequence[str], text: str) -> None:
        """Start, feed, wait. Raises SpeechError; the program never outlives this."""
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env={key: os.environ[key] for key in _ENV if key in os.environ},
            )
        except OSError as error:
            raise gone(name, "it could not be started.", "speech_program") from error
        self._running.add(process)
        try:
            if self._closed:
                raise gone(name, "this mouth was closed.", "speech_closed")
            async with asyncio.timeout(self._program_s_max):
                await process.communicate(text.encode())
        except TimeoutError:
            waited = self._program_s_max
            raise gone(name, f"it was ended after {waited:g} s.", "speech_stalled") from None
        finally:
            await self._end(process)
        if process.returncode != 0:
            raise gone(name, "it failed; check voice and language.", "speech_choice")

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        self._running.discard(process)
        if process.returncode is None:
            try:
                process.kill()
            except ProcessLookupError:
                return
            try:
                async with asyncio.timeout(REAP_S):
                    await process.wait()
            except TimeoutError:
                pass  # killed, and held by the system: nothing more can be done


def _sound(name: str, out: str) -> bytes:
    try:
        if os.path.getsize(out) > WAV_BYTES_MAX:
            raise gone(name, "it does not stop making sound.", "speech_endless")
        with open(out, "rb") as file:
            return ulaw_of_wav(file.read())
    except OSError:
        raise gone(name, "it made no sound of these words.", "speech_silent") from None
    except ValueError as error:
        raise gone(name, f"what it made cannot be played: {error}.", "speech_format") from None


def _mouth_problems(choice: SpeechChoice) -> tuple[str, ...]:
    problems = []
    if choice.model and choice.model not in _PROGRAMS:
        problems.append(f"model: expected {' or '.join(sorted(_PROGRAMS))}, or nothing")
    if choice.voice and not _VOICE.fullmatch(choice.voice):
        problems.append("voice: expected the name of a voice of that program")
    return tuple(problems)


def _mouth(choice: SpeechChoice, wires: Wires) -> Mouth:
    return LocalMouth(choice)


MOUTH = MouthKind(NAME, _mouth_problems, _mouth)
