"""The gate: what a decision costs on a store with a long history, what the gate costs a drain of the
outbox, and how long a month of decisions takes to be made again by another configuration.

    python -m bench policy [--store …] [--quick|--long]"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from time import perf_counter, thread_time
from typing import Any

from bench import gates, history, report
from bench.outbox import Drain, drained
from bench.places import store_url
from bench.setup import MANY, write_config
from ringfence.bootstrap import Gateway, open_gateway
from ringfence.config import load
from ringfence.gateway import replay
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.review import facts_of, propose
from ringfence.gateway.traits import traits_of
from ringfence.model.verdict import Act
from ringfence.policy.decide import decide
from ringfence.policy.facts import facts_to_record
from ringfence.ports import Tx
from ringfence.text.segments import count

_BATCH, _WARM = 200, 20
_WORDS = (
    "Your visit is confirmed for the {} of May; two people come, and they bring the parts that were "
    "missing last time. Please leave the gate on the north side open. No {:06d}."
)
# Every rule has something to do: hours by the person's clock and the line's, with holidays.
_BUSY = {
    "zone": "America/New_York",
    "disclosure": "Visits: this line answers by machine. HELP for a person, STOP to end.",
    "policy": {
        "recipientVolume": {"minute": MANY, "hour": MANY, "day": MANY},
        "lineVolume": {"minute": MANY, "day": MANY, "waitingMax": MANY},
        "agentVolume": {"day": MANY, "newRecipientsDay": MANY},
        "spend": {"segmentsDay": MANY, "moneyDay": MANY},
        "quietHours": {
            "windows": "us-strictest",
            "knownPeopleExempt": False,
            "replyMinutes": 0,
            "holidays": ["12-24", "12-25", "12-31", "01-01", "US:07-04"],
        },
        "openingHours": {"windows": "mon-fri 07:00-22:00; sat-sun 09:00-20:00"},
    },
}
# Denied, so that it differs from what waits for the hours of whenever this runs.
_TIGHTER = {
    "content": {"segments": 1, "over": "deny"},
    "forcedTopics": {"extra": {"gates": ["north side"]}},
}


@dataclass(frozen=True, slots=True)
class Size:
    """Messages stored, decisions measured, messages of a drain, drains of each gate, decisions made
    again."""

    stored: int
    decisions: int
    messages: int
    rounds: int
    again: int


QUICK = Size(stored=100_000, decisions=2_000, messages=3_000, rounds=1, again=10_000)
NORMAL = Size(stored=1_000_000, decisions=5_000, messages=10_000, rounds=3, again=100_000)
LONG = Size(stored=1_000_000, decisions=20_000, messages=20_000, rounds=5, again=100_000)


@dataclass(frozen=True, slots=True)
class Decisions:
    """Processor seconds of the pure parts of one decision, and what one took with its facts."""

    stored: int
    people: int
    text_cpu: float
    rules_cpu: float
    record_cpu: float
    seconds: tuple[float, ...]
    facts_seconds: tuple[float, ...]

    @property
    def pure_cpu(self) -> float:
        return self.text_cpu + self.rules_cpu + self.record_cpu


@dataclass(frozen=True, slots=True)
class Again:
    """One backtest."""

    what: str
    asked: int
    changed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything on one kind of store; decisions and backtests on SQLite only."""

    drains: dict[str, list[Drain]]
    decisions: Decisions | None = None
    again: tuple[Again, ...] = ()


def measure(store: str, size: Size) -> Measured:
    drains: dict[str, list[Drain]] = {gate: [] for gate in gates.WORDS}
    for turn in range(size.rounds):
        # Taking turns, so that what else the machine does falls on all of them.
        order = list(gates.WORDS) if turn % 2 == 0 else list(gates.WORDS)[::-1]
        for gate in order:
            drains[gate].append(drained(store, size.messages, 1_000, gate))
    if store != "sqlite":
        return Measured(drains)
    with tempfile.TemporaryDirectory() as name, store_url(store, Path(name)) as url:
        decisions, again = _alone(Path(name), url, size)
    return Measured(drains, decisions, again)


# -- one decision ----------------------------------------------------------------------------------


def _alone(folder: Path, url: str, size: Size) -> tuple[Decisions, tuple[Again, ...]]:
    config = write_config(folder, url, sms=_BUSY)

    async def work(gateway: Gateway) -> tuple[Decisions, tuple[Again, ...]]:
        people = await history.write(gateway, size.stored)
        found: list[Decisions] = []

        def job(tx: Tx) -> None:
            found.append(_decisions(gateway, tx, size, people))
            raise _Undo

        try:
            await gateway.kit.store.write(job)
        except _Undo:
            pass
        return found[0], await _backtests(gateway, folder, url, size.again, people)

    return asyncio.run(_with(config, work))


class _Undo(Exception):
    """Leaves no trace of what was measured."""


async def _with(config: Path, work: Callable[[Gateway], Awaitable[Any]]) -> Any:
    async with open_gateway(load(config, {})) as gateway:
        return await work(gateway)


