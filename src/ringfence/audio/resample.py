"""Between 8 kHz and the rates vendors speak, 16 and 24 kHz, a piece at a time: a short linear-phase
filter whose delay is known and small (1 ms each way; general resamplers hold tens, facts voice 3.8).
Must never lose or invent a sample, however the stream is cut."""

from __future__ import annotations

from array import array
from math import cos, pi, sin
from operator import mul

TELEPHONE_HZ = 8_000
DELAY_MS = 1.0
_REACH = 8  # telephone samples to each side of the one asked for: the delay
_CUT = 0.9  # of half the telephone rate: speech ends at 3,400 Hz
_LOW, _HIGH = -0x8000, 0x7FFF


def _taps(factor: int) -> tuple[float, ...]:
    """A Hamming-windowed sinc at the high rate, with a sum of 1."""
    reach = _REACH * factor
    raw = []
    for n in range(-reach, reach + 1):
        x = n * _CUT / factor
        sinc = 1.0 if n == 0 else sin(pi * x) / (pi * x)
        raw.append(sinc * (0.54 + 0.46 * cos(pi * n / reach)))
    total = sum(raw)
    return tuple(tap / total for tap in raw)


def _factor(hz: int) -> int:
    factor, rest = divmod(hz, TELEPHONE_HZ)
    if rest or factor not in (2, 3):
        raise ValueError("16000 and 24000 samples a second are converted")
    return factor


def _rounded(values: list[float]) -> array[int]:
    """What is louder than a sample can be is cut, which is rare: it is tried without first."""
    try:
        return array("h", map(round, values))
    except OverflowError:
        return array("h", (min(_HIGH, max(_LOW, round(value))) for value in values))


class Raised:
    """A stream at 8 kHz as one at `hz`. Raises ValueError for another rate than 16 or 24 kHz."""

    def __init__(self, hz: int) -> None:
        factor = _factor(hz)
        taps = _taps(factor)
        # One short filter for each place between two samples; backwards, since it meets the past.
        self._phases = tuple(
            tuple(factor * tap for tap in reversed(taps[phase::factor])) for phase in range(factor)
        )
        self._past = [0.0] * (2 * _REACH)

    def feed(self, samples: array[int]) -> array[int]:
        """The samples that these make: as many as came, times the factor."""
        # A list of floats is three times as quick to slice and to multiply as the array.
        whole = [*self._past, *map(float, samples)]
        phases = [(phase, len(phase)) for phase in self._phases]
        made = [
            sum(map(mul, phase, whole[end - length : end]))
            for end in range(2 * _REACH + 1, len(whole) + 1)
            for phase, length in phases
        ]
        self._past = whole[len(samples) :]
        return _rounded(made)


class Lowered:
    """A stream at `hz` as one at 8 kHz. Raises ValueError for another rate than 16 or 24 kHz."""

    def __init__(self, hz: int) -> None:
        self._factor = _factor(hz)
        self._taps = _taps(self._factor)
        self._rest = [0.0] * (len(self._taps) - 1)

    def feed(self, samples: array[int]) -> array[int]:
        """The samples that are whole by now; over a stream one for every `factor` that came."""
        whole, length = [*self._rest, *map(float, samples)], len(self._taps)
        starts = range(0, len(whole) - length + 1, self._factor)
        made = [sum(map(mul, self._taps, whole[at : at + length])) for at in starts]
        self._rest = whole[len(starts) * self._factor :]
        return _rounded(made)
