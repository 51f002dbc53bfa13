"""Keys as sound: the two frequencies of each, and nothing else."""

from __future__ import annotations

from math import cos, hypot, pi, sin

import pytest

from ringfence.audio.g711 import samples, ulaw_to_pcm
from ringfence.voice.tones import DIGITS_MAX, KEYS, is_keys, tones

# ITU-T Q.23, written out once more.
PLAN = {
    "1": (697, 1209), "2": (697, 1336), "3": (697, 1477),
    "4": (770, 1209), "5": (770, 1336), "6": (770, 1477),
    "7": (852, 1209), "8": (852, 1336), "9": (852, 1477),
    "*": (941, 1209), "0": (941, 1336), "#": (941, 1477),
}  # fmt: skip
ALL_HZ = sorted({hz for pair in PLAN.values() for hz in pair} | {1633})


def strength(sound: bytes, hz: int) -> float:
    values = samples(ulaw_to_pcm(sound))
    turn = 2 * pi * hz / 8_000
    real = sum(value * cos(n * turn) for n, value in enumerate(values))
    imaginary = sum(value * sin(n * turn) for n, value in enumerate(values))
    return hypot(real, imaginary) / len(values)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_key_is_its_two_frequencies(key: str) -> None:
    sound = tones(key)[:800]
    by_strength = sorted(ALL_HZ, key=lambda hz: strength(sound, hz))
    assert set(by_strength[-2:]) == set(PLAN[key])
    assert strength(sound, by_strength[-2]) > 8 * strength(sound, by_strength[-3])


def test_keys_are_apart_and_w_is_half_a_second() -> None:
    assert len(tones("12")) == 2 * len(tones("1")) == 3_200
    assert tones("w") == b"\xff" * 4_000
    assert tones("1")[800:] == b"\xff" * 800


@pytest.mark.parametrize("wrong", ["", "a", "1 2", "1" * (DIGITS_MAX + 1), "١"])
def test_what_is_no_key_is_refused(wrong: str) -> None:
    assert not is_keys(wrong)
    assert is_keys("0123456789*#w")


def test_another_character_has_no_tone() -> None:
    with pytest.raises(ValueError, match="no tone"):
        tones("A")