def _decisions(gateway: Gateway, tx: Tx, size: Size, people: int) -> Decisions:
    kit, now = gateway.kit, gateway.kit.clock.now()
    policy = kit.policies[gateway.settings.default_line_id]
    for index in range(_WARM):
        decide(facts_of(kit, tx, _proposal(gateway, index, people), now), policy)
    wholes, gathered, facts = [], [], []
    for index in range(size.decisions):
        # Another person each time, so that no page of theirs was just read.
        one = _proposal(gateway, index, people, stride=7)
        begun = perf_counter()
        seen = facts_of(kit, tx, one, now)
        known = perf_counter()
        decide(seen, policy)
        wholes.append(perf_counter() - begun)
        gathered.append(known - begun)
        facts.append(seen)
    texts = [_words(index) for index in range(size.decisions)]
    return Decisions(
        size.stored,
        people,
        _cpu(lambda text: traits_of(policy, text, [count(text)]), texts),
        _cpu(lambda seen: decide(seen, policy), facts),
        _cpu(facts_to_record, facts),
        tuple(wholes),
        tuple(gathered),
    )


def _cpu(act: Callable[[Any], object], things: Sequence[Any]) -> float:
    begun = thread_time()
    for thing in things:
        act(thing)
    return (thread_time() - begun) / len(things)


def _proposal(gateway: Gateway, index: int, people: int, stride: int = 1) -> Proposal:
    line = gateway.kit.lines[gateway.settings.default_line_id]
    number = history.number(index * stride % people)
    return Proposal(line, number, _words(index), Act.REPLY, "agent:default")


def _words(index: int) -> str:
    return _WORDS.format(index % 28 + 1, index)


# -- a month of them again -------------------------------------------------------------------------


async def _backtests(
    gateway: Gateway, folder: Path, url: str, decisions: int, people: int
) -> tuple[Again, ...]:
    begun = gateway.kit.clock.now()
    for first in range(0, decisions, _BATCH):
        last = min(first + _BATCH, decisions)
        batch = [_proposal(gateway, index, people) for index in range(first, last)]
        now = gateway.kit.clock.now()
        await gateway.kit.store.write(lambda tx, b=batch, n=now: propose(gateway.kit, tx, b, n))
    ended = gateway.kit.clock.now()
    settings = {"other settings": {"content": _TIGHTER["content"]}, "other words too": _TIGHTER}
    found = []
    for what, rules in settings.items():
        sms = {**_BUSY, "policy": {**_BUSY["policy"], **rules}}  # type: ignore[dict-item]
        other = load(write_config(folder, url, name="other", sms=sms), {})
        asked = replay.other_of(other.lines, other.policies)
        started = perf_counter()
        result = await replay.backtest(gateway.kit.store, asked, begun, ended)
        seconds = perf_counter() - started
        found.append(Again(what, result.asked, sum(result.changed.values()), seconds))
    return tuple(found)


# -- tables ----------------------------------------------------------------------------------------

DECISION_COLUMNS = ("what", "messages stored", "people", "CPU µs", "p50 ms", "p99 ms")
GATE_COLUMNS = ("store", "gate", "messages/s", "of the bare gate", "CPU ms each", "counted")
AGAIN_COLUMNS = ("backtest with", "decisions", "otherwise", "seconds", "s per 100,000")


def decision_rows(found: Decisions) -> list[list[str]]:
    stored, people = report.number(found.stored), report.number(found.people)
    pure = (
        ("the text's topics, links, segments", found.text_cpu),
        ("all rules", found.rules_cpu),
        ("the facts as a record", found.record_cpu),
        ("pure part", found.pure_cpu),
    )
    timed = (("gathering the facts", found.facts_seconds), ("facts and rules", found.seconds))
    return [
        *([what, "", "", report.micros(cpu), "", ""] for what, cpu in pure),
        *([what, stored, people, "", *_percentiles(seconds)] for what, seconds in timed),
    ]


def _percentiles(seconds: Sequence[float]) -> list[str]:
    cuts = quantiles(seconds, n=100)
    return [f"{1000 * cuts[49]:.2f}", f"{1000 * cuts[98]:.2f}"]


def gate_rows(store: str, drains: dict[str, list[Drain]]) -> Iterator[list[str]]:
    rates = {gate: report.middle(one.per_second for one in of) for gate, of in drains.items()}
    for gate, words in gates.WORDS.items():
        each = drains[gate]
        yield [
            store,
            words,
            report.number(rates[gate]),
            report.share(rates[gate], rates[gates.BARE]),
            f"{report.middle(1000 * one.cpu / one.accepted for one in each):.3f}",
            f"{each[-1].accepted:,} × {len(each)}",
        ]


def again_rows(found: Sequence[Again]) -> list[list[str]]:
    return [
        [
            one.what,
            report.number(one.asked),
            report.number(one.changed),
            f"{one.seconds:.1f}",
            f"{one.seconds * 100_000 / max(1, one.asked):.1f}",
        ]
        for one in found
    ]
