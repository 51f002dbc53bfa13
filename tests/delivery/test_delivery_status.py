"""Reports late, twice and out of order: what is known never moves back."""

from __future__ import annotations

from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.delivery.status import ARRIVED, RANKS, Folded, conflict, fold, fold_parts
from ringfence.model.message import FINAL, MessageStatus

S = MessageStatus
STATUSES = st.sampled_from(list(MessageStatus))
CODES = st.sampled_from([None, 21610, 30003, 30007])
REPORTS = st.lists(st.tuples(STATUSES, CODES), max_size=8)
BEFORE_THE_END = [S.HELD, S.QUEUED, S.SENDING, S.SENT]


def run(reports: list[tuple[MessageStatus, int | None]]) -> Folded:
    start = Folded(S.QUEUED, None, changed=False)
    return reduce(
        lambda known, report: fold(known.status, known.error_code, *report), reports, start
    )


def test_the_table_knows_every_status() -> None:
    assert RANKS.keys() == set(MessageStatus)
    assert {status for status, rank in RANKS.items() if rank >= 60} == FINAL


@pytest.mark.parametrize(
    ("known", "report", "expected"),
    [
        ((S.QUEUED, None), (S.SENT, None), Folded(S.SENT, None, True)),
        ((S.SENT, None), (S.DELIVERED, None), Folded(S.DELIVERED, None, True)),
        ((S.DELIVERED, None), (S.SENT, None), Folded(S.DELIVERED, None, False)),
        ((S.DELIVERED, None), (S.READ, None), Folded(S.READ, None, True)),
        ((S.READ, None), (S.DELIVERED, None), Folded(S.READ, None, False)),
        ((S.DELIVERED, None), (S.DELIVERED, None), Folded(S.DELIVERED, None, False)),
        ((S.SENT, None), (S.UNDELIVERED, 30007), Folded(S.UNDELIVERED, 30007, True)),
        ((S.QUEUED, None), (S.FAILED, None), Folded(S.FAILED, None, True)),
        # Codes may come later, and are never replaced.
        ((S.FAILED, None), (S.FAILED, 21610), Folded(S.FAILED, 21610, True)),
        ((S.FAILED, 21610), (S.FAILED, None), Folded(S.FAILED, 21610, False)),
        ((S.FAILED, 21610), (S.FAILED, 30007), Folded(S.FAILED, 21610, False)),
        # A code goes with its status.
        ((S.SENDING, 30008), (S.DELIVERED, None), Folded(S.DELIVERED, None, True)),
        # Two ends: the first stays, the second is marked.
        ((S.DELIVERED, None), (S.UNDELIVERED, 30007), Folded(S.DELIVERED, None, False, True)),
        ((S.FAILED, 30007), (S.DELIVERED, None), Folded(S.FAILED, 30007, False, True)),
        ((S.UNDELIVERED, None), (S.READ, None), Folded(S.UNDELIVERED, None, False, True)),
        ((S.READ, None), (S.FAILED, 30008), Folded(S.READ, None, False, True)),
        ((S.FAILED, None), (S.UNDELIVERED, 30003), Folded(S.FAILED, None, False, True)),
        ((S.SENT, None), (S.RECEIVED, None), Folded(S.SENT, None, False)),
    ],
)
@pytest.mark.proves("B091", "B092")
def test_one_report(
    known: tuple[MessageStatus, int | None],
    report: tuple[MessageStatus, int | None],
    expected: Folded,
) -> None:
    assert fold(*known, *report) == expected


@given(REPORTS, st.tuples(STATUSES, CODES))
@pytest.mark.proves("B091")
def test_it_never_moves_back(
    reports: list[tuple[MessageStatus, int | None]], last: tuple[MessageStatus, int | None]
) -> None:
    before = run(reports)
    after = fold(before.status, before.error_code, *last)
    assert RANKS[after.status] >= RANKS[before.status]
    if before.status in FINAL and before.status is not after.status:
        assert (before.status, after.status) == (S.DELIVERED, S.READ)
    assert after.changed == ((before.status, before.error_code) != (after.status, after.error_code))


