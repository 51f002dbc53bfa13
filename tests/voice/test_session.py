"""The rules of a live call, one at a time: opening, turns, interruptions, the agent, the mouth, the end."""

from __future__ import annotations

import pytest
from live_rig import DISCLOSURE, ECHO, SILENCE, STARTED, VOICE, Line, Rig

from ringfence.model.call import CallMode, EndReason, Speaker
from ringfence.model.media import DigitHeard, MarkReturned, SoundHeard, StreamStopped
from ringfence.voice.effects import (
    AskAgent,
    DigitPressed,
    DisclosureHeard,
    EndCall,
    FeedEar,
    FinishEar,
    Loss,
    OpenEar,
    PersonSaid,
    SendClear,
    SendDigits,
    SendSound,
    StopAgent,
    StopEar,
    StopSynthesis,
    StreamOver,
    Synthesise,
    TurnTimed,
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
    SocketGone,
    SpeechFailed,
    SpeechMade,
    ToldToEnd,
    ToldToPress,
    ToldToSay,
)
from ringfence.voice.settings import BargeIn, Limits, Script, Sentences, SessionSettings
from ringfence.voice.state import State
from ringfence.voice.tones import tones

OPENING = "I am calling about your table at eight."
FIXED = Sentences()
LONG = "It is open from eight in the morning until ten in the evening, every day of the week."


def talked(*words: str, settings: SessionSettings | None = None) -> Rig:
    """A call without disclosure in which the person has said this, and the agent was asked."""
    rig = Rig(settings=settings)
    for each in words:
        rig.run(400, VOICE).tell(PersonFinal(each))
    rig.until(AskAgent)
    return rig


def speaking(text: str = LONG, *, ms: int = 1_000, settings: SessionSettings | None = None) -> Rig:
    """A call in which the agent has been heard for so long, and has more to say."""
    rig = talked("When are you open?", settings=settings)
    rig.answer(text)
    rig.run(ms + rig.mouth_ms if rig.mouth_ms else ms)
    assert rig.session.state is State.SPEAKING
    return rig


# -- the opening ----------------------------------------------------------------------------------


def test_the_disclosure_comes_first_and_nothing_until_it_was_heard() -> None:
    rig = Rig(Script(DISCLOSURE, OPENING, "dec_0"))
    assert rig.all(OpenEar) == [OpenEar()]
    assert rig.session.state is State.DISCLOSING
    rig.until_quiet()
    kinds = [type(effect) for _, effect in rig.log]
    heard, sound = kinds.index(DisclosureHeard), [n for n, k in enumerate(kinds) if k is SendSound]
    assert {rig.log[n][1].utterance for n in sound if n < heard} == {1}
    assert rig.begun == [DISCLOSURE, OPENING]
    assert rig.heard == {DISCLOSURE: DISCLOSURE, OPENING: OPENING}


def test_a_disclosure_is_not_interrupted_by_voice_words_or_digits() -> None:
    rig = Rig(Script(DISCLOSURE, OPENING, "dec_0")).run(400)
    rig.run(600, VOICE).tell(PersonBegan(), PersonPartial("hello"), PersonFinal("Hello?"))
    rig.tell(DigitHeard("1"))
    assert rig.all(SendClear) == []
    rig.until_quiet()
    assert rig.heard == {DISCLOSURE: DISCLOSURE, OPENING: OPENING}


def test_what_they_said_before_our_opening_is_part_of_their_first_turn() -> None:
    rig = Rig(Script(DISCLOSURE, OPENING, "dec_0")).run(400)
    rig.tell(PersonFinal("Hello?", turn_over=True))
    rig.until_quiet().run(2_000)
    assert rig.all(AskAgent) == []
    rig.run(400, VOICE).tell(PersonFinal("Yes, it is me.", turn_over=True))
    assert rig.until(AskAgent).text == "Hello? Yes, it is me."


def test_words_that_were_said_into_the_disclosure_do_not_interrupt_the_opening() -> None:
    rig = Rig(Script(DISCLOSURE, OPENING, "dec_0"))
    rig.until(DisclosureHeard)
    rig.tell(PersonPartial("hello there"), PersonFinal("Hello there, who is it?"))
    rig.until_quiet()
    assert rig.heard[OPENING] == OPENING


