"""Where the hostile agent meets the gateway: `InProcess` (production code without sockets, lives that
may crash at any commit; fast enough for a million steps) and `OnSockets` (real doors on loopback).
Both keep the carrier's log: every request to send as it reached the carrier, and how many audit
entries were committed by then."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp

from ringfence.bootstrap import Gateway, Swaps, open_gateway
from ringfence.clock import ManualClock
from ringfence.config import Settings, load
from ringfence.model.errors import RingfenceError
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.net.http import HttpClient
from ringfence.ports import Tx
from ringfence.simulator.carrier import Behaviour, Carrier
from ringfence.simulator.crashes import Fuse, Life, Pause, SerialStore, lives_counted, outside
from ringfence.simulator.exchange import Exchange
from ringfence.simulator.faults import Dice, Faults
from ringfence.simulator.inprocess import DirectDeliverer, DirectHttp, Dropped, call
from ringfence.simulator.optout import OptOutHandling
from ringfence.simulator.phone import Sent
from ringfence.simulator.records import Message as CarrierMessage
from ringfence.simulator.records import Webhook
from ringfence.simulator.rest import Rest
from ringfence.simulator.sids import SidSource
from ringfence.simulator.webhooks import signature
from ringfence.web.listener import Listener

START = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)  # a Monday, noon in New York
ACCOUNT = "AC00000000000000000000000000000001"
SECRET = "simulated-token-never-told"
STEPS_MAX = 20_000
ROUNDS_MAX = 3_000
# In memory where there is such a folder: a million steps are as many commits.
FOLDER = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door answered; status 0 when nobody did (it died, or closed the connection)."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def document(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Create:
    """A request to send, as it reached the carrier."""

    item_id: str
    sender: str
    to: str
    body: str
    at: datetime
    known: int


class _Deliverer(DirectDeliverer):
    """There is no network: nobody's attachments are reached."""

    async def fetch(self, url: str, bytes_max: int) -> tuple[int, str, bytes]:
        return 0, "", b""


class Ground:
    """What both grounds have. Audit entries are counted through `known`."""

    clock: ManualClock
    settings: Settings
    carrier: Carrier
    exchange: Exchange
    gateway: Gateway
    creates: list[Create]
    public_url: str

    @property
    def kit(self) -> Any:
        return self.gateway.kit

    @property
    def log(self) -> Sequence[CarrierMessage]:
        """What the carrier took, its own log."""
        return [one for one in self.carrier.messages.values() if one.is_outbound]

    def line_number(self, line: str) -> str:
        number = self.kit.lines[line].number
        assert number is not None
        return str(number.e164)

    async def texts(self, number: str, body: str, line: str) -> Sent:
        """A phone texts a line."""
        return await self.exchange.phone(number).texts(body, to=self.line_number(line))

    def captured(self) -> list[Any]:
        """Signed webhooks that went over the wire, for whoever listens there."""
        return list(self.exchange.log)

    def noted(self, request: WireRequest) -> None:
        """Into the carrier's log of requests."""
        form = parse_qs(request.body.decode(), keep_blank_values=True)
        callback = urlsplit(form.get("StatusCallback", [""])[0])
        ids = [value for values in parse_qs(callback.query).values() for value in values]
        item_id = next((value for value in ids if value.startswith("obx_")), "")
        self.creates.append(
            Create(
                item_id,
                form.get("From", [""])[0],
                form["To"][0],
                form.get("Body", [""])[0],
                self.clock.now(),
                self.known(),
            )
        )

    def known(self) -> int:
        return int(self.look(lambda tx: tx.audit.head()[0]))

    def look(self, query: Callable[[Tx], Any]) -> Any:
        raise NotImplementedError

    async def quiet(self) -> None:
        """Until every task of the carrier waits for the clock."""
        for _ in range(STEPS_MAX):
            if self.exchange.under_way <= self.clock.sleepers:
                return
            await Pause()
        raise AssertionError("the carrier never comes to rest")


class _Wire(DirectHttp):
    """The wire to the carrier, which the carrier's log is written at."""

    ground: Ground

    def _note(self, request: WireRequest) -> None:
        self.ground.noted(request)


@cache
def _empty_store() -> Path:
    """A store with its tables made, to copy from."""
    folder = Path(tempfile.mkdtemp(prefix="ringfence-hostile-", dir=FOLDER))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "empty.db"
    store = SerialStore(f"sqlite:///{path}", Fuse(random.Random(1)))
    store._writer.close()
    store._reader.close()
    return path


