"""A stream is cut into frames of 20 ms whatever pieces it comes in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ringfence.audio.frames import FRAME_BYTES, FRAME_MS, Framer, lasting_ms, silence
from ringfence.audio.g711 import ALAW_SILENCE


@given(st.lists(st.binary(max_size=500), max_size=12))
def test_nothing_is_lost_and_every_frame_is_whole(pieces: list[bytes]) -> None:
    framer, whole = Framer(), b"".join(pieces)
    frames = [frame for piece in pieces for frame in framer.feed(piece)]
    assert {len(frame) for frame in frames} <= {FRAME_BYTES}
    assert len(frames) == len(whole) // FRAME_BYTES, "none is held back"
    last = framer.flush()
    told = b"".join(frames) + (last or b"")
    assert told[: len(whole)] == whole
    assert set(told[len(whole) :]) <= {0xFF}
    assert framer.flush() is None


def test_silence_and_lengths() -> None:
    assert lasting_ms(silence(60)) == 60
    assert silence(FRAME_MS, ALAW_SILENCE) == b"\xd5" * FRAME_BYTES
    assert lasting_ms(b"\xff" * 7) == 0


def test_what_is_left_can_be_dropped_or_filled() -> None:
    framer = Framer(ALAW_SILENCE)
    assert framer.feed(b"\x01" * 30) == []
    assert framer.clear() == 30
    assert framer.flush() is None
    framer.feed(b"\x01" * 30)
    assert framer.flush() == b"\x01" * 30 + b"\xd5" * 130
