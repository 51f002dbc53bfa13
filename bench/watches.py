"""What waits by the million: how late the due ones are looked at or sent, seen from the carrier, and
whether the memory of the gateway that waits stays flat."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import channel, report
from bench.children import Child, child
from bench.events import quantile
from bench.places import store_url

CARRIER_MS = 10
_LOOK_S, _LAST_S = 0.5, 30.0
KINDS = ("watches", "planned")


@dataclass(frozen=True, slots=True)
class Size:
    """Rows that wait, rows that become due at random moments of how many seconds, open alerts beside
    planned messages."""

    waiting: int
    due: int
    seconds: float
    alerts: int


QUICK = Size(waiting=100_000, due=400, seconds=10, alerts=1_000)
NORMAL = Size(waiting=1_000_000, due=2_000, seconds=40, alerts=10_000)
LONG = Size(waiting=1_000_000, due=10_000, seconds=200, alerts=10_000)


@dataclass(frozen=True, slots=True)
class Run:
    """One store's wait. `late_s` are sorted, of those that came; `memory` is in MB before, halfway, after."""

    store: str
    kind: str
    size: Size
    late_s: Sequence[float]
    doubled: int
    cpu: float
    memory: tuple[float, ...]


def measure(store: str, kind: str, size: Size) -> Run:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            store_url(store, folder) as url,
            child("carrier", CARRIER_MS, folder=folder) as carrier,
        ):
            address = f"http://127.0.0.1:{carrier.says()['port']}"
            config = channel.config(folder, url, address)
            if kind == "planned":
                with child("whole", config, "ready", 1_000, folder=folder) as before:
                    before.says()
            alerts = size.alerts if kind == "planned" else 0
            _stocked(folder, config, kind, size.waiting, 0, 0, alerts)
            with child("whole", config, "all", folder=folder) as gateway:
                gateway.says()
                due = _stocked(folder, config, kind, 0, size.due, size.seconds, 0)
                return _waited(store, kind, size, gateway, carrier, due)


def _stocked(folder: Path, config: Path, kind: str, *sizes: float) -> dict[str, float]:
    with child("stock", config, kind, *sizes, folder=folder) as stock:
        due: dict[str, float] = stock.says()["due"]
        return due


def _waited(
    store: str, kind: str, size: Size, gateway: Child, carrier: Child, due: dict[str, float]
) -> Run:
    before = gateway.asks("cpu")
    first, last = min(due.values()), max(due.values())
    time.sleep(max(0.0, (first + last) / 2 - time.time()))
    halfway = gateway.asks("cpu")
    time.sleep(max(0.0, last - time.time()))
    after = gateway.asks("cpu")
    _came(carrier, len(due))
    late: dict[str, float] = {}
    doubled = 0
    for one in carrier.asks("log")["log"]:
        about = _about(one)
        if about in due:
            doubled += about in late
            late.setdefault(about, one["at"] - CARRIER_MS / 1000 - due[about])
    return Run(
        store,
        kind,
        size,
        sorted(late.values()),
        doubled,
        (after["cpu"] - before["cpu"]) / (last - first),
        tuple(one["memory"] for one in (before, halfway, after)),
    )


def _came(carrier: Child, wanted: int) -> None:
    """Wait for those that are late."""
    ends = time.monotonic() + _LAST_S
    while time.monotonic() < ends and len(carrier.asks("log")["log"]) < wanted:
        time.sleep(_LOOK_S)


def _about(one: dict[str, Any]) -> str:
    """The message that a look asks for, or the order of a text."""
    if one["body"]:
        return channel.order_in(one["body"])
    name: str = one["path"].rpartition("/")[2]
    return name.removesuffix(".json")


COLUMNS = (
    "store",
    "what waits",
    "due",
    "late p50 ms",
    "late p99 ms",
    "latest ms",
    "CPU of a core",
    "resident MB",
    "came, doubled",
)


def row(one: Run) -> list[str]:
    what = f"{one.size.waiting:,} {one.kind}"
    what += f", {one.size.alerts:,} alerts" if one.kind == "planned" else ""
    return [
        one.store,
        what,
        f"{one.size.due:,} in {one.size.seconds:.0f} s",
        report.millis(quantile(one.late_s, 0.5)),
        report.millis(quantile(one.late_s, 0.99)),
        report.millis(one.late_s[-1]),
        f"{100 * one.cpu:.0f} %",
        " → ".join(f"{megabytes:.0f}" for megabytes in one.memory),
        f"{len(one.late_s):,}, {one.doubled}",
    ]
