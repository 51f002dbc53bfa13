"""Events to people: posted over HTTP with a token at a steady rate, each until the carrier accepted
its text, with policy, audit, tracking and both status callbacks of every text."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from bench import channel, report
from bench.children import Child, child
from bench.load import open_loop
from bench.places import store_url
from ringfence.cli.common import run

CARRIER_MS = 50
CONNECTIONS = 32
_LOOK_S, _LAST_S = 0.1, 60.0


@dataclass(frozen=True, slots=True)
class Size:
    """Events a second, for how many seconds, to how many people."""

    per_second: float
    seconds: float
    people: int


QUICK = Size(per_second=200, seconds=8, people=1_000)
NORMAL = Size(per_second=200, seconds=40, people=1_000)
LONG = Size(per_second=200, seconds=300, people=2_000)


@dataclass(frozen=True, slots=True)
class Run:
    """One store's run. `accepted_s` are seconds from when each event was due to be posted until the
    carrier's answer; `settled` counts texts that both status callbacks ended."""

    store: str
    events: int
    refused: int
    accepted: int
    doubled: int
    lost: int
    settled: int
    seconds: float
    posted_s: Sequence[float]
    accepted_s: Sequence[float]
    cpu: float
    memory: tuple[float, float]

    @property
    def per_second(self) -> float:
        return self.accepted / self.seconds


def measure(store: str, size: Size) -> Run:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            store_url(store, folder) as url,
            child("carrier", CARRIER_MS, folder=folder) as carrier,
        ):
            address = f"http://127.0.0.1:{carrier.says()['port']}"
            config = channel.config(folder, url, address)
            with child("whole", config, "ready", size.people, folder=folder) as before:
                bearer = before.says()["bearer"]
            with child("whole", config, "all", folder=folder) as gateway:
                return _measured(store, size, gateway, carrier, bearer)


def _measured(store: str, size: Size, gateway: Child, carrier: Child, bearer: str) -> Run:
    ports = gateway.says()
    carrier.asks(f"reports {ports['public']}")
    count = int(size.per_second * size.seconds)
    door = ("127.0.0.1", int(ports["private"]))
    # The first are not counted: plans are made, people are told what the line is.
    warm = max(10, size.people // 5)
    run(open_loop(door, channel.events(0, warm, size.people, bearer), CONNECTIONS, 200))
    _settled(gateway, carrier, warm)
    before, posts = gateway.asks("cpu"), channel.events(warm, count, size.people, bearer)
    load = run(open_loop(door, posts, CONNECTIONS, size.per_second))
    settled = _settled(gateway, carrier, warm + count) - warm
    after, epoch = gateway.asks("cpu"), time.time() - perf_counter()
    wanted = {channel.order(warm + index): index for index in range(count)}
    taken: Counter[str] = Counter()
    took: dict[str, float] = {}
    for one in carrier.asks("log")["log"]:
        about = channel.order_in(one["body"])
        if about in wanted:
            taken[about] += 1
            took.setdefault(about, one["at"] - epoch)
    due = {about: load.began + index / size.per_second for about, index in wanted.items()}
    return Run(
        store,
        count,
        load.answered - load.good,
        len(took),
        sum(times - 1 for times in taken.values()),
        count - len(took),
        settled,
        max(took.values()) - load.began,
        load.latencies,
        sorted(at - due[about] for about, at in took.items()),
        (after["cpu"] - before["cpu"]) / count,
        (before["memory"], after["memory"]),
    )


def _settled(gateway: Child, carrier: Child, wanted: int) -> int:
    """Wait until every text has both its statuses; answers how many have."""
    ends = perf_counter() + _LAST_S
    while perf_counter() < ends:
        told = carrier.asks("taken")
        if told["reported"] >= 2 * wanted:
            break
        time.sleep(_LOOK_S)
    return int(told["reported"]) // 2


COLUMNS = (
    "store",
    "events/s",
    "p50 ms posted",
    "p99 ms posted",
    "p50 ms to accepted",
    "p99 ms to accepted",
    "CPU ms each",
    "resident MB",
    "accepted",
    "lost, doubled",
    "delivered",
)


def row(one: Run) -> list[str]:
    return [
        one.store,
        report.number(one.per_second),
        report.millis(quantile(one.posted_s, 0.5)),
        report.millis(quantile(one.posted_s, 0.99)),
        report.millis(quantile(one.accepted_s, 0.5)),
        report.millis(quantile(one.accepted_s, 0.99)),
        f"{1000 * one.cpu:.2f}",
        f"{one.memory[0]:.0f} → {one.memory[1]:.0f}",
        f"{one.accepted:,} of {one.events:,}",
        f"{one.lost}, {one.doubled}",
        f"{one.settled:,}",
    ]


def quantile(ordered: Sequence[float], q: float) -> float:
    """Of sorted values."""
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]
