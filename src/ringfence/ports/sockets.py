"""Wires that stay open: a websocket we open to somebody, and an answer read while it is still being
made. `net/` fulfils both; speech services and whatever else speaks over sockets ask for them here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from ringfence.model.wire import WireRequest


@dataclass(frozen=True, slots=True)
class SocketClosed:
    """The other side ended it, with its close code (RFC 6455 section 7.4; 1006: it broke) and words."""

    code: int
    reason: str = field(default="", repr=False)


class Socket(Protocol):
    """One websocket. One task sends, one receives."""

    async def send(self, message: str | bytes) -> None:
        """Text or binary by its type. Raises PossiblyDispatched once the socket is gone."""

    async def receive(self) -> str | bytes | SocketClosed:
        """The next message, whole. Raises PossiblyDispatched: silent beyond its heartbeat, or a
        message over the limit (`message_too_large`)."""

    async def close(self) -> None:
        """At most a moment's wait for the other side. Closing twice is no error."""


class Sockets(Protocol):
    """Opens websockets. `request` is a GET with a ws or wss URL: `timeout_s` bounds the opening,
    `response_bytes_max` each message; a redirect is never followed."""

    async def connect(self, request: WireRequest) -> Socket:
        """Raises NotDispatched (with the code `http_401` and the like where the other side answered
        with a status), DestinationRefused."""


class Streamed(Protocol):
    """An answer whose head is here and whose body is still coming. Header names lower case."""

    status: int
    headers: Mapping[str, str]

    def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes, `response_bytes_max` at most. Raises PossiblyDispatched, with
        the code `answer_timeout` when nothing comes for `timeout_s`."""


class Streams(Protocol):
    """Sends one request and hands over its answer as it comes. Never retries, never redirects."""

    def open(self, request: WireRequest) -> AbstractAsyncContextManager[Streamed]:
        """`timeout_s` bounds the wait for the head. Raises NotDispatched or PossiblyDispatched."""
