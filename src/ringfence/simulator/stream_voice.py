"""A voice for people at simulated phones: words as µ-law, by a speech program of this machine. Not the
gateway's business: a test gives any other function from words to sound."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Final, TypeAlias

from ringfence.model.errors import SpeechError
from ringfence.model.voice import SpeechChoice
from ringfence.simulator.call_phone import NotHeard
from ringfence.speech import local

PROGRAMS: Final = ("espeak-ng", "flite")
LANGUAGE: Final = "en-US"

Mouth: TypeAlias = Callable[[str], Awaitable[bytes]]
"""Words to µ-law at 8 kHz."""


class NoVoice(NotHeard):
    """Words cannot be spoken as sound here."""


@cache
def installed() -> Mouth | None:
    """What speaks on this machine, or None."""
    if not any(shutil.which(name) for name in PROGRAMS):
        return None
    mouth = local.LocalMouth(SpeechChoice(local.NAME))

    async def speak(words: str) -> bytes:
        """Raises NoVoice when the program fails."""
        try:
            return b"".join([part.sound async for part in mouth.speak(words, LANGUAGE)])
        except SpeechError as error:
            raise NoVoice(str(error)) from None

    return speak
