"""One listening socket: an ASGI application on uvicorn, started and stopped by us. Signals belong
to the process, not to a listener."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import uvicorn

_BACKLOG = 1024
# Beyond it a request is answered 503 at once (P10); a line's own limit is far lower.
CONNECTIONS_MAX = 2_000


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Listener:
    """`async with Listener(app, host, port) as listener:`; port 0 picks a free one."""

    def __init__(self, app: Any, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._server = _Server(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                # Our own `ready` says it in our own fields.
                log_level="warning",
                access_log=False,
                server_header=False,
                # We read forwarded addresses ourselves, from configured proxies only (B019).
                proxy_headers=False,
                timeout_keep_alive=30,
                limit_concurrency=CONNECTIONS_MAX,
                timeout_graceful_shutdown=5,
            )
        )
        self._task: asyncio.Task[None] | None = None
        self.address = ""

    async def __aenter__(self) -> Listener:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        # Named as TCP, so that asyncio switches Nagle's delay off on what it accepts: 40 ms each.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((self._host, self._port))
        except OSError as error:
            bound.close()
            raise OSError(
                error.errno, f"{self._host}:{self._port}: {error.strerror}; choose another port"
            ) from error
        bound.listen(_BACKLOG)
        bound.setblocking(False)
        host = f"[{self._host}]" if ":" in self._host else self._host
        self.address = f"http://{host}:{bound.getsockname()[1]}"
        self._task = asyncio.create_task(self._server.serve(sockets=[bound]))
        while not self._server.started and not self._task.done():
            await asyncio.wait({self._task}, timeout=0.005)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.wait({self._task})
