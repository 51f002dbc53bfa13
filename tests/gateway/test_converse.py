"""The shell of a live call: what it does for the session, in which order, and how everything ends with it."""

from __future__ import annotations

import asyncio

import pytest

from live_call_rig import CALL_SID, SILENCE, STREAM_SID, LiveRig
from ringfence.gateway.live_call import Sentence
from ringfence.model.call import EndReason, Speaker
from ringfence.model.errors import AgentTimeout, SpeechError, StoreBusy
from ringfence.ports.speech import Final, Partial, SpeechBegan
from ringfence.providers.telnyx_media import MEDIA as TELNYX
from ringfence.voice.effects import (
    DigitPressed,
    DisclosureHeard,
    EndCall,
    Loss,
    PersonSaid,
    StreamOver,
    TurnTimed,
    WordsBegun,
    WordsHeard,
    WordsNotSaid,
)
from ringfence.voice.events import Killed, Replaced, ToldToEnd, ToldToPress, ToldToSay
from ringfence.voice.settings import Limits, Script, Sentences, SessionSettings

DISCLOSURE = "A computer."
VOICE = b"\x00\x80" * 80


async def asked(rig: LiveRig, *answer: Sentence | Exception, words: str = "Hello.") -> LiveRig:
    """The person has said this, and the agent answers so."""
    if answer:
        rig.agent.answers.append(answer)
    rig.ear.says(Final(words, turn_over=True))
    return await rig.settle()


async def test_a_whole_call_from_the_disclosure_to_the_goodbye() -> None:
    rig = await LiveRig(Script(DISCLOSURE)).begin()
    await rig.passes(600)
    assert rig.core.all(DisclosureHeard) == [DisclosureHeard()]
    rig.ear.says(SpeechBegan(), Partial("When are"))
    await asked(rig, Sentence("From eight."), Sentence("Bye.", hang_up=True), words="When?")
    await rig.passes(1_500)
    assert await rig.over() == EndCall(EndReason.ENDED_BY_AGENT)
    assert rig.agent.asked == [(1, "When?", "")]
    assert rig.core.judged == ["From eight.", "Bye."]
    said = [(words.speaker, words.text, words.decision) for words in rig.core.all(WordsBegun)]
    assert said == [
        (Speaker.GATEWAY, DISCLOSURE, ""),
        (Speaker.AGENT, "From eight.", "dec_1"),
        (Speaker.AGENT, "Bye.", "dec_1"),
    ]
    heard = [words.characters for words in rig.core.all(WordsHeard)]
    assert heard == [len(DISCLOSURE), len("From eight."), len("Bye.")]
    assert len(rig.wire.played) == 160 * len(DISCLOSURE + "From eight." + "Bye.")
    assert {message["streamSid"] for message in rig.wire.sent} == {STREAM_SID}
    assert rig.core.all(PersonSaid) == [PersonSaid("When?", 1)]
    assert len(rig.core.all(TurnTimed)) == 1
    assert rig.core.ends == [EndCall(EndReason.ENDED_BY_AGENT)]
    assert rig.conversation.close_code == 1000
    assert rig.started == 1


async def test_sound_reaches_the_ear_and_the_end_of_a_voice_is_told() -> None:
    rig = await LiveRig().begin()
    await rig.passes(400, VOICE)
    await rig.passes(1_000)
    assert len(rig.ear.fed) == 70
    assert rig.ear.finishes == 1


async def test_every_sentence_is_decided_about_before_it_is_spoken() -> None:
    rig = await LiveRig().begin()
    rig.core.refuses = {"Your secret is"}
    await asked(rig, Sentence("Well."), Sentence("Your secret is"), Sentence("Bye then."))
    await rig.passes(1_000)
    assert rig.core.judged == ["Well.", "Your secret is", "Bye then."]
    assert rig.mouth.asked == ["Well.", "Bye then."]


async def test_when_the_decision_cannot_be_stored_nothing_is_said() -> None:
    rig = await LiveRig().begin()
    rig.core.breaks = StoreBusy("locked")
    await asked(rig, Sentence("Well."))
    await rig.passes(200)
    assert rig.mouth.asked == [Sentences().refused]


