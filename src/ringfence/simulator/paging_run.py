"""One simulated history of the operations channel from one seed: sources that post, repeat, reorder and
resolve; responders who take, pass on, end or ignore what they are paged about; a carrier with every
fault and an hour's outage; crashes at any commit or request. `await simulate(seed, store_url, folder)`
answers the evidence to judge, `prove` judges it. Made of `lives`, with the same limits: no sockets, no
threads.

`python -m ringfence.simulator.paging_run 100 20` plays twenty seeds from 100 on, and says what each did;
a third word, `small` or `large`, chooses the length of the histories."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ringfence.config import Settings
from ringfence.gateway import links
from ringfence.gateway.events import Receipt
from ringfence.gateway.selfaudit import problems
from ringfence.model.errors import NotDispatched, RingfenceError
from ringfence.model.event import Event, EventAction, Severity
from ringfence.ports import Clock, Tx
from ringfence.simulator.crashes import Fuse, lives_counted, outside
from ringfence.simulator.lives import Deployment, InvariantBroken, Person, listening
from ringfence.simulator.paging_invariants import PagingEvidence, broken
from ringfence.simulator.paging_plan import FLOWS, SOURCE, Outage, PagingPlan, Size, settings_of
from ringfence.simulator.server import drop
from ringfence.simulator.timeline import SENT_ONLY, Timeline, failed, undelivered
from ringfence.text.replies import ReplyVerb

REST_STEP, REST_STEP_MIN = timedelta(minutes=5), timedelta(minutes=1)
PATIENCE: Final = timedelta(hours=48)
LAST_STEP, LAST_STEPS = (
    timedelta(minutes=30),
    20,
)  # longer than a message lives and a status is asked for
LOOK_EVERY: Final = 10
SERVICES: Final = ("db", "mail")
_NAMED: Final = re.compile(r"#(\d+)")
_LINK: Final = re.compile(r"/a/([A-Za-z0-9_-]+)")


class Unreliable:
    """The carrier's API with an outage in it."""

    def __init__(self, app: ASGIApp, clock: Clock, outage: Outage) -> None:
        self._app, self._clock, self._outage = app, clock, outage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._outage.covers(self._clock.now()):
            await self._app(scope, receive, send)
        elif self._outage.kind == "refused":
            raise NotDispatched("The simulated carrier refuses connections.")
        elif self._outage.kind == "dropped":
            drop(scope)
        else:
            await Response("busy", 503)(scope, receive, send)


@dataclass(slots=True)
class Trouble:
    """Something that is wrong somewhere, as its source tells of it; `told` counts."""

    key: str
    flow: str
    service: str
    since: datetime
    told: int = 0


@dataclass(slots=True)
class Post:
    """Events on their way from a source, which posts them again until it is answered."""

    events: tuple[Event, ...]
    at: datetime


@dataclass(slots=True)
class Reader:
    """A responder and their phone: what they have read so far, and what they will write and when."""

    person: Person
    read: int = 0
    due: list[tuple[datetime, str]] = field(default_factory=list)


