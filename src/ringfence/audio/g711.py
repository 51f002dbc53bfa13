"""G.711: 8-bit µ-law and A-law to and from 16-bit samples, by tables (ITU-T G.711). Samples travel as
signed 16-bit little-endian bytes ("pcm"). Must never resample and never guess which law it is given."""

from __future__ import annotations

import sys
from array import array
from itertools import chain

ULAW_SILENCE = 0xFF
ALAW_SILENCE = 0xD5

_BIAS = 0x84  # added before the logarithm, so that every magnitude has a segment


def _ulaw_value(code: int) -> int:
    """The sample a µ-law code stands for. Codes are stored inverted."""
    bits = ~code & 0xFF
    magnitude = (((bits & 0x0F) << 3) + _BIAS) << ((bits & 0x70) >> 4)
    return _BIAS - magnitude if bits & 0x80 else magnitude - _BIAS


def _alaw_value(code: int) -> int:
    """The sample an A-law code stands for. Every other bit is stored inverted."""
    bits = code ^ 0x55
    segment = (bits & 0x70) >> 4
    magnitude = ((bits & 0x0F) << 4) + (8 if segment == 0 else 0x108)
    magnitude <<= max(0, segment - 1)
    return magnitude if bits & 0x80 else -magnitude


def _ulaw_code(sample: int) -> int:
    """Encoders differ at the edges of steps; this one is CPython's audioop to the bit."""
    value = sample >> 2
    magnitude = min(abs(value), 8159) + (_BIAS >> 2)
    segment = magnitude.bit_length() - 6
    bits = 0x7F if segment > 7 else segment << 4 | magnitude >> (segment + 1) & 0x0F
    return bits ^ (0xFF if value >= 0 else 0x7F)


def _alaw_code(sample: int) -> int:
    value = sample >> 3
    magnitude = value if value >= 0 else ~value
    segment = max(0, magnitude.bit_length() - 5)
    bits = segment << 4 | magnitude >> max(1, segment) & 0x0F
    return bits ^ (0xD5 if value >= 0 else 0x55)


# The index of an encoder's table is the sample's 16 bits read without a sign.
_BY_BITS = tuple(chain(range(0x8000), range(-0x8000, 0)))
_ULAW_CODES = bytes(map(_ulaw_code, _BY_BITS))
_ALAW_CODES = bytes(map(_alaw_code, _BY_BITS))
ULAW_VALUES = tuple(map(_ulaw_value, range(256)))
ALAW_VALUES = tuple(map(_alaw_value, range(256)))
_ALAW_OF_ULAW = bytes(_ALAW_CODES[value & 0xFFFF] for value in ULAW_VALUES)
_ULAW_OF_ALAW = bytes(_ULAW_CODES[value & 0xFFFF] for value in ALAW_VALUES)


def samples(pcm: bytes) -> array[int]:
    """Little-endian 16-bit bytes as numbers. Raises ValueError for half a sample."""
    if len(pcm) % 2:
        raise ValueError("16-bit samples come in pairs of bytes")
    found = array("h")
    found.frombytes(pcm)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def pcm_bytes(values: array[int]) -> bytes:
    """Numbers as little-endian 16-bit bytes."""
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return values.tobytes()


def ulaw_to_pcm(codes: bytes) -> bytes:
    return pcm_bytes(array("h", map(ULAW_VALUES.__getitem__, codes)))


def alaw_to_pcm(codes: bytes) -> bytes:
    return pcm_bytes(array("h", map(ALAW_VALUES.__getitem__, codes)))


def pcm_to_ulaw(pcm: bytes) -> bytes:
    """Raises ValueError for half a sample."""
    return bytes(map(_ULAW_CODES.__getitem__, _unsigned(pcm)))


def pcm_to_alaw(pcm: bytes) -> bytes:
    """Raises ValueError for half a sample."""
    return bytes(map(_ALAW_CODES.__getitem__, _unsigned(pcm)))


def ulaw_to_alaw(codes: bytes) -> bytes:
    return codes.translate(_ALAW_OF_ULAW)


def alaw_to_ulaw(codes: bytes) -> bytes:
    return codes.translate(_ULAW_OF_ALAW)


def _unsigned(pcm: bytes) -> array[int]:
    return array("H", samples(pcm).tobytes())
