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
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ringfence.config import Settings, load
from ringfence.gateway import bridge, deadletters, halt, pairing
from ringfence.model.contact import SwitchScope
from ringfence.model.errors import AgentRefused, AgentUnavailable
from ringfence.model.phone import PhoneNumber
from ringfence.ports import AgentReply, AgentTurn, Tx
from ringfence.simulator.crashes import Pause, lives_counted, outside
from ringfence.simulator.faults import Dice, Faults
from ringfence.simulator.invariants import Ban, Evidence, ban_for, broken
from ringfence.simulator.lives import (
    ACCOUNT,
    CARRIER_URL,
    LINE,
    OWNER,
    PUBLIC_URL,
    TOKEN,
    Deployment,
    InvariantBroken,
    Person,
    World,
    listening,
)
from ringfence.simulator.timeline import SENT_ONLY, Timeline, failed, undelivered

REST_STEP = timedelta(minutes=10)
REST_STEPS = 60  # ten hours: longer than a message lives and a status is asked for


@dataclass(frozen=True, slots=True)
class Plan(World):
    """What a seed decides beforehand."""

    ticks: int
    known: int  # how many of the people are on the allow list

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
            seed=seed,
            ticks=rng.randrange(20, 50),
            people=people,
            known=rng.randrange(1, len(people)),
            crashes=rng.randrange(0, 6),
            faults=faults,
            carrier_confirms=rng.random() < 0.5,
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


class Simulation(Deployment):
    """People who text, an operator, an agent."""

    def __init__(self, plan: Plan, settings: Settings, store_url: str) -> None:
        super().__init__(plan, settings, store_url)
        self.plan = plan
        self.agents = {"default": SimulatedAgent(self.dice)}
        self.texts = 0
        for person in self.people:
            self.carrier.scripts[person.number] = self._fate()

    async def _history(self) -> None:
        for _ in range(self.plan.ticks):
            await self._during(self._acts())
            await self._passes(timedelta(seconds=1))
            self._look()
        await self._comes_to_rest()

    async def _comes_to_rest(self) -> None:
        """Everybody has said their last; whatever is owed gets all the time it may need."""
        for scope, subject in list(self._switches()):
            await self._during([outside(self._resumes(scope, subject))])
        for step in range(REST_STEPS):
            acts = [outside(self._speaks(person)) for person in self.people if person.has_more]
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
            if person.has_more:
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
        """What begins or ends a ban is noted when it is known to be stored."""
        if person.unanswered is None and person.waiting[0] == "START":
            self._lift(person.number, "opt_out")
        body = await self._texts(person)
        if body == "STOP":
            self.seen.bans.append(Ban("opt_out", person.number, self.known()))

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

    def _switches(self) -> Iterator[tuple[SwitchScope, str]]:
        for switch in self.eye.read_now(lambda tx: tx.switches.engaged()):
            yield switch.scope, switch.subject

    def _lift(self, person: str, kind: str) -> None:
        """Bans of this kind end for this person, as of now: their lifting is only asked for."""
        for ban in self.seen.bans:
            if ban.until is None and (ban.kind, ban.person) == (kind, person):
                ban.until = self.known()

    def _fate(self) -> Timeline:
        timelines = (self.carrier.behaviour.timeline, SENT_ONLY, failed(), undelivered())
        return self.rng.choices(timelines, (12, 1, 1, 1))[0]


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
    with listening(simulation.seen), lives_counted():
        await simulation.run()
    return simulation.seen


async def prove(seed: int, store_url: str, folder: Path) -> Evidence:
    """Play a seed and judge it. Raises InvariantBroken with the seed and the findings."""
    seen = await simulate(seed, store_url, folder)
    if findings := broken(seen):
        again = f"RINGFENCE_SIM_SEED={seed} python -m pytest tests/invariants/test_simulation.py -k given"
        raise InvariantBroken(seed, findings, again)
    return seen
