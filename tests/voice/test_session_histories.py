"""Thousands of calls from seeds: an ear, an agent, a mouth and a provider that do anything at any time,
watched from outside; and each watch shown to bite."""

from __future__ import annotations

from random import Random

import pytest
from live_checks import Checker, Violation
from live_rig import DISCLOSURE, SILENCE, STARTED, VOICE

from ringfence.model.call import CallMode, EndReason, Speaker
from ringfence.model.media import (
    DigitHeard,
    MarkReturned,
    PlaybackCleared,
    SoundHeard,
    StreamFault,
    StreamStopped,
)
from ringfence.voice.effects import (
    AskAgent,
    DisclosureHeard,
    EndCall,
    SendMark,
    SendSound,
    SessionEffect,
    StopSynthesis,
    Synthesise,
    WordsBegun,
    WordsHeard,
)
from ringfence.voice.events import (
    AgentDone,
    AgentFailed,
    EarFailed,
    Killed,
    Leaving,
    PersonBegan,
    PersonFinal,
    PersonPartial,
    Replaced,
    SentenceAllowed,
    SentenceRefused,
    SessionEvent,
    SocketGone,
    SpeechDone,
    SpeechFailed,
    SpeechMade,
    Tick,
    ToldToEnd,
    ToldToPress,
    ToldToSay,
)
from ringfence.voice.interrupting import _is_obsolete
from ringfence.voice.playback import Playback
from ringfence.voice.session import Session
from ringfence.voice.settings import BargeIn, Limits, Script, SessionSettings
from ringfence.voice.talking import Talking
from ringfence.voice.utterance import Utterance

STEPS = 260
_WORDS = (
    "yes",
    "what time is it",
    "mhm",
    " ",
    "stop",
    "I said eight, not nine",
    "this is a computer",
)