def test_a_disclosure_whose_mark_does_not_return_was_not_given() -> None:
    rig = Rig(Script(DISCLOSURE, OPENING, "dec_0"))
    rig.line.returns_marks = False
    end = rig.until(EndCall)
    assert end == EndCall(EndReason.FAILED)
    assert rig.begun == [DISCLOSURE, DISCLOSURE], "it is said once more, and nothing else ever"
    assert rig.all(DisclosureHeard) == []


def test_a_disclosure_cut_off_by_a_hang_up_was_not_given() -> None:
    rig = Rig(Script(DISCLOSURE)).run(1_000)
    rig.tell(StreamStopped())
    assert rig.all(DisclosureHeard) == []
    assert rig.heard[DISCLOSURE] != DISCLOSURE
    assert rig.end == StreamOver(Loss.STOPPED)


def test_a_disclosure_that_cannot_be_spoken_ends_the_call() -> None:
    rig = Rig(Script(DISCLOSURE, OPENING, "dec_0"), started=False)
    rig.silent = {DISCLOSURE}
    rig.tell(STARTED)
    assert rig.until(EndCall) == EndCall(EndReason.FAILED)
    assert rig.all(SendSound) == []
    assert rig.not_said == {DISCLOSURE: "no_speech", OPENING: "obsolete"}


def test_an_opening_without_a_decision_is_the_operators() -> None:
    rig = Rig(Script(opening="Welcome.")).until_quiet()
    assert [words.speaker for words in rig.all(WordsBegun)] == [Speaker.GATEWAY]


def test_a_notice_is_said_and_the_call_ends() -> None:
    rig = Rig(Script(DISCLOSURE, OPENING, "dec_0", mode=CallMode.NOTIFY))
    rig.until(DisclosureHeard)
    rig.run(600)
    rig.run(400, VOICE).tell(PersonFinal("Who is this please?"))
    assert rig.until(EndCall) == EndCall(EndReason.SAID_ALL)
    assert rig.heard == {DISCLOSURE: DISCLOSURE, OPENING: OPENING}, "a notice is not interrupted"
    assert rig.all(AskAgent) == []


def test_a_notice_that_could_not_be_spoken_was_not_said() -> None:
    rig = Rig(Script(DISCLOSURE, OPENING, "dec_0", mode=CallMode.NOTIFY))
    rig.silent = {OPENING}
    assert rig.until(EndCall) == EndCall(EndReason.FAILED)


# -- turns ----------------------------------------------------------------------------------------


@pytest.mark.proves("B136")
def test_partial_and_blank_words_make_no_turn() -> None:
    rig = Rig().run(400, VOICE)
    rig.tell(PersonPartial("what"), PersonPartial("what time"), PersonFinal("  "))
    rig.tell(PersonFinal("", turn_over=True))
    rig.run(5_000)
    assert rig.all(AskAgent) == []
    assert rig.all(PersonSaid) == []


def test_a_turn_is_asked_once_and_answered() -> None:
    rig = talked("When are you open?")
    assert rig.all(AskAgent) == [AskAgent(1, "When are you open?")]
    assert rig.session.state is State.THINKING
    rig.answer("From eight.", "Until ten.")
    rig.until_quiet()
    assert rig.begun == ["From eight.", "Until ten."]
    assert rig.heard == {"From eight.": "From eight.", "Until ten.": "Until ten."}
    assert rig.session.state is State.LISTENING


def test_the_steps_of_a_turn_are_timed_from_the_end_of_speech() -> None:
    rig = talked("When are you open?")
    rig.run(300).answer("From eight.")
    rig.until_quiet()
    (timed,) = rig.all(TurnTimed)
    assert timed.over_ms == 700
    assert timed.allowed_ms == 1_000
    assert timed.made_ms == timed.sent_ms == 1_100
    assert 1_100 < timed.played_ms <= 1_200


