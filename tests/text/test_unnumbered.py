"""text/unnumbered.py: numbers are masked however they are written; ids and times are left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.text.unnumbered import unnumbered


@pytest.mark.proves("P9")
@pytest.mark.parametrize(
    "written",
    [
        "+15555550123",
        "+1 555 555 0123",
        "+1 (555) 555-0123",
        "+1.555.555.0123",
        "+49 30 5555 0123",
        "(555) 555-0123",
        "555-555-0123",
        "555.555.0123",
        "5555550123",
        "15555550123",
        "0015555550123",
    ],
)
def test_a_number_is_masked(written: str) -> None:
    shown = unnumbered(f"Caller {written}, twice: {written}.")
    assert written not in shown
    assert "555550" not in "".join(c for c in shown if c.isdigit())
    assert shown.startswith("Caller ")


@pytest.mark.parametrize(
    "said",
    [
        "Disk full on db-12",
        "2026-11-21 12:00:00 UTC",
        "10.20.30.40:5432",
        "tkt_01994a5b6c7d71234567890123456789",
        "HTTP 503 after 30000 ms",
        "+5 % in 10 minutes",
        "99.9999 %",
    ],
)
def test_what_is_no_number_stays(said: str) -> None:
    assert unnumbered(said) == said


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_stands_around_it(before: str, after: str) -> None:
    if not before[-1:].isalnum() and not after[:1].isdigit():
        assert "+15555550123" not in unnumbered(f"{before}+15555550123{after}")
