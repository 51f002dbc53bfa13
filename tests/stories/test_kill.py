"""`kill -9` in the middle of two thousand conversations: a real gateway process on a real store dies
at seeded random moments, is started again each time, and is then judged from outside, at the
carrier and in the store. Nothing is lost, nothing is sent twice (P4, P5, P6, P7)."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ringfence.clock import SystemClock
from ringfence.model.message import FINAL, Message, MessageStatus
from ringfence.model.outbox import OutboxItem, OutboxState, TurnState
from ringfence.ports import OutboxChange, Store, StoredAudit, TurnChange, Tx
from ringfence.simulator.records import Message as CarrierMessage
from ringfence.store import open_store
from ringfence.testing import Faults, Phone, SimulatedCarrier, Text
from telling import NUMBER, configuration

SEED = int(os.environ.get("RINGFENCE_KILL_SEED", "20260302"))
FAULTS = Faults(
    webhook_duplicated=0.05,
    callback_duplicated=0.02,
    callback_reordered=0.02,
    response_lost=0.01,
    throttled=0.005,
    throttle_burst=1,
    # Wide enough for a kill to fall between the request, its acceptance and its answer.
    latency_before_s=0.01,
    latency_after_s=0.02,
)
LOOKS_S = [0.3, 0.5, 1, 1]
AT_ONCE = 24
READY_WITHIN_S = 20.0
DONE_WITHIN_S = 60.0
STOPPED_WITHIN_S = 30.0


class Progress:
    """Counts what is seen from outside; lets somebody wait for a count."""

    def __init__(self) -> None:
        self.count = 0
        self._moved = asyncio.Event()

    def tick(self) -> None:
        self.count += 1
        self._moved.set()

    async def reaches(self, count: int) -> None:
        while self.count < count:
            self._moved.clear()
            await self._moved.wait()

    async def moves(self, within_s: float) -> None:
        """Return when something happened, or the time is up."""
        self._moved.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._moved.wait(), within_s)


@dataclass(slots=True, eq=False)
class Handset(Phone):
    """A phone that says when a reply arrives."""

    progress: Progress = field(default_factory=Progress)

    def show(self, text: Text) -> None:
        Phone.show(self, text)
        if not text.mine:
            self.progress.tick()


@dataclass
class GatewayProcess:
    """`ringfence gateway` as an operator runs it, one life after another."""

    command: list[str]
    lines: list[str] = field(default_factory=list)
    up: asyncio.Event = field(default_factory=asyncio.Event)
    lives: int = 0
    _process: asyncio.subprocess.Process | None = None
    _reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self.command, stderr=asyncio.subprocess.PIPE
        )
        self._reading = asyncio.create_task(self._read(self._process.stderr))
        self.lives += 1
        try:
            await asyncio.wait_for(self.up.wait(), READY_WITHIN_S)
        except TimeoutError:
            raise AssertionError(f"not ready: {self.lines[-5:]}") from None

    async def kill(self) -> None:
        """SIGKILL: no handler, no finally, no last commit."""
        assert self._process is not None
        assert self._reading is not None
        self.up.clear()
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._reading

    async def stop(self) -> None:
        """SIGTERM, as a service manager does at every deployment."""
        assert self._process is not None
        assert self._reading is not None
        self.up.clear()
        self._process.terminate()
        assert await asyncio.wait_for(self._process.wait(), STOPPED_WITHIN_S) == 0
        await self._reading

    async def _read(self, stream: asyncio.StreamReader | None) -> None:
        assert stream is not None
        async for line in stream:
            text = line.decode(errors="replace")
            self.lines.append(text)
            if '"event":"ready"' in text:
                self.up.set()


@dataclass
class Siege:
    """Everything one run needs."""

    carrier: SimulatedCarrier
    gateway: GatewayProcess
    store: Store
    progress: Progress
    rng: random.Random
    answered: list[str] = field(default_factory=list)
    order: dict[str, list[str]] = field(default_factory=dict)

    async def ends(self, times: int, ticks: int, *, killed: bool) -> None:
        """End the process at `times` random moments spread over what is left of `ticks`, and start
        another each time."""
        for left in range(times, 0, -1):
            gap = max(2, 2 * (ticks - self.progress.count) // (left + 1))
            await self.progress.reaches(
                min(ticks, self.progress.count + self.rng.randrange(1, gap))
            )
            for _ in range(self.rng.randrange(300)):
                await asyncio.sleep(0)
            if killed:
                await self.gateway.kill()
                await self.store.write(after_an_outage)
            else:
                await self.gateway.stop()
            await self.gateway.start()

    async def converses(self, phone: Phone, bodies: Iterable[str], gate: asyncio.Semaphore) -> None:
        """Text one body after the other. What nobody answered is delivered again, as the carrier
        does with `rc=5&rp=all`, and as an operator does from the carrier's log after an outage."""
        for body in bodies:
            async with gate:
                sent = await phone.texts(body)
                delivery = sent.delivery
                while delivery is None or not delivery.reached:
                    await self.gateway.up.wait()
                    delivery = await self.carrier.world.deliverer.deliver(self._request(sent.sid))
            self.answered.append(sent.sid)
            self.order.setdefault(phone.number, []).append(body)
            self.progress.tick()

    def _request(self, sid: str) -> Any:
        log = self.carrier.world.exchange.log
        return next(e.request for e in reversed(log) if e.kind == "message" and e.sid == sid)

    async def drains(self) -> dict[str, int]:
        """Wait until no ledger owes anything."""
        owed = ("outbox.due", "outbox.sending", "outbox.unknown", "turns.owed", "turns.claimed")
        async with asyncio.timeout(DONE_WITHIN_S):
            while True:
                counts = await self.store.read(lambda tx: tx.health.counts())
                if not counts["watches.open"] and not any(counts.get(key) for key in owed):
                    return counts
                await self.progress.moves(0.1)


