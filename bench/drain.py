"""The measured worker, in a process of its own: the outbox of one store is filled (uncounted), then
in a fresh process drained through the gate, dispatch and audit, as `--role worker` does it.

    python -m bench.drain CONFIG fill MESSAGES RECIPIENTS
    python -m bench.drain CONFIG drain MESSAGES [GATE]

GATE is one of bench.gates, the gate of the configuration where it is not given."""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path
from time import perf_counter

from bench import gates
from bench.children import say
from bench.setup import person
from bench.texts import message_sid
from ringfence import logs
from ringfence.bootstrap import Gateway, Role, open_gateway, running
from ringfence.cli.common import run
from ringfence.cli.gateway import spare_the_collector
from ringfence.config import load
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.review import propose
from ringfence.model.contact import Person
from ringfence.model.message import Direction, Message, MessageStatus
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.ports import Tx

BATCH = 200
LOOK_S = 0.1
STALLED_S = 20


def cpu() -> float:
    """Processor seconds of this process so far, all threads, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


async def fill(gateway: Gateway, messages: int, recipients: int) -> None:
    """Propose as an agent's replies are proposed, to people who just wrote; the gate judges each."""
    await gateway.kit.store.write(lambda tx: _all_wrote(gateway, tx, recipients))
    before = cpu()
    for first in range(0, messages, BATCH):
        batch = _proposals(gateway, first, min(BATCH, messages - first), recipients)
        now = gateway.kit.clock.now()
        await gateway.kit.store.write(lambda tx, b=batch, n=now: propose(gateway.kit, tx, b, n))
    say(cpu=cpu() - before)


def _all_wrote(gateway: Gateway, tx: Tx, recipients: int) -> None:
    kit, now = gateway.kit, gateway.kit.clock.now()
    line = kit.lines[gateway.settings.default_line_id]
    people = [
        Person(PhoneNumber(person(index)), kit.ids.new("contact", now))
        for index in range(recipients)
    ]
    tx.people.add(people)
    tx.messages.add_inbound(
        [
            Message(
                id=kit.ids.new("message", now),
                line=line.id,
                direction=Direction.IN,
                number=one.number,
                contact_id=one.contact_id,
                body="When is my visit?",
                status=MessageStatus.RECEIVED,
                created_at=now,
                updated_at=now,
                provider_id=message_sid(index),
            )
            for index, one in enumerate(people)
        ]
    )


def _proposals(gateway: Gateway, first: int, count: int, recipients: int) -> list[Proposal]:
    line = gateway.kit.lines[gateway.settings.default_line_id]
    return [
        Proposal(
            line,
            PhoneNumber(person(index % recipients)),
            f"Your visit is at {index % 12 + 1} o'clock; reply here if that has changed. No {index:06d}.",
            Act.REPLY,
            "agent:default",
        )
        for index in range(first, first + count)
    ]


async def drain(gateway: Gateway, messages: int) -> None:
    """Report every look: how many were accepted, and the resident memory by then."""
    spare_the_collector()
    memory: list[tuple[int, float]] = []
    before, started = cpu(), perf_counter()
    async with running(gateway, Role.WORKER):
        accepted, moved_at = 0, started
        while accepted < messages:
            await gateway.kit.clock.sleep(LOOK_S)
            before_look, accepted = accepted, await _accepted(gateway)
            memory.append((accepted, resident_mb()))
            if accepted > before_look:
                moved_at = perf_counter()
            elif perf_counter() - moved_at > STALLED_S:
                raise RuntimeError(f"only {accepted} of {messages} messages were accepted")
        seconds, used = perf_counter() - started, cpu() - before
    say(accepted=accepted, seconds=seconds, cpu=used, memory=memory)


async def _accepted(gateway: Gateway) -> int:
    counts = await gateway.kit.store.read(lambda tx: tx.health.counts())
    return counts.get("outbox.accepted", 0)


async def main(config: Path, what: str, *more: str) -> None:
    settings = load(config, {})
    logs.configure(settings.logging.level, settings.logging.format)
    async with open_gateway(settings) as gateway:
        if what == "fill":
            await fill(gateway, *map(int, more))
        else:
            gates.put(gateway, more[1] if len(more) > 1 else gates.WHOLE)
            await drain(gateway, int(more[0]))
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    run(main(Path(sys.argv[1]), *sys.argv[2:]))
