"""Speech services as the shell sees them: words out of sound and sound out of words, streaming, one
object per call. Sound is G.711 µ-law at 8 kHz on both sides of these ports, whatever a vendor speaks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ringfence.model.voice import Route, VoiceSettings

if TYPE_CHECKING:
    from ringfence.ports.realtime import TalksItself


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """The service hears somebody speak."""


@dataclass(frozen=True, slots=True)
class Partial:
    """Words since the last Final as they stand; later ones replace them."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Final:
    """Words that change no more; those of one turn may come in several. `turn_over`: the service has
    heard that it is our turn, or we said so with `finish`; the text may be empty then. `confidence`
    from 0 to 1 where it says one."""

    text: str = field(repr=False)
    turn_over: bool = False
    confidence: float | None = None


HeardWords = SpeechBegan | Partial | Final


class Hearing(Protocol):
    """One call's ear. After an error nothing more is heard of it. Whoever opened it closes it."""

    async def feed(self, sound: bytes) -> None:
        """Take more sound; never waits for the network. Raises SpeechError once the service is gone,
        which it also is when seconds of sound wait for it."""

    async def finish(self) -> None:
        """The person's turn is over, as far as we can hear: say what is known now. One Final with
        `turn_over` answers it within a bounded time, also when there were no words."""

    def words(self) -> AsyncIterator[HeardWords]:
        """Until closed; for one reader. Raises SpeechError."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Spoken:
    """Sound of some words. Where the service aligns them, `letters` are characters in their order and
    `letters_at_ms` when each begins, from the start of the utterance; otherwise both are empty."""

    sound: bytes = field(repr=False)
    letters: str = field(default="", repr=False)
    letters_at_ms: Sequence[int] = ()


class Speech(Protocol):
    """What a line hears and speaks with, as its operator chose."""

    def ears(self, voice: VoiceSettings, route: Route) -> Ears:
        """Raises LineBlocked where none is chosen, or the choice is not usable."""

    def mouth(self, voice: VoiceSettings, route: Route) -> Mouth:
        """As ears."""

    def realtime(self, voice: VoiceSettings) -> TalksItself:
        """The model that hears and speaks by itself. As ears."""


class Ears(Protocol):
    """A way to turn speech into text."""

    name: str

    async def listen(self, language: str, hints: Sequence[str] = ()) -> Hearing:
        """Raises SpeechError."""

    async def check(self) -> str:
        """Empty when it works, else what is wrong and how to mend it."""

    async def close(self) -> None: ...


class Mouth(Protocol):
    """A way to turn text into speech."""

    name: str

    def speak(self, text: str, language: str) -> AsyncGenerator[Spoken, None]:
        """Sound as it is made; closing the iterator stops the making. Raises SpeechError, also when the
        service ends without a sound (B146) or takes no more words at once than a sentence or ten."""

    async def check(self) -> str:
        """As for ears."""

    async def close(self) -> None: ...
