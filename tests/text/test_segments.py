"""Segments agree with Twilio's calculator, vector by vector, and never undercount."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ringfence.text import graphemes
from ringfence.text.segments import Encoding, Segments, count, smart_encode, utf16_length

TRICKY = st.sampled_from(
    [
        "a",
        " ",
        "é",
        "€",
        "[",
        "я",
        "\r\n",
        "\n",
        "😀",
        "👍🏽",
        "🇺🇸",
        "e\u0301",
        "👨\u200d👩\u200d👧\u200d👦",
        "한",
        "\ud83d",
    ]
)
TEXTS = st.one_of(st.text(max_size=400), st.lists(TRICKY, max_size=300).map("".join))


@pytest.mark.shared
def test_every_vector_equals_twilios_calculator(shared_data: Callable[[str], Any]) -> None:
    for row in shared_data("segments.json")["vectors"]:
        parts = tuple(row.get("segment_code_units", [row["code_units"]]))
        expected = Segments(
            Encoding(row["encoding"]),
            row["segments"],
            row["code_units"],
            row["characters"],
            parts,
        )
        assert count(row["text"]) == expected, row["id"]


@pytest.mark.shared
def test_smart_encoding_saves_what_twilios_saves(shared_data: Callable[[str], Any]) -> None:
    for row in shared_data("segments.json")["vectors"]:
        counted = count(smart_encode(row["text"]))
        if "smart_encoding" in row:
            expected = row["smart_encoding"]
            got = {"encoding": counted.encoding, "segments": counted.segments}
            assert got == expected, row["id"]
        else:  # composing a letter with its accent may still save where Twilio's list does not
            assert counted.segments <= row["segments"], row["id"]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("It\u2019s \u201cfine\u201d", 'It\'s "fine"'),
        ("9:00\u201310:00\u2026", "9:00-10:00..."),
        ("a\u00a0b\u202fc", "a b c"),
        ("non\u2011breaking", "non-breaking"),
        ("1\u00bd cups, \u00bc spoon", "1 1/2 cups, 1/4 spoon"),
        ("cafe\u0301", "café"),
        ("\uff21\uff3e\uff5e", "A^~"),
        ("\u2022 one", "- one"),
    ],
)
def test_look_alikes_become_gsm(text: str, plain: str) -> None:
    assert smart_encode(text) == plain


@pytest.mark.parametrize(
    "text", ["\u201chi\u201d 😀", "日本語。", "it\u2019s я", "", "{already} €"]
)
def test_text_that_gains_nothing_is_left_alone(text: str) -> None:
    assert smart_encode(text) == text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 160, (160,)),
        ("a" * 161, (153, 8)),
        ("a" * 306, (153, 153)),
        ("a" * 152 + "€" + "a" * 10, (152, 11)),
        ("я" * 70, (70,)),
        ("я" * 71, (67, 4)),
        ("я" * 66 + "😀" + "яяя", (66, 5)),
        ("я" * 65 + "👍🏽" + "яя", (65, 6)),
        ("я" * 66 + "\r\n" + "яяя", (67, 4)),
        ("e" + "\u0301" * 99, (67, 33)),
    ],
)
def test_nothing_straddles_two_segments(text: str, parts: tuple[int, ...]) -> None:
    counted = count(text)
    assert counted.segment_code_units == parts
    assert counted.segments == len(parts)


@given(TEXTS)
@example("e" + "\u0301" * 200)
def test_the_parts_add_up_and_fit(text: str) -> None:
    counted = count(text)
    assert counted.segments == len(counted.segment_code_units) >= 1
    assert sum(counted.segment_code_units) == counted.code_units == utf16_length(text)
    limit = 160 if counted.encoding is Encoding.GSM_7 else 70
    if counted.segments > 1:
        limit = 153 if counted.encoding is Encoding.GSM_7 else 67
    assert max(counted.segment_code_units) <= limit


@given(TEXTS)
def test_units_are_utf16(text: str) -> None:
    assert utf16_length(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2


@given(TEXTS)
def test_smart_encoding_is_gsm_or_nothing(text: str) -> None:
    encoded = smart_encode(text)
    assert encoded == text or count(encoded).encoding is Encoding.GSM_7
    assert smart_encode(encoded) == encoded


@given(TEXTS)
def test_clusters_join_to_the_text(text: str) -> None:
    found = list(graphemes.clusters(text))
    assert "".join(found) == text
    assert all(found)
    if graphemes.is_plain(text):
        assert len(found) == len(text)


@pytest.mark.parametrize(
    "cluster",
    [
        "👨\u200d👩\u200d👧\u200d👦",
        "🇺🇸",
        "👍🏽",
        "1\ufe0f\u20e3",
        "🏴\U000e0067\U000e0062\U000e007f",
        "각",
        "e\u0323\u0302",
        "\r\n",
        "🧑\u200d🤝\u200d🧑",
        "नि",
    ],
)
def test_a_cluster_stays_whole(cluster: str) -> None:
    assert list(graphemes.clusters(f"a{cluster}b{cluster}{cluster}")) == [
        "a",
        cluster,
        "b",
        cluster,
        cluster,
    ]
