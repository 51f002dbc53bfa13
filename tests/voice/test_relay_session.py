"""A live call on a relay as a state machine: events and the time in, effects out."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from ringfence.model.call import EndReason, Speaker
from ringfence.model.media import DigitHeard
from ringfence.model.relay import (
    PersonPrompted,
    RelayEvent,
    RelayStarted,
    SpeechCut,
    WordsPlayed,
)
from ringfence.voice.effects import (
    AskAgent,
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
    Tick,
    ToldToEnd,
    ToldToPress,
    ToldToSay,
)
from ringfence.voice.relay import AHEAD_MAX, MS_A_CHARACTER, RelaySession, SendText
from ringfence.voice.settings import Limits, Script, Sentences, SessionSettings

STARTED = RelayStarted("VX1", "CA1", "AC1")
LIMITS = Limits(silence_asks=1)
SENTENCES = Sentences()
DISCLOSURE, HELLO = "This is an automated assistant.", "Hello."


class Talk:
    """A session with a clock; `out` is all it ever wanted."""

    def __init__(self, disclosure: str = "", opening: str = "", **limits: int) -> None:
        settings = SessionSettings(limits=replace(LIMITS, **limits))
        self.now = 0
        self.session = RelaySession(Script(disclosure, opening), settings, 0)
        self.out: list[Any] = []

    def hears(self, *events: RelayEvent) -> Talk:
        for event in events:
            self.out += self.session.hear(event, self.now)
        return self

    def told(self, *events: SessionEvent) -> Talk:
        for event in events:
            self.out += self.session.handle(event, self.now)
        return self

    def waits(self, ms: int) -> Talk:
        """As long as that, woken whenever it wants to be."""
        until = self.now + ms
        while self.session.wake_at <= until:
            self.now = max(self.now, self.session.wake_at)
            self.told(Tick())
        self.now = until
        return self

    def asked(self, words: str = "What now?") -> Talk:
        return self.hears(PersonPrompted(words))

    def answered(self, *texts: str, turn: int = 1, hang_up: bool = False) -> Talk:
        sentences = [SentenceAllowed(turn, text, f"dec_{text}") for text in texts]
        return self.told(*sentences, AgentDone(turn, hang_up))

    def plays(self, *texts: str) -> Talk:
        return self.hears(*(WordsPlayed(text) for text in texts))

    def all(self, kind: type) -> list[Any]:
        return [one for one in self.out if isinstance(one, kind)]

    @property
    def sent(self) -> list[str]:
        return [one.text for one in self.all(SendText)]

    @property
    def last(self) -> object:
        return self.out[-1]


def begun(**more: Any) -> Talk:
    return Talk(**more).hears(STARTED)


# -- the disclosure ------------------------------------------------------------------------------


def test_the_disclosure_is_first_and_nobody_interrupts_it() -> None:
    talk = begun(disclosure=DISCLOSURE, opening=HELLO)
    assert talk.all(SendText) == [SendText(1, DISCLOSURE, interruptible=False)]
    assert not talk.all(DisclosureHeard)
    talk.plays(DISCLOSURE)
    assert talk.all(DisclosureHeard) == [DisclosureHeard()]
    assert talk.sent == [DISCLOSURE, HELLO]


def test_a_disclosure_heard_in_part_was_not_given() -> None:
    talk = begun(disclosure=DISCLOSURE, opening=HELLO).plays("This is an")
    talk.hears(SpeechCut("This is an automated"))
    assert not talk.all(DisclosureHeard)
    assert talk.session.is_unproven
    assert talk.sent == [DISCLOSURE, SENTENCES.stuck]


def test_a_disclosure_that_nobody_tells_of_was_not_given() -> None:
    talk = begun(disclosure=DISCLOSURE, opening=HELLO)
    talk.waits(len(DISCLOSURE) * MS_A_CHARACTER + LIMITS.mark_ms - 1)
    assert talk.sent == [DISCLOSURE]
    talk.waits(60_000)
    assert (talk.sent, talk.last) == ([DISCLOSURE, SENTENCES.stuck], EndCall(EndReason.FAILED))
    assert not talk.all(DisclosureHeard)


def test_words_into_the_disclosure_wait_for_their_turn() -> None:
    talk = begun(disclosure=DISCLOSURE, opening=HELLO).asked("Hi.").asked("Who is it?")
    assert not talk.all(AskAgent)
    talk.plays(DISCLOSURE)
    assert talk.all(AskAgent) == [AskAgent(1, "Hi. Who is it?", "")]


# -- turns ---------------------------------------------------------------------------------------


def test_words_that_are_not_final_or_blank_make_no_turn() -> None:
    talk = begun().hears(PersonPrompted("What", is_final=False), PersonPrompted("  "))
    assert not talk.all(AskAgent)
    assert not talk.all(PersonSaid)


@pytest.mark.proves("B137")
def test_who_goes_on_speaking_makes_the_answer_obsolete() -> None:
    talk = begun().asked("Book a table").asked("for two.")
    assert talk.all(AskAgent)[-1] == AskAgent(2, "Book a table for two.", "")
    assert talk.all(StopAgent) == [StopAgent(1)]
    talk.answered("Late.", turn=1)
    assert talk.sent == []
    assert talk.all(WordsNotSaid)[0].why is Unsaid.OBSOLETE
    assert talk.answered("Done.", turn=2).sent == ["Done."]


def test_an_interruption_ends_the_answer_and_what_was_heard_is_known() -> None:
    talk = begun().asked()
    talk.told(SentenceAllowed(1, "We open at nine.", "d1"), SentenceAllowed(1, "And more.", "d2"))
    talk.hears(SpeechCut("We open"))
    assert talk.all(WordsHeard) == [WordsHeard(1, 7, 0), WordsHeard(2, 0, 0)]
    assert talk.all(StopAgent) == [StopAgent(1)]
    assert talk.told(SentenceAllowed(1, "Late.", "d3")).sent == ["We open at nine.", "And more."]


def test_only_so_much_is_sent_ahead() -> None:
    talk = begun().asked()
    for number in range(AHEAD_MAX):
        assert talk.session.has_room
        talk.told(SentenceAllowed(1, f"Sentence {number}.", "d"))
    assert not talk.session.has_room
    assert talk.plays("Sentence 0.").session.has_room


def test_keys_are_asked_about_after_a_pause_or_a_hash() -> None:
    talk = begun().hears(DigitHeard("1"), DigitHeard("2")).waits(2_000)
    assert talk.all(AskAgent) == [AskAgent(1, "", "12")]
    talk.answered("Yes.").plays("Yes.").hears(DigitHeard("#"))
    assert talk.all(AskAgent)[-1] == AskAgent(2, "", "#")


# -- the agent -----------------------------------------------------------------------------------


@pytest.mark.proves("P1")
def test_no_word_of_an_agent_without_a_decision() -> None:
    talk = begun().asked().told(SentenceAllowed(1, "Unjudged.", ""))
    talk.told(ToldToSay("Unjudged too.", Speaker.AGENT))
    talk.told(ToldToPress("1", ""))
    assert talk.sent == []
    assert not talk.all(SendDigits)
    assert {one.why for one in talk.all(WordsNotSaid)} == {Unsaid.NO_DECISION}


def test_an_answer_that_was_refused_is_told_and_one_to_an_ended_call_is_not() -> None:
    talk = begun().asked().told(SentenceRefused(1, "topics"), AgentDone(1))
    assert talk.sent == [SENTENCES.refused]
    half = (
        begun().asked().told(SentenceAllowed(1, "Some of it.", "d"), SentenceRefused(1, "topics"))
    )
    assert half.told(AgentDone(1)).sent == ["Some of it."]
    over = begun().asked().told(SentenceRefused(1, "call_over"), AgentDone(1))
    assert over.sent == []


def test_an_empty_answer_is_silence() -> None:
    assert begun().asked().told(AgentDone(1)).sent == []


def test_a_slow_agent_is_covered_and_a_stuck_one_ends_the_call() -> None:
    talk = begun().asked().waits(LIMITS.filler_ms)
    assert talk.sent == [SENTENCES.filler]
    talk.plays(SENTENCES.filler).waits(LIMITS.agent_ms * 2)
    assert talk.sent == [SENTENCES.filler, SENTENCES.stuck]
    assert talk.all(StopAgent) == [StopAgent(1)]
    assert talk.plays(SENTENCES.stuck).last == EndCall(EndReason.FAILED)


def test_an_agent_that_fails_twice_in_a_row_ends_the_call() -> None:
    talk = begun().asked().told(AgentFailed(1))
    assert talk.sent == [SENTENCES.failed]
    talk.plays(SENTENCES.failed).asked().told(AgentFailed(2))
    assert talk.sent[-1] == SENTENCES.stuck
    again = begun().asked().told(AgentFailed(1)).asked().answered("Yes.", turn=2).asked()
    assert again.told(AgentFailed(3)).sent[-1] == SENTENCES.failed


def test_an_agent_that_hangs_up_is_heard_first() -> None:
    talk = begun().asked().answered("Good night.", hang_up=True)
    assert not talk.all(EndCall)
    assert talk.plays("Good night.").last == EndCall(EndReason.ENDED_BY_AGENT)


def test_who_speaks_into_a_goodbye_of_the_agent_is_answered() -> None:
    talk = begun().asked().answered("Good night.", hang_up=True)
    talk.hears(SpeechCut("Good")).asked("One more thing.")
    assert not talk.all(EndCall)
    assert talk.all(AskAgent)[-1].text == "One more thing."


# -- silence, the time, the end ------------------------------------------------------------------


def test_silence_is_asked_about_and_then_ends() -> None:
    talk = begun(opening=HELLO).plays(HELLO).waits(LIMITS.silence_ms)
    assert talk.sent == [HELLO, SENTENCES.still_there]
    talk.plays(SENTENCES.still_there).waits(LIMITS.silence_ms)
    assert talk.sent[-1] == SENTENCES.silence
    assert talk.plays(SENTENCES.silence).last == EndCall(EndReason.SILENCE)


def test_nobody_is_asked_while_we_speak() -> None:
    talk = begun(opening="A long opening. " * 20).waits(LIMITS.silence_ms * 2)
    assert talk.sent == ["A long opening. " * 20]


def test_the_time_of_a_relay_is_over() -> None:
    talk = begun(duration_ms=30_000).waits(15_000).asked().answered("Yes.").waits(15_000)
    assert SENTENCES.time_over in talk.sent
    assert talk.waits(60_000).last == EndCall(EndReason.TIME_LIMIT)


@pytest.mark.proves("P3")
def test_a_kill_ends_a_relay_at_once() -> None:
    talk = begun().asked().told(SentenceAllowed(1, "A story.", "d"), Killed("Goodbye."))
    assert talk.last == EndCall(EndReason.KILLED)
    assert talk.sent == ["A story."]
    assert talk.all(StopAgent) == [StopAgent(1)]
    assert talk.all(WordsHeard) == [WordsHeard(1, 0, 0)]


def test_an_end_with_a_sentence_waits_for_it_but_not_for_ever() -> None:
    talk = begun().told(ToldToEnd(EndReason.ENDED_BY_OPERATOR, "Goodbye."))
    assert talk.all(SendText) == [SendText(1, "Goodbye.", interruptible=False)]
    assert not talk.all(EndCall)
    assert talk.waits(60_000).last == EndCall(EndReason.ENDED_BY_OPERATOR)


def test_words_and_keys_from_elsewhere_are_sent() -> None:
    talk = begun().told(ToldToSay("It is Ann.", Speaker.OWNER, "d1"), ToldToPress("12", "d2"))
    assert talk.all(WordsBegun)[0].speaker is Speaker.OWNER
    assert (talk.sent, talk.all(SendDigits)) == (["It is Ann."], [SendDigits("12")])
    early = begun(disclosure=DISCLOSURE).told(ToldToSay("It is Ann.", Speaker.OWNER, "d1"))
    assert early.sent == [DISCLOSURE]


@pytest.mark.parametrize(
    ("event", "how"),
    [(SocketGone(), Loss.GONE), (Replaced(), Loss.REPLACED), (Leaving(), Loss.LEFT)],
)
def test_a_relay_that_is_lost_is_not_the_end_of_the_call(event: SessionEvent, how: Loss) -> None:
    assert begun().told(event).last == StreamOver(how)


def test_a_relay_that_does_not_start_or_starts_twice_is_over() -> None:
    assert Talk().waits(LIMITS.start_ms).last == EndCall(EndReason.LOST)
    assert begun().hears(STARTED).last == StreamOver(Loss.STARTED_TWICE)


# -- what always holds ---------------------------------------------------------------------------


def happens(talk: Talk, dice: random.Random) -> None:
    turn = max([one.turn for one in talk.all(AskAgent)], default=0) - dice.choice([0, 0, 0, 1])
    words = dice.choice([*talk.sent[-2:], "We", "something else", ""])
    choices: list[Any] = [
        lambda: talk.asked(dice.choice(["Yes.", "And then?"])),
        lambda: talk.hears(DigitHeard("1")),
        lambda: talk.plays(words),
        lambda: talk.hears(SpeechCut(words[: dice.randrange(20)])),
        lambda: talk.told(SentenceAllowed(turn, f"Answer {len(talk.out)}.", "dec")),
        lambda: talk.told(AgentDone(turn, dice.random() < 0.1)),
        lambda: talk.told(AgentFailed(turn)),
        lambda: talk.told(SentenceRefused(turn, "topics")),
        lambda: talk.told(ToldToSay("From Ann.", Speaker.OWNER, "dec")),
        lambda: talk.waits(dice.randrange(1, 8_000)),
    ]
    if dice.random() < 0.02:
        choices = [lambda: talk.told(dice.choice([Killed(), SocketGone()]))]
    dice.choice(choices)()


@pytest.mark.parametrize("seed", range(200))
def test_what_holds_in_every_history_of_a_relay(seed: int) -> None:
    dice = random.Random(seed)
    talk = begun(disclosure=dice.choice(["", DISCLOSURE]), opening=HELLO)
    for _ in range(60):
        happens(talk, dice)
    talk.waits(LIMITS.duration_ms * 2)
    ends = [n for n, one in enumerate(talk.out) if isinstance(one, (EndCall, StreamOver))]
    assert ends == [len(talk.out) - 1], "one end, and nothing after it"
    spoken = {one.utterance: one for one in talk.all(WordsBegun)}
    closed = [one.utterance for one in talk.all(WordsHeard)]
    assert sorted(closed) == sorted(spoken), "each is told once how far it was heard"
    assert all(
        0 <= one.characters <= len(spoken[one.utterance].text) for one in talk.all(WordsHeard)
    )
    assert all(one.decision for one in spoken.values() if one.speaker is Speaker.AGENT)
    if talk.sent[0] == DISCLOSURE and not talk.all(DisclosureHeard):
        allowed = {DISCLOSURE, SENTENCES.stuck, SENTENCES.time_over}
        assert set(talk.sent) <= allowed, "nothing but a goodbye before the disclosure was heard"
