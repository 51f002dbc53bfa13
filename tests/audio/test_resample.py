"""Rates change with a known delay, and however the stream is cut the samples are the same."""

from __future__ import annotations

from array import array
from math import cos, hypot, log10, pi, sin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.audio.resample import DELAY_MS, TELEPHONE_HZ, Lowered, Raised

RATES = (16_000, 24_000)


def tone(hz: float, rate: int, seconds: float = 0.25, size: float = 10_000) -> array[int]:
    return array(
        "h", (round(size * sin(2 * pi * hz * n / rate)) for n in range(int(rate * seconds)))
    )


def strength_db(found: array[int], hz: float, rate: int, size: float = 10_000) -> float:
    """How much of a tone is in there (Goertzel's sum, on the settled middle)."""
    middle = found[len(found) // 4 : 3 * len(found) // 4]
    turn = 2 * pi * hz / rate
    a = sum(value * cos(turn * n) for n, value in enumerate(middle))
    b = sum(value * sin(turn * n) for n, value in enumerate(middle))
    return 20 * log10(max(1e-9, 2 * hypot(a, b) / len(middle)) / size)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hz", [300, 1_000, 2_400, 3_000])
def test_speech_passes_both_ways_and_its_image_does_not(rate: int, hz: int) -> None:
    raised = Raised(rate).feed(tone(hz, TELEPHONE_HZ))
    assert abs(strength_db(raised, hz, rate)) < 0.5
    assert strength_db(raised, TELEPHONE_HZ - hz, rate) < -35
    lowered = Lowered(rate).feed(tone(hz, rate))
    assert abs(strength_db(lowered, hz, TELEPHONE_HZ)) < 0.5


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hz", [5_000, 6_500])
def test_what_a_telephone_cannot_carry_does_not_fold_back(rate: int, hz: int) -> None:
    lowered = Lowered(rate).feed(tone(hz, rate))
    assert strength_db(lowered, TELEPHONE_HZ - hz, TELEPHONE_HZ) < -35


@pytest.mark.parametrize("rate", RATES)
def test_the_delay_is_the_one_it_says(rate: int) -> None:
    """A click comes out where it went in, and DELAY_MS later."""
    click = array("h", [0] * 100 + [20_000] + [0] * 100)
    raised = Raised(rate).feed(click)
    factor = rate // TELEPHONE_HZ
    assert raised.index(max(raised)) == (100 + DELAY_MS * TELEPHONE_HZ / 1000) * factor
    wide = array("h", [0] * 100 * factor + [20_000] * factor + [0] * 100 * factor)
    lowered = Lowered(rate).feed(wide)
    expected = 100 + DELAY_MS * TELEPHONE_HZ / 1000
    assert abs(lowered.index(max(lowered)) - expected) <= 1


@settings(max_examples=30)
@given(
    st.sampled_from(RATES),
    st.lists(st.integers(-32768, 32767), min_size=1, max_size=120),
    st.lists(st.integers(1, 40), min_size=1, max_size=20),
)
def test_pieces_make_the_same_stream(rate: int, values: list[int], cuts: list[int]) -> None:
    whole = array("h", values)
    for make in (Raised, Lowered):
        at_once, piecewise = make(rate).feed(whole), array("h")
        stream, rest, n = make(rate), whole, 0
        while rest:
            size = cuts[n % len(cuts)]
            piecewise += stream.feed(rest[:size])
            rest, n = rest[size:], n + 1
        assert piecewise == at_once


@pytest.mark.parametrize("rate", RATES)
def test_no_sample_is_lost_or_invented(rate: int) -> None:
    factor = rate // TELEPHONE_HZ
    assert len(Raised(rate).feed(array("h", [1] * 160))) == 160 * factor
    lowered = Lowered(rate)
    assert sum(len(lowered.feed(array("h", [1] * n))) for n in (7, 1, 152 * factor - 8)) == 152
    assert len(Raised(rate).feed(array("h"))) == 0


@pytest.mark.parametrize("rate", RATES)
def test_the_loudest_stays_within_bounds(rate: int) -> None:
    square = array("h", ([32767] * 8 + [-32768] * 8) * 20)
    for make in (Raised, Lowered):
        made = make(rate).feed(square)
        assert max(made) == 32767
        assert min(made) == -32768


@pytest.mark.parametrize("rate", [8_000, 11_025, 32_000, 48_000, 0])
def test_other_rates_are_refused(rate: int) -> None:
    for make in (Raised, Lowered):
        with pytest.raises(ValueError, match="16000 and 24000"):
            make(rate)
