"""Opens websockets to others, within limits. Must never follow a redirect, never reconnect by itself,
and never put a header, path or query into an error (P9, P10)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import aiohttp
from aiohttp import WSMsgType
from aiohttp.abc import AbstractResolver
from yarl import URL

from ringfence.model.errors import NotDispatched, PossiblyDispatched
from ringfence.model.wire import WireRequest
from ringfence.net.dialing import Redirected, Sessions, not_opened
from ringfence.net.http import failure_words, first_hop, place
from ringfence.ports.sockets import Socket, SocketClosed

# A ping every so often; without its pong within half of that the socket counts as dead.
HEARTBEAT_S = 10.0
CLOSE_S = 1.0
REASON_CHARS_MAX = 200
ABNORMAL = 1006  # RFC 6455 section 7.1.5: ended without a close frame

_HTTP = {"ws": "http", "wss": "https"}


class SocketClient:
    """`ports.sockets.Sockets` on aiohttp. `tls` replaces the default TLS context, `allow_hosts` count
    as public, `trust_env` takes the environment's proxies."""

    def __init__(
        self,
        *,
        heartbeat_s: float = HEARTBEAT_S,
        allow_hosts: Collection[str] = (),
        trust_env: bool = False,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._heartbeat_s = heartbeat_s
        self._sessions = Sessions(
            allow_hosts=allow_hosts, trust_env=trust_env, resolver=resolver, tls=tls
        )

    async def connect(self, request: WireRequest) -> Socket:
        hop = first_hop(replace(request, url=_as_http(request.url)))
        session, proxy = self._sessions.to(hop.url, public_only=request.public_only)
        try:
            async with asyncio.timeout(request.timeout_s):
                opened = await session.ws_connect(
                    hop.url,
                    headers=hop.headers,
                    proxy=proxy,
                    heartbeat=self._heartbeat_s,
                    max_msg_size=request.response_bytes_max,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
                )
        except aiohttp.WSServerHandshakeError as error:
            raise _refused(hop.url, error.status) from None
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError, Redirected) as error:
            raise not_opened(hop.url, error) from None
        return _Socket(opened, place(hop.url))

    async def close(self) -> None:
        """Ends every socket that is still open."""
        await self._sessions.close()


class _Socket:
    def __init__(self, opened: aiohttp.ClientWebSocketResponse[Any], where: str) -> None:
        self._opened, self._where = opened, where

    async def send(self, message: str | bytes) -> None:
        try:
            if isinstance(message, str):
                await self._opened.send_str(message)
            else:
                await self._opened.send_bytes(message)
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise self._gone(error) from None

    async def receive(self) -> str | bytes | SocketClosed:
        try:
            message = await self._opened.receive()
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise self._gone(error) from None
        match message.type:
            case WSMsgType.TEXT | WSMsgType.BINARY:
                content: str | bytes = message.data
                return content
            case WSMsgType.ERROR:
                raise self._gone(message.data)
            case _:
                reason = message.extra if isinstance(message.extra, str) else ""
                code = self._opened.close_code
                return SocketClosed(code or ABNORMAL, reason[:REASON_CHARS_MAX])

    async def close(self) -> None:
        try:
            await self._opened.close()
        except (aiohttp.ClientError, OSError, RuntimeError):
            pass  # it is gone, which is what was wanted

    def _gone(self, error: object) -> PossiblyDispatched:
        if (
            isinstance(error, aiohttp.WebSocketError)
            and error.code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
        ):
            return PossiblyDispatched(
                f"{self._where} sent a message over the limit.", code="message_too_large"
            )
        if isinstance(error, aiohttp.WebSocketError):
            return PossiblyDispatched(
                f"{self._where} broke the websocket protocol.", code="bad_socket"
            )
        why = failure_words(error, True) if isinstance(error, Exception) else "it broke"
        return PossiblyDispatched(f"{self._where}: {why}.", code="socket_gone")


def _as_http(url: str) -> str:
    """aiohttp and our own checks know the scheme by its HTTP name. Others are refused by those."""
    scheme, separator, rest = url.partition("://")
    return f"{_HTTP[scheme]}{separator}{rest}" if scheme in _HTTP else f"not-a-socket:{url}"


def _refused(url: URL, status: int) -> NotDispatched:
    return NotDispatched(
        f"{place(url)} opens no socket: it answered {status}.", code=f"http_{status}"
    )
