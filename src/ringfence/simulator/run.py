"""One simulated history of a whole deployment from one seed: production code over one store file, a
faulty carrier, people who text at random, an operator who stops, blocks and approves, and crashes at
any commit or request. `await simulate(seed, store_url, folder)` answers the evidence to judge.

Deterministic: the clock, ids, chance, the carrier's faults, who does what and when, where a life
ends, and the order in which tasks meet (everything runs on one thread, without sockets), so that a
seed gives the same audit chain each time on SQLite. Not simulated: sockets and their timeouts,
threads and group commit, and the wall clock of log lines; PostgreSQL may return rows of one batch in
another order."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ringfence.bootstrap import Gateway, Swaps, open_gateway
from ringfence.clock import ManualClock
from ringfence.config import Settings, load
from ringfence.gateway import bridge, deadletters, halt, pairing
from ringfence.logs import JsonFormatter
from ringfence.model.contact import SwitchScope
from ringfence.model.errors import AgentRefused, AgentUnavailable, RingfenceError
from ringfence.model.phone import PhoneNumber
from ringfence.ports import AgentReply, AgentTurn, Tx
from ringfence.simulator.carrier import Behaviour, Carrier
from ringfence.simulator.crashes import Fuse, Life, Pause, SerialStore, lives_counted, outside
from ringfence.simulator.exchange import Exchange
from ringfence.simulator.faults import Dice, Faults
from ringfence.simulator.inprocess import DirectDeliverer, DirectHttp
from ringfence.simulator.invariants import Ban, Evidence, Snapshot, ban_for, broken
from ringfence.simulator.optout import OptOutHandling
from ringfence.simulator.records import Webhook
from ringfence.simulator.rest import Rest
from ringfence.simulator.sids import SidSource
from ringfence.simulator.timeline import SENT_ONLY, Timeline, failed, undelivered
from ringfence.store.opening import POSTGRES_SCHEMES

START = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
LINE = "+15555550100"
OWNER = "+15555550199"
ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "simulated-token-never-told"  # noqa: S105 - of a simulated account
CARRIER_URL = "http://127.0.0.1:1"
PUBLIC_URL = "http://127.0.0.1:2/webhooks/sms"
STEPS_MAX = 100_000
REST_STEP = timedelta(minutes=10)
REST_STEPS = 60  # ten hours: longer than a message lives and a status is asked for


@dataclass(frozen=True, slots=True)
class Plan:
    """What a seed decides beforehand."""

    seed: int
    ticks: int
    people: tuple[str, ...]
    known: int  # how many of the people are on the allow list
    crashes: int
    faults: Faults
    carrier_confirms: bool

    @classmethod
    def of(cls, seed: int) -> Plan:
        rng = random.Random(f"plan {seed}")  # noqa: S311 - a simulation is repeatable on purpose
        people = tuple(f"+15555550{n}" for n in range(101, 101 + rng.randrange(4, 10)))

        def some(most: float) -> float:
            return rng.choice((0.0, most / 4, most))

        faults = Faults(
            callback_duplicated=some(0.3),
            callback_delayed=some(0.3),
            callback_delay_s=rng.choice((0.5, 30.0, 4000.0)),
            callback_reordered=some(0.3),
            callback_dropped=some(0.3),
            callback_before_answer=some(0.3),
            webhook_duplicated=some(0.3),
            response_lost=some(0.1),
            error_after_accept=some(0.1),
            error_before_accept=some(0.1),
            throttled=some(0.2),
        )
        return cls(
            seed,
            rng.randrange(20, 50),
            people,
            rng.randrange(1, len(people)),
            rng.randrange(0, 6),
            faults,
            rng.random() < 0.5,
        )


class SimulatedAgent:
    """Answers every text once, with its number in it; sometimes long, late, held, silent or not at
    all. What it does depends on the text alone, and on how often it was asked."""

    id = "default"
    keeps_history = False

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._asked: dict[str, int] = {}

    async def reply(self, turn: AgentTurn) -> AgentReply:
        tag = turn.body.partition("#")[2].split()[0] if "#" in turn.body else turn.turn_id
        asked = self._asked[tag] = self._asked.get(tag, 0) + 1
        await Pause()
        if asked < 3 and self._dice.chance(0.1, "agent away", tag, asked):
            raise AgentUnavailable("The simulated agent is away.")
        if self._dice.chance(0.03, "agent refuses", tag):
            raise AgentRefused("The simulated agent refuses.")
        if self._dice.chance(0.05, "agent silent", tag):
            return AgentReply("")
        words = 30 if self._dice.chance(0.15, "agent talks", tag) else 1
        text = " ".join(f"answer #{tag}.{n} {'word' * 5}" for n in range(words))
        return AgentReply(text, "cut off" if self._dice.chance(0.05, "cut off", tag) else "")

    async def check(self) -> str:
        return ""

    async def close(self) -> None:
        return None


@dataclass(slots=True)
class Person:
    """Somebody with a phone: texts one after the other, and again what nobody answered."""

    number: str
    waiting: list[str] = field(default_factory=list)
    unanswered: tuple[str, str] | None = None  # SID and body
    said: str = ""  # the last keyword


class Simulation:
    """The world and the gateway's lives in it."""

    def __init__(self, plan: Plan, settings: Settings, store_url: str) -> None:
        self.plan, self.settings, self.store_url = plan, settings, store_url
        self.rng = random.Random(f"world {plan.seed}")  # noqa: S311
        self.clock = ManualClock(START)
        self.seen = Evidence(secrets=(LINE, OWNER, *plan.people, TOKEN))
        self.carrier = Carrier(
            SidSource(self.rng),
            Behaviour(
                OptOutHandling.CARRIER if plan.carrier_confirms else OptOutHandling.NONE,
            ),
        )
        self.dice = Dice(plan.seed, plan.faults)
        self.deliverer = DirectDeliverer()
        self.exchange = Exchange(
            self.carrier, self.clock, self.dice, self.deliverer, address=CARRIER_URL
        )
        self.rest = Rest(self.exchange, cdn_url=CARRIER_URL)
        account = self.carrier.open_account(START, ACCOUNT, TOKEN)
        self.carrier.add_line(account, LINE, START, Webhook(f"{PUBLIC_URL}#rc=3&rp=all"))
        self.people = [Person(number) for number in plan.people]
        self.agent = SimulatedAgent(self.dice)
        self.eye = SerialStore(store_url, Fuse(self.rng))
        self.lives = 0
        self.texts = 0
        self._stack = AsyncExitStack()
        self._peers: list[tuple[Life, Gateway, AsyncExitStack]] = []
        self.life: Life
        self.gateway: Gateway
        for person in self.people:
            self.carrier.scripts[person.number] = self._fate()

    async def run(self) -> Evidence:
        await self._born()
        if self.store_url.startswith(POSTGRES_SCHEMES):
            await self._peer_born()
        for _ in range(self.plan.ticks):
            await self._during(self._acts())
            await self._passes(timedelta(seconds=1))
            self._look()
        await self._comes_to_rest()
        self._conclude()
        await self._die()
        for life, _, stack in self._peers:
            await life.end()
            await stack.aclose()
        await self.exchange.close()
        await self.eye.close()
        return self.seen

    # -- lives ---------------------------------------------------------------------------------

    async def _born(self) -> None:
        """Start a gateway on the store as it is; a life that dies while it starts is one too."""
        while True:
            fuse = self._fuse() if self.lives < self.plan.crashes else Fuse(self.rng)
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
            agents={"default": self.agent},
            store=SerialStore(self.store_url, fuse),
            seed=self.plan.seed * 2_000 + number * 2,
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

    async def _comes_to_rest(self) -> None:
        """Everybody has said their last; whatever is owed gets all the time it may need."""
        for scope, subject in list(self._switches()):
            await self._during([outside(self._resumes(scope, subject))])
        for step in range(REST_STEPS):
            acts = [outside(self._speaks(person)) for person in self.people if _has_more(person)]
            if step < REST_STEPS // 3 and self.rng.random() < 0.3:
                acts.append(outside(self._resubmits()))
            await self._during(acts)
            await self._passes(REST_STEP)
            self._look()

    # -- what people and operators do ------------------------------------------------------------

    def _acts(self) -> list[asyncio.Task[None]]:
        acts = []
        for person in self.people:
            if self.rng.random() < 0.35:
                person.waiting.append(self._words(person))
            if _has_more(person):
                acts.append(outside(self._speaks(person)))
        if self.rng.random() < 0.35:
            acts.append(outside(self._operates()))
        if self.rng.random() < 0.2:
            acts.append(outside(self._agent_writes()))
        return acts

    def _words(self, person: Person) -> str:
        """Mostly a text with a number of its own; who said STOP soon says START."""
        self.texts += 1
        back = 25 if person.said == "STOP" else 2
        word = self.rng.choices(("STOP", "START", "HELP", ""), (5, back, 2, 60))[0]
        person.said = word or person.said
        return word or f"text #{self.texts}"

    async def _speaks(self, person: Person) -> None:
        """One text, delivered again until it is answered; the next only after that."""
        if person.unanswered is None:
            body = person.waiting.pop(0)
            if body == "START":
                self._lift(person.number, "opt_out")
            sent = await self.exchange.phone(person.number).texts(body)
            sid, delivery = sent.sid, sent.delivery
        else:
            sid, body = person.unanswered
            delivery = await self.deliverer.deliver(self._request(sid))
        if delivery is None or not delivery.reached:
            person.unanswered = (sid, body)
            return
        person.unanswered = None
        self.seen.acknowledged.append(sid)
        if body == "STOP":
            self.seen.bans.append(Ban("opt_out", person.number, self.known()))

    def _request(self, sid: str) -> Any:
        log = self.exchange.log
        return next(e.request for e in reversed(log) if e.kind == "message" and e.sid == sid)

    async def _operates(self) -> None:
        person = self.rng.choice(self.people).number
        acts = (self._stops, self._approves, self._blocks, self._releases)
        act = self.rng.choices(acts, (2, 3, 1, 6))[0]
        await act(person)

    async def _stops(self, person: str) -> None:
        scope, subject = self.rng.choice(
            (
                (SwitchScope.EVERYTHING, ""),
                (SwitchScope.AGENT, "default"),
                (SwitchScope.LINE, "default"),
                (SwitchScope.CONTACT, person),
            )
        )

        def job(tx: Tx) -> None:
            halt.stop(self._kit, tx, scope, subject, "simulated", "operator:sim", self.clock.now())

        done = await self._operator(job)
        if done and scope is not SwitchScope.AGENT:
            self.seen.bans.append(ban_for(scope, subject, self.known()))

    async def _releases(self, person: str) -> None:
        switches = list(self._switches())
        if switches and self.rng.random() < 0.8:
            scope, subject = self.rng.choice(switches)
            await self._resumes(scope, subject)
            return
        self._lift(person, "block")

        def job(tx: Tx) -> None:
            halt.unblock(self._kit, tx, PhoneNumber(person), "operator:sim", self.clock.now())

        await self._operator(job)

    async def _resumes(self, scope: SwitchScope, subject: str) -> None:
        self._lift(subject if scope is SwitchScope.CONTACT else "", f"stop {scope.value}")

        def job(tx: Tx) -> None:
            halt.resume(self._kit, tx, scope, subject, "operator:sim", self.clock.now())

        await self._operator(job)

    async def _blocks(self, person: str) -> None:
        def job(tx: Tx) -> None:
            halt.block(self._kit, tx, PhoneNumber(person), "operator:sim", self.clock.now())

        if await self._operator(job):
            self.seen.bans.append(Ban("block", person, self.known()))

    async def _approves(self, person: str) -> None:
        line = self._kit.lines["default"]

        def job(tx: Tx) -> None:
            now = self.clock.now()
            for request in tx.access.requests(line.id, now):
                pairing.approve(self._kit, tx, line, request.code, "operator:sim", True, now)

        await self._operator(job)

    async def _resubmits(self) -> None:
        """One dead letter, never one that may already have arrived."""
        items = self.eye.read_now(lambda tx: tx.outbox.dead(None))
        turns = self.eye.read_now(lambda tx: tx.turns.dead(None))
        dead = [*(item.id for item in items), *(turn.id for turn in turns)]
        if not dead:
            return
        wish = deadletters.Wish(self.rng.choice(dead), "operator:sim")
        readmit = self.gateway.receiver.readmit

        def job(tx: Tx) -> None:
            deadletters.resubmit(self._kit, tx, readmit, wish, self.clock.now())

        await self._operator(job)

    async def _agent_writes(self) -> None:
        """The local agent sends through the bridge, with a key, and once more when it is unsure."""
        self.texts += 1
        line = self._kit.lines["default"]
        to = PhoneNumber(self.rng.choice(self.plan.people))
        request = bridge.SendRequest(
            line, to, f"news #{self.texts}", "agent:default", idempotency_key=f"key-{self.texts}"
        )
        for _ in range(self.rng.randrange(1, 3)):
            asked = self.life.run(bridge.send(self._kit, request))
            await asyncio.wait([asked])

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

    def _switches(self) -> Iterator[tuple[SwitchScope, str]]:
        for switch in self.eye.read_now(lambda tx: tx.switches.engaged()):
            yield switch.scope, switch.subject

    def _lift(self, person: str, kind: str) -> None:
        """Bans of this kind end for this person, as of now: their lifting is only asked for."""
        for ban in self.seen.bans:
            if ban.until is None and (ban.kind, ban.person) == (kind, person):
                ban.until = self.known()

    # -- what is seen ----------------------------------------------------------------------------

    @property
    def _kit(self) -> Any:
        return self.gateway.kit

    def known(self) -> int:
        """How many audit entries are committed."""
        return self.eye.read_now(lambda tx: tx.health.counts()["audit.entries"])

    def _look(self) -> None:
        self.seen.snapshots.append(self.eye.read_now(Snapshot.of))
        del self.seen.snapshots[1:-2]

    def _conclude(self) -> None:
        seen, eye = self.seen, self.eye
        self._look()
        seen.taken = [m for m in self.carrier.messages.values() if m.is_outbound]
        subjects = [*seen.last.items, *seen.last.outbound, *(m.id for m in seen.last.inbound)]
        seen.audit = eye.read_now(lambda tx: {key: tx.audit.of_subject(key) for key in subjects})
        seen.chain = eye.read_now(lambda tx: tx.audit.verify())
        seen.counts = eye.read_now(lambda tx: tx.health.counts())

    def _fate(self) -> Timeline:
        timelines = (self.carrier.behaviour.timeline, SENT_ONLY, failed(), undelivered())
        return self.rng.choices(timelines, (12, 1, 1, 1))[0]