def after_an_outage(tx: Tx) -> None:
    """What a long outage does to the dead process's leases and looks: they run out. Nothing else is
    touched; on SQLite the next process would not even wait for the leases."""
    now = SystemClock().now()
    later = now + timedelta(days=1)
    claimed, sending = frozenset({TurnState.CLAIMED}), frozenset({OutboxState.SENDING})
    tx.turns.change(
        [
            TurnChange(turn.id, claimed, TurnState.CLAIMED, lease_until=now)
            for turn in tx.turns.leases_lost(later)
        ]
    )
    tx.outbox.change(
        [
            OutboxChange(item.id, sending, OutboxState.SENDING, lease_until=now)
            for item in tx.outbox.leases_lost(later)
        ]
    )
    tx.watches.reschedule([replace(watch, due_at=now) for watch in tx.watches.due(later, 10_000)])


@asynccontextmanager
async def siege(store_url: str, folder: Path, faults: Faults = FAULTS) -> AsyncIterator[Siege]:
    """A carrier here, a gateway process beside, and the store open to look into."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}/webhooks/sms"
    async with SimulatedCarrier(
        number=NUMBER,
        account_sid="AC00000000000000000000000000000001",
        auth_token="simulated-token",
        webhook_url=f"{url}#rc=5&rp=all",
        faults=faults,
        seed=SEED,
    ) as carrier:
        path = folder / "ringfence.json5"
        path.write_text(json.dumps(_document(carrier.base_url, url, store_url, port)))
        path.chmod(0o600)
        command = [sys.executable, "-m", "ringfence", "--config", str(path), "gateway"]
        gateway = GatewayProcess(command)
        store = await open_store(store_url, clock=SystemClock())
        try:
            await gateway.start()
            yield Siege(carrier, gateway, store, Progress(), random.Random(SEED))
        finally:
            await gateway.kill()
            await store.close()


def _document(carrier_url: str, url: str, store_url: str, port: int) -> dict[str, Any]:
    many = 1_000_000
    document = configuration(
        carrier_url,
        url,
        store_url,
        dmPolicy="open",
        allowFrom=["*"],
        limits={"callbacksPerMinute": many, "messagesPerMinutePerLine": many},
        policy={"lineVolume": {"minute": many, "day": many}, "recipientVolume": {"minute": 100}},
    )
    document["gateway"] = {"publicPort": port, "privatePort": 0, "pollMs": 50}
    document["delivery"] = {
        "outcomeLooksS": LOOKS_S,
        "statusLooksS": [0.5, 1, 2, 5, 5],
        "retryWaitsS": [0.2],
    }
    document["logging"] = {"format": "json"}
    return document


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def numbers(count: int) -> list[str]:
    """Fictional numbers: 555-0100 to 555-0199 of one area code after another."""
    return [f"+1{200 + n // 100}55501{n % 100:02d}" for n in range(count)]


async def besiege(
    at: Siege, conversations: int, phones: int, ends: int, *, killed: bool = True
) -> None:
    """Texts from many phones while the gateway ends again and again; then let it finish."""
    print(f"RINGFENCE_KILL_SEED={SEED}")  # shown by pytest when the test fails
    gate = asyncio.Semaphore(AT_ONCE)
    bodies: dict[str, list[str]] = {number: [] for number in numbers(phones)}
    for n in range(conversations):
        number = at.rng.choice(list(bodies)) if n >= phones else numbers(phones)[n]
        bodies[number].append(f"text {n:04d} of {conversations}")
    handsets = at.carrier.world.exchange.phones
    async with asyncio.TaskGroup() as group:
        for number, theirs in bodies.items():
            phone = Handset(number, at.carrier.world.exchange, progress=at.progress)
            handsets[number] = phone
            group.create_task(at.converses(phone, theirs, gate))
        group.create_task(at.ends(ends, 2 * conversations * 9 // 10, killed=killed))
    await at.drains()


@dataclass(frozen=True)
class Ledger:
    """The store as it was left."""

    inbound: list[Message]
    outbound: dict[str, Message]
    items: dict[str, OutboxItem]
    decisions: dict[str, list[StoredAudit]]
    dead: list[OutboxItem]
    chain: tuple[int, str]


def read_ledger(tx: Tx) -> Ledger:
    inbound = tx.messages.listing(1_000_000, None, "in", None)
    outbound = {m.id: m for m in tx.messages.listing(1_000_000, None, "out", None)}
    parts = tx.outbox.of_messages(outbound)
    items = {item.id: item for theirs in parts.values() for item in theirs}
    decisions = {key: tx.audit.of_subject(key) for key in items}
    return Ledger(inbound, outbound, items, decisions, tx.outbox.dead(None), tx.audit.verify())


def our_id(message: CarrierMessage) -> str:
    """The outbox item a carrier's message belongs to: the id in its callback address."""
    [(_, values)] = parse_qs(urlsplit(message.status_callback).query).items()
    return values[0]


