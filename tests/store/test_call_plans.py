"""What is asked of calls costs the same behind a few and behind thousands: SQLite's own step count, and
PostgreSQL's plans while it still believes every table to be empty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from call_rows import OVER, call, call_turn, leg, owner_leg, words
from store_rows import NOW, later, number

from ringfence.clock import SystemClock
from ringfence.model.call import Call, CallState
from ringfence.store import open_store
from ringfence.store.opening import connect, locate
from ringfence.store.postgres import PostgresConnection
from ringfence.store.sqlite import SqliteConnection
from ringfence.store.transaction import Transaction

BLOCK = 50
# These hold what goes on and nothing else; of the last one the newest are wanted.
WHOLE = ("calls_live", "calls_pkey")
SMALL = ("tallies", "audit_head")


def _call(n: int) -> Call:
    """One of two hundred goes on; every tenth waits for a look."""
    return call(
        f"cal_{n}",
        line=f"line_{n % 3}",
        person=leg(
            f"CA{n}", number=number(n // 20), state=CallState.RINGING if n % 200 == 0 else OVER
        ),
        joined=(owner_leg(f"CB{n}", state=OVER),) if n % 5 == 0 else (),
        message_id=f"msg_{n // 2}",
        look_at=later(minutes=n) if n % 10 == 0 else None,
        pressed="1",
        created_at=later(minutes=n),
    )


def _fill(tx: Transaction, count: int) -> None:
    for start in range(0, count, 1_000):
        rows = range(start, min(start + 1_000, count))
        tx.calls.add([_call(n) for n in rows])
        tx.calls.add_words([words(f"cal_{n}", at=later(minutes=n)) for n in rows])
        for n in rows:
            tx.calls.put_turn(call_turn(f"trn_{n}", f"cal_{n}", asked_at=NOW, answer="yes"))


def _asked(tx: Transaction) -> dict[str, Callable[[], object]]:
    """What the gateway asks again and again, each by a name."""
    who = number(7)
    return {
        "added": lambda: tx.calls.add([call("cal_new", person=leg("CAnew"))]),
        "saved": lambda: tx.calls.save([_call(7)]),
        "got": lambda: tx.calls.get("cal_8"),
        "many": lambda: tx.calls.many([f"cal_{n}" for n in range(9)]),
        "at the provider": lambda: tx.calls.at_provider("line_0", "CB30"),
        "of messages": lambda: tx.calls.of_messages(["msg_5", "msg_6"]),
        "of a person": lambda: tx.calls.of_person(who),
        "live": lambda: tx.calls.live(["line_0", "line_1"]),
        "live ones": lambda: tx.calls.live_ones(),
        "due": lambda: tx.calls.due(later(minutes=90), 5),
        "listed": lambda: tx.calls.listing(20, None, None, None),
        "listed after": lambda: tx.calls.listing(20, None, None, "cal_50"),
        "listed of a line": lambda: tx.calls.listing(20, "line_1", None, "cal_50"),
        "listed of another": lambda: tx.calls.listing(20, "line_9", None, None),
        "listed of a person": lambda: tx.calls.listing(20, None, who, None),
        "listed of both": lambda: tx.calls.listing(20, "line_1", who, "cal_150"),
        "said": lambda: tx.calls.add_words([words("cal_8"), words("cal_9")]),
        "heard": lambda: tx.calls.heard("cal_8", 1, 3),
        "words": lambda: tx.calls.words_of("cal_8"),
        "turn put": lambda: tx.calls.put_turn(call_turn("trn_8", "cal_8")),
        "turn": lambda: tx.calls.turn("cal_9", 1),
        "forgotten": lambda: tx.calls.forget(later(minutes=2), 5),
        "erased": lambda: tx.privacy._forget_joined(number(99)),  # type: ignore[attr-defined]
    }


async def test_calls_are_found_in_few_steps(sqlite_url: str) -> None:
    await (await open_store(sqlite_url, clock=SystemClock())).close()
    db = connect(locate(sqlite_url), read_only=False, busy_timeout_s=5)
    assert isinstance(db, SqliteConnection)
    tx = Transaction(db)
    tx.begin()
    _fill(tx, 6_000)
    tx.commit()
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += BLOCK
        return 0

    db._db.set_progress_handler(count, BLOCK)
    tx.begin()
    for name, do in _asked(tx).items():
        steps = 0
        do()
        assert steps <= 5_000, f"{name}: {steps} steps of SQLite's machine"
    tx.commit()
    db.close()


@pytest.mark.postgres
async def test_postgres_finds_calls_though_the_tables_seem_empty(
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
    _fill(tx, 10)
    monkeypatch.setattr(PostgresConnection, "_execute", noted)
    for do in _asked(tx).values():
        do()
    monkeypatch.undo()
    tx.rollback()
    assert len(texts) > 20
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
