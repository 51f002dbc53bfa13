"""The demo's agent: it takes signed turns only, chats, and writes to others through the bridge."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ringfence.agents import webhook
from ringfence.clock import ManualClock, SystemClock
from ringfence.model.errors import AgentRefused
from ringfence.model.line import Secret
from ringfence.net.http import HttpClient
from ringfence.ports import Agent, AgentTurn, Attachment
from ringfence.simulator.demo_agent import HELP, SPOKEN_HELP, STORY, DemoAgent, signature_holds
from ringfence.simulator.server import LoopbackServer
from ringfence.text.spoken import SpokenAnswer, spoken

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
FRIEND = "+15555550112"
NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)


class Bridge:
    """What the gateway's bridge would answer, and what it was asked."""

    def __init__(self, status: int = 202, **answer: Any) -> None:
        self.status = status
        self.answer = {"state": "queued", "reasons": [], **answer}
        self.asked: list[tuple[dict[str, Any], str]] = []
        self.paths: list[str] = []

    async def send(self, request: Request) -> Response:
        self.paths.append(request.url.path)
        self.asked.append((await request.json(), request.headers["idempotency-key"]))
        return JSONResponse(self.answer, self.status)


@asynccontextmanager
async def talking(bridge: Bridge, secret: str = SECRET) -> AsyncIterator[tuple[Agent, DemoAgent]]:
    """The gateway's own webhook agent in front of the demo's agent."""
    server = LoopbackServer()
    address = f"http://127.0.0.1:{server.bind()}"
    paths = ("/sms/send", "/api/v1/calls")
    routes = [Route(path, bridge.send, methods=["POST"]) for path in paths]
    await server.start(Starlette(routes=routes))
    clock = SystemClock()
    try:
        async with DemoAgent(KEY, address, clock) as demo, HttpClient() as http:
            settings = webhook.Settings(demo.url, (Secret(secret),), timeout_s=5)
            yield webhook.make("default", settings, http, clock), demo
    finally:
        await server.stop()


def turn(text: str, *attachments: Attachment) -> AgentTurn:
    return AgentTurn("trn_1", "ctc_1", "default", text, "guest", attachments)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Good morning!", "You said: Good morning!"),
        ("help", HELP),
        ("What can you do?", HELP),
        ("text me later", "You said: text me later"),
        ("tell 5555550112: hi", "You said: tell 5555550112: hi"),
    ],
)
async def test_it_chats(text: str, expected: str) -> None:
    bridge = Bridge()
    async with talking(bridge) as (agent, demo):
        assert (await agent.reply(turn(text))).text == expected
        assert (demo.turns, bridge.asked) == (1, [])


async def test_it_thanks_for_a_picture() -> None:
    async with talking(Bridge()) as (agent, _):
        assert "picture" in (await agent.reply(turn("", Attachment("image/png", b"0")))).text


@pytest.mark.parametrize(
    "text",
    [
        f"text {FRIEND}: lunch?",
        f"Tell {FRIEND} that lunch?",
        f"please text {FRIEND}, lunch?",
        f"message {FRIEND} lunch?",
    ],
)
async def test_it_writes_through_the_bridge_once_per_turn(text: str) -> None:
    bridge = Bridge()
    async with talking(bridge) as (agent, _):
        assert (await agent.reply(turn(text))).text == f"On its way to {FRIEND}."
    assert bridge.asked == [({"to": FRIEND, "body": "lunch?"}, "trn_1")]


@pytest.mark.parametrize(
    ("bridge", "words"),
    [
        (Bridge(state="held", reasons=[{"text": "First contact."}]), ("Held", "First contact.")),
        (Bridge(state="refused", reasons=[{"text": "Opted out."}]), ("Refused", "Opted out.")),
        (Bridge(400, detail="Write the country code."), ("did not take it", "country code")),
    ],
)
async def test_it_says_what_the_bridge_said(bridge: Bridge, words: tuple[str, str]) -> None:
    async with talking(bridge) as (agent, _):
        answer = (await agent.reply(turn(f"text {FRIEND}: hi"))).text
    assert all(word in answer for word in words)


async def test_it_asks_for_a_call_and_says_that_nobody_was_called() -> None:
    bridge = Bridge(state="held", reasons=[{"text": "First contact."}])
    async with talking(bridge) as (agent, _):
        answer = (await agent.reply(turn(f"call {FRIEND}: dinner is ready"))).text
    assert answer == f"Held for a person to look at; {FRIEND} was not called. First contact."
    assert bridge.asked == [({"to": FRIEND, "message": "dinner is ready"}, "trn_1")]
    assert bridge.paths == ["/api/v1/calls"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "Connect me to the owner, please.",
            SpokenAnswer("I connect you to the owner.", transfer="owner"),
        ),
        ("Tell me a story.", SpokenAnswer(STORY)),
        ("Good bye!", SpokenAnswer("Goodbye!", hang_up=True)),
        ("Hello?", SpokenAnswer(SPOKEN_HELP)),
        ("What time is it?", SpokenAnswer("You said: What time is it?")),
    ],
)
async def test_on_the_telephone_it_can_be_relieved_and_hang_up(
    said: str, expected: SpokenAnswer
) -> None:
    """In the form the gateway reads; by text the same words are only talk."""
    async with talking(Bridge()) as (agent, _):
        asked = replace(turn(said), channel="call")
        assert spoken((await agent.reply(asked)).text) == expected
        assert "{" not in (await agent.reply(turn(said))).text


async def test_it_says_so_when_no_bridge_answers() -> None:
    clock = SystemClock()
    async with DemoAgent(KEY, "http://127.0.0.1:9", clock) as demo, HttpClient() as http:
        settings = webhook.Settings(demo.url, (Secret(SECRET),), timeout_s=5)
        agent = webhook.make("default", settings, http, clock)
        assert "could not reach" in (await agent.reply(turn(f"text {FRIEND}: hi"))).text


@pytest.mark.proves("P2")
async def test_a_turn_that_is_not_signed_for_it_is_refused() -> None:
    bridge = Bridge()
    wrong = "whsec_" + "QUJD" * 8
    async with talking(bridge, wrong) as (agent, demo):
        with pytest.raises(AgentRefused):
            await agent.reply(turn(f"text {FRIEND}: hi"))
        assert (demo.refused, demo.turns, bridge.asked) == (1, 0, [])
        async with (
            aiohttp.ClientSession() as http,
            http.post(demo.url, data=b"0" * 10, headers={"content-length": "10"}) as unsigned,
        ):
            assert unsigned.status == 401


def _headers(body: str, at: datetime) -> Mapping[str, str]:
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg_1", at, body),
    }


def test_signatures_of_the_published_library_hold_and_nothing_else_does() -> None:
    now = ManualClock(NOW).now().timestamp()
    headers = _headers("{}", NOW)
    assert signature_holds(KEY, headers, b"{}", now)
    assert signature_holds(KEY, headers, b"{}", now + 299)
    assert not signature_holds(KEY, headers, b"{}", now + 301)
    assert not signature_holds(KEY, headers, b"{ }", now)
    assert not signature_holds(b"1" * 32, headers, b"{}", now)
    assert not signature_holds(KEY, {**headers, "webhook-timestamp": "soon"}, b"{}", now)
    assert not signature_holds(KEY, {}, b"{}", now)
    several = {**headers, "webhook-signature": "v1,AAAA " + headers["webhook-signature"]}
    assert signature_holds(KEY, several, b"{}", now)
