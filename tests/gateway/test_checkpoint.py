"""Checkpoints as the worker makes them: when enough has happened, once, across restarts, and never
for nothing."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from typing import Any

import pytest

from looking import ALICE, OPEN
from ringfence.clock import ManualClock
from ringfence.gateway.checkpoint import checkpoint, checkpoint_if_due
from ringfence.model.audit import Checkpoint, checkpoints_in
from ringfence.model.errors import SecretUnavailable, StoreCorrupt
from ringfence.store import check
from telling import START, Story, telling


async def made(story: Story) -> list[Checkpoint]:
    found: list[Checkpoint] = await story.read(lambda tx: tx.checkpoints.between(0, 1 << 40))
    return found


def every(**audit: Any) -> Mapping[str, Any]:
    return {"audit": audit}


@pytest.mark.proves("P7")
async def test_one_an_hour_while_something_happens_and_none_while_nothing_does(
    store_url: str,
) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(minutes=59)
        assert await made(story) == []
        await story.passes(minutes=2)
        [first] = await made(story)
        assert first.count == (await story.read(lambda tx: tx.audit.head()))[0] - 1
        await story.passes(hours=9)
        assert await made(story) == [first]
        await story.phone(ALICE).texts("again")
        await story.passes(minutes=2)
        assert len(await made(story)) == 2
    assert check(store_url, trusted={first.public_key}).problems == ()


@pytest.mark.proves("P7")
async def test_one_after_so_many_entries_whatever_the_hour(store_url: str) -> None:
    async with telling(store_url, sms=OPEN, config=every(checkpointEntries=3)) as story:
        await story.passes(minutes=2)
        assert await made(story) == []
        await story.phone(ALICE).texts("hello")
        await story.passes(minutes=1)
        assert len(await made(story)) >= 1
    assert check(store_url).problems == ()


@pytest.mark.proves("P7")
async def test_a_restart_neither_repeats_nor_forgets_one(store_url: str) -> None:
    clock = ManualClock(START)
    async with telling(store_url, sms=OPEN, clock=clock) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(minutes=40)
    async with telling(store_url, sms=OPEN, clock=clock, seed=8) as story:
        await story.passes(minutes=25)
        [first] = await made(story)
    other = {"seed": 9}  # or its first message would bear the id of the first one above
    async with telling(store_url, sms=OPEN, clock=clock, seed=9, carrier_options=other) as story:
        await story.passes(minutes=90)
        assert await made(story) == [first]
        # Another key from here on: what was signed before still counts for whoever trusts both.
        await story.phone(ALICE).texts("again")
        await story.passes(minutes=1)
        [_, second] = await made(story)
    assert first.public_key != second.public_key
    assert check(store_url, trusted={first.public_key, second.public_key}).problems == ()
    assert "not known here" in check(store_url, trusted={first.public_key}).audit


async def test_asking_twice_signs_once(store_url: str) -> None:
    async with telling(store_url) as story:
        kit, now = story.gateway.kit, story.clock.now()
        one = await story.write(lambda tx: checkpoint(kit, tx, "operator:test", now))
        two = await story.write(lambda tx: checkpoint(kit, tx, "operator:test", now))
        assert one == two
        assert one.count == 0
        [entry] = await story.read(lambda tx: tx.audit.of_subject("0"))
        assert (entry.entry.kind, entry.entry.actor) == ("checkpoint", "operator:test")
        assert entry.entry.body["key"] == one.public_key
    assert check(store_url).problems == ()


async def test_the_log_has_the_whole_checkpoint(
    store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ringfence.audit")
    async with telling(store_url, sms=OPEN) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(minutes=61)
        stored = await made(story)
    [record] = [one for one in caplog.records if one.name == "ringfence.audit"]
    assert checkpoints_in(f"a line with {vars(record)['checkpoint']} in it") == stored


async def test_a_key_that_cannot_be_had_stops_checkpoints_and_nothing_else(
    store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    class NoKey:
        public_key = property(lambda self: self.sign(b""))

        def sign(self, statement: bytes) -> str:
            raise SecretUnavailable("The key is gone.")

    async with telling(store_url, sms=OPEN) as story:
        object.__setattr__(story.gateway.kit, "signer", NoKey())
        await story.phone(ALICE).texts("hello")
        await story.passes(minutes=61)
        assert await made(story) == []
        assert any("no checkpoint of the audit log" in one.message for one in caplog.records)
        await story.phone(ALICE).texts("again")
        await story.passes(seconds=5)
        assert len(story.agent.turns) == 2
        object.__setattr__(story.gateway.kit, "signer", None)
        kit, now = story.gateway.kit, story.clock.now()
        assert await story.write(lambda tx: checkpoint_if_due(kit, tx, now)) is None
        with pytest.raises(SecretUnavailable):
            await story.write(lambda tx: checkpoint(kit, tx, "operator:test", now))


@pytest.mark.proves("P7")
async def test_a_log_that_became_shorter_is_not_signed(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(minutes=61)
        [one] = await made(story)
        file = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
        for name in ("audit_no_delete", "audit_head_grows"):
            file.execute(f"DROP TRIGGER {name}")
        file.execute("DELETE FROM audit WHERE seq > 2")
        file.execute(
            "UPDATE audit_head SET count = 2, hash = (SELECT hash FROM audit WHERE seq = 2)"
        )
        file.commit()
        file.close()
        kit, now = story.gateway.kit, story.clock.now()
        with pytest.raises(StoreCorrupt, match="shorter"):
            await story.write(lambda tx: checkpoint(kit, tx, "operator:test", now))
        await story.passes(minutes=61)
        assert await made(story) == [one]
        assert any("shorter than its last checkpoint" in one.message for one in caplog.records)
