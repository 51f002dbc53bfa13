"""Reading a request's body within its limits, its token, and answering with problem documents (RFC 9457).
Plain ASGI, shared by both doors."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from functools import lru_cache
from typing import Any

import orjson

from ringfence.model.errors import (
    BodyTimeout,
    BodyTooLarge,
    BodyUnreadable,
    RingfenceError,
    TokenRefused,
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

RETRY_AFTER_S = 2
# RFC 9110 section 11.6.1: a 401 says how to come back.
CHALLENGE = 'Bearer realm="ringfence"'


async def read_body(
    scope: Scope, receive: Receive, headers: Mapping[str, str], bytes_max: int, timeout_s: float
) -> bytes:
    """The whole body. Raises BodyTooLarge (told by Content-Length before a byte is read, when it
    is there), BodyTimeout, BodyUnreadable."""
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > bytes_max:
        raise BodyTooLarge(f"{declared} bytes; the limit is {bytes_max}.")
    message = await receive_within(receive, timeout_s)
    if not message.get("more_body", False):
        return _bounded(_chunk(message), bytes_max)
    first = _bounded(_chunk(message), bytes_max)
    return await _rest(receive, first, bytes_max, timeout_s)


async def receive_within(receive: Receive, timeout_s: float) -> MutableMapping[str, Any]:
    try:
        async with asyncio.timeout(timeout_s):
            return await receive()
    except TimeoutError as error:
        raise BodyTimeout(f"It must arrive within {timeout_s:g} s.") from error


async def _rest(receive: Receive, first: bytes, bytes_max: int, timeout_s: float) -> bytes:
    chunks, size, more = [first], len(first), True
    try:
        async with asyncio.timeout(timeout_s):
            while more:
                message = await receive()
                chunk = _chunk(message)
                size += len(chunk)
                if size > bytes_max:
                    raise BodyTooLarge(f"The limit is {bytes_max} bytes.")
                chunks.append(chunk)
                more = message.get("more_body", False)
    except TimeoutError as error:
        raise BodyTimeout(f"It must arrive within {timeout_s:g} s.") from error
    return b"".join(chunks)


def _chunk(message: Mapping[str, Any]) -> bytes:
    if message["type"] == "http.disconnect":
        raise BodyUnreadable("The connection broke off; nothing was stored.")
    body: bytes = message.get("body", b"")
    return body


def _bounded(body: bytes, bytes_max: int) -> bytes:
    if len(body) > bytes_max:
        raise BodyTooLarge(f"The limit is {bytes_max} bytes.")
    return body


def headers_of(scope: Scope) -> dict[str, str]:
    """Header names in lower case; repeated headers joined by a comma (RFC 9110 section 5.3)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def answer(
    send: Send, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]]
) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, (b"content-length", str(len(body)).encode())],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def answer_problem(
    send: Send,
    error: RingfenceError,
    *,
    close: bool = False,
    allow: bytes = b"",
    with_detail: bool = True,
) -> None:
    """An error as application/problem+json; retryable ones say when, none may be cached. `allow`
    lists the methods a 405 must name (RFC 9110 section 15.5.6)."""
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"cache-control", b"no-store"),
    ]
    if error.retryable:
        headers.append((b"retry-after", str(RETRY_AFTER_S).encode()))
    if isinstance(error, TokenRefused):
        headers.append((b"www-authenticate", CHALLENGE.encode()))
    if allow:
        headers.append((b"allow", allow))
    if close:
        headers.append((b"connection", b"close"))
    document = problem(error)
    if not with_detail:
        document["detail"] = ""
    await answer(send, error.http_status, orjson.dumps(document), headers)


def bearer_in(authorization: str) -> str:
    """The token in an Authorization header. Raises TokenRefused."""
    scheme, _, bearer = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise TokenRefused("Send it as Authorization: Bearer rf_….")
    return bearer.strip()


def problem(error: RingfenceError) -> dict[str, object]:
    """The document: `type` names the error class's page in docs/reference/errors.md."""
    return {
        "type": f"urn:ringfence:error:{error.code}",
        "title": error.title,
        "status": error.http_status,
        "detail": error.detail,
        "code": error.code,
    }


def networks(addresses: Iterable[str]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(address, strict=False) for address in addresses)


def client_address(scope: Scope, headers: Mapping[str, str], trusted: tuple[Network, ...]) -> str:
    """The socket peer, or, when the peer is a trusted proxy, the nearest forwarded address that is
    not one (B019). An IPv4-mapped IPv6 address equals its IPv4 form."""
    peer = plain_address(scope["client"][0]) if scope.get("client") else ""
    if not trusted or not is_within(peer, trusted):
        return peer
    forwarded = [part.strip() for part in headers.get("x-forwarded-for", "").split(",")]
    for address in reversed(forwarded):
        plain = plain_address(address)
        if not plain:
            return peer
        if not is_within(plain, trusted):
            return plain
    return peer


@lru_cache(maxsize=4_096)
def plain_address(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)


def is_within(address: str, trusted: tuple[Network, ...]) -> bool:
    return bool(address) and any(ipaddress.ip_address(address) in network for network in trusted)


@lru_cache(maxsize=4_096)
def is_loopback(address: str) -> bool:
    plain = plain_address(address)
    return bool(plain) and ipaddress.ip_address(plain).is_loopback
