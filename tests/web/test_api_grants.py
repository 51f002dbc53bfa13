"""Grants over the API: given, looked at, taken back, by operators and for their lines alone."""

from __future__ import annotations

from typing import Any

import pytest
from callers import bearer, call, refusals

from looking import BOB
from ringfence.model.principal import PrincipalKind
from telling import Story, telling

PATH = "/api/v1/grants"
OPERATOR, VIEWER, AGENT = PrincipalKind.OPERATOR, PrincipalKind.VIEWER, PrincipalKind.AGENT
FREE: dict[str, Any] = {"agent": "local", "classes": ["free_text"], "to": [BOB]}
ANY_HOUR = {"policy": {"quietHours": {"windows": "mon-sun 00:00-24:00"}}}
SECOND = {
    "accounts": {
        "second": {
            "accountSid": "AC00000000000000000000000000000002",
            "authToken": "other",
            "fromNumber": "+15555550109",
            "webhookPath": "/webhooks/second",
        }
    }
}


async def give(story: Story, token: str, **fields: Any) -> Any:
    got = await call(story, "POST", PATH, {**FREE, **fields}, token=token)
    assert got.status == 201, got.body
    return got.document


async def ids(story: Story, token: str, query: str = "") -> list[str]:
    got = await call(story, "GET", PATH + query, token=token)
    return [one["id"] for one in got.document["grants"]]


@pytest.mark.proves("P2", "P3")
async def test_a_grant_is_given_used_and_taken_back(store_url: str) -> None:
    async with telling(store_url, config=ANY_HOUR) as story:
        mine = await bearer(story, OPERATOR)
        made = await give(story, mine, count=2, until="30d", name="Friends")
        assert made == {
            "id": made["id"],
            "name": "Friends",
            "state": "active",
            "agent": "local",
            "line": None,
            "group": "named",
            "recipients": [BOB],
            "classes": ["free_text"],
            "categories": [],
            "templates": [],
            "programmes": [],
            "hours": None,
            "count": 2,
            "from": "2026-03-02T17:00:00.000Z",
            "until": "2026-04-01T17:00:00.000Z",
            "used": 0,
            "left": 2,
            "note": None,
            "created_at": "2026-03-02T17:00:00.000Z",
            "created_by": "operator:ann",
            "ended_at": None,
            "ended_by": None,
        }
        status, sent = await story.post("/sms/send", {"to": BOB, "body": "Lunch?"})
        assert (status, sent["state"]) == (202, "queued")
        one = (await call(story, "GET", f"{PATH}/{made['id']}", token=mine)).document
        assert [use["message"] for use in one["uses"]] == [sent["id"]]
        gone = (await call(story, "DELETE", f"{PATH}/{made['id']}", token=mine)).document
        assert (gone["state"], gone["cancelled"], gone["ended_by"]) == (
            "revoked",
            1,
            "operator:ann",
        )
        assert (await call(story, "DELETE", f"{PATH}/{made['id']}", token=mine)).status == 404
        assert await ids(story, mine) == []
        assert await ids(story, mine, "?all=true") == [made["id"]]


@pytest.mark.proves("P2", "P7")
@pytest.mark.parametrize("kind", [None, AGENT, VIEWER, PrincipalKind.APPROVER])
async def test_nobody_else_gives_or_takes(sqlite_url: str, kind: PrincipalKind | None) -> None:
    async with telling(sqlite_url) as story:
        grant = await give(story, await bearer(story, OPERATOR))
        token = None if kind is None else await bearer(story, kind, "ben")
        who = (await call(story, "GET", "/api/v1/me", token=token)).document
        for method, path, body in (
            ("POST", PATH, FREE),
            ("DELETE", f"{PATH}/{grant['id']}", None),
        ):
            got = await call(story, method, path, body, token=token)
            assert (got.status, got.document["code"]) == (403, "not_permitted")
        told = await refusals(story, who["token"] or who["actor"])
        assert {one["permission"] for one in told} == {"grant"}
        kept = await story.read(lambda tx: tx.grants.listing(9, None, True))
        assert [one.state.value for one in kept] == ["active"]


