"""The way out: deadlines, marks, epochs, and how much was heard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.audio.frames import BYTES_PER_MS, FRAME_BYTES, FRAME_MS
from ringfence.model.call import Speaker
from ringfence.voice.effects import SendClear, SendMark, SendSound, SessionEffect, WordsBegun
from ringfence.voice.playback import NEVER, Playback
from ringfence.voice.settings import Pacing
from ringfence.voice.utterance import Making, Utterance

LEAD_MS = 120


def utterance(
    ms: int, number: int = 1, made: bool = True, text: str = "Good evening."
) -> Utterance:
    found = Utterance(number, text, Speaker.GATEWAY)
    found.making = Making.UNDER_WAY
    found.add(bytes(n % 251 for n in range(ms * BYTES_PER_MS)))
    if made:
        found.complete()
    return found


def playing(*utterances: Utterance) -> Playback:
    playback = Playback(Pacing(lead_ms=LEAD_MS, mark_ms=200), pending_max=8)
    playback.is_open = True
    for each in utterances:
        playback.add(each)
    return playback


def pumped(playback: Playback, now: int) -> list[SessionEffect]:
    out: list[SessionEffect] = []
    playback.pump(now, out)
    return out


def sound_in(effects: list[SessionEffect]) -> bytes:
    return b"".join(effect.sound for effect in effects if isinstance(effect, SendSound))


def marks_in(effects: list[SessionEffect]) -> list[str]:
    return [effect.name for effect in effects if isinstance(effect, SendMark)]


def test_it_sends_a_lead_at_once_and_then_a_frame_each_frame() -> None:
    playback = playing(utterance(2_000))
    assert len(sound_in(pumped(playback, 1_000))) == LEAD_MS * BYTES_PER_MS
    for now in range(1_020, 1_400, FRAME_MS):
        assert len(sound_in(pumped(playback, now))) == FRAME_BYTES
        assert playback.until == now + LEAD_MS


def test_a_stall_is_made_up_at_once_and_never_adds_up() -> None:
    playback = playing(utterance(2_000))
    pumped(playback, 1_000)
    # Shorter than the lead: nobody hears it, and the schedule stays where it was.
    late = pumped(playback, 1_090)
    assert len(sound_in(late)) == 80 * BYTES_PER_MS
    assert playback.until == 1_200
    assert playback.underruns == 0
    # Longer: a gap, once, and then the whole lead again.
    assert len(sound_in(pumped(playback, 1_500))) == LEAD_MS * BYTES_PER_MS
    assert playback.until == 1_620
    assert playback.underruns == 1


def test_jitter_of_the_pump_never_drifts() -> None:
    playback = playing(utterance(8_000))
    for n in range(300):
        now = 1_000 + n * FRAME_MS + (n * 7) % 19
        pumped(playback, now)
        assert LEAD_MS - FRAME_MS < playback.until - now <= LEAD_MS
    assert playback.underruns == 0


def test_it_says_when_the_next_frame_is_due() -> None:
    spoken = utterance(200, made=False)
    playback = playing(spoken)
    assert playback.due() <= 1_000
    pumped(playback, 1_000)
    assert playback.due() == 1_020
    pumped(playback, 1_100)
    assert playback.due() == NEVER, "nothing is made to send"
    spoken.complete()
    assert playback.due() == 1_100, "the last mark is still owed"


def test_marks_come_first_then_each_200_ms_and_at_the_end() -> None:
    first, second = utterance(500, 1), utterance(100, 2)
    playback = playing(first, second)
    log = [effect for now in range(1_000, 2_000, FRAME_MS) for effect in pumped(playback, now)]
    sent_at_marks, sent = [], 0
    for effect in log:
        if isinstance(effect, SendSound):
            sent += len(effect.sound) // BYTES_PER_MS
        elif isinstance(effect, SendMark):
            sent_at_marks.append(sent)
    # What fills the last frame of 500 ms (25 frames) is nothing; the second begins where it ends.
    assert sent_at_marks == [0, 200, 400, 500, 500, 600]
    assert [effect.utterance for effect in log if isinstance(effect, WordsBegun)] == [1, 2]


def test_heard_runs_on_from_the_last_mark_but_not_past_the_next() -> None:
    spoken = utterance(1_000)
    playback = playing(spoken)
    (start,) = marks_in(pumped(playback, 1_000))
    assert playback.heard_ms(spoken, 1_100) == 0, "no mark has come back"
    playback.returned(start, 1_050)
    assert playback.heard_ms(spoken, 1_100) == 50
    assert playback.heard_ms(spoken, 1_900) == LEAD_MS, "never past what was sent"
    (second,) = marks_in([e for now in range(1_020, 1_200, 20) for e in pumped(playback, now)])
    assert playback.heard_ms(spoken, 1_900) == 200, "never past a mark that is not back"
    playback.returned(second, 1_250)
    assert playback.heard_ms(spoken, 1_260) == 210


@pytest.mark.proves("B145")
def test_a_mark_that_returns_after_our_clear_counts_for_nothing() -> None:
    spoken = utterance(1_000)
    playback = playing(spoken)
    names = marks_in([e for now in range(1_000, 1_300, 20) for e in pumped(playback, now)])
    playback.returned(names[0], 1_040)
    out: list[SessionEffect] = []
    playback.hold(1_100, out)
    assert out == [SendClear()]
    assert spoken.heard_ms == 60
    assert playback.returned(names[1], 1_120) == [], "the clear threw it away, or it was played"
    assert spoken.heard_ms == 60
    assert pumped(playback, 1_200) == []
    playback.release()
    again = pumped(playback, 1_200)
    assert not set(marks_in(again)) & set(names), "the new epoch has names of its own"


@pytest.mark.proves("B145")
def test_a_mark_that_was_never_sent_counts_for_nothing() -> None:
    spoken = utterance(1_000)
    playback = playing(spoken)
    pumped(playback, 1_000)
    for name in ("", "0.99", "1.1", "0.1.1"):
        assert playback.returned(name, 1_050) == []
    assert playback.heard_ms(spoken, 1_100) == 0


def test_after_a_hold_it_goes_on_a_little_before_where_it_was_heard() -> None:
    spoken = utterance(3_000)
    playback = playing(spoken)
    names = marks_in([e for now in range(1_000, 2_800, 20) for e in pumped(playback, now)])
    for n, name in enumerate(names[:8]):
        playback.returned(name, 1_000 + 200 * n)
    playback.hold(2_410, [])
    assert spoken.heard_ms == 1_410
    playback.release()
    resumed = sound_in(pumped(playback, 3_000))
    at = 1_000 * BYTES_PER_MS
    assert resumed == bytes(spoken.sound[at : at + len(resumed)])


def test_a_hold_that_is_repeated_changes_nothing() -> None:
    spoken = utterance(3_000)
    playback = playing(spoken)
    pumped(playback, 1_000)
    out: list[SessionEffect] = []
    playback.hold(1_100, out)
    playback.hold(1_120, out)
    assert out == [SendClear()]


@pytest.mark.proves("B145")
def test_what_is_dropped_is_silenced_and_never_sent_again() -> None:
    first, second = utterance(1_000, 1), utterance(400, 2)
    playback = playing(first, second)
    pumped(playback, 1_000)
    out: list[SessionEffect] = []
    assert playback.drop(1_050, out, lambda each: each.id == 1) == [first]
    assert out == [SendClear()]
    later = [e for now in range(1_060, 2_000, 20) for e in pumped(playback, now)]
    assert {e.utterance for e in later if isinstance(e, SendSound)} == {2}


def test_what_did_not_begin_is_dropped_without_a_clear() -> None:
    first, second = utterance(1_000, 1), utterance(400, 2)
    playback = playing(first, second)
    pumped(playback, 1_000)
    out: list[SessionEffect] = []
    playback.drop(1_050, out, lambda each: each.id == 2)
    assert out == []


def test_nothing_but_what_may_be_first_is_sent_until_it_is_open() -> None:
    disclosure, other = utterance(100, 1), utterance(100, 2)
    disclosure.is_first = True
    playback = playing(disclosure, other)
    playback.is_open = False
    sent = [e for now in range(1_000, 3_000, 20) for e in pumped(playback, now)]
    assert {e.utterance for e in sent if isinstance(e, SendSound)} == {1}
    assert playback.due() == NEVER
    playback.is_open = True
    assert pumped(playback, 3_000)


@given(
    sizes=st.lists(st.integers(1, 900), min_size=1, max_size=4),
    steps=st.lists(
        st.tuples(
            st.integers(0, 400), st.sampled_from(["pump", "mark", "hold", "release", "drop"])
        ),
        max_size=60,
    ),
)
def test_however_time_goes_nothing_is_ahead_of_what_is_known(
    sizes: list[int], steps: list[tuple[int, str]]
) -> None:
    whole = {n: utterance(ms, n) for n, ms in enumerate(sizes, 1)}
    playback, now, names, dropped = playing(*whole.values()), 1_000, [], set()
    heard = dict.fromkeys(whole, 0)
    for wait, step in steps:
        now += wait
        out: list[SessionEffect] = []
        match step:
            case "mark":
                playback.returned(names.pop(0) if names else "9.9", now)
            case "hold":
                playback.hold(now, out)
            case "release":
                playback.release()
            case "drop" if playback.queue:
                dropped.add(playback.queue[0].id)
                playback.drop(now, out, lambda each, first=playback.queue[0]: each is first)
        playback.pump(now, out)
        names += marks_in(out)
        sent = [e for e in out if isinstance(e, SendSound)]
        assert not dropped & {e.utterance for e in sent}
        assert all(len(e.sound) % FRAME_BYTES == 0 and e.sound for e in sent)
        assert playback.until - now <= LEAD_MS
        for number, each in whole.items():
            ms = playback.heard_ms(each, now)
            assert heard[number] <= ms or number in dropped
            assert ms <= each.sound_ms
            heard[number] = ms
