"""A deployment that lives and dies in one process: production code over one store file, a carrier, people
with phones, and crashes at any commit or request. What happens in it is said by those who build on it
(`run`, `paging_run`); here is how it is born, works, dies and is looked at.

Deterministic: everything runs on one thread, without sockets; the clock is moved; what is random comes
from the seed. Must never touch what the gateway does: it is opened as `bootstrap` opens it for everybody."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.types import ASGIApp

from ringfence.bootstrap import Gateway, Swaps, open_gateway
from ringfence.clock import ManualClock
from ringfence.config import Settings
from ringfence.logs import JsonFormatter
from ringfence.model.errors import RingfenceError
from ringfence.ports import Agent, Tx
from ringfence.simulator.carrier import Behaviour, Carrier
from ringfence.simulator.crashes import Fuse, Life, Pause, SerialStore, outside
from ringfence.simulator.exchange import Exchange
from ringfence.simulator.faults import Dice, Faults
from ringfence.simulator.inprocess import DirectDeliverer, DirectHttp
from ringfence.simulator.invariants import Evidence, Snapshot, moved_back
from ringfence.simulator.optout import OptOutHandling
from ringfence.simulator.records import Webhook
from ringfence.simulator.rest import Rest
from ringfence.simulator.sids import SidSource
from ringfence.store.opening import POSTGRES_SCHEMES

START = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
LINE = "+15555550100"
OWNER = "+15555550199"
ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "simulated-token-never-told"  # noqa: S105 - of a simulated account
CARRIER_URL = "http://127.0.0.1:1"
PUBLIC_URL = "http://127.0.0.1:2/webhooks/sms"
STEPS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class World:
    """What a seed decides of the world. `carrier_confirms`: the carrier handles opt-out words."""

    seed: int
    people: tuple[str, ...]
    crashes: int
    faults: Faults
    carrier_confirms: bool


@dataclass(slots=True)
class Person:
    """Somebody with a phone: texts one after the other, and again what nobody answered."""

    number: str
    waiting: list[str] = field(default_factory=list)
    unanswered: tuple[str, str] | None = None  # SID and body
    said: str = ""  # the last keyword

    @property
    def has_more(self) -> bool:
        return bool(self.waiting) or self.unanswered is not None


class Deployment(ABC):
    """The world and the gateway's lives in it."""

    def __init__(self, world: World, settings: Settings, store_url: str) -> None:
        self.world, self.settings, self.store_url = world, settings, store_url
        self.rng = random.Random(f"world {world.seed}")  # noqa: S311 - repeatable on purpose
        self.clock = ManualClock(START)
        self.seen = Evidence(secrets=(LINE, OWNER, *world.people, TOKEN))
        self.carrier = Carrier(
            SidSource(self.rng),
            Behaviour(
                OptOutHandling.CARRIER if world.carrier_confirms else OptOutHandling.NONE,
            ),
        )
        self.dice = Dice(world.seed, world.faults)
        self.deliverer = DirectDeliverer()
        self.exchange = Exchange(
            self.carrier, self.clock, self.dice, self.deliverer, address=CARRIER_URL
        )
        self.rest: ASGIApp = Rest(self.exchange, cdn_url=CARRIER_URL)
        account = self.carrier.open_account(START, ACCOUNT, TOKEN)
        self.carrier.add_line(account, LINE, START, Webhook(f"{PUBLIC_URL}#rc=3&rp=all"))
        self.people = [Person(number) for number in world.people]
        self.agents: Mapping[str, Agent] | None = None
        self.eye = SerialStore(store_url, Fuse(self.rng))
        self.lives = 0
        self._stack = AsyncExitStack()
        self._peers: list[tuple[Life, Gateway, AsyncExitStack]] = []
        self.life: Life
        self.gateway: Gateway

    async def run(self) -> None:
        """The whole history."""
        await self._born()
        if self.store_url.startswith(POSTGRES_SCHEMES):
            await self._peer_born()
        await self._history()
        self._conclude()
        await self._die()
        for life, _, stack in self._peers:
            await life.end()
            await stack.aclose()
        await self.exchange.close()
        await self.eye.close()

    @abstractmethod
    async def _history(self) -> None:
        """What happens between the first birth and the last look."""

    # -- lives ---------------------------------------------------------------------------------

    async def _born(self) -> None:
        """Start a gateway on the store as it is; a life that dies while it starts is one too."""
        while True:
            fuse = self._fuse() if self.lives < self.world.crashes else Fuse(self.rng)
            self.lives += 1
            self.life, self.gateway, self._stack = await self._opened(fuse, self.lives)
            if await self._alive(self.life.run(self.gateway.worker.recover())):
                self.deliverer.door = (self.life, self.gateway.public)
                return
            await self._die()

    def _fuse(self) -> Fuse:
        """Anywhere at all, or around a request to the carrier, where an outcome becomes unknown."""
        if self.rng.random() < 0.4:
            return Fuse(self.rng, self.rng.randrange(5, 250))
        return Fuse(self.rng, self.rng.randrange(40), self.rng.choice(("request", "answer")))

    async def _peer_born(self) -> None:
        """Where several processes may share a store, one more works on it and never dies."""
        self._peers.append(await self._opened(Fuse(self.rng), 999))
        life, gateway, _ = self._peers[0]
        assert await self._alive(life.run(gateway.worker.recover()))

    async def _opened(self, fuse: Fuse, number: int) -> tuple[Life, Gateway, AsyncExitStack]:
        life, stack = Life(fuse), AsyncExitStack()
        http = DirectHttp(self.rest, fuse, self.clock, self.known, self.seen.creates)
        swaps = Swaps(
            clock=self.clock,
            http=http,
            agents=self.agents,
            store=SerialStore(self.store_url, fuse),
            seed=self.world.seed * 2_000 + number * 2,
        )
        gateway = await stack.enter_async_context(open_gateway(self.settings, swaps))
        return life, gateway, stack

    async def _die(self) -> None:
        self.deliverer.door = None
        await self.life.end()
        await self._stack.aclose()

    def _settling(self) -> list[asyncio.Task[None]]:
        """Every process does what is due now."""
        lives = [(self.life, self.gateway), *((life, peer) for life, peer, _ in self._peers)]
        return [life.run(gateway.worker.settle()) for life, gateway in lives]

    async def _reborn(self) -> None:
        """After a crash: some time without a gateway, then a new one."""
        await self._die()
        self.clock.advance(seconds=self.rng.randrange(0, 30))
        await self._quiet()
        await self._born()

    async def _alive(self, *work: asyncio.Task[Any]) -> bool:
        """Wait for the work, or for the end of this life; False for the latter."""
        blown = outside(self.life.fuse.blown.wait())
        pending: set[asyncio.Task[Any]] = set(work)
        try:
            while pending and not self.life.fuse.blown.is_set():
                _, rest = await asyncio.wait({*pending, blown}, return_when=asyncio.FIRST_COMPLETED)
                pending = rest - {blown}
        finally:
            blown.cancel()
        if self.life.fuse.blown.is_set():
            return False
        for task in work:
            task.result()
        return True

    async def _during(self, acts: Sequence[asyncio.Task[None]]) -> None:
        """Let the gateway work until the acts are done and nothing more is due now."""
        while True:
            if not await self._alive(*self._settling(), *acts):
                await self._reborn()
                continue
            await self._quiet()
            if await self._alive(*self._settling()):
                return
            await self._reborn()

    async def _quiet(self) -> None:
        """Until every task of the carrier waits for the clock."""
        for _ in range(STEPS_MAX):
            if self.exchange.under_way <= self.clock.sleepers or self.life.fuse.blown.is_set():
                return
            await Pause()
        raise AssertionError("the carrier never comes to rest")

    async def _passes(self, span: timedelta) -> None:
        """Move the clock, stopping wherever somebody waits for it."""
        until = self.clock.now() + span
        while (wake := self.clock.next_wake) is not None and wake <= until:
            self.clock.move_to(max(wake, self.clock.now()))
            await self._during(())
        self.clock.move_to(max(until, self.clock.now()))
        await self._during(())

    # -- what people do ------------------------------------------------------------------------

    async def _texts(self, person: Person) -> str:
        """One text, delivered again until it is answered, the next only after that; answers what was
        taken, nothing where nobody could say."""
        if person.unanswered is None:
            body = person.waiting.pop(0)
            sent = await self.exchange.phone(person.number).texts(body)
            sid, delivery = sent.sid, sent.delivery
        else:
            sid, body = person.unanswered
            delivery = await self.deliverer.deliver(self._request(sid))
        if delivery is None or not delivery.reached:
            person.unanswered = (sid, body)
            return ""
        person.unanswered = None
        self.seen.acknowledged.append(sid)
        return body

    def _request(self, sid: str) -> Any:
        log = self.exchange.log
        return next(e.request for e in reversed(log) if e.kind == "message" and e.sid == sid)

    async def _operator(self, job: Callable[[Tx], None]) -> bool:
        """A command in the store; False when nobody can say whether it was done, or it could not be."""
        asked = self.life.run(self._kit.store.write(job))
        await asyncio.wait([asked])
        if asked.cancelled():
            return False
        error = asked.exception()
        if error is not None and not isinstance(error, RingfenceError):
            raise error
        return error is None

    # -- what is seen ----------------------------------------------------------------------------

    @property
    def _kit(self) -> Any:
        return self.gateway.kit

    def known(self) -> int:
        """How many audit entries are committed."""
        return self.eye.read_now(lambda tx: tx.health.counts()["audit.entries"])

    def _look(self) -> None:
        """Each look is compared with the one before; only the first and the last are kept."""
        seen = self.seen
        seen.snapshots.append(self.eye.read_now(Snapshot.of))
        if len(seen.snapshots) > 2:
            seen.moved_back += moved_back(*seen.snapshots[-2:])
        del seen.snapshots[1:-1]

    def _conclude(self) -> None:
        seen, eye = self.seen, self.eye
        self._look()
        seen.taken = [m for m in self.carrier.messages.values() if m.is_outbound]
        subjects = [*seen.last.items, *seen.last.outbound, *(m.id for m in seen.last.inbound)]
        seen.audit = eye.read_now(lambda tx: {key: tx.audit.of_subject(key) for key in subjects})
        seen.chain = eye.read_now(lambda tx: tx.audit.verify())
        seen.counts = eye.read_now(lambda tx: tx.health.counts())


def fingerprint(seen: Evidence) -> str:
    """The same for two runs that did the same: a digest over the audit entries' hashes."""
    entries = sorted((s.seq, s.hash) for theirs in seen.audit.values() for s in theirs)
    return hashlib.sha256(repr(entries).encode()).hexdigest()


@contextmanager
def listening(seen: Evidence) -> Iterator[None]:
    """Keep every log line as it would be written; a stage that failed is a finding."""

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.log.append(self.format(record))
            if record.exc_info:
                seen.failures.append(seen.log[-1])

    ear, log = Ear(), logging.getLogger("ringfence")
    ear.setFormatter(JsonFormatter())
    level, propagate = log.level, log.propagate
    log.addHandler(ear)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(ear)
        log.setLevel(level)
        log.propagate = propagate


class InvariantBroken(AssertionError):
    """A simulation found what must not be; the message says how to play it again."""

    def __init__(self, seed: int, findings: Sequence[str], again: str) -> None:
        listed = "\n  ".join(findings[:20])
        super().__init__(
            f"seed {seed}: {len(findings)} findings\n  {listed}\nplay it again: {again}"
        )
