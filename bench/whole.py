"""The measured gateway as one process runs it: both doors and the worker, or one of the two. Before
that, the store is made ready (uncounted): a token for the shop, people who agreed.

    python -m bench.whole CONFIG ready PEOPLE
    python -m bench.whole CONFIG all|web|worker"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from urllib.parse import urlsplit

from bench.channel import PROGRAMME, SOURCE
from bench.children import say
from bench.drain import cpu, resident_mb
from bench.setup import person
from ringfence import logs
from ringfence.bootstrap import Gateway, Role, open_gateway, running
from ringfence.cli.common import run
from ringfence.cli.gateway import spare_the_collector
from ringfence.config import load
from ringfence.gateway import principals
from ringfence.gateway.evidence import Statement, write
from ringfence.model.consent import ConsentKind, Level, Method
from ringfence.model.phone import PhoneNumber
from ringfence.model.principal import PrincipalKind
from ringfence.ports import Tx


async def ready(gateway: Gateway, people: int) -> None:
    await gateway.kit.store.write(lambda tx: _agreed(gateway, tx, people))
    wanted = principals.Wanted(SOURCE, PrincipalKind.EVENTS)
    issued = await principals.create(gateway.kit, wanted, "operator:bench")
    say(bearer=issued.bearer)


def _agreed(gateway: Gateway, tx: Tx, people: int) -> None:
    kit, now = gateway.kit, gateway.kit.clock.now()
    said = [
        Statement(
            PhoneNumber(person(index)),
            ConsentKind.GRANTED,
            Method.PAPER,
            programme=PROGRAMME,
            level=Level.TRANSACTIONAL,
            disclosure="Texts about your orders.",
            evidence=f"form {index}",
        )
        for index in range(people)
    ]
    write(kit, tx, said, "operator:bench", now)


async def serve(gateway: Gateway, role: Role) -> None:
    async with running(gateway, role) as addresses:
        spare_the_collector()
        say(
            public=urlsplit(addresses.public).port,
            private=urlsplit(addresses.private).port,
        )
        await answer_questions(gateway)


async def answer_questions(gateway: Gateway) -> None:
    """Processor time and memory so far, and how many rows; until the parent closes our input."""
    while await asyncio.to_thread(sys.stdin.readline):
        counts = await gateway.kit.store.read(lambda tx: tx.health.counts())
        say(cpu=cpu(), memory=resident_mb(), counts=counts)


async def main(config: Path, what: str, *more: str) -> None:
    settings = load(config, {})
    logs.configure(settings.logging.level, settings.logging.format)
    async with open_gateway(settings) as gateway:
        if what == "ready":
            await ready(gateway, *map(int, more))
        else:
            await serve(gateway, Role(what))


if __name__ == "__main__":
    run(main(Path(sys.argv[1]), *sys.argv[2:]))
