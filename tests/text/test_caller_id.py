"""A caller id is a whole number or nobody."""

from __future__ import annotations

import pytest

from ringfence.model.phone import PhoneNumber
from ringfence.text.caller_id import PLACEHOLDERS, is_placeholder, shown_number


@pytest.mark.proves("B121")
@pytest.mark.parametrize(
    "caller",
    [
        "",
        " ",
        "anonymous",
        "Anonymous",
        "Restricted",
        "unavailable",
        "unknown",
        "5550141",
        "15555550141",
        "+1555",
        "+05555550141",
        "+15555550141,+15555550142",
        "+15555550141;ext=1",
        " +15555550141",
        "+15555550141\n",
        "+1555555014１",
        "tel:+15555550141",
        "sip:+15555550141@example.com",
        "client:ann",
        "+1 (555) 555-0141",
        *sorted(PLACEHOLDERS),
        *sorted(f"+{digits}" for digits in PLACEHOLDERS),
    ],
)
def test_what_is_no_whole_number_is_nobody(caller: str) -> None:
    assert shown_number(caller) is None


@pytest.mark.proves("B121")
def test_a_codec_can_only_take_away() -> None:
    assert shown_number("+15555550141") == PhoneNumber("+15555550141")
    assert shown_number("+15555550141", hidden=True) is None
    assert shown_number("anonymous", hidden=False) is None


def test_the_placeholders_are_words_on_a_keypad() -> None:
    keys = {
        letter: str(n)
        for n, row in enumerate(("ABC", "DEF", "GHI", "JKL", "MNO", "PQRS", "TUV", "WXYZ"), start=2)
        for letter in row
    }
    words = ("ANONYMOUS", "RESTRICTED", "BLOCKED", "UNKNOWN", "UNAVAILABLE")
    assert {"".join(keys[letter] for letter in word) for word in words} == PLACEHOLDERS
    assert not is_placeholder(PhoneNumber("+17378742833")), "somebody's telephone in Texas"
