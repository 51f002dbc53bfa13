"""How the carrier opens media sockets: over loopback, or straight into an ASGI application in this
process, without a network and under a moved clock. Never dials anything but loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket as sockets
from collections.abc import Callable, Coroutine, Mapping, MutableMapping
from enum import Enum
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

import aiohttp
from starlette.types import ASGIApp
from yarl import URL

from ringfence.simulator.webhooks import LOOPBACK_HOSTS, Deliverer

MESSAGE_MAX_BYTES: Final = 1_000_000
CONNECT_S: Final = 10.0
CLOSE_S: Final = 2.0
IN_FLIGHT_MAX: Final = 64  # messages on their way in one direction of an in-process socket
ABNORMAL: Final = 1006

T = TypeVar("T")

_WEB: Final = {"wss": "https", "ws": "http"}
_SOCKET: Final = {"https": "wss", "http": "ws"}


class Failure(Enum):
    """Why there is no socket, as Twilio's debugger numbers it (voice.md 1.4)."""

    TIMEOUT = 31901
    TLS = 31910
    HANDSHAKE = 31920
    UNREACHABLE = 31921
    SCHEME = 31922


class Refused(Exception):
    """There is no socket."""

    def __init__(self, failure: Failure, why: str) -> None:
        self.failure, self.why = failure, why
        super().__init__(f"{failure.value}: {why}")


class Gone(Exception):
    """The socket broke while something was sent."""


class Socket(Protocol):
    """The carrier's end. `close_code` is the other end's, once it has closed."""

    close_code: int | None

    async def send(self, text: str) -> None:
        """Raises Gone. Waits while the other end does not read."""

    async def receive(self) -> str | bytes | None:
        """The next message; None when the socket is closed."""

    async def close(self, code: int = 1000) -> None: ...

    def abort(self) -> None:
        """Break it, as a network does: no closing words."""


class Dial(Protocol):
    """Opens a socket. Raises Refused."""

    async def __call__(self, url: str, headers: Mapping[str, str]) -> Socket: ...


# -- over loopback --------------------------------------------------------------------------------


class LoopbackSockets:
    """Dials with aiohttp. A public address goes where the deliverer's tunnel leads; a loopback address
    is dialled without TLS, since nothing here has a certificate."""

    def __init__(self, deliverer: Deliverer) -> None:
        self._deliverer = deliverer

    async def __call__(self, url: str, headers: Mapping[str, str]) -> Socket:
        address, host = self._inside(url)
        shown = dict(headers) | ({"Host": host} if host else {})
        client = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        try:
            async with asyncio.timeout(CONNECT_S):
                found = await client.ws_connect(
                    URL(address, encoded=True),
                    headers=shown,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
                    max_msg_size=MESSAGE_MAX_BYTES,
                )
        except BaseException as error:
            await client.close()
            raise _refusal(error) from None
        return _Loopback(client, found)

    def _inside(self, url: str) -> tuple[str, str | None]:
        parts = urlsplit(url)
        if parts.scheme not in _WEB:
            raise Refused(Failure.SCHEME, "the address is no wss address")
        public = urlunsplit(parts._replace(scheme=_WEB[parts.scheme]))
        address, host = self._deliverer.loopback_address(public)
        inside = urlsplit(address)
        if inside.hostname not in LOOPBACK_HOSTS:
            raise Refused(Failure.UNREACHABLE, "the address is not on loopback")
        scheme = "ws" if host is None else _SOCKET[inside.scheme]
        return urlunsplit(inside._replace(scheme=scheme)), host


def _refusal(error: BaseException) -> BaseException:
    match error:
        case aiohttp.WSServerHandshakeError():
            return Refused(Failure.HANDSHAKE, f"the handshake was answered {error.status}")
        case aiohttp.ClientSSLError():
            return Refused(Failure.TLS, "TLS failed")
        case TimeoutError():
            return Refused(Failure.TIMEOUT, "no answer in time")
        case aiohttp.ClientError() | OSError() | ValueError():
            return Refused(Failure.UNREACHABLE, type(error).__name__)
    return error


