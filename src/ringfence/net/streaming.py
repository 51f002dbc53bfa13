"""Sends one request and hands its answer over while it is still being made. Must never send twice,
never follow a redirect, and never put a header, path or query into an error (P9, P10)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from ringfence.model.errors import PossiblyDispatched
from ringfence.model.wire import WireRequest
from ringfence.net.dialing import Sessions, not_opened
from ringfence.net.http import failure_words, first_hop, place

PIECE_BYTES = 16 * 1024


class HttpStreams:
    """`ports.sockets.Streams` on aiohttp; the arguments are SocketClient's."""

    def __init__(
        self,
        *,
        allow_hosts: Collection[str] = (),
        trust_env: bool = False,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._sessions = Sessions(
            allow_hosts=allow_hosts, trust_env=trust_env, resolver=resolver, tls=tls
        )

    @asynccontextmanager
    async def open(self, request: WireRequest) -> AsyncIterator[_Streamed]:
        response = await self._head(request)
        try:
            yield _Streamed(response, request)
        finally:
            response.close()

    async def close(self) -> None:
        await self._sessions.close()

    async def _head(self, request: WireRequest) -> aiohttp.ClientResponse:
        hop = first_hop(request)
        session, proxy = self._sessions.to(hop.url, public_only=request.public_only)
        try:
            async with asyncio.timeout(request.timeout_s):
                return await session.request(
                    request.method,
                    hop.url,
                    data=request.body or None,
                    headers=hop.headers,
                    allow_redirects=False,
                    proxy=proxy,
                )
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            raise not_opened(hop.url, error) from None
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
            raise _broken(hop.url, error) from None


class _Streamed:
    def __init__(self, response: aiohttp.ClientResponse, request: WireRequest) -> None:
        self._response, self._request = response, request
        self.status = response.status
        self.headers: Mapping[str, str] = {
            name.lower(): value for name, value in response.headers.items()
        }

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        left = self._request.response_bytes_max
        while piece := await self._piece():
            left -= len(piece)
            if left < 0:
                limit = self._request.response_bytes_max
                raise PossiblyDispatched(
                    f"{place(self._response.url)} answered with more than {limit} bytes.",
                    code="response_too_large",
                )
            yield piece

    async def _piece(self) -> bytes:
        try:
            async with asyncio.timeout(self._request.timeout_s):
                return await self._response.content.read(PIECE_BYTES)
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise _broken(self._response.url, error) from None


def _broken(url: URL, error: Exception) -> PossiblyDispatched:
    code = "answer_timeout" if isinstance(error, TimeoutError) else "answer_broken"
    return PossiblyDispatched(f"{place(url)}: {failure_words(error, True)}.", code=code)
