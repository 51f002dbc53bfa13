"""One thing said: its text, its sound as far as it is made, and how far it was sent and heard. What was
heard is never more than what was played, and a word heard in half was not heard."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ringfence.audio.frames import BYTES_PER_MS, FRAME_BYTES
from ringfence.audio.g711 import ULAW_SILENCE
from ringfence.model.call import Speaker

RESUME_BACK_MS = 400
"""What was broken off is said again from a little before, so that the word is whole."""

# Of speech whose length nobody knows yet. Quick speakers have as many; slower ones were heard more.
_CHARACTERS_PER_S = 14
_SILENCE = bytes([ULAW_SILENCE])


class Making(Enum):
    """Whether its sound is there."""

    WAITING = "waiting"
    UNDER_WAY = "under_way"
    MADE = "made"


@dataclass(slots=True, eq=False)
class Utterance:
    """`is_first` may be said before the disclosure was heard: the disclosure itself, and a goodbye.
    `sent` and `marked` are bytes of the sound; `sound_ms` is without the silence that fills the
    last frame; `heard_ms` is how far the person has heard it for sure."""

    id: int
    text: str = field(repr=False)
    speaker: Speaker
    decision: str = ""
    interruptible: bool = True
    turn: int = 0
    is_first: bool = False
    making: Making = Making.WAITING
    sound: bytearray = field(default_factory=bytearray, repr=False)
    sound_ms: int = 0
    sent: int = 0
    marked: int | None = None
    is_begun: bool = False
    is_sent: bool = False
    is_broken_off: bool = False
    heard_ms: int = 0
    letters: str = field(default="", repr=False)
    letters_at_ms: list[int] = field(default_factory=list, repr=False)

    @property
    def sent_ms(self) -> int:
        return min(self.sent // BYTES_PER_MS, self.sound_ms)

    @property
    def is_made(self) -> bool:
        return self.making is Making.MADE

    @property
    def sendable(self) -> int:
        """Bytes of whole frames that are made and not sent."""
        left = len(self.sound) - self.sent
        return left - left % FRAME_BYTES

    def add(self, sound: bytes) -> None:
        self.sound += sound
        self.sound_ms = len(self.sound) // BYTES_PER_MS

    def align(self, letters: str, at_ms: list[int]) -> None:
        """Which letters begin when. What has not a time for every letter is of no use."""
        if len(letters) == len(at_ms):
            self.letters += letters
            self.letters_at_ms += at_ms

    def complete(self) -> None:
        """No more sound comes: fill the last frame."""
        self.making = Making.MADE
        self.sound += _SILENCE * (-len(self.sound) % FRAME_BYTES)

    def break_off(self) -> None:
        """No more sound comes, though more should: what there is will not be the whole text."""
        self.complete()
        self.is_broken_off = True

    def rewind(self) -> None:
        """What was sent and not heard is dropped at the provider: it will have to be sent again."""
        back = max(0, self.heard_ms - RESUME_BACK_MS) * BYTES_PER_MS
        self.sent = back - back % FRAME_BYTES
        self.marked, self.is_sent = None, False

    @property
    def heard_characters(self) -> int:
        """How many characters of the text were heard: by the letters' times where they are those of
        the text, else in proportion."""
        if self.heard_ms <= 0:
            return 0
        is_whole = self.is_made and not self.is_broken_off
        if is_whole and self.heard_ms >= self.sound_ms:
            return len(self.text)
        return _to_a_word(self.text, self._characters_begun())

    def _characters_begun(self) -> int:
        if self.letters and self.text.startswith(self.letters):
            return sum(at_ms < self.heard_ms for at_ms in self.letters_at_ms)
        made = len(self.text) * self.heard_ms // max(self.sound_ms, 1)
        if self.is_made and not self.is_broken_off:
            return made
        return min(made, self.heard_ms * _CHARACTERS_PER_S // 1_000)


def _to_a_word(text: str, characters: int) -> int:
    """Back to the end of the last word that is whole."""
    if characters >= len(text) or text[characters].isspace():
        return min(characters, len(text))
    return max(0, text.rfind(" ", 0, characters))
