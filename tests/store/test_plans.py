"""Looking for work costs the same behind ten rows and behind ten thousand: SQLite's own step count,
and PostgreSQL's plans while it still believes every table to be empty."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from store_rows import NOW, claim, item, move, number, turn, turn_move

from ringfence.clock import SystemClock
from ringfence.model.outbox import OutboxState, TurnState
from ringfence.store import open_store
from ringfence.store.connection import Row
from ringfence.store.opening import connect, locate
from ringfence.store.postgres import PostgresConnection
from ringfence.store.sqlite import SqliteConnection
from ringfence.store.statements import ForEach, Insert
from ringfence.store.transaction import Transaction

BLOCK = 50


def _work(tx: Transaction) -> dict[str, Callable[[], object]]:
    here, done = OutboxState.SENDING, OutboxState.ACCEPTED
    return {
        "due": lambda: tx.outbox.due(NOW, 50, ()),
        "due but stopped": lambda: tx.outbox.due(NOW, 50, ("default",)),
        "waiting": lambda: tx.outbox.waiting("default"),
        "leases": lambda: tx.outbox.leases_lost(NOW),
        "leases of others": lambda: tx.outbox.leases_lost(NOW, "here"),
        "dead": lambda: tx.outbox.dead(None),
        "counts": lambda: tx.health.counts(),
        "add": lambda: tx.outbox.add([item("obx_new", number=number(0))]),
        "claim": lambda: tx.outbox.change([claim("obx_0")]),
        "accept": lambda: tx.outbox.change([move("obx_0", here, done, provider_id="SM")]),
        "turns due": lambda: tx.turns.due(NOW, 50),
        "turn claim": lambda: tx.turns.change(
            [turn_move("trn_0", TurnState.OWED, TurnState.CLAIMED, lease_owner="here")]
        ),
        "turn leases": lambda: tx.turns.leases_lost(NOW),
        "turn done": lambda: tx.turns.change(
            [turn_move("trn_0", TurnState.CLAIMED, TurnState.DONE)]
        ),
    }


@pytest.mark.parametrize("lanes", [1, 4_000], ids=["one lane", "many lanes"])
async def test_work_is_found_in_few_steps(sqlite_url: str, lanes: int) -> None:
    await (await open_store(sqlite_url, clock=SystemClock())).close()
    db = connect(locate(sqlite_url), read_only=False, busy_timeout_s=5)
    assert isinstance(db, SqliteConnection)
    tx = Transaction(db)
    tx.begin()
    for start in range(0, 4_000, 1_000):
        rows = range(start, start + 1_000)
        tx.outbox.add([item(f"obx_{n}", number=number(n % lanes)) for n in rows])
        tx.turns.add([turn(f"trn_{n}", number=number(n % lanes)) for n in rows])
    tx.commit()
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += BLOCK
        return 0

    db._db.set_progress_handler(count, BLOCK)
    tx.begin()
    for name, do in _work(tx).items():
        steps = 0
        do()
        assert steps <= 5_000, f"{name}: {steps} steps of SQLite's machine"
    tx.commit()
    db.close()


@pytest.mark.postgres
async def test_postgres_looks_rows_up_though_the_tables_seem_empty(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await open_store(postgres_url, clock=SystemClock())).close()
    db = connect(locate(postgres_url), read_only=False, busy_timeout_s=5)
    tx = Transaction(db)
    texts: set[str] = set()
    real = PostgresConnection._bulk

    def noted(
        self: PostgresConnection, statement: Insert | ForEach, keys: object, rows: list[Row]
    ) -> None:
        if isinstance(statement, ForEach):
            texts.add(statement.for_postgres())
        real(self, statement, keys, rows)

    monkeypatch.setattr(PostgresConnection, "_bulk", noted)
    tx.begin()
    tx.outbox.add([item("obx_0"), item("obx_1", state=OutboxState.HELD)])
    tx.turns.add([turn("trn_0")])
    for do in _work(tx).values():
        do()
    tx.outbox.change([move("obx_1", OutboxState.HELD, OutboxState.DUE)])
    tx.outbox.many(["obx_0"])
    tx.messages.many(["msg_0"])
    tx.people.find([number(1)])
    tx.access.approved([("default", number(1))])
    tx.commit()
    assert len(texts) > 10
    for text in sorted(texts):
        plan = [row[0] for row in db.rows("EXPLAIN " + text.replace("%s", "?"), ("[]",))]
        for line, following in zip(plan, [*plan[1:], ""], strict=True):
            if "Index Scan" in line or "Bitmap Heap Scan" in line or "Index Only Scan" in line:
                assert "Cond:" in following, (text, plan)
            assert "Seq Scan" not in line, (text, plan)
    db.close()