class History:
    """One call. Everything it does comes from its seed; time goes by the session's own alarms and by
    chance."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = Random(seed)
        self.script = Script(
            disclosure=rng.choice(["", DISCLOSURE, DISCLOSURE]),
            opening=rng.choice(["", "I am calling about your table."]),
            opening_decision=rng.choice(["", "dec_0"]),
            mode=rng.choice([CallMode.CONVERSATION] * 4 + [CallMode.NOTIFY]),
        )
        self.settings = SessionSettings(
            barge_in=BargeIn(
                allowed=rng.random() < 0.85,
                resume_ms=rng.choice([0, 2_000]),
                hold_ms=rng.choice([0, 60, 200]),
            ),
            limits=Limits(duration_ms=rng.choice([5_000, 30_000, 120_000])),
        )
        self.now = rng.randrange(10**9)
        self.session = Session(self.script, self.settings, self.now)
        self.checker = Checker(self.script, self.settings, self.now)
        self.effects: list[SessionEffect] = []
        self.turn = self.utterance = 0
        self.marks: list[str] = []
        self.making: list[int] = []
        self.is_kind = rng.random() < 0.5  # does what it should, mostly
        self.loses_marks = rng.random() < 0.1

    def play(self) -> History:
        rng = self.rng
        if rng.random() < 0.95:
            self.tell(STARTED)
        for _ in range(STEPS):
            self.now += rng.choice([0, 5, 20, 20, 20, 20, 20, 60, 200, 600])
            self.tell(self.something())
        # Nothing comes any more but time, and it must end.
        for _ in range(200):
            if self.ended:
                return self
            self.now = max(self.now, self.session.wake_at)
            self.tell(Tick())
        raise Violation(f"it does not end: {self.session.state}")

    @property
    def ended(self) -> bool:
        return bool(self.effects) and type(self.effects[-1]).__name__ in ("EndCall", "StreamOver")

    def tell(self, event: SessionEvent) -> None:
        # The shell keeps the alarms: what is due comes before what is new.
        for each in (Tick(), event) if self.session.wake_at <= self.now else (event,):
            self.checker.before(each, self.now)
            effects = self.session.handle(each, self.now)
            self.checker.after(self.session, effects, self.now)
            self.effects += effects
            for effect in effects:
                self.note(effect)

    def note(self, effect: SessionEffect) -> None:
        match effect:
            case AskAgent(turn):
                self.turn = turn
            case SendMark(name) if not self.loses_marks:
                self.marks.append(name)
            case Synthesise(utterance):
                self.making.append(utterance)
            case StopSynthesis(utterance) if utterance in self.making and self.is_kind:
                self.making.remove(utterance)

    def something(self) -> SessionEvent:
        rng = self.rng
        kinds = [self.line, self.mouth, self.mouth, self.marks_back, self.ear, self.agent]
        if rng.random() < 0.008:
            return self.trouble()
        return rng.choice(kinds)()

    def line(self) -> SessionEvent:
        return SoundHeard(self.rng.choice([SILENCE, SILENCE, VOICE, VOICE[:80]]), self.now, 1)

    def marks_back(self) -> SessionEvent:
        if not self.marks or self.rng.random() < 0.02:
            return MarkReturned(f"{self.rng.randrange(4)}.{self.rng.randrange(40)}")
        at = 0 if self.is_kind else self.rng.randrange(len(self.marks))
        return MarkReturned(self.marks.pop(at))

    def mouth(self) -> SessionEvent:
        rng = self.rng
        if not self.making:
            return Tick() if self.is_kind else SpeechDone(rng.randrange(20))
        utterance = self.making[0] if self.is_kind else rng.choice(self.making)
        roll = rng.random()
        if roll < 0.5:
            letters = "".join(rng.choices("This is a", k=3))
            return SpeechMade(utterance, bytes(rng.randrange(1, 6_000)), letters, (0, 9, 20))
        if roll < 0.93:
            self.making.remove(utterance)
            return SpeechDone(utterance)
        return SpeechFailed(utterance) if roll < 0.96 else SpeechMade(utterance, b"")

    def ear(self) -> SessionEvent:
        rng, words = self.rng, self.rng.choice(_WORDS)
        match rng.randrange(6):
            case 0:
                return PersonBegan()
            case 1:
                return PersonPartial(words)
            case 2:
                return DigitHeard(rng.choice("0123456789*#"))
            case _:
                return PersonFinal(words, turn_over=rng.random() < 0.5, confidence=rng.random())

    def agent(self) -> SessionEvent:
        rng = self.rng
        turn = self.turn if self.is_kind else max(1, self.turn - rng.randrange(3))
        roll = rng.random()
        if roll < 0.6:
            decision = "" if rng.random() < 0.05 else f"dec_{rng.randrange(99)}"
            text = rng.choice(["It is eight o'clock.", "Anything else?", "", "Well. " * 30])
            return SentenceAllowed(turn, text, decision, interruptible=rng.random() < 0.8)
        if roll < 0.7:
            return SentenceRefused(turn)
        return AgentFailed(turn) if roll < 0.75 else AgentDone(turn, hang_up=rng.random() < 0.1)

    def trouble(self) -> SessionEvent:
        rng = self.rng
        return rng.choice(
            [
                ToldToSay("One moment.", rng.choice(list(Speaker)), rng.choice(["", "dec_7"])),
                ToldToPress("12", rng.choice(["", "dec_8"])),
                StreamFault("31951"),
                PlaybackCleared(),
                ToldToEnd(EndReason.ENDED_BY_OPERATOR, rng.choice(["", "Goodbye."])),
                Killed(rng.choice(["", "This call ends now."])),
                EarFailed(),
                StreamStopped(),
                SocketGone(),
                rng.choice([Replaced(), Leaving()]),
                STARTED,
            ]
        )


CHUNK = 250


@pytest.mark.proves("B137", "B145", "B146")
@pytest.mark.parametrize("first", range(0, 3_000, CHUNK))
def test_every_invariant_holds_in_every_history(first: int) -> None:
    for seed in range(first, first + CHUNK):
        try:
            History(seed).play()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


def test_the_histories_reach_what_they_are_about() -> None:
    kinds: dict[type, int] = {}
    states, whole = set(), 0
    for seed in range(300):
        history = History(seed).play()
        for effect in history.effects:
            kinds[type(effect)] = kinds.get(type(effect), 0) + 1
            if isinstance(effect, EndCall):
                states.add(effect.reason)
        whole += sum(isinstance(e, WordsHeard) and e.characters > 5 for e in history.effects)
    assert len(kinds) >= 19, sorted(kind.__name__ for kind in kinds)
    assert kinds[DisclosureHeard] > 40
    assert kinds[WordsBegun] > 200
    assert kinds[SendSound] > 2_000
    assert whole > 200
    assert {EndReason.LOST, EndReason.FAILED, EndReason.TIME_LIMIT, EndReason.KILLED} <= states
    assert {EndReason.SAID_ALL, EndReason.ENDED_BY_AGENT, EndReason.ENDED_BY_OPERATOR} <= states


def test_the_same_seed_gives_the_same_history() -> None:
    assert History(17).play().effects == History(17).play().effects


# -- each watch, shown to bite --------------------------------------------------------------------


def _finds(words: str) -> None:
    """Some history out of the first few hundred shows it."""
    with pytest.raises(Violation, match=words):
        _play(400)


def _play(histories: int) -> None:
    for seed in range(histories):
        History(seed).play()


def test_the_checker_sees_agents_words_without_a_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Talking.say

    def careless(self: Talking, text: str, speaker: Speaker, **named: object) -> Utterance | None:
        named["decision"] = named.get("decision") or "x"
        return said(self, text, speaker, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Talking, "say", careless)
    _finds("no decision that allowed it")


def test_the_checker_sees_words_before_the_disclosure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Playback, "is_open", property(lambda self: True, lambda self, value: None), raising=False
    )
    _finds("before the disclosure")


def test_the_checker_sees_a_disclosure_told_without_its_mark(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hasty(self: Session, now: int) -> None:
        self._disclosed(now)

    monkeypatch.setattr(Session, "_disclosure_failed", hasty)
    _finds("no mark of the disclosure")


def test_the_checker_sees_sound_after_a_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    dropped = Playback.drop

    def forgetful(self: Playback, now: int, out: list[SessionEffect], which: object) -> object:
        queue = list(self._queue)
        found = dropped(self, now, out, which)  # type: ignore[arg-type]
        if which is _is_obsolete:
            self._queue = queue
        return found

    monkeypatch.setattr(Playback, "drop", forgetful)
    _finds("after it was cleared|heard twice")


def test_the_checker_sees_more_heard_than_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Playback, "heard_ms", lambda self, utterance, now: utterance.heard_ms + 5_000
    )
    _finds("heard more than was sent")


def test_the_checker_sees_more_heard_than_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Utterance, "heard_characters", property(lambda self: len(self.text) + 1))
    _finds("heard more than was said")


def test_the_checker_sees_effects_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = Session._close

    def leaky(self: Session, last: object, now: int) -> None:
        closed(self, last, now)  # type: ignore[arg-type]
        self._out.append(SendMark("late"))

    monkeypatch.setattr(Session, "_close", leaky)
    _finds("after the end")


def test_the_checker_sees_a_session_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "_time_over", lambda self, now: None)
    deadlines = Session._deadlines

    def blind(self: Session) -> list[object]:
        late = {"_time_over", "_nobody"}
        return [d for d in deadlines(self) if d[1].__name__ not in late] or [(1 << 62, len)]

    monkeypatch.setattr(Session, "_deadlines", blind)
    _finds("sleeps until")


def test_the_checker_sees_a_goodbye_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "_farewell_over_at", lambda self: 1 << 62)
    _finds("sleeps until|does not end")


def test_the_checker_sees_an_agent_asked_about_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringfence.voice.turns.Listening.take", lambda self: ("", ""))
    _finds("a turn of nothing")


def test_the_checker_sees_words_after_a_kill(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = Session._end

    def mild(self: Session, reason: EndReason, goodbye: str, now: int) -> None:
        if reason is not EndReason.KILLED:
            ended(self, reason, goodbye, now)

    monkeypatch.setattr(Session, "_end", mild)
    _finds("after a kill")