async def test_a_decision_is_taken_only_when_there_is_room_for_the_sentence() -> None:
    rig = await LiveRig().begin()
    await asked(rig, *(Sentence(f"Number {n}.") for n in range(12)))
    assert len(rig.core.judged) == 8
    await rig.passes(4_000)
    assert len(rig.core.judged) == 12
    assert [words.text for words in rig.core.all(WordsBegun)] == rig.core.judged
    assert rig.core.all(WordsNotSaid) == []


@pytest.mark.proves("B137")
async def test_who_speaks_again_stops_the_agent_and_its_late_words() -> None:
    rig = await LiveRig().begin()
    await asked(rig)
    assert rig.agent.stopped == []
    await asked(rig, Sentence("For three."), words="No, three.")
    await rig.passes(600)
    assert rig.agent.stopped[0] == 1
    assert rig.agent.asked[1] == (2, "Hello. No, three.", "")
    assert [words.text for words in rig.core.all(WordsBegun)] == ["For three."]


async def test_an_interruption_overtakes_the_sound_that_waits_and_stops_the_mouth() -> None:
    rig = await LiveRig().begin()
    await asked(rig, Sentence("A long story. " * 10))
    await rig.passes(400)
    rig.wire.is_stuck = True
    await rig.passes(200)
    before = len(rig.wire.sent)
    rig.ear.says(Partial("stop it please"))
    await rig.settle()
    rig.wire.is_stuck = False
    rig.wire._stuck.set()
    await rig.settle()
    # One frame was on its way when it stuck; what waited behind it is not sent.
    assert rig.wire.kinds[before + 1 :] == ["clear"]
    (heard,) = rig.core.all(WordsHeard)
    assert 0 < heard.characters < 140


async def test_a_failing_agent_is_told_to_the_session() -> None:
    rig = await LiveRig().begin()
    await asked(rig, AgentTimeout("slow"))
    await rig.passes(100)
    assert rig.mouth.asked == [Sentences().failed]


async def test_an_agent_that_breaks_in_a_new_way_does_not_break_the_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = await LiveRig().begin()
    await asked(rig, ZeroDivisionError())
    await rig.passes(100)
    assert rig.mouth.asked == [Sentences().failed]
    assert "a live call broke" in caplog.text


@pytest.mark.proves("B146")
async def test_a_mouth_that_fails_is_never_told_as_said_and_ends_with_1011() -> None:
    rig = await LiveRig().begin()
    rig.mouth.fails = True
    await asked(rig, Sentence("Good evening."))
    await rig.passes(100)
    assert await rig.over() == EndCall(EndReason.FAILED)
    assert rig.core.all(WordsBegun) == []
    assert {words.why.value for words in rig.core.all(WordsNotSaid)} == {"no_speech"}
    assert rig.conversation.close_code == 1011
    assert rig.wire.played == b""


@pytest.mark.proves("B146")
async def test_a_mouth_that_is_stuck_is_stopped_after_8_s() -> None:
    rig = await LiveRig().begin()
    rig.mouth.is_stuck = True
    await asked(rig, Sentence("Good evening."))
    await rig.passes(7_900)
    assert rig.mouth.stopped == []
    await rig.passes(200)
    assert rig.mouth.stopped == ["Good evening."]


@pytest.mark.parametrize("when", ["opening", "later"])
async def test_an_ear_that_fails_ends_the_call_with_a_sentence(when: str) -> None:
    rig = LiveRig()
    rig.ear.refuses = when == "opening"
    await rig.begin()
    if when == "later":
        rig.ear.says(SpeechError("gone"))
    await rig.passes(3_000)
    assert await rig.over() == EndCall(EndReason.FAILED)
    assert [words.text for words in rig.core.all(WordsBegun)] == [Sentences().stuck]
    assert rig.conversation.close_code == 1011
    assert rig.ear.closes == (1 if when == "later" else 0)


async def test_the_alarm_wakes_a_call_in_which_nothing_happens() -> None:
    rig = await LiveRig().begin()
    rig.clock.advance(seconds=9)
    await rig.settle()
    assert not rig.core.ends
    rig.clock.advance(seconds=2)
    assert await rig.over() == EndCall(EndReason.LOST)


