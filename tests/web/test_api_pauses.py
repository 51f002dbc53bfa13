"""Pauses over the API."""

from __future__ import annotations

import pytest
from callers import bearer, call

from looking import ALICE
from ringfence.model.principal import PrincipalKind
from telling import telling

PATH = "/api/v1/pauses"


@pytest.mark.proves("P2")
async def test_taken_over_and_given_back(store_url: str) -> None:
    async with telling(store_url) as story:
        mine = await bearer(story, PrincipalKind.OPERATOR)
        got = await call(story, "POST", PATH, {"number": ALICE, "line": "default"}, token=mine)
        assert (got.status, got.document) == (
            200,
            {"line": "default", "paused": True, "fresh": True},
        )
        await call(story, "POST", PATH, {"number": ALICE}, token=mine)
        viewer = await bearer(story, PrincipalKind.VIEWER)
        listed = await call(story, "GET", PATH, token=viewer)
        assert {row["line"] for row in listed.document["pauses"]} == {None, "default"}
        one = await call(
            story, "POST", f"{PATH}/lift", {"number": ALICE, "line": "default"}, token=mine
        )
        assert [row["line"] for row in one.document["lifted"]] == ["default"]
        await call(story, "POST", f"{PATH}/lift", {"number": ALICE}, token=mine)
        again = await call(story, "POST", f"{PATH}/lift", {"number": ALICE}, token=mine)
        assert again.status == 404


@pytest.mark.proves("P2")
async def test_no_agent_ends_a_pause(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        mine = await bearer(story, PrincipalKind.OPERATOR)
        await call(story, "POST", PATH, {"number": ALICE}, token=mine)
        agent = await bearer(story, PrincipalKind.AGENT)
        got = await call(story, "POST", f"{PATH}/lift", {"number": ALICE}, token=agent)
        assert got.status == 403
        assert len(await story.read(lambda tx: tx.pauses.listing())) == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"number": "nobody"}, {"number": ALICE, "line": "nowhere"}, {"number": ALICE, "x": 1}],
)
async def test_what_is_wrong_is_said(body: dict[str, object], sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        mine = await bearer(story, PrincipalKind.OPERATOR)
        got = await call(story, "POST", PATH, body, token=mine)
        assert got.status in (400, 422)
        assert await story.read(lambda tx: tx.pauses.listing()) == []
