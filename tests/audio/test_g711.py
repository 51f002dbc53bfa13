"""G.711 to the bit, against tables and digests made by CPython's own C implementation."""

from __future__ import annotations

import base64
from array import array
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.audio import g711

EVERY = g711.pcm_bytes(array("h", range(-32768, 32768)))


@pytest.mark.shared
def test_every_code_and_every_sample_is_the_references(shared_data: Callable[[str], Any]) -> None:
    truth = shared_data("g711.json")
    assert list(g711.ULAW_VALUES) == truth["ulaw_decode"]
    assert list(g711.ALAW_VALUES) == truth["alaw_decode"]
    digest = sha256(g711.pcm_to_ulaw(EVERY)).hexdigest()
    assert digest == truth["ulaw_encode_all16bit_sha256"]
    digest = sha256(g711.pcm_to_alaw(EVERY)).hexdigest()
    assert digest == truth["alaw_encode_all16bit_sha256"]
    assert truth["ulaw_silence_byte"] == g711.ULAW_SILENCE
    assert truth["alaw_silence_byte"] == g711.ALAW_SILENCE


@pytest.mark.shared
def test_the_references_clips(shared_data: Callable[[str], Any]) -> None:
    for clip in shared_data("g711.json")["samples"]:
        pcm, ulaw, alaw = (
            base64.b64decode(clip[name]) for name in ("pcm16le_b64", "ulaw_b64", "alaw_b64")
        )
        assert g711.pcm_to_ulaw(pcm) == ulaw, clip["name"]
        assert g711.pcm_to_alaw(pcm) == alaw, clip["name"]


@given(st.binary(max_size=400))
def test_codes_come_back(codes: bytes) -> None:
    """A-law has no second zero; µ-law's negative zero becomes the positive one."""
    assert g711.pcm_to_alaw(g711.alaw_to_pcm(codes)) == codes
    assert g711.pcm_to_ulaw(g711.ulaw_to_pcm(codes)) == codes.replace(b"\x7f", b"\xff")


@given(st.binary(max_size=400))
def test_from_law_to_law_is_by_way_of_samples(codes: bytes) -> None:
    assert g711.ulaw_to_alaw(codes) == g711.pcm_to_alaw(g711.ulaw_to_pcm(codes))
    assert g711.alaw_to_ulaw(codes) == g711.pcm_to_ulaw(g711.alaw_to_pcm(codes))


@given(st.lists(st.integers(-32768, 32767), max_size=200))
def test_samples_are_bytes_little_end_first(values: list[int]) -> None:
    pcm = g711.pcm_bytes(array("h", values))
    assert pcm == b"".join(value.to_bytes(2, "little", signed=True) for value in values)
    assert list(g711.samples(pcm)) == values


def test_half_a_sample_is_refused() -> None:
    for read in (g711.samples, g711.pcm_to_ulaw, g711.pcm_to_alaw):
        with pytest.raises(ValueError, match="pairs of bytes"):
            read(b"\x00")


def test_silence_is_silent() -> None:
    assert g711.ulaw_to_pcm(bytes([g711.ULAW_SILENCE])) == b"\x00\x00"
    assert g711.ALAW_VALUES[g711.ALAW_SILENCE] == 8, "A-law's smallest step"
