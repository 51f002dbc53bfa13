"""What the carrier's tests hold in hand: a loopback receiver for its webhooks, the vendor's client
with its requests recorded, and requests as bytes."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from ringfence.testing import SimulatedCarrier

ALICE = "+15555550111"
BOB = "+15555550112"
EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


@dataclass
class Hit:
    """One webhook as it arrived."""

    method: str
    url: str  # as the receiver sees it
    headers: dict[str, str]
    pairs: list[tuple[str, str]]
    raw: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(self.pairs)

    @property
    def signature(self) -> str:
        return self.headers["X-Twilio-Signature"]


@dataclass
class Receiver:
    """Answers webhooks with `answer` (a status, or a handler) and keeps what arrived."""

    port: int = 0
    hits: list[Hit] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)  # for the next requests, then 200
    document: str = EMPTY
    content_type: str = "text/xml"
    headers: dict[str, str] = field(default_factory=dict)
    on_hit: Callable[[Hit], Awaitable[None]] | None = None

    def url(self, path: str = "/webhooks/sms") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def messages(self) -> list[Hit]:
        return [h for h in self.hits if h.form.get("SmsStatus") == "received"]

    @property
    def statuses_seen(self) -> list[str]:
        return [h.form["MessageStatus"] for h in self.hits if "MessageStatus" in h.form]

    async def handle(self, request: web.Request) -> web.Response:
        form = await request.post()
        pairs = [(k, v) for k, v in form.items() if isinstance(v, str)]
        hit = Hit(
            request.method,
            f"http://{request.host}{request.raw_path}",
            dict(request.headers),
            pairs,
            await request.read(),
        )
        self.hits.append(hit)
        if self.on_hit is not None:
            await self.on_hit(hit)
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 204:
            return web.Response(status=204)
        kind = {"content_type": self.content_type} if self.content_type else {}
        return web.Response(status=status, text=self.document, headers=self.headers, **kind)


@dataclass
class Recorded:
    """One exchange of the vendor's client with the carrier."""

    method: str
    url: str
    params: dict[str, Any]
    data: dict[str, Any]
    status: int
    text: str


class Recorder(TwilioHttpClient):
    """The vendor's own HTTP client, keeping notes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Recorded] = []

    def request(self, method: str, url: str, **rest: Any) -> Any:  # type: ignore[override]
        answer = super().request(method, url, **rest)
        self.seen.append(
            Recorded(
                method,
                url,
                rest.get("params") or {},
                rest.get("data") or {},
                answer.status_code,
                answer.text,
            )
        )
        return answer


@dataclass
class Sdk:
    """Twilio's published client against the carrier. `await sdk(lambda c: c.messages.create(…))`
    runs it in a thread, for it blocks."""

    carrier: SimulatedCarrier
    recorder: Recorder = field(default_factory=Recorder)

    def client(self, sid: str = "", secret: str = "", account: str = "") -> Client:
        made = Client(
            sid or self.carrier.account_sid,
            secret or self.carrier.auth_token,
            account_sid=account or None,
            http_client=self.recorder,
        )
        for domain in (made.api, made.messaging, made.monitor):
            domain.base_url = self.carrier.base_url
        return made

    async def __call__(self, work: Callable[[Client], Any], client: Client | None = None) -> Any:
        return await asyncio.to_thread(work, client or self.client())

    async def sends(self, to: str = ALICE, body: str | None = "hello", **rest: Any) -> Any:
        if "messaging_service_sid" not in rest:
            rest.setdefault("from_", self.carrier.number)
        if body is not None:
            rest["body"] = body
        return await self(lambda c: c.messages.create(to=to, **rest))


@dataclass
class Raw:
    """Requests as bytes on the wire, for what the vendor's client would never send."""

    carrier: SimulatedCarrier
    session: aiohttp.ClientSession

    async def post(
        self, path: str, fields: list[tuple[str, str]] | dict[str, str], **rest: Any
    ) -> tuple[int, dict[str, Any]]:
        url = f"{self.carrier.base_url}/2010-04-01/Accounts/{self.carrier.account_sid}{path}"
        rest.setdefault("headers", self.auth())
        async with self.session.post(url, data=fields, **rest) as answer:
            return answer.status, await answer.json()

    async def create(self, **fields: str) -> tuple[int, dict[str, Any]]:
        return await self.post("/Messages.json", fields)

    def auth(self) -> dict[str, str]:
        pair = f"{self.carrier.account_sid}:{self.carrier.auth_token}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
