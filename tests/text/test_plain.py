"""Markdown becomes plain text: what a correct stripper keeps, and where the peer loses something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.text.plain import is_blank, plain
from ringfence.text.segments import Encoding, count


@pytest.mark.shared
@pytest.mark.proves("B064")
def test_words_code_and_addresses_survive_every_reply(shared_data: Callable[[str], Any]) -> None:
    for row in shared_data("markdown-plain.json")["vectors"]:
        text, facts = plain(row["input"]), row["commonmark"]
        place = 0
        for word in facts["words"]:
            found = text.find(word, place)
            assert found >= 0, (row["id"], word, text)
            place = found + len(word)
        for kept in (*facts["code_lines"], *facts["urls"], *facts["images"]):
            assert kept in text, (row["id"], kept, text)


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("**bold** and _it_ and `code`", "bold and it and code"),
        ("2*3*4=24", "2*3*4=24"),
        ("2**3**2", "2**3**2"),
        ("**太字**です", "太字です"),
        ("see https://example.com/a*b*c now", "see https://example.com/a*b*c now"),
        ("https://e.com/*x*/_y_/~~z", "https://e.com/*x*/_y_/~~z"),
        ("**https://e.com/x**.", "https://e.com/x."),
        ("edit __init__.py and self.__dict__", "edit __init__.py and self.__dict__"),
        ("[docs](https://example.com/a)", "docs (https://example.com/a)"),
        ("[https://e.com](https://e.com)", "https://e.com"),
        ("[example.com](https://example.com/)", "https://example.com/"),
        ("[my bank](https://evil.example)", "my bank (https://evil.example)"),
        ("<https://example.com>", "https://example.com"),
        ("<a@b.example>", "a@b.example"),
        ("[mail](mailto:a@b.example)", "mail (a@b.example)"),
        ("[call](tel:+15555550100)", "call (+15555550100)"),
        ("![chart](https://e.com/i.png)", "chart (https://e.com/i.png)"),
        ("Sources\n\n[1]: https://e.com/a", "Sources\n[1]: https://e.com/a"),
        ("[ref][1]\n\n[1]: https://e.com", "ref (https://e.com)"),
        ("* one\n* two", "- one\n- two"),
        ("- a\n  - b\n    - c", "- a\n  - b\n    - c"),
        ("1) one\n2) two", "1) one\n2) two"),
        ("3. a\n3. b", "3. a\n4. b"),
        ("1. first\n\n   para\n2. second", "1. first\n\n  para\n2. second"),
        ("Here:\n- a\n- b\n\nafter", "Here:\n- a\n- b\n\nafter"),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | |", "a; b\n1; 2\n3;"),
        ("x\n\n```py\nif a:\n    b*c*d\n```\ny", "x\n\nif a:\n    b*c*d\ny"),
        ("- item\n  ```\n  a\n    b\n  ```", "- item\na\n  b"),
        ("- ```\n  a\n  ```", "-\na"),
        ("> quoted\n> text\n\nme", "quoted\ntext\n\nme"),
        ("# Title\nbody\n\n---\n\nend", "Title\nbody\n\nend"),
        ("a\n\n---\nb", "a\n\nb"),
        ("a<br>b <b>c</b> x<sup>2</sup>", "a\nb c x^2"),
        ('<a href="https://e.com">here</a>', "(https://e.com) here"),
        ("List<String> of <thing>", "List<String> of <thing>"),
        ("<div>\n<p>one</p>\n<ul><li>two</li></ul>\n</div>", "one\n\n- two"),
        ("&lt;b&gt; &amp; &nbsp;", "<b> &"),
        ("---", ""),
        ("****", ""),
    ],
)
def test_what_becomes_of_markdown(markdown: str, text: str) -> None:
    assert plain(markdown) == text


@pytest.mark.proves("B064")
@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("a\n\n\n\nb", "a\n\nb"),
        ("a\r\n\r\n\r\nb **c**", "a\n\nb c"),
        ("  \n a \t\n", "a"),
        ("", ""),
        (" \r\n\t ", ""),
    ],
)
def test_line_breaks_and_ends(markdown: str, text: str) -> None:
    assert plain(markdown) == text


@pytest.mark.parametrize(
    "text",
    [
        "two words  spaced",
        "a\n  b\nc: d",
        "Call +1 555 555 0100 (now)!",
        "-5 degrees",
        "日本語。😀",
        "It's 5 o'clock",
        "1.5 kg",
        "#42 is ready",
        "a_b_c",
        "$5*",
        "x < y & z",
        "a | b",
        "Order #42: ready",
    ],
)
def test_text_without_markdown_passes_as_it_is(text: str) -> None:
    assert plain(text) == text


@pytest.mark.proves("B064")
@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\ufeff", "\u00a0", "\u2060"])
def test_blank_is_what_no_phone_would_show(text: str) -> None:
    assert is_blank(text)
    assert not is_blank(text + ".")
    assert not is_blank("👍" + text)


def test_a_list_and_a_table_stay_in_gsm_7() -> None:
    reply = "**Menu**\n\n* Coffee\n* Bagel\n\n| item | price |\n|--|--|\n| Coffee | 3 |"
    assert count(plain(reply)).encoding is Encoding.GSM_7


@given(st.text(alphabet="ab *_`~#>[]()<&|\\-+=1.:/\n\r\t!\"'😀h", max_size=120))
def test_any_reply_gives_tidy_text(markdown: str) -> None:
    text = plain(markdown)
    assert text == text.strip()
    assert "\r" not in text
    assert "\n\n\n" not in text