@pytest.mark.proves("P2")
async def test_an_operator_of_some_lines_deals_with_those(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=SECOND) as story:
        whole, mine = (
            await bearer(story, OPERATOR),
            await bearer(story, OPERATOR, "ben", ["second"]),
        )
        everywhere = await give(story, whole)
        theirs = await give(story, whole, line="default")
        ours = await give(story, whole, line="second")
        own = await give(story, mine, line="second")
        assert set(await ids(story, mine)) == {everywhere["id"], ours["id"], own["id"]}
        for fields in ({}, {"line": "default"}):
            got = await call(story, "POST", PATH, {**FREE, **fields}, token=mine)
            assert (got.status, got.document["code"]) == (403, "not_permitted")
        for method in ("GET", "DELETE"):
            path = f"{PATH}/{theirs['id']}"
            assert (await call(story, method, path, token=mine)).status == 404
        path = f"{PATH}/{everywhere['id']}"
        assert (await call(story, "GET", path, token=mine)).status == 200
        assert (await call(story, "DELETE", path, token=mine)).status == 403
        assert (await call(story, "DELETE", f"{PATH}/{ours['id']}", token=mine)).status == 200


async def test_the_listing_is_paged(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        mine = await bearer(story, OPERATOR)
        made = []
        for _ in range(3):
            made.append((await give(story, mine))["id"])
            story.clock.advance(seconds=1)
        first = (await call(story, "GET", f"{PATH}?limit=2", token=mine)).document
        assert [one["id"] for one in first["grants"]] == [made[2], made[1]]
        assert await ids(story, mine, f"?limit=2&after={first['next']}") == [made[0]]


@pytest.mark.parametrize(
    "fields",
    [
        {"agent": None},
        {"agent": "nobody"},
        {"line": 7},
        {"line": "nobody"},
        {"to": BOB},
        {"to": []},
        {"to": [1]},
        {"group": "anyone"},
        {"group": "named", "to": []},
        {"group": "everybody", "to": []},
        {"group": "anyone", "to": [], "count": 5},
        {"group": "anyone", "to": [], "count": 5, "until": "9999d"},
        {"classes": []},
        {"classes": "free_text"},
        {"classes": ["help"]},
        {"classes": ["owner_notice"]},
        {"categories": ["loud"]},
        {"templates": ["nothing"]},
        {"programmes": ["A B"]},
        {"hours": "soon"},
        {"hours": 9},
        {"count": 0},
        {"count": "5"},
        {"count": True},
        {"count": 1.5},
        {"until": 30},
        {"until": ""},
        {"until": "2020-01-01T00:00:00Z"},
        {"until": "2026-04-01"},
        {"name": "x" * 81},
        {"note": "a\nb"},
        {"state": "active"},
        {"used": -5},
    ],
)
async def test_bad_wishes_make_no_grant(sqlite_url: str, fields: dict[str, Any]) -> None:
    async with telling(sqlite_url) as story:
        mine = await bearer(story, OPERATOR)
        got = await call(story, "POST", PATH, {**FREE, **fields}, token=mine)
        assert (got.status, got.document["code"]) == (400, "invalid_field"), got.body
        assert got.document["detail"]
        assert await ids(story, mine, "?all=true") == []


async def test_a_number_nobody_can_have(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        mine = await bearer(story, OPERATOR)
        got = await call(story, "POST", PATH, {**FREE, "to": ["5555550112"]}, token=mine)
        assert (got.status, got.document["code"]) == (400, "invalid_number")


@pytest.mark.parametrize("query", ["limit=0", "after=", "all=yes", "state=active"])
async def test_bad_queries(sqlite_url: str, query: str) -> None:
    async with telling(sqlite_url) as story:
        got = await call(story, "GET", f"{PATH}?{query}", token=await bearer(story, OPERATOR))
        assert (got.status, got.document["code"]) == (400, "invalid_field")