def test_the_ear_is_fed_and_told_when_the_voice_stops() -> None:
    rig = Rig().run(400, VOICE).run(1_000)
    assert len(rig.all(FeedEar)) == 70
    assert rig.all(FinishEar) == [FinishEar()]


def test_digits_make_a_turn_and_are_told_one_by_one() -> None:
    rig = Rig()
    rig.tell(DigitHeard("4"), DigitHeard("2"))
    assert rig.until(AskAgent) == AskAgent(1, "", "42")
    assert [pressed.digit for pressed in rig.all(DigitPressed)] == ["4", "2"]


@pytest.mark.proves("B137")
@pytest.mark.parametrize("stage", ["asked", "allowed", "made"])
def test_a_reply_made_for_what_is_obsolete_is_never_played(stage: str) -> None:
    rig = talked("A table for two.")
    if stage != "asked":
        rig.tell(SentenceAllowed(1, "For two, at eight?", "dec_1"))
    if stage == "made":
        rig.mouth_ms = None
        rig.tell(PersonBegan(), SpeechMade(rig.all(Synthesise)[-1].utterance, VOICE * 50))
        rig.mouth_ms = 100
    rig.tell(PersonFinal("No, for three.", turn_over=True))
    assert rig.all(StopAgent) == [StopAgent(1)]
    rig.tell(SentenceAllowed(1, "Booked for two.", "dec_2"), AgentDone(1, hang_up=True))
    assert rig.until(AskAgent) == AskAgent(2, "A table for two. No, for three.")
    rig.answer("For three it is.")
    rig.until_quiet()
    assert rig.begun == ["For three it is."]
    assert rig.not_said["Booked for two."] == "obsolete"
    assert rig.end is None, "nor does its wish to hang up count"


@pytest.mark.proves("B137")
def test_partial_words_take_an_unheard_reply_back_and_it_is_asked_again() -> None:
    rig = talked("A table for two.")
    rig.tell(PersonPartial("hm wait"))
    assert rig.all(StopAgent) == [StopAgent(1)]
    assert rig.until(AskAgent) == AskAgent(2, "A table for two."), "nothing was said after all"


def test_a_reply_does_not_begin_while_somebody_speaks() -> None:
    rig = talked("A table for two.")
    rig.run(300, VOICE)
    rig.answer("For two, at eight.")
    rig.run(1_000, VOICE)
    assert rig.begun == []
    rig.run(3_000)
    assert rig.begun == ["For two, at eight."], "it was no interruption"


# -- interruptions --------------------------------------------------------------------------------


def test_a_voice_silences_us_at_once_and_words_end_the_reply() -> None:
    rig = speaking(ms=2_000)
    rig.run(240, VOICE)
    assert len(rig.all(SendClear)) == 1
    assert rig.session.state is State.LISTENING
    quiet_from = rig.now
    rig.tell(PersonPartial("and on"))
    rig.run(400, VOICE).tell(PersonFinal("And on Sundays?"))
    assert rig.until(AskAgent).text == "And on Sundays?"
    assert not [at for at in rig.when(SendSound) if at > quiet_from]
    said, heard = LONG, rig.heard[LONG]
    assert said.startswith(heard)
    assert 20 < len(heard) < 40, "of two seconds at sixty milliseconds a character"


def test_an_interruption_stops_all_four_places() -> None:
    rig = talked("When are you open?")
    rig.answer(LONG, "Shall I book a table?", done=False)
    rig.run(1_000)
    rig.mouth_ms = None
    rig.run(3_000)
    assert len(rig.all(Synthesise)) == 2
    rig.tell(PersonPartial("no thanks goodbye"))
    assert rig.all(StopAgent) == [StopAgent(1)]
    assert len(rig.all(SendClear)) == 1
    rig.run(3_000)
    assert rig.begun == [LONG]
    assert rig.not_said["Shall I book a table?"] == "obsolete"


