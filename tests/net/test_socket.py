"""net/socket.py and net/streaming.py against servers on loopback that misbehave on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from ringfence.model.errors import DestinationRefused, NotDispatched, PossiblyDispatched
from ringfence.model.wire import WireRequest
from ringfence.net.socket import SocketClient
from ringfence.net.streaming import HttpStreams
from ringfence.ports.sockets import SocketClosed

SECRET = "Token very-secret-of-mine"
WAIT_S = 30.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[SocketClient]:
    made = SocketClient()
    yield made
    await made.close()


def upgrade(host: str, **changes: object) -> WireRequest:
    fields = {
        "method": "GET",
        "url": f"ws://{host}/talk?secret=in-the-query",
        "secret_headers": {"Authorization": SECRET},
        "timeout_s": 30.0,
        **changes,
    }
    return WireRequest(**fields)  # type: ignore[arg-type]


async def echo(request: web.Request) -> web.StreamResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.data == "bye":
            await socket.close(code=1008, message=b"NET-0001")
        elif isinstance(message.data, bytes):
            await socket.send_bytes(message.data)
        else:
            await socket.send_str(message.data + request.headers["Authorization"])
    return socket


async def test_a_socket_carries_text_and_bytes_and_tells_how_it_ended(client: SocketClient) -> None:
    async with serving(echo) as host:
        socket = await client.connect(upgrade(host))
        await socket.send("hello ")
        assert await socket.receive() == "hello " + SECRET
        await socket.send(b"\x00\xff")
        assert await socket.receive() == b"\x00\xff"
        await socket.send("bye")
        assert await socket.receive() == SocketClosed(1008, "NET-0001")
        await socket.close()
        await socket.close()
        with pytest.raises(PossiblyDispatched):
            await socket.send("more")


@pytest.mark.proves("P9")
@pytest.mark.parametrize("status", [401, 404, 429, 503])
async def test_a_refused_upgrade_names_the_status_and_no_secret(
    client: SocketClient, status: int
) -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    async with serving(refuse) as host:
        with pytest.raises(NotDispatched) as caught:
            await client.connect(upgrade(host))
    assert caught.value.code == f"http_{status}"
    assert "secret" not in str(caught.value)


@pytest.mark.proves("P9")
async def test_a_redirect_is_not_followed_and_gets_no_credentials(client: SocketClient) -> None:
    seen: list[str] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        seen.append(request.path)
        raise web.HTTPFound("/other")

    async with serving(elsewhere) as host:
        with pytest.raises(DestinationRefused):
            await client.connect(upgrade(host))
    assert seen == ["/talk"]


@pytest.mark.proves("P10")
async def test_a_message_over_the_limit_ends_the_socket(client: SocketClient) -> None:
    async def talkative(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("x" * 5_000)
        await socket.receive()
        return socket

    async with serving(talkative) as host:
        socket = await client.connect(upgrade(host, response_bytes_max=1_000))
        with pytest.raises(PossiblyDispatched) as caught:
            await socket.receive()
        await socket.close()
    assert caught.value.code == "message_too_large"


async def test_a_cut_connection_is_an_abnormal_end(client: SocketClient) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert request.transport is not None
        request.transport.abort()
        return socket

    async with serving(cut) as host:
        socket = await client.connect(upgrade(host))
        try:
            ended = await socket.receive()
        except PossiblyDispatched:
            ended = SocketClosed(1006)
        await socket.close()
    assert ended == SocketClosed(1006)


async def test_a_peer_that_answers_no_ping_counts_as_dead() -> None:
    async def deaf(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        await asyncio.get_running_loop().create_future()
        return socket

    impatient = SocketClient(heartbeat_s=0.2)
    async with serving(deaf) as host, asyncio.timeout(WAIT_S):
        socket = await impatient.connect(upgrade(host))
        try:
            assert isinstance(await socket.receive(), SocketClosed)
        except PossiblyDispatched:
            pass
        await socket.close()
    await impatient.close()


@pytest.mark.proves("P10")
async def test_an_upgrade_that_never_comes_is_given_up(client: SocketClient) -> None:
    async def mute(request: web.Request) -> web.StreamResponse:
        await asyncio.get_running_loop().create_future()
        return web.Response()

    async with serving(mute) as host:
        with pytest.raises(NotDispatched, match="in time"):
            await client.connect(upgrade(host, timeout_s=0.2))


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "ftp://127.0.0.1", "ws://", "wss://u:p@h/"])
async def test_only_websocket_addresses_are_opened(client: SocketClient, url: str) -> None:
    with pytest.raises(NotDispatched, match="address cannot be used"):
        await client.connect(WireRequest("GET", url))


class Pointing(AbstractResolver):
    """Every name is this machine."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=self._port, family=2, proto=0, flags=0
            )
        ]

    async def close(self) -> None: ...


@pytest.mark.proves("P8")
@pytest.mark.parametrize("allowed", [False, True])
async def test_a_public_socket_reaches_no_private_address_unless_named(allowed: bool) -> None:
    async with serving(echo) as host:
        port = int(host.partition(":")[2])
        hosts = [f"speech.example.com:{port}"] if allowed else []
        client = SocketClient(resolver=Pointing(port), allow_hosts=hosts)
        request = upgrade(f"speech.example.com:{port}", public_only=True)
        if allowed:
            await (await client.connect(request)).close()
        else:
            with pytest.raises(DestinationRefused):
                await client.connect(request)
        await client.close()


# -- answers that come by and by -----------------------------------------------------------------


async def in_pieces(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
    await response.prepare(request)
    await response.write(b"one")
    if request.query.get("stalls"):
        await asyncio.get_running_loop().create_future()
    await response.write(await request.read())
    return response


@pytest.fixture
async def streams() -> AsyncIterator[HttpStreams]:
    made = HttpStreams()
    yield made
    await made.close()


async def test_an_answer_is_handed_over_while_it_is_made(streams: HttpStreams) -> None:
    async with serving(in_pieces) as host:
        request = WireRequest("POST", f"http://{host}/speak", body=b" two")
        async with streams.open(request) as answer:
            assert (answer.status, answer.headers["content-type"]) == (200, "audio/pcm")
            assert b"".join([piece async for piece in answer.pieces()]) == b"one two"


@pytest.mark.proves("P10")
async def test_an_answer_that_stalls_or_does_not_end_is_given_up(streams: HttpStreams) -> None:
    async with serving(in_pieces) as host:
        stalling = WireRequest("POST", f"http://{host}/speak?stalls=1", timeout_s=0.3)
        async with streams.open(stalling) as answer:
            pieces = answer.pieces()
            assert await anext(pieces) == b"one"
            with pytest.raises(PossiblyDispatched) as caught:
                await anext(pieces)
        assert caught.value.code == "answer_timeout"
        large = WireRequest("POST", f"http://{host}/", body=b"x" * 99, response_bytes_max=50)
        async with streams.open(large) as answer:
            with pytest.raises(PossiblyDispatched) as caught:
                _ = [piece async for piece in answer.pieces()]
        assert caught.value.code == "response_too_large"


async def test_nobody_at_the_address_was_sent_nothing(streams: HttpStreams) -> None:
    async with serving(in_pieces) as host:
        pass
    with pytest.raises(NotDispatched):
        async with streams.open(WireRequest("POST", f"http://{host}/")):
            pass


async def test_a_streams_redirect_is_its_answer(streams: HttpStreams) -> None:
    async def elsewhere(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/other")

    async with (
        serving(elsewhere) as host,
        streams.open(WireRequest("POST", f"http://{host}/")) as answer,
    ):
        assert answer.status == 302
