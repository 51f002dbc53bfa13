"""Keys as sound, for providers whose stream has no message for them: two sines a key (ITU-T Q.23), long
enough for any receiver (Q.24 asks for 40 ms of tone and of pause)."""

from __future__ import annotations

from array import array
from math import pi, sin

from ringfence.audio.frames import BYTES_PER_MS, silence
from ringfence.audio.g711 import pcm_bytes, pcm_to_ulaw

KEYS = "0123456789*#"
WAIT = "w"
DIGITS_MAX = 32
_TONE_MS, _PAUSE_MS, _WAIT_MS = 100, 100, 500
_SIZE = 8_000  # each of the two, some 12 dB below full scale
_HZ = 8_000
_ROWS, _COLUMNS = (697, 770, 852, 941), (1_209, 1_336, 1_477)
_PLACES = {key: divmod(n, 3) for n, key in enumerate("123456789*0#")}


def is_keys(digits: str) -> bool:
    """Whether these can be pressed, and are not too many for one go."""
    return 0 < len(digits) <= DIGITS_MAX and set(digits) <= set(KEYS + WAIT)


def tones(digits: str) -> bytes:
    """µ-law sound of these keys, `w` for half a second. Raises ValueError for another character."""
    return b"".join(silence(_WAIT_MS) if digit == WAIT else _tone(digit) for digit in digits)


def _tone(key: str) -> bytes:
    if key not in _PLACES:
        raise ValueError(f"there is no tone for {key!r}")
    row, column = _PLACES[key]
    steps = [2 * pi * hz / _HZ for hz in (_ROWS[row], _COLUMNS[column])]
    values = (
        round(sum(_SIZE * sin(n * step) for step in steps)) for n in range(_TONE_MS * BYTES_PER_MS)
    )
    return pcm_to_ulaw(pcm_bytes(array("h", values))) + silence(_PAUSE_MS)
