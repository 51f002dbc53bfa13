"""How many characters of a text were heard, and what words are worth while we speak."""

from __future__ import annotations

import pytest

from ringfence.audio.frames import BYTES_PER_MS, FRAME_BYTES
from ringfence.model.call import Speaker
from ringfence.voice.settings import BACKCHANNELS
from ringfence.voice.utterance import Making, Utterance
from ringfence.voice.words import is_backchannel, is_echo

TEXT = "Your table is booked for eight."


def spoken(ms: int, *, made: bool = True, text: str = TEXT) -> Utterance:
    utterance = Utterance(1, text, Speaker.AGENT, "dec_1")
    utterance.making = Making.UNDER_WAY
    utterance.add(bytes(ms * BYTES_PER_MS))
    if made:
        utterance.complete()
    return utterance


def heard(utterance: Utterance, ms: int) -> str:
    utterance.heard_ms = ms
    return utterance.text[: utterance.heard_characters]


def test_characters_heard_are_in_proportion_and_end_with_a_whole_word() -> None:
    utterance = spoken(3_100)
    assert heard(utterance, 0) == ""
    assert heard(utterance, 100) == "", "a word heard in half was not heard"
    assert heard(utterance, 1_200) == "Your table"
    assert heard(utterance, 3_050) == "Your table is booked for"
    assert heard(utterance, 3_100) == TEXT


def test_letters_say_better_than_proportion() -> None:
    utterance = spoken(3_100)
    # A slow beginning: the third word begins at two seconds.
    at_ms = [n * 180 for n in range(11)] + [2_000 + n * 50 for n in range(len(TEXT) - 11)]
    utterance.align(TEXT[:5], at_ms[:5])
    utterance.align(TEXT[5:], at_ms[5:])
    assert heard(utterance, 1_990) == "Your table"
    assert heard(utterance, 2_200) == "Your table is"


def test_letters_that_are_not_the_texts_are_of_no_use() -> None:
    utterance = spoken(3_100)
    utterance.align("Youre", [0, 1, 2, 3, 4])
    utterance.align("!", [])
    assert heard(utterance, 1_200) == "Your table"


def test_of_speech_without_a_known_end_less_is_claimed_rather_than_more() -> None:
    utterance = spoken(1_000, made=False, text=TEXT * 20)
    claimed = len(heard(utterance, 1_000))
    assert 0 < claimed <= 14


def test_what_broke_off_is_not_heard_to_its_end() -> None:
    utterance = spoken(1_000, made=False)
    utterance.break_off()
    assert heard(utterance, 1_000) == "Your table is"


def test_the_last_frame_is_filled() -> None:
    utterance = Utterance(1, TEXT, Speaker.AGENT, "dec_1")
    utterance.add(bytes(161))
    assert utterance.sendable == FRAME_BYTES
    utterance.complete()
    assert utterance.sendable == 2 * FRAME_BYTES
    assert utterance.sound[161:] == b"\xff" * 159
    assert utterance.sound_ms == 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("your table is booked", True),
        ("Table is booked, for eight!", True),
        ("is booked", False),
        ("your table is not booked", False),
        ("", False),
    ],
)
def test_an_echo_is_three_words_of_ours_in_order(text: str, expected: bool) -> None:
    assert is_echo(text, TEXT) is expected


@pytest.mark.parametrize(
    ("text", "ours", "expected"),
    [
        ("Mhm.", TEXT, True),
        ("Yeah, right!", TEXT, True),
        ("I see", TEXT, True),
        ("yes but", TEXT, False),
        ("stop", TEXT, False),
        ("yes", "Shall I book it?", False),
        ("", TEXT, False),
    ],
)
def test_a_nod_is_no_interruption_but_an_answer_to_a_question(
    text: str, ours: str, expected: bool
) -> None:
    assert is_backchannel(text, BACKCHANNELS, ours) is expected
