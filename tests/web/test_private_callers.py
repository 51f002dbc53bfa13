"""Whom the private door takes a caller for: tokens and their absence, names and proxies, guesses,
lines. What is doubtful is refused and never taken for less."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlsplit

import pytest
from callers import bearer, call, refusals

from looking import ALICE, OPEN, Answer, answer, connect, outbound
from ringfence.gateway import principals
from ringfence.model.principal import PrincipalKind
from ringfence.web import private
from telling import OWNER, Story, telling

OPERATOR, VIEWER, AGENT = PrincipalKind.OPERATOR, PrincipalKind.VIEWER, PrincipalKind.AGENT
HOSTS = {"gateway": {"privateHosts": ["ring.example.net", "Other.example.net"]}}
PROXY = [("X-Forwarded-For", "198.51.100.7")]
TWO = {"accounts": {"night": {"fromNumber": "+15555550109", "webhookPath": "/webhooks/night"}}}


async def who(story: Story, **given: object) -> Answer:
    return await call(story, "GET", "/api/v1/me", **given)  # type: ignore[arg-type]


def code(got: Answer) -> tuple[int, str]:
    return got.status, got.document["code"]


async def revoke_all(story: Story) -> None:
    kit = story.gateway.kit
    for token in await principals.listing(kit, 100):
        await principals.revoke(kit, token.id, "operator:test")


# -- tokens ----------------------------------------------------------------------------------------


async def test_a_token_says_who_calls(store_url: str) -> None:
    async with telling(store_url) as story:
        local = (await who(story)).document
        assert (local["actor"], local["token"]) == ("agent:local", None)
        assert local["permissions"] == ["health", "propose", "read_own"]
        for kind in PrincipalKind:
            me = (await who(story, token=await bearer(story, kind, "bob"))).document
            assert (me["actor"], me["kind"], me["name"]) == (f"{kind.value}:bob", kind.value, "bob")
            assert me["token"].startswith("tok_")
            assert me["lines"] is None


@pytest.mark.proves("P2")
async def test_a_bad_token_is_never_taken_for_none(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        good = await bearer(story, VIEWER)
        for value in (
            *("", "Bearer", "Bearer ", f"Basic {good}", good, f"Bearer {good}x", "Bearer rf_v_"),
            *(f"Bearer {good}, Bearer {good}", f"Bearer {good} {good}", "Bearer " + "A" * 8_000),
        ):
            for path in ("/health", "/sms/inbox", "/api/v1/me"):
                got = await call(story, "GET", path, headers=[("Authorization", value)])
                assert code(got) in [(401, "token_refused"), (429, "too_many")], value
            story.clock.advance(minutes=1)
        twice = [("Authorization", f"Bearer {good}"), ("Authorization", f"Bearer {good}")]
        assert code(await who(story, headers=twice)) == (401, "token_refused")
        got = await call(story, "POST", "/sms/send", {"to": OWNER, "body": "hi"}, token=good + "x")
        assert code(got) == (401, "token_refused")
        assert got.headers["www-authenticate"].startswith("Bearer")
        assert await outbound(story) == []
        assert (await who(story, token=good)).status == 200
        lower = [("Authorization", f"bearer {good}")]
        assert (await who(story, headers=lower)).status == 200


@pytest.mark.proves("P2", "P3")
async def test_a_revoked_or_expired_token_is_refused_at_once(store_url: str) -> None:
    async with telling(store_url) as story:
        token = await bearer(story, OPERATOR)
        assert (await call(story, "GET", "/api/v1/tokens", token=token)).status == 200
        await revoke_all(story)
        got = await call(story, "GET", "/api/v1/tokens", token=token)
        assert code(got) == (401, "token_refused")
        assert "revoked" in got.document["detail"]


@pytest.mark.proves("P2", "P3")
async def test_a_body_does_not_outlive_its_token(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        token = await bearer(story, AGENT, "shop")
        body = json.dumps({"to": OWNER, "body": "hello"}).encode()
        reader, writer = await connect(story.private)
        head = [
            *("POST /sms/send HTTP/1.1", f"Host: {urlsplit(story.private).netloc}"),
            *(f"Authorization: Bearer {token}", f"Content-Length: {len(body)}", "", ""),
        ]
        writer.write("\r\n".join(head).encode() + body[:5])
        while (await principals.listing(story.gateway.kit, 1))[0].last_used_at is None:
            await asyncio.sleep(0)
        await revoke_all(story)
        story.clock.advance(seconds=1)
        writer.write(body[5:])
        got = await answer(reader)
        writer.close()
        assert got is not None
        assert code(got) == (401, "token_refused")
        assert await outbound(story) == []


@pytest.mark.proves("P10")
async def test_guesses_are_slowed_and_good_tokens_are_not(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        good, most = await bearer(story, VIEWER), private.BAD_TOKENS_PER_MINUTE
        guess = good[:-1] + ("A" if good[-1] != "A" else "B")
        codes = [code(await who(story, token=guess))[0] for _ in range(most + 3)]
        assert codes == [401] * most + [429] * 3
        assert (await who(story, token=good)).status == 200
        assert (await who(story)).status == 200
        story.clock.advance(minutes=1)
        assert (await who(story, token=guess)).status == 401


@pytest.mark.proves("P9")
async def test_a_refused_token_is_in_no_log(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with telling(sqlite_url) as story:
        good = await bearer(story, VIEWER)
        await who(story, token=good)
        for _ in range(10):
            await who(story, token=good + "x")
    told = [record for record in caplog.records if record.name == "ringfence.private"]
    assert len(told) == 1
    assert all(good[5:] not in str(vars(record)) for record in caplog.records)


# -- names, proxies, browsers ----------------------------------------------------------------------


@pytest.mark.proves("P2", "P8")
async def test_by_another_name_a_token_is_needed(sqlite_url: str) -> None:
    async with telling(sqlite_url, config=HOSTS) as story:
        token = await bearer(story, VIEWER)
        for host in ("ring.example.net", "RING.example.net:8443", "other.example.net"):
            assert code(await who(story, host=host)) == (401, "token_refused")
            assert (await who(story, host=host, token=token)).status == 200
        for host in ("example.net", "ring.example.net.evil.example", "xring.example.net"):
            assert code(await who(story, host=host, token=token)) == (403, "forbidden")
    async with telling(sqlite_url, seed=8) as story:
        got = await who(story, host="ring.example.net", token=token)
        assert code(got) == (403, "forbidden")


@pytest.mark.proves("P2")
@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host"]
)
async def test_behind_a_proxy_nobody_is_the_local_agent(sqlite_url: str, name: str) -> None:
    async with telling(sqlite_url) as story:
        token = await bearer(story, VIEWER)
        passed_on = [(name, "198.51.100.7")]
        assert code(await who(story, headers=passed_on)) == (401, "token_refused")
        assert (await who(story, headers=passed_on, token=token)).status == 200


@pytest.mark.proves("P8")
async def test_a_browser_with_a_token_is_a_browser(sqlite_url: str) -> None:
    async with telling(sqlite_url, config=HOSTS) as story:
        token = await bearer(story, OPERATOR)
        for headers in ([("Origin", "https://ring.example.net")], [("Sec-Fetch-Mode", "cors")]):
            for host in (None, "ring.example.net"):
                got = await who(story, headers=headers, host=host, token=token)
                assert code(got) == (403, "forbidden")


@pytest.mark.proves("P2", "P8")
@pytest.mark.parametrize(
    ("peer", "host", "shows", "status"),
    [
        ("198.51.100.7", "ring.example.net", True, 200),
        ("2001:db8::7", "ring.example.net:8081", True, 200),
        ("198.51.100.7", "ring.example.net", False, 401),
        ("198.51.100.7", "127.0.0.1:8081", True, 403),
        ("198.51.100.7", "localhost", False, 403),
        ("198.51.100.7", "elsewhere.example.net", True, 403),
        ("", "ring.example.net", True, 200),
        ("", "127.0.0.1", False, 403),
        ("127.0.0.1", "127.0.0.1", False, 200),
        ("::ffff:127.0.0.1", "[::1]:8081", False, 200),
    ],
)
async def test_other_machines_need_a_name_and_a_token(
    sqlite_url: str, peer: str, host: str, shows: bool, status: int
) -> None:
    async with telling(sqlite_url, config=HOSTS) as story:
        headers = [(b"host", host.encode())]
        if shows:
            headers.append((b"authorization", b"Bearer " + (await bearer(story, VIEWER)).encode()))
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/api/v1/me",
            "query_string": b"",
            "headers": headers,
            "client": (peer, 1) if peer else None,
        }
        told: list[int] = []

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                told.append(int(str(message["status"])))

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"", "more_body": False}

        await story.gateway.private(scope, receive, send)  # type: ignore[arg-type]
        assert told == [status]


# -- lines -----------------------------------------------------------------------------------------


@pytest.mark.proves("P2", "P7")
async def test_a_token_for_a_line_knows_no_other(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms={**OPEN, **TWO}) as story:
        token = await bearer(story, AGENT, "shop", ["night"])
        me = (await who(story, token=token)).document
        assert me["lines"] == ["night"]
        text = {"to": OWNER, "body": "hello"}
        for path in ("/sms/send", "/api/v1/messages"):
            sent = await call(story, "POST", path, text, token=token)
            assert (sent.status, sent.document["line"]) == (202, "night")
            got = await call(story, "POST", path, {**text, "line": "default"}, token=token)
            assert code(got) == (403, "not_permitted")
        entries = await refusals(story, me["token"])
        assert [entry["permission"] for entry in entries] == ["scope", "scope"]
        await story.phone(ALICE).texts("hello")
        await story.settle()
        assert len((await call(story, "GET", "/sms/inbox")).document["messages"]) == 1
        for path in ("/sms/inbox", "/api/v1/messages?direction=in"):
            seen = (await call(story, "GET", path, token=token)).document["messages"]
            assert seen == []
        elsewhere = (await call(story, "GET", "/sms/inbox")).document["messages"][0]["id"]
        for path in (f"/sms/messages/{elsewhere}", f"/api/v1/messages/{elsewhere}"):
            assert code(await call(story, "GET", path, token=token)) == (404, "not_found")
            assert (await call(story, "GET", path)).status == 200
        for path in ("/sms/inbox?line=default", "/api/v1/messages?line=default"):
            assert code(await call(story, "GET", path, token=token)) == (403, "not_permitted")


@pytest.mark.proves("P2")
async def test_an_operator_of_a_line_is_none_of_the_house(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=TWO) as story:
        token = await bearer(story, OPERATOR, "ann", ["night"])
        wanted = {"name": "eve", "kind": "operator"}
        assert code(await call(story, "POST", "/api/v1/tokens", wanted, token=token))[0] == 403
        for subject in (
            *({}, {"line": "default"}, {"agent": "default"}, {"contact": OWNER}),
            # Called as the line is.
            *({"agent": "night"}, {"flow": "night"}),
        ):
            for path in ("/api/v1/stop", "/api/v1/resume"):
                got = await call(story, "POST", path, subject, token=token)
                assert code(got) == (403, "not_permitted")
        assert await story.read(lambda tx: tx.switches.engaged()) == ()
        for path in ("/api/v1/stop", "/api/v1/resume"):
            assert (await call(story, "POST", path, {"line": "night"}, token=token)).status == 200
