"""net/http.py against raw servers on loopback that count what reaches them and then misbehave."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from ringfence.model.errors import DestinationRefused, NetError, NotDispatched, PossiblyDispatched
from ringfence.model.wire import WireRequest
from ringfence.net.http import HttpClient

SECRET = "Basic c2VjcmV0OnNlY3JldA=="
NUMBER = "+15555550123"

Handler = Callable[["Peer", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Peer:
    """A server of ours: `requests` are the complete requests it has read, heads and bodies."""

    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    forever: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return head + await reader.readexactly(length)


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    peer = Peer()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer.connections += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            while not writer.is_closing():
                peer.requests.append(await read_request(reader))
                peer.arrived.set()
                await handler(peer, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        peer.forever.set()
        server.close()
        for task in list(tasks):
            task.cancel()


@asynccontextmanager
async def loopback(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server that speaks no HTTP at all; yields its http URL."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def answering(status: str = "200 OK", body: bytes = b"{}", headers: str = "") -> Handler:
    async def handler(peer: Peer, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return handler


def raw(*chunks: bytes, then: str = "close") -> Handler:
    async def handler(peer: Peer, writer: asyncio.StreamWriter) -> None:
        for chunk in chunks:
            writer.write(chunk)
        await writer.drain()
        if then == "reset":
            sock = writer.get_extra_info("socket")
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        elif then == "hang":
            await peer.forever.wait()
        else:
            writer.close()

    return handler


def post(base: str, /, **changes: object) -> WireRequest:
    values: dict[str, object] = {
        "method": "POST",
        "url": f"{base}/send?To=%2B15555550123",
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        "secret_headers": {"Authorization": SECRET},
        "body": b"To=%2B15555550123",
        "timeout_s": 5.0,
    }
    return WireRequest(**{**values, **changes})  # type: ignore[arg-type]


def get(base: str, /, **changes: object) -> WireRequest:
    return post(base, **{"method": "GET", "body": b"", "headers": {}, **changes})


def no_secrets(error: BaseException) -> None:
    seen: BaseException | None = error
    while seen is not None:
        for shown in (str(seen), repr(seen)):
            assert SECRET not in shown
            assert "5555550123" not in shown
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient() as http:
        yield http


async def test_a_small_post_goes_out_as_written_and_comes_back(client: HttpClient) -> None:
    handler = answering("201 Created", b'{"sid":"SM1"}', "X-Thing: Yes\r\n")
    async with serving(handler) as peer:
        response = await client.send(post(peer.url))
    assert (response.status, response.body) == (201, b'{"sid":"SM1"}')
    assert response.headers["x-thing"] == "Yes"
    head, body = peer.requests[0].split(b"\r\n\r\n")
    assert head.startswith(b"POST /send?To=%2B15555550123 HTTP/1.1\r\n")
    assert f"authorization: {SECRET}".lower().encode() in head.lower()
    assert b"cookie" not in head.lower()
    assert body == b"To=%2B15555550123"


async def test_connections_are_kept_and_cookies_are_not(client: HttpClient) -> None:
    async with serving(answering(headers="Set-Cookie: a=b\r\n")) as peer:
        for _ in range(3):
            await client.send(post(peer.url))
    assert peer.connections == 1
    assert all(b"cookie" not in request.lower() for request in peer.requests)


async def test_signed_urls_keep_their_bytes(client: HttpClient) -> None:
    async with serving(answering()) as peer:
        await client.send(get(peer.url, url=f"{peer.url}/a%2fb%7e?sig=x%2b|&e="))
    assert peer.requests[0].startswith(b"GET /a%2fb%7e?sig=x%2b|&e= HTTP/1.1\r\n")


# -- whether it may have left ---------------------------------------------------------------------


_HELD = socket.socket()  # bound, never listening: its port refuses, and nobody else gets it
_HELD.bind(("127.0.0.1", 0))
REFUSING = f"http://127.0.0.1:{_HELD.getsockname()[1]}/x"


@pytest.mark.proves("B070", "P5", "P9")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"url": REFUSING}, "refused", id="refused"),
        pytest.param({"url": "http://nowhere.invalid/x"}, "no address", id="no DNS"),
        pytest.param({"url": "not a url"}, "http or https", id="no scheme"),
        pytest.param({"url": "ftp://127.0.0.1/x"}, "http or https", id="other scheme"),
        pytest.param({"url": "http://"}, "host", id="no host"),
        pytest.param({"url": "http://h:99999/"}, "not a URL", id="port out of range"),
        pytest.param({"url": "http://a\\@b/"}, "not a URL", id="backslash"),
        pytest.param({"url": f"http://u:{SECRET[6:]}@127.0.0.1/"}, "credentials", id="userinfo"),
        pytest.param({"secret_headers": {"Authorization": SECRET + "\n"}}, "line break", id="\\n"),
        pytest.param({"headers": {"X-A": "b\r\nX-C: d"}}, "line break", id="injection"),
        pytest.param({"headers": {"Content-Length": "3"}}, "Content-Length", id="framing"),
        pytest.param({"url": "http://2130706433/"}, "http://2130706433", id="numeric host"),
    ],
)
async def test_not_dispatched_is_raised_only_with_proof(
    changes: dict[str, object], words: str
) -> None:
    async with serving(answering()) as peer, HttpClient(resolver=NoNames()) as client:
        with pytest.raises(NotDispatched) as caught:
            await client.send(post(peer.url, **changes))
    assert words in caught.value.detail
    assert peer.requests == []
    no_secrets(caught.value)


class NoNames(AbstractResolver):
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        raise OSError(None, f"no such name {host}")

    async def close(self) -> None:
        return None


@pytest.mark.proves("B070", "P5")
async def test_a_tls_handshake_that_fails_is_not_dispatched(client: HttpClient) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with loopback(plain) as url:
        with pytest.raises(NotDispatched, match="TLS failed") as caught:
            await client.send(post(url.replace("http:", "https:")))
    no_secrets(caught.value)


@pytest.mark.proves("B070", "P5", "P10")
async def test_no_free_connection_in_time_is_not_dispatched() -> None:
    async with (
        serving(raw(then="hang")) as peer,
        HttpClient(connections_max=1, connect_timeout_s=0.05) as client,
    ):
        first = asyncio.create_task(client.send(post(peer.url)))
        await asyncio.wait_for(peer.arrived.wait(), 5)
        with pytest.raises(NotDispatched, match="no connection in time"):
            await client.send(post(peer.url))
        first.cancel()
        await asyncio.wait([first])
    assert len(peer.requests) == 1


@pytest.mark.proves("B070", "P5")
async def test_a_connect_that_hangs_is_not_dispatched() -> None:
    """A TLS handshake nobody answers: the connection stands, the request was never written."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with loopback(silent) as url, HttpClient(connect_timeout_s=0.05) as client:
        with pytest.raises(NotDispatched, match="no connection in time"):
            await client.send(post(url.replace("http:", "https:")))
    async with loopback(silent) as url, HttpClient() as client:
        with pytest.raises(NotDispatched, match="no connection in time"):
            await client.send(post(url.replace("http:", "https:"), timeout_s=0.05))


