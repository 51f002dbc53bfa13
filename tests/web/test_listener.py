"""What arrives before a request is whole: heads too large, connections that say nothing, too many
of them. Raw sockets; the waits are shortened, none is slept through."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from looking import Answer, answer, connect, request
from ringfence.web import listener
from ringfence.web.listener import Crowd, Listener
from ringfence.web.seldom import Seldom

READ_TIMEOUT_S = 10.0
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"


async def app(scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """Says how long the body was."""
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length += len(message["body"])
        more = message["more_body"]
    said = str(length).encode()
    headers = [(b"content-length", str(len(said)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": said})


async def sent(address: str, *chunks: bytes) -> Answer | None:
    """The answer to bytes on a connection of its own."""
    reader, writer = await connect(address)
    try:
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
        return await answer(reader)
    finally:
        writer.close()


async def closed(reader: asyncio.StreamReader) -> bool:
    """True when the other side ends the connection without a word."""
    async with asyncio.timeout(READ_TIMEOUT_S):
        return await reader.read() == b""


def header(name: str, length: int) -> bytes:
    return name.encode() + b": " + b"a" * length + b"\r\n"


@pytest.mark.proves("P10")
@pytest.mark.parametrize(
    "chunks",
    [
        [HEAD, *[header(f"x-{n}", 4_000) for n in range(9)]],
        [HEAD + header("x-one", 33_000) + b"\r\n"],
        [HEAD + b"x-endless: ", *[b"a" * 1_000] * 33],
        [b"GET /" + b"a" * 33_000],
        [HEAD + b"".join(header(f"x-{n}", 1) for n in range(100)) + b"\r\n"],
    ],
    ids=["many pieces", "one piece", "endless value", "endless path", "many headers"],
)
async def test_a_head_over_the_bounds_is_431(chunks: list[bytes]) -> None:
    async with Listener(app, "127.0.0.1", 0) as door:
        got = await sent(door.address, *chunks)
        assert got is not None
        assert (got.status, got.headers["connection"]) == (431, "close")


@pytest.mark.proves("P10")
async def test_a_head_within_the_bounds_and_a_large_body_are_taken() -> None:
    headers = b"".join(header(f"x-{n}", 300) for n in range(90))
    head = HEAD + headers + b"Content-Length: 300000\r\n\r\n"
    async with Listener(app, "127.0.0.1", 0) as door:
        reader, writer = await connect(door.address)
        for _ in range(3):  # on one connection: nothing adds up from request to request
            writer.write(head + b"b" * 300_000)
            got = await answer(reader)
            assert got is not None
            assert (got.status, got.body) == (200, b"300000")
        writer.close()


@pytest.mark.proves("P10")
async def test_what_follows_a_body_is_bounded_too() -> None:
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\nx-trailer: "
    async with Listener(app, "127.0.0.1", 0) as door:
        reader, writer = await connect(door.address)
        try:
            writer.write(chunked + b"a" * 600_000)  # more than one read takes
            async with asyncio.timeout(READ_TIMEOUT_S):
                assert await reader.read() == b""
        except ConnectionError:
            pass  # closed with bytes unread: the same thing, said by TCP
        finally:
            writer.close()


@pytest.mark.proves("P10")
@pytest.mark.parametrize("said", [b"", b"POST / HT", HEAD, b"\r\n"])
async def test_a_connection_without_a_request_is_closed(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "HEAD_TIMEOUT_S", 0.05)
    async with Listener(app, "127.0.0.1", 0) as door:
        reader, writer = await connect(door.address)
        writer.write(said)
        assert await closed(reader)
        writer.close()


@pytest.mark.proves("P10")
async def test_nor_does_it_stay_after_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "HEAD_TIMEOUT_S", 0.05)
    async with Listener(app, "127.0.0.1", 0) as door:
        reader, writer = await connect(door.address)
        writer.write(HEAD + b"Content-Length: 0\r\n\r\n")
        assert await answer(reader) is not None
        writer.write(b"POST / HT")
        assert await closed(reader)
        writer.close()


@pytest.mark.proves("P10")
async def test_a_slow_request_whose_head_came_is_not_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener, "HEAD_TIMEOUT_S", 0.02)
    async with Listener(app, "127.0.0.1", 0) as door:
        reader, writer = await connect(door.address)
        writer.write(HEAD + b"Content-Length: 4\r\n\r\nab")
        other, silent = await connect(door.address)
        assert await closed(other)  # longer than the head's time has gone by
        writer.write(b"cd")
        got = await answer(reader)
        assert got is not None
        assert got.body == b"4"
        silent.close()
        writer.close()


@pytest.mark.proves("P10")
async def test_one_address_cannot_have_all_the_connections(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener._SELDOM, "_seldom", Seldom())
    async with Listener(app, "127.0.0.1", 0, Crowd(3)) as door, AsyncExitStack() as stack:
        held = [await connect(door.address) for _ in range(3)]
        for _, writer in held:
            stack.callback(writer.close)
        for _ in range(3):
            reader, writer = await connect(door.address)
            stack.callback(writer.close)
            assert await closed(reader)
        # One that goes makes room for one that comes.
        reader, writer = held[0]
        writer.write(HEAD + b"Connection: close\r\nContent-Length: 0\r\n\r\n")
        assert await answer(reader) is not None
        assert await closed(reader)
        assert (await request(door.address, "/")).status == 200
    told = [record for record in caplog.records if record.name == "uvicorn.error"]
    assert 1 <= len(told) <= 2  # twice where the minute turned meanwhile


@pytest.mark.proves("B019", "P10")
async def test_a_trusted_proxy_speaks_for_many() -> None:
    crowd = Crowd(1, ["127.0.0.0/8"])
    async with Listener(app, "127.0.0.1", 0, crowd) as door:
        _, writer = await connect(door.address)
        assert (await request(door.address, "/")).status == 200
        writer.close()


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("10.1.2.3", ""),
        ("", ""),
    ],
)
def test_whom_a_connection_is_counted_for(address: str, place: str) -> None:
    assert Crowd(1, ["10.0.0.0/8"]).place_of(address) == place


async def echoes(scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """Takes a socket, and answers each text with itself."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def test_a_media_socket_outlives_the_time_that_a_head_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener, "HEAD_TIMEOUT_S", 0.05)
    async with (
        Listener(echoes, "127.0.0.1", 0, sockets=True) as door,
        aiohttp.ClientSession() as us,
        us.ws_connect(door.address) as socket,
    ):
        other, silent = await connect(door.address)
        assert await closed(other)  # longer than the head's time has gone by
        await socket.send_str("still there")
        assert await socket.receive_str(timeout=READ_TIMEOUT_S) == "still there"
        silent.close()


