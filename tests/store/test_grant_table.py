"""Grants on both databases: kept as they are, used up exactly, ended once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from store_rows import ANN, BOB, NOW, later

from ringfence.model.draft import Category
from ringfence.model.errors import StoreError
from ringfence.model.grant import Grant, GrantGroup, GrantScope, GrantState, GrantUse
from ringfence.model.message import MessageClass
from ringfence.store.database import Database

SCOPE = GrantScope(
    GrantGroup.NAMED,
    recipients=frozenset({ANN, BOB}),
    classes=frozenset({MessageClass.FREE_TEXT, MessageClass.TEMPLATE}),
    categories=frozenset({Category.TRANSACTIONAL}),
    templates=frozenset({"visit", "order@2"}),
    programmes=frozenset({"visits"}),
    hours="mon-fri 09:00-17:00",
)
GRANT = Grant(
    id="grt_1",
    name="Visits",
    agent="shop",
    line="default",
    scope=SCOPE,
    count_max=2,
    valid_from=NOW,
    valid_until=later(days=1),
    created_at=NOW,
    created_by="operator:ann",
    note="as agreed",
)
OPEN = replace(
    GRANT, id="grt_2", count_max=None, valid_until=None, scope=GrantScope(GrantGroup.OWNERS)
)


def use(of: Grant = GRANT, message: str = "msg_1") -> GrantUse:
    return GrantUse(of.id, message, "ctc_1", NOW)


async def add(store: Database, *grants: Grant) -> None:
    for grant in grants:
        await store.write(lambda tx, grant=grant: tx.grants.add(grant))


async def kept(store: Database, grant: Grant) -> Grant:
    found = await store.read(lambda tx: tx.grants.get(grant.id))
    assert found is not None
    return found


async def test_a_grant_is_kept_as_it_is(store: Database) -> None:
    await add(store, GRANT, OPEN)
    assert await kept(store, GRANT) == GRANT
    assert await kept(store, OPEN) == OPEN
    assert await store.read(lambda tx: tx.grants.get("grt_9")) is None
    assert (await store.read(lambda tx: tx.grants.many(["grt_1", "grt_9"]))).keys() == {"grt_1"}
    with pytest.raises(StoreError):
        await add(store, GRANT)


async def test_active_ones_are_found_by_their_agents(store: Database) -> None:
    other = replace(GRANT, id="grt_3", agent="other")
    gone = replace(GRANT, id="grt_4", state=GrantState.REVOKED)
    await add(store, GRANT, OPEN, other, gone)
    found = await store.read(lambda tx: tx.grants.active(["shop", "nobody"]))
    assert {one.id for one in found} == {"grt_1", "grt_2"}
    assert await store.read(lambda tx: tx.grants.active([])) == []
    assert await store.read(lambda tx: tx.grants.alive()) == 3


@pytest.mark.proves("P1")
async def test_a_count_is_used_up_exactly(store: Database) -> None:
    await add(store, GRANT, OPEN)
    took = [
        await store.write(lambda tx, name=name: tx.grants.use(use(GRANT, name)))
        for name in ("msg_1", "msg_2", "msg_3")
    ]
    assert took == [True, True, False]
    now = await kept(store, GRANT)
    assert (now.used, now.state, now.ended_at) == (2, GrantState.USED_UP, NOW)
    assert await store.write(lambda tx: tx.grants.use(use(OPEN, "msg_1")))
    assert (await kept(store, OPEN)).state is GrantState.ACTIVE
    uses = await store.read(lambda tx: tx.grants.uses("grt_1", 10))
    assert [one.message_id for one in uses] == ["msg_2", "msg_1"]
    assert await store.read(lambda tx: tx.grants.uses("grt_1", 1)) == [use(GRANT, "msg_2")]
    pairs = {("grt_1", "msg_1"), ("grt_1", "msg_3"), ("grt_2", "msg_2")}
    assert await store.read(lambda tx: tx.grants.recorded(pairs)) == {("grt_1", "msg_1")}
    assert await store.read(lambda tx: tx.grants.recorded([])) == set()


async def test_the_count_holds_whatever_the_state_says(store: Database) -> None:
    await add(store, replace(GRANT, used=2))
    assert not await store.write(lambda tx: tx.grants.use(use()))
    assert await store.read(lambda tx: tx.grants.uses("grt_1", 10)) == []


async def test_one_text_uses_a_grant_once(store: Database) -> None:
    await add(store, GRANT)
    await store.write(lambda tx: tx.grants.use(use()))
    with pytest.raises(StoreError):
        await store.write(lambda tx: tx.grants.use(use()))
    assert (await kept(store, GRANT)).used == 1, "what is undone is not counted"


@pytest.mark.proves("P3")
async def test_what_ended_is_not_used_and_ends_once(store: Database) -> None:
    await add(store, GRANT, OPEN)

    async def ends(grant: Grant, state: GrantState) -> bool:
        return await store.write(lambda tx: tx.grants.end(grant.id, state, "operator:bob", NOW))

    assert await ends(GRANT, GrantState.REVOKED)
    assert not await ends(GRANT, GrantState.REVOKED)
    assert not await ends(GRANT, GrantState.EXPIRED)
    assert not await store.write(lambda tx: tx.grants.use(use()))
    assert (await kept(store, GRANT)).ended_by == "operator:bob"
    assert await ends(OPEN, GrantState.EXPIRED)
    assert not await store.write(lambda tx: tx.grants.use(use(OPEN)))
    assert await ends(OPEN, GrantState.REVOKED), "what expired can still be revoked"


async def test_what_is_over_is_found(store: Database) -> None:
    await add(store, GRANT, OPEN)
    assert await store.read(lambda tx: tx.grants.overdue(later(hours=23), 10)) == []
    assert await store.read(lambda tx: tx.grants.overdue(later(days=1), 10)) == ["grt_1"]
    assert await store.read(lambda tx: tx.grants.overdue(later(days=1), 0)) == []


async def test_the_listing_is_newest_first_and_in_pages(store: Database) -> None:
    gone = replace(GRANT, id="grt_3", state=GrantState.REVOKED)
    full = replace(GRANT, id="grt_4", state=GrantState.USED_UP)
    await add(store, GRANT, OPEN, gone, full)

    async def listed(limit: int, after: str | None, everything: bool) -> list[str]:
        found = await store.read(lambda tx: tx.grants.listing(limit, after, everything))
        return [one.id for one in found]

    assert await listed(10, None, False) == ["grt_4", "grt_2", "grt_1"]
    assert await listed(10, None, True) == ["grt_4", "grt_3", "grt_2", "grt_1"]
    assert await listed(2, "grt_4", True) == ["grt_3", "grt_2"]


async def test_a_person_is_forgotten_in_every_grant(store: Database) -> None:
    only = replace(GRANT, id="grt_3", scope=replace(SCOPE, recipients=frozenset({ANN})))
    await add(store, GRANT, OPEN, only)
    assert await store.write(lambda tx: tx.grants.forget(ANN)) == 2
    assert (await kept(store, GRANT)).scope == replace(SCOPE, recipients=frozenset({BOB}))
    assert (await kept(store, only)).scope.recipients == frozenset()
    assert await kept(store, OPEN) == OPEN
