"""Live calls: so many at once, a frame every 20 ms both ways, and what each costs in processor time,
memory and delay. An echo, through the whole session and through the least that echoes; interruptions; talk
with speech services over TLS; and Pipecat's echo where RINGFENCE_BENCH_PIPECAT names a Python that has it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bench import report
from bench.calls_phones import ECHO, INTERRUPT, TALK
from bench.children import child
from bench.events import quantile

PIPECAT = "RINGFENCE_BENCH_PIPECAT"


@dataclass(frozen=True, slots=True)
class Size:
    """How many calls at once, a round each, for how many seconds after some that do not count. Pipecat
    has numbers of its own."""

    calls: tuple[int, ...]
    seconds: float
    pipecat: tuple[int, ...] = (5, 10, 20)
    warm_s: float = 2.0


QUICK = Size((10, 50), 10, (5, 10))
NORMAL = Size((10, 50, 100, 150), 16)
LONG = Size((10, 50, 100, 150, 200, 250), 40, (5, 10, 15, 20, 30))


@dataclass(frozen=True, slots=True)
class Kind:
    """What is measured: the server's module and word, and how the phones behave."""

    name: str
    module: str
    word: str
    manner: str


OURS = (
    Kind("least echo", "calls_serve", "transport", ECHO),
    Kind("session, echo", "calls_serve", "echo", ECHO),
    Kind("session, interrupted", "calls_serve", "interrupt", INTERRUPT),
    Kind("session, vendors over TLS", "calls_serve", "talk", TALK),
)
THEIRS = (
    Kind("Pipecat, echo, energy", "calls_pipecat", "energy", ECHO),
    Kind("Pipecat, echo, Silero", "calls_pipecat", "silero", ECHO),
)


@dataclass(frozen=True, slots=True)
class Run:
    """One round. `cpu` are cores, `memory` megabytes, both of the server and for all calls together;
    `heard` is what the phones noted, `ours_s` the turns' times without the vendors', `busy` the share of
    the whole machine that was in use: near 1, delays say more of it than of us."""

    kind: Kind
    asked: int
    cpu: float
    memory: float
    heard: dict[str, Any]
    ours_s: Sequence[float]
    busy: float


def kinds(size: Size) -> Iterator[tuple[Kind, int]]:
    """Every round there is to be made."""
    yield from ((kind, calls) for kind in OURS for calls in size.calls)
    if os.environ.get(PIPECAT):
        yield from ((kind, calls) for kind in THEIRS for calls in size.pipecat)


def measure(kind: Kind, calls: int, size: Size) -> Run:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, words = Path(name), [kind.word]
        if kind.manner == TALK:
            vendors = stack.enter_context(child("calls_vendors", folder, folder=folder)).says()
            words += [vendors["deepgram"], vendors["elevenlabs"], vendors["certificate"]]
        phones = stack.enter_context(child("calls_phones", folder=folder))
        more = {"python": os.environ[PIPECAT]} if kind in THEIRS else {}
        server = stack.enter_context(child(kind.module, *words, folder=folder, **more))
        asked = {"port": server.says()["port"], "manner": kind.manner, "warm_s": size.warm_s}
        # One call that does not count: what is made at the first call is not what a call takes.
        for count, seconds in ((1, min(1.0, size.seconds)), (calls, size.seconds)):
            bare = server.asks("used")
            paths = server.asks(f"paths {count}")["paths"]
            phones.asks(orjson.dumps({**asked, "paths": paths, "seconds": seconds}).decode())
            before, ticks = server.asks("used"), _ticks()
            phones.says()
            after, heard = server.asks("used"), phones.says()
            busy, idle = (now - then for now, then in zip(_ticks(), ticks, strict=True))
        cpu = (after["cpu"] - before["cpu"]) / size.seconds
        ours = sorted(ms / 1_000 for ms in after["ours"])
        return Run(
            kind, calls, cpu, after["memory"] - bare["memory"], heard, ours, busy / (busy + idle)
        )


def _ticks() -> tuple[int, int]:
    """Of all cores since the machine started: in use, idle (proc_stat(5))."""
    line = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    spent = [int(word) for word in line.split()[1:9]]
    idle = spent[3] + spent[4]
    return sum(spent) - idle, idle


COLUMNS = (
    "what",
    "calls",
    "% of a core a call",
    "KB a call",
    "delay p50 ms",
    "delay p99 ms",
    "gap p99 ms",
    "frames",
    "left out",
    "clear p50 ms",
    "clear p99 ms",
    "clears",
    "turn p50 ms",
    "turn p99 ms",
    "tool late p99 ms",
    "machine busy",
)


def row(one: Run) -> list[str]:
    heard = one.heard
    return [
        one.kind.name,
        f"{heard['calls']} of {one.asked}",
        f"{100 * one.cpu / one.asked:.2f}",
        report.number(1_024 * one.memory / one.asked),
        *_both(heard["delay"]),
        report.millis(heard["gap"]),
        report.number(heard["frames"]),
        str(heard["lost"]),
        *_both(heard["clear"]),
        f"{heard['clears']} of {heard['tries']}" if heard["tries"] else "",
        *_both([quantile(one.ours_s, 0.5), quantile(one.ours_s, 0.99)] if one.ours_s else []),
        report.millis(heard["late"]),
        report.share(one.busy, 1),
    ]


def _both(seconds: Sequence[float]) -> tuple[str, str]:
    return (report.millis(seconds[0]), report.millis(seconds[1])) if seconds else ("", "")
