"""The wire without sockets: the gateway's requests go straight into the carrier's application, and
the carrier's webhooks straight into the gateway's public door. Same bytes, same codecs, same
signatures; only what sockets add (partial reads, keep-alive, timeouts) is not here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import aiohttp
from starlette.types import ASGIApp

from ringfence.model.errors import PossiblyDispatched
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.ports import Clock
from ringfence.simulator.crashes import Fuse, Life, outside
from ringfence.simulator.server import DROP
from ringfence.simulator.webhooks import Deliverer, _Answer, _judge


class Dropped(Exception):
    """The application closed the connection without a whole answer."""


@dataclass(slots=True)
class _Exchange:
    """One request and its answer, as ASGI events."""

    body: bytes
    sent: bool = False
    dropped: bool = False
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b""
    complete: bool = False

    def abort(self) -> None:
        self.dropped = True

    async def receive(self) -> MutableMapping[str, Any]:
        if self.sent:
            return {"type": "http.disconnect"}
        self.sent = True
        return {"type": "http.request", "body": self.body, "more_body": False}

    async def send(self, event: MutableMapping[str, Any]) -> None:
        if event["type"] == "http.response.start":
            self.status = event["status"]
            self.headers = {k.decode().lower(): v.decode("latin-1") for k, v in event["headers"]}
        else:
            self.answer += event.get("body", b"")
            self.complete = not event.get("more_body", False)


async def call(
    app: ASGIApp, method: str, url: str, headers: dict[str, str], body: bytes
) -> WireResponse:
    """Ask an ASGI application. Raises Dropped where a client would see the connection break."""
    parts, exchange = urlsplit(url), _Exchange(body)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": parts.scheme,
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in headers.items()]
        + [(b"host", parts.netloc.encode()), (b"content-length", str(len(body)).encode())],
        "server": (parts.hostname, parts.port),
        "client": ("127.0.0.1", 40_000),
        "extensions": {DROP: {"abort": exchange.abort}},
    }
    await app(scope, exchange.receive, exchange.send)
    if exchange.dropped or not exchange.complete:
        raise Dropped
    return WireResponse(exchange.status, exchange.headers, exchange.answer)


@dataclass(frozen=True, slots=True)
class Create:
    """A request to send a message, as it reached the carrier. `known` is how many audit entries
    were committed by then."""

    item_id: str
    to: str
    at: datetime
    known: int


class DirectHttp:
    """Fulfils ports.Http towards the carrier, which goes on whatever becomes of the caller."""

    def __init__(
        self,
        app: ASGIApp,
        fuse: Fuse,
        clock: Clock,
        known: Callable[[], int],
        creates: list[Create],
    ) -> None:
        self._app, self._fuse, self._clock = app, fuse, clock
        self._known, self._creates = known, creates

    async def send(self, request: WireRequest) -> WireResponse:
        await self._fuse.point("before a request")
        if request.method == "POST" and request.url.endswith("/Messages.json"):
            self._note(request)
        headers = {**request.headers, **request.secret_headers}
        asked = outside(call(self._app, request.method, request.url, headers, request.body))
        asked.add_done_callback(_seen)  # nobody hears the answer when the caller dies meanwhile
        try:
            answer = await asyncio.shield(asked)
        except Dropped:
            raise PossiblyDispatched("The connection broke before the answer came.") from None
        await self._fuse.point("after an answer")
        return answer

    def _note(self, request: WireRequest) -> None:
        form = parse_qs(request.body.decode())
        callback = urlsplit(form.get("StatusCallback", [""])[0])
        ids = [value for values in parse_qs(callback.query).values() for value in values]
        item_id = next((value for value in ids if value.startswith("obx_")), "")
        self._creates.append(Create(item_id, form["To"][0], self._clock.now(), self._known()))


class DirectDeliverer(Deliverer):
    """Delivers webhooks to whichever gateway is alive; `door` is None while none is."""

    def __init__(self) -> None:
        super().__init__()
        self.door: tuple[Life, ASGIApp] | None = None

    async def _exchange(
        self,
        method: str,
        address: str,
        headers: dict[str, str],
        body: bytes,
        timeout: aiohttp.ClientTimeout,
    ) -> _Answer:
        if self.door is None or self.door[0].fuse.blown.is_set():
            raise aiohttp.ConnectionTimeoutError
        life, app = self.door
        asked = life.run(call(app, method, address, headers, body))
        await asyncio.wait([asked])
        if asked.cancelled():
            raise aiohttp.ServerDisconnectedError  # it died before it could answer
        answer = asked.result()
        kind = answer.headers.get("content-type", "")
        return _Answer(answer.status, _judge(answer.status), kind, answer.body)


def _seen(asked: asyncio.Task[WireResponse]) -> None:
    if not asked.cancelled():
        asked.exception()