@given(REPORTS)
def test_a_report_heard_twice_is_heard_once(
    reports: list[tuple[MessageStatus, int | None]],
) -> None:
    known = run(reports)
    for report in reports:
        again = fold(known.status, known.error_code, *report)
        assert again.status is known.status
        known = again


@pytest.mark.parametrize("end", sorted(FINAL - ARRIVED, key=lambda s: s.value))
@pytest.mark.parametrize("coded", [None, 30007])
@pytest.mark.proves("B091")
def test_with_one_end_the_order_does_not_matter(end: MessageStatus, coded: int | None) -> None:
    reports = [(S.QUEUED, None), (S.SENDING, None), (S.SENT, None), (end, None), (end, coded)]
    results = {(run(list(o)).status, run(list(o)).error_code) for o in permutations(reports)}
    assert results == {(end, coded)}


def test_delivered_and_read_are_one_end() -> None:
    reports = [(S.QUEUED, None), (S.SENT, None), (S.DELIVERED, None), (S.READ, None)]
    assert {run(list(order)).status for order in permutations(reports)} == {S.READ}


@given(REPORTS)
@pytest.mark.proves("B092")
def test_two_ends_are_always_told(reports: list[tuple[MessageStatus, int | None]]) -> None:
    ends = {status for status, _ in reports if status in FINAL}
    known = Folded(S.QUEUED, None, changed=False)
    told = False
    for report in reports:
        known = fold(known.status, known.error_code, *report)
        told |= known.conflicting
    assert told == (len(ends - ARRIVED) + bool(ends & ARRIVED) > 1)


@given(STATUSES, STATUSES)
def test_a_conflict_goes_both_ways(one: MessageStatus, other: MessageStatus) -> None:
    assert conflict(one, other) == conflict(other, one)
    assert not conflict(one, one)


# -- several parts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([S.DELIVERED], S.DELIVERED),
        ([S.DELIVERED, S.SENT], S.SENT),
        ([S.SENT, S.QUEUED, S.DELIVERED], S.QUEUED),
        ([S.DELIVERED, S.READ], S.DELIVERED),
        ([S.READ, S.READ], S.READ),
        ([S.DELIVERED, S.UNDELIVERED, S.QUEUED], S.UNDELIVERED),
        ([S.UNDELIVERED, S.FAILED], S.FAILED),
        ([S.DELIVERED, S.CANCELLED], S.CANCELLED),
        ([S.HELD, S.DELIVERED], S.HELD),
    ],
)
def test_parts(parts: list[MessageStatus], whole: MessageStatus) -> None:
    assert fold_parts(parts) is whole


def test_a_message_has_parts() -> None:
    with pytest.raises(ValueError, match="empty"):
        fold_parts([])


@given(st.lists(STATUSES, min_size=1, max_size=6))
def test_the_order_and_number_of_equal_parts_do_not_matter(parts: list[MessageStatus]) -> None:
    whole = fold_parts(parts)
    assert whole in parts
    assert fold_parts(reversed(parts)) is whole
    assert fold_parts([*parts, whole]) is whole


@given(
    st.lists(STATUSES.filter(lambda s: s is not S.RECEIVED), min_size=1, max_size=5),
    st.data(),
)
def test_a_whole_never_moves_back_while_its_parts_move_on(
    parts: list[MessageStatus], data: st.DataObject
) -> None:
    before = fold_parts(parts)
    which = data.draw(st.integers(min_value=0, max_value=len(parts) - 1))
    moved = fold(parts[which], None, data.draw(STATUSES), None).status
    after = fold_parts([*parts[:which], moved, *parts[which + 1 :]])
    assert RANKS[after] >= RANKS[before] or before not in BEFORE_THE_END
    if before in FINAL - ARRIVED:
        assert after in FINAL - ARRIVED
