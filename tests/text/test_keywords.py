"""Keywords: every documented word in every guise, and ordinary talk left alone (compliance 4.7, 1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.text import keyword_tables as tables
from ringfence.text.keywords import Keyword, KeywordKind, classify, normalise

OPT_OUT_WORDS = sorted({word for words in tables.OPT_OUT.values() for word in words})
# Plivo and, for YES, Twilio lift their block on these; we keep ours (keyword_tables.OPT_IN says why).
NOT_OPT_IN_ON_PURPOSE = {"GO", "RESUME", "RESUME ALL", "YES"}

GUISES: dict[str, Callable[[str], str]] = {
    "upper": str.upper,
    "lower": str.lower,
    "title": str.title,
    "mixed": lambda w: "".join(c.upper() if i % 2 else c for i, c in enumerate(w)),
    "trailing space": lambda w: w + "  ",
    "trailing newline": lambda w: w + "\r\n",
    "leading tab": lambda w: "\t" + w,
    "full stop": lambda w: w + ".",
    "exclamation": lambda w: w.upper() + "!!",
    "question": lambda w: w + "?",
    "quotes": lambda w: f'"{w}"',
    "single quotes": lambda w: f"'{w}'",
    "smart quotes": lambda w: f"\u201c{w}\u201d",
    "guillemets": lambda w: f"\u00ab {w} \u00bb",
    "zero-width before": lambda w: "\u200b" + w,
    "zero-width inside": lambda w: w[0] + "\u200d" + w[1:],
    "byte order mark": lambda w: "\ufeff" + w,
    "bidi marks": lambda w: f"\u202e{w}\u202c\u200e",
    "full-width": lambda w: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in w),
    "accent": lambda w: w.replace("e", "e\u0301").replace("o", "\u00f4").replace("a", "\u00e0"),
    "hyphen": lambda w: w.replace(" ", "-"),
    "wide gaps": lambda w: w.replace(" ", "  \u00a0"),
    "thumbs down": lambda w: w + " \U0001f44e\ufe0f",
    "twice": lambda w: f"{w} {w}" if " " not in w else w,
    "mathematical bold": lambda w: "".join(
        chr(ord(c) - ord("a") + 0x1D41A) if "a" <= c <= "z" else c for c in w
    ),
}


@pytest.mark.parametrize("guise", GUISES)
@pytest.mark.parametrize("word", OPT_OUT_WORDS)
def test_a_definite_word_opts_out_in_every_guise(word: str, guise: str) -> None:
    body = GUISES[guise](word)
    assert classify(body).kind is KeywordKind.OPT_OUT, body


@given(
    st.sampled_from(OPT_OUT_WORDS),
    st.text(alphabet=" \t\r\n.,;:!?\"'()[]*-\u2019\u201d\u200b\ufeff\u2060\ufe0f", max_size=6),
    st.text(alphabet=" \t\r\n.,;:!?\"'()[]*-\u2018\u201c\u200f\u00ad", max_size=6),
    st.booleans(),
)
def test_no_edge_hides_a_definite_word(word: str, after: str, before: str, upper: bool) -> None:
    body = before + (word.upper() if upper else word) + after
    assert classify(body).kind is KeywordKind.OPT_OUT


@pytest.mark.parametrize(
    "body",
    [
        "please don't stop",
        "Please don\u2019t stop texting me!",
        "the bus stop",
        "meet me at the bus stop on Main St",
        "can you stop by the store?",
        "stop at the pharmacy on the way",
        "non-stop flight to Lisbon",
        "the end",
        "end call",
        "cancel my appointment",
        "Can you cancel the 3pm with Dana and tell her I'm sorry",
        "quit smoking tips",
        "remove the onions please",
        "What's the info on flight 12?",
        "help me write a letter",
        "start the car",
        "start over",
        "yes please",
        "no",
        "ok",
        "OK thanks",
        "please",
        "never mind",
        "don't unsubscribe me",
        "Don't call Bob, text him",
        "who is this song by?",
        "unstoppable",
        "stopwatch for 5 minutes",
        "weekend",
        "stop the textile order",
        "legend",
        "alto saxophone lessons",
        "what is the opt level in gcc",
        "2+2",
        "",
        "   ",
        "\u200b",
        "👍",
        "STAR",
        "UNSTO",
    ],
)
def test_ordinary_talk_is_no_keyword(body: str) -> None:
    assert classify(body) == Keyword(KeywordKind.NONE)


@pytest.mark.parametrize(
    "body",
    [
        "stop texting me",
        "Hey, can you stop texting me?",
        "why don't you stop texting me",
        "STOP PLEASE",
        "please stop",
        "stop, thanks",
        "Stop it!",
        "ok stop it now",
        "PLEASE CANCEL",
        "unsubscribe me",
        "Unsubscribe from weekly digest",
        "please opt me out",
        "opt out please",
        "remove me from your list",
        "take me off this list",
        "leave me alone",
        "You have the wrong number",
        "do not contact this number",
        "Don\u2019t ever text me again",
        "who is this",
        "Who's this?",
        "new phone who dis",
        "revoke consent",
        "I withdraw my consent",
        "no more messages",
        "I did not sign up for these texts",
        "not interested",
        "stop the fucking texts",
        "FUCK OFF",
        "for fucks sake just stop",
        "this is spam",
        "st op",
        "STOPSTOP",
        "🛑",
        "🛑\ufe0f texting",
        "⛔️",
        "Arrêtez de m'écrire",
        "laissez-moi tranquille",
        "No me escriban más",
        "numero equivocado",
        "não me mande mensagens",
        "Keine SMS mehr",
        "lasciatemi in pace",
        "arrêtez d'envoyer ça",
        "Smettila!",
    ],
)
def test_a_reasonable_person_would_suspect(body: str) -> None:
    assert classify(body).kind is KeywordKind.SUSPECTED, body


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("START", Keyword(KeywordKind.OPT_IN, "start", "en")),
        (" unstop.\n", Keyword(KeywordKind.OPT_IN, "unstop", "en")),
        ("\u201cStart\u201d", Keyword(KeywordKind.OPT_IN, "start", "en")),
        ("HELP", Keyword(KeywordKind.HELP, "help", "en")),
        ("info?", Keyword(KeywordKind.HELP, "info", "en")),
        ("Aide!", Keyword(KeywordKind.HELP, "aide", "fr")),
        ("AYUDA", Keyword(KeywordKind.HELP, "ayuda", "es")),
        ("ARRÊT", Keyword(KeywordKind.OPT_OUT, "arret", "fr")),
        ("No más", Keyword(KeywordKind.OPT_OUT, "no mas", "es")),
        ("parar", Keyword(KeywordKind.OPT_OUT, "parar", "es")),
        ("Stopp", Keyword(KeywordKind.OPT_OUT, "stopp", "de")),
        ("S T O P", Keyword(KeywordKind.OPT_OUT, "s t o p", "en")),
        ("stop texting me", Keyword(KeywordKind.SUSPECTED, "stop texting", "en")),
        ("please stop", Keyword(KeywordKind.SUSPECTED, "stop", "en")),
    ],
)
def test_the_verdict_names_word_and_language(body: str, verdict: Keyword) -> None:
    assert classify(body) == verdict


def test_a_letter_of_another_alphabet_can_stop_but_not_start() -> None:
    assert classify("\u0455top").kind is KeywordKind.OPT_OUT
    assert classify("st\u0430rt").kind is KeywordKind.NONE


@pytest.mark.parametrize("body", ["START?", "start 👎", "start, or not", "un-stop", "START START"])
def test_consent_needs_the_bare_word(body: str) -> None:
    assert classify(body).kind is KeywordKind.NONE


@pytest.mark.parametrize("body", ["YES", "yes.", " Yes\r\n"])
def test_yes_opts_in_only_where_the_caller_says_so(body: str) -> None:
    assert classify(body).kind is KeywordKind.NONE
    assert classify(body, yes_is_opt_in=True) == Keyword(KeywordKind.OPT_IN, "yes", "en")
    assert classify("yes please", yes_is_opt_in=True).kind is KeywordKind.NONE


def test_a_language_pack_can_be_left_out_but_english_cannot() -> None:
    assert classify("alto", languages=("de",)).kind is KeywordKind.NONE
    assert classify("parar", languages=("pt",)) == Keyword(KeywordKind.OPT_OUT, "parar", "pt")
    assert classify("stopp", languages=("de",)).kind is KeywordKind.OPT_OUT
    assert classify("stop", languages=()).kind is KeywordKind.OPT_OUT
    assert classify("Keine SMS mehr", languages=()).kind is KeywordKind.NONE


@pytest.mark.shared
def test_every_documented_word_of_every_source_counts(shared_data: Callable[[str], Any]) -> None:
    for source in shared_data("optout-keywords.json")["sets"].values():
        for word in source["opt_out"]:
            assert classify(word).kind is KeywordKind.OPT_OUT, word
        for word in source["help"]:
            assert classify(word).kind is KeywordKind.HELP, word
        for word in source["opt_in"]:
            counts = word not in NOT_OPT_IN_ON_PURPOSE
            assert (classify(word).kind is KeywordKind.OPT_IN) is counts, word


@pytest.mark.shared
def test_the_union_of_the_documented_lists_is_honoured(shared_data: Callable[[str], Any]) -> None:
    for row in shared_data("optout-keywords.json")["vectors"]:
        verdicts = set(row["by_documented_list"].values())
        kind = classify(row["body"]).kind
        if "opt_out" in verdicts:
            assert kind is KeywordKind.OPT_OUT, row
        elif "opt_in" in verdicts:
            exempt = row["body"].strip().upper() in NOT_OPT_IN_ON_PURPOSE
            assert kind is (KeywordKind.NONE if exempt else KeywordKind.OPT_IN), row
        elif "help" in verdicts:
            assert kind is KeywordKind.HELP, row


@given(st.text(max_size=200))
def test_any_body_gets_a_verdict(body: str) -> None:
    assert classify(body).kind in KeywordKind
    assert normalise(normalise(body)) == normalise(body)


def test_a_hostile_body_is_judged_in_good_time() -> None:
    for body in ("stop " * 8000, "please " * 8000 + "x", "dont want " * 4000, "fuck a " * 4000):
        assert classify(body).kind in KeywordKind


@pytest.mark.parametrize("tongue", tables.SUSPECTED)
def test_no_pattern_matches_without_one_of_its_openings(tongue: str) -> None:
    wanted = set(tables.OPENINGS[tongue].split())
    for pattern in tables.SUSPECTED[tongue]:

        @settings(max_examples=25, database=None, deadline=None, derandomize=True)
        @given(st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True))
        def holds(text: str) -> None:
            openings = {word[: tables.OPENING_LENGTH] for word in text.split()}
            assert openings & wanted, text

        holds()


@given(st.text(st.characters(max_codepoint=127), max_size=12))
def test_plain_texts_are_normalised_as_all_others_are(text: str) -> None:
    assert normalise(text) == normalise(text + "\u200b")  # the mark vanishes, but is not ASCII
