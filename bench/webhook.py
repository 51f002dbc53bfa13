"""Webhook to durable 200: the gateway beside the bare server, round by round in one run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import report, texts
from bench.children import Child, child
from bench.load import Load, closed_loop, open_loop
from bench.places import store_url
from bench.setup import write_config
from ringfence.cli.common import run

CONNECTIONS = 64
OPEN_CONNECTIONS = 256
KINDS = ("bare", "gateway")


@dataclass(frozen=True, slots=True)
class Size:
    """Requests per round and rounds; seconds of each round of the open loop."""

    requests: int
    rounds: int
    open_s: float


NORMAL = Size(requests=12_000, rounds=5, open_s=2.0)
QUICK = Size(requests=4_000, rounds=3, open_s=1.0)


@dataclass
class Side:
    """One server's rounds; `owed` are the turns its store holds at the end."""

    most: list[Load] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    half: list[Load] = field(default_factory=list)
    owed: int = 0

    @property
    def per_second(self) -> float:
        return report.middle(load.per_second for load in self.most)


def measure(store: str, size: Size) -> dict[str, Side]:
    """Both servers run all the time; rounds take turns, the first of each uncounted."""
    sides = {kind: Side() for kind in KINDS}
    made = _Numbered()
    with tempfile.TemporaryDirectory() as name, _servers(store, Path(name)) as servers:
        for round_ in range(size.rounds + 1):
            for kind in KINDS:
                load, cpu = _most(servers[kind], made.take(size.requests))
                if round_:
                    sides[kind].most.append(load)
                    sides[kind].cpu.append(cpu / load.answered)
        # The load is half of what the gateway can take, and of the bare server's most the same
        # number: latencies at one rate compare.
        rate = sides["gateway"].per_second / 2
        for _ in range(size.rounds):
            for kind in KINDS:
                requests = made.take(max(10, int(rate * size.open_s)))
                load = run(open_loop(servers[kind].address, requests, OPEN_CONNECTIONS, rate))
                sides[kind].half.append(load)
        for kind in KINDS:
            sides[kind].owed = servers[kind].owed
    return sides


def rows(store: str, sides: dict[str, Side]) -> list[list[str]]:
    """Lines of the table."""
    bare = sides["bare"].per_second
    return [[store, *_row(kind, side, bare)] for kind, side in sides.items()]


COLUMNS = (
    "store",
    "server",
    "requests/s",
    "of bare",
    "p50 ms",
    "p99 ms",
    "CPU µs each",
    "p50 ms at half",
    "p99 ms at half",
    "all 200",
)


def _row(kind: str, side: Side, bare: float) -> list[str]:
    loads = [*side.most, *side.half]
    return [
        kind,
        report.number(side.per_second),
        report.share(side.per_second, bare),
        report.millis(report.middle(load.quantile(0.5) for load in side.most)),
        report.millis(report.middle(load.quantile(0.99) for load in side.most)),
        report.micros(report.middle(side.cpu)),
        report.millis(report.middle(load.quantile(0.5) for load in side.half)),
        report.millis(report.middle(load.quantile(0.99) for load in side.half)),
        "yes" if all(load.good == load.answered for load in loads) else "NO",
    ]


@dataclass(frozen=True, slots=True)
class _Server:
    process: Child
    address: tuple[str, int]

    @property
    def cpu(self) -> float:
        return float(self.process.asks("cpu")["cpu"])

    @property
    def owed(self) -> int:
        return int(self.process.asks("counts")["counts"].get("turns.owed", 0))


class _Numbered:
    """No message comes twice in a run."""

    def __init__(self) -> None:
        self._next = 1

    def take(self, count: int) -> list[bytes]:
        first, self._next = self._next, self._next + count
        return texts.requests(first, count)


@contextmanager
def _servers(store: str, folder: Path) -> Iterator[dict[str, _Server]]:
    (folder / "bare").mkdir()
    (folder / "gateway").mkdir()
    with (
        store_url(store, folder) as bare_url,
        store_url(store, folder) as gateway_url,
        child("serve", write_config(folder / "bare", bare_url), "bare", folder=folder) as bare,
        child(
            "serve", write_config(folder / "gateway", gateway_url), "gateway", folder=folder
        ) as gateway,
    ):
        yield {
            kind: _Server(process, ("127.0.0.1", int(process.says()["port"])))
            for kind, process in (("bare", bare), ("gateway", gateway))
        }


def _most(server: _Server, requests: list[bytes]) -> tuple[Load, float]:
    before = server.cpu
    load = run(closed_loop(server.address, requests, CONNECTIONS))
    return load, server.cpu - before
