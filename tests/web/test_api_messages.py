"""Messages over the API: who sends is who is told, and nobody sees more than is theirs."""

from __future__ import annotations

from typing import Any

import pytest
from callers import bearer, call

from looking import ALICE, OPEN, outbound
from ringfence.model.principal import PrincipalKind
from telling import OWNER, Story, telling

PATH = "/api/v1/messages"
AGENT, OPERATOR, VIEWER = PrincipalKind.AGENT, PrincipalKind.OPERATOR, PrincipalKind.VIEWER


def hello(**changes: Any) -> dict[str, Any]:
    return {"to": OWNER, "body": "hello", **changes}


async def bodies(story: Story, token: str | None, query: str = "") -> list[str]:
    got = await call(story, "GET", f"{PATH}?{query}", token=token)
    assert got.status == 200, got.body
    return sorted(one["body"] for one in got.document["messages"])


@pytest.mark.proves("P1", "P2")
async def test_the_token_is_the_initiator(store_url: str) -> None:
    async with telling(store_url) as story:
        shop, ann = await bearer(story, AGENT, "shop"), await bearer(story, OPERATOR, "ann")
        sent = await call(story, "POST", PATH, hello(), token=shop)
        assert (sent.status, sent.document["state"]) == (202, "queued")
        await call(story, "POST", PATH, hello(), token=ann)
        await call(story, "POST", PATH, hello())
        assert [message.initiator for message in await outbound(story)] == [
            *("agent:shop", "operator:ann", "agent:local"),
        ]
        view = await call(story, "GET", sent.headers["location"], token=shop)
        assert (view.status, view.document["initiator"]) == (200, "agent:shop")


@pytest.mark.proves("P2")
async def test_no_field_makes_an_agent_somebody_else(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        shop = await bearer(story, AGENT, "shop")
        for field in ("initiator", "approved", "agent", "actor", "message_class", "status"):
            got = await call(story, "POST", PATH, hello(**{field: "operator:ann"}), token=shop)
            assert (got.status, got.document["code"]) == (400, "invalid_field")
        assert await outbound(story) == []


@pytest.mark.proves("P2")
async def test_an_agent_meets_the_gate_as_one(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        shop = await bearer(story, AGENT, "shop")
        got = await call(story, "POST", PATH, hello(to=ALICE), token=shop)
        assert got.document["state"] != "queued"
        await story.passes(seconds=30)
        assert story.phone(ALICE).inbox == []


@pytest.mark.proves("P5")
async def test_a_key_belongs_to_its_initiator(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        tokens = [await bearer(story, AGENT, name) for name in ("shop", "shop", "desk")]
        sent = [
            await call(story, "POST", PATH, hello(idempotency_key="k"), token=token)
            for token in tokens
        ]
        first, again, other = (got.document["id"] for got in sent)
        assert first == again != other
        assert sent[1].headers["idempotency-replayed"] == "true"


@pytest.mark.proves("P2")
async def test_an_agent_sees_what_is_its_own(store_url: str) -> None:
    async with telling(store_url, sms={"dmPolicy": "pairing"}) as story:
        shop, desk = await bearer(story, AGENT, "shop"), await bearer(story, AGENT, "desk")
        viewer = await bearer(story, VIEWER)
        ids = {
            name: (await call(story, "POST", PATH, hello(body=name), token=token)).document["id"]
            for name, token in (("shop", shop), ("desk", desk), ("local", None))
        }
        await story.phone(OWNER).texts("from the owner")
        await story.phone(ALICE).texts("from a stranger")
        await story.settle()
        assert await bodies(story, shop) == ["from the owner", "shop"]
        assert await bodies(story, None) == ["from the owner", "local"]
        assert await bodies(story, shop, "direction=out") == ["shop"]
        everything = await bodies(story, viewer)
        assert {"shop", "desk", "local", "from the owner", "from a stranger"} <= set(everything)
        stranger = next(
            one["id"]
            for one in (await call(story, "GET", PATH, token=viewer)).document["messages"]
            if one["body"] == "from a stranger"
        )
        for id_ in (ids["desk"], ids["local"], stranger):
            for place in (PATH, "/sms/messages"):
                assert (await call(story, "GET", f"{place}/{id_}", token=shop)).status == 404
                assert (await call(story, "GET", f"{place}/{id_}", token=viewer)).status == 200
        assert (await call(story, "GET", f"/sms/messages/{ids['shop']}")).status == 404


async def test_pages_and_filters(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        for number in range(5):
            await call(story, "POST", PATH, hello(body=f"text {number}"))
        await story.phone(ALICE).texts("hello there")
        await story.settle()
        viewer = await bearer(story, VIEWER)
        seen: list[str] = []
        after = ""
        while True:
            query = f"limit=2&direction=out&line=default{after}"
            page = (await call(story, "GET", f"{PATH}?{query}", token=viewer)).document
            seen += [one["body"] for one in page["messages"]]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert [body for body in seen if body.startswith("text")] == [
            *("text 4", "text 3", "text 2", "text 1", "text 0"),
        ]
        received = await call(story, "GET", f"{PATH}?status=received", token=viewer)
        [inbound] = received.document["messages"]
        assert inbound["from"] == ALICE
        theirs = await bodies(story, viewer, f"contact={inbound['contact']}&direction=in")
        assert theirs == ["hello there"]


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=x", "after=x", "after=-1", "after=" + "9" * 19, "after=%D9%A1"),
        *("direction=up", "status=lost", "line=nobody", "contact=%00", "contact=+15555550123"),
        *("to=+15555550123", "offset=1"),
    ],
)
async def test_bad_queries(sqlite_url: str, query: str) -> None:
    async with telling(sqlite_url) as story:
        got = await call(story, "GET", f"{PATH}?{query}")
        assert (got.status, got.document["code"]) == (400, "invalid_field")


@pytest.mark.proves("P2")
async def test_no_agent_reads_the_code_that_approves_its_draft(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        shop = await bearer(story, AGENT, "shop")
        sent = await call(story, "POST", PATH, hello(to=ALICE), token=shop)
        assert sent.document["state"] == "held"
        await story.passes(seconds=30)
        codes = [draft.code for draft in await story.read(lambda tx: tx.drafts.waiting(None, 10))]
        assert len(codes) == 1
        assert codes[0] in "".join(text.body for text in story.phone(OWNER).inbox)
        await story.phone(OWNER).texts("what is this?")
        await story.passes(seconds=30)
        for token in (shop, None):
            for path in (PATH, f"{PATH}/{sent.document['id']}", "/sms/inbox", "/health"):
                got = await call(story, "GET", path, token=token)
                assert codes[0].encode() not in got.body, path
        for message in await outbound(story, OWNER):
            for place in (PATH, "/sms/messages"):
                got = await call(story, "GET", f"{place}/{message.id}", token=shop)
                assert got.status == 404
