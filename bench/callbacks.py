"""A burst of status callbacks: texts that a carrier has accepted, and one `delivered` for each of them as
fast as a carrier's connections take it, beside a worker that has its watches to look after."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import channel, report, statuses
from bench.children import Child, child
from bench.events import quantile
from bench.load import Load, closed_loop
from bench.places import store_url
from bench.setup import PUBLIC_URL, person
from bench.texts import message_sid
from ringfence.cli.common import run

CONNECTIONS = 64
"""A carrier's; more would only wait for each other."""


@dataclass(frozen=True, slots=True)
class Size:
    """Callbacks of a burst, and bursts, each about other texts."""

    callbacks: int
    bursts: int


QUICK = Size(callbacks=5_000, bursts=1)
NORMAL = Size(callbacks=5_000, bursts=3)
LONG = Size(callbacks=5_000, bursts=6)


@dataclass(frozen=True, slots=True)
class Burst:
    """One burst; `folded` texts had their end on record, and were watched no more, when the last was acknowledged."""

    load: Load
    folded: int
    cpu: float


def measure(store: str, size: Size) -> list[Burst]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with store_url(store, folder) as url:
            config = channel.config(folder, url, "http://127.0.0.1:9")
            texts = size.callbacks * (size.bursts + 1)
            with child("stock", config, "accepted", texts, folder=folder) as before:
                before.says()
            with child("whole", config, "all", folder=folder) as gateway:
                door = ("127.0.0.1", int(gateway.says()["public"]))
                # The first does not count, and is smaller.
                _burst(gateway, door, 0, size.callbacks // 5)
                firsts = [size.callbacks * (turn + 1) for turn in range(size.bursts)]
                return [_burst(gateway, door, first, size.callbacks) for first in firsts]


def _burst(gateway: Child, door: tuple[str, int], first: int, count: int) -> Burst:
    requests = [
        statuses.request(PUBLIC_URL, message_sid(index), "delivered", person(index % 1_000))
        for index in range(first, first + count)
    ]
    before = gateway.asks("cpu")
    load = run(closed_loop(door, requests, CONNECTIONS))
    after = gateway.asks("cpu")
    folded = before["counts"]["watches.open"] - after["counts"]["watches.open"]
    return Burst(load, folded, (after["cpu"] - before["cpu"]) / count)


COLUMNS = ("store", "callbacks/s", "p50 ms", "p99 ms", "longest ms", "CPU ms each", "all folded")


def row(store: str, bursts: Sequence[Burst]) -> list[str]:
    loads = [burst.load for burst in bursts]
    whole = all(burst.folded == burst.load.good == burst.load.answered for burst in bursts)
    return [
        store,
        report.number(report.middle(load.per_second for load in loads)),
        report.millis(report.middle(quantile(load.latencies, 0.5) for load in loads)),
        report.millis(report.middle(quantile(load.latencies, 0.99) for load in loads)),
        report.millis(max(load.latencies[-1] for load in loads)),
        f"{1000 * report.middle(burst.cpu for burst in bursts):.2f}",
        f"{loads[0].answered:,} × {len(loads)}" if whole else "NO",
    ]