class PagingSimulation(Deployment):
    def __init__(self, plan: PagingPlan, settings: Settings, store_url: str) -> None:
        super().__init__(plan, settings, store_url)
        self.plan = plan
        self.rest = Unreliable(self.rest, self.clock, plan.outage)
        self.paging = PagingEvidence(self.seen, settings.operations, plan.outage)
        self.readers = [Reader(person) for person in self.people]
        self.troubles: list[Trouble] = []
        self.posts: list[Post] = []
        self.opened = self.told = self.looks = 0
        for person in self.people:
            self.carrier.scripts[person.number] = self._fate()

    async def _history(self) -> None:
        for _ in range(self.plan.ticks):
            self._something_happens()
            await self._during(self._acts())
            await self._passes(timedelta(seconds=self.rng.randrange(5, 60)))
            self._audited()
        await self._comes_to_rest()

    def _fuse(self) -> Fuse:
        """Anywhere in a long history, or around a request to the carrier."""
        if self.rng.random() < 0.5:
            return Fuse(self.rng, self.rng.randrange(5, 4_000))
        return Fuse(self.rng, self.rng.randrange(40), self.rng.choice(("request", "answer")))

    async def _comes_to_rest(self) -> None:
        """Nothing new happens. Every step that is owed gets its time, and every text an end."""
        end = self.clock.now() + PATIENCE
        while self._is_going_on() and self.clock.now() < end:
            await self._during(self._acts())
            await self._passes(self._until_something_is_due())
            self._audited()
        for _ in range(LAST_STEPS):
            await self._during(())
            await self._passes(LAST_STEP)
            self._audited()

    def _is_going_on(self) -> bool:
        """Somebody has something to say, or is to be asked."""
        said = self.posts or any(reader.due or reader.person.has_more for reader in self.readers)
        later = self.clock.now() + PATIENCE

        def owed(tx: Tx) -> bool:
            counts = tx.health.counts()
            sending = any(counts.get(f"outbox.{state}") for state in ("due", "sending", "unknown"))
            return sending or bool(tx.alerts.due(later, 1) or tx.alerts.owed(1))

        return bool(said) or self.eye.read_now(owed)

    def _until_something_is_due(self) -> timedelta:
        now = self.clock.now()
        due = self.eye.read_now(lambda tx: tx.alerts.due(now + REST_STEP, 1))
        if not due or due[0].next_at is None:
            return REST_STEP
        return max(due[0].next_at - now, REST_STEP_MIN)

    # -- sources ---------------------------------------------------------------------------------

    def _something_happens(self) -> None:
        rng = self.rng
        if self.opened < self.plan.alerts and rng.random() < 0.35:
            flow, service = rng.choice(FLOWS), rng.choice(SERVICES)
            for _ in range(rng.choice((1, 1, 2, 5, 20)) * self.plan.storm):
                self.opened += 1
                trouble = Trouble(f"{flow}-{self.opened}", flow, service, self.clock.now())
                self.troubles.append(trouble)
                self._tells(trouble)
        for trouble in rng.sample(self.troubles, min(3, len(self.troubles))):
            self._goes_on(trouble)

    def _goes_on(self, trouble: Trouble) -> None:
        """Its source says it again, says that it is somebody's, or that it is over, and sometimes all
        of it in the wrong order."""
        what = self.rng.choices(
            (None, EventAction.TRIGGER, EventAction.ACKNOWLEDGE, EventAction.RESOLVE),
            (60, 20, 3, 6),
        )[0]
        if what is not None:
            self._tells(trouble, what)
        if what is EventAction.RESOLVE and self.rng.random() < 0.5:
            self.troubles.remove(trouble)

    def _tells(self, trouble: Trouble, action: EventAction = EventAction.TRIGGER) -> None:
        now, rng = self.clock.now(), self.rng
        self.told += 1
        trouble.told += 1
        event = Event(
            id=f"{trouble.key}/{trouble.told}/{action.value}",
            source=SOURCE,
            type=f"{trouble.flow}.{rng.choice(('full', 'slow'))}",
            at=now if action is EventAction.RESOLVE else trouble.since,
            severity=rng.choice(tuple(Severity)),
            action=action,
            title=f"{trouble.key} is out of order",
            data={"service": trouble.service},
            dedupe_key=trouble.key,
        )
        late = timedelta(seconds=rng.choice((0, 0, 0, 30, 600)))
        self.posts.append(Post((event,), now + late))
        while rng.random() < 0.25:  # the very same again
            self.posts.append(Post((event,), now + timedelta(seconds=rng.choice((0, 5, 900)))))

    async def _posts(self, post: Post) -> None:
        """Whoever is not answered posts again; of what was not answered nobody knows whether it is there."""
        source = self._kit.operations.sources[SOURCE]
        asked = self.life.run(self.gateway.events.accept(source, post.events))
        await asyncio.wait([asked])
        error = None if asked.cancelled() else asked.exception()
        if error is not None and not isinstance(error, RingfenceError):
            raise error
        if asked.cancelled() or error is not None:
            self.posts.append(replace(post, at=self.clock.now() + timedelta(seconds=5)))
            return
        receipt: Receipt = asked.result()
        for event, our_id in zip(post.events, receipt.ids, strict=True):
            self.paging.posted.append((our_id, event))

    # -- responders ------------------------------------------------------------------------------

    def _acts(self) -> list[asyncio.Task[None]]:
        now = self.clock.now()
        due = [post for post in self.posts if post.at <= now]
        self.posts = [post for post in self.posts if post.at > now]
        acts = [outside(self._posts(post)) for post in due]
        for reader in self.readers:
            self._reads(reader, now)
            if reader.person.has_more and not self.plan.outage.covers(now):
                acts.append(outside(self._speaks(reader.person)))
        if self.plan.links and self.rng.random() < self.plan.diligence / 3:
            acts.append(outside(self._presses(self.rng.choice(self.readers))))
        return acts

    def _reads(self, reader: Reader, now: datetime) -> None:
        inbox = self.exchange.phone(reader.person.number).inbox
        for text in inbox[reader.read :]:
            named = _NAMED.findall(text.body)
            if named and " Reply " in text.body and self.rng.random() < self.plan.diligence:
                wait = timedelta(seconds=self.rng.choice((10, 60, 400, 2_000)))
                reader.due.append((now + wait, self._words(self.rng.choice(named))))
        reader.read = len(inbox)
        reader.person.waiting += [words for at, words in reader.due if at <= now]
        reader.due = [(at, words) for at, words in reader.due if at > now]

    def _words(self, number: str) -> str:
        forms = (
            f"{number}a",
            f"ack {number}",
            f"{number}aa",
            "ack",
            f"{number}e",
            f"{number}r",
            "ok?",
        )
        return self.rng.choices(forms, (30, 10, 12, 8, 15, 8, 4))[0]

    async def _speaks(self, person: Person) -> None:
        await self._texts(person)

    async def _presses(self, reader: Reader) -> None:
        """The link in one of their texts: the page behind it does one thing to one alert."""
        bodies = [text.body for text in self.exchange.phone(reader.person.number).inbox]
        tokens = [found[1] for body in bodies if (found := _LINK.search(body))]
        if not tokens:
            return
        token, now = self.rng.choice(tokens), self.clock.now()
        verb = self.rng.choice(tuple(ReplyVerb))

        def job(tx: Tx) -> None:
            linked = links.look(self._kit, tx, token, now)
            if linked.alerts:
                links.act(self._kit, tx, token, verb, linked.alerts[0].id, now)

        await self._operator(job)

    # -- what is seen ----------------------------------------------------------------------------

    def _audited(self) -> None:
        """With everything done that is due, no open alert may be without a next time."""
        now, paging = self.clock.now(), self.paging
        late = self.eye.read_now(lambda tx: tx.alerts.overdue(now, 10))
        paging.adrift += [f"at {now:%H:%M:%S}: #{alert.number}" for alert in late]
        if self.looks % LOOK_EVERY == 0:
            self._look()
        self.looks += 1

    def _conclude(self) -> None:
        super()._conclude()
        now = self.clock.now()
        self.eye.read_now(self.paging.conclude)
        found = self.eye.read_now(lambda tx: problems(self._kit, tx, now))
        self.paging.problems = [f"{one.code}: {one.words}" for one in found]

    def _fate(self) -> Timeline:
        timelines = (self.carrier.behaviour.timeline, SENT_ONLY, failed(), undelivered())
        return self.rng.choices(timelines, (12, 2, 1, 1))[0]