class _Loopback:
    def __init__(
        self, client: aiohttp.ClientSession, found: aiohttp.ClientWebSocketResponse
    ) -> None:
        self._client, self._socket = client, found
        self.close_code: int | None = None

    async def send(self, text: str) -> None:
        try:
            await self._socket.send_str(text)
        except (aiohttp.ClientError, ConnectionError, RuntimeError):
            raise Gone from None

    async def receive(self) -> str | bytes | None:
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.TEXT or message.type is aiohttp.WSMsgType.BINARY:
            content: str | bytes = message.data
            return content
        self.close_code = self._socket.close_code
        await self._client.close()
        return None

    async def close(self, code: int = 1000) -> None:
        await self._socket.close(code=code)
        self.close_code = self.close_code or self._socket.close_code
        await self._client.close()

    def abort(self) -> None:
        found = self._socket.get_extra_info("socket")
        if found is None:
            return
        # Through a copy of the descriptor: event loops hide the socket's own shutdown.
        with contextlib.suppress(OSError), sockets.socket(fileno=os.dup(found.fileno())) as copy:
            copy.shutdown(sockets.SHUT_RDWR)


# -- in this process ------------------------------------------------------------------------------


class DirectSockets:
    """Dials an ASGI application. `door` is asked for it at each call."""

    def __init__(self, door: Callable[[], ASGIApp]) -> None:
        self._door = door

    async def __call__(self, url: str, headers: Mapping[str, str]) -> Socket:
        if urlsplit(url).scheme not in _WEB:
            raise Refused(Failure.SCHEME, "the address is no wss address")
        found = _Direct()
        await found.open(self._door(), url, headers)
        return found


class _Direct:
    """Both ends of one socket: ASGI's events on one side, ours on the other."""

    def __init__(self) -> None:
        self.close_code: int | None = None
        self._inward: asyncio.Queue[dict[str, Any]] = asyncio.Queue(IN_FLIGHT_MAX)
        self._outward: asyncio.Queue[str | bytes] = asyncio.Queue(IN_FLIGHT_MAX)
        self._answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._over = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def open(self, app: ASGIApp, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": parts.scheme,
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [(b"host", parts.netloc.encode())]
            + [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
            "server": (parts.hostname, parts.port),
            "client": ("127.0.0.1", 40_000),
            "subprotocols": [],
        }
        self._running = asyncio.ensure_future(self._run(app, scope))
        try:
            async with asyncio.timeout(CONNECT_S):
                status = await self._answered
        except TimeoutError:
            self._end(ABNORMAL)
            raise Refused(Failure.TIMEOUT, "no answer in time") from None
        if status != 101:
            raise Refused(Failure.HANDSHAKE, f"the handshake was answered {status}")

    async def _run(self, app: ASGIApp, scope: MutableMapping[str, Any]) -> None:
        await self._inward.put({"type": "websocket.connect"})
        code = ABNORMAL
        try:
            await app(scope, self._app_receives, self._app_sends)
            code = 1000
        finally:
            if not self._answered.done():
                self._answered.set_result(500)
            self._end(code)

    async def _app_receives(self) -> MutableMapping[str, Any]:
        found = await self._next(self._inward)
        return found or {"type": "websocket.disconnect", "code": self.close_code}

    async def _app_sends(self, event: MutableMapping[str, Any]) -> None:
        match event["type"]:
            case "websocket.accept":
                self._answer(101)
            case "websocket.http.response.start":
                self._answer(event["status"])
            case "websocket.close":
                self._answer(403)
                self._end(event.get("code") or 1000)
            case "websocket.send" if self._over.is_set():
                raise OSError("the socket is closed")
            case "websocket.send":
                text = event.get("text")
                message = event["bytes"] if text is None else text
                await _before(self._over, self._outward.put(message))

    def _answer(self, status: int) -> None:
        if not self._answered.done():
            self._answered.set_result(status)

    def _end(self, code: int) -> None:
        if self._over.is_set():
            return
        self.close_code = code
        self._over.set()

    async def _next(self, queue: asyncio.Queue[T]) -> T | None:
        """None once it is over and nothing is left."""
        return await _before(self._over, queue.get()) if queue.empty() else queue.get_nowait()

    async def send(self, text: str) -> None:
        event = {"type": "websocket.receive", "text": text}
        await _before(self._over, self._inward.put(event))
        if self._over.is_set():
            raise Gone

    async def receive(self) -> str | bytes | None:
        return await self._next(self._outward)

    async def close(self, code: int = 1000) -> None:
        """The application gets a little time to take its leave."""
        self._end(code)
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=CLOSE_S)
            self._running.cancel()

    def abort(self) -> None:
        self._end(ABNORMAL)


async def _before(over: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """The outcome of `work`, or None when it is over first."""
    working, ending = asyncio.ensure_future(work), asyncio.ensure_future(over.wait())
    try:
        await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        ending.cancel()
