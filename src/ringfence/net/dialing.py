"""Where the wires that stay open start from: aiohttp sessions, one for anywhere and one that reaches
public addresses only, without cookies and without redirects. Must never let a `public_only` request
through a proxy, which would choose the address in our place."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Collection
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.connector import AddrInfoType
from yarl import URL

from ringfence.model.errors import DestinationRefused, NotDispatched
from ringfence.net.addresses import is_public
from ringfence.net.http import failure_words, place

CONNECTIONS_MAX = 512


class NotPublic(OSError):
    """The address that a name resolved to is not out on the internet."""


class Redirected(Exception):
    """The other side points elsewhere; credentials would go along."""


class Sessions:
    """`allow_hosts` are `host` or `host:port` entries that count as public although they are not.
    `tls` replaces the default TLS context."""

    def __init__(
        self,
        *,
        allow_hosts: Collection[str] = (),
        trust_env: bool = False,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allow_hosts = frozenset(host.lower() for host in allow_hosts)
        self._proxies = getproxies() if trust_env else {}
        self._resolver, self._tls = resolver, tls
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    def to(self, url: URL, *, public_only: bool) -> tuple[aiohttp.ClientSession, str | None]:
        """The session for that URL, and the proxy to go through."""
        public = public_only and not self._allowed(url)
        session = self._sessions.get(public)
        if session is None:
            session = self._sessions[public] = self._new(public)
        return session, None if public else self._proxy(url)

    async def close(self) -> None:
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()

    def _new(self, public: bool) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=CONNECTIONS_MAX,
            resolver=self._resolver,
            ssl=self._tls if self._tls is not None else True,
            socket_factory=_public_socket if public else None,
        )
        watch = aiohttp.TraceConfig()
        watch.on_request_redirect.append(_refuse_redirect)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            headers={"User-Agent": "ringfence"},
            skip_auto_headers=("Content-Type",),
            trace_configs=[watch],
            trust_env=False,
        )

    def _allowed(self, url: URL) -> bool:
        host = (url.host or "").lower()
        return host in self._allow_hosts or f"{host}:{url.port}" in self._allow_hosts

    def _proxy(self, url: URL) -> str | None:
        proxy = self._proxies.get(url.scheme) or self._proxies.get("all")
        return None if not proxy or proxy_bypass(url.host or "") else proxy


def not_opened(url: URL, error: Exception) -> NotDispatched:
    """Why there is no connection, in words that quote neither path nor query (P9)."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, NotPublic):
        return DestinationRefused(f"{place(url)}: the address is not a public one.")
    if isinstance(error, Redirected):
        return DestinationRefused(f"{place(url)} points elsewhere, which is not followed.")
    return NotDispatched(f"{place(url)}: {failure_words(error, False)}.")


def _public_socket(info: AddrInfoType) -> socket.socket:
    """For the very address that is about to be connected to: a name that resolves differently the
    second time gains nothing (DNS rebinding)."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise NotPublic("address is not public")
    return socket.socket(family=family, type=kind, proto=protocol)


async def _refuse_redirect(*_: Any) -> None:
    raise Redirected
