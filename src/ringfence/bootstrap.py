"""The only file that names concrete adapters: settings in, a gateway out. The simulator and the
tests use the same bootstrap with some parts swapped."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from starlette.applications import Starlette

import ringfence
from ringfence.agents import KINDS, make
from ringfence.clock import SystemClock
from ringfence.config import Settings
from ringfence.config.audit import signer
from ringfence.config.settings import AgentSettings
from ringfence.gateway.call_desk import CallDesk
from ringfence.gateway.call_looks import CallLooks
from ringfence.gateway.call_recordings import CallRecordings
from ringfence.gateway.conversations import Conversations
from ringfence.gateway.dispatch import Dispatcher
from ringfence.gateway.equipment import Equipment, Pace
from ringfence.gateway.escalation import Escalation
from ringfence.gateway.events import EventIntake
from ringfence.gateway.heartbeat_out import Oversight
from ringfence.gateway.live_core import LiveCore
from ringfence.gateway.paging import Paging
from ringfence.gateway.planning import Planning
from ringfence.gateway.receive import Receiver
from ringfence.gateway.reconcile import Reconciliation
from ringfence.gateway.reconciling import Reconciler
from ringfence.gateway.reply import Replier
from ringfence.gateway.stream_tokens import StreamPlaces, StreamTokens
from ringfence.gateway.tickets import Ticketing
from ringfence.gateway.track import Tracker
from ringfence.model.ids import IdSource
from ringfence.model.line import Line
from ringfence.net.http import CONNECTIONS_MAX, HttpClient
from ringfence.net.otel import open_traces
from ringfence.net.smtp import SmtpMailer
from ringfence.net.socket import SocketClient
from ringfence.net.streaming import HttpStreams
from ringfence.ports import Agent, Clock, Http, Mailer, Signer, Store
from ringfence.ports.speech import Speech
from ringfence.ports.tracing import NO_TRACE, Trace
from ringfence.providers import providers
from ringfence.speech.base import Wires
from ringfence.speech.desk import SpeechDesk
from ringfence.store import open_store
from ringfence.store.keys import FixedKey
from ringfence.web.listener import Crowd, Listener
from ringfence.web.measures import Measures
from ringfence.web.media import STREAM_PATH, MediaDoor
from ringfence.web.private import PrivateDoor
from ringfence.web.public import PublicDoor, paths_of
from ringfence.worker import OperationsStages, Worker

# What is under way at SIGTERM has so long to finish; deploy/ringfence.service allows 150 seconds.
STOPPING_S_MAX = 120.0

_LOOPBACK = ("127.0.0.0/8", "::1")


@dataclass(frozen=True, slots=True)
class Swaps:
    """What a test or a simulation puts in the place of the real thing; None keeps the real one."""

    clock: Clock | None = None
    http: Http | None = None
    agents: Mapping[str, Agent] | None = None
    store: Store | None = None
    seed: int | None = None
    pace: Pace | None = None
    trace: Trace | None = None
    mailer: Mailer | None = None
    speech: Speech | None = None


@dataclass(frozen=True, slots=True)
class Gateway:
    """The assembled parts of one process."""

    settings: Settings
    kit: Equipment
    receiver: Receiver
    dispatcher: Dispatcher
    worker: Worker
    events: EventIntake
    reconciliation: Reconciliation
    calls: CallDesk
    conversations: Conversations
    public: PublicDoor
    private: Starlette


@asynccontextmanager
async def open_gateway(settings: Settings, swaps: Swaps | None = None) -> AsyncIterator[Gateway]:
    """Open the store, assemble, recover; close everything on the way out. Raises StoreError and
    ConfigInvalid with words that say what to do."""
    chosen = swaps or Swaps()
    clock = chosen.clock or SystemClock()
    store = chosen.store or await open_store(
        settings.store.url,
        clock=clock,
        busy_timeout_s=settings.store.busy_timeout_s,
        profile=settings.profile,
    )
    http = chosen.http or HttpClient(
        # Sends alone may take `delivery.concurrency`; agents, look-ups and media come on top.
        connections_max=CONNECTIONS_MAX + settings.delivery.concurrency,
        allow_hosts=_loopback_hosts(settings.lines),
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        if isinstance(http, HttpClient):
            stack.push_async_callback(http.close)
        agents = (
            dict(chosen.agents) if chosen.agents is not None else _agents(settings, http, clock)
        )
        for agent in agents.values():
            stack.push_async_callback(agent.close)
        if chosen.speech is None and any(_streams(line) for line in settings.lines):
            speech = await _speech(settings, stack)
            chosen = dataclasses.replace(chosen, speech=speech)
        kit = equipment(settings, store, clock, http, agents, chosen)
        if settings.traces_to is not None and chosen.trace is None:
            traces = open_traces(settings.traces_to.reveal(), ringfence.__version__, kit.owner)
            # It sends what waits, which may take seconds: never on the loop.
            stack.push_async_callback(asyncio.to_thread, traces.close)
            kit = dataclasses.replace(kit, trace=traces)
        gateway = _assemble(settings, kit)
        stack.push_async_callback(gateway.calls.close)
        stack.callback(gateway.conversations.leave)
        yield gateway


def _stream_places(lines: Iterable[Line]) -> StreamPlaces:
    """The most that any line says: sockets of all lines share one door."""
    voices = [line.voice for line in lines if line.voice is not None]
    streams = [voice.stream for voice in voices if voice.stream is not None]
    if not streams:
        return StreamPlaces()
    return StreamPlaces(
        pending_max=max(one.pending_max for one in streams),
        pending_per_address_max=max(one.pending_per_address_max for one in streams),
        sockets_max=max(one.sockets_max for one in streams),
    )


def _stream_paths(lines: Iterable[Line]) -> set[str]:
    """Where media sockets are opened: what any line says, and the usual place for relays."""
    voices = [line.voice for line in lines if line.voice is not None]
    return {STREAM_PATH, *(voice.stream.path for voice in voices if voice.stream is not None)}


def _streams(line: Line) -> bool:
    return line.voice is not None and line.voice.stream is not None


async def _speech(settings: Settings, stack: AsyncExitStack) -> SpeechDesk:
    """The ways out to speech services, opened only where a line speaks with one."""
    hosts = _loopback_hosts(settings.lines)
    sockets, streams = SocketClient(allow_hosts=hosts), HttpStreams(allow_hosts=hosts)
    stack.push_async_callback(sockets.close)
    stack.push_async_callback(streams.close)
    desk = SpeechDesk(Wires(sockets, streams))
    stack.push_async_callback(desk.close)
    return desk


def equipment(
    settings: Settings,
    store: Store,
    clock: Clock,
    http: Http,
    agents: Mapping[str, Agent],
    swaps: Swaps,
) -> Equipment:
    """The ports and values of one process. A seed makes ids and chance repeatable (P11)."""
    if swaps.seed is None:
        chance: random.Random = secrets.SystemRandom()
        random_bytes: Callable[[int], bytes] = _Entropy().take
    else:
        chance = random.Random(swaps.seed)  # noqa: S311 - a simulation is repeatable on purpose
        random_bytes = random.Random(swaps.seed + 1).randbytes  # noqa: S311
    lines = {line.id: line for line in settings.lines}
    return Equipment(
        store=store,
        clock=clock,
        ids=IdSource(random_bytes),
        chance=chance,
        http=http,
        lines=lines,
        providers=providers(),
        agents=agents,
        policies=settings.policies,
        owner=f"gateway-{random_bytes(6).hex()}",
        pace=swaps.pace or _pace(settings),
        own_numbers=frozenset(line.number for line in settings.lines if line.number is not None),
        signer=_signer(settings, swaps),
        templates=settings.templates,
        keep_texts=settings.keep_texts,
        classifiers=settings.classifiers,
        profile=settings.profile,
        operations=settings.operations,
        mailer=swaps.mailer or SmtpMailer(),
        speech=swaps.speech,
        trace=swaps.trace or NO_TRACE,
    )


def _signer(settings: Settings, swaps: Swaps) -> Signer | None:
    """A simulation signs with a key from its seed, and leaves no file behind."""
    if swaps.seed is None:
        return signer(settings.audit)
    return FixedKey(random.Random(swaps.seed + 2).randbytes(32))  # noqa: S311


class _Entropy(threading.local):
    """The operating system's bytes by the block: a text takes three ids, and a system call for each
    cost more than the row it names (bench). Each thread has a block of its own, so no bytes are
    ever given out twice."""

    BLOCK = 4096

    def __init__(self) -> None:
        self._block = b""
        self._at = 0

    def take(self, count: int) -> bytes:
        if self._at + count > len(self._block):
            self._block, self._at = secrets.token_bytes(max(self.BLOCK, count)), 0
        taken = self._block[self._at : self._at + count]
        self._at += count
        return taken


def _pace(settings: Settings) -> Pace:
    delivery = settings.delivery
    return Pace(
        dispatch_concurrency=delivery.concurrency,
        dispatch_lease=timedelta(seconds=delivery.lease_s + delivery.timeout_s),
        turn_lease=_turn_lease(settings),
        poll_s=settings.gateway.poll_ms / 1000,
        retry=delivery.retry,
        watch=delivery.watch,
        turn=delivery.turn,
        breaker=delivery.breaker,
        reconcile_every=delivery.reconcile_every,
        history_max=_history_max(settings),
        checkpoint_entries=settings.audit.checkpoint_entries,
        checkpoint_every=timedelta(hours=settings.audit.checkpoint_hours),
    )


def _history_max(settings: Settings) -> int:
    """What the longest memory asks for; an agent with a shorter one cuts what it is given."""
    wanted = [int(entry.options.get("history_limit", 0)) for entry in settings.agents.values()]
    return max([Pace().history_max, *wanted])


def _turn_lease(settings: Settings) -> timedelta:
    """Longer than the longest turn: its attachments, a wait for a free slot, the agent itself and
    a classifier of its answer. A lease that ended before would let a second worker ask the same agent again."""
    fetching = max(
        (line.media.batch_timeout_s + line.media.fetch_timeout_s for line in settings.lines),
        default=0.0,
    )
    asking = max((_longest_turn_s(agent) for agent in settings.agents.values()), default=0.0)
    looking = max((one.timeout_s for one in settings.classifiers.values()), default=0.0)
    needed = timedelta(seconds=fetching + asking + looking + 60.0)
    return max(Pace().turn_lease, needed)


def _longest_turn_s(agent: AgentSettings) -> float:
    known = {
        entry.name: entry.default
        for entry in dataclasses.fields(KINDS[agent.kind].settings)
        if entry.name in ("timeout_s", "queue_s")
    }
    return sum(float(agent.options.get(name, default)) for name, default in known.items())


def _assemble(settings: Settings, kit: Equipment) -> Gateway:
    tracker = Tracker(kit)
    receiver = Receiver(kit, tracker)
    dispatcher = Dispatcher(kit)
    reconciliation = Reconciliation(kit, receiver.readmit)
    events = EventIntake(kit)
    tokens = StreamTokens(secrets.token_urlsafe)
    conversations = Conversations(LiveCore(kit), tokens, kit.clock, kit.clock.monotonic)
    desk = CallDesk(kit, conversations)
    worker = Worker(
        kit,
        dispatcher,
        Replier(kit),
        tracker,
        OperationsStages(events, Escalation(kit), Paging(kit), Planning(kit), Ticketing(kit)),
        Oversight(kit, settings.heartbeat),
        Reconciler(kit, reconciliation),
        CallLooks(kit, conversations),
        CallRecordings(kit),
        sole_owner=not settings.store.url.startswith(("postgresql://", "postgres://")),
    )
    usable = {line.id: line for line in settings.lines if line.enabled}
    public = PublicDoor(
        kit,
        receiver,
        paths_of(
            usable.values(),
            settings.default_line_id,
        ),
        events,
        desk,
        MediaDoor(
            conversations,
            _stream_places(settings.lines),
            kit.clock,
            paths=_stream_paths(settings.lines),
            trusted_proxies=settings.gateway.trusted_proxies,
        ),
        settings.gateway.trusted_proxies,
    )
    measures = Measures(kit, lambda: public.answers, lambda: events.counted)
    private = PrivateDoor(
        kit,
        usable,
        settings.default_line_id,
        measures,
        ringfence.__version__,
        events,
        frozenset(settings.gateway.private_hosts),
        conversations,
    ).app()
    return Gateway(
        settings,
        kit,
        receiver,
        dispatcher,
        worker,
        events,
        reconciliation,
        desk,
        conversations,
        public,
        private,
    )


def _agents(settings: Settings, http: Http, clock: Clock) -> dict[str, Agent]:
    """Every agent that can be built; a blocked one is left out and its turns wait in the dead
    letters with the reason, the others run (B106)."""
    return {
        entry.id: make(
            entry.kind, entry.id, KINDS[entry.kind].settings(**entry.options), http, clock
        )
        for entry in settings.agents.values()
        if entry.blocked_reason is None
    }


def _loopback_hosts(lines: Iterable[Line]) -> tuple[str, ...]:
    """A simulated carrier's media live on loopback; a real one's never do."""
    simulated = any(line.api_base_url.startswith("http://") for line in lines)
    return ("127.0.0.1", "localhost") if simulated else ()


class Role(Enum):
    """What a process does: the doors, the worker, or both."""

    ALL = "all"
    WEB = "web"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the doors listen; empty when this process has none. `tasks` end by themselves only when
    something is broken: whoever waits for the end should wait for theirs too (`broken_part`)."""

    public: str = ""
    private: str = ""
    tasks: tuple[asyncio.Task[None], ...] = ()


