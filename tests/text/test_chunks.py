"""Chunks: B065 and B067, what every cut must hold, and where a cut is preferred."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.text import graphemes
from ringfence.text.chunks import chunk_limit, split
from ringfence.text.segments import utf16_length

PIECES = st.sampled_from(
    [
        "word",
        " ",
        "  ",
        "\n",
        "\n\n",
        "\r\n",
        ". ",
        "a" * 37,
        "😀",
        "👨\u200d👩\u200d👧\u200d👦",
        "🇺🇸",
        "e\u0301",
        "日本語。",
        "\t",
        "\u0600",
        "'",
    ]
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=120).map("".join))


def visible(text: str) -> str:
    return "".join(text.split())


@pytest.mark.proves("B065")
@pytest.mark.parametrize(
    ("length", "messages"), [(1, 1), (1500, 1), (1501, 2), (3000, 2), (3001, 3)]
)
@pytest.mark.parametrize("unit", ["x", "x ", "xx. ", "x\n"])
def test_1500_is_one_message_and_1501_are_two(length: int, messages: int, unit: str) -> None:
    text = ("x" + unit * length)[: length - 1] + "x"
    if messages <= 2 or unit == "x":
        assert len(split(text)) == messages
    assert all(len(chunk) <= 1500 for chunk in split(text))


@pytest.mark.proves("B065")
@pytest.mark.parametrize(
    ("configured", "used"),
    [
        (1, 1),
        (160, 160),
        (1600, 1600),
        (1601, 1600),
        (10**9, 1600),
        (0, 1500),
        (-1, 1500),
        (99.5, 1500),
        (100.0, 1500),
        ("100", 1500),
        ("", 1500),
        (None, 1500),
        (True, 1500),
        ([], 1500),
        (float("nan"), 1500),
    ],
)
def test_a_limit_out_of_range_is_capped_or_the_default(configured: object, used: int) -> None:
    assert chunk_limit(configured) == used
    assert split("x" * 1700, configured)[0] == "x" * used


@pytest.mark.proves("B067")
def test_the_space_at_a_cut_begins_the_next_chunk() -> None:
    assert split("alpha beta gamma", 10) == ("alpha beta", " gamma")
    assert split("alpha   beta", 7) == ("alpha", "   beta")
    assert split("One two. Three four.", 12) == ("One two.", " Three four.")


@pytest.mark.parametrize(
    ("text", "limit", "chunks"),
    [
        ("aaaa aaaa\n\nbbbb bbbb", 18, ("aaaa aaaa", "bbbb bbbb")),
        ("aaaa aaaa\nbbbb bbbb", 18, ("aaaa aaaa", "bbbb bbbb")),
        ("aaaa aaaa  \r\n \r\n  bbbb bbbb", 18, ("aaaa aaaa", "  bbbb bbbb")),
        ("a\n\nbbbb bbbb bbbb", 12, ("a\n\nbbbb bbbb", " bbbb")),
        ("aaaaa. Bbbb cc", 10, ("aaaaa.", " Bbbb cc")),
        ('say "aaaa." Bbb', 13, ('say "aaaa."', " Bbb")),
        ("x" * 25, 10, ("x" * 10, "x" * 10, "x" * 5)),
        ("see " + "x" * 12, 10, ("see", " " + "x" * 9, "xxx")),
        ("日本。日本日本", 4, ("日本。", "日本日本")),
        ("a\n" + "b" * 12, 12, ("a", "b" * 12)),
        ("", 10, ()),
        (" \n ", 10, ()),
        (" " * 25 + "x", 10, (" " * 5 + "x",)),
    ],
)
def test_where_a_text_is_cut(text: str, limit: int, chunks: tuple[str, ...]) -> None:
    assert split(text, limit) == chunks


def test_a_cluster_is_not_divided_unless_it_cannot_fit() -> None:
    family = "👨\u200d👩\u200d👧\u200d👦"  # 11 units
    assert split("ab" + family * 2, 12) == ("ab", family, family)
    assert split("😀😀", 3) == ("😀", "😀")
    assert split("😀😀", 1) == ("😀", "😀")  # half a pair is not a character: the limit yields
    assert "".join(split("e" + "\u0301" * 50, 20)) == "e" + "\u0301" * 50
    assert split("x" * 9 + "\r\n" + "y", 10) == ("x" * 9, "y")


@given(TEXTS, st.integers(min_value=1, max_value=60))
def test_every_cut_keeps_the_text_and_the_limit(text: str, limit: int) -> None:
    chunks = split(text, limit)
    assert visible("".join(chunks)) == visible(text)
    assert all(chunk.strip() for chunk in chunks)
    longest_point = 2 if re.search("[\U00010000-\U0010ffff]", text) else 1
    assert all(utf16_length(chunk) <= max(limit, longest_point) for chunk in chunks)
    # A blank chunk is never sent, so a space goes where it and the next cluster do not fit together.
    widest = max((utf16_length(cluster) for cluster in graphemes.clusters(text)), default=1)
    spaces = max((len(run) for run in re.findall(r"\s+", text)), default=0)
    if "\n" not in text and spaces + widest <= limit:
        assert "".join(chunks).strip() == text.strip()  # B067: not even a space is lost


@given(TEXTS, st.integers(min_value=24, max_value=60))
def test_no_cluster_that_fits_is_divided(text: str, limit: int) -> None:
    whole = [cluster for cluster in graphemes.clusters(text) if not cluster.isspace()]
    if any(utf16_length(cluster) > limit for cluster in whole):
        return
    found = [
        c for chunk in split(text, limit) for c in graphemes.clusters(chunk) if not c.isspace()
    ]
    assert found == whole


@pytest.mark.shared
@pytest.mark.proves("B065")
def test_the_peers_rows_hold_the_same_invariants(shared_data: Callable[[str], Any]) -> None:
    for row in shared_data("sms-chunks.json")["vectors"]:
        chunks = split(row["text"], row["limit"])
        assert all(utf16_length(chunk) <= row["limit"] for chunk in chunks), row["id"]
        assert visible("".join(chunks)) == visible(row["text"]), row["id"]
        if len(row["openclaw"]) == 1 and row["text"].strip():
            assert len(chunks) == 1, row["id"]
