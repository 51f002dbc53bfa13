"""The queue towards the person, frame by frame: nothing is lost, doubled or turned round, and a mark comes
back when what was before it has ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ringfence.simulator.stream_playout import (
    EAR_MAX_BYTES,
    FRAME_BYTES,
    QUEUE_MAX_BYTES,
    Ear,
    Playout,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FRAME = timedelta(milliseconds=20)


def test_a_frame_begins_at_each_step_and_its_mark_comes_with_the_next() -> None:
    playout = Playout()
    assert playout.put(b"a" * 160)
    assert not playout.mark("after a")
    assert playout.put(b"b" * 200)
    assert not playout.mark("after b")
    assert playout.tick() == ([], b"a" * 160)
    assert playout.tick() == (["after a"], b"b" * 160)
    assert playout.tick() == ([], b"b" * 40)
    assert playout.tick() == (["after b"], b"")
    assert playout.waiting_bytes == 0


def test_a_mark_without_sound_before_it_is_back_at_once() -> None:
    playout = Playout()
    assert playout.mark("idle")
    playout.put(b"a" * 10)
    playout.tick()
    assert not playout.mark("while the last sounds")
    assert playout.tick() == (["while the last sounds"], b"")
    assert playout.mark("idle again")


def test_a_clear_drops_the_sound_and_tells_the_marks_in_order() -> None:
    playout = Playout()
    playout.put(b"a" * 10)
    playout.mark("one")
    playout.put(b"b" * 500)
    playout.mark("two")
    assert playout.tick() == ([], b"a" * 10 + b"b" * 150)
    assert playout.clear() == ["one", "two"]
    assert playout.tick() == ([], b"")
    assert playout.waiting_bytes == 0


def test_the_queue_is_bounded() -> None:
    playout = Playout()
    assert playout.put(b"a" * QUEUE_MAX_BYTES)
    assert not playout.put(b"a")
    playout.tick()
    assert playout.put(b"a")


@given(st.lists(st.binary(min_size=1, max_size=700) | st.integers(0, 99), max_size=30))
def test_everything_comes_out_in_order(entries: list[bytes | int]) -> None:
    playout, before, at_once = Playout(), dict[str, int](), list[str]()
    sent = b""
    for n, entry in enumerate(entries):
        if isinstance(entry, bytes):
            playout.put(entry)
            sent += entry
        elif playout.mark(f"{n}"):
            at_once.append(f"{n}")
        else:
            before[f"{n}"] = len(sent)
    heard, returned = b"", list[str]()
    while playout.waiting_bytes or len(returned) < len(before):
        ended, frame = playout.tick()
        for name in ended:
            assert 0 <= len(heard) - before[name] < FRAME_BYTES, "not early, less than a frame late"
        returned += ended
        heard += frame
    assert heard == sent
    assert returned == list(before)
    assert all(not sent or int(name) < len(entries) for name in at_once)


def test_an_ear_keeps_runs_with_their_times() -> None:
    ear = Ear()
    ear.hear(b"a" * 160, NOON)
    ear.hear(b"b" * 80, NOON + FRAME)
    ear.hear(b"c" * 160, NOON + 3 * FRAME)
    assert [(run.started_at - NOON, len(run.sound)) for run in ear.runs] == [
        (timedelta(0), 240),
        (3 * FRAME, 160),
    ]
    assert ear.runs[0].ended_at == NOON + timedelta(milliseconds=30)
    assert ear.sound == b"a" * 160 + b"b" * 80 + b"c" * 160
    assert ear.as_heard() == b"a" * 160 + b"b" * 80 + b"\xff" * 240 + b"c" * 160
    assert ear.heard_ms == 50


def test_an_ear_forgets_the_oldest() -> None:
    ear = Ear()
    ear.hear(b"a" * 160, NOON)
    ear.hear(bytes(EAR_MAX_BYTES), NOON + timedelta(hours=1))
    assert [run.started_at for run in ear.runs] == [NOON + timedelta(hours=1)]
    assert ear.heard_bytes == EAR_MAX_BYTES + 160
