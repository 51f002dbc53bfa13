"""Tokens on both databases: what is kept, who is found, and what a revocation leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from store_rows import NOW, later

from ringfence.model.errors import StoreError
from ringfence.model.principal import PrincipalKind, Token
from ringfence.store.database import Database

TOKEN = Token("tok_1", PrincipalKind.AGENT, "shop", "shop", None, NOW, "operator:ann")
LINES = replace(
    TOKEN,
    id="tok_2",
    kind=PrincipalKind.APPROVER,
    agent="",
    lines=frozenset({"night", "day"}),
    created_at=later(seconds=1),
    expires_at=later(hours=1),
)


async def add(store: Database, *tokens: Token) -> None:
    for token in tokens:
        await store.write(lambda tx, token=token: tx.tokens.add(token, f"hash of {token.id}"))


async def test_a_token_is_found_by_its_hash_alone(store: Database) -> None:
    await add(store, TOKEN, LINES, replace(TOKEN, id="tok_3", lines=frozenset()))
    found = await store.read(
        lambda tx: [tx.tokens.by_hash(f"hash of {one}") for one in ("tok_1", "tok_2", "tok_4")]
    )
    assert found == [(TOKEN, "hash of tok_1"), (LINES, "hash of tok_2"), None]
    kept = await store.read(lambda tx: tx.tokens.get("tok_3"))
    assert kept is not None
    assert kept.lines == frozenset(), "no line is not every line"
    assert await store.read(lambda tx: tx.tokens.get("tok_4")) is None


async def test_no_two_tokens_share_a_hash(store: Database) -> None:
    await add(store, TOKEN)
    with pytest.raises(StoreError):
        await store.write(lambda tx: tx.tokens.add(replace(TOKEN, id="tok_9"), "hash of tok_1"))


async def test_a_token_is_revoked_once(store: Database) -> None:
    await add(store, TOKEN, LINES)
    assert await store.write(lambda tx: tx.tokens.revoke("tok_1", later(minutes=1)))
    assert not await store.write(lambda tx: tx.tokens.revoke("tok_1", later(minutes=2)))
    assert not await store.write(lambda tx: tx.tokens.revoke("tok_4", later(minutes=2)))
    kept = await store.read(lambda tx: tx.tokens.by_hash("hash of tok_1"))
    assert kept is not None
    assert kept[0] == replace(TOKEN, revoked_at=later(minutes=1))


async def test_those_alive_are_counted(store: Database) -> None:
    await add(store, TOKEN, LINES)
    assert await store.read(lambda tx: tx.tokens.alive(later(minutes=59))) == 2
    assert await store.read(lambda tx: tx.tokens.alive(later(hours=1))) == 1
    await store.write(lambda tx: tx.tokens.revoke("tok_1", NOW))
    assert await store.read(lambda tx: tx.tokens.alive(NOW)) == 1
    assert await store.read(lambda tx: tx.tokens.agents()) == {"shop"}


async def test_the_listing_is_newest_first_and_paged(store: Database) -> None:
    await add(store, TOKEN, LINES)

    async def ids(limit: int, after: str | None) -> list[str]:
        found = await store.read(lambda tx: tx.tokens.listing(limit, after))
        return [token.id for token in found]

    assert await ids(10, None) == ["tok_2", "tok_1"]
    assert await ids(1, None) == ["tok_2"]
    assert await ids(10, "tok_2") == ["tok_1"]
    assert await ids(10, "tok_1") == []


async def test_use_is_noted_unless_it_was_lately(store: Database) -> None:
    await add(store, TOKEN)

    async def use(at: int) -> int:
        now, before = later(seconds=at), later(seconds=at - 60)
        await store.write(lambda tx: tx.tokens.used("tok_1", now, before))
        kept = await store.read(lambda tx: tx.tokens.get("tok_1"))
        assert kept is not None
        assert kept.last_used_at is not None
        return round((kept.last_used_at - NOW).total_seconds())

    assert [await use(0), await use(30), await use(60), await use(61)] == [0, 0, 60, 60]
