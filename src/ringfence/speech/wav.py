"""Sound as speech programs write it, RIFF WAVE with 16-bit samples at whatever rate, as µ-law at 8 kHz.
Whole utterances only: the streams of calls are `audio/resample`'s. Must never trust a length that the
file names."""

from __future__ import annotations

import struct
from array import array
from math import cos, gcd, pi, sin
from operator import mul

from ringfence.audio.g711 import pcm_bytes, pcm_to_ulaw, samples
from ringfence.audio.resample import TELEPHONE_HZ, Lowered

HZ_MAX = 48_000
_REACH = 8  # telephone samples to each side
_CUT = 0.9  # of half the telephone rate
_DIRECT = (16_000, 24_000)


def ulaw_of_wav(content: bytes) -> bytes:
    """Raises ValueError for what is no mono 16-bit WAVE between 8 and 48 kHz."""
    hz, pcm = _opened(content)
    values = samples(pcm[: len(pcm) // 2 * 2])
    return pcm_to_ulaw(pcm_bytes(_lowered(values, hz)))


def _opened(content: bytes) -> tuple[int, bytes]:
    """The rate and the samples. A program that writes to a pipe does not know the length before: the
    sound then ends where the file does."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ValueError("it is no WAVE file")
    at, hz = 12, 0
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        at += 8
        if name == b"fmt ":
            hz = _rate(content[at : at + 16])
        elif name == b"data":
            if not hz:
                raise ValueError("its sound comes before its format")
            return hz, content[at : at + size]
        at += size + size % 2
    raise ValueError("it has no sound")


def _rate(form: bytes) -> int:
    if len(form) < 16:
        raise ValueError("its format is cut off")
    kind, channels, hz, _, _, bits = struct.unpack("<HHIIHH", form)
    if (kind, channels, bits) != (1, 1, 16) or not TELEPHONE_HZ <= hz <= HZ_MAX:
        raise ValueError("its sound is not one channel of 16 bits at 8 to 48 kHz")
    return int(hz)


def _lowered(values: array[int], hz: int) -> array[int]:
    if hz == TELEPHONE_HZ:
        return values
    if hz in _DIRECT:
        return Lowered(hz).feed(values)
    return _resampled(values, hz)


def _resampled(values: array[int], hz: int) -> array[int]:
    """A windowed sinc for each of the places between two samples that the ratio of the rates has."""
    step = gcd(hz, TELEPHONE_HZ)
    up, down = TELEPHONE_HZ // step, hz // step
    reach = -(-_REACH * hz // TELEPHONE_HZ)
    taps = [_taps(phase / up, hz, reach) for phase in range(up)]
    whole = [0.0] * reach + [float(value) for value in values] + [0.0] * (reach + 1)
    made = array("h")
    for n in range(len(values) * up // down):
        at, phase = divmod(n * down, up)
        value = sum(map(mul, taps[phase], whole[at : at + 2 * reach + 1]))
        made.append(min(0x7FFF, max(-0x8000, round(value))))
    return made


def _taps(shift: float, hz: int, reach: int) -> list[float]:
    """Weights of the samples around a place `shift` of a sample to the right, summing to 1."""
    cut = _CUT * TELEPHONE_HZ / hz
    raw = []
    for n in range(-reach, reach + 1):
        away = n - shift
        x = away * cut
        sinc = 1.0 if x == 0 else sin(pi * x) / (pi * x)
        raw.append(sinc * (0.54 + 0.46 * cos(pi * away / (reach + 1))))
    total = sum(raw)
    return [tap / total for tap in raw]
