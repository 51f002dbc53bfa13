"""The way in: whether somebody speaks, what they said, and when it is our turn. Loudness comes from the
sound itself, words from the ear; the ear may know the end of a turn better than any silence does.
Partial and blank words never make a turn (B136)."""

from __future__ import annotations

from ringfence.audio.activity import Activity, ActivitySettings, EnergyDetector
from ringfence.audio.frames import FRAME_BYTES, Framer
from ringfence.voice.events import PersonFinal
from ringfence.voice.playback import NEVER
from ringfence.voice.settings import BargeIn, Endpointing

_SILENCE_MS = 700  # of the detector, where only the ear ends turns
_LAST_DIGIT = "#"
DIGITS_MAX = 64
WORDS_CHARACTERS_MAX = 8_000


class Listening:
    """`is_speech` is whether a voice is on the line now; `voice_ms` when there last was one."""

    def __init__(self, endpointing: Endpointing, barge_in: BargeIn, now: int) -> None:
        self._endpointing = endpointing
        self._silence_ms = endpointing.silence_ms or _SILENCE_MS
        self._above_echo = ActivitySettings(
            margin_db=barge_in.guard_margin_db,
            least_db=barge_in.guard_least_db,
            start_ms=barge_in.hold_ms,
            stop_ms=self._silence_ms,
        )
        self._quiet_line = EnergyDetector(ActivitySettings(stop_ms=self._silence_ms))
        # While our own voice may come back. Apart, so that an echo does not become the line's noise.
        self._guarded: EnergyDetector | None = None
        self._framer = Framer()
        self._early: list[str] = []
        self._words: list[str] = []
        self._early_digits = self._digits = ""
        self._is_over_by_ear = False
        self._words_at = self._digit_at = now
        self.voice_ms = now

    @property
    def is_speech(self) -> bool:
        return (self._guarded or self._quiet_line).is_speech

    @property
    def has_words(self) -> bool:
        return bool(self._words or self._digits)

    def sound(self, sound: bytes, is_guarded: bool, now: int) -> Activity | None:
        """Take what the person's side sounds like; what changed by it."""
        detector = self._detector(is_guarded, now)
        if len(sound) == FRAME_BYTES:
            changed = detector.hear(sound)
        else:
            changes = [detector.hear(frame) for frame in self._framer.feed(sound)]
            changed = next((change for change in changes if change is not None), None)
        if changed is Activity.STOPPED:
            self.voice_ms = now - self._silence_ms
        elif changed is Activity.STARTED:
            self.voice_ms = now
        return changed

    def _detector(self, is_guarded: bool, now: int) -> EnergyDetector:
        """A voice that began above the echo is followed to its end by the ear that heard it."""
        if is_guarded and self._guarded is None:
            if self._quiet_line.is_speech:
                self.voice_ms = now
            self._guarded = EnergyDetector(self._above_echo)
        elif not is_guarded and self._guarded is not None and not self._guarded.is_speech:
            self._guarded = None
        return self._guarded or self._quiet_line

    def spoke(self, now: int) -> None:
        """The ear hears a voice, or words that may still change."""
        self.voice_ms = self._words_at = now
        self._is_over_by_ear = False

    def final(self, words: PersonFinal, now: int) -> None:
        if sum(map(len, self._words)) + len(words.text) <= WORDS_CHARACTERS_MAX:
            self._words.append(words.text.strip())
        self._words_at = now
        self._is_over_by_ear = words.turn_over

    def turn_over(self) -> None:
        """The ear says so, without new words."""
        self._is_over_by_ear = True

    def digit(self, digit: str, now: int) -> None:
        self._digits = (self._digits + digit)[-DIGITS_MAX:]
        self._digit_at = now

    def set_aside(self) -> None:
        """What was said and pressed so far is no turn by itself, and will be part of the next."""
        self._early, self._words = self._early + self._words, []
        self._early_digits, self._digits = self._early_digits + self._digits, ""

    def give_back(self, words: str, digits: str, now: int) -> None:
        """Words that were asked about in vain: they are part of the turn that follows."""
        self._words = [words, *self._words] if words else self._words
        self._digits = digits + self._digits
        self._words_at = now
        self._is_over_by_ear = False

    def over_at(self) -> int:
        """When the person's turn is over; NEVER while there is none, or somebody speaks."""
        if not self.has_words:
            return NEVER
        chosen, ends = self._endpointing, NEVER
        if self._words:
            ends = self._words_at + chosen.wait_ms_max
            if self._is_over_by_ear and chosen.by_service:
                return self._words_at
            if chosen.silence_ms and not self.is_speech:
                ends = min(ends, self.voice_ms + chosen.silence_ms)
        if self._digits:
            is_whole = self._digits.endswith(_LAST_DIGIT)
            ends = min(ends, self._digit_at + (0 if is_whole else chosen.digits_ms))
        return ends

    def take(self) -> tuple[str, str]:
        """The words and the digits of the turn that is over."""
        words = " ".join(self._early + self._words)
        digits = self._early_digits + self._digits
        self._early, self._words = [], []
        self._early_digits = self._digits = ""
        self._is_over_by_ear = False
        return words, digits
