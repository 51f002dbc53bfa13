"""When the person's turn is over, and whose voice is on the line."""

from __future__ import annotations

import pytest
from live_rig import ECHO, SILENCE, VOICE

from ringfence.audio.activity import Activity
from ringfence.voice.events import PersonFinal
from ringfence.voice.playback import NEVER
from ringfence.voice.settings import BargeIn, Endpointing
from ringfence.voice.turns import DIGITS_MAX, WORDS_CHARACTERS_MAX, Listening


def listening(endpointing: Endpointing | None = None) -> Listening:
    return Listening(endpointing or Endpointing(), BargeIn(), 0)


def hear(ear: Listening, frame: bytes, ms: int, now: int, guarded: bool = False) -> int:
    for _ in range(ms // 20):
        now += 20
        ear.sound(frame, guarded, now)
    return now


@pytest.mark.proves("B136")
def test_without_words_there_is_no_turn() -> None:
    ear = listening()
    assert ear.over_at() == NEVER
    now = hear(ear, VOICE, 1_000, 0)
    ear.spoke(now)
    now = hear(ear, SILENCE, 5_000, now)
    assert ear.over_at() == NEVER


def test_a_turn_is_over_after_the_silence_that_is_set() -> None:
    ear = listening(Endpointing(silence_ms=500))
    now = hear(ear, VOICE, 1_000, 0)
    ear.final(PersonFinal("Hello."), now)
    assert ear.over_at() == now + 3_000, "while there is a voice only the longest wait ends it"
    now = hear(ear, SILENCE, 480, now)
    assert ear.over_at() > now
    now = hear(ear, SILENCE, 20, now)
    assert ear.over_at() == now


def test_words_that_come_after_the_silence_end_it_at_once() -> None:
    ear = listening(Endpointing(silence_ms=500))
    now = hear(ear, SILENCE, 900, hear(ear, VOICE, 1_000, 0))
    ear.final(PersonFinal("Hello."), now)
    assert ear.over_at() <= now


def test_the_ear_may_know_it_at_once() -> None:
    now = 4_000
    by_service, by_silence = listening(), listening(Endpointing(by_service=False))
    for ear in (by_service, by_silence):
        hear(ear, VOICE, 4_000, 0)
        ear.final(PersonFinal("Hello.", turn_over=True), now)
    assert by_service.over_at() == now
    assert by_silence.over_at() > now


def test_with_a_silence_of_zero_the_ear_alone_ends_it() -> None:
    ear = listening(Endpointing(silence_ms=0))
    now = hear(ear, VOICE, 1_000, 0)
    ear.final(PersonFinal("Hello."), now)
    assert ear.over_at() == now + 3_000
    hear(ear, SILENCE, 2_000, now)
    assert ear.over_at() == now + 3_000
    ear.turn_over()
    assert ear.over_at() == now


def test_more_words_put_it_off() -> None:
    ear = listening()
    ear.final(PersonFinal("My name is", turn_over=True), 1_000)
    ear.spoke(1_200)
    assert ear.over_at() == 1_900
    ear.final(PersonFinal("Ada."), 1_400)
    assert ear.take() == ("My name is Ada.", "")
    assert not ear.has_words


def test_words_set_aside_wait_for_the_next_turn() -> None:
    ear = listening()
    ear.final(PersonFinal("Hello?"), 1_000)
    ear.set_aside()
    assert ear.over_at() == NEVER
    ear.final(PersonFinal("Who is this?"), 2_000)
    assert ear.take() == ("Hello? Who is this?", "")


def test_words_given_back_come_first_and_are_a_turn() -> None:
    ear = listening()
    ear.final(PersonFinal("for two."), 2_000)
    ear.give_back("A table", "12", 2_000)
    assert ear.over_at() <= 2_700
    assert ear.take() == ("A table for two.", "12")


def test_digits_end_with_a_pause_or_a_hash() -> None:
    ear = listening()
    ear.digit("4", 1_000)
    ear.digit("2", 1_500)
    assert ear.over_at() == 3_500
    ear.digit("#", 1_600)
    assert ear.over_at() == 1_600
    assert ear.take() == ("", "42#")


def test_what_a_turn_may_hold_is_bounded() -> None:
    ear = listening()
    for n in range(200):
        ear.digit(str(n % 10), n)
        ear.final(PersonFinal("words " * 100), n)
    words, digits = ear.take()
    assert len(digits) == DIGITS_MAX
    assert 0 < len(words) <= WORDS_CHARACTERS_MAX


def test_an_echo_of_ours_is_no_voice_while_guarded_and_does_not_deafen_after() -> None:
    ear = listening()
    now = hear(ear, ECHO, 3_000, 0, guarded=True)
    assert not ear.is_speech
    now = hear(ear, VOICE, 400, now, guarded=True)
    assert ear.is_speech, "a voice above it is heard"
    fresh = listening()
    now = hear(fresh, ECHO, 3_000, 0, guarded=True)
    hear(fresh, ECHO, 200, now)
    assert fresh.is_speech, "the same loudness counts once we are silent"


def test_sound_in_other_sizes_is_heard_as_well() -> None:
    ear = listening()
    changes = [ear.sound(VOICE * 2 + VOICE[:80], False, n * 50) for n in range(10)]
    assert Activity.STARTED in changes


def test_a_voice_that_began_above_the_echo_is_followed_to_its_end() -> None:
    ear = listening()
    now = hear(ear, VOICE, 400, 0, guarded=True)
    assert ear.is_speech
    changes = [ear.sound(SILENCE, False, now + 20 * n) for n in range(40)]
    assert changes.count(Activity.STOPPED) == 1
    assert not ear.is_speech