OK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
FAILURES = [
    pytest.param(raw(then="close"), id="closes after reading"),
    pytest.param(raw(then="reset"), id="resets after reading"),
    pytest.param(raw(OK_HEAD[:20]), id="closes inside the head"),
    pytest.param(raw(OK_HEAD + b"half"), id="closes inside the body"),
    pytest.param(raw(OK_HEAD + b"half", then="reset"), id="resets inside the body"),
    pytest.param(raw(b"SMTP ready\r\n\r\n"), id="not HTTP"),
    pytest.param(raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n"), id="huge header"),
    pytest.param(raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n"), id="too many headers"),
    pytest.param(
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), id="bad chunk"
    ),
    pytest.param(
        raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
        id="bad gzip",
    ),
]


@pytest.mark.proves("B071", "P5", "P9")
@pytest.mark.parametrize("method", ["POST", "GET", "PUT", "DELETE"])
@pytest.mark.parametrize("handler", FAILURES)
async def test_a_failure_after_writing_is_possibly_dispatched_and_sent_once(
    client: HttpClient, handler: Handler, method: str
) -> None:
    """aiohttp repeats idempotent methods by itself; the connector refuses it the second try."""
    async with serving(handler) as peer:
        with pytest.raises(PossiblyDispatched) as caught:
            await client.send(post(peer.url, method=method))
    assert len(peer.requests) == 1
    assert peer.connections == 1
    no_secrets(caught.value)


@pytest.mark.proves("B071", "P5")
@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
async def test_a_kept_connection_that_the_peer_drops_is_not_tried_again(
    client: HttpClient, method: str
) -> None:
    async def once(peer: Peer, writer: asyncio.StreamWriter) -> None:
        await (answering() if len(peer.requests) == 1 else raw())(peer, writer)

    async with serving(once) as peer:
        await client.send(post(peer.url))
        with pytest.raises(PossiblyDispatched, match="connection broke"):
            await client.send(post(peer.url, method=method))
    assert (len(peer.requests), peer.connections) == (2, 1)


@pytest.mark.proves("B071", "P5")
@pytest.mark.parametrize(
    "handler", [raw(then="hang"), raw(OK_HEAD, then="hang"), raw(OK_HEAD + b"x", then="hang")]
)
async def test_no_answer_in_time_is_possibly_dispatched(
    client: HttpClient, handler: Handler
) -> None:
    async with serving(handler) as peer:
        with pytest.raises(PossiblyDispatched, match="no answer in time"):
            await client.send(post(peer.url, timeout_s=0.1))
    assert len(peer.requests) == 1


@pytest.mark.proves("B071", "P5")
async def test_a_late_answer_never_answers_the_next_request(client: HttpClient) -> None:
    async def late(peer: Peer, writer: asyncio.StreamWriter) -> None:
        if len(peer.requests) == 1:
            await peer.forever.wait()
        await answering(body=b"%d" % len(peer.requests))(peer, writer)

    async with serving(late) as peer:
        with pytest.raises(PossiblyDispatched):
            await client.send(post(peer.url, timeout_s=0.05))
        peer.forever.set()
        assert (await client.send(post(peer.url))).body == b"2"
    assert peer.connections == 2


@pytest.mark.proves("B071")
async def test_the_peer_closes_while_a_large_body_is_written(client: HttpClient) -> None:
    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async with loopback(drop) as url:
        with pytest.raises(PossiblyDispatched):
            await client.send(post(url, body=b"x" * 8_000_000))


async def test_closing_the_client_ends_what_is_under_way() -> None:
    client = HttpClient()
    async with serving(raw(then="hang")) as peer:
        sending = asyncio.create_task(client.send(post(peer.url)))
        await asyncio.wait_for(peer.arrived.wait(), 5)
        await client.close()
        with pytest.raises(PossiblyDispatched):
            await asyncio.wait_for(sending, 5)


# -- limits -------------------------------------------------------------------------------------


@pytest.mark.proves("P10")
async def test_a_good_answer_over_the_limit_is_a_failure(client: HttpClient) -> None:
    async with serving(answering(body=b"x" * 1001)) as peer:
        assert len((await client.send(post(peer.url, response_bytes_max=1001))).body) == 1001
        with pytest.raises(PossiblyDispatched, match="more than 1000 bytes") as caught:
            await client.send(post(peer.url, response_bytes_max=1000))
    assert caught.value.code == "response_too_large"


@pytest.mark.proves("P10")
async def test_a_compressed_answer_is_bounded_by_what_it_unpacks_to(client: HttpClient) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    async with serving(answering(body=bomb, headers="Content-Encoding: gzip\r\n")) as peer:
        with pytest.raises(PossiblyDispatched, match="more than"):
            await client.send(post(peer.url, response_bytes_max=100_000))
    small = gzip.compress(b"hello")
    async with serving(answering(body=small, headers="Content-Encoding: gzip\r\n")) as peer:
        assert (await client.send(post(peer.url))).body == b"hello"


@pytest.mark.proves("B073", "P10")
@pytest.mark.parametrize(
    ("body", "limit", "kept"),
    [
        ("ab€cd", 5, "ab€"),
        ("ab€cd", 4, "ab"),
        ("ab€cd", 3, "ab"),
        ("ab€cd", 2, "ab"),
        ("a😀b", 4, "a"),
        ("a😀b", 5, "a😀"),
        ("abc", 3, "abc"),
    ],
)
async def test_an_error_body_is_cut_on_a_character_boundary(
    client: HttpClient, body: str, limit: int, kept: str
) -> None:
    async with serving(answering("400 Bad Request", body.encode())) as peer:
        response = await client.send(post(peer.url, error_bytes_max=limit))
    assert (response.status, response.body.decode()) == (400, kept)


@pytest.mark.proves("P10")
async def test_an_endless_error_body_is_cut(client: HttpClient) -> None:
    async def endless(peer: Peer, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 No\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"\x80" * 1000)
            await writer.drain()

    async with serving(endless) as peer:
        response = await client.send(post(peer.url, error_bytes_max=1000))
    assert response.status == 500
    assert 997 <= len(response.body) <= 1000


# -- redirects ------------------------------------------------------------------------------------


def redirecting(location: str, status: int = 302) -> Handler:
    return answering(f"{status} Moved", b"", f"Location: {location}\r\n")


@pytest.mark.proves("P5")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_only_when_asked_and_never_for_a_post(
    client: HttpClient, status: int
) -> None:
    async with (
        serving(answering(body=b"there")) as there,
        serving(redirecting(f"{there.url}/x", status)) as here,
    ):
        plain = await client.send(get(here.url))
        posted = await client.send(post(here.url, follow_redirects=3))
        followed = await client.send(get(here.url, follow_redirects=1))
    assert plain.status == posted.status == status
    assert (followed.status, followed.body) == (200, b"there")
    assert len(there.requests) == 1


@pytest.mark.proves("P9")
async def test_secrets_are_dropped_when_a_redirect_leaves_the_origin(client: HttpClient) -> None:
    """MMS media: Twilio sends to a storage host that must not see the account's credentials."""

    async def handler(peer: Peer, writer: asyncio.StreamWriter) -> None:
        if len(peer.requests) == 1:
            await redirecting("/same")(peer, writer)
        elif len(peer.requests) == 2:
            await redirecting(f"{there.url}/other")(peer, writer)
        else:
            await answering(body=b"back")(peer, writer)

    async with serving(handler) as here, serving(redirecting(f"{here.url}/back")) as there:
        request = get(here.url, follow_redirects=3, headers={"X-Kept": "1", "Cookie": "session=1"})
        response = await client.send(request)
    assert response.body == b"back"
    same, back = here.requests[1].lower(), here.requests[2].lower()
    other = there.requests[0].lower()
    assert b"authorization" in same
    assert b"cookie" in same
    for request_head in (other, back):
        assert b"authorization" not in request_head
        assert b"cookie" not in request_head
        assert b"x-kept" in request_head


@pytest.mark.proves("P10")
async def test_a_redirect_too_many_is_the_answer(client: HttpClient) -> None:
    async with serving(redirecting("/again")) as peer:
        response = await client.send(get(peer.url, follow_redirects=2))
    assert response.status == 302
    assert len(peer.requests) == 3


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "http://a\\@b/"])
async def test_a_redirect_to_no_usable_url_is_an_error(client: HttpClient, location: str) -> None:
    async with serving(redirecting(location)) as peer:
        with pytest.raises(PossiblyDispatched, match="cannot be followed"):
            await client.send(get(peer.url, follow_redirects=1))


