"""Sound put back into order, without holding it longer than a moment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ringfence.model.media import SoundHeard
from ringfence.voice.ordering import WAITING_MAX, Ordering


def piece(n: int) -> SoundHeard:
    return SoundHeard(bytes([n % 256]), n * 20, n)


def put(*chunks: int) -> tuple[list[int], Ordering]:
    ordering = Ordering()
    return [done.chunk for n in chunks for done in ordering.take(piece(n))], ordering


def test_what_comes_in_order_waits_for_nothing() -> None:
    ordering = Ordering()
    for n in range(7, 20):
        assert [done.chunk for done in ordering.take(piece(n))] == [n]


def test_a_late_piece_is_put_in_its_place() -> None:
    assert put(1, 3, 2, 5, 6, 4)[0] == [1, 2, 3, 4, 5, 6]


def test_a_repeated_piece_is_dropped() -> None:
    assert put(1, 2, 2, 1, 3)[0] == [1, 2, 3]


def test_a_lost_piece_is_not_waited_for_long() -> None:
    done, ordering = put(1, *range(3, 3 + WAITING_MAX))
    assert done == [1]
    assert [d.chunk for d in ordering.take(piece(3 + WAITING_MAX))] == list(
        range(3, 4 + WAITING_MAX)
    )
    assert ordering.lost == 1
    assert ordering.take(piece(2)) == [], "too late"


@given(st.lists(st.integers(1, 60), max_size=120))
def test_whatever_comes_leaves_in_order_once(chunks: list[int]) -> None:
    done, _ = put(*chunks)
    assert done == sorted(set(done))
    assert set(done) <= set(chunks)


@given(st.permutations(range(5)))
def test_a_shuffle_within_what_may_wait_loses_nothing(order: list[int]) -> None:
    chunks = [10, *(11 + n for n in order)]
    assert put(*chunks)[0] == sorted(chunks)
