"""The energy detector: quiet lines, hum, words and pauses, in frames made by the test."""

from __future__ import annotations

from array import array
from math import pi, sin
from random import Random

import pytest

from ringfence.audio.activity import (
    QUIET_DB,
    Activity,
    ActivitySettings,
    EnergyDetector,
    level_db,
)
from ringfence.audio.frames import FRAME_MS, Framer, silence
from ringfence.audio.g711 import pcm_bytes, pcm_to_ulaw


def noise(db: float, ms: int, seed: int = 1) -> bytes:
    """White noise of this loudness."""
    rng, size = Random(seed), 32768 * 10 ** (db / 20) * 3**0.5
    values = array("h", (round(rng.uniform(-size, size)) for _ in range(ms * 8)))
    return pcm_to_ulaw(pcm_bytes(values))


def voice(ms: int, size: float = 6_000) -> bytes:
    """Vowels of 180 ms with 60 ms between them, at a low voice's pitch."""
    values = array("h")
    for n in range(ms * 8):
        is_on = (n // 8) % 240 < 180
        wave = sum(sin(2 * pi * 120 * k * n / 8_000) / k for k in (1, 2, 3, 5, 8))
        values.append(round(size * wave / 2) if is_on else 0)
    return pcm_to_ulaw(pcm_bytes(values))


def changes(audio: bytes, detector: EnergyDetector | None = None) -> list[tuple[int, Activity]]:
    """When something changed, in milliseconds of audio."""
    ear = detector or EnergyDetector()
    found = [(ear.hear(frame), ear.heard_ms) for frame in Framer().feed(audio)]
    return [(at, change) for change, at in found if change is not None]


def test_loudness_is_against_full_scale() -> None:
    assert level_db(silence(20)) == QUIET_DB
    assert level_db(b"") == QUIET_DB
    assert level_db(b"\x00\x80" * 80) == pytest.approx(-0.17, abs=0.01)
    for db in (-50.0, -30.0, -12.0):
        assert level_db(noise(db, 400)) == pytest.approx(db, abs=0.5)


@pytest.mark.parametrize("db", [-90.0, -70.0, -60.0, -50.0])
def test_a_quiet_line_is_nobody(db: float) -> None:
    audio = silence(5_000) if db == -90.0 else noise(db, 5_000)
    assert changes(audio) == []


@pytest.mark.parametrize("db", [-90.0, -60.0, -50.0])
def test_words_start_soon_and_stop_after_the_pause(db: float) -> None:
    background = silence(1_000) if db == -90.0 else noise(db, 1_000)
    found = changes(background + voice(1_200) + background)
    assert [change for _, change in found] == [Activity.STARTED, Activity.STOPPED]
    started, stopped = (at for at, _ in found)
    assert 1_000 < started <= 1_000 + 100
    last_word = 1_000 + 4 * 240 + 180
    assert last_word + 500 <= stopped <= last_word + 500 + 2 * FRAME_MS


def test_gaps_between_words_do_not_stop_it() -> None:
    found = changes(silence(200) + voice(6_000))
    assert [change for _, change in found] == [Activity.STARTED]


def test_a_click_is_no_word() -> None:
    assert changes(silence(500) + noise(-10, 40) + silence(1_000)) == []


def test_a_hum_becomes_the_floor() -> None:
    ear = EnergyDetector()
    found = changes(noise(-35, 60_000), ear)
    assert [change for _, change in found] == [Activity.STARTED, Activity.STOPPED]
    assert ear.floor_db > -50
    assert not ear.is_speech
    later = changes(voice(1_000, size=12_000), ear)
    assert later, "words above the hum are still heard"
    assert later[0][1] is Activity.STARTED


def test_its_limits_are_settings() -> None:
    audio = silence(200) + voice(180) + silence(1_000)
    assert changes(audio, EnergyDetector(ActivitySettings(start_ms=400))) == []
    quick = changes(audio, EnergyDetector(ActivitySettings(start_ms=20, stop_ms=100)))
    assert [change for _, change in quick] == [Activity.STARTED, Activity.STOPPED]
    assert quick[1][0] - quick[0][0] < 400
    assert changes(audio, EnergyDetector(ActivitySettings(least_db=-5))) == []


def test_the_same_audio_gives_the_same_answer() -> None:
    audio = noise(-45, 500) + voice(700) + noise(-45, 900)
    assert changes(audio) == changes(audio)
