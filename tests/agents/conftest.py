"""An agent's endpoint on loopback that answers as a test tells it, and the turns it is given."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest
from aiohttp import web

from ringfence.net.http import HttpClient
from ringfence.ports import AgentTurn

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Endpoint:
    """`requests` are (method, path, lower-case headers, body) as they arrived."""

    url: str = ""
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    answer: Answer | None = None

    def answers(
        self, document: Any, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        body = document if isinstance(document, bytes) else orjson.dumps(document)

        async def answer(request: web.Request) -> web.Response:
            kind = {"Content-Type": "application/json", **(headers or {})}
            return web.Response(status=status, body=body, headers=kind)

        self.answer = answer

    def breaks_off(self, sent: bytes = b"") -> None:
        """Read the turn, write `sent` raw, and drop the connection."""

        async def answer(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.write(sent)
            request.transport.close()
            return web.Response()

        self.answer = answer

    def document(self, index: int = -1) -> Any:
        return orjson.loads(self.requests[index][3])

    def headers(self, index: int = -1) -> dict[str, str]:
        return self.requests[index][2]


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    served = Endpoint()

    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        served.requests.append((request.method, request.path, headers, body))
        assert served.answer is not None
        return await served.answer(request)

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield served
    await runner.cleanup()


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient() as client:
        yield client


@pytest.fixture
def nobody() -> Iterator[str]:
    """A URL whose port refuses: bound by us, never listening."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


TURN = AgentTurn(
    turn_id="trn_0123",
    contact_id="ctc_0456",
    line="main",
    body="What time is it?",
    role="guest",
)


@pytest.fixture
def turn() -> Callable[..., AgentTurn]:
    """`turn(body=…)`: the usual turn with some fields changed."""
    return lambda **changes: replace(TURN, **changes)
