"""A web server on loopback for the simulated carrier: uvicorn inside the caller's event loop, with
one extra door. An application may drop its connection without an answer, which is how a lost
response looks to a client."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

DROP: Final = "ringfence.drop"
SHUTDOWN_S: Final = 1


class DroppableProtocol(HttpToolsProtocol):
    """Puts the connection's abort into the scope, under `extensions`."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {DROP: {"abort": self.transport.abort}}


def drop(scope: Scope) -> bool:
    """Close the connection of this request without an answer; False if the server cannot."""
    door = scope.get("extensions", {}).get(DROP)
    if door is None:
        return False
    door["abort"]()
    return True


async def read_body(receive: Receive, bytes_max: int = 1_000_000) -> bytes:
    """The whole body of a request; what is over the limit is read and dropped."""
    content = b""
    while True:
        event = await receive()
        if len(content) <= bytes_max:
            content += event.get("body", b"")
        if event["type"] == "http.disconnect" or not event.get("more_body", False):
            return content


async def vanish(scope: Scope, receive: Receive, send: Send) -> None:
    """Close the socket without a byte. Where the server cannot, the answer breaks off instead."""
    if drop(scope):
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    await send({"type": "http.response.start", "status": 201, "headers": []})


class _Embedded(uvicorn.Server):
    """Leaves signals to whoever owns the loop, and says when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class LoopbackServer:
    """`async with LoopbackServer(port) as server: server.mount(app)`; port 0 picks a free one."""

    def __init__(self, port: int = 0) -> None:
        self._wanted_port = port
        self._socket: socket.socket | None = None
        self._server: _Embedded | None = None
        self._task: asyncio.Task[None] | None = None
        self.port = 0

    def bind(self) -> int:
        """Take the port now, so that the address is known before anything is served.

        Raises OSError when the port is taken."""
        # The protocol is named so that asyncio turns Nagle's algorithm off on what it accepts: it
        # looks at `proto`, and a head and a body written apart would wait 40 ms for an ACK.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", self._wanted_port))
        except OSError:
            listener.close()
            raise
        self._socket = listener
        self.port = int(listener.getsockname()[1])
        return self.port

    async def start(self, app: ASGIApp) -> None:
        assert self._socket is not None, "bind first"
        config = uvicorn.Config(
            app,
            http=DroppableProtocol,
            ws="none",
            lifespan="off",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            log_level="warning",
            log_config=None,
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
        self._server = _Embedded(config)
        self._task = asyncio.create_task(self._server.serve([self._socket]))
        await self._server.ready.wait()

    async def stop(self) -> None:
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
        if self._socket is not None:
            self._socket.close()
