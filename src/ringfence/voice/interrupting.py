"""Barge-in: what of the person stops what we say. Loudness silences us at once and proves nothing yet;
words make it an interruption, and what we were about to say is obsolete; where none come, we go on. The
disclosure, and whatever else must be heard, is not interrupted."""

from __future__ import annotations

from ringfence.voice.answering import Answering
from ringfence.voice.effects import SessionEffect
from ringfence.voice.playback import NEVER
from ringfence.voice.settings import BargeIn
from ringfence.voice.talking import Talking
from ringfence.voice.turns import Listening
from ringfence.voice.utterance import Utterance
from ringfence.voice.words import is_backchannel, is_echo, words_of

# An ear that lags hands an echo back as words long after the sound.
_ECHO_WORDS_MS = 3_000
# What was said into the disclosure reaches us this much later, and is no answer to the opening.
_LATE_WORDS_MS = 800
# A voice without words (an ear that tells them all at the end, or a television) is waited for so often
# the time to resume.
_RESUME_TIMES_MAX = 4


class Interrupting:
    """`is_held` while we are silent for somebody who may be interrupting."""

    def __init__(
        self,
        chosen: BargeIn,
        talking: Talking,
        answering: Answering,
        listening: Listening,
        out: list[SessionEffect],
        now: int,
    ) -> None:
        self._chosen = chosen
        self._talking = talking
        self._playback = talking.playback
        self._answering = answering
        self._listening = listening
        self._out = out
        self._held_at: int | None = None
        self._late_until = now

    @property
    def is_held(self) -> bool:
        return self._held_at is not None

    def is_guarded(self, now: int) -> bool:
        """Whether what is heard may be our own voice."""
        return now < self._playback.until + self._chosen.guard_ms

    def is_late(self, now: int) -> bool:
        """Whether words that come now were said into the disclosure."""
        return now < self._late_until

    def is_echo(self, text: str, now: int) -> bool:
        is_recent = now < self._playback.until + _ECHO_WORDS_MS
        return is_recent and is_echo(text, self._talking.words_on_air)

    def is_nod(self, text: str) -> bool:
        """Whether it only says that they listen, while we speak or have stopped for it."""
        current = self._playback.current()
        if current is None:
            return False
        return is_backchannel(text, self._chosen.backchannels, current.text)

    def disclosed(self, now: int) -> None:
        """Our opening words follow at once."""
        self._late_until = now + _LATE_WORDS_MS

    def voice(self, now: int) -> None:
        """A loudness that lasts."""
        if self._chosen.hold_ms:
            self._hold(now)

    def began(self, now: int) -> None:
        """The ear says that somebody speaks. While it may be us, only with a voice above the echo."""
        is_theirs = self._listening.is_speech or not self.is_guarded(now)
        if self._chosen.by_service and is_theirs:
            self._hold(now)

    def words(self, text: str, now: int) -> None:
        """It is an interruption; and an answer of which nothing was heard is obsolete (B137)."""
        if len(words_of(text)) < self._chosen.words_min or not self._playback.is_open:
            return
        if self._answering.is_unheard or self._is_allowed(now):
            self.cut(now)

    def digit(self, now: int) -> None:
        if self._is_allowed(now):
            self.cut(now)

    def _is_allowed(self, now: int) -> bool:
        """Not the disclosure, not a span that must be heard; and there must be something to stop."""
        if not self._chosen.allowed or not self._playback.is_open or self.is_late(now):
            return False
        current = self._playback.current()
        return self._answering.is_unheard if current is None else current.interruptible

    def _hold(self, now: int) -> None:
        if self.is_held or not self._is_allowed(now):
            return
        if not self._chosen.resume_ms:
            self.cut(now)
            return
        self._playback.hold(now, self._out)
        self._held_at = now

    def resume_at(self) -> int:
        """When it was no interruption after all."""
        if self._held_at is None:
            return NEVER
        resume_ms = self._chosen.resume_ms
        if self._listening.is_speech:
            return self._held_at + _RESUME_TIMES_MAX * resume_ms
        return max(self._held_at, self._listening.voice_ms) + resume_ms

    def resume(self) -> None:
        self._held_at = None
        self._playback.release()

    def cut(self, now: int) -> None:
        """Stop the agent, the mouth, our queue and the provider's, together."""
        words, digits = self._answering.stop(now)
        if words or digits:
            self._listening.give_back(words, digits, now)
        self._talking.drop(now, _is_obsolete)
        self.resume()


def _is_obsolete(utterance: Utterance) -> bool:
    """What an interruption silences: what may be interrupted, and the answer that did not begin. Words
    that belong to no turn and did not begin (the call's opening, an operator's) still come."""
    if utterance.is_begun:
        return utterance.interruptible
    return utterance.turn > 0
