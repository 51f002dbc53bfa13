"""A real gateway whose carrier is Vercel's `emulate`: real clock, real HTTP, real listeners on
loopback, and only the agent scripted. Each rig has a number of its own at the one stand-in, so no test
sees another's messages. Waits are bounded by `WAIT_S`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from ringfence.bootstrap import Gateway, Swaps, open_gateway
from ringfence.config import load
from ringfence.delivery.retry import RetrySettings, WatchSettings
from ringfence.gateway import bridge
from ringfence.gateway.equipment import Pace
from ringfence.model.errors import PossiblyDispatched
from ringfence.model.line import Line
from ringfence.model.message import Message
from ringfence.model.outbox import OutboxItem, OutboxState
from ringfence.model.phone import from_operator
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.net.http import HttpClient
from ringfence.ports import Tx
from ringfence.web.listener import Listener
from telling import ScriptedAgent, configuration

T = TypeVar("T")

ACCOUNT = "AC0000000000000000000000000000beef"
TOKEN = "emulated-token"
WAIT_S = 15.0
# Area codes that exist, each with its fictitious 555-01XX: one per rig.
_AREAS = iter([area for area in range(201, 990) if area % 100 not in (11, 0)])
_PACE = Pace(
    poll_s=0.02,
    watch=WatchSettings(outcome_s=(0.05, 0.1, 0.2, 0.4), status_s=(0.1,) * 50),
    retry=RetrySettings(waits_s=(0.05, 0.1)),
)


@dataclass(frozen=True, slots=True)
class Standin:
    """`emulate` under way, with its one account."""

    base_url: str
    account: str
    token: str


@dataclass
class Carrier:
    """The stand-in's API and its control routes, as its operator uses them."""

    standin: Standin
    http: aiohttp.ClientSession

    async def call(self, method: str, path: str, **fields: str) -> dict[str, Any]:
        """One request that must succeed; fields in the query of a GET, else in a form."""
        where = {"params": fields} if method == "GET" else {"data": fields}
        login = aiohttp.encode_basic_auth(self.standin.account, self.standin.token)
        headers = {"Authorization": login}
        async with self.http.request(
            method, self.standin.base_url + path, headers=headers, **where
        ) as answer:
            text = await answer.text()
            assert answer.ok, f"{method} {path}: {answer.status} {text}"
            document: dict[str, Any] = json.loads(text or "{}")
            return document

    async def account_call(self, method: str, path: str, **fields: str) -> dict[str, Any]:
        return await self.call(
            method, f"/2010-04-01/Accounts/{self.standin.account}{path}", **fields
        )

    async def owns(self, number: str, sms_url: str, sms_method: str) -> str:
        """Give the account a number whose messages go to `sms_url`; answers its id."""
        made = await self.account_call(
            "POST",
            "/IncomingPhoneNumbers.json",
            PhoneNumber=number,
            SmsUrl=sms_url,
            SmsMethod=sms_method,
        )
        return str(made["sid"])

    async def serves(self, number: str, sms_url: str) -> str:
        """Put a number of the account into a new Messaging Service; answers the service's id."""
        made = await self.call(
            "POST", "/messaging/v1/Services", FriendlyName="rig", InboundRequestUrl=sms_url
        )
        path = f"/messaging/v1/Services/{made['sid']}/PhoneNumbers"
        await self.call("POST", path, PhoneNumber=number)
        return str(made["sid"])

    async def texts(self, sender: str, to: str, body: str) -> dict[str, Any]:
        """Somebody texts; returns once the webhook was answered, whatever the answer."""
        return await self.call(
            "POST", "/_twilio/simulate/inbound-message", From=sender, To=to, Body=body
        )

    async def reports(self, sid: str, *statuses: str) -> None:
        """Move a message on; each status is called back before the next."""
        for status in statuses:
            await self.call(
                "POST", "/_twilio/simulate/message-status", MessageSid=sid, Status=status
            )

    async def messages(self, **query: str) -> list[dict[str, Any]]:
        """As listed, oldest first."""
        listed = await self.account_call("GET", "/Messages.json", PageSize="1000", **query)
        found: list[dict[str, Any]] = listed["messages"]
        return found[::-1]

    async def media_of(self, sid: str) -> list[dict[str, Any]]:
        listed = await self.account_call("GET", f"/Messages/{sid}/Media.json")
        found: list[dict[str, Any]] = listed["media_list"]
        return found

    async def forgets(self, sid: str) -> None:
        """Delete a message, as if it had never been sent."""
        await self.account_call("DELETE", f"/Messages/{sid}.json")

    async def webhooks_page(self) -> str:
        """Its page about its webhooks: the newest fifty, in HTML."""
        async with self.http.get(self.standin.base_url + "/?tab=webhooks") as answer:
            return await answer.text()


