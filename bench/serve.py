"""The measured server, in a process of its own: the public door on uvicorn, behind it either the
gateway's receiver or one that does the least a durable webhook can do.

    python -m bench.serve CONFIG gateway|bare"""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path
from urllib.parse import urlsplit

from bench.children import say
from ringfence import logs
from ringfence.bootstrap import Gateway, open_gateway
from ringfence.cli.common import run
from ringfence.cli.gateway import spare_the_collector
from ringfence.config import load
from ringfence.gateway.receive import Receipt
from ringfence.gateway.stream_tokens import StreamPlaces
from ringfence.model.line import Line
from ringfence.model.wire import WebhookRequest
from ringfence.ports import IdempotencyRecord
from ringfence.web.listener import Listener
from ringfence.web.media import MediaDoor
from ringfence.web.public import PublicDoor


class BareReceiver:
    """The signature, then one row in the store's group commit. No parsing, gate, audit or turn."""

    def __init__(self, gateway: Gateway) -> None:
        self._kit = gateway.kit

    async def webhook(self, line: Line, request: WebhookRequest) -> Receipt:
        verified = self._kit.provider_of(line).verify(request, line)
        values = dict(verified.fields)
        row = IdempotencyRecord(
            values["From"], values["MessageSid"], values["Body"], "", self._kit.clock.now()
        )
        await self._kit.store.write(lambda tx: tx.idempotency.add((row,)))
        return Receipt(stored=True)


async def serve(config: Path, kind: str) -> None:
    settings = load(config, {})
    logs.configure(settings.logging.level, settings.logging.format)
    async with open_gateway(settings) as gateway:
        door = gateway.public if kind == "gateway" else _bare_door(gateway)
        async with Listener(door, "127.0.0.1", 0) as listener:
            spare_the_collector()
            say(port=urlsplit(listener.address).port)
            await _answer_questions(gateway)


async def _answer_questions(gateway: Gateway) -> None:
    """How much processor time so far, and how many rows; until the parent closes our input."""
    while await asyncio.to_thread(sys.stdin.readline):
        used = resource.getrusage(resource.RUSAGE_SELF)
        counts = await gateway.kit.store.read(lambda tx: tx.health.counts())
        say(cpu=used.ru_utime + used.ru_stime, counts=counts)


def _bare_door(gateway: Gateway) -> PublicDoor:
    paths = {line.webhook_path: line for line in gateway.settings.lines}
    media = MediaDoor(gateway.conversations, StreamPlaces(), gateway.kit.clock)
    bare = BareReceiver(gateway)
    return PublicDoor(gateway.kit, bare, paths, gateway.events, gateway.calls, media)  # type: ignore[arg-type]


if __name__ == "__main__":
    run(serve(Path(sys.argv[1]), sys.argv[2]))
