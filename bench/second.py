"""A second gateway process on the same PostgreSQL: who sends how many of the same messages, whether any is
sent twice, and what one costs in processor time, all processes together, beside one alone. Once with a
full outbox, which two workers drain, once with events that come in steadily at two doors."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import channel, report
from bench.children import Child, child
from bench.load import Load, closed_loop, open_loop
from bench.places import store_url
from ringfence.cli.common import run

CARRIER_MS = 50
CONNECTIONS = 32
_LOOK_S, _LAST_S = 0.1, 60.0


@dataclass(frozen=True, slots=True)
class Size:
    """Messages of a backlog; events a second together, for how many seconds; to how many people; rounds
    of one and of two processes."""

    backlog: int
    per_second: float
    seconds: float
    people: int
    rounds: int


QUICK = Size(backlog=2_000, per_second=100, seconds=8, people=1_000, rounds=1)
NORMAL = Size(backlog=10_000, per_second=100, seconds=20, people=1_000, rounds=3)
LONG = Size(backlog=20_000, per_second=100, seconds=60, people=1_000, rounds=3)


@dataclass(frozen=True, slots=True)
class Run:
    """One round: `shares` are the texts that each process sent, `cpu` seconds a text of all of them."""

    messages: int
    accepted: int
    doubled: int
    shares: tuple[int, ...]
    seconds: float
    cpu: float


Key = tuple[str, int]
"""What is measured, and by how many processes."""
BACKLOG, STEADY = "a full outbox", "events, steadily"


def measure(size: Size) -> dict[Key, list[Run]]:
    """Rounds of one process and of two, taking turns, each on a store of its own."""
    ways = {BACKLOG: _drained, STEADY: _posted}
    keys = [(what, processes) for what in ways for processes in (1, 2)]
    runs: dict[Key, list[Run]] = {key: [] for key in keys}
    for _ in range(size.rounds):
        for what, processes in keys:
            with _places(processes, size.people) as places:
                runs[what, processes].append(ways[what](places, size))
    return runs


@dataclass(frozen=True, slots=True)
class _Places:
    """A store and a carrier; a configuration for each process, which sends to a port of its own, by
    which the carrier tells them apart."""

    folder: Path
    carrier: Child
    configs: tuple[Path, ...]
    bearer: str


@contextmanager
def _places(processes: int, people: int) -> Iterator[_Places]:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        url = stack.enter_context(store_url("postgres", folder))
        carrier = stack.enter_context(child("carrier", CARRIER_MS, processes, folder=folder))
        configs = tuple(
            channel.config(folder, url, f"http://127.0.0.1:{port}", name=f"gateway{place}")
            for place, port in enumerate(carrier.says()["ports"])
        )
        with child("whole", configs[0], "ready", people, folder=folder) as before:
            bearer = before.says()["bearer"]
        yield _Places(folder, carrier, configs, bearer)


def _drained(places: _Places, size: Size) -> Run:
    """Events are taken in by a process without a worker; then workers drain what they owe."""
    with child("whole", places.configs[0], "web", folder=places.folder) as web:
        door = ("127.0.0.1", int(web.says()["private"]))
        posts = channel.events(0, size.backlog, size.people, places.bearer)
        run(closed_loop(door, posts, CONNECTIONS))
    with ExitStack() as stack:
        workers = [
            stack.enter_context(child("drain", config, "drain", size.backlog, folder=places.folder))
            for config in places.configs
        ]
        told = [worker.says() for worker in workers]
    seconds, cpu = max(one["seconds"] for one in told), sum(one["cpu"] for one in told)
    return _run(places.carrier, range(size.backlog), len(workers), seconds, cpu)


def _posted(places: _Places, size: Size) -> Run:
    with ExitStack() as stack:
        gateways = [
            stack.enter_context(child("whole", config, "all", folder=places.folder))
            for config in places.configs
        ]
        return _measured(size, gateways, places.carrier, places.bearer)


def _measured(size: Size, gateways: Sequence[Child], carrier: Child, bearer: str) -> Run:
    ports = [gateway.says() for gateway in gateways]
    carrier.asks("reports " + " ".join(str(each["public"]) for each in ports))
    doors = [("127.0.0.1", int(each["private"])) for each in ports]
    warm = max(10, size.people // 5)
    run(_post(doors, channel.events(0, warm, size.people, bearer), size.per_second))
    _settled(carrier, warm)
    count = int(size.per_second * size.seconds)
    before = [gateway.asks("cpu")["cpu"] for gateway in gateways]
    posts = channel.events(warm, count, size.people, bearer)
    loads = run(_post(doors, posts, size.per_second))
    _settled(carrier, warm + count)
    after = [gateway.asks("cpu")["cpu"] for gateway in gateways]
    seconds, cpu = max(load.seconds for load in loads), sum(after) - sum(before)
    return _run(carrier, range(warm, warm + count), len(gateways), seconds, cpu)


def _run(carrier: Child, orders: range, processes: int, seconds: float, cpu: float) -> Run:
    """By what the carrier took."""
    wanted = {channel.order(index) for index in orders}
    taken = Counter[str]()
    places = Counter[int]()
    for one in carrier.asks("log")["log"]:
        about = channel.order_in(one["body"])
        if about in wanted:
            taken[about] += 1
            places[one["place"]] += 1
    shares = tuple(places[place] for place in range(processes))
    doubled = taken.total() - len(taken)
    return Run(len(orders), len(taken), doubled, shares, seconds, cpu / len(orders))


async def _post(
    doors: Sequence[tuple[str, int]], posts: Sequence[bytes], per_second: float
) -> list[Load]:
    """Each door gets its share of the events, one after another, as a balancer deals them out."""
    each = [posts[place :: len(doors)] for place in range(len(doors))]
    rate = per_second / len(doors)
    return await asyncio.gather(
        *(
            open_loop(door, theirs, CONNECTIONS, rate)
            for door, theirs in zip(doors, each, strict=True)
        )
    )


def _settled(carrier: Child, wanted: int) -> None:
    """Wait until every text has both its statuses."""
    ends = time.monotonic() + _LAST_S
    while time.monotonic() < ends and carrier.asks("taken")["reported"] < 2 * wanted:
        time.sleep(_LOOK_S)


COLUMNS = (
    "what",
    "processes",
    "messages/s",
    "sent by each",
    "CPU ms each",
    "of one",
    "accepted",
    "doubled",
)


def rows(measured: dict[Key, list[Run]]) -> list[list[str]]:
    return [
        [what, str(processes), *_row(runs, measured[what, 1])]
        for (what, processes), runs in measured.items()
    ]


def _row(runs: Sequence[Run], alone: Sequence[Run]) -> list[str]:
    cpu = report.middle(one.cpu for one in runs)
    each = [sum(shares) for shares in zip(*(one.shares for one in runs), strict=True)]
    return [
        report.number(report.middle(one.messages / one.seconds for one in runs)),
        " / ".join(report.share(part, sum(each)) for part in each),
        f"{1000 * cpu:.2f}",
        report.share(cpu, report.middle(one.cpu for one in alone)),
        f"{sum(one.accepted for one in runs):,} of {sum(one.messages for one in runs):,}",
        str(sum(one.doubled for one in runs)),
    ]