@dataclass
class Door:
    """The public door, watched: what it answered in order. While `shut` everything gets 503, as
    from a proxy whose gateway is away."""

    journal: list[tuple[str, int]]
    app: Any = None
    shut: bool = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.shut:
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        name = "callback" if b"ringfence=" in scope["query_string"] else "webhook"

        async def noting(event: Any) -> None:
            if event["type"] == "http.response.start":
                self.journal.append((name, event["status"]))
            await send(event)

        await self.app(scope, receive, noting)


@dataclass
class Wire:
    """The real HTTP client, watched. With `loses_answers` a send that the carrier answered looks
    like a connection that broke before the answer came."""

    journal: list[tuple[str, int]]
    client: HttpClient = field(default_factory=lambda: HttpClient(allow_hosts=("127.0.0.1",)))
    loses_answers: bool = False
    before_loss: Callable[[str], Awaitable[None]] | None = None

    async def send(self, request: WireRequest) -> WireResponse:
        answer = await self.client.send(request)
        kind = "create" if request.method == "POST" else "read"
        self.journal.append((kind, answer.status))
        if self.loses_answers and kind == "create":
            if self.before_loss is not None:
                await self.before_loss(json.loads(answer.body)["sid"])
            raise PossiblyDispatched("the connection broke")
        return answer


@dataclass
class Rig:
    """One gateway with one line at the stand-in. `journal` is what was answered, in order:
    `webhook` and `callback` by us, `create` and `read` by the carrier."""

    carrier: Carrier
    gateway: Gateway
    agent: ScriptedAgent
    door: Door
    wire: Wire
    number: str
    public: str
    private: str

    @property
    def journal(self) -> list[tuple[str, int]]:
        return self.door.journal

    @property
    def line(self) -> Line:
        return self.gateway.kit.lines[self.gateway.settings.default_line_id]

    def person(self, n: int = 0) -> str:
        """A phone that only this rig's line knows; the first two are the owners', to whom an
        agent may write first."""
        return _person(self.number, n)

    async def texts(self, body: str, n: int = 0) -> str:
        """Person `n` texts the line; answers the carrier's id of it."""
        sent = await self.carrier.texts(self.person(n), self.number, body)
        return str(sent["sid"])

    async def sent_to(self, n: int = 0) -> list[dict[str, Any]]:
        """What the carrier holds for a person, oldest first."""
        return await self.carrier.messages(To=self.person(n), From=self.number)

    async def read(self, query: Callable[[Tx], T]) -> T:
        return await self.gateway.kit.store.read(query)

    async def until(self, question: Callable[[Tx], T | None]) -> T:
        """Ask the store until it has an answer."""
        async with asyncio.timeout(WAIT_S):
            while (answer := await self.read(question)) is None:
                await asyncio.sleep(0)
        return answer

    async def messages(
        self, wanted: Callable[[Message], bool], count: int = 1, direction: str = "out"
    ) -> list[Message]:
        """The line's messages of one direction, oldest first, once `count` of them are `wanted`."""

        def question(tx: Tx) -> list[Message] | None:
            found = tx.messages.listing(200, None, direction, None)
            return found[::-1] if sum(map(wanted, found)) >= count else None

        return await self.until(question)

    async def standing(self, status: str, count: int = 1) -> list[Message]:
        """Outbound messages, once `count` of them stand at `status`."""
        return await self.messages(lambda message: message.status.value == status, count)

    async def taken(self, count: int = 1) -> list[Message]:
        """Outbound messages, once we know the carrier's id of `count` of them."""
        return await self.messages(lambda message: bool(message.provider_id), count)

    async def item(self, message_id: str, state: OutboxState | None = None) -> OutboxItem:
        """The one outbox item of a message, once it stands at `state`."""

        def question(tx: Tx) -> OutboxItem | None:
            [item] = tx.outbox.of_messages([message_id])[message_id]
            return item if state in (None, item.state) else None

        return await self.until(question)

    async def noted(self, *wanted: tuple[str, int]) -> None:
        """Wait until the journal holds these entries."""
        async with asyncio.timeout(WAIT_S):
            while not set(wanted) <= set(self.journal):
                await asyncio.sleep(0)

    async def sends(self, body: str, n: int = 0) -> dict[str, Any]:
        """A local program sends through the bridge."""
        document = {"to": self.person(n), "body": body}
        async with self.carrier.http.post(self.private + "/sms/send", json=document) as answer:
            assert answer.status == 202, await answer.text()
            queued: dict[str, Any] = await answer.json()
            return queued

    async def uploads(self, body: str, content_type: str, content: bytes) -> None:
        """The agent's owner sends a file along."""
        request = bridge.SendRequest(
            line=self.line,
            to=from_operator(self.person()),
            body=body,
            initiator="operator:test",
            uploads=(bridge.Upload(content_type, content),),
        )
        await bridge.send(self.gateway.kit, request)

    async def all(self, works: Iterable[Coroutine[Any, Any, Any]]) -> None:
        """Everything at once."""
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)


