"""The matcher below topics and content: choices, stems, gaps, harmless phrases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.text.keywords import normalise
from ringfence.text.phrases import GAP_WORDS_MAX, PhraseList, phrase_problem, plain_words, read


def found(
    text: str, *written: str, harmless: tuple[str, ...] = (), language: str = ""
) -> list[str]:
    listed = PhraseList(
        [read("label", phrase, language) for phrase in written],
        [read("harmless", phrase, language) for phrase in harmless],
    )
    return [hit.written for hit in listed.hits(text)]


@pytest.mark.parametrize(
    ("written", "text", "expected"),
    [
        ("red fox", "a Red, fox!", True),
        ("red fox", "red foxes", False),
        ("red fox", "fox red", False),
        ("red fox", "red", False),
        ("red|blue fox", "blue fox", True),
        ("foxe*", "two foxes", True),
        ("foxe*", "fox", False),
        ("red .. fox", "red fox", True),
        ("red .. fox", "red and very old fox", True),
        ("red .. fox", "red one two three four fox", False),
        ("red .. fox .. den", "red x fox y z den", True),
        ("red .. fox", "red red a b c fox", True),
        ("don't run", "dont run", True),
        ("self-made", "self made", True),
        ("self-made", "selfmade", False),
        ("caf\u00e9", "CAFE\u0301", True),
    ],
)
def test_the_notation(written: str, text: str, expected: bool) -> None:
    assert phrase_problem(written) == ""
    assert bool(found(text, written)) is expected


def test_a_gap_is_as_long_as_it_says() -> None:
    for words in range(GAP_WORDS_MAX + 2):
        text = " ".join(["red", *["x"] * words, "fox"])
        assert bool(found(text, "red .. fox")) is (words <= GAP_WORDS_MAX)


@pytest.mark.parametrize(
    ("language", "written", "text"),
    [
        ("de", "k\u00fcndigung", "Kuendigung"),
        ("de", "k\u00fcndigung", "K\u00fcndigung"),
        ("de", "stra\u00dfe", "STRASSE"),
        ("fr", "avocat", "l\u2019avocat"),
        ("fr", "h\u00f4pital", "d'h\u00f4pital"),
        ("it", "avvocato", "dell'avvocato"),
        ("fr", "s\u0153ur", "soeur"),
        ("", "soeur", "s\u0153ur"),
    ],
)
def test_the_spellings_of_a_language(language: str, written: str, text: str) -> None:
    assert found(text, written, language=language)


def test_a_hit_within_a_harmless_phrase_does_not_count_and_others_do() -> None:
    assert found("fire exit", "fire", harmless=("fire exit",)) == []
    assert found("fire exit, fire!", "fire", harmless=("fire exit",)) == ["fire"]
    assert found("exit fire", "fire", harmless=("fire exit",)) == ["fire"]


def test_a_phrase_of_two_lists_is_found_for_both() -> None:
    listed = PhraseList([read("one", "red fox"), read("two", "red fox")])
    for text in ("red fox", "r e d f o x"):
        assert {hit.label for hit in listed.hits(text)} == {"one", "two"}


def test_what_is_spelled_out_is_read_together() -> None:
    assert found("so r.e.d f-o-x ok", "red fox")
    assert found("f o x y", "fox") == []  # too short to be looked for inside other letters
    assert found("f o x", "fox") == ["fox"]


@given(st.text(max_size=80))
def test_the_short_way_to_plain_words_is_the_long_way(text: str) -> None:
    words = normalise(text)
    assert plain_words(text) == (words if words.isascii() else plain_words(words))


@given(
    st.text(
        alphabet="ae\u00b4'\u2019\u2018\u0301\u00e9\u201c\u2026\u20ac\u00bf \ufeff\u00bd\u0130",
        max_size=20,
    )
)
def test_typography_changes_nothing_of_that(text: str) -> None:
    words = normalise(text)
    assert plain_words(text) == (words if words.isascii() else plain_words(words))
