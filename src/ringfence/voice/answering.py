"""The agent's side: what it was asked, what of its answer may be said, and what is done when it is slow,
fails or says what it may not. What it says of a turn that is not wanted any more is never queued
(B137)."""

from __future__ import annotations

from dataclasses import dataclass, field

from ringfence.model.call import Speaker
from ringfence.voice.effects import (
    AskAgent,
    SessionEffect,
    StopAgent,
    Unsaid,
    WordsBegun,
    WordsNotSaid,
)
from ringfence.voice.events import AgentDone, SentenceAllowed
from ringfence.voice.playback import NEVER
from ringfence.voice.settings import SessionSettings
from ringfence.voice.talking import Talking
from ringfence.voice.timing import TurnTimes

_FAILURES_MAX = 2


@dataclass(slots=True)
class _Asked:
    """One question. `sign_at` is when the agent last gave a sign; `said` counts sentences that were
    queued, `refused` those that may not be said; `has_begun` once one of them sounds."""

    turn: int
    words: str = field(repr=False)
    digits: str = field(repr=False)
    at: int
    sign_at: int
    said: int = 0
    refused: int = 0
    is_done: bool = False
    hang_up: bool = False
    has_begun: bool = False
    is_filled: bool = False


class Answering:
    """`turn` counts what the agent was asked; `quiet_since` is when it last had nothing more to say."""

    def __init__(
        self, talking: Talking, settings: SessionSettings, out: list[SessionEffect], now: int
    ) -> None:
        self._talking = talking
        self._limits = settings.limits
        self._refusal_cuts = settings.refusal_cuts
        self._sentences = settings.sentences
        self._out = out
        self._asked: _Asked | None = None
        self._times: TurnTimes | None = None
        self._failures = 0
        self.turn = 0
        self.quiet_since = now

    @property
    def is_asking(self) -> bool:
        """Whether more of an answer may come."""
        return self._asked is not None and not self._asked.is_done

    @property
    def is_unheard(self) -> bool:
        """Whether an answer is awaited or queued of which nothing sounds yet."""
        asked = self._asked
        if asked is None or asked.has_begun:
            return False
        return bool(asked.said) or not asked.is_done

    @property
    def wants_end(self) -> bool:
        """Whether the agent's last answer was to be the last of the call."""
        return self._asked is not None and self._asked.is_done and self._asked.hang_up

    def ask(self, words: str, digits: str, voice_ended: int, now: int) -> None:
        """The person's turn is over: ours begins."""
        self.turn += 1
        self._asked = _Asked(self.turn, words, digits, now, now)
        self._times = TurnTimes(self.turn, min(voice_ended, now), now)
        self._out.append(AskAgent(self.turn, words, digits))

    def stop(self, now: int) -> tuple[str, str]:
        """Nothing more of this answer is wanted; the words and digits it did not answer at all."""
        asked, was_unheard = self._asked, self.is_unheard
        if asked is None:
            return "", ""
        if not asked.is_done:
            self._out.append(StopAgent(asked.turn))
        self._asked = self._times = None
        self.quiet_since = now
        return (asked.words, asked.digits) if was_unheard else ("", "")

    # -- its answer --------------------------------------------------------------------------------

    def _wanted(self, turn: int) -> _Asked | None:
        asked = self._asked
        return asked if asked is not None and asked.turn == turn and not asked.is_done else None

    def sentence(self, event: SentenceAllowed, now: int) -> None:
        asked = self._wanted(event.turn)
        if asked is None:
            said = (Speaker.AGENT, event.text)
            self._out.append(WordsNotSaid(0, *said, Unsaid.OBSOLETE))
            return
        asked.sign_at = now
        if not event.text.strip():
            return
        utterance = self._talking.say(
            event.text,
            Speaker.AGENT,
            decision=event.decision,
            interruptible=event.interruptible,
            turn=event.turn,
        )
        if utterance is not None:
            asked.said += 1
            if self._times is not None:
                self._times.sentence(utterance.id, now)

    def refused(self, turn: int, now: int) -> None:
        asked = self._wanted(turn)
        if asked is None:
            return
        asked.refused += 1
        asked.sign_at = now
        if self._refusal_cuts:
            # As if nothing had been said: the sentence for refused answers follows.
            asked.said = 0
            self._talking.drop(now, lambda one: one.turn == turn)

    def done(self, event: AgentDone, now: int) -> None:
        """The answer is whole. An empty one is silence (B140); one that was refused is not."""
        asked = self._wanted(event.turn)
        if asked is None:
            return
        asked.is_done, asked.hang_up = True, event.hang_up
        self._failures, self.quiet_since = 0, now
        if asked.refused and not asked.said:
            self.say_fixed(self._sentences.refused)

    def failed(self, turn: int, now: int) -> bool:
        """No more of it comes. True when the call has to end: twice in a row nothing was said."""
        asked = self._wanted(turn)
        if asked is None:
            return False
        asked.is_done, self.quiet_since = True, now
        if asked.said:
            return False
        self._failures += 1
        if self._failures < _FAILURES_MAX:
            self.say_fixed(self._sentences.failed)
        return self._failures >= _FAILURES_MAX

    def say_fixed(self, text: str) -> None:
        """A sentence of the operator's, which goes when the turn it belongs to does."""
        if text.strip():
            self._talking.say(text, Speaker.GATEWAY, turn=self.turn)

    # -- slowness ----------------------------------------------------------------------------------

    def fill_at(self) -> int:
        """When to say that it takes a moment."""
        asked = self._asked
        if asked is None or asked.said or asked.is_done or asked.is_filled:
            return NEVER
        return asked.at + self._limits.filler_ms if self._limits.filler_ms else NEVER

    def fill(self) -> None:
        assert self._asked is not None
        self._asked.is_filled = True
        self.say_fixed(self._sentences.filler)

    def stuck_at(self) -> int:
        """When it has been silent too long. Not while it may have to wait for us to speak."""
        asked, playback = self._asked, self._talking.playback
        if asked is None or asked.is_done or not playback.has_room:
            return NEVER
        return max(asked.sign_at, playback.until) + self._limits.agent_ms

    def is_stuck(self, now: int) -> bool:
        """Wait no longer. True when it had not said anything, and the call has to end."""
        asked = self._asked
        assert asked is not None
        self._out.append(StopAgent(asked.turn))
        asked.is_done, self.quiet_since = True, now
        return not asked.said

    # -- its sound ---------------------------------------------------------------------------------

    def made(self, utterance: int, now: int) -> None:
        if self._times is not None:
            self._times.sound(utterance, now)

    def begun(self, words: WordsBegun, now: int) -> None:
        """The first frame of an utterance left."""
        if self._times is not None:
            self._times.frame(words.utterance, now)
        asked = self._asked
        if asked is not None and words.speaker is Speaker.AGENT and words.turn == asked.turn:
            asked.has_begun = True

    def played(self, utterance: int, now: int) -> None:
        """A mark of it came back."""
        timed = None if self._times is None else self._times.played(utterance, now)
        if timed is not None:
            self._out.append(timed)
            self._times = None
