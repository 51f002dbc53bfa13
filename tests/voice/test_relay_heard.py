"""What a person heard of words that the provider spoke, from what the provider tells of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.voice.relay_heard import Heard, HeardWords

OPEN, MORE = "We open at nine.", "Anything else?"


def sent(*texts: str) -> HeardWords:
    words = HeardWords()
    for id_, text in enumerate(texts, start=1):
        words.sent(id_, text)
    return words


def test_words_are_heard_piece_by_piece() -> None:
    words = sent(OPEN, MORE)
    assert words.played("We open") == []
    assert words.played(" at nine.") == [Heard(1, len(OPEN), True)]
    assert (words.pending, words.awaits(1), words.awaits(2)) == (1, False, True)
    assert words.played("anything ELSE") == [Heard(2, len(MORE), True)]
    assert words.pending == 0


def test_one_report_may_tell_of_several() -> None:
    assert sent(OPEN, MORE).played(f"{OPEN} {MORE}") == [
        Heard(1, len(OPEN), True),
        Heard(2, len(MORE), True),
    ]


@pytest.mark.parametrize("stray", ["", "...", "Something else", "open at nine", "nine"])
def test_words_that_are_not_the_next_prove_nothing(stray: str) -> None:
    words = sent(OPEN)
    assert words.played(stray) == []
    assert words.give_up() == [Heard(1, 0, False)]


def test_a_report_told_twice_proves_nothing_more() -> None:
    words = sent(OPEN)
    words.played("We open")
    assert words.played("We open") == []
    assert words.give_up() == [Heard(1, len("We open"), False)]


def test_what_a_lost_report_was_about_was_not_heard() -> None:
    words = sent(OPEN, MORE)
    words.played("We open")
    assert words.played("Anything") == [Heard(1, len("We open"), False)]
    assert words.played("else?") == [Heard(2, len(MORE), True)]


@pytest.mark.parametrize(
    ("told", "heard"),
    [
        ("", (0, 0)),
        ("We open", (7, 0)),
        ("We op", (2, 0)),
        ("We open at nine.", (16, 0)),
        ("We open at nine. Any", (16, 0)),
        ("We open at nine. Anything", (16, 8)),
        ("Anything", (16, 8)),
        ("Nobody said this", (0, 0)),
    ],
)
def test_what_was_heard_when_somebody_spoke_into_it(told: str, heard: tuple[int, int]) -> None:
    assert [one.characters for one in sent(OPEN, MORE).cut(told)] == list(heard)


def test_an_interruption_takes_back_nothing_that_was_played() -> None:
    words = sent(OPEN, MORE)
    words.played("We open at")
    assert [one.characters for one in words.cut("We")] == [10, 0]
    again = sent(OPEN, MORE)
    again.played(OPEN)
    assert again.cut(f"{OPEN} Anything") == [Heard(2, 8, False)]


def test_what_has_no_letters_is_heard_with_its_neighbours() -> None:
    words = sent("…", OPEN)
    assert [one.id for one in words.played(OPEN)] == [1, 2]


@given(st.lists(st.text(max_size=20), max_size=4), st.lists(st.text(max_size=20), max_size=4))
def test_each_utterance_is_closed_once_and_never_over_its_length(
    texts: list[str], reports: list[str]
) -> None:
    words = sent(*texts)
    closed = [one for report in (*texts[:1], *reports) for one in words.played(report)]
    closed += words.cut("".join(reports))
    assert [one.id for one in closed] == list(range(1, len(texts) + 1))
    for one in closed:
        assert 0 <= one.characters <= len(texts[one.id - 1])
