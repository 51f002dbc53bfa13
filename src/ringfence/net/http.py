"""Sends one wire request over HTTP, within limits, and says with proof whether it may have left.
Must never send a request twice, never raise NotDispatched once a connection was handed the
request, and never put a header, path or query into an error (P5, P9, P10)."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.connector import AddrInfoType, Connection
from aiohttp.tracing import Trace
from yarl import URL

from ringfence.model.errors import DestinationRefused, NotDispatched, PossiblyDispatched
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.net.addresses import drops_tls, is_public

CONNECTIONS_MAX = 256
CONNECT_TIMEOUT_S = 10.0
# Shorter than the five seconds after which Node's http server and uvicorn drop an idle connection:
# a request written to a connection the peer is just closing is an unknown outcome (B071).
KEEP_ALIVE_S = 4.0
HEADER_BYTES_MAX = 16 * 1024
HEADERS_MAX = 128
READ_BYTES = 64 * 1024

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Only these are followed: a redirected POST would be one request at two places (P5).
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_CREDENTIAL_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})
_FRAMING_HEADERS = frozenset(
    {"transfer-encoding", "connection", "expect", "host", "content-length"}
)


@dataclass(slots=True)
class _Dispatch:
    """What is known about one request on its way. `handed_over` turns true before its first byte
    can be written, and never back."""

    handed_over: bool = False
    redirected: bool = False
    address_refused: bool = False


_dispatch: ContextVar[_Dispatch] = ContextVar("ringfence_dispatch")


class _Connector(aiohttp.TCPConnector):
    """Marks the moment a request is handed a connection, and refuses it a second one: aiohttp
    repeats idempotent methods when the peer closes early, and a repeat is ours to decide (P5)."""

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        dispatch = _dispatch.get()
        if dispatch.handed_over:
            raise aiohttp.ServerDisconnectedError
        connection = await super().connect(req, traces, timeout)
        dispatch.handed_over = True
        return connection


def _public_socket(info: AddrInfoType) -> socket.socket:
    """Makes a socket for the very address that is about to be connected to, if it is public: a
    name that resolves differently the second time gains nothing (DNS rebinding)."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        _dispatch.get().address_refused = True
        raise OSError("address is not public")
    return socket.socket(family=family, type=kind, proto=protocol)