def test_an_interruption_stops_speech_that_is_being_made() -> None:
    rig = talked("When are you open?")
    rig.mouth_ms = None
    rig.answer(LONG)
    making = rig.all(Synthesise)[-1].utterance
    rig.tell(SpeechMade(making, VOICE * 100))
    rig.run(400)
    assert rig.begun == [LONG]
    rig.tell(PersonPartial("stop it"))
    assert rig.all(StopSynthesis) == [StopSynthesis(making)]
    rig.tell(SpeechMade(making, VOICE * 100))
    before = len(rig.all(SendSound))
    rig.run(1_000)
    assert len(rig.all(SendSound)) == before, "sound that comes late is nobody's"


def test_a_noise_without_words_is_no_interruption_and_we_go_on() -> None:
    rig = speaking(ms=2_000)
    rig.run(300, VOICE)
    assert rig.session.state is State.LISTENING
    rig.run(1_500)
    assert rig.session.state is State.LISTENING
    rig.run(900).until_quiet()
    assert rig.heard[LONG] == LONG
    assert rig.begun == [LONG], "it is begun once, whatever was repeated"


def test_we_stay_silent_for_who_speaks_on_though_the_ear_has_no_words_yet() -> None:
    rig = speaking(ms=2_000)
    rig.run(300, VOICE)
    silent_from = len(rig.all(SendSound))
    rig.run(5_000, VOICE).tell(PersonFinal("I only want to know about Sundays, please."))
    assert len(rig.all(SendSound)) == silent_from
    assert rig.until(AskAgent).text.endswith("Sundays, please.")


def test_a_television_does_not_silence_us_for_ever() -> None:
    rig = speaking(ms=2_000)
    silenced_at = rig.now
    rig.until(SendClear, sound=VOICE)
    sent = len(rig.all(SendSound))
    while len(rig.all(SendSound)) == sent:
        rig.run(20, VOICE)
    assert 8_000 <= rig.now - silenced_at < 8_500


def test_the_ears_word_alone_does_not_interrupt_while_it_may_hear_us() -> None:
    rig = speaking(ms=1_000)
    rig.run(400, ECHO).tell(PersonBegan())
    assert rig.session.state is State.SPEAKING
    rig.run(240, VOICE)
    assert rig.session.state is State.LISTENING


def test_a_nod_is_no_interruption() -> None:
    rig = speaking(ms=2_000)
    rig.run(300, VOICE).tell(PersonPartial("mhm"))
    rig.tell(PersonFinal("Mhm."))
    assert rig.session.state is State.SPEAKING, "and we go on at once"
    rig.until_quiet()
    assert rig.heard[LONG] == LONG
    rig.run(2_000)
    assert len(rig.all(AskAgent)) == 1


def test_yes_to_a_question_is_an_answer_and_not_a_nod() -> None:
    rig = speaking("We have one at eight or at nine in the evening, shall I book it?", ms=3_000)
    rig.tell(PersonFinal("Yes.", turn_over=True))
    assert rig.until(AskAgent).text == "Yes."


def test_without_a_resume_time_a_voice_ends_the_reply() -> None:
    rig = speaking(ms=2_000, settings=SessionSettings(barge_in=BargeIn(resume_ms=0)))
    rig.run(300, VOICE).run(4_000)
    assert rig.heard[LONG] != LONG


def test_an_echo_of_our_own_voice_does_not_interrupt() -> None:
    rig = speaking(ms=1_000)
    rig.run(2_000, ECHO)
    assert rig.all(SendClear) == []
    rig.tell(PersonPartial("eight in the morning"), PersonFinal("Eight in the morning until ten"))
    assert rig.all(SendClear) == []
    assert rig.all(PersonSaid) == [PersonSaid("When are you open?", 1)]


def test_energy_may_be_told_not_to_interrupt() -> None:
    rig = speaking(settings=SessionSettings(barge_in=BargeIn(hold_ms=0, by_service=False)))
    rig.run(1_000, VOICE).tell(PersonBegan())
    assert rig.all(SendClear) == []
    rig.tell(PersonPartial("but wait"))
    assert len(rig.all(SendClear)) == 1


def test_where_nobody_may_interrupt_words_wait_for_their_turn() -> None:
    rig = speaking(settings=SessionSettings(barge_in=BargeIn(allowed=False)))
    rig.run(600, VOICE).tell(PersonBegan(), PersonFinal("And on Sundays?"))
    rig.until_quiet()
    assert rig.heard[LONG] == LONG
    assert rig.until(AskAgent).text == "And on Sundays?"