def _person(number: str, n: int) -> str:
    return f"{number[:-4]}01{n + 1:02d}"


@asynccontextmanager
async def rigged(
    standin: Standin,
    folder: Path,
    *,
    agent: ScriptedAgent | None = None,
    owned: bool = True,
    service: bool = False,
    sms: Mapping[str, Any] | None = None,
    sms_host: str = "127.0.0.1",
    sms_method: str = "POST",
) -> AsyncIterator[Rig]:
    """Start a gateway and its worker. `owned=False` leaves the line's number out of the account;
    with `service` the line is a Messaging Service that has the number; `sms` changes the line's
    configuration; `sms_host` and `sms_method` are how the carrier is told to call us."""
    agent = agent or ScriptedAgent()
    number = f"+1{next(_AREAS)}5550100"
    journal: list[tuple[str, int]] = []
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        door = Door(journal)
        public = await stack.enter_async_context(Listener(door, "127.0.0.1", 0))
        url = public.address + "/webhooks/sms"
        carrier = Carrier(standin, http)
        if owned:
            await carrier.owns(number, url.replace("127.0.0.1", sms_host), sms_method)
        line = {
            "accountSid": standin.account,
            "authToken": standin.token,
            "fromNumber": number,
            "owners": [_person(number, n) for n in range(2)],
            "dmPolicy": "open",
            "allowFrom": ["*"],
            **(sms or {}),
        }
        if service:
            line["messagingServiceSid"] = await carrier.serves(number, url)
        document = configuration(standin.base_url, url, f"sqlite:///{folder}/store.db", **line)
        if service:
            del document["channels"]["sms"]["fromNumber"]
        path = folder / "ringfence.json5"
        path.write_text(json.dumps(document))
        path.chmod(0o600)
        wire = Wire(journal)
        stack.push_async_callback(wire.client.close)
        swaps = Swaps(http=wire, agents={"default": agent}, pace=_PACE)
        gateway = await stack.enter_async_context(open_gateway(load(path, {}), swaps))
        door.app = gateway.public
        private = await stack.enter_async_context(Listener(gateway.private, "127.0.0.1", 0))
        await gateway.worker.recover()
        working = asyncio.create_task(gateway.worker.run())
        stack.push_async_callback(_ended, gateway, working)
        yield Rig(carrier, gateway, agent, door, wire, number, url, private.address)


async def _ended(gateway: Gateway, working: asyncio.Task[None]) -> None:
    working.cancel()
    await asyncio.wait({working})
    await gateway.worker.drain()
