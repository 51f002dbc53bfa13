"""Figures: counted with what they count, read back whole, and bounded in what they are named by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ringfence.gateway import figures
from ringfence.gateway.figures import BOUNDS_S, DELIVERY, MESSAGES, Figures
from ringfence.store.database import Database

NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
KIND = ("default", "alert")


async def test_counts_add_up_and_what_was_never_counted_is_left_out(store: Database) -> None:
    ends = [
        ("default", "alert", "delivered"),
        ("default", "alert", "failed"),
        ("b", "alert", "read"),
    ]
    await store.write(lambda tx: figures.count(tx, MESSAGES, *ends[0]))
    await store.write(lambda tx: figures.count(tx, MESSAGES, *ends[0], by=2))
    await store.write(lambda tx: figures.count(tx, MESSAGES, *ends[1]))
    found = await store.read(lambda tx: figures.counts(tx, MESSAGES, ends))
    assert found == {ends[0]: 3, ends[1]: 1}


async def test_a_transaction_that_is_undone_counts_nothing(store: Database) -> None:
    def job(tx: object) -> None:
        figures.count(tx, MESSAGES, *KIND, "delivered")  # type: ignore[arg-type]
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        await store.write(job)
    wanted = [(*KIND, "delivered")]
    assert await store.read(lambda tx: figures.counts(tx, MESSAGES, wanted)) == {}


@pytest.mark.parametrize(
    ("seconds", "first_within"),
    [(0.0, 1), (1.0, 1), (1.2, 2), (59.9, 60), (86_400, 86_400), (90_000, None), (-5.0, 1)],
)
async def test_a_time_is_within_every_bound_from_its_own_on(
    store: Database, seconds: float, first_within: int | None
) -> None:
    await store.write(lambda tx: figures.time(tx, DELIVERY, seconds, *KIND))
    found = (await store.read(lambda tx: figures.times(tx, DELIVERY, [KIND])))[KIND]
    within = [bound for bound, count in zip(BOUNDS_S, found.within, strict=True) if count]
    assert within == [bound for bound in BOUNDS_S if first_within and bound >= first_within]
    assert found.count == 1
    assert found.sum_s == max(seconds, 0)


async def test_times_of_many_writes_are_one_histogram(store: Database) -> None:
    both = Figures()
    both.time(DELIVERY, 0.5, *KIND)
    both.time(DELIVERY, 700.25, *KIND)
    await store.write(both.write)
    await store.write(lambda tx: figures.time(tx, DELIVERY, 4, *KIND))
    found = (await store.read(lambda tx: figures.times(tx, DELIVERY, [KIND])))[KIND]
    assert dict(zip(BOUNDS_S, found.within, strict=True))[5] == 2
    assert (found.count, found.sum_s) == (3, 704.75)


async def test_figures_are_never_forgotten(store: Database) -> None:
    await store.write(lambda tx: figures.count(tx, MESSAGES, *KIND, "read"))
    later = NOW + timedelta(days=10_000)
    await store.write(lambda tx: tx.health.forget(later))
    wanted = [(*KIND, "read")]
    assert await store.read(lambda tx: figures.counts(tx, MESSAGES, wanted)) == {wanted[0]: 1}


async def test_the_last_moment_is_kept(store: Database) -> None:
    assert await store.read(lambda tx: figures.stamped(tx, figures.AUDITED)) is None
    for at in (NOW, NOW + timedelta(minutes=1), NOW - timedelta(hours=1)):
        await store.write(lambda tx, at=at: figures.stamp(tx, figures.AUDITED, at))
    found = await store.read(lambda tx: figures.stamped(tx, figures.AUDITED))
    assert found == NOW + timedelta(minutes=1)
    assert await store.read(lambda tx: figures.stamped(tx, figures.BEATEN)) is None