@pytest.mark.proves("B137")
def test_where_nobody_may_interrupt_an_unheard_reply_is_obsolete_all_the_same() -> None:
    rig = talked("A table for two.", settings=SessionSettings(barge_in=BargeIn(allowed=False)))
    rig.answer("For two, then.")
    rig.tell(PersonFinal("No, for three.", turn_over=True))
    assert rig.until(AskAgent).text == "A table for two. No, for three."
    rig.answer("For three, then.")
    rig.until_quiet()
    assert rig.begun == ["For three, then."]


def test_a_span_that_must_be_heard_is_not_interrupted() -> None:
    rig = talked("Book it.")
    rig.tell(SentenceAllowed(1, LONG, "dec_1", interruptible=False), AgentDone(1))
    rig.run(1_000).run(600, VOICE)
    rig.tell(PersonFinal("Yes, yes, do it.", turn_over=True), DigitHeard("1"))
    rig.until_quiet()
    assert rig.all(SendClear) == []
    assert rig.heard[LONG] == LONG
    assert rig.until(AskAgent) == AskAgent(2, "Yes, yes, do it.", "1")


def test_a_digit_interrupts() -> None:
    rig = speaking(ms=2_000)
    rig.tell(DigitHeard("0"))
    assert len(rig.all(SendClear)) == 1
    assert rig.until(AskAgent) == AskAgent(2, "", "0")


# -- the agent ------------------------------------------------------------------------------------


def test_a_slow_agent_gets_a_filler_and_a_stuck_one_ends_the_call() -> None:
    rig = talked("When are you open?")
    asked_at = rig.now
    rig.run(2_980)
    assert rig.begun == []
    end = rig.until(EndCall)
    assert end == EndCall(EndReason.FAILED)
    assert rig.begun == [FIXED.filler, FIXED.stuck]
    assert rig.heard[FIXED.stuck] == FIXED.stuck
    assert rig.all(StopAgent) == [StopAgent(1)]
    assert rig.now - asked_at < 20_000 + 10_000


def test_a_filler_does_not_count_as_an_answer() -> None:
    rig = talked("When are you open?")
    rig.run(3_500)
    assert rig.begun == [FIXED.filler]
    rig.tell(PersonFinal("Hello, are you there?", turn_over=True))
    assert rig.until(AskAgent).text == "When are you open? Hello, are you there?"


def test_an_agent_that_stops_halfway_has_said_what_it_said() -> None:
    rig = talked("When are you open?")
    rig.answer("From eight.", done=False)
    rig.run(23_000)
    assert rig.all(StopAgent) == [StopAgent(1)]
    assert rig.end is None
    assert rig.begun == ["From eight."]


def test_an_agent_that_fails_is_excused_once() -> None:
    rig = talked("When are you open?")
    rig.tell(AgentFailed(1))
    rig.until_quiet()
    assert rig.begun == [FIXED.failed]
    rig.run(400, VOICE).tell(PersonFinal("When are you open?", turn_over=True))
    rig.until(AskAgent)
    rig.tell(AgentFailed(2))
    assert rig.until(EndCall) == EndCall(EndReason.FAILED)
    assert rig.begun == [FIXED.failed, FIXED.stuck]


def test_an_answer_that_may_not_be_said_is_not_silence() -> None:
    rig = talked("Tell me everything.")
    rig.tell(SentenceRefused(1, "topics"), AgentDone(1))
    rig.until_quiet()
    assert rig.begun == [FIXED.refused]


def test_an_empty_answer_is_silence() -> None:
    rig = talked("Just thinking aloud.")
    rig.tell(SentenceAllowed(1, "  ", "dec_1"), AgentDone(1))
    rig.run(3_000)
    assert rig.begun == []
    assert rig.session.state is State.LISTENING


