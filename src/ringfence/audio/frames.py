"""Frames of 20 ms: a byte stream of telephone audio cut to size, and silence to fill what lacks. One byte
is one sample at 8 kHz. Holds less than a frame; must never hold audio back that makes one."""

from __future__ import annotations

from ringfence.audio.g711 import ULAW_SILENCE

FRAME_MS = 20
FRAME_BYTES = 160
BYTES_PER_MS = 8


def lasting_ms(audio: bytes) -> int:
    """How long telephone audio sounds, in whole milliseconds."""
    return len(audio) // BYTES_PER_MS


def silence(ms: int, code: int = ULAW_SILENCE) -> bytes:
    return bytes([code]) * (ms * BYTES_PER_MS)


class Framer:
    """Cuts what comes into frames. `code` is silence in the stream's law."""

    def __init__(self, code: int = ULAW_SILENCE) -> None:
        self._code = code
        self._rest = b""

    def feed(self, audio: bytes) -> list[bytes]:
        """The frames that are whole by now."""
        whole = self._rest + audio
        count = len(whole) // FRAME_BYTES
        self._rest = whole[count * FRAME_BYTES :]
        return [whole[n * FRAME_BYTES : (n + 1) * FRAME_BYTES] for n in range(count)]

    def flush(self) -> bytes | None:
        """What is left, filled up with silence; None when nothing is left."""
        if not self._rest:
            return None
        rest, self._rest = self._rest, b""
        return rest.ljust(FRAME_BYTES, bytes([self._code]))

    def clear(self) -> int:
        """Drop what is left; how many bytes that was."""
        dropped, self._rest = len(self._rest), b""
        return dropped
