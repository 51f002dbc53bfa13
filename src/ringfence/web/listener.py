"""One listening socket: an ASGI application on uvicorn, started and stopped by us, with bounds on
what may arrive before a request is whole. Signals belong to the process, not to a listener."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ringfence.web.bodies import is_within, networks, plain_address
from ringfence.web.seldom import SeldomFilter

_BACKLOG = 1024
# Beyond it a request is answered 503 at once (P10); a line's own limit is far lower.
CONNECTIONS_MAX = 2_000
# A tenth of them, so that no one address shuts the door on the others.
CONNECTIONS_PER_ADDRESS_MAX = 200
# Request line and headers together; a provider's take one or two KiB.
HEAD_BYTES_MAX = 32 * 1024
HEADERS_MAX = 100
HEAD_TIMEOUT_S = 10.0
MESSAGE_BYTES_MAX = 64 * 1024
"""Of a websocket; more is closed with 1009 before it is whole."""

# uvicorn words its warnings for each request a stranger breaks; once a minute says as much.
_SELDOM = SeldomFilter()
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class Crowd:
    """How many connections each address has open. Those in `exempt` are not counted:
    proxies speak for many."""

    def __init__(
        self, per_address_max: int = CONNECTIONS_PER_ADDRESS_MAX, exempt: Iterable[str] = ()
    ) -> None:
        self._max = per_address_max
        self._exempt = networks(exempt)
        self._open: Counter[str] = Counter()

    def place_of(self, address: str) -> str:
        """What is counted: an IPv4 address, an IPv6 /64 (one subscriber's); empty when exempt."""
        plain = plain_address(address)
        if not plain or is_within(plain, self._exempt):
            return ""
        if ":" in plain:
            return str(ipaddress.ip_network(f"{plain}/64", strict=False))
        return plain

    def enter(self, place: str) -> bool:
        if place and self._open[place] >= self._max:
            return False
        self._open[place] += 1
        return True

    def leave(self, place: str) -> None:
        self._open[place] -= 1
        if self._open[place] <= 0:
            del self._open[place]


class _Config(uvicorn.Config):
    crowd: Crowd | None = None


class _HeadTooLarge(Exception):
    """Ends the parsing; the parser wraps it in an error of its own."""


class _Protocol(HttpToolsProtocol):
    """uvicorn's, which takes a head of any size and waits for one for ever. Runs for every request:
    a whole head in one read costs two comparisons and no timer."""

    def __init__(self, config: uvicorn.Config, *given: Any, **named: Any) -> None:
        super().__init__(config, *given, **named)
        self._crowd = config.crowd if isinstance(config, _Config) else None
        self._place: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._latest = 0
        self._is_upgraded = False
        # Bytes since a head was complete or a piece of a body came: heads, chunk sizes, trailers.
        self._idle_bytes = 0
        self._too_large = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_TIMEOUT_S, self._no_head)
        if self._crowd is None or self.client is None:
            return
        place = self._crowd.place_of(self.client[0])
        if self._crowd.enter(place):
            self._place = place
        else:
            self.logger.warning("An address has all the connections one address may have.")
            transport.close()

    def handle_websocket_upgrade(self) -> None:
        """The connection is another protocol's from here on: media sockets have places of their own."""
        self._is_upgraded = True
        self._stop_timer()
        self._leave()
        super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._leave()
        super().connection_lost(exc)

    def _leave(self) -> None:
        if self._crowd is not None and self._place is not None:
            self._crowd.leave(self._place)
            self._place = None

    def data_received(self, data: bytes) -> None:
        self._latest = len(data)
        super().data_received(data)
        if self._is_upgraded:
            return
        self._idle_bytes += self._latest
        if self._idle_bytes > HEAD_BYTES_MAX:
            self._refuse_head()
        elif self._timer is None and (self.cycle is None or self.cycle.response_complete):
            # Something came after an answer and was no whole head.
            self._timer = self.loop.call_later(HEAD_TIMEOUT_S, self._no_head)

    def on_headers_complete(self) -> None:
        if len(self.headers) > HEADERS_MAX or (
            self._latest + max(self._idle_bytes, 0) > HEAD_BYTES_MAX
            and len(self.url) + sum(len(n) + len(v) + 4 for n, v in self.headers) > HEAD_BYTES_MAX
        ):
            self._too_large = True
            raise _HeadTooLarge
        self._stop_timer()
        self._idle_bytes = -self._latest
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._idle_bytes = -self._latest
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        if self._too_large:
            self._refuse_head()
        else:
            super().send_400_response(msg)

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing here speaks another protocol. uvicorn would advise the operator to install one."""

    def _refuse_head(self) -> None:
        if self.transport.is_closing():
            return
        # While an earlier request is under way, an answer now would be taken for its own.
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_TOO_LARGE)
        self.transport.close()

    def _no_head(self) -> None:
        self._timer = None
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Listener:
    """`async with Listener(app, host, port) as listener:`; port 0 picks a free one."""

    def __init__(
        self,
        app: Any,
        host: str,
        port: int,
        crowd: Crowd | None = None,
        *,
        sockets: bool = False,
    ) -> None:
        """`sockets`: it takes websockets too (media of calls); else an upgrade is a request like any."""
        self._host, self._port = host, port
        config = _Config(
            app,
            http=_Protocol,
            # The older implementation can hang while it closes.
            ws="websockets-sansio" if sockets else "none",
            ws_max_size=MESSAGE_BYTES_MAX,
            # Sound is compressed already; and a carrier that is silent is for the session to notice.
            ws_per_message_deflate=False,
            ws_ping_interval=None,
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
        config.crowd = crowd
        self._server = _Server(config)
        logging.getLogger("uvicorn.error").addFilter(_SELDOM)
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
        self._task = asyncio.create_task(
            self._server.serve(sockets=[bound]), name=f"the listener on {self.address}"
        )
        while not self._server.started and not self._task.done():
            await asyncio.wait({self._task}, timeout=0.005)
        if not self._server.started:
            bound.close()
            await self._task
            raise RuntimeError(f"the listener on {self.address} ended before it was ready")
        return self

    @property
    def task(self) -> asyncio.Task[None]:
        """Done when nothing listens any more, asked for or not. Raises RuntimeError when it was
        never entered."""
        if self._task is None:
            raise RuntimeError("this listener was not started")
        return self._task

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.wait({self._task})
