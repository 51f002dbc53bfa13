"""What we say, from text to what was heard of it: who waits for sound, what the mouth makes, what the way
out plays, and what the record is told. An agent's words come in only with the decision that let
them pass; what had no sound is never told as said (B146)."""

from __future__ import annotations

from collections.abc import Callable

from ringfence.audio.frames import FRAME_BYTES
from ringfence.model.call import Speaker
from ringfence.voice.effects import (
    SessionEffect,
    StopSynthesis,
    Synthesise,
    Unsaid,
    WordsHeard,
    WordsNotSaid,
)
from ringfence.voice.events import SpeechMade
from ringfence.voice.playback import NEVER, Mark, Playback
from ringfence.voice.settings import SessionSettings
from ringfence.voice.tones import tones
from ringfence.voice.utterance import Making, Utterance

# The one that plays, and the one after it: what is made further ahead is mostly made in vain.
_MADE_AHEAD = 2


class Talking:
    """`out` is where effects go, in order. `failures` counts utterances without speech, in a row."""

    def __init__(self, settings: SessionSettings, out: list[SessionEffect]) -> None:
        self._limits = settings.limits
        self._out = out
        self._ids = 0
        self._making: Utterance | None = None
        self._made_at = 0
        self._lately = ""
        self.playback = Playback(settings.pacing, settings.limits.pending_max)
        self.failures = 0

    # -- in ------------------------------------------------------------------------------------

    def say(
        self,
        text: str,
        speaker: Speaker,
        *,
        decision: str = "",
        interruptible: bool = True,
        turn: int = 0,
    ) -> Utterance | None:
        """Queue words behind all others; None, and told, where they may not be."""
        if speaker is Speaker.AGENT and not decision:
            self._refused(text, speaker, Unsaid.NO_DECISION)
        elif not self.playback.has_room:
            self._refused(text, speaker, Unsaid.FULL)
        else:
            utterance = self._new(text, speaker, interruptible)
            utterance.decision, utterance.turn = decision, turn
            self.playback.add(utterance)
            return utterance
        return None

    def press(self, digits: str, decision: str) -> None:
        """Queue keys as tones. Raises ValueError for what is no key."""
        if not self.playback.has_room:
            self._refused(digits, Speaker.AGENT, Unsaid.FULL)
            return
        utterance = self._new(digits, Speaker.AGENT, interruptible=False)
        utterance.decision = decision
        utterance.add(tones(digits))
        utterance.complete()
        self.playback.add(utterance)

    def say_first(self, text: str) -> Utterance:
        """The operator's own words that wait for no disclosure: it, or a goodbye. Always has room."""
        utterance = self._new(text, Speaker.GATEWAY, interruptible=False)
        utterance.is_first = True
        self.playback.add(utterance, ahead=True)
        return utterance

    def _new(self, text: str, speaker: Speaker, interruptible: bool) -> Utterance:
        self._ids += 1
        return Utterance(self._ids, text, speaker, interruptible=interruptible)

    def _refused(self, text: str, speaker: Speaker, why: Unsaid) -> None:
        self._out.append(WordsNotSaid(0, speaker, text, why))

    # -- sound ---------------------------------------------------------------------------------

    def make_next(self, now: int) -> None:
        """Have the next utterance made, one at a time and not far ahead."""
        if self._making is not None:
            return
        for utterance in self.playback.queue[:_MADE_AHEAD]:
            if utterance.making is Making.WAITING:
                utterance.making = Making.UNDER_WAY
                self._making, self._made_at = utterance, now
                self._out.append(Synthesise(utterance.id, utterance.text, _agents_turn(utterance)))
                return

    @property
    def late_at(self) -> int:
        """When the mouth has taken too long for the next sound."""
        return NEVER if self._making is None else self._made_at + self._limits.synthesis_ms

    def made(self, event: SpeechMade, now: int) -> None:
        utterance = self._making
        if utterance is None or utterance.id != event.utterance or not event.sound:
            return
        self._made_at = now
        utterance.add(event.sound)
        utterance.align(event.letters, list(event.letters_at_ms))
        if utterance.sound_ms >= self._limits.utterance_ms_max:
            self._out.append(StopSynthesis(utterance.id))
            self.done(utterance.id)

    def done(self, utterance_id: int) -> Utterance | None:
        """All its sound is there; the utterance when that is none, which is a failure (B146)."""
        utterance = self._making
        if utterance is None or utterance.id != utterance_id:
            return None
        if len(utterance.sound) < FRAME_BYTES:
            return self.failed(utterance_id, Unsaid.NO_SPEECH)
        self._making, self.failures = None, 0
        utterance.complete()
        return None

    def failed(self, utterance_id: int, why: Unsaid) -> Utterance | None:
        """It gets no (more) sound. What of it was made is played to its end, if it had begun."""
        utterance = self._making
        if utterance is None or utterance.id != utterance_id:
            return None
        self._making = None
        self.failures += 1
        self._out.append(WordsNotSaid(utterance.id, utterance.speaker, utterance.text, why))
        if utterance.is_begun:
            utterance.break_off()
        else:
            self.playback.remove(utterance)
        return utterance

    def late(self) -> Utterance | None:
        making = self._making
        if making is None:
            return None
        self._out.append(StopSynthesis(making.id))
        return self.failed(making.id, Unsaid.LATE)

    # -- out -----------------------------------------------------------------------------------

    def pump(self, now: int) -> None:
        self.playback.pump(now, self._out)

    def returned(self, name: str, now: int) -> list[Mark]:
        """A mark came back. What was heard to its end is told."""
        passed = self.playback.returned(name, now)
        for mark in passed:
            if mark.is_end:
                self._tell_heard(mark.utterance)
        return passed

    def drop(self, now: int, which: Callable[[Utterance], bool]) -> list[Utterance]:
        """Silence these, for good."""
        dropped = self.playback.drop(now, self._out, which)
        for utterance in dropped:
            if utterance is self._making:
                self._making = None
                self._out.append(StopSynthesis(utterance.id))
            if utterance.is_begun:
                self._tell_heard(utterance)
            else:
                said = (utterance.id, utterance.speaker, utterance.text)
                self._out.append(WordsNotSaid(*said, Unsaid.OBSOLETE))
        return dropped

    def give_up(self) -> list[Utterance]:
        """The provider's marks do not come back: no more was heard than the last one says."""
        given_up = self.playback.give_up()
        for utterance in given_up:
            self._tell_heard(utterance)
        return given_up

    def _tell_heard(self, utterance: Utterance) -> None:
        self._lately = utterance.text
        heard = utterance.heard_characters
        self._out.append(WordsHeard(utterance.id, heard, utterance.heard_ms))

    @property
    def words_on_air(self) -> str:
        """What an echo would say: the text that plays, and the one before it."""
        current = self.playback.current()
        return self._lately if current is None else f"{self._lately} {current.text}"


def _agents_turn(utterance: Utterance) -> int:
    return utterance.turn if utterance.speaker is Speaker.AGENT else 0