def judge(at: Siege, ledger: Ledger, conversations: int) -> None:
    _nothing_lost_on_the_way_in(at, ledger, conversations)
    _nothing_sent_twice(at, ledger)
    _everything_accounted(at, ledger)
    _order_kept(at)
    _explained(at, ledger)
    _nothing_told(at)


def _nothing_lost_on_the_way_in(at: Siege, ledger: Ledger, conversations: int) -> None:
    """P4: what was answered 2xx is stored, once."""
    stored = Counter(message.provider_id for message in ledger.inbound)
    assert len(at.answered) == conversations
    assert stored == Counter(at.answered)
    assert {m.status for m in ledger.inbound} == {MessageStatus.RECEIVED}


def _nothing_sent_twice(at: Siege, ledger: Ledger) -> None:
    """P5: by text at the carrier, and by our id."""
    sent = at.carrier.sent
    assert max(Counter((m.recipient, m.body) for m in sent).values()) == 1
    assert max(Counter(our_id(m) for m in sent).values()) == 1
    shown = Counter(
        (phone.number, text.body)
        for phone in at.carrier.world.exchange.phones.values()
        for text in phone.inbox
    )
    assert max(shown.values()) == 1
    answered = Counter(message.in_reply_to for message in ledger.outbound.values())
    assert max(answered.values()) == 1, "one answer to each text"


