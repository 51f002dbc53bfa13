"""An answer that comes as sound with its words beside it, held until its words may be judged. The two are
not aligned by any service, so sound belongs to the sentence that the words had reached when it came,
and a sentence is let go only when the next one has begun. One that has no sound yet, or more than its
words can take, stays together with what follows: what is judged covers what is heard, as well as the
service lets anybody know. With `whole`, nothing is let go before the end."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from ringfence.audio.frames import BYTES_PER_MS

_SENTENCE_END: Final = re.compile(r"(?<=[.!?…])\s+(?=\S)")

# Slow speech has some eight characters a second; more sound than that is of words not known yet.
MS_A_CHARACTER_MAX: Final = 125
SLACK_MS: Final = 1_000
ANSWER_MS_MAX: Final = 180_000
ANSWER_CHARACTERS_MAX: Final = 8_000


@dataclass(frozen=True, slots=True)
class HeldSpeech:
    """Words to be judged, and the sound they came with: `sound` begins `start_ms` into the item. Empty
    sound: words of which everything that sounds was let go before."""

    item: str
    text: str = field(repr=False)
    sound: bytes = field(repr=False)
    start_ms: int


class WatchedAnswer:
    """Feed it in the order things come. `is_endless` once it is longer than anybody listens."""

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole
        self._item = ""
        self._text = ""
        self._sound = bytearray()
        self._start_ms = 0
        self._characters = self._ms = 0

    @property
    def is_endless(self) -> bool:
        return self._ms > ANSWER_MS_MAX or self._characters > ANSWER_CHARACTERS_MAX

    def words(self, item: str, text: str) -> list[HeldSpeech]:
        """What may be judged now, complete."""
        let_go = self._begin(item)
        self._characters += len(text)
        self._text += text
        if self._whole:
            return let_go
        *sentences, tip = _SENTENCE_END.split(self._text)
        if sentences and self._is_covered(" ".join(sentences)):
            let_go.append(self._held(" ".join(sentences)))
            self._text = tip
        return let_go

    def sound(self, item: str, sound: bytes) -> list[HeldSpeech]:
        let_go = self._begin(item)
        self._sound += sound
        self._ms += len(sound) // BYTES_PER_MS
        return let_go

    def end(self) -> list[HeldSpeech]:
        """The rest. Sound without a word is nothing anybody can judge: it is not let go."""
        text, self._text = self._text.strip(), ""
        if not text:
            self._sound.clear()
            return []
        return [self._held(text)]

    def _begin(self, item: str) -> list[HeldSpeech]:
        """What came before another item began is whole."""
        if item == self._item:
            return []
        rest = self.end() if self._item else []
        self._item, self._start_ms = item, 0
        return rest

    def _is_covered(self, text: str) -> bool:
        """Whether these words have a sound, and not more of it than they can take."""
        sound_ms = len(self._sound) // BYTES_PER_MS
        return 0 < sound_ms <= len(text) * MS_A_CHARACTER_MAX + SLACK_MS

    def _held(self, text: str) -> HeldSpeech:
        held = HeldSpeech(self._item, text.strip(), bytes(self._sound), self._start_ms)
        self._start_ms += len(self._sound) // BYTES_PER_MS
        self._sound.clear()
        return held
