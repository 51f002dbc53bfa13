"""Builds, signs and delivers webhooks as Twilio does: connection overrides in the address's
fragment, retries, the fallback address, and no redirects.

The signature is our own reading of messaging-providers.md 2.4; it must never be taken from the
gateway's codec, so that each can catch the other's mistake. Sends to loopback only."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import aiohttp
from yarl import URL

Fields: TypeAlias = Sequence[tuple[str, str]]

BODY_MAX_BYTES: Final = 64 * 1024  # a TwiML answer longer than this is refused
LOOPBACK_HOSTS: Final = frozenset(("127.0.0.1", "localhost", "::1"))


class RetryMode(Enum):
    """What is retried where the address does not say. Twilio's pages disagree
    (messaging-providers.md 2.5), so both readings can be run."""

    CONNECT_ONLY = "connect_only"
    TIMEOUTS_TOO = "timeouts_too"


class Failure(Enum):
    """Why an attempt did not end in a 2xx."""

    CONNECT = "ct"
    READ_TIMEOUT = "rt"
    CLIENT_ERROR = "4xx"
    SERVER_ERROR = "5xx"
    REDIRECT = "3xx"  # a redirect would lose the form, so it is not followed
    NOT_LOOPBACK = "not_loopback"


@dataclass(frozen=True, slots=True)
class Overrides:
    """Connection overrides: milliseconds, a count, and what to retry."""

    connect_ms: int = 5_000
    read_ms: int = 15_000
    total_ms: int = 15_000
    retries: int = 1
    policy: frozenset[Failure] = frozenset((Failure.CONNECT,))


_RANGES: Final = {
    "ct": ("connect_ms", 100, 10_000),
    "rt": ("read_ms", 100, 15_000),
    "tt": ("total_ms", 100, 15_000),
    "rc": ("retries", 0, 5),
}
_POLICIES: Final = {
    "ct": frozenset((Failure.CONNECT,)),
    "rt": frozenset((Failure.READ_TIMEOUT,)),
    "4xx": frozenset((Failure.CLIENT_ERROR,)),
    "5xx": frozenset((Failure.SERVER_ERROR,)),
    "all": frozenset(
        (Failure.CONNECT, Failure.READ_TIMEOUT, Failure.CLIENT_ERROR, Failure.SERVER_ERROR)
    ),
}
_BY_MODE: Final = {
    RetryMode.CONNECT_ONLY: _POLICIES["ct"],
    RetryMode.TIMEOUTS_TOO: _POLICIES["ct"] | _POLICIES["rt"] | _POLICIES["5xx"],
}


def overrides(url: str, mode: RetryMode = RetryMode.CONNECT_ONLY) -> Overrides:
    """Read `#ct=…&rt=…&tt=…&rc=…&rp=…`. A value out of range or unknown counts as absent."""
    given = dict(parse_qsl(urlsplit(url).fragment))
    numbers: dict[str, int] = {}
    for key, (name, low, high) in _RANGES.items():
        text = given.get(key, "")
        if text.isascii() and text.isdigit() and low <= int(text) <= high:
            numbers[name] = int(text)
    policy = frozenset[Failure]().union(
        *(_POLICIES.get(word, frozenset()) for word in given.get("rp", "").split(","))
    )
    return Overrides(**numbers, policy=policy or _BY_MODE[mode])


def without_fragment(url: str) -> str:
    """The address as it is called and signed."""
    return url.partition("#")[0]


def signature(auth_token: str, url: str, fields: Fields = ()) -> str:
    """X-Twilio-Signature over the whole address (query included, fragment not) and, for each
    name in order, each of its distinct values in order: name and value without a separator."""
    told = without_fragment(url) + "".join(name + value for name, value in sorted(set(fields)))
    digest = hmac.new(auth_token.encode(), told.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One webhook ready to go: the same signature and idempotency token on every attempt."""

    url: str  # as configured, fragment and all
    method: str
    fields: Fields
    auth_token: str
    idempotency_token: str

    def wire(self) -> tuple[str, dict[str, str], bytes]:
        """Address, headers and body. A GET carries its fields in the (signed) query."""
        address = without_fragment(self.url)
        signed: Fields = self.fields
        body = b""
        if self.method == "GET":
            query = urlencode(self.fields)
            joint = ("&" if "?" in address else "?") if query else ""
            address, signed = f"{address}{joint}{query}", ()
        else:
            body = urlencode(self.fields).encode()
        headers = {
            "X-Twilio-Signature": signature(self.auth_token, address, signed),
            "I-Twilio-Idempotency-Token": self.idempotency_token,
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
        }
        if self.method != "GET":
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        return address, headers, body


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one webhook ended. `status` is None when no answer came."""

    url: str
    attempts: int
    status: int | None
    failure: Failure | None
    content_type: str = ""
    body: bytes = b""

    @property
    def reached(self) -> bool:
        return self.failure is None


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int | None
    failure: Failure | None
    content_type: str = ""
    body: bytes = b""


def _judge(status: int) -> Failure | None:
    match status // 100:
        case 2:
            return None
        case 3:
            return Failure.REDIRECT
        case 4:
            return Failure.CLIENT_ERROR
        case _:
            return Failure.SERVER_ERROR


class Deliverer:
    """Posts webhooks over one client session. Use as an async context manager.

    `tunnel` maps the origin of a public address to a loopback origin, as an operator's tunnel
    would: the request is signed for the public one and carries its Host header."""

    def __init__(
        self,
        *,
        mode: RetryMode = RetryMode.CONNECT_ONLY,
        tunnel: Mapping[str, str] | None = None,
        connections_max: int = 256,
    ) -> None:
        self.mode = mode
        self.tunnel = dict(tunnel or {})
        self._connections_max = connections_max
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Deliverer:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections_max),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept-Encoding",),
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def deliver(self, request: WebhookRequest) -> Delivery:
        """Try, retry as the address's overrides allow, and tell how it ended. Never raises for
        what the other side does."""
        limits = overrides(request.url, self.mode)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limits.total_ms / 1000
        attempts, answer = 0, _Answer(None, Failure.CONNECT)
        while attempts <= limits.retries:
            left_s = deadline - loop.time()
            if attempts and left_s <= 0:
                break
            attempts += 1
            answer = await self._attempt(request, limits, left_s)
            if answer.failure is None or answer.failure not in limits.policy:
                break
        return Delivery(
            request.url, attempts, answer.status, answer.failure, answer.content_type, answer.body
        )

    def loopback_address(self, address: str) -> tuple[str, str | None]:
        """Where an address really goes, and the Host header to show there when it is tunnelled."""
        parts = urlsplit(address)
        origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        if (inner := self.tunnel.get(origin)) is None:
            return address, None
        to = urlsplit(inner)
        moved = urlunsplit((to.scheme, to.netloc, parts.path, parts.query, ""))
        return moved, parts.netloc.rpartition("@")[2]

    async def _attempt(self, request: WebhookRequest, limits: Overrides, left_s: float) -> _Answer:
        address, headers, body = request.wire()
        address, host = self.loopback_address(address)
        if host is not None:
            headers |= {"Host": host, "X-Forwarded-Proto": urlsplit(request.url).scheme}
        if urlsplit(address).hostname not in LOOPBACK_HOSTS:
            return _Answer(None, Failure.NOT_LOOPBACK)
        timeout = aiohttp.ClientTimeout(
            total=left_s, sock_connect=limits.connect_ms / 1000, sock_read=limits.read_ms / 1000
        )
        try:
            return await self._exchange(request.method, address, headers, body, timeout)
        except aiohttp.ConnectionTimeoutError:
            return _Answer(None, Failure.CONNECT)
        except TimeoutError:
            return _Answer(None, Failure.READ_TIMEOUT)
        except aiohttp.ClientConnectorError:
            return _Answer(None, Failure.CONNECT)
        except (aiohttp.ClientError, OSError, ValueError):
            # Connected, and then the peer hung up or spoke something other than HTTP.
            return _Answer(None, Failure.SERVER_ERROR)

    async def _exchange(
        self,
        method: str,
        address: str,
        headers: dict[str, str],
        body: bytes,
        timeout: aiohttp.ClientTimeout,
    ) -> _Answer:
        assert self._session is not None, "Deliverer is used inside `async with`"
        async with self._session.request(
            method,
            URL(address, encoded=True),
            headers=headers,
            data=body or None,
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            content = await _read_up_to(response, BODY_MAX_BYTES)
            kind = response.headers.get("Content-Type", "")
            return _Answer(response.status, _judge(response.status), kind, content)

    async def fetch(self, url: str, bytes_max: int) -> tuple[int, str, bytes]:
        """GET an attachment without credentials, as the carrier does for MediaUrl. Answers status
        (0: not reached), content type, and the bytes (at most `bytes_max` + 1)."""
        assert self._session is not None, "Deliverer is used inside `async with`"
        address, host = self.loopback_address(url)
        if urlsplit(address).hostname not in LOOPBACK_HOSTS:
            return 0, "", b""
        headers = {"Host": host} if host else {}
        try:
            async with self._session.get(
                URL(address, encoded=True),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=15),
                allow_redirects=False,  # one could lead off this machine
            ) as response:
                content = await _read_up_to(response, bytes_max)
                return response.status, response.content_type, content
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return 0, "", b""


async def _read_up_to(response: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    content = bytearray()
    async for part in response.content.iter_chunked(64 * 1024):
        content += part
        if len(content) > bytes_max:
            break
    return bytes(content)
