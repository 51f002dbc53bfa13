"""A live call on a relay, where the provider hears and speaks: one state machine, an event and the time in,
effects out. The rules are those of `session.py`; what was heard is only what the provider tells
(`relay_heard.py`), and words that were sent cannot be taken back, so that few are sent ahead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ringfence.model.call import EndReason, Speaker
from ringfence.model.media import DigitHeard
from ringfence.model.relay import PersonPrompted, RelayEvent, RelayStarted, SpeechCut, WordsPlayed
from ringfence.voice.effects import (
    AskAgent,
    DigitPressed,
    DisclosureHeard,
    EndCall,
    Loss,
    PersonSaid,
    SendDigits,
    StopAgent,
    StreamOver,
    Unsaid,
    WordsBegun,
    WordsHeard,
    WordsNotSaid,
)
from ringfence.voice.events import (
    AgentDone,
    AgentFailed,
    Killed,
    Leaving,
    Replaced,
    SentenceAllowed,
    SentenceRefused,
    SessionEvent,
    SocketGone,
    ToldToEnd,
    ToldToPress,
    ToldToSay,
)
from ringfence.voice.relay_heard import Heard, HeardWords
from ringfence.voice.settings import Script, SessionSettings
from ringfence.voice.state import State

MS_A_CHARACTER: Final = 120
"""How long a character takes a slow voice; ordinary ones need about 65."""
AHEAD_MAX: Final = 2
"""Utterances at the provider: one that sounds and one so that no gap follows it."""
CALL_OVER: Final = "call_over"
_FAILURES_MAX: Final = 2
_DIGITS_MS: Final = 2_000
_NEVER: Final = 1 << 62

_Due = tuple[int, Callable[[int], None]]


@dataclass(frozen=True, slots=True)
class SendText:
    """Words of an utterance, for the provider to say after those before."""

    utterance: int
    text: str = field(repr=False)
    interruptible: bool = True


RelayEffect = (
    SendText
    | SendDigits
    | AskAgent
    | StopAgent
    | PersonSaid
    | DigitPressed
    | WordsBegun
    | WordsHeard
    | WordsNotSaid
    | DisclosureHeard
    | EndCall
    | StreamOver
)


@dataclass(slots=True)
class _Asked:
    """A turn of ours: what it answers, and what came of it."""

    turn: int
    words: str = field(repr=False)
    digits: str = field(repr=False)
    at: int
    sign_at: int
    said: int = 0
    refused: int = 0
    is_filled: bool = False
    is_done: bool = False
    hang_up: bool = False


class RelaySession:
    """`handle` and `hear` give effects, in order; `wake_at` is when it wants a `Tick`. `has_room`: another
    sentence may be decided on. `is_unproven`: it ended since nothing told that the disclosure was heard."""

    def __init__(self, script: Script, settings: SessionSettings, now: int) -> None:
        self._script = script
        self._limits, self._sentences = settings.limits, settings.sentences
        self._state = State.WAITING
        self._created_at = self._started_at = self._life_at = self._quiet_at = now
        self._heard = HeardWords()
        self._count = 0
        self._turn = 0
        self._asked: _Asked | None = None
        self._kept, self._digits = "", ""
        self._digit_at = now
        self._disclosure = self._farewell = 0
        self._failures = self._asked_who = 0
        self._reason = EndReason.HUNG_UP
        self._end_at = _NEVER
        self._out: list[RelayEffect] = []
        self.wake_at = now
        self.is_unproven = False

    @property
    def has_room(self) -> bool:
        return self._heard.pending < AHEAD_MAX

    # -- what happens --------------------------------------------------------------------------

    def handle(self, event: SessionEvent, now: int) -> list[RelayEffect]:
        return self._done(lambda: self._told(event, now), now)

    def hear(self, event: RelayEvent, now: int) -> list[RelayEffect]:
        return self._done(lambda: self._relayed(event, now), now)

    def _done(self, step: Callable[[], None], now: int) -> list[RelayEffect]:
        self._out = []
        if self._state is not State.OVER:
            step()
        self._look(now)
        return self._out

    def _told(self, event: SessionEvent, now: int) -> None:
        match event:
            case SocketGone():
                self._close(StreamOver(Loss.GONE))
            case Replaced():
                self._close(StreamOver(Loss.REPLACED))
            case Leaving():
                self._close(StreamOver(Loss.LEFT))
            case Killed():
                # A sentence would wait behind what was sent; the provider is told one with the end.
                self._close(EndCall(EndReason.KILLED))
            case ToldToEnd(reason, goodbye):
                self._end(reason, goodbye, now)
            case _ if self._is_talking:
                self._talk(event, now)
            case SentenceAllowed(text=text) | ToldToSay(text=text):
                self._unsaid(Speaker.AGENT, text, Unsaid.OBSOLETE)
            case _:
                pass

    def _talk(self, event: SessionEvent, now: int) -> None:
        match event:
            case SentenceAllowed():
                self._sentence(event, now)
            case SentenceRefused(turn, reason):
                self._refused(turn, reason, now)
            case AgentDone(turn, hang_up):
                self._answered(turn, hang_up, now)
            case AgentFailed(turn):
                self._failed(turn, now)
            case ToldToSay(text, speaker, decision, interruptible):
                self._say_for(text, speaker, decision, interruptible, now)
            case ToldToPress(digits, decision):
                self._press(digits, decision)
            case _:
                pass

    def _relayed(self, event: RelayEvent, now: int) -> None:
        match event:
            case RelayStarted():
                self._start(now)
            case WordsPlayed(text):
                self._close_words(self._heard.played(text), now)
            case SpeechCut(heard):
                self._cut(heard, now)
            case PersonPrompted(text, is_final):
                self._prompted(text.strip(), is_final, now)
            case DigitHeard(digit):
                self._pressed(digit, now)
            case _:
                pass

    @property
    def _is_talking(self) -> bool:
        return self._state in (State.LISTENING, State.THINKING, State.SPEAKING)

    # -- the beginning -------------------------------------------------------------------------

    def _start(self, now: int) -> None:
        if self._state is not State.WAITING:
            self._close(StreamOver(Loss.STARTED_TWICE))
            return
        self._started_at = self._life_at = now
        if self._script.disclosure.strip():
            self._state = State.DISCLOSING
            self._disclosure = self._say(self._script.disclosure, now, interruptible=False)
        else:
            self._open(now)

    def _open(self, now: int) -> None:
        """What the call is for, and then what was said into the disclosure."""
        script = self._script
        self._state = State.LISTENING
        if script.opening.strip():
            decision = script.opening_decision
            speaker = Speaker.AGENT if decision else Speaker.GATEWAY
            free = script.opening_interruptible
            self._say(script.opening, now, speaker, decision, interruptible=free)
        kept, self._kept = self._kept, ""
        if kept:
            self._ask(kept, "", now)

    # -- the person ----------------------------------------------------------------------------

    def _prompted(self, text: str, is_final: bool, now: int) -> None:
        """Words that are not final never make a turn (B136)."""
        if self._state in (State.WAITING, State.ENDING) or not text:
            return
        self._life_at, self._asked_who = now, 0
        if not is_final:
            return
        self._out.append(PersonSaid(text, self._turn + 1))
        if self._state is State.DISCLOSING:
            self._kept = f"{self._kept} {text}".strip()
            return
        words, digits = self._stop()
        self._ask(f"{words} {text}".strip(), digits + self._digits, now)

    def _pressed(self, digit: str, now: int) -> None:
        if self._state in (State.WAITING, State.ENDING):
            return
        self._life_at, self._asked_who, self._digit_at = now, 0, now
        self._out.append(DigitPressed(digit))
        self._digits += digit
        if digit == "#" and self._is_talking:
            self._ask_digits(now)

    def _cut(self, heard: str, now: int) -> None:
        """They spoke into our words: what was not heard yet never will be, and the answer is over."""
        self._life_at = now
        self._close_words(self._heard.cut(heard), now)
        if self._is_talking and self._asked is not None and self._asked.said:
            self._stop()

    # -- the agent -----------------------------------------------------------------------------

    def _ask(self, words: str, digits: str, now: int) -> None:
        self._turn += 1
        self._digits, self._state = "", State.THINKING
        self._asked = _Asked(self._turn, words, digits, now, now)
        self._out.append(AskAgent(self._turn, words, digits))

    def _ask_digits(self, now: int) -> None:
        words, digits = self._stop()
        self._ask(words, digits + self._digits, now)

    def _stop(self) -> tuple[str, str]:
        """Nothing more of this answer is wanted; what it did not answer at all."""
        asked, self._asked = self._asked, None
        self._state = State.LISTENING
        if asked is None:
            return "", ""
        if not asked.is_done:
            self._out.append(StopAgent(asked.turn))
        return ("", "") if asked.said or asked.is_done else (asked.words, asked.digits)

    def _wanted(self, turn: int) -> _Asked | None:
        asked = self._asked
        return asked if asked is not None and asked.turn == turn and not asked.is_done else None

    def _sentence(self, event: SentenceAllowed, now: int) -> None:
        asked = self._wanted(event.turn)
        if asked is None:
            self._unsaid(Speaker.AGENT, event.text, Unsaid.OBSOLETE)
        elif not event.decision:
            self._unsaid(Speaker.AGENT, event.text, Unsaid.NO_DECISION)
        elif event.text.strip():
            asked.sign_at, self._state = now, State.SPEAKING
            asked.said += 1
            free = event.interruptible
            self._say(event.text, now, Speaker.AGENT, event.decision, interruptible=free)

    def _refused(self, turn: int, reason: str, now: int) -> None:
        asked = self._wanted(turn)
        if asked is None:
            return
        asked.sign_at = now
        if reason == CALL_OVER:
            self._stop()  # whoever ended it says so
        else:
            asked.refused += 1

    def _answered(self, turn: int, hang_up: bool, now: int) -> None:
        """The answer is whole. An empty one is silence (B140); one that was refused is not."""
        asked = self._wanted(turn)
        if asked is None:
            return
        asked.is_done, asked.hang_up = True, hang_up
        self._failures, self._life_at, self._state = 0, now, State.LISTENING
        if asked.refused and not asked.said:
            self._say(self._sentences.refused, now)

    def _failed(self, turn: int, now: int) -> None:
        asked = self._wanted(turn)
        if asked is None:
            return
        asked.is_done, self._life_at, self._state = True, now, State.LISTENING
        if asked.said:
            return
        self._failures += 1
        if self._failures >= _FAILURES_MAX:
            self._end(EndReason.FAILED, self._sentences.stuck, now)
        else:
            self._say(self._sentences.failed, now)

    # -- what we say ---------------------------------------------------------------------------

    def _say(
        self,
        text: str,
        now: int,
        speaker: Speaker = Speaker.GATEWAY,
        decision: str = "",
        *,
        interruptible: bool = True,
    ) -> int:
        """Its number; 0 for an empty one, which is not said."""
        if not text.strip():
            return 0
        self._count += 1
        self._heard.sent(self._count, text)
        self._quiet_at = max(self._quiet_at, now) + len(text) * MS_A_CHARACTER
        self._out.append(WordsBegun(self._count, speaker, text, decision, self._turn))
        self._out.append(SendText(self._count, text, interruptible))
        return self._count

    def _say_for(
        self, text: str, speaker: Speaker, decision: str, interruptible: bool, now: int
    ) -> None:
        if speaker is Speaker.AGENT and not decision:
            self._unsaid(speaker, text, Unsaid.NO_DECISION)
        elif self._heard.pending >= self._limits.pending_max:
            self._unsaid(speaker, text, Unsaid.FULL)
        else:
            self._say(text, now, speaker, decision, interruptible=interruptible)

    def _press(self, digits: str, decision: str) -> None:
        if decision:
            self._out.append(SendDigits(digits))
        else:
            self._unsaid(Speaker.AGENT, digits, Unsaid.NO_DECISION)

    def _unsaid(self, speaker: Speaker, text: str, why: Unsaid) -> None:
        self._out.append(WordsNotSaid(0, speaker, text, why))

    def _close_words(self, closed: list[Heard], now: int) -> None:
        """No more will be heard of these."""
        for one in closed:
            self._out.append(WordsHeard(one.id, one.characters, 0))  # it tells no times
        if not self._heard.pending:
            self._quiet_at = now
        if self._state is State.DISCLOSING and not self._heard.awaits(self._disclosure):
            if any(one.id == self._disclosure and one.is_whole for one in closed):
                self._out.append(DisclosureHeard())
                self._open(now)
            else:
                self.is_unproven = True
                self._end(EndReason.FAILED, self._sentences.stuck, now)

    # -- the time ------------------------------------------------------------------------------

    def _look(self, now: int) -> None:
        """Do what is due, the earliest first; each thing done moves its own deadline."""
        while self._state is not State.OVER:
            at, act = min(self._deadlines(), key=_when)
            if at > now:
                self.wake_at = at
                return
            act(now)
        self.wake_at = _NEVER

    def _deadlines(self) -> list[_Due]:
        limits = self._limits
        if self._state is State.WAITING:
            return [(self._created_at + limits.start_ms, self._nobody)]
        due: list[_Due] = []
        if self._heard.pending:
            due.append((self._quiet_at + limits.mark_ms, self._untold))
        if self._state is State.ENDING:
            return [*due, (self._over_at(), self._finish)]
        due.append((self._started_at + limits.duration_ms, self._time_over))
        return due if self._state is State.DISCLOSING else [*due, *self._turns_due()]

    def _turns_due(self) -> list[_Due]:
        limits, asked = self._limits, self._asked
        due: list[_Due] = []
        if self._digits:
            due.append((self._digit_at + _DIGITS_MS, self._ask_digits))
        if asked is not None and not asked.is_done:
            if not (asked.said or asked.refused or asked.is_filled) and limits.filler_ms:
                due.append((asked.at + limits.filler_ms, self._fill))
            if self.has_room:
                since = max(asked.sign_at, self._quiet_at)
                due.append((since + limits.agent_ms, self._stuck))
        elif not self._heard.pending:
            if asked is not None and asked.hang_up:
                due.append((0, self._all_said))
            since = max(self._life_at, self._quiet_at)
            due.append((since + limits.silence_ms, self._silent))
        return due

    def _nobody(self, now: int) -> None:
        self._close(EndCall(EndReason.LOST))

    def _untold(self, now: int) -> None:
        """It must have been played, and the provider does not say so: then it was not heard."""
        self._close_words(self._heard.give_up(), now)

    def _time_over(self, now: int) -> None:
        self._end(EndReason.TIME_LIMIT, self._sentences.time_over, now)

    def _fill(self, now: int) -> None:
        assert self._asked is not None, "only an answer that is awaited is filled"
        self._asked.is_filled = True
        self._say(self._sentences.filler, now)

    def _stuck(self, now: int) -> None:
        asked = self._asked
        assert asked is not None, "only an agent that was asked is stuck"
        self._stop()
        self._life_at = now
        if not asked.said:
            self._end(EndReason.FAILED, self._sentences.stuck, now)

    def _silent(self, now: int) -> None:
        """Ask whether somebody is there, so often; then it is over."""
        self._life_at = now
        if self._asked_who >= self._limits.silence_asks:
            self._end(EndReason.SILENCE, self._sentences.silence, now)
        else:
            self._asked_who += 1
            self._say(self._sentences.still_there, now)

    # -- the end -------------------------------------------------------------------------------

    def _all_said(self, now: int) -> None:
        self._close(EndCall(EndReason.ENDED_BY_AGENT))

    def _end(self, reason: EndReason, goodbye: str, now: int) -> None:
        """Say the one sentence, and end. The first reason stands."""
        if self._state is State.ENDING:
            return
        if self._state is State.WAITING:
            self._close(EndCall(reason))
            return
        self._stop()
        self._state, self._reason = State.ENDING, reason
        self._farewell = self._say(goodbye, now, interruptible=False)
        self._end_at = max(now, self._quiet_at) + self._limits.goodbye_ms

    def _over_at(self) -> int:
        """At once when the goodbye was heard or there is none, and in any case in time."""
        return self._end_at if self._farewell and self._heard.awaits(self._farewell) else 0

    def _finish(self, now: int) -> None:
        self._close(EndCall(self._reason))

    def _close(self, last: EndCall | StreamOver) -> None:
        """Nothing follows. What was begun is told as far as it was heard."""
        self._stop()
        for one in self._heard.give_up():
            self._out.append(WordsHeard(one.id, one.characters, 0))
        self._out.append(last)
        self._state = State.OVER


def _when(due: _Due) -> int:
    return due[0]
