"""The private door: the bridge any program can use, and nobody else. Each answer by table: who may
call, what it takes, what it refuses and in which words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from looking import ALICE, BOB, OPEN, Answer, all_items, message_form, outbound, request, sid_of
from looking import webhook as post_webhook
from ringfence.gateway import halt
from ringfence.model.phone import PhoneNumber
from telling import NUMBER, OWNER, ScriptedAgent, Story, telling

PROBLEM = "application/problem+json"


async def send(
    story: Story, document: Any, *, headers: Sequence[tuple[str, str]] = (), host: str | None = None
) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return await request(story.private, "/sms/send", headers=headers, body=body, host=host)


async def get(story: Story, path: str, **options: Any) -> Answer:
    return await request(story.private, path, method="GET", **options)


def hello(**changes: Any) -> dict[str, Any]:
    return {"to": OWNER, "body": "hello", **changes}


# -- who may call ---------------------------------------------------------------------------------


@pytest.mark.proves("P8", "P2")
@pytest.mark.parametrize(
    ("headers", "host"),
    [
        ([("Origin", "https://evil.example.com")], None),
        ([("Origin", "null")], None),
        ([("Origin", "http://127.0.0.1:8081")], None),
        ([("Sec-Fetch-Site", "cross-site")], None),
        ([("Sec-Fetch-Mode", "no-cors")], None),
        ([("sec-fetch-dest", "image")], None),
        ([], "rebound.example.com"),
        ([], "rebound.example.com:8081"),
        ([], "127.0.0.1.example.com"),
        ([], "localhost.example.com:80"),
        ([], "user@127.0.0.1"),
        ([], ""),
    ],
)
async def test_browsers_and_foreign_names_are_refused(
    sqlite_url: str, headers: list[tuple[str, str]], host: str | None
) -> None:
    async with telling(sqlite_url) as story:
        for got in (
            await send(story, hello(), headers=headers, host=host),
            await get(story, "/sms/inbox", headers=headers, host=host),
            await get(story, "/health", headers=headers, host=host),
            await get(story, "/metrics", headers=headers, host=host),
        ):
            assert got.status in (400, 403)
        assert await outbound(story) == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:1", "localhost:8081", "LOCALHOST", "[::1]:5"]
)
async def test_a_program_on_this_machine_needs_no_token(sqlite_url: str, host: str) -> None:
    async with telling(sqlite_url) as story:
        assert (await get(story, "/health", host=host)).status == 200


@pytest.mark.proves("P2")
async def test_the_caller_is_the_least_of_agents(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        held = await send(story, hello(to=ALICE))
        assert (held.status, held.document["state"]) == (202, "held")
        assert "first_contact" in {reason["code"] for reason in held.document["reasons"]}
        [message] = await outbound(story, ALICE)
        assert message.initiator == "agent:local"
        await story.passes(seconds=30)
        assert story.phone(ALICE).inbox == []
        # Nothing of the bridge approves, releases, resumes or configures.
        for path in (
            f"/sms/messages/{message.id}",
            f"/sms/messages/{message.id}/approve",
            "/sms/approve",
            "/pairing",
            "/stop",
            "/resume",
            "/config",
        ):
            assert (await request(story.private, path)).status in (404, 405)


# -- sending --------------------------------------------------------------------------------------


@pytest.mark.proves("P1", "P7")
async def test_a_send_is_accepted_decided_and_delivered(store_url: str) -> None:
    async with telling(store_url) as story:
        got = await send(story, hello())
        assert got.status == 202
        told = got.document
        assert (told["state"], told["reasons"]) == ("queued", [])
        assert (told["segments"], told["encoding"], told["line"]) == (1, "GSM-7", "default")
        assert got.headers["location"] == f"/sms/messages/{told['id']}"
        await story.passes(seconds=5)
        assert [text.body for text in story.phone(OWNER).inbox] == ["hello"]
        view = (await get(story, got.headers["location"])).document
        assert (view["status"], view["to"], view["body"]) == ("delivered", OWNER, "hello")


@pytest.mark.parametrize("to", [f"sms:{OWNER}", f"twilio-sms:{OWNER}", "+1 (555) 555-0199"])
async def test_a_number_may_be_written_with_a_prefix_or_layout(sqlite_url: str, to: str) -> None:
    async with telling(sqlite_url) as story:
        assert (await send(story, hello(to=to))).document["state"] == "queued"
        assert (await outbound(story))[0].number.e164 == OWNER


@pytest.mark.proves("B076")
async def test_automation_that_names_nobody_reaches_the_configured_recipient(
    sqlite_url: str,
) -> None:
    async with telling(sqlite_url, sms={"defaultTo": OWNER}) as story:
        assert (await send(story, {"body": "hello"})).document["state"] == "queued"
        assert [message.number.e164 for message in await outbound(story)] == [OWNER]
        for written in (None, "", "*"):
            assert (await send(story, hello(to=written))).status == 400
    async with telling(sqlite_url) as story:
        got = await send(story, {"body": "hello"})
        assert (got.status, got.document["code"]) == (400, "invalid_field")
        assert "defaultTo" in got.document["detail"]


@pytest.mark.proves("B061", "B062", "B064", "B076", "P10")
@pytest.mark.parametrize(
    ("document", "status", "code"),
    [
        (hello(to="(555) 123-4567"), 400, "invalid_number"),
        (hello(to="5551234567"), 400, "invalid_number"),
        (hello(to="+123456"), 400, "invalid_number"),
        (hello(to="+1234567890123456"), 400, "invalid_number"),
        (hello(to="+05555550123"), 400, "invalid_number"),
        (hello(to=f"whatsapp:{OWNER}"), 400, "invalid_number"),
        (hello(to=""), 400, "invalid_number"),
        (hello(to="*"), 400, "invalid_number"),
        (hello(to=None), 400, "invalid_field"),
        (hello(to=15555550199), 400, "invalid_field"),
        (hello(to=[OWNER]), 400, "invalid_field"),
        ({"body": "hello"}, 400, "invalid_field"),
        ({"to": OWNER}, 400, "empty_text"),
        (hello(body=""), 400, "empty_text"),
        (hello(body=" \r\n\t\n "), 400, "empty_text"),
        (hello(body="\u200b\u2060"), 400, "empty_text"),
        (hello(body=7), 400, "invalid_field"),
        (hello(body="x" * 16_001), 400, "invalid_field"),
        (hello(line="nobody"), 400, "invalid_field"),
        (hello(line=["default"]), 400, "invalid_field"),
        (hello(media="http://example.com/a.png"), 400, "invalid_field"),
        (hello(media=["https://example.com/a.png", 3]), 400, "invalid_field"),
        (hello(media="file:///etc/passwd"), 400, "invalid_field"),
        (hello(media="https://e.example/" + "a" * 2_000), 400, "invalid_field"),
        (hello(media=["https://e.example/a.png"] * 11), 400, "invalid_field"),
        (hello(idempotency_key="k" * 256), 400, "invalid_field"),
        (hello(idempotency_key="a\x00b"), 400, "invalid_field"),
        (hello(idempotency_key=5), 400, "invalid_field"),
        (hello(approved=True), 400, "invalid_field"),
        (hello(initiator="operator:me", message_class="template"), 400, "invalid_field"),
        ([hello()], 400, "invalid_field"),
        ("hello", 400, "invalid_field"),
        (b"", 400, "invalid_field"),
        (b"to=%2B15555550199&body=hi", 400, "invalid_field"),
        (b'{"to": "+15555550199", "body": "hi"', 400, "invalid_field"),
        (b'{"to": "+15555550199", "body": "\xff"}', 400, "invalid_field"),
        (b'{"to": "+15555550199", "body": "\\ud800"}', 400, "invalid_field"),
        (b"[" * 5_000, 400, "invalid_field"),
        (b'{"body": "' + b"x" * 70_000 + b'"}', 413, "body_too_large"),
    ],
)
async def test_bad_input_is_refused_with_words(
    sqlite_url: str, document: Any, status: int, code: str
) -> None:
    async with telling(sqlite_url) as story:
        got = await send(story, document)
        assert got.status == status
        assert got.headers["content-type"] == PROBLEM
        assert got.headers["cache-control"] == "no-store"
        problem = got.document
        assert problem.keys() == {"type", "title", "status", "detail", "code"}
        assert (problem["code"], problem["status"]) == (code, status)
        assert problem["type"] == f"urn:ringfence:error:{code}"
        assert problem["detail"]
        assert await outbound(story) == []


@pytest.mark.proves("B064")
async def test_text_is_tidied(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        await send(story, hello(body=" \r\na\r\n\r\n\r\n\r\nb \n"))
        [message] = await outbound(story)
        assert message.body == "a\n\nb"


async def test_nul_is_no_text(store_url: str) -> None:
    async with telling(store_url) as story:
        assert (await send(story, hello(body="a\x00b"))).status in (202, 400)
        assert (await get(story, "/sms/messages/%00")).status == 404
        assert (await get(story, "/sms/messages/" + "m" * 5_000)).status == 404


async def test_curls_default_content_type_is_taken(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        form = [("Content-Type", "application/x-www-form-urlencoded")]
        assert (await send(story, hello(), headers=form)).status == 202


@pytest.mark.proves("P3")
async def test_a_refused_send_says_why(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        kit, now = story.gateway.kit, story.clock.now()
        await story.write(lambda tx: halt.block(kit, tx, PhoneNumber(OWNER), "operator:t", now))
        told = (await send(story, hello())).document
        assert told["state"] == "refused"
        assert [(why["rule"], why["code"]) for why in told["reasons"]] == [
            ("block_list", "blocked")
        ]
        await story.passes(seconds=5)
        assert story.carrier.sent == ()


# -- once per key ---------------------------------------------------------------------------------


@pytest.mark.proves("P5")
async def test_a_key_makes_one_message(store_url: str) -> None:
    async with telling(store_url) as story:
        first = await send(story, hello(idempotency_key="k1"))
        again = await send(story, hello(), headers=[("Idempotency-Key", "k1")])
        assert first.document["id"] == again.document["id"]
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"
        other = await send(story, hello(body="another", idempotency_key="k1"))
        elsewhere = await send(story, hello(to=ALICE, idempotency_key="k1"))
        assert [other.status, elsewhere.status] == [422, 422]
        assert other.document["code"] == "key_reused"
        both = await send(story, hello(idempotency_key="k2"), headers=[("Idempotency-Key", "k3")])
        assert both.status == 400
        await story.passes(seconds=5)
        assert len(story.phone(OWNER).inbox) == 1
    async with telling(store_url, seed=8) as story:
        later = await send(story, hello(idempotency_key="k1"))
        assert later.document["id"] == first.document["id"]
        assert later.document["state"] == "delivered"
        await story.passes(seconds=5)
        assert story.carrier.sent == ()


@pytest.mark.proves("P5")
async def test_a_key_used_twenty_times_at_once_makes_one_message(store_url: str) -> None:
    async with telling(store_url) as story:
        same = hello(idempotency_key="k")
        answers = await asyncio.gather(*(send(story, same) for _ in range(20)))
        assert len({got.document["id"] for got in answers}) == 1
        assert len(await all_items(story)) == 1


async def test_without_a_key_two_sends_are_two_messages(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        ids = {(await send(story, hello())).document["id"] for _ in range(2)}
        assert len(ids) == 2


# -- the inbox ------------------------------------------------------------------------------------


@pytest.mark.proves("P4")
async def test_the_inbox_is_in_the_store(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        for number in range(105):
            sender = f"+1555555{number + 200:04}"
            await post_webhook(story, message_form(sender, f"text {number}", sid_of(number)))
            story.clock.advance(seconds=1)
        newest = (await get(story, "/sms/inbox")).document["messages"]
        assert [one["body"] for one in newest] == [f"text {n}" for n in range(5, 105)]
        assert newest[0].keys() == {
            *("id", "line", "from", "contact", "body", "media", "provider_id", "received_at"),
        }
        middle = newest[50]["received_at"]
    async with telling(store_url, sms=OPEN, seed=8) as story:

        async def bodies(query: str) -> list[str]:
            found = (await get(story, f"/sms/inbox?{query}")).document["messages"]
            return [one["body"] for one in found]

        assert await bodies("limit=2") == ["text 103", "text 104"]
        assert len(await bodies("limit=1000")) == 105
        assert (await bodies(f"since={middle}"))[-1] == "text 104"
        assert len(await bodies(f"since={middle}")) in (49, 50)
        assert await bodies("since=2030-01-01") == []
        assert len(await bodies("since=0&limit=1000&line=default")) == 105


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=1001", "limit=-1", "limit=ten", "limit=1.5", "limit=", "limit=%D9%A1"),
        *("since=yesterday", "since=", "since=1e400", "since=99999999999999", "since=nan"),
        *("line=nobody", "line=", "offset=3", "since=%00"),
    ],
)
async def test_a_bad_inbox_query_is_refused(sqlite_url: str, query: str) -> None:
    async with telling(sqlite_url) as story:
        got = await get(story, f"/sms/inbox?{query}")
        assert (got.status, got.document["code"]) == (400, "invalid_field")


@pytest.mark.proves("B052", "P6")
async def test_what_was_not_let_in_is_stored_and_not_in_the_inbox(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        await story.phone(ALICE).texts("let me in")
        await story.phone(OWNER).texts("mine")
        await story.passes(days=2)
        inbox = (await get(story, "/sms/inbox")).document["messages"]
        assert [one["body"] for one in inbox] == ["mine"]
        stored = await story.read(lambda tx: tx.messages.listing(10, None, "in", None))
        assert {(one.body, one.status.value) for one in stored} == {
            ("mine", "received"),
            ("let me in", "held"),
        }
        health = (await get(story, "/health")).document
        assert health["dead_letters"] == {}


# -- the rest -------------------------------------------------------------------------------------


async def test_health_and_metrics(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=5)
        health = (await get(story, "/health")).document
        assert (health["status"], health["lines"]) == ("ok", {"default": "ready"})
        assert health["kill_switches"] == []
        metrics = (await get(story, "/metrics")).body.decode()
        assert 'ringfence_webhook_answers_total{line="default",status="200"}' in metrics
        for number in (ALICE, NUMBER, OWNER):
            assert number not in metrics
            assert number not in json.dumps(health)


@pytest.mark.proves("B043")
async def test_dead_letters_are_counted_by_line_and_kind(sqlite_url: str) -> None:
    from ringfence.model.errors import AgentRefused

    agent = ScriptedAgent(lambda turn: AgentRefused("never"))
    async with telling(sqlite_url, sms=OPEN, agent=agent) as story:
        await story.phone(ALICE).texts("hello")
        await story.phone(BOB).texts("hello")
        await post_webhook(story, message_form("12345"))
        await story.passes(seconds=5)
        health = (await get(story, "/health")).document
        assert health["dead_letters"] == {"default": {"turns": 2, "events": 1}}
        metrics = (await get(story, "/metrics")).body.decode()
        assert 'ringfence_dead_letters{kind="turns",line="default"} 2.0' in metrics


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/sms/send", "POST"), ("POST", "/sms/inbox", "GET"), ("DELETE", "/health", "GET")],
)
async def test_a_wrong_method_is_told_the_right_one(
    sqlite_url: str, method: str, path: str, allowed: str
) -> None:
    async with telling(sqlite_url) as story:
        got = await request(story.private, path, method=method)
        assert (got.status, got.headers["content-type"]) == (405, PROBLEM)
        assert allowed in got.headers["allow"]


async def test_an_unknown_route_is_a_problem_document(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        got = await get(story, "/nothing")
        assert (got.status, got.document["code"]) == (404, "not_found")


@pytest.mark.proves("P8")
async def test_the_private_door_takes_no_webhooks(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        for path in ("/webhooks/sms", "/sms/webhook"):
            assert (await request(story.private, path)).status == 404