def test_an_agents_words_without_a_decision_are_never_said() -> None:
    rig = talked("Hello.")
    rig.tell(SentenceAllowed(1, "Anything.", ""), ToldToSay("More.", Speaker.AGENT))
    rig.tell(AgentDone(1))
    rig.run(3_000)
    assert rig.all(Synthesise) == []
    assert rig.not_said == {"Anything.": "no_decision", "More.": "no_decision"}


def test_the_agent_may_end_the_call_once_it_was_heard() -> None:
    rig = talked("Thank you, bye.")
    rig.answer("Goodbye, and thank you.", hang_up=True)
    assert rig.until(EndCall) == EndCall(EndReason.ENDED_BY_AGENT)
    assert rig.heard == {"Goodbye, and thank you.": "Goodbye, and thank you."}


def test_who_speaks_into_a_goodbye_is_not_hung_up_on() -> None:
    rig = talked("Thank you, bye.")
    rig.answer(LONG, hang_up=True)
    rig.run(2_000).tell(PersonFinal("Wait, one more thing.", turn_over=True))
    rig.until(AskAgent)
    rig.run(1_000)
    assert rig.end is None


@pytest.mark.proves("P1")
def test_where_a_refusal_cuts_nothing_of_the_answer_is_heard_any_more() -> None:
    rig = talked("What is it?", settings=SessionSettings(refusal_cuts=True))
    rig.tell(SentenceAllowed(1, LONG, "d1"), SentenceAllowed(1, "And more.", "d2"))
    rig.run(1_000)
    assert rig.begun == [LONG]
    done = rig.tell(SentenceRefused(1, "no"), AgentDone(1))
    assert SendClear() in done
    [heard] = [one for one in done if isinstance(one, WordsHeard)]
    assert heard.characters < len(LONG)
    rig.until_quiet()
    assert rig.begun == [LONG, FIXED.refused]


@pytest.mark.proves("B145")
def test_the_ninth_pending_utterance_is_refused_and_the_others_play_in_order() -> None:
    rig = talked("Count.")
    texts = [f"Number {n}." for n in range(1, 10)]
    rig.answer(*texts[:8], done=False)
    assert not rig.session.has_room
    rig.tell(SentenceAllowed(1, texts[8], "dec_1"), AgentDone(1))
    assert rig.not_said == {texts[8]: "full"}
    rig.until_quiet()
    assert rig.begun == texts[:8]
    assert rig.session.has_room


def test_digits_towards_the_person_need_a_decision_and_the_disclosure() -> None:
    rig = Rig(Script(DISCLOSURE), SessionSettings(sends_digits=True))
    rig.tell(ToldToPress("1", "dec_1"))
    assert rig.all(SendDigits) == []
    rig.until_quiet()
    rig.tell(ToldToPress("2", ""), ToldToPress("3", "dec_3"), ToldToPress("x", "dec_4"))
    assert rig.all(SendDigits) == [SendDigits("3")]
    assert rig.not_said == {"1": "obsolete", "2": "no_decision", "x": "obsolete"}
    rig.tell(ToldToPress("1w2", "dec_5"))
    assert len(rig.all(SendDigits)) == 1, "no stream's message knows a pause"
    assert rig.begun[-1] == "1w2"


def test_digits_go_as_tones_where_the_stream_has_no_message_for_them() -> None:
    rig = Rig()
    rig.tell(ToldToPress("42", "dec_1"))
    rig.until_quiet()
    assert rig.all(SendDigits) == []
    sound = b"".join(effect.sound for effect in rig.all(SendSound))
    assert sound == tones("42")
    assert [words.decision for words in rig.all(WordsBegun)] == ["dec_1"]
    for _ in range(9):
        rig.tell(ToldToPress("1", "dec_2"))
    assert rig.not_said == {"1": "full"}


# -- the mouth ------------------------------------------------------------------------------------


@pytest.mark.proves("B146")
def test_a_mouth_that_makes_nothing_in_time_has_failed() -> None:
    rig = talked("Hello.")
    rig.mouth_ms = None
    rig.answer("Good evening.")
    rig.run(7_980)
    assert rig.all(StopSynthesis) == []
    rig.run(40)
    assert rig.not_said == {"Good evening.": "late"}
    assert rig.all(StopSynthesis) == [StopSynthesis(1)]
    assert rig.until(EndCall) == EndCall(EndReason.FAILED), "twice, and there is no other voice"
    assert rig.begun == []
    assert rig.all(SendSound) == rig.all(WordsHeard) == []


