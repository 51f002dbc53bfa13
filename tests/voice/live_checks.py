"""What must hold in every live call, whatever comes in which order: an observer of events and effects
that knows nothing of the session's inside."""

from __future__ import annotations

from ringfence.model.call import Speaker
from ringfence.model.media import MarkReturned, StreamStarted
from ringfence.voice.effects import (
    AskAgent,
    DisclosureHeard,
    EndCall,
    SendClear,
    SendDigits,
    SendMark,
    SendSound,
    SessionEffect,
    StopAgent,
    StreamOver,
    Synthesise,
    WordsBegun,
    WordsHeard,
    WordsNotSaid,
)
from ringfence.voice.events import (
    Killed,
    SentenceAllowed,
    SessionEvent,
    ToldToEnd,
    ToldToPress,
    ToldToSay,
)
from ringfence.voice.session import Session
from ringfence.voice.settings import Script, SessionSettings
from ringfence.voice.state import SESSION_TRANSITIONS, State

_KILLS_MAX = 2  # a goodbye may be under way when a kill comes with its own


class Violation(AssertionError):
    pass


def demand(holds: bool, what: str) -> None:
    if not holds:
        raise Violation(what)


class Checker:
    """Told every event before, and every effect after, one call of `handle`."""

    def __init__(self, script: Script, settings: SessionSettings, now: int) -> None:
        self._script, self._settings = script, settings
        self._created = now
        self._started: int | None = None
        self._state = State.WAITING
        self._ended = False
        self._texts: dict[int, str] = {}
        self._begun: dict[int, WordsBegun] = {}
        self._heard: set[int] = set()
        self._sent_ms: dict[int, int] = {}
        self._allowed: set[tuple[str, str]] = {(script.opening, script.opening_decision)}
        self._keys: set[tuple[str, str]] = set()
        self._marks: list[str] = []
        self._returned: set[str] = set()
        self._disclosure_mark: str | None = None
        self._disclosed = not script.disclosure
        self._gone: set[int] = set()  # utterances that may not sound again
        self._asked = self._stopped = 0
        self._goodbyes: set[str] = set()
        self._ending = False
        self._killed = False

    def before(self, event: SessionEvent, now: int) -> None:
        match event:
            case StreamStarted() if self._started is None and not self._ended:
                self._started = now
            case MarkReturned(name):
                self._returned.add(name)
            case SentenceAllowed(_, text, decision) if decision:
                self._allowed.add((text, decision))
            case ToldToSay(text, _, decision) if decision:
                self._allowed.add((text, decision))
            case ToldToPress(digits, decision) if decision:
                self._keys.add((digits, decision))
            case ToldToEnd(_, goodbye):
                self._goodbyes.add(goodbye)
            case Killed(goodbye):
                self._goodbyes.add(goodbye)
                self._killed = True

    def after(self, session: Session, effects: list[SessionEffect], now: int) -> None:
        demand(not (self._ended and effects), f"{effects} after the end")
        for n, effect in enumerate(effects):
            self._one(effect)
            if isinstance(effect, EndCall | StreamOver):
                demand(n == len(effects) - 1, f"{effects[n + 1 :]} after the end")
                self._ended = True
        self._transition(session.state)
        self._in_time(session, now)
        if self._ended:
            self._all_is_told()

    def _one(self, effect: SessionEffect) -> None:
        match effect:
            case Synthesise(utterance, text):
                demand(utterance not in self._texts, "made twice")
                self._texts[utterance] = text
            case WordsBegun():
                self._words_begun(effect)
            case SendSound():
                self._sound(effect)
            case SendMark(name):
                demand(self._started is not None, "a mark before the start")
                demand(name not in self._marks, f"the mark {name} is used twice")
                self._marks.append(name)
                self._disclosure_mark = None if self._disclosed else name
            case SendClear():
                self._marks_flushed()
            case WordsHeard(utterance, characters, ms):
                self._words_heard(utterance, characters, ms)
            case WordsNotSaid(utterance):
                demand(utterance not in self._heard, "not said after it was heard")
                if utterance and utterance not in self._begun:
                    self._gone.add(utterance)
            case DisclosureHeard():
                demand(not self._disclosed, "disclosed twice")
                demand(self._disclosure_mark in self._returned, "no mark of the disclosure is back")
                self._disclosed = True
            case SendDigits(digits):
                demand(self._disclosed, "keys before the disclosure")
                demand(any(digits == d for d, _ in self._keys), "keys that nobody let pass")
            case AskAgent(turn, text, digits):
                demand(turn == self._asked + 1, "turns are counted one by one")
                demand(bool(text.strip() or digits), "a turn of nothing")
                demand(self._disclosed, "the agent is asked before the disclosure")
                self._asked = turn
            case StopAgent(turn):
                demand(self._stopped < turn <= self._asked, "stopped twice, or never asked")
                self._stopped = turn

    def _words_begun(self, words: WordsBegun) -> None:
        utterance = words.utterance
        demand(utterance not in self._begun, "begun twice")
        is_keys = (words.text, words.decision) in self._keys
        is_made = self._texts.get(utterance) == words.text
        demand(is_keys or is_made, "words that were not made are begun")
        self._begun[utterance] = words
        if words.speaker is Speaker.AGENT:
            is_allowed = bool(words.decision) and (words.text, words.decision) in self._allowed
            demand(is_allowed or is_keys, f"{words} has no decision that allowed it")
            demand(self._disclosed, "an agent's words before the disclosure was heard")
        is_first = words.text == self._script.disclosure or words.text in self._endings()
        demand(self._disclosed or is_first, f"{words} before the disclosure was heard")
        if self._killed:
            demand(words.text in self._goodbyes, f"{words} after a kill")

    def _endings(self) -> set[str]:
        fixed = self._settings.sentences
        return self._goodbyes | {fixed.stuck, fixed.time_over, fixed.silence}

    def _sound(self, effect: SendSound) -> None:
        utterance = effect.utterance
        demand(self._started is not None, "sound before the start")
        demand(bool(effect.sound) and len(effect.sound) % 160 == 0, "sound is whole frames")
        demand(utterance in self._begun, "sound of words that are not on record")
        demand(utterance not in self._gone, f"sound of {utterance} after it was cleared")
        self._sent_ms[utterance] = self._sent_ms.get(utterance, 0) + len(effect.sound) // 8

    def _words_heard(self, utterance: int, characters: int, ms: int) -> None:
        demand(utterance in self._begun, "heard without a beginning")
        demand(utterance not in self._heard, "told as heard twice")
        demand(0 <= characters <= len(self._begun[utterance].text), "heard more than was said")
        demand(0 <= ms <= self._sent_ms.get(utterance, 0), "heard more than was sent")
        demand(bool(characters <= 0 or ms > 0), "characters without sound")
        self._heard.add(utterance)
        self._gone.add(utterance)

    def _marks_flushed(self) -> None:
        """What comes back from now on of these says nothing."""
        self._disclosure_mark = None

    def _transition(self, state: State) -> None:
        if state is not self._state:
            demand(state in SESSION_TRANSITIONS[self._state], f"{self._state} to {state}")
        self._state = state

    def _in_time(self, session: Session, now: int) -> None:
        """Whoever keeps the session's own alarms sees it end within its ceiling."""
        if self._ended:
            return
        demand(session.wake_at > now, "it wants to be woken now, having just been told the time")
        due = min(at for at, _ in session._deadlines())
        demand(session.wake_at <= max(due, now + 1), f"it sleeps past {due}, when something is due")
        limits = self._settings.limits
        if self._started is None:
            ceiling = self._created + limits.start_ms
        else:
            goodbyes_ms = _KILLS_MAX * limits.goodbye_ms
            ceiling = self._started + limits.duration_ms + goodbyes_ms
        demand(session.wake_at <= ceiling, f"it sleeps until {session.wake_at}, past {ceiling}")

    def _all_is_told(self) -> None:
        untold = set(self._begun) - self._heard
        demand(not untold, f"nobody says how much was heard of {untold}")
        demand(self._asked == self._stopped or self._asked > 0, "an agent nobody asked")