class HttpClient:
    """`ports.Http` on aiohttp: two pools (anywhere, and public addresses only), keep-alive, no
    cookies, no proxies from the environment unless `trust_env`.

    `allow_hosts` are `host` or `host:port` entries that count as public although they are not (a
    simulated carrier's media on loopback). A `public_only` request never goes through a proxy,
    since then the proxy, not we, would choose the address. `tls` replaces the default TLS context.
    """

    def __init__(
        self,
        *,
        connections_max: int = CONNECTIONS_MAX,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        keep_alive_s: float = KEEP_ALIVE_S,
        allow_hosts: Collection[str] = (),
        trust_env: bool = False,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._connections_max = connections_max
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect_timeout_s)
        self._keep_alive_s = keep_alive_s
        self._allow_hosts = frozenset(host.lower() for host in allow_hosts)
        self._proxies = getproxies() if trust_env else {}
        self._resolver = resolver
        self._tls = tls
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> HttpClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection. Requests under way end as PossiblyDispatched."""
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()

    async def send(self, request: WireRequest) -> WireResponse:
        """Send once; answer with whatever HTTP status came back, the body within the limits.

        Raises NotDispatched when provably nothing was written (bad URL or header, no address, no
        connection, no TLS, no free connection in time), its child DestinationRefused when the
        place may not be contacted, PossiblyDispatched for every failure after that. A 2xx body
        over `response_bytes_max` is a failure; other bodies are cut at `error_bytes_max`. GET and
        HEAD follow up to `follow_redirects` redirects; beyond that, and for other methods, the
        redirect itself is the response."""
        hop = first_hop(request)
        dispatch = _Dispatch()
        token = _dispatch.set(dispatch)
        try:
            with _classified(request, hop.url, dispatch):
                async with asyncio.timeout(request.timeout_s):
                    return await self._follow(request, hop, dispatch)
        finally:
            _dispatch.reset(token)

    async def _follow(self, request: WireRequest, hop: _Hop, dispatch: _Dispatch) -> WireResponse:
        may_follow = request.follow_redirects if request.method in _SAFE_METHODS else 0
        for left in range(may_follow, -1, -1):
            response, target = await self._exchange(request, hop, want_target=left > 0)
            if target is None:
                return response
            hop = _next_hop(hop, target)
            dispatch.handed_over, dispatch.redirected = False, True
        raise AssertionError("the last hop never asks for a target")

    async def _exchange(
        self, request: WireRequest, hop: _Hop, *, want_target: bool
    ) -> tuple[WireResponse, str | None]:
        public = request.public_only and not self._allowed(hop.url)
        async with self._session(public).request(
            request.method,
            hop.url,
            data=request.body or None,
            headers=hop.headers,
            allow_redirects=False,
            proxy=None if public else self._proxy(hop.url),
        ) as response:
            target = response.headers.get("Location") if response.status in _REDIRECTS else None
            if target is not None and want_target:
                response.close()
                return WireResponse(response.status, {}, b""), target
            body = await _bounded_body(request, response)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return WireResponse(response.status, headers, body), None

    def _session(self, public: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(public)
        if session is None:
            session = self._sessions[public] = self._new_session(public)
        return session

    def _new_session(self, public: bool) -> aiohttp.ClientSession:
        connector = _Connector(
            limit=self._connections_max,
            keepalive_timeout=self._keep_alive_s,
            resolver=self._resolver,
            ssl=self._tls if self._tls is not None else True,
            socket_factory=_public_socket if public else None,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            headers={"User-Agent": "ringfence", "Accept": "*/*"},
            skip_auto_headers=("Content-Type",),
            read_bufsize=READ_BYTES,
            max_field_size=HEADER_BYTES_MAX,
            max_line_size=HEADER_BYTES_MAX,
            max_headers=HEADERS_MAX,
            trust_env=False,  # aiohttp's own would also read ~/.netrc and add credentials
        )

    def _allowed(self, url: URL) -> bool:
        host = (url.host or "").lower()
        return host in self._allow_hosts or f"{host}:{url.port}" in self._allow_hosts

    def _proxy(self, url: URL) -> str | None:
        proxy = self._proxies.get(url.scheme) or self._proxies.get("all")
        if not proxy or proxy_bypass(url.host or ""):
            return None
        return proxy


@dataclass(frozen=True, slots=True)
class _Hop:
    url: URL
    headers: Mapping[str, str]
    public_headers: Mapping[str, str]


def first_hop(request: WireRequest) -> _Hop:
    """The URL and headers of a request, checked. Raises NotDispatched."""
    try:
        url = _parsed(request.url)
    except ValueError as error:
        raise NotDispatched(f"The address cannot be used: {error}.", code="invalid_url") from None
    public = dict(request.headers)
    hop = _Hop(url, {**public, **request.secret_headers}, public)
    for name, value in hop.headers.items():
        if not name or not _one_line(name) or not _one_line(value):
            raise NotDispatched(
                f"The header {name[:40]!r} holds a line break or a control character; a secret "
                "read from a file often ends with one.",
                code="invalid_header",
            )
        if name.lower() in _FRAMING_HEADERS:
            raise NotDispatched(f"The header {name[:40]!r} is not the caller's to set.")
    return hop


def _one_line(text: str) -> bool:
    return text.isprintable() or text.replace("\t", " ").isprintable()


def _parsed(text: str, base: URL | None = None) -> URL:
    """The URL as written, byte for byte, where it is a legal one; else percent-encoded for it.
    Raises ValueError, whose text never quotes the URL."""
    legal = text.isascii() and text.isprintable() and " " not in text
    try:
        url = URL(text, encoded=legal) if base is None else base.join(URL(text, encoded=legal))
        host, _ = url.host, url.port
    except ValueError:
        raise ValueError("it is not a URL") from None
    if url.scheme not in ("http", "https") or not host:
        raise ValueError("it must be a http or https URL with a host")
    if url.raw_user is not None or url.raw_password is not None:
        raise ValueError("it must not hold credentials")
    return url


def _next_hop(hop: _Hop, target: str) -> _Hop:
    """Where a redirect leads, without secrets once it leaves the origin; they never come back."""
    try:
        url = _parsed(target, hop.url)
    except ValueError as error:
        raise PossiblyDispatched(f"The redirect cannot be followed: {error}.") from None
    if drops_tls(hop.url.scheme, hop.url.host or "", url.scheme, url.host or ""):
        raise DestinationRefused("The redirect leads from https to plain http.")
    if url.origin() == hop.url.origin():
        return _Hop(url, hop.headers, hop.public_headers)
    kept = {k: v for k, v in hop.public_headers.items() if k.lower() not in _CREDENTIAL_HEADERS}
    return _Hop(url, kept, kept)


async def _bounded_body(request: WireRequest, response: aiohttp.ClientResponse) -> bytes:
    ok = 200 <= response.status < 300
    limit = request.response_bytes_max if ok else request.error_bytes_max
    chunks: list[bytes] = []
    size = 0
    while size <= limit:
        chunk = await response.content.read(READ_BYTES)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
        size += len(chunk)
    response.close()
    if ok:
        raise PossiblyDispatched(
            f"{place(response.url)} answered with more than {limit} bytes.",
            code="response_too_large",
        )
    return _cut(b"".join(chunks), limit)


def _cut(body: bytes, limit: int) -> bytes:
    """Cut at `limit` without splitting a UTF-8 character (B073)."""
    end = limit
    while end > max(0, limit - 3) and end < len(body) and body[end] & 0xC0 == 0x80:
        end -= 1
    return body[:end]


@contextmanager
def _classified(request: WireRequest, url: URL, dispatch: _Dispatch) -> Iterator[None]:
    """Turn aiohttp's failures into ours. Their texts are dropped, chain included: they may quote
    the URL with its query, and some hold the request's headers (P9)."""
    where = f"{request.method} {place(url)}"
    try:
        yield
    except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
        if dispatch.address_refused and not dispatch.handed_over:
            raise DestinationRefused(f"{where}: the address is not a public one.") from None
        why = failure_words(error, dispatch.handed_over)
        if dispatch.handed_over or dispatch.redirected:
            raise PossiblyDispatched(f"{where}: {why}.") from None
        raise NotDispatched(f"{where}: {why}.") from None


def place(url: URL) -> str:
    """The URL without path and query, which may hold secrets and numbers."""
    return f"{url.scheme}://{url.host_port_subcomponent}"


def failure_words(error: Exception, handed_over: bool) -> str:
    """What happened, without aiohttp's own text, which may quote the URL (P9)."""
    match error:
        case TimeoutError():
            return "no answer in time" if handed_over else "no connection in time"
        case aiohttp.ClientConnectorDNSError():
            return "the host name has no address"
        case ssl.SSLError() | ssl.CertificateError() | aiohttp.ClientSSLError():
            return "TLS failed"
        case aiohttp.ClientHttpProxyError():
            return "the proxy refused"
        case aiohttp.ClientConnectorError():
            number = error.os_error.errno
            return f"no connection ({os.strerror(number).lower()})" if number else "no connection"
        case aiohttp.ClientConnectionError():
            return "the connection broke before the answer came"
        case aiohttp.ClientPayloadError():
            return "the answer broke off"
        case aiohttp.ClientResponseError():
            return "the answer is not HTTP"
        case _:
            return f"failed ({type(error).__name__})"