@pytest.mark.proves("B146")
def test_empty_sound_is_a_failure_and_never_told_as_said() -> None:
    rig = talked("Hello.")
    rig.silent = {"Good evening."}
    rig.answer("Good evening.")
    rig.until_quiet()
    assert rig.not_said == {"Good evening.": "no_speech"}
    assert rig.begun == [FIXED.failed]


@pytest.mark.proves("B146")
def test_speech_that_breaks_off_is_not_heard_to_its_end() -> None:
    rig = talked("Hello.")
    rig.mouth_ms = None
    rig.answer(LONG, "Anything else?")
    making = rig.all(Synthesise)[-1].utterance
    rig.tell(SpeechMade(making, VOICE * 50))
    rig.mouth_ms = 100
    rig.tell(SpeechFailed(making))
    rig.until_quiet()
    assert rig.not_said == {LONG: "no_speech"}
    assert LONG.startswith(rig.heard.get(LONG, ""))
    assert rig.heard.get(LONG) != LONG
    assert rig.begun[-1] == "Anything else?"


def test_speech_without_end_is_cut_to_a_bound() -> None:
    rig = talked("Hello.", settings=SessionSettings(limits=Limits(utterance_ms_max=2_000)))
    rig.mouth_ms = None
    rig.answer("Hm.")
    making = rig.all(Synthesise)[-1].utterance
    rig.tell(SpeechMade(making, VOICE * 100), SpeechMade(making, VOICE * 1_000))
    assert rig.all(StopSynthesis) == [StopSynthesis(making)]
    rig.until_quiet()
    assert rig.line.heard_ms(making, rig.now) == 2_000


# -- watchdogs and the end ------------------------------------------------------------------------


def test_a_stream_that_does_not_start_in_5_s_ends() -> None:
    rig = Rig(started=False).run(4_980, None)
    assert rig.end is None
    rig.run(40, None)
    assert rig.end == EndCall(EndReason.LOST)
    assert rig.all(StopEar) == []


def test_a_line_without_sound_ends() -> None:
    rig = Rig().run(2_000)
    rig.run(9_980, None)
    assert rig.end is None
    rig.run(40, None)
    assert rig.end == EndCall(EndReason.LOST)


def test_a_silent_person_is_asked_once_and_then_it_ends() -> None:
    rig = Rig().run(9_980)
    assert rig.begun == []
    assert rig.until(EndCall) == EndCall(EndReason.SILENCE)
    assert rig.begun == [FIXED.still_there, FIXED.silence]
    assert 20_000 < rig.now < 34_000


def test_who_answers_the_question_is_asked_again_only_after_another_silence() -> None:
    rig = Rig().run(11_500)
    rig.tell(PersonFinal("I am.", turn_over=True))
    rig.until(AskAgent)
    rig.answer("Good.")
    rig.until_quiet().run(9_000)
    assert rig.end is None
    rig.run(2_500)
    assert rig.begun == [FIXED.still_there, "Good.", FIXED.still_there]


def test_the_longest_call_ends_with_a_sentence() -> None:
    rig = speaking(settings=SessionSettings(limits=Limits(duration_ms=8_000)))
    assert rig.until(EndCall) == EndCall(EndReason.TIME_LIMIT)
    assert rig.begun[-1] == FIXED.time_over
    assert rig.heard[FIXED.time_over] == FIXED.time_over
    assert rig.now < 1_000 + 8_000 + 10_000


def test_a_goodbye_that_is_not_heard_in_time_does_not_keep_the_call() -> None:
    rig = Rig()
    rig.line.returns_marks = False
    rig.tell(ToldToEnd(EndReason.ENDED_BY_OPERATOR, "Goodbye. " * 40))
    told_at = rig.now
    assert rig.until(EndCall) == EndCall(EndReason.ENDED_BY_OPERATOR)
    assert rig.now - told_at == 10_000