def _everything_accounted(at: Siege, ledger: Ledger) -> None:
    """P6: each text got one answer, and that is delivered or in the dead letters."""
    replies = {message.in_reply_to: message for message in ledger.outbound.values()}
    assert replies.keys() == {message.id for message in ledger.inbound}
    dead = {item.message_id: item for item in ledger.dead}
    delivered = {(m.recipient, m.body) for m in at.carrier.sent if m.status == "delivered"}
    for message in ledger.outbound.values():
        assert message.status in FINAL
        if message.id in dead:
            assert dead[message.id].reason.startswith("unknown_outcome"), dead[message.id].reason
        else:
            assert message.status is MessageStatus.DELIVERED, message
            assert (message.number.e164, message.body) in delivered
    for item in ledger.items.values():
        assert item.state in (OutboxState.ACCEPTED, OutboxState.DEAD), item


def _order_kept(at: Siege) -> None:
    """Per sender, the carrier got the answers in the order of the texts."""
    for number, bodies in at.order.items():
        sent = [m.body for m in at.carrier.sent if m.recipient == number]
        wanted = [f"You said: {body}" for body in bodies]
        assert sent == [body for body in wanted if body in sent]


def _explained(at: Siege, ledger: Ledger) -> None:
    """P1, P7: each create has a claim decision of its own that allowed it; the chain is whole."""
    checked, finding = ledger.chain
    assert checked > 0
    assert finding == ""
    for message in at.carrier.sent:
        claims = [
            entry
            for entry in ledger.decisions[our_id(message)]
            if entry.entry.kind == "decision" and entry.entry.body["claiming"]
        ]
        assert len(claims) == ledger.items[our_id(message)].attempt
        assert {entry.entry.body["verdict"] for entry in claims} == {"allow"}


def _nothing_told(at: Siege) -> None:
    """P9: no log line of any life holds a number or the token."""
    full = re.compile(r"\+1[0-9]{10}")
    told = [line for line in at.gateway.lines if full.search(line) or "simulated-token" in line]
    assert not told, told[:3]


@pytest.mark.proves("P1", "P4", "P5", "P6", "P7", "P9")
@pytest.mark.timeout(240)
async def test_killed_again_and_again_it_loses_nothing_and_sends_nothing_twice(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with siege(sqlite_url, tmp_path) as at:
        await besiege(at, conversations=2000, phones=1500, ends=8)
        assert at.gateway.lives == 9
        judge(at, await at.store.read(read_ledger), 2000)


@pytest.mark.postgres
@pytest.mark.proves("P1", "P4", "P5", "P6", "P7", "P9")
@pytest.mark.timeout(240)
async def test_killed_on_postgresql_it_loses_nothing_and_sends_nothing_twice(
    postgres_url: str, tmp_path: Path
) -> None:
    async with siege(postgres_url, tmp_path) as at:
        await besiege(at, conversations=300, phones=200, ends=4)
        assert at.gateway.lives == 5
        judge(at, await at.store.read(read_ledger), 300)


@pytest.mark.proves("P4", "P5", "P6")
@pytest.mark.timeout(240)
async def test_told_to_stop_it_finishes_what_it_took(sqlite_url: str, tmp_path: Path) -> None:
    calm = Faults(latency_before_s=0.01, latency_after_s=0.02)
    async with siege(sqlite_url, tmp_path, calm) as at:
        await besiege(at, conversations=500, phones=300, ends=5, killed=False)
        ledger = await at.store.read(read_ledger)
        judge(at, ledger, 500)
        assert ledger.dead == [], "an orderly stop leaves nobody in doubt"