@pytest.mark.proves("P10")
async def test_broken_requests_are_logged_once_a_minute(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener._SELDOM, "_seldom", Seldom())
    caplog.set_level(logging.WARNING)
    async with Listener(app, "127.0.0.1", 0) as door:
        for _ in range(20):
            got = await sent(door.address, b"GARBAGE\r\n\r\n")
            assert got is not None
            assert got.status == 400
        upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket")]
        for _ in range(20):
            assert (await request(door.address, "/", headers=upgrade)).status == 200
    told = [record for record in caplog.records if record.name == "uvicorn.error"]
    assert {record.getMessage() for record in told} == {"Invalid HTTP request received."}
    assert len(told) <= 2  # the minute may turn


async def test_a_listener_that_cannot_serve_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(server: object, sockets: object) -> None:
        raise MemoryError("no room to listen in")

    monkeypatch.setattr(listener._Server, "startup", fails)
    with pytest.raises(MemoryError, match="no room"):
        async with Listener(app, "127.0.0.1", 0):
            pass


async def test_a_listener_that_ends_at_once_is_no_listener(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ends(server: object, sockets: object) -> None:
        return None

    monkeypatch.setattr(listener._Server, "serve", ends)
    with pytest.raises(RuntimeError, match="ended before it was ready"):
        async with Listener(app, "127.0.0.1", 0):
            pass
