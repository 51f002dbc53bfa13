"""Which words are judged before which sound is heard."""

from __future__ import annotations

import pytest

from ringfence.voice.watched import ANSWER_MS_MAX, SLACK_MS, HeldSpeech, WatchedAnswer

MS = 8


def sound(ms: int) -> bytes:
    return b"\x20" * (ms * MS)


@pytest.mark.proves("P1")
def test_a_sentence_is_let_go_when_the_next_begins_and_not_before() -> None:
    answer = WatchedAnswer()
    assert answer.words("a", "We open at nine.") == []
    assert answer.sound("a", sound(900)) == []
    assert answer.words("a", " ") == []
    assert answer.words("a", "Any") == [HeldSpeech("a", "We open at nine.", sound(900), 0)]
    assert answer.sound("a", sound(500)) == []
    assert answer.end() == [HeldSpeech("a", "Any", sound(500), 900)]


@pytest.mark.proves("P1")
def test_sound_ahead_of_its_words_waits_for_them() -> None:
    answer = WatchedAnswer()
    answer.sound("a", sound(4_000 + SLACK_MS))
    assert answer.words("a", "Hello. Your card is") == []
    [held] = answer.words("a", " 4111, as you asked. Bye")
    assert held.text == "Hello. Your card is 4111, as you asked."


def test_words_far_ahead_of_their_sound_are_judged_together() -> None:
    answer = WatchedAnswer()
    assert answer.words("a", "One. Two. Three.") == []
    answer.sound("a", sound(1_500))
    assert answer.end() == [HeldSpeech("a", "One. Two. Three.", sound(1_500), 0)]


@pytest.mark.proves("P1")
def test_a_whole_answer_is_let_go_at_its_end_only() -> None:
    answer = WatchedAnswer(whole=True)
    for text in ("One. ", "Two. ", "Three."):
        assert answer.words("a", text) == []
        assert answer.sound("a", sound(300)) == []
    assert answer.end() == [HeldSpeech("a", "One. Two. Three.", sound(900), 0)]


@pytest.mark.proves("P1")
def test_sound_without_words_is_never_let_go() -> None:
    answer = WatchedAnswer()
    answer.sound("a", sound(700))
    assert answer.end() == []
    answer.words("a", "Hello.")
    assert answer.end() == [HeldSpeech("a", "Hello.", b"", 0)]


def test_another_item_ends_the_one_before_and_counts_from_its_own_beginning() -> None:
    answer = WatchedAnswer()
    answer.words("a", "One.")
    answer.sound("a", sound(400))
    assert answer.words("b", "Two.") == [HeldSpeech("a", "One.", sound(400), 0)]
    answer.sound("b", sound(200))
    assert answer.end() == [HeldSpeech("b", "Two.", sound(200), 0)]


def test_an_endless_answer_is_known_for_one() -> None:
    answer = WatchedAnswer()
    answer.sound("a", sound(ANSWER_MS_MAX))
    assert not answer.is_endless
    answer.sound("a", sound(20))
    assert answer.is_endless
