"""Changes of who is on call on both databases: overrides, maintenance, numbers, promises of jobs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from store_rows import ANN, BOB, NOW, ids, later, number

from ringfence.model.alert import Maintenance
from ringfence.model.oncall import Override, OverrideKind
from ringfence.ports import Beating, StoredOverride
from ringfence.store.database import Database

OVERRIDE = StoredOverride(
    "ovr_1",
    "primary",
    Override(OverrideKind.REPLACE, "ben", NOW, later(hours=8), instead_of="ann"),
    later(hours=-1),
    "operator:ann",
)
WINDOW = Maintenance("mnt_1", "incident", "disk", NOW, later(hours=2), "upgrade", "operator:ann")
BEAT = Beating("cron", "backup", NOW, 3_600, 60, later(hours=1))


async def overrides(store: Database, schedule: str | None, **delta: float) -> list[str]:
    found = await store.read(lambda tx: tx.duty.overrides(schedule, later(**delta)))
    return ids(found)


async def add(store: Database, *given: StoredOverride) -> None:
    for one in given:
        await store.write(lambda tx, one=one: tx.duty.add_override(one))


async def open_window(store: Database, *windows: Maintenance) -> None:
    for one in windows:
        await store.write(lambda tx, one=one: tx.duty.add_maintenance(one))


async def windows(store: Database, **delta: float) -> list[str]:
    return ids(await store.read(lambda tx: tx.duty.maintenance(later(**delta))))


async def beat(store: Database, *beats: Beating) -> None:
    for one in beats:
        await store.write(lambda tx, one=one: tx.duty.beat(one))


async def test_overrides_stand_in_the_order_they_were_made(store: Database) -> None:
    long = replace(OVERRIDE.override, kind=OverrideKind.ADD, instead_of="", ends=later(hours=20))
    await add(
        store,
        replace(OVERRIDE, id="ovr_9"),
        replace(OVERRIDE, id="ovr_2", override=long),
        replace(OVERRIDE, id="ovr_5", schedule="second"),
    )
    [first, second, _] = await store.read(lambda tx: tx.duty.overrides(None, NOW))
    assert (first, second.override) == (replace(OVERRIDE, id="ovr_9"), long)
    assert await overrides(store, None) == ["ovr_9", "ovr_2", "ovr_5"]
    assert await overrides(store, "primary") == ["ovr_9", "ovr_2"]
    assert await overrides(store, "primary", hours=8) == ["ovr_2"]
    assert await store.write(lambda tx: tx.duty.remove_override("ovr_2"))
    assert not await store.write(lambda tx: tx.duty.remove_override("ovr_2"))
    assert await overrides(store, "primary") == ["ovr_9"]


async def test_maintenance_is_found_until_it_is_over(store: Database) -> None:
    later_one = replace(WINDOW, id="mnt_2", begins=later(hours=1), ends=later(hours=9))
    await open_window(store, later_one, WINDOW)
    assert await store.read(lambda tx: tx.duty.maintenance(NOW)) == [WINDOW, later_one]
    assert await windows(store, hours=2) == ["mnt_2"]
    assert await windows(store, hours=9) == []


async def test_maintenance_ends_now_or_never_was(store: Database) -> None:
    await open_window(store, WINDOW, replace(WINDOW, id="mnt_2", begins=later(hours=1)))

    async def end(id_: str, **delta: float) -> bool:
        return await store.write(lambda tx: tx.duty.end_maintenance(id_, later(**delta)))

    assert not await end("mnt_9")
    assert not await end("mnt_1", hours=2), "it was over by itself"
    assert await end("mnt_1", minutes=30)
    assert not await end("mnt_1", minutes=31)
    [first, _] = await store.read(lambda tx: tx.duty.maintenance(NOW))
    assert first == replace(WINDOW, ends=later(minutes=30)), "what was stays on record"
    assert await end("mnt_2", minutes=30)
    assert await windows(store) == ["mnt_1"]


@pytest.mark.parametrize(
    ("asked_at", "code"),
    [(timedelta(0), "222222"), (timedelta(hours=1), "222222"), (timedelta(hours=2), "")],
)
async def test_the_last_code_counts_while_it_lasts(
    store: Database, asked_at: timedelta, code: str
) -> None:
    await store.write(lambda tx: tx.duty.ask(ANN, "111111", later(hours=1)))
    await store.write(lambda tx: tx.duty.ask(ANN, "222222", later(hours=2)))
    assert await store.read(lambda tx: tx.duty.asked(ANN, NOW + asked_at)) == code
    assert await store.read(lambda tx: tx.duty.asked(BOB, NOW + asked_at)) == ""


@pytest.mark.proves("P1")
async def test_a_number_is_verified_until_it_is_not(store: Database) -> None:
    await store.write(lambda tx: tx.duty.ask(ANN, "111111", later(hours=1)))
    for responder in ("ann", "other"):
        await store.write(lambda tx, who=responder: tx.duty.verify(ANN, who, NOW))
    assert await store.read(lambda tx: tx.duty.asked(ANN, NOW)) == "", "a code is used once"
    everybody = [ANN, BOB, *map(number, range(50))]
    assert await store.read(lambda tx: tx.duty.verified(everybody)) == {ANN}
    assert await store.read(lambda tx: tx.duty.verified([])) == set()
    await store.write(lambda tx: tx.duty.unverify(ANN))
    assert await store.read(lambda tx: tx.duty.verified(everybody)) == set()


async def test_a_promise_is_replaced_by_a_later_one_alone(store: Database) -> None:
    newer = replace(BEAT, at=later(minutes=1), period_s=60, due_at=later(minutes=3))
    await beat(store, BEAT, newer, replace(BEAT, at=later(seconds=59), period_s=9))
    assert await store.read(lambda tx: tx.duty.beats()) == [newer]
    await beat(store, replace(BEAT, name="Backup"), replace(BEAT, source="a"))
    found = await store.read(lambda tx: tx.duty.beats())
    assert [(one.source, one.name) for one in found] == [
        ("a", "backup"),
        ("cron", "Backup"),
        ("cron", "backup"),
    ]


async def test_a_broken_promise_alarms_once_until_the_next_beat(store: Database) -> None:
    sooner = replace(BEAT, name="sooner", due_at=later(minutes=1))
    await beat(store, BEAT, sooner)

    async def broken(**delta: float) -> list[str]:
        found = await store.read(lambda tx: tx.duty.beats_due(later(**delta), 9))
        return [one.name for one in found]

    assert await broken() == []
    assert await broken(hours=1) == ["sooner", "backup"]
    assert len(await store.read(lambda tx: tx.duty.beats_due(later(hours=1), 1))) == 1
    await store.write(lambda tx: tx.duty.beat_missed("cron", "sooner"))
    assert await broken(hours=1) == ["backup"]
    await beat(store, sooner)
    assert await broken(hours=1) == ["backup"], "the same beat told again is no new one"
    await beat(store, replace(sooner, at=later(minutes=30), due_at=later(minutes=40)))
    assert await broken(hours=1) == ["sooner", "backup"]


async def test_long_names_of_jobs_are_told_apart(store: Database) -> None:
    long = "job " * 3_000
    await beat(store, replace(BEAT, name=long + "1"), replace(BEAT, name=long + "2"))
    await store.write(lambda tx: tx.duty.beat_missed("cron", long + "1"))
    assert [one.missed for one in await store.read(lambda tx: tx.duty.beats())].count(True) == 1


async def test_what_is_long_over_is_forgotten(store: Database) -> None:
    await add(store, OVERRIDE)
    await open_window(store, WINDOW)
    await store.write(lambda tx: tx.duty.ask(ANN, "111111", later(hours=1)))
    before = timedelta(days=-1)
    for days, kept in ((400, ["ovr_1"]), (401, [])):
        await store.write(lambda tx, days=days: tx.health.forget(later(days=days)))
        found = await store.read(lambda tx: tx.duty.overrides(None, NOW + before))
        assert ids(found) == kept
        assert await windows(store, days=-1) == (["mnt_1"] if kept else [])
    assert await store.read(lambda tx: tx.duty.asked(ANN, NOW)) == ""
