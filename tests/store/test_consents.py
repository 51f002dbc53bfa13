"""The ledger of consent on both databases: what is in it stays, and what it comes to is at hand."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg
import pytest
from store_rows import ANN, BOB, NOW, later, number
from test_audit_chain import behind_our_back

from ringfence.clock import SystemClock
from ringfence.model.consent import (
    NOTHING,
    ConsentEvent,
    ConsentKind,
    Level,
    Method,
    OptInRequest,
    OptInState,
    opt_out_source,
)
from ringfence.model.errors import StoreError
from ringfence.store import open_store
from ringfence.store.database import Database
from ringfence.store.migrations import MIGRATIONS, migrate
from ringfence.store.opening import connect, locate

STOP = ConsentKind.OPT_OUT


def event(id_: str = "cns_1", **given: Any) -> ConsentEvent:
    made = ConsentEvent(
        id=id_,
        number=ANN,
        programme="orders",
        kind=ConsentKind.GRANTED,
        level=Level.TRANSACTIONAL,
        method=Method.WEB_FORM,
        actor="operator:t",
        at=NOW,
        recorded_at=later(seconds=1),
        disclosure="We text you about your orders.\x00",
        disclosure_digest="d" * 64,
        evidence="https://shop.example/form#7",
        ip="192.0.2.7",
        user_agent="Browser/1",
        expires_at=later(days=400),
        country="US",
    )
    return replace(made, **given)


async def test_every_field_comes_back(store: Database) -> None:
    await store.write(lambda tx: tx.consents.append([event()]))
    [kept] = await store.read(lambda tx: tx.consents.of_person(ANN))
    assert kept == event(disclosure="We text you about your orders.\ufffd", seq=kept.seq)
    assert await store.read(lambda tx: tx.consents.of_person(BOB)) == []


async def test_the_standing_of_a_batch(store: Database) -> None:
    def job(tx: Any) -> None:
        tx.consents.append(
            [
                event(),
                event("cns_2", level=Level.MARKETING, expires_at=None),
                event("cns_3", number=BOB),
                event("cns_4", number=BOB, kind=ConsentKind.REVOKED, at=later(hours=1)),
            ]
        )
        # In a later batch the projection goes on from what it was.
        tx.consents.append([event("cns_5", kind=STOP, programme="", at=later(hours=2))])

    await store.write(job)
    pairs = [(ANN, "orders"), (ANN, "offers"), (BOB, "orders"), (number(1), "orders")]
    found = await store.read(lambda tx: tx.consents.standing(pairs))
    assert set(found) == set(pairs)
    assert found[ANN, "orders"].until == {Level.TRANSACTIONAL: later(days=400)}
    assert found[ANN, "orders"].events == {Level.TRANSACTIONAL: "cns_1"}
    assert [found[pair] for pair in pairs[1:]] == [NOTHING] * 3
    assert await store.read(lambda tx: tx.consents.standing([])) == {}
    assert list(await store.read(lambda tx: tx.consents.standings_of(ANN))) == ["orders"]


async def test_a_batch_is_one_statement_and_quick(sqlite_url: str) -> None:
    store = await open_store(sqlite_url, clock=SystemClock())
    people = [number(n) for n in range(5_000)]
    events = [event(f"cns_{n}", number=person) for n, person in enumerate(people)]
    await store.write(lambda tx: tx.consents.append(events))
    pairs = [(person, "orders") for person in people[::80]]
    ran: list[str] = []

    def query(tx: Any) -> float:
        db = tx.consents._db
        each, db.each = db.each, lambda *given: ran.append("each") or each(*given)
        tx.consents.standing(pairs)
        db.each = each
        started = time.perf_counter()
        for _ in range(20):
            tx.consents.standing(pairs)
        return (time.perf_counter() - started) / 20

    seconds = await store.read(query)
    await store.close()
    assert ran == ["each"]
    assert seconds / len(pairs) < 0.0005  # some 15 microseconds a person on a quiet machine


@pytest.mark.proves("P7")
async def test_the_database_itself_refuses_changes_but_lets_a_person_be_erased(
    store_url: str,
) -> None:
    store = await open_store(store_url, clock=SystemClock())
    await store.write(lambda tx: tx.consents.append([event(), event("cns_2", number=BOB)]))
    await store.write(lambda tx: tx.consents.add_request(request()))
    for statement in (
        "UPDATE consents SET kind = 'granted'",
        "DELETE FROM consents WHERE seq = 1",
        *(["TRUNCATE consents"] if store_url.startswith("postgres") else []),
    ):
        with pytest.raises(
            (sqlite3.IntegrityError, psycopg.errors.RaiseException), match="events of consent"
        ):
            behind_our_back(store_url, statement)
    with pytest.raises(StoreError):
        await store.write(lambda tx: tx.consents._db.run("DELETE FROM consents"))
    assert await store.write(lambda tx: tx.consents.erase(ANN)) == 1
    assert await store.read(lambda tx: tx.consents.of_person(ANN)) == []
    assert await store.read(lambda tx: tx.consents.standing([(ANN, "orders")])) == {
        (ANN, "orders"): NOTHING
    }
    assert await store.read(lambda tx: tx.consents.requests(ANN, NOW)) == []
    # The door is shut again behind them.
    with pytest.raises(
        (sqlite3.IntegrityError, psycopg.errors.RaiseException), match="events of consent"
    ):
        behind_our_back(store_url, "DELETE FROM consents")
    assert len(await store.read(lambda tx: tx.consents.of_person(BOB))) == 1
    assert await store.write(lambda tx: tx.consents.erase(ANN)) == 0
    await store.close()


async def test_pages(store: Database) -> None:
    events = [event(f"cns_{n}", programme="ab"[n % 2]) for n in range(5)]
    await store.write(lambda tx: tx.consents.append(events))
    first = await store.read(lambda tx: tx.consents.listing(0, 3, None))
    rest = await store.read(lambda tx: tx.consents.listing(first[-1].seq, 3, None))
    assert [one.id for one in [*first, *rest]] == [one.id for one in events]
    newest = await store.read(lambda tx: tx.consents.newest(2, "a"))
    assert [one.id for one in newest] == ["cns_4", "cns_2"]
    assert len(await store.read(lambda tx: tx.consents.listing(0, 9, "b"))) == 2


async def test_who_had_opted_out_before_there_was_a_ledger_is_in_it(store_url: str) -> None:
    postgres = store_url.startswith("postgres")
    db = connect(locate(store_url), read_only=False, busy_timeout_s=5)
    migrate(db, postgres=postgres, migrations=MIGRATIONS[:1])
    for who, source in ((ANN, "operator"), (BOB, "keyword"), (number(1), "")):
        row = (who.e164, f"ctc_{who.e164[1:]}", source)
        db.run("INSERT INTO people VALUES (?, ?, 0, ?, 0)", row)
    db.close()
    store = await open_store(store_url, clock=SystemClock())
    people = [ANN, BOB, number(1)]
    found = await store.read(lambda tx: tx.consents.of_people(people))
    assert {who: opt_out_source(events) for who, events in found.items()} == {
        ANN: "operator",
        BOB: "keyword",
    }
    await store.close()


def request(id_: str = "opt_1", **given: Any) -> OptInRequest:
    made = OptInRequest(
        id_,
        ANN,
        "default",
        "orders",
        Level.TRANSACTIONAL,
        "7F3K",
        OptInState.PENDING,
        0,
        NOW,
        later(hours=24),
        "operator:t",
        "Reply JOIN 7F3K",
        "msg_1",
    )
    return replace(made, **given)


async def test_requests_move_once(store: Database) -> None:
    def job(tx: Any) -> None:
        tx.consents.add_request(request())
        tx.consents.add_request(request("opt_2", created_at=later(days=2)))
        tx.consents.add_request(request("opt_3", number=BOB))

    async def since(at: datetime) -> list[str]:
        return [r.id for r in await store.read(lambda tx: tx.consents.requests(ANN, at))]

    await store.write(job)
    assert await since(NOW) == ["opt_2", "opt_1"]
    assert await since(later(days=1)) == ["opt_2"]
    answered = OptInState.ANSWERED
    assert await store.write(lambda tx: tx.consents.change_request("opt_1", answered, 1))
    assert not await store.write(lambda tx: tx.consents.change_request("opt_1", answered, 1))
    assert await store.write(lambda tx: tx.consents.withdraw_requests(ANN)) == 1
    kept = await store.read(lambda tx: tx.consents.requests(ANN, NOW))
    assert [one.state for one in kept] == [OptInState.WITHDRAWN, answered]
    assert kept[1] == request(state=answered, tries=1)
