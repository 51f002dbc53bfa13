"""Numbers as authority: strict E.164 or nothing, never guessed, printed masked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.model.errors import InvalidNumber
from ringfence.model.phone import PhoneNumber, from_operator, from_sender, mask, strict


@pytest.mark.shared
def test_strict_means_what_the_vectors_call_strict(shared_data: Callable[[str], Any]) -> None:
    for row in shared_data("e164.json")["vectors"]:
        text, is_strict = row["input"], row["strict_e164"]
        if is_strict and text[1] != "0":
            assert strict(text).e164 == text, row["id"]
        else:
            with pytest.raises(InvalidNumber):
                strict(text)


@pytest.mark.proves("B062")
@pytest.mark.parametrize(
    "text",
    ["+123456", "+1234567890123456", "+05555550123", "15555550123", "", "+", "+1555555o123",
     "+1555555012٣", "+15555550123\n", " +15555550123", "555-0123"],
)  # fmt: skip
def test_too_short_too_long_or_not_a_number_is_invalid(text: str) -> None:
    with pytest.raises(InvalidNumber):
        strict(text)


@pytest.mark.proves("B061")
@pytest.mark.parametrize(
    "text", ["(555) 123-4567", "555-555-0123", "5555550123", "00 1 555 0123456"]
)
def test_a_national_number_is_refused_never_guessed(text: str) -> None:
    with pytest.raises(InvalidNumber, match="country code"):
        from_operator(text)


@pytest.mark.proves("B055")
@pytest.mark.parametrize(
    "text",
    ["+15555550123", "sms:+1 555-555-0123", "twilio-sms:+1 (555) 555.0123", 15555550123,
     " SMS:+15555550123 ", "tel:+1-555-555-0123"],
)  # fmt: skip
def test_layout_and_prefixes_an_operator_writes_are_the_same_number(text: str | int) -> None:
    assert from_operator(text) == PhoneNumber("+15555550123")


@pytest.mark.proves("B032", "B014")
def test_a_sender_may_come_over_rcs_but_not_over_another_network() -> None:
    for text in ("rcs:+15555550123", "RCS:+15555550123", "+15555550123"):
        assert from_sender(text).e164 == "+15555550123"
    for text in ("whatsapp:+15555550123", "signal:+15555550123", "12345", "ACME", "anonymous", ""):
        with pytest.raises(InvalidNumber):
            from_sender(text)


@pytest.mark.proves("P9")
@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_a_number_never_prints_in_full(text: str) -> None:
    number = strict(text)
    for shown in (str(number), repr(number), f"{number}", mask(text)):
        assert text not in shown
        assert text[1:] not in shown