async def test_a_stream_that_never_starts_ends() -> None:
    rig = LiveRig()
    rig.task = asyncio.create_task(rig.conversation.run())
    await rig.settle()
    rig.clock.advance(seconds=5)
    assert await rig.over() == EndCall(EndReason.LOST)
    assert rig.started == 0


async def test_sound_goes_on_when_no_frame_comes_in() -> None:
    rig = await LiveRig(Script(opening="A notice. " * 5)).begin()
    for _ in range(40):
        rig.clock.advance(milliseconds=20)
        await rig.settle()
    assert len(rig.wire.played) >= 160 * 40, "the alarm paces it alone"


@pytest.mark.proves("B143")
async def test_the_stream_of_another_call_is_closed_with_1008() -> None:
    rig = LiveRig(Script(DISCLOSURE))
    rig.task = asyncio.create_task(rig.conversation.run())
    rig.wire.starts("CA" + "6" * 32)
    await rig.settle()
    assert await rig.over() == StreamOver(Loss.GONE)
    assert rig.conversation.close_code == 1008
    assert rig.wire.sent == []
    assert rig.started == 0


@pytest.mark.proves("B142")
async def test_a_second_start_closes_it_once_with_1008() -> None:
    rig = await LiveRig(Script(DISCLOSURE)).begin()
    rig.wire.starts(CALL_SID)
    assert await rig.over() == StreamOver(Loss.STARTED_TWICE)
    assert rig.conversation.close_code == 1008
    assert rig.core.ends == [StreamOver(Loss.STARTED_TWICE)]


@pytest.mark.parametrize("frame", ["{", "[]", '{"event": 5}', '{"event": "media", "media": {}}'])
async def test_a_frame_that_is_none_ends_the_stream_cleanly(frame: str) -> None:
    rig = await LiveRig().begin()
    rig.wire.says(frame)
    assert await rig.over() == StreamOver(Loss.GONE)
    assert rig.conversation.close_code == 1008


async def test_a_socket_that_breaks_ends_everything_and_the_record_is_whole() -> None:
    rig = await LiveRig().begin()
    await asked(rig, Sentence("A long story. " * 10))
    await rig.passes(600)
    rig.wire.says(None)
    assert await rig.over() == StreamOver(Loss.GONE)
    assert len(rig.core.all(WordsBegun)) == len(rig.core.all(WordsHeard)) == 1
    assert rig.ear.closes == 1
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others, f"{others} go on"


async def test_a_provider_that_reads_too_slowly_is_closed_with_1013() -> None:
    rig = await LiveRig(settings=SessionSettings(limits=Limits(mark_ms=600_000))).begin()
    rig.wire.is_stuck = True
    rig.conversation._out.put("x" * 1_048_577)
    rig.wire._stuck.set()
    assert await rig.over() == StreamOver(Loss.GONE)
    assert rig.conversation.close_code == 1013


async def test_sound_that_the_ear_cannot_take_is_dropped_oldest_first() -> None:
    rig = LiveRig(heard_max=5)
    ear = rig.conversation._ear
    for n in range(8):
        ear.feed(bytes([n]) * 160)
    assert ear.dropped == 3
    await rig.begin()
    assert [sound[0] for sound in rig.ear.fed] == [3, 4, 5, 6, 7]


async def test_sound_out_of_order_is_put_right_where_order_is_not_promised() -> None:
    rig = LiveRig(dialect=TELNYX, provider_id="")
    rig.task = asyncio.create_task(rig.conversation.run())
    form = {"encoding": "PCMU", "sample_rate": 8000, "channels": 1}
    start = {"call_control_id": "v3:1", "client_state": "", "media_format": form, "user_id": "u"}
    rig.wire.says({"event": "start", "stream_id": "s1", "start": start})
    for n in (1, 3, 2, 4):
        rig.wire.sounds(1, bytes([n]) * 160, first=n)
    await rig.settle()
    assert [sound[0] for sound in rig.ear.fed] == [1, 2, 3, 4]


async def test_digits_words_and_the_end_from_outside() -> None:
    rig = await LiveRig().begin()
    rig.wire.says({"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": "7"}})
    rig.conversation.tell(ToldToSay("The owner joins.", Speaker.OWNER))
    rig.conversation.tell(ToldToPress("1", "dec_9"))
    await rig.passes(800)
    assert rig.core.all(DigitPressed) == [DigitPressed("7")]
    rig.conversation.tell(ToldToEnd(EndReason.TRANSFERRED))
    assert await rig.over() == EndCall(EndReason.TRANSFERRED)
    assert [words.text for words in rig.core.all(WordsBegun)] == ["The owner joins.", "1"]