def _has_more(person: Person) -> bool:
    return bool(person.waiting) or person.unanswered is not None


def fingerprint(seen: Evidence) -> str:
    """The same for two runs that did the same: a digest over the audit entries' hashes."""
    entries = sorted((s.seq, s.hash) for theirs in seen.audit.values() for s in theirs)
    return hashlib.sha256(repr(entries).encode()).hexdigest()


@contextmanager
def _listening(seen: Evidence) -> Iterator[None]:
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


def settings_of(plan: Plan, store_url: str, folder: Path) -> Settings:
    """The configuration, by way of a file like anybody's."""
    document = {
        "store": {"url": store_url},
        "agents": {"default": {"kind": "echo"}},
        "channels": {
            "sms": {
                "accountSid": ACCOUNT,
                "authToken": TOKEN,
                "fromNumber": LINE,
                "apiBaseUrl": CARRIER_URL,
                "publicWebhookUrl": PUBLIC_URL,
                "owners": [OWNER],
                "dmPolicy": "pairing",
                "allowFrom": list(plan.people[: plan.known]),
                "optOutReplies": "provider" if plan.carrier_confirms else "ringfence",
                "textChunkLimit": 160,
            }
        },
    }
    path = folder / "ringfence.json5"
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    return load(path, {})


async def simulate(seed: int, store_url: str, folder: Path) -> Evidence:
    """Play the history of one seed on an empty store; `folder` takes the configuration file."""
    plan = Plan.of(seed)
    simulation = Simulation(plan, settings_of(plan, store_url, folder), store_url)
    with _listening(simulation.seen), lives_counted():
        return await simulation.run()


class InvariantBroken(AssertionError):
    """A simulation found what must not be; the message says how to play it again."""


async def prove(seed: int, store_url: str, folder: Path) -> Evidence:
    """Play a seed and judge it. Raises InvariantBroken with the seed and the findings."""
    seen = await simulate(seed, store_url, folder)
    if findings := broken(seen):
        listed = "\n  ".join(findings[:20])
        raise InvariantBroken(
            f"seed {seed}: {len(findings)} findings\n  {listed}\n"
            f"play it again: RINGFENCE_SIM_SEED={seed} python -m pytest "
            "tests/invariants/test_simulation.py -k given"
        )
    return seen
