"""Tokens over the API: made once, shown once, listed in pages, revoked for good."""

from __future__ import annotations

from typing import Any

import pytest
from callers import bearer, call

from ringfence.model.principal import PrincipalKind
from telling import Story, telling

PATH = "/api/v1/tokens"
OPERATOR = PrincipalKind.OPERATOR


async def create(story: Story, token: str, **fields: Any) -> Any:
    got = await call(story, "POST", PATH, fields, token=token)
    assert got.status == 201, got.body
    assert got.headers["cache-control"] == "no-store"
    return got.document


async def test_a_token_is_shown_once_and_works(store_url: str) -> None:
    async with telling(store_url) as story:
        mine = await bearer(story, OPERATOR)
        made = await create(
            story,
            mine,
            name="shop",
            kind="agent",
            agent="store",
            lines=["default"],
            expires_in="30d",
        )
        shown = made.pop("token")
        assert made == {
            "id": made["id"],
            "name": "shop",
            "kind": "agent",
            "agent": "store",
            "lines": ["default"],
            "state": "active",
            "created_at": "2026-03-02T17:00:00.000Z",
            "created_by": "operator:ann",
            "expires_at": "2026-04-01T17:00:00.000Z",
            "revoked_at": None,
            "last_used_at": None,
        }
        me = (await call(story, "GET", "/api/v1/me", token=shown)).document
        assert (me["actor"], me["token"]) == ("agent:store", made["id"])
        listed = await call(story, "GET", PATH, token=mine)
        assert shown.encode() not in listed.body
        assert made["id"] in {one["id"] for one in listed.document["tokens"]}


@pytest.mark.proves("P2", "P3")
async def test_a_revoked_token_stays_listed_and_lets_nobody_in(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        mine = await bearer(story, OPERATOR)
        made = await create(story, mine, name="eve", kind="operator")
        gone = await call(story, "DELETE", f"{PATH}/{made['id']}", token=made["token"])
        assert (gone.status, gone.document["state"]) == (200, "revoked")
        assert (await call(story, "GET", PATH, token=made["token"])).status == 401
        listed = (await call(story, "GET", PATH, token=mine)).document["tokens"]
        assert {one["id"]: one["state"] for one in listed}[made["id"]] == "revoked"
        for id_ in (made["id"], "tok_x", "%00", "a" * 300):
            assert (await call(story, "DELETE", f"{PATH}/{id_}", token=mine)).status == 404


async def test_the_listing_is_paged(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        mine = await bearer(story, OPERATOR)
        for number in range(4):
            story.clock.advance(seconds=1)
            await create(story, mine, name=f"viewer-{number}", kind="viewer")
        names, after = [], ""
        while True:
            page = (await call(story, "GET", f"{PATH}?limit=2{after}", token=mine)).document
            names.append([one["name"] for one in page["tokens"]])
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert names == [["viewer-3", "viewer-2"], ["viewer-1", "viewer-0"], ["ann"]]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"name": "eve"},
        {"kind": "viewer"},
        {"name": "Eve", "kind": "viewer"},
        {"name": "+15555550123", "kind": "viewer"},
        {"name": "eve", "kind": "owner"},
        {"name": "eve", "kind": ["operator"]},
        {"name": "eve", "kind": None},
        {"name": 7, "kind": "viewer"},
        {"name": "eve", "kind": "viewer", "lines": "default"},
        {"name": "eve", "kind": "viewer", "lines": []},
        {"name": "eve", "kind": "viewer", "lines": ["nobody"]},
        {"name": "eve", "kind": "viewer", "lines": [1]},
        {"name": "eve", "kind": "viewer", "agent": "shop"},
        {"name": "eve", "kind": "agent", "agent": "local"},
        {"name": "eve", "kind": "viewer", "expires_in": ""},
        {"name": "eve", "kind": "viewer", "expires_in": "for ever"},
        {"name": "eve", "kind": "viewer", "expires_in": 30},
        {"name": "eve", "kind": "viewer", "expires": "30d"},
        {"name": "eve", "kind": "viewer", "token": "rf_v_" + "A" * 43},
    ],
)
async def test_bad_wishes_make_no_token(sqlite_url: str, fields: dict[str, Any]) -> None:
    async with telling(sqlite_url) as story:
        mine = await bearer(story, OPERATOR)
        got = await call(story, "POST", PATH, fields, token=mine)
        assert (got.status, got.document["code"]) == (400, "invalid_field")
        assert got.document["detail"]
        assert len((await call(story, "GET", PATH, token=mine)).document["tokens"]) == 1


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "after=", "page=2", "after=" + "x" * 101]
)
async def test_bad_queries(sqlite_url: str, query: str) -> None:
    async with telling(sqlite_url) as story:
        got = await call(story, "GET", f"{PATH}?{query}", token=await bearer(story, OPERATOR))
        assert (got.status, got.document["code"]) == (400, "invalid_field")
