"""What responders write back: forgiven in form, never in meaning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.text import keyword_tables as tables
from ringfence.text.keywords import KeywordKind, classify
from ringfence.text.replies import LENGTH_MAX, VERBS, Reply, ReplyVerb, parse_reply

ACK, RESOLVE, ESCALATE = ReplyVerb.ACKNOWLEDGE, ReplyVerb.RESOLVE, ReplyVerb.ESCALATE
RESERVED = sorted(
    {
        word
        for table in (tables.OPT_OUT, tables.OPT_IN, tables.OPT_IN_YES, tables.HELP)
        for words in table.values()
        for word in words
    }
)


@pytest.mark.parametrize(
    ("body", "verb", "number"),
    [
        ("1a", ACK, 1),
        ("12a", ACK, 12),
        ("12 a", ACK, 12),
        ("'12a'", ACK, 12),
        ("“12a”", ACK, 12),
        ("12A.", ACK, 12),
        (" 12a \n", ACK, 12),
        ("1 2a", None, None),
        ("a 12", ACK, 12),
        ("a12", ACK, 12),
        ("ack 12", ACK, 12),
        ("Ack #12", ACK, 12),
        ("ACK: 12!", ACK, 12),
        ("ack alert no. 12", ACK, 12),
        ("alert 12 ack", ACK, 12),
        ("12ack", ACK, 12),
        ("acknowledged 12", ACK, 12),
        ("012a", ACK, 12),
        ("１２ａ", ACK, 12),
        ("ack\u200b 12", ACK, 12),
        ("ack", ACK, None),
        ("a", ACK, None),
        ("Ack.", ACK, None),
        ("ok ack", ACK, None),
        ("ack 12 thanks", ACK, 12),
        ("please ack 12, thank you", ACK, 12),
        ("c", RESOLVE, None),
        ("close #4", RESOLVE, 4),
        ("4c", RESOLVE, 4),
        ("r 4", RESOLVE, 4),
        ("Resolved 4", RESOLVE, 4),
        ("e", ESCALATE, None),
        ("4e", ESCALATE, 4),
        ("esc 4", ESCALATE, 4),
        ("escalate", ESCALATE, None),
    ],
)
def test_forms(body: str, verb: ReplyVerb | None, number: int | None) -> None:
    found = parse_reply(body)
    assert (found and (found.verb, found.number, found.every)) == (
        (verb, number, False) if verb else None
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("100aa", Reply(ACK, 100, "acknowledge all 100", True)),
        ("ack all", Reply(ACK, None, "acknowledge all", True)),
        ("12 cc", Reply(RESOLVE, 12, "resolve all 12", True)),
        ("12 ee", None),
        ("escalate all", None),
    ],
)
def test_a_whole_service(body: str, expected: Reply | None) -> None:
    assert parse_reply(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "12",
        "0a",
        "ack 0",
        "ack 1234567",
        "ack 1.5",
        "ack 12 13",
        "ack 12:30",
        "a 1 c",
        "ack or close 12",
        "ack 12 is not mine",
        "do not ack 12",
        "dont ack",
        "ack 12?? who is this",
        "ack 12 but it is still down",
        "a lot of them",
        "a c k",
        "back",
        "acknowledgement",
        "thanks",
        "ok",
        "ok thanks",
        "👍",
        "1a" * 50,
        "please " * 20 + "ack",
        "ack \u0661\u0662",  # digits, but not ours
    ],
)
def test_anything_else_is_for_a_person_to_read(body: str) -> None:
    assert parse_reply(body) is None


@pytest.mark.parametrize("word", RESERVED)
def test_a_reserved_word_never_means_an_acknowledgement(word: str) -> None:
    assert word not in VERBS
    for body in (
        *(word, word.upper(), f" {word}. ", f"{word} 12", f"12 {word}", f"{word}12", f"12{word}"),
        *(f"{word} {word}", f"please {word}", f"{word} thanks", f"ack {word}", f"{word} ack"),
        *(" ".join(word), f"ack 12 {word}", f"{word}, ack 12", f"a {word}", f"{word} a"),
    ):
        assert parse_reply(body) is None, body


def test_no_way_to_say_it_is_a_word_that_carriers_act_on() -> None:
    for verb in VERBS:
        for body in (verb, f"{verb} 12", f"12{verb}"):
            assert classify(body, yes_is_opt_in=True).kind is KeywordKind.NONE


@given(
    st.sampled_from(sorted(VERBS)),
    st.none() | st.integers(1, 999_999),
    st.booleans(),
    st.text(" .,!#'\"-:\t\n", max_size=3),
    st.booleans(),
)
def test_punctuation_spaces_and_case_say_nothing(
    verb: str, number: int | None, first: bool, noise: str, loud: bool
) -> None:
    parts = [verb] if number is None else [str(number), verb] if first else [verb, str(number)]
    body = noise + f"{noise} ".join(parts) + noise
    found = parse_reply(body.upper() if loud else body)
    assert found is not None
    assert found.number == number


@given(st.text(max_size=100))
def test_what_is_understood_reads_the_same_again(body: str) -> None:
    found = parse_reply(body)
    if found is not None:
        assert len(body) <= LENGTH_MAX
        assert parse_reply(found.code) == found


@pytest.mark.parametrize("body", ["ack 12", "1a", "c", "4e", "100aa", "close all 7"])
def test_the_code_reads_the_same_again(body: str) -> None:
    found = parse_reply(body)
    assert found is not None
    assert parse_reply(found.code) == found
