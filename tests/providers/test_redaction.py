"""What is left of a provider's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.providers.redaction import DETAIL_CHARS_MAX, readable, redact


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("The number +15555550123 is invalid", "The number ••• is invalid"),
        ("call (555) 555-0123, now", "call •••, now"),
        ("1-555-555-0123", "•••"),
        (f"AC{'0' * 32} is closed", "••• is closed"),
        (f"Bearer {'x9' * 16}", "Bearer •••"),
        ("code 21610 at 12:30, HTTP 400", "code 21610 at 12:30, HTTP 400"),
        ("two\nlines\tand  spaces ", "two lines and spaces"),
        ("", ""),
    ],
)
@pytest.mark.proves("P9")
def test_redact(said: str, kept: str) -> None:
    assert redact(said) == kept


@given(st.text(max_size=2000))
def test_it_is_always_one_short_line(said: str) -> None:
    kept = redact(said)
    assert len(kept) <= DETAIL_CHARS_MAX
    assert "\n" not in kept


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True), st.text(max_size=40))
def test_no_number_survives(number: str, around: str) -> None:
    assert number[1:] not in redact(f"{around} {number} {around}")


@given(st.text(max_size=50), st.integers(min_value=0, max_value=200))
@pytest.mark.proves("B073")
def test_a_cut_never_halves_a_character(text: str, limit: int) -> None:
    assert text.startswith(readable(text.encode(), limit))
