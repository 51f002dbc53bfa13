"""Calls over the API: whoever asks meets the gate, sees what is theirs, and ends it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from call_verbs import AGENT, OPERATOR, PATH, STRANGER, VIEWER, hello, talking, verb
from callers import bearer, call

from calling import ANN, BEN, Calling, calling
from ringfence.model.call import CallState, EndReason
from ringfence.model.wire import WireRequest
from telling import telling

# -- placing -------------------------------------------------------------------------------------


@pytest.mark.proves("P1")
async def test_a_placed_call_rings_and_is_told_of_with_its_words(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        placed = await call(story.story, "POST", PATH, hello(), token=ann)
        assert (placed.status, placed.document["mode"]) == (202, "notify")
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("This is a test call"))
        await story.until(phone.is_over())
        await story.settles()
        seen = (await call(story.story, "GET", placed.headers["location"], token=ann)).document
        assert (seen["state"], seen["end_reason"], seen["to"]) == ("ended", "said_all", ANN)
        assert seen["message"] == placed.document["message"]
        [words] = seen["words"]
        assert (words["text"], words["heard"]) == ("Hi! This is a test call.", words["text"])
        listed = (await call(story.story, "GET", PATH, token=ann)).document
        assert [one["id"] for one in listed["calls"]] == [seen["id"]]
        again = await call(story.story, "GET", f"{PATH}/{seen['id']}", token=ann)
        assert again.document == seen


@pytest.mark.proves("P1", "P2")
async def test_a_call_that_is_held_says_why_and_tells_an_agent_no_code(store_url: str) -> None:
    async with calling(store_url) as story:
        placed = await call(story.story, "POST", PATH, hello(to=STRANGER))
        held = placed.document
        assert (placed.status, held["state"]) == (202, "held")
        assert held["reasons"]
        assert held["code"] == "", "whoever proposes does not decide"
        seen = await call(story.story, "GET", placed.headers["location"])
        assert (seen.document["id"], seen.document["state"]) == (None, "held")
        ended = await verb(story, held["message"], "end", None)
        assert (ended.status, ended.document["code"]) == (409, "call_not_placed")
        story.phone(STRANGER).has_not_rung()


@pytest.mark.proves("P5")
async def test_a_key_places_one_call_and_belongs_to_its_words(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        header = [("Idempotency-Key", "k")]
        first, again = [
            await call(story.story, "POST", PATH, hello(), token=ann, headers=header)
            for _ in range(2)
        ]
        assert first.document["message"] == again.document["message"]
        assert again.headers["idempotency-replayed"] == "true"
        other = hello(keys={"1": "confirm"})
        refused = await call(story.story, "POST", PATH, other, token=ann, headers=header)
        assert refused.document["code"] == "key_reused"
        text = {"to": ANN, "body": "Hi! This is a test call."}
        refused = await call(
            story.story, "POST", "/api/v1/messages", text, token=ann, headers=header
        )
        assert refused.document["code"] == "key_reused"


async def test_a_dry_run_of_a_call_rings_nobody(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        seen = await call(story.story, "POST", PATH, hello(dry_run=True), token=ann)
        assert (seen.status, seen.document["state"]) == (200, "queued")
        seen = await call(story.story, "POST", PATH, hello(dry_run=True, to=STRANGER))
        assert seen.document["state"] == "held"
        await story.story.passes(minutes=1)
        assert await story.all_calls() == []


async def test_keys_are_asked_for_over_the_api(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        fields = hello(keys={"1": "confirm"})
        placed = await call(story.story, "POST", PATH, fields, token=ann)
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("Press 1 to confirm"))
        phone.presses("1")
        await story.until(phone.is_over())
        await story.settles()
        seen = await call(story.story, "GET", placed.headers["location"], token=ann)
        assert seen.document["pressed"] == "1"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"message": "  "}, "empty_text"),
        ({"message": "x" * 3_001}, "invalid_field"),
        ({"mode": "shout"}, "invalid_field"),
        ({"keys": {"10": "ten"}}, "invalid_field"),
        ({"keys": {"1": " "}}, "invalid_field"),
        ({"keys": ["1"]}, "invalid_field"),
        ({"keys": {"1": "yes"}, "mode": "conversation"}, "invalid_field"),
        ({"dry_run": 1}, "invalid_field"),
        ({"to": "nobody"}, "invalid_number"),
        ({"line": "nowhere"}, "invalid_field"),
        ({"approved": True}, "invalid_field"),
        ({"message": None}, "invalid_field"),
    ],
)
async def test_what_cannot_be_a_call_is_said(
    sqlite_url: str, fields: dict[str, Any], code: str
) -> None:
    async with calling(sqlite_url) as story:
        ann = await bearer(story.story, OPERATOR)
        got = await call(story.story, "POST", PATH, hello(**fields), token=ann)
        assert (got.status, got.document["code"]) == (400, code)
        assert await story.all_calls() == []


@pytest.mark.proves("B127")
async def test_without_a_configuration_there_are_no_calls_over_the_api(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        got = await call(story, "POST", PATH, hello())
        assert got.document["code"] == "provider_misconfigured"
        assert "channels.voice" in got.document["detail"]


@pytest.mark.proves("B076")
async def test_who_is_called_may_be_left_to_the_configuration(sqlite_url: str) -> None:
    async with calling(sqlite_url) as story:
        fields = {"message": "Hello."}
        got = await call(story.story, "POST", PATH, fields)
        assert (got.status, got.document["code"]) == (400, "invalid_field")
        assert "toNumber" in got.document["detail"]


# -- whose calls -----------------------------------------------------------------------------------


@pytest.mark.proves("P2")
async def test_an_agent_reaches_calls_of_its_own_alone(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        shop, mine = [await bearer(story.story, AGENT, name) for name in ("shop", "default")]
        phone, id_ = await talking(story, ann)
        for path in (f"{PATH}/{id_}", f"{PATH}?limit=5"):
            seen = await call(story.story, "GET", path, token=shop)
            assert seen.status == 404 or seen.document["calls"] == []
        for name, fields in (
            ("speak", {"message": "Hello"}),
            ("digits", {"digits": "1"}),
            ("ask", {"message": "Who?"}),
            ("end", {}),
        ):
            got = await verb(story, id_, name, shop, **fields)
            assert (got.status, got.document["code"]) == (404, "not_found")
        viewer = await bearer(story.story, VIEWER)
        assert (await call(story.story, "GET", f"{PATH}/{id_}", token=viewer)).status == 200
        assert (await verb(story, id_, "end", viewer)).status == 403
        # It is the one that speaks in this call.
        assert (await call(story.story, "GET", f"{PATH}/{id_}", token=mine)).status == 200
        assert (await verb(story, id_, "end", mine)).status == 200
        await story.until(phone.is_over())
        await story.settles()
        assert (await story.call()).person.end_reason is EndReason.ENDED_BY_AGENT


@pytest.mark.proves("P2")
async def test_a_token_for_another_line_sees_no_calls(sqlite_url: str) -> None:
    second = {"fromNumber": "+15555550101", "webhookPath": "/webhooks/second"}
    async with calling(sqlite_url, sms={"accounts": {"second": second}}) as story:
        phone, id_ = await talking(story, await bearer(story.story, OPERATOR))
        other = await bearer(story.story, OPERATOR, "eve", lines=["second"])
        assert (await call(story.story, "GET", PATH, token=other)).document["calls"] == []
        assert (await verb(story, id_, "end", other)).status == 404
        phone.hangs_up()
        await story.settles()


# -- ending ----------------------------------------------------------------------------------------


@pytest.mark.proves("B133")
async def test_an_ended_call_hangs_up_once_and_stays_ended(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        phone, id_ = await talking(story, ann)
        told = _told_carrier(story)
        ends = await asyncio.gather(*(verb(story, id_, "end", ann) for _ in range(3)))
        assert [one.status for one in ends] == [200] * 3
        await story.until(phone.is_over())
        await story.settles()
        ended = await story.call()
        assert (ended.state, ended.person.end_reason) == (
            CallState.ENDED,
            EndReason.ENDED_BY_OPERATOR,
        )
        assert len(told) == 1, "the goodbye, which hangs up; no request for each who asked"
        again = await verb(story, id_, "end", ann)
        assert (again.status, again.document["end_reason"]) == (200, "ended_by_operator")
        entries = await story.story.read(lambda tx: tx.audit.of_subject(id_))
        endings = [one.entry for one in entries if one.entry.kind == "call_ending"]
        assert [one.actor for one in endings] == ["operator:ann"]


def _told_carrier(story: Calling) -> list[WireRequest]:
    """Requests about this call from now on."""
    http, told = story.story.gateway.kit.http, []
    send = http.send

    async def noted(request: WireRequest) -> Any:
        if request.method == "POST":
            told.append(request)
        return await send(request)

    http.send = noted  # type: ignore[method-assign]
    return told


# -- listing ---------------------------------------------------------------------------------------


async def test_calls_are_listed_in_pages_newest_first(sqlite_url: str) -> None:
    async with calling(sqlite_url) as story:
        ann = await bearer(story.story, OPERATOR)
        for number in (ANN, BEN):
            phone = story.phone(number)
            phone.calls()
            await story.until(phone.hears("this is Acme"))
        newest = (await call(story.story, "GET", f"{PATH}?limit=1", token=ann)).document
        assert [one["from"] for one in newest["calls"]] == [BEN]
        older = await call(story.story, "GET", f"{PATH}?after={newest['next']}", token=ann)
        assert [one["from"] for one in older.document["calls"]] == [ANN]
        assert older.document["next"] is None
        story.phone(ANN).hangs_up()
        await story.story.passes(seconds=1)
        live = await call(story.story, "GET", f"{PATH}?state=live&line=default", token=ann)
        assert [one["from"] for one in live.document["calls"]] == [BEN]
        wrong = await call(story.story, "GET", f"{PATH}?state=odd", token=ann)
        assert wrong.document["code"] == "invalid_field"
        story.phone(BEN).hangs_up()
        await story.settles()
