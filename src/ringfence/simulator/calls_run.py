"""One simulated history of calls from one seed: operators, agents and alerts that ring people, people who
call, answer, speak, press keys and hang up at any word, an agent that is slow or fails, a kill switch, a
carrier with every fault and an outage, crashes at any commit or request. `await simulate(seed, store_url,
folder)` answers the evidence to judge, `prove` judges it. Made of `lives`, with the same limits.

`python -m ringfence.simulator.calls_run 100 20` plays twenty seeds from 100 on, and says what each did."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from ringfence.config import Settings
from ringfence.gateway import bridge, call_proposing, halt
from ringfence.model.call import CallMode
from ringfence.model.contact import SwitchScope
from ringfence.model.errors import AgentRefused, AgentUnavailable, RingfenceError
from ringfence.model.event import Event, EventAction, Severity
from ringfence.model.phone import PhoneNumber
from ringfence.ports import AgentReply, AgentTurn, Tx
from ringfence.simulator.call_phone import Connection
from ringfence.simulator.call_scripts import SCRIPTS
from ringfence.simulator.calls_invariants import CallsEvidence, Halt, broken
from ringfence.simulator.calls_plan import FLOW, SOURCE, VOICE_URL, CallsPlan, settings_of
from ringfence.simulator.calls_wire import RecordingDeliverer, WatchedRest
from ringfence.simulator.crashes import Pause, lives_counted, outside
from ringfence.simulator.faults import Dice
from ringfence.simulator.invariants import Ban, ban_for
from ringfence.simulator.lives import (
    OWNER,
    STEPS_MAX,
    Deployment,
    InvariantBroken,
    Person,
    listening,
)
from ringfence.simulator.paging_run import Unreliable

TICKS_S: Final = (0.3, 1.0, 2.0, 5.0, 15.0, 40.0)
REST_STEP, PATIENCE = timedelta(minutes=1), timedelta(hours=8)
LAST_STEP, LAST_STEPS = timedelta(minutes=10), 6
TRIES: Final = 3
WHO_ANSWERS: Final = (*("human",) * 12, "machine", "machine", "fax", "unknown")
NO_MORE: Final = "Please stop calling me!"
UNFIT: Final = "Your card 4111 1111 1111 1111 was charged."


class CallAgent:
    """Answers each question once, with its number in it; what it does depends on the words alone."""

    id = "default"
    keeps_history = False

    def __init__(self, plan: CallsPlan, dice: Dice, clock: Any) -> None:
        self._plan, self._dice, self._clock = plan, dice, clock

    async def reply(self, turn: AgentTurn) -> AgentReply:
        manner, asked = self._plan.agent, turn.body
        if self._dice.chance(manner.slow, "agent slow", asked):
            await self._clock.sleep(3.0 if self._dice.chance(0.5, "how slow", asked) else 20.0)
        await Pause()
        if self._dice.chance(manner.fails, "agent fails", asked):
            away = self._dice.chance(0.5, "agent away", asked)
            raise AgentUnavailable("away") if away else AgentRefused("no")
        if self._dice.chance(manner.unfit, "agent unfit", asked):
            return AgentReply(UNFIT)
        if self._dice.chance(0.05, "agent silent", asked):
            return AgentReply("")
        words = f"Answer to {asked.rstrip('?')}. " + "We will see. " * (
            30 if self._dice.chance(0.3, "agent talks", asked) else 1
        )
        if self._dice.chance(0.05, "agent connects", asked):
            return AgentReply(f'{{"spoken": "{words}", "transferTo": "owner"}}')
        if self._dice.chance(0.15, "agent ends", asked):
            return AgentReply(f'{{"spoken": "{words}", "hangUp": true}}')
        return AgentReply(words)

    async def check(self) -> str:
        return ""

    async def close(self) -> None:
        return None


@dataclass(slots=True)
class Wish:
    """A call somebody wants, asked for until it is known that the gateway has it."""

    n: int
    to: str
    words: str
    by: str
    mode: CallMode
    keys: dict[str, str] = field(default_factory=dict)
    tries: int = TRIES


class CallsSimulation(Deployment):
    def __init__(self, plan: CallsPlan, settings: Settings, store_url: str) -> None:
        super().__init__(plan, settings, store_url)
        self.plan = plan
        self.calls = CallsEvidence(self.seen, settings.lines[0], plan.outage, plan.at_once)
        self.deliverer = RecordingDeliverer(self.clock, self.calls.wire)
        self.exchange.deliverer = self.deliverer
        watched = WatchedRest(self.rest, self.clock, self.known, self.calls.wire)
        self.rest = Unreliable(watched, self.clock, plan.outage)
        self.agents = {"default": CallAgent(plan, self.dice, self.clock)}
        line = next(iter(self.carrier.lines.values()))
        line.settings["voice_url"] = line.settings["status_callback"] = VOICE_URL
        for number, script in plan.phones.items():
            self.exchange.voice.scripts[number] = SCRIPTS[script]
        # What people do is drawn apart: a crash more or less must not change who they are.
        self.fate = random.Random(f"calls fate {plan.seed}")  # noqa: S311 - repeatable on purpose
        self.wishes: list[Wish] = []
        self.made = self.said = self.alerts = 0

    async def _history(self) -> None:
        for _ in range(self.plan.ticks):
            self._wishes()
            self._people()
            await self._during(self._acts())
            await self._passes(timedelta(seconds=self.fate.choice(TICKS_S)))
            self._look()
        await self._comes_to_rest()

    async def _comes_to_rest(self) -> None:
        """Nobody does anything any more; what goes on comes to its end by itself."""
        for scope, subject in self._switches():
            await self._during([outside(self._resumes(scope, subject))])
        end = self.clock.now() + PATIENCE
        while self._is_going_on() and self.clock.now() < end:
            await self._during([outside(self._asks(wish)) for wish in self._taken()])
            await self._passes(REST_STEP)
        for _ in range(LAST_STEPS):
            await self._during(())
            await self._passes(LAST_STEP)
            self._look()

    def _is_going_on(self) -> bool:
        """Somebody is to be rung, is on the phone, or waits to be let."""

        def owed(tx: Tx) -> bool:
            counts = tx.health.counts()
            states = ("due", "sending", "unknown", "held")
            waits = any(counts.get(f"outbox.{state}") for state in states)
            later = self.clock.now() + PATIENCE
            return waits or bool(tx.calls.live_ones() or tx.alerts.due(later, 1))

        return bool(self.wishes) or self.eye.read_now(owed)

    async def _during(self, acts: Sequence[asyncio.Task[None]]) -> None:
        """As of any life, but what waits for the carrier keeps nothing else from being done, as in a
        process: a placing may take seconds, in which people stop, answer and hang up."""
        while not await self._stepped(acts):
            await self._reborn()

    async def _stepped(self, acts: Sequence[asyncio.Task[None]]) -> bool:
        """Until the acts are done and nothing more can be begun now; False when this life is over."""
        while True:
            steps = [self.life.run(self.gateway.worker.step())]
            steps += [life.run(peer.worker.step()) for life, peer, _ in self._peers]
            if not await self._alive(*steps, *acts):
                return False
            await self._quiet()
            if self.life.fuse.blown.is_set():
                return False
            if not any(step.result() for step in steps):
                return True

    async def _quiet(self) -> None:
        """Until everything waits for the clock: nobody here waits for a socket or a thread, so that is
        when the loop has nothing left to run but this."""
        loop: Any = asyncio.get_running_loop()
        for _ in range(STEPS_MAX):
            await Pause()
            if not loop._ready:
                return
        raise AssertionError("the world never comes to rest")

    async def _reborn(self) -> None:
        """As of any life, but the calls go on meanwhile: time must not jump over what happens in them."""
        down = self.clock.now()
        await self._die()
        until = down + timedelta(seconds=self.rng.randrange(0, 30))
        while (wake := self.clock.next_wake) is not None and wake <= until:
            self.clock.move_to(max(wake, self.clock.now()))
            await self._quiet()
        self.clock.move_to(max(until, self.clock.now()))
        await self._born()
        self.calls.down.append((down, self.clock.now()))

    # -- who wants calls ---------------------------------------------------------------------------

    def _wishes(self) -> None:
        rng = self.fate
        if self.made < self.plan.calls and rng.random() < 0.5:
            self.made += 1
            mode = rng.choice((CallMode.NOTIFY, CallMode.NOTIFY, CallMode.CONVERSATION))
            length = rng.choice((1, 3, 20))
            self.wishes.append(
                Wish(
                    self.made,
                    rng.choice(self.plan.people),
                    f"Notice {self.made} for you. " + "Your order is ready. " * length,
                    rng.choice(("operator:sim", "operator:sim", "agent:default")),
                    mode,
                    {"1": "confirm"} if mode is CallMode.NOTIFY and rng.random() < 0.3 else {},
                )
            )

    def _taken(self) -> list[Wish]:
        taken, self.wishes = self.wishes, []
        return taken

    def _acts(self) -> list[asyncio.Task[None]]:
        rng = self.fate
        acts = [outside(self._asks(wish)) for wish in self._taken()]
        if rng.random() < 0.04:
            acts.append(outside(self._alarms()))
        if rng.random() < self.plan.stops:
            acts.append(outside(self._stops(rng.choice(self.plan.people))))
        elif rng.random() < 0.3:
            acts.append(outside(self._releases()))
        if rng.random() < 0.02:
            acts.append(outside(self._blocks(rng.choice(self.plan.people))))
        if rng.random() < 0.02:
            acts.append(outside(self._opts_out(rng.choice(self.people))))
        return acts

    async def _asks(self, wish: Wish) -> None:
        """Whoever gets no answer asks again, with the same key."""
        request = call_proposing.wanted(
            self._kit.lines["default"],
            PhoneNumber(wish.to),
            wish.words,
            wish.by,
            mode=wish.mode,
            keys=wish.keys or None,
            idempotency_key=f"call-{wish.n}",
        )
        asked = self.life.run(bridge.send(self._kit, request))
        await asyncio.wait([asked])
        wish.tries -= 1
        error = None if asked.cancelled() else asked.exception()
        if error is not None and not isinstance(error, RingfenceError):
            raise error
        if asked.cancelled() and wish.tries:
            self.wishes.append(wish)

    async def _alarms(self) -> None:
        """Something breaks, and whoever is on call is rung; told again until it was taken."""
        self.alerts += 1
        now = self.clock.now()
        event = Event(
            id=f"alert-{self.alerts}",
            source=SOURCE,
            type=f"{FLOW}.full",
            at=now,
            severity=Severity.CRITICAL,
            action=EventAction.TRIGGER,
            title=f"disk {self.alerts} is full",
            data={"service": "db"},
            dedupe_key=f"disk-{self.alerts}",
        )
        for _ in range(TRIES):
            source = self._kit.operations.sources[SOURCE]
            asked = self.life.run(self.gateway.events.accept(source, (event,)))
            await asyncio.wait([asked])
            if not asked.cancelled():
                asked.result()
                return

    # -- people on the phone -----------------------------------------------------------------------

    def _people(self) -> None:
        rng, temper = self.fate, self.plan.temper
        for number in (*self.plan.people, OWNER):
            phone = self.exchange.phone(number)
            if number != OWNER and self.made < self.plan.calls and rng.random() < 0.03:
                self.made += 1
                phone.calls()
            for connection in list(phone.connections):
                if connection.state == "ringing" and not connection.mine:
                    self._hears_it_ring(number, connection)
                elif connection.state == "up":
                    self._talks(connection)
                elif connection.state == "ringing" and rng.random() < temper.hangs_up:
                    connection.wire.put_down()

    def _hears_it_ring(self, number: str, connection: Connection) -> None:
        rng = self.fate
        if number in self.plan.phones:
            return
        if rng.random() < self.plan.temper.answers:
            connection.wire.pick_up(rng.choice(WHO_ANSWERS))
        elif rng.random() < self.plan.temper.hangs_up:
            connection.wire.put_down()

    def _talks(self, connection: Connection) -> None:
        rng, temper = self.fate, self.plan.temper
        if rng.random() < temper.refuses:
            connection.wire.speak(NO_MORE)
        elif rng.random() < temper.speaks:
            self.said += 1
            connection.wire.speak(f"question {self.said}?")
        if rng.random() < temper.presses:
            connection.wire.press(rng.choice("1279"))
        if rng.random() < temper.hangs_up:
            connection.wire.put_down()

    # -- operators ---------------------------------------------------------------------------------

    async def _stops(self, person: str) -> None:
        scope, subject = self.fate.choice(
            (
                (SwitchScope.EVERYTHING, ""),
                (SwitchScope.LINE, "default"),
                (SwitchScope.CONTACT, person),
            )
        )

        def job(tx: Tx) -> None:
            halt.stop(self._kit, tx, scope, subject, "simulated", "operator:sim", self.clock.now())

        # One who dies of it may have committed it before.
        if await self._operator(job) or (scope, subject) in self._switches():
            person = subject if scope is SwitchScope.CONTACT else ""
            self.seen.bans.append(ban_for(scope, subject, self.known()))
            self.calls.halts.append(Halt(f"stop {scope.value}", person, self.clock.now()))
            self._kit.calls_bell.ring()

    async def _releases(self) -> None:
        if switches := self._switches():
            await self._resumes(*self.fate.choice(switches))

    async def _resumes(self, scope: SwitchScope, subject: str) -> None:
        """As of now: the lifting is only asked for."""
        lifted = f"stop {scope.value}", subject if scope is SwitchScope.CONTACT else ""
        for ban in self.seen.bans:
            if ban.until is None and (ban.kind, ban.person) == lifted:
                ban.until = self.known()
        for one in self.calls.halts:
            if one.until is None and (one.kind, one.person) == lifted:
                one.until = self.clock.now()

        def job(tx: Tx) -> None:
            halt.resume(self._kit, tx, scope, subject, "operator:sim", self.clock.now())

        await self._operator(job)

    async def _blocks(self, person: str) -> None:
        def job(tx: Tx) -> None:
            halt.block(self._kit, tx, PhoneNumber(person), "operator:sim", self.clock.now())

        if await self._operator(job):
            self.seen.bans.append(Ban("block", person, self.known()))
            self.calls.halts.append(Halt("block", person, self.clock.now()))
            self._kit.calls_bell.ring()

    async def _opts_out(self, person: Person) -> None:
        """By text, on the phone or not; what nobody took is not written again."""
        person.waiting = ["STOP"]
        if await self._texts(person):
            self.seen.bans.append(Ban("opt_out", person.number, self.known()))
            self.calls.halts.append(Halt("opt_out", person.number, self.clock.now()))
        person.unanswered = None

    def _switches(self) -> list[tuple[SwitchScope, str]]:
        engaged = self.eye.read_now(lambda tx: tx.switches.engaged())
        return [(switch.scope, switch.subject) for switch in engaged]

    # -- what is seen --------------------------------------------------------------------------------

    def _conclude(self) -> None:
        self.calls.legs = list(self.exchange.voice.book.calls.values())
        self.eye.read_now(self.calls.conclude)
        super()._conclude()


async def simulate(seed: int, store_url: str, folder: Path) -> CallsEvidence:
    """Play the history of one seed on an empty store; `folder` takes the configuration file."""
    plan = CallsPlan.of(seed)
    simulation = CallsSimulation(plan, settings_of(plan, store_url, folder), store_url)
    with listening(simulation.seen), lives_counted():
        await simulation.run()
    simulation.calls.lives = simulation.lives
    return simulation.calls


async def prove(seed: int, store_url: str, folder: Path) -> CallsEvidence:
    """Play a seed and judge it. Raises InvariantBroken with the seed and the findings."""
    seen = await simulate(seed, store_url, folder)
    if findings := broken(seen):
        again = f"python -m ringfence.simulator.calls_run {seed} 1"
        raise InvariantBroken(seed, findings, again)
    return seen


def main(arguments: Sequence[str]) -> int:
    """Seeds from the first number on, so many as the second says; 1 when any found something."""
    first, count = int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 1
    legs = bad = 0
    for seed in range(first, first + count):
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/store.db"
            seen = asyncio.run(simulate(seed, url, Path(folder)))
        findings = broken(seen)
        bad += bool(findings)
        legs += len(seen.legs)
        print(f"seed {seed}: {seen.figures()} in {time.monotonic() - begun:.1f} s", flush=True)
        for finding in findings[:20]:
            print(f"  {finding}", flush=True)
    print(f"{count} seeds, {legs} calls at the carrier, {bad} seeds with findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