def test_told_to_end_silences_everything_says_goodbye_and_ends() -> None:
    rig = speaking()
    rig.tell(ToldToEnd(EndReason.ENDED_BY_OPERATOR, "Goodbye."), ToldToEnd(EndReason.SILENCE))
    assert rig.session.state is State.ENDING
    rig.tell(PersonFinal("What?", turn_over=True), SentenceAllowed(1, "More.", "dec_9"))
    assert rig.until(EndCall) == EndCall(EndReason.ENDED_BY_OPERATOR)
    assert rig.begun == [LONG, "Goodbye."]
    assert rig.heard["Goodbye."] == "Goodbye."


@pytest.mark.parametrize("stage", ["waiting", "disclosing", "thinking", "speaking", "ending"])
def test_a_kill_silences_every_state_and_says_only_its_sentence(stage: str) -> None:
    rig = Rig(Script(DISCLOSURE), started=stage != "waiting")
    if stage in ("thinking", "speaking", "ending"):
        rig.until_quiet()
        rig.tell(PersonFinal("When are you open?", turn_over=True))
        if stage != "thinking":
            rig.answer(LONG)
        if stage == "ending":
            rig.tell(ToldToEnd(EndReason.ENDED_BY_OPERATOR, "Goodbye then, goodbye."))
    rig.run(600)
    begun = list(rig.begun)
    rig.tell(Killed("This call ends now."))
    rig.run(5_000)
    assert rig.end == EndCall(EndReason.KILLED)
    said_after = rig.begun[len(begun) :]
    assert said_after == ([] if stage == "waiting" else ["This call ends now."])


def test_an_end_without_words_is_at_once() -> None:
    rig = speaking()
    effects = rig.tell(ToldToEnd(EndReason.TRANSFERRED))
    assert effects[-1] == EndCall(EndReason.TRANSFERRED)
    assert SendClear() in effects
    assert StopEar() in effects


@pytest.mark.parametrize(
    ("event", "how"),
    [
        (StreamStopped(), Loss.STOPPED),
        (SocketGone(), Loss.GONE),
        (STARTED, Loss.STARTED_TWICE),
        (Replaced(), Loss.REPLACED),
        (Leaving(), Loss.LEFT),
    ],
)
def test_a_stream_that_ends_without_us_ends_the_session_once(event: object, how: Loss) -> None:
    rig = speaking()
    effects = rig.tell(event)
    assert effects[-1] == StreamOver(how)
    assert rig.tell(event, SoundHeard(SILENCE, 1, 1), Killed("x"), ToldToEnd(EndReason.LOST)) == []
    assert LONG.startswith(rig.heard[LONG])


def test_an_ear_that_fails_ends_the_call_with_a_sentence() -> None:
    rig = speaking()
    rig.tell(EarFailed())
    assert rig.until(EndCall) == EndCall(EndReason.FAILED)
    assert rig.begun == [LONG, FIXED.stuck]


def test_words_from_the_operator_are_said_between() -> None:
    rig = Rig()
    rig.tell(ToldToSay("The owner joins in a minute.", Speaker.OWNER))
    rig.until_quiet()
    assert rig.begun == ["The owner joins in a minute."]


def test_marks_that_never_return_do_not_stop_the_conversation() -> None:
    rig = talked("When are you open?")
    rig.line.returns_marks = False
    rig.answer("From eight.")
    rig.until_quiet()
    assert rig.heard == {"From eight.": ""}, "nobody knows that it was heard"
    assert rig.session.state is State.LISTENING


@pytest.mark.proves("B145")
def test_marks_of_nobody_change_nothing() -> None:
    rig = speaking()
    before = rig.all(WordsHeard)
    rig.tell(*(MarkReturned(name) for name in ("", "0.999", "9.1", "x")))
    assert rig.all(WordsHeard) == before


def test_the_rig_plays_what_it_is_sent() -> None:
    line = Line()
    line.sound(SendSound(1, VOICE * 5), 1_000)
    line.mark("a", 1_000)
    line.clear(1_040)
    assert line.played == [(1_000, 1_040, 1)]
    assert list(line.returned(1_080)) == ["a"]
