"""The outbox drained by a gateway worker, beside the bare ledger, in one run."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import gates, report
from bench.children import child
from bench.places import store_url
from bench.setup import write_config

CARRIER_MS = 50


@dataclass(frozen=True, slots=True)
class Size:
    """Messages per drain, people they go to, drains, and lives of the bare ledger."""

    messages: int
    recipients: int
    rounds: int
    lives: int


QUICK = Size(messages=5_000, recipients=1_000, rounds=1, lives=10_000)
NORMAL = Size(messages=20_000, recipients=1_000, rounds=3, lives=20_000)
LONG = Size(messages=100_000, recipients=1_000, rounds=1, lives=50_000)


@dataclass(frozen=True, slots=True)
class Drain:
    """One drain; `memory` is (messages accepted by then, resident MB)."""

    accepted: int
    taken: int
    seconds: float
    cpu: float
    fill_cpu: float
    memory: tuple[tuple[int, float], ...]

    @property
    def per_second(self) -> float:
        return self.accepted / self.seconds

    def memory_at(self, part: float) -> float:
        """Resident MB once this part of the messages was out."""
        wanted = part * self.accepted
        return next((mb for accepted, mb in self.memory if accepted >= wanted), 0.0)


@dataclass(frozen=True, slots=True)
class Lives:
    """One run of the bare ledger."""

    lives: int
    seconds: float
    cpu: float

    @property
    def per_second(self) -> float:
        return self.lives / self.seconds


def measure(store: str, size: Size) -> list[tuple[Drain, Lives]]:
    """Rounds of both, taking turns, each on a store of its own."""
    return [
        (drained(store, size.messages, size.recipients), _lives(store, size))
        for _ in range(size.rounds)
    ]


COLUMNS = ("store", "what", "messages/s", "of bare", "CPU ms each", "resident MB", "counted")


def rows(store: str, measured: list[tuple[Drain, Lives]]) -> list[list[str]]:
    drains = [drain for drain, _ in measured]
    lives = [life for _, life in measured]
    fast = report.middle(life.per_second for life in lives)
    rate = report.middle(drain.per_second for drain in drains)
    last = drains[-1]
    memory = " → ".join(f"{last.memory_at(part):.0f}" for part in (0.1, 0.5, 1.0))
    return [
        [
            store,
            "bare ledger",
            report.number(fast),
            "100 %",
            f"{report.middle(1000 * life.cpu / life.lives for life in lives):.3f}",
            "",
            f"{lives[0].lives:,} × {len(lives)}",
        ],
        [
            store,
            "gateway, dispatch",
            report.number(rate),
            report.share(rate, fast),
            f"{report.middle(1000 * drain.cpu / drain.accepted for drain in drains):.3f}",
            memory,
            f"{last.accepted:,} × {len(drains)}",
        ],
        [
            store,
            "gateway, proposing before",
            "",
            "",
            f"{report.middle(1000 * drain.fill_cpu / drain.accepted for drain in drains):.3f}",
            "",
            "",
        ],
    ]


def drained(store: str, messages: int, recipients: int, gate: str = gates.WHOLE) -> Drain:
    """One drain, on a store of its own, by one of the gates of bench.gates."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            store_url(store, folder) as url,
            child("carrier", CARRIER_MS, folder=folder) as carrier,
        ):
            address = f"http://127.0.0.1:{carrier.says()['port']}"
            config = write_config(folder, url, address)
            filled = _told(folder, config, "fill", messages, recipients)
            told = _told(folder, config, "drain", messages, gate)
            return Drain(
                told["accepted"],
                carrier.asks("taken")["taken"],
                told["seconds"],
                told["cpu"],
                filled["cpu"],
                tuple((accepted, mb) for accepted, mb in told["memory"]),
            )


def _told(folder: Path, *arguments: object) -> dict[str, Any]:
    with child("drain", *arguments, folder=folder) as worker:
        return worker.says()


def _lives(store: str, size: Size) -> Lives:
    with (
        tempfile.TemporaryDirectory() as name,
        store_url(store, Path(name)) as url,
        child("ledger", url, size.lives, folder=Path(name)) as ledger,
    ):
        told = ledger.says()
        return Lives(told["lives"], told["seconds"], told["cpu"])