async def test_a_kill_says_one_sentence_and_nothing_of_the_agent() -> None:
    rig = await LiveRig().begin()
    await asked(rig, Sentence("A long story. " * 10), Sentence("And more."))
    await rig.passes(400)
    rig.conversation.tell(Killed("It ends."))
    at_kill = len(rig.wire.played)
    await rig.passes(600)
    assert await rig.over() == EndCall(EndReason.KILLED)
    assert len(rig.wire.played) - at_kill == 160 * len("It ends.")


@pytest.mark.proves("B139")
async def test_what_belongs_to_a_replaced_stream_does_not_touch_the_next() -> None:
    rig = await LiveRig().begin()
    await asked(rig, Sentence("A long story. " * 10))
    await rig.passes(200)
    marks = rig.wire.marks
    rig.conversation.tell(Replaced())
    assert await rig.over() == StreamOver(Loss.REPLACED)
    rig.conversation = rig.another()
    await rig.begin()
    for name in marks:
        rig.wire.says({"event": "mark", "mark": {"name": name}})
    rig.agent.answers.append([Sentence("Again.")])
    rig.ear.says(Final("Hello?", turn_over=True))
    await rig.passes(600)
    assert [words.text for words in rig.core.all(WordsBegun)][-1] == "Again."
    assert rig.core.ends == [StreamOver(Loss.REPLACED)]
    assert not (await rig.settle()).task.done()  # type: ignore[union-attr]


async def test_a_conversation_that_is_cancelled_leaves_nothing_behind() -> None:
    rig = await LiveRig().begin()
    await asked(rig, Sentence("A long story. " * 10))
    await rig.passes(200)
    assert rig.task is not None
    rig.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rig.over()
    assert rig.core.ends == [StreamOver(Loss.GONE)]
    assert len(rig.core.all(WordsHeard)) == 1
    assert not asyncio.all_tasks() - {asyncio.current_task()}


async def test_a_fault_of_our_own_hangs_up_and_leaves_nothing(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = await LiveRig().begin()

    def broken(event: object, now: int) -> list[object]:
        raise ZeroDivisionError

    monkeypatch.setattr(rig.conversation._session, "handle", broken)
    rig.wire.sounds(1)
    assert await rig.over() == EndCall(EndReason.FAILED)
    assert rig.core.ends == [EndCall(EndReason.FAILED)]
    assert rig.conversation.close_code == 1011
    assert "a live call broke" in caplog.text
    assert not asyncio.all_tasks() - {asyncio.current_task()}


async def test_a_provider_that_refuses_every_frame_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = LiveRig(dialect=TELNYX, provider_id="")
    rig.task = asyncio.create_task(rig.conversation.run())
    for _ in range(5):
        error = {"code": 100004, "title": "invalid media", "detail": "too short"}
        rig.wire.says({"event": "error", "stream_id": "s1", "payload": error})
    await rig.settle()
    assert caplog.text.count("the provider refused a frame") == 1


async def test_when_everything_is_cancelled_at_once_the_record_is_still_whole() -> None:
    rig = await LiveRig().begin()
    await asked(rig, Sentence("A long story. " * 10))
    await rig.passes(200)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.wait(others, timeout=5)
    assert len(rig.core.all(WordsHeard)) == 1
    assert rig.core.ends == [StreamOver(Loss.GONE)]


async def test_a_record_that_cannot_be_stored_is_logged_and_the_call_goes_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = LiveRig(Script(DISCLOSURE))

    async def broken(what: object) -> None:
        raise StoreBusy("locked")

    monkeypatch.setattr(rig.core, "record", broken)
    await rig.begin()
    await rig.passes(600)
    assert "were not stored" in caplog.text
    await asked(rig, Sentence("Hello."))
    await rig.passes(600)
    assert len(rig.wire.played) == 160 * len(DISCLOSURE + "Hello.")
    assert SILENCE not in rig.wire.played