@cache
def _settings(document: str) -> Settings:
    """By way of a file, like anybody's. Every history of one kind shares it."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        path = Path(folder) / "ringfence.json5"
        path.write_text(document)
        path.chmod(0o600)
        return load(path, {})


CARRIER_URL, PUBLIC_URL = "http://127.0.0.1:1", "http://127.0.0.1:2"
PRIVATE_URL = "http://127.0.0.1:3"


class InProcess(Ground):
    """No sockets, one thread, a store file in memory. `crash` ends the life that is running at one
    of its next commits or requests; the next thing that needs a gateway starts a new one."""

    def __init__(self, document: Mapping[str, Any], seed: int, agents: Mapping[str, Any]) -> None:
        self.seed, self.agents = seed, agents
        self.rng = random.Random(f"ground {seed}")
        self.folder = Path(tempfile.mkdtemp(prefix="ringfence-hostile-", dir=FOLDER))
        self._store_path = self.folder / "store.db"
        shutil.copy(_empty_store(), self._store_path)
        # The address of the store is not in the settings' file: a store is passed.
        self.settings = _settings(json.dumps({**document, "store": {"url": "sqlite:///unused.db"}}))
        self.public_url = PUBLIC_URL
        self.clock = ManualClock(START)
        self.creates = []
        self.carrier = Carrier(SidSource(self.rng), Behaviour(OptOutHandling.NONE))
        self.dice = Dice(seed, Faults())
        self.deliverer = _Deliverer()
        self.exchange = Exchange(
            self.carrier, self.clock, self.dice, self.deliverer, address=CARRIER_URL
        )
        self.exchange.callbacks = bool(seed % 4 == 0)
        self.rest = Rest(self.exchange, cdn_url=CARRIER_URL)
        self.account = self.carrier.open_account(START, ACCOUNT, SECRET)
        for line in self.settings.lines:
            assert line.number is not None
            self.carrier.add_line(
                self.account, line.number.e164, START, Webhook(PUBLIC_URL + line.webhook_path)
            )
        self.eye = SerialStore(f"sqlite:///{self._store_path}", Fuse(self.rng))
        self.lives = 0
        self._stack = AsyncExitStack()
        self._counting: Any = None

    async def open(self) -> None:
        self._counting = lives_counted()
        self._counting.__enter__()
        await self._born()

    async def close(self) -> None:
        try:
            await self._die()
            await self.exchange.close()
            await self.eye.close()
        finally:
            self._counting.__exit__(None, None, None)
            shutil.rmtree(self.folder, ignore_errors=True)

    def look(self, query: Callable[[Tx], Any]) -> Any:
        return self.eye.read_now(query)

    # -- lives ---------------------------------------------------------------------------------

    async def _born(self) -> None:
        self.lives += 1
        self.life, self._stack = Life(Fuse(self.rng)), AsyncExitStack()
        http = _Wire(self.rest, self.life.fuse, self.clock, self.known, [])
        http.ground = self
        swaps = Swaps(
            clock=self.clock,
            http=http,
            agents=self.agents,
            store=SerialStore(f"sqlite:///{self._store_path}", self.life.fuse),
            seed=self.seed * 2_000 + self.lives * 3,
        )
        self.gateway = await self._stack.enter_async_context(open_gateway(self.settings, swaps))
        await self.life.run(self.gateway.worker.recover())
        self.deliverer.door = (self.life, self.gateway.public)

    async def _die(self) -> None:
        self.deliverer.door = None
        await self.life.end()
        await self._stack.aclose()

    async def restart(self) -> None:
        """The process goes away wherever it stands, and another one starts on the same store."""
        await self._die()
        await self._born()

    def crash(self, points: int, only: str) -> None:
        """Let the life end by itself, so many commits, reads or requests from now."""
        self.life.fuse._left, self.life.fuse._only = points, only

    async def _revived(self) -> None:
        if self.life.fuse.blown.is_set():
            await self.restart()

    async def lived(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something inside the gateway; None when it died meanwhile. Raises what it raises."""
        if self.life.fuse.blown.is_set():
            await self.restart()
        task = self.life.run(work)
        await self._ends(task)
        return None if task.cancelled() else task.result()

    async def _ends(self, task: asyncio.Task[Any]) -> None:
        """Wait for it; where it waits for the time itself, time passes. Nothing here waits for
        anything outside, so whoever is not done after so many rounds waits for the clock."""
        life = self.life
        while not task.done():
            for _ in range(ROUNDS_MAX):
                await Pause()
                if life.fuse.blown.is_set():
                    await life.end()
                if task.done():
                    return
            wake = self.clock.next_wake
            assert wake is not None, "it waits for what never comes"
            self.clock.move_to(max(wake, self.clock.now()))

    async def texts(self, number: str, body: str, line: str) -> Sent:
        """The carrier tries again what nobody answered, after a while; a gateway that died is
        started meanwhile."""
        await self._revived()
        task = outside(super().texts(number, body, line))
        await self._ends(task)
        return task.result()

    # -- doors ---------------------------------------------------------------------------------

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str] = {}, body: bytes = b""
    ) -> Answer:
        await self._revived()
        return await self._call(self.gateway.private, PRIVATE_URL, method, path, headers, body)

    async def ask_public(
        self, method: str, path: str, headers: Mapping[str, str] = {}, body: bytes = b""
    ) -> Answer:
        await self._revived()
        return await self._call(self.gateway.public, PUBLIC_URL, method, path, headers, body)

    async def _call(
        self,
        app: Any,
        url: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Answer:
        given = {"host": urlsplit(url).netloc, **{k.lower(): v for k, v in headers.items()}}
        given.pop("host")
        try:
            got = await self.lived(call(app, method, url + path, given, body))
        except Dropped:
            return Answer(0)
        if got is None:
            return Answer(0)
        return Answer(got.status, got.body, got.headers)

    async def act(self, job: Callable[[Tx], Any]) -> Any:
        """A command of an operator. Raises RingfenceError; Died when nobody can say."""
        await self._revived()
        done: list[Any] = []

        def noted(tx: Tx) -> None:
            done[:] = [job(tx)]

        await self.lived(self.kit.store.write(noted))
        if not done:
            raise Died
        return done[0]

    # -- time ----------------------------------------------------------------------------------

    async def settle(self) -> None:
        while True:
            await self._revived()
            task = self.life.run(self.gateway.worker.settle())
            await self._ends(task)
            if task.cancelled():
                continue
            task.result()
            if self.exchange.under_way <= self.clock.sleepers:
                return
            await self.quiet()

    async def passes(self, span: timedelta) -> None:
        until = self.clock.now() + span
        await self.settle()
        for _ in range(200):
            wake = self.clock.next_wake
            if wake is None or wake > until:
                break
            self.clock.move_to(max(wake, self.clock.now()))
            await self.settle()
        self.clock.move_to(max(until, self.clock.now()))
        await self.settle()


class Died(RingfenceError):
    """The gateway died before it could say whether it was done."""


class OnSockets(Ground):
    """The same world with real doors, the real HTTP client, the real store and its writer thread."""

    def __init__(
        self, document: Mapping[str, Any], seed: int, agents: Mapping[str, Any], store_url: str = ""
    ) -> None:
        self.document, self.seed, self.agents = document, seed, agents
        self.folder = Path(tempfile.mkdtemp(prefix="ringfence-hostile-", dir=FOLDER))
        self.store_url = store_url or f"sqlite:///{self.folder / 'store.db'}"
        self.clock = ManualClock(START)
        self.creates = []
        self.lives = 0
        self._stack, self._life = AsyncExitStack(), AsyncExitStack()

    async def open(self) -> None:
        from ringfence.testing import SimulatedCarrier

        lines = self.document["channels"]["sms"]
        self._simulated = await self._stack.enter_async_context(
            SimulatedCarrier(
                number=lines["fromNumber"],
                account_sid=ACCOUNT,
                auth_token=SECRET,
                clock=self.clock,
                seed=self.seed,
                behaviour=Behaviour(OptOutHandling.NONE),
            )
        )
        world = self._simulated.world
        self.carrier, self.exchange = world.carrier, world.exchange
        self._http = await self._stack.enter_async_context(aiohttp.ClientSession())
        self._public_door = _Late()
        self._public = await self._stack.enter_async_context(
            Listener(self._public_door, "127.0.0.1", 0)
        )
        self.public_url = self._public.address
        text = json.dumps({**self.document, "store": {"url": self.store_url}})
        text = text.replace(CARRIER_URL, self._simulated.base_url)
        text = text.replace(PUBLIC_URL, self.public_url)
        self.settings = _settings(text)
        for line in self.settings.lines:
            assert line.number is not None
            hook = Webhook(self.public_url + line.webhook_path)
            if line.number.e164 in self.carrier.lines:
                self.carrier.lines[line.number.e164].sms = hook
            else:
                self.carrier.add_line(world.account, line.number.e164, START, hook)
        await self._born()

    async def _born(self) -> None:
        self.lives += 1
        self._life = AsyncExitStack()
        http = _NotedClient(self)
        self._life.push_async_callback(http.close)
        swaps = Swaps(
            clock=self.clock,
            http=http,
            agents=self.agents,
            seed=self.seed * 2_000 + self.lives * 3,
        )
        self.gateway = await self._life.enter_async_context(open_gateway(self.settings, swaps))
        self._public_door.app = self.gateway.public
        private = await self._life.enter_async_context(
            Listener(self.gateway.private, "127.0.0.1", 0)
        )
        self.private_url = private.address
        await self.gateway.worker.recover()
        self._eye = SerialStore(self.store_url, Fuse(random.Random(1)))

    async def _die(self) -> None:
        await self.gateway.worker.drain()
        await self._eye.close()
        await self._life.aclose()

    async def close(self) -> None:
        await self._die()
        await self._stack.aclose()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def restart(self) -> None:
        await self._die()
        await self._born()

    def crash(self, points: int, only: str) -> None:
        """Processes on sockets are killed elsewhere (tests/stories/test_kill.py)."""

    def look(self, query: Callable[[Tx], Any]) -> Any:
        return self._eye.read_now(query)

    async def lived(self, work: Coroutine[Any, Any, Any]) -> Any:
        return await work

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str] = {}, body: bytes = b""
    ) -> Answer:
        return await self._call(self.private_url, method, path, headers, body)

    async def ask_public(
        self, method: str, path: str, headers: Mapping[str, str] = {}, body: bytes = b""
    ) -> Answer:
        return await self._call(self.public_url, method, path, headers, body)

    async def _call(
        self, url: str, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        from yarl import URL

        try:
            async with self._http.request(
                method, URL(url + path, encoded=True), headers=dict(headers), data=body or None
            ) as got:
                return Answer(
                    got.status,
                    await got.read(),
                    {name.lower(): value for name, value in got.headers.items()},
                )
        except (aiohttp.ClientError, ValueError):
            return Answer(0)

    async def act(self, job: Callable[[Tx], Any]) -> Any:
        return await self.kit.store.write(job)

    async def settle(self) -> None:
        for _ in range(STEPS_MAX):
            await self.gateway.worker.settle()
            await self.quiet()
            if not await self.gateway.worker.step():
                await self.gateway.worker.drain()
                return
        raise AssertionError("the gateway never comes to rest")

    async def passes(self, span: timedelta) -> None:
        until = self.clock.now() + span
        await self.settle()
        for _ in range(200):
            wake = self.clock.next_wake
            if wake is None or wake > until:
                break
            self.clock.move_to(max(wake, self.clock.now()))
            await self.settle()
        self.clock.move_to(max(until, self.clock.now()))
        await self.settle()


class _NotedClient:
    """The real client; what it asks of the carrier is noted as it leaves."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._client = HttpClient(allow_hosts=("127.0.0.1", "localhost"))

    async def send(self, request: WireRequest) -> WireResponse:
        if request.method == "POST" and request.url.endswith("/Messages.json"):
            self._ground.noted(request)
        return await self._client.send(request)

    async def close(self) -> None:
        await self._client.close()


class _Late:
    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


def signed(url: str, fields: Sequence[tuple[str, str]], token: str) -> dict[str, str]:
    """Headers of a webhook as the carrier, or somebody with another token, would make them."""
    return {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": signature(token, url, list(fields)),
    }


def form(fields: Sequence[tuple[str, str]]) -> bytes:
    return urlencode(list(fields)).encode()


@contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop of our own to drive a state machine with."""
    loop = asyncio.new_event_loop()
    try:
        yield loop
    finally:
        loop.close()


__all__ = [
    "ACCOUNT",
    "CARRIER_URL",
    "PUBLIC_URL",
    "SECRET",
    "START",
    "Answer",
    "Create",
    "Died",
    "Ground",
    "InProcess",
    "OnSockets",
    "form",
    "outside",
    "running_loop",
    "signed",
]