async def broken_part(stop: asyncio.Event, running: Addresses) -> asyncio.Task[None] | None:
    """Wait until told to stop (None), or until a door or the worker ended unasked: that one."""
    told = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({told, *running.tasks}, return_when=asyncio.FIRST_COMPLETED)
        return None if told.done() else next(task for task in running.tasks if task.done())
    finally:
        told.cancel()


@asynccontextmanager
async def running(gateway: Gateway, role: Role = Role.ALL) -> AsyncIterator[Addresses]:
    """Recover, open the doors and start the worker; on the way out close the doors first, then let
    what is under way finish. Raises OSError when an address is taken."""
    settings = gateway.settings.gateway
    tasks: tuple[asyncio.Task[None], ...] = ()
    async with AsyncExitStack() as stack:
        if role is not Role.WEB:
            await gateway.worker.recover()
            task = asyncio.create_task(gateway.worker.run(), name="the worker")
            stack.push_async_callback(_stop_worker, gateway.worker, task)
            tasks = (task,)
        addresses = Addresses(tasks=tasks)
        if role is not Role.WORKER:
            crowd = Crowd(exempt=(*_LOOPBACK, *settings.trusted_proxies))
            public = Listener(
                gateway.public,
                settings.public_host,
                settings.public_port,
                crowd,
                sockets=any(
                    line.voice is not None and line.voice.has_sockets
                    for line in gateway.settings.lines
                ),
            )
            private = Listener(gateway.private, settings.private_host, settings.private_port)
            await stack.enter_async_context(public)
            await stack.enter_async_context(private)
            addresses = Addresses(
                public.address, private.address, (*tasks, public.task, private.task)
            )
        yield addresses


async def _stop_worker(worker: Worker, task: asyncio.Task[None]) -> None:
    """Claim no more, and let what is under way finish, for so long."""
    task.cancel()
    try:
        async with asyncio.timeout(STOPPING_S_MAX):
            await asyncio.wait({task})
            await worker.drain()
    except TimeoutError:
        task.cancel()
        await worker.abandon()