async def test_after_a_redirect_nothing_counts_as_not_dispatched(client: HttpClient) -> None:
    async with serving(redirecting(REFUSING)) as peer:
        with pytest.raises(PossiblyDispatched, match="refused"):
            await client.send(get(peer.url, follow_redirects=1))


# -- public addresses only ------------------------------------------------------------------------


class Names(AbstractResolver):
    """Answers each look-up with the next address."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self.addresses.pop(0)
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=0)
        ]

    async def close(self) -> None:
        return None


@pytest.mark.proves("P9")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "media.example"])
async def test_public_only_refuses_loopback_however_it_is_written(host: str) -> None:
    async with serving(answering()) as peer, HttpClient(resolver=Names("127.0.0.1")) as client:
        with pytest.raises(DestinationRefused, match="not a public one"):
            await client.send(get(f"http://{host}:{peer.port}", public_only=True))
    assert peer.connections == 0


async def test_public_only_does_not_reuse_a_connection_opened_without_it(
    client: HttpClient,
) -> None:
    async with serving(answering()) as peer:
        await client.send(get(peer.url))
        with pytest.raises(DestinationRefused):
            await client.send(get(peer.url, public_only=True))
    assert len(peer.requests) == 1


async def test_public_only_holds_for_every_hop() -> None:
    async with serving(answering()) as inner, serving(redirecting(inner.url)) as outer:
        allow = [f"127.0.0.1:{outer.port}"]
        async with HttpClient(allow_hosts=allow) as client:
            with pytest.raises(DestinationRefused):
                await client.send(get(outer.url, public_only=True, follow_redirects=1))
        async with HttpClient(allow_hosts=["127.0.0.1"]) as client:
            response = await client.send(get(outer.url, public_only=True, follow_redirects=1))
    assert response.status == 200
    assert len(inner.requests) == 1


async def test_proxies_are_taken_from_the_environment_only_when_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(answering(body=b"direct")) as peer, serving(answering(body=b"p")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        async with HttpClient() as client:
            assert (await client.send(get(peer.url))).body == b"direct"
        async with HttpClient(trust_env=True) as client:
            assert (await client.send(get(peer.url))).body == b"p"
            with pytest.raises(DestinationRefused):
                await client.send(get(peer.url, public_only=True))
    assert len(proxy.requests) == 1


def test_the_errors_are_network_errors() -> None:
    assert issubclass(DestinationRefused, NotDispatched)
    assert issubclass(NotDispatched, NetError)
    assert NotDispatched.retryable
    assert not DestinationRefused.retryable
    assert not PossiblyDispatched.retryable
