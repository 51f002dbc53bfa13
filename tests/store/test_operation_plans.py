"""What is asked of the operations channel costs the same behind hundreds of rows and behind thousands:
SQLite's own step count, and PostgreSQL's plans while it still believes every table to be empty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from operation_crowd import asked, fill

from ringfence.clock import SystemClock
from ringfence.store import open_store
from ringfence.store.opening import connect, locate
from ringfence.store.postgres import PostgresConnection
from ringfence.store.sqlite import SqliteConnection
from ringfence.store.transaction import Transaction

BLOCK = 50
# These hold what waits and nothing else, or a handful of rows: reading all of them is right.
WHOLE = ("alerts_lost", "notices_owed", "ticket_tasks_dead", "planned_pkey", "alerts_pkey")
SMALL = ("tallies", "audit_head")
NOT_OURS = ("counts", "forget")


async def test_work_of_the_channel_is_found_in_few_steps(sqlite_url: str) -> None:
    await (await open_store(sqlite_url, clock=SystemClock())).close()
    db = connect(locate(sqlite_url), read_only=False, busy_timeout_s=5)
    assert isinstance(db, SqliteConnection)
    tx = Transaction(db)
    tx.begin()
    fill(tx, 6_000, 12_000)
    tx.commit()
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += BLOCK
        return 0

    db._db.set_progress_handler(count, BLOCK)
    tx.begin()
    for name, do in asked(tx).items():
        steps = 0
        do()
        assert steps <= 5_000, f"{name}: {steps} steps of SQLite's machine"
    tx.commit()
    db.close()


@pytest.mark.postgres
async def test_postgres_finds_the_channels_rows_though_the_tables_seem_empty(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await open_store(postgres_url, clock=SystemClock())).close()
    db = connect(locate(postgres_url), read_only=False, busy_timeout_s=5)
    assert isinstance(db, PostgresConnection)
    texts: dict[str, int] = {}
    real = PostgresConnection._execute

    def noted(self: PostgresConnection, text: str, params: Sequence[Any] | None) -> None:
        if text.lstrip().startswith(("SELECT", "UPDATE", "DELETE")):
            texts[text] = len(params or ())
        real(self, text, params)

    tx = Transaction(db)
    tx.begin()
    fill(tx, 10, 10)
    monkeypatch.setattr(PostgresConnection, "_execute", noted)
    for name, do in asked(tx).items():
        if name not in NOT_OURS:
            do()
    monkeypatch.undo()
    tx.rollback()
    assert len(texts) > 50
    for place, (text, count) in enumerate(texts.items()):
        plan = _generic_plan(db, f"plan_{place}", text, count)
        for line, following in zip(plan, [*plan[1:], ""], strict=True):
            if any(f" on {table} " in line for table in SMALL):
                continue
            assert "Seq Scan" not in line, (text, plan)
            if "Index" in line and "Scan" in line and not any(name in line for name in WHOLE):
                assert "Cond:" in following, (text, plan)
        assert not any("Join Filter" in line for line in plan), (text, plan)
    db.close()


def _generic_plan(db: PostgresConnection, name: str, text: str, count: int) -> list[str]:
    """The one that is made without looking at parameters, as the gateway's connections make them."""
    for place in range(1, count + 1):
        text = text.replace("%s", f"${place}", 1)
    db._cursor.execute(f"PREPARE {name} AS {text}".encode(), prepare=False)
    nulls = f"({', '.join(['NULL'] * count)})" if count else ""
    db._cursor.execute(f"EXPLAIN EXECUTE {name}{nulls}".encode(), prepare=False)
    return [str(row[0]) for row in db._cursor.fetchall()]