async def simulate(
    seed: int, store_url: str, folder: Path, size: Size = Size.USUAL
) -> PagingEvidence:
    """Play the history of one seed on an empty store; `folder` takes the configuration file."""
    plan = PagingPlan.of(seed, size)
    simulation = PagingSimulation(plan, settings_of(plan, store_url, folder), store_url)
    with listening(simulation.seen), lives_counted():
        await simulation.run()
    simulation.paging.lives = simulation.lives
    return simulation.paging


async def prove(seed: int, store_url: str, folder: Path, size: Size = Size.USUAL) -> PagingEvidence:
    """Play a seed and judge it. Raises InvariantBroken with the seed and the findings."""
    seen = await simulate(seed, store_url, folder, size)
    if findings := broken(seen):
        again = f"python -m ringfence.simulator.paging_run {seed} 1 {size.value}"
        raise InvariantBroken(seed, findings, again)
    return seen


def main(arguments: Sequence[str]) -> int:
    """Seeds from the first number on, so many as the second says; answers how many found something."""
    first, count = int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 1
    size = Size(arguments[2]) if len(arguments) > 2 else Size.USUAL
    alerts = texts = bad = 0
    for seed in range(first, first + count):
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/store.db"
            seen = asyncio.run(simulate(seed, url, Path(folder), size))
        findings = broken(seen)
        bad += bool(findings)
        alerts, texts = alerts + len(seen.alerts), texts + len(seen.base.taken)
        print(f"seed {seed}: {seen.figures()} in {time.monotonic() - begun:.1f} s", flush=True)
        for finding in findings[:20]:
            print(f"  {finding}", flush=True)
    print(
        f"{count} seeds, {alerts} alerts, {texts} texts at the carrier, {bad} seeds with findings"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
