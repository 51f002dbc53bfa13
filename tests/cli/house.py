"""A configuration in a temporary folder and the command line over it: `house.run("pairing", "list")`
answers like a shell would, `house.read/write` look into the store it used."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from click.testing import CliRunner, Result

from ringfence.bootstrap import Gateway, open_gateway
from ringfence.cli import main
from ringfence.config import load
from ringfence.gateway import pairing
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.review import propose
from ringfence.model.contact import PairingRequest
from ringfence.model.errors import RingfenceError
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.ports import Tx

NUMBER, SECOND = "+15555550100", "+15555550101"
OWNER, STRANGER, FRIEND = "+15555550199", "+15555550111", "+15555550112"
ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "simulated-token"

T = TypeVar("T")


@dataclass
class House:
    """`path` is the configuration file."""

    path: Path

    def run(self, *words: str, code: int | None = 0) -> Result:
        """Run one command; `code` is the exit code it must have (None: any)."""
        result = CliRunner().invoke(main, ["--config", str(self.path), *words])
        if isinstance(result.exception, RingfenceError):
            # What __main__ prints.
            result.stderr_bytes = f"ringfence: {result.exception}\n".encode()
        if code is not None:
            assert result.exit_code == code, (result.output, result.exception)
        return result

    def json(self, *words: str, code: int | None = 0) -> Any:
        return json.loads(self.run(*words, "--json", code=code).stdout)

    def with_gateway(self, work: Callable[[Gateway], Awaitable[T]]) -> T:
        async def opened() -> T:
            async with open_gateway(load(self.path, {})) as gateway:
                return await work(gateway)

        return asyncio.run(opened())

    def read(self, query: Callable[[Tx], T]) -> T:
        return self.with_gateway(lambda gateway: gateway.kit.store.read(query))

    def stranger_asks(self, number: str = STRANGER, line: str = "default") -> PairingRequest:
        """Somebody nobody knows wrote to the line: there is a pending request."""

        async def work(gateway: Gateway) -> PairingRequest:
            kit, now = gateway.kit, gateway.kit.clock.now()

            def job(tx: Tx) -> PairingRequest:
                person = PhoneNumber(number)
                pairing.stranger_wrote(kit, tx, kit.lines[line], person, "hello", "msg_x", now)
                return tx.access.pending([(line, person)], now)[line, person]

            return await kit.store.write(job)

        return self.with_gateway(work)

    def queues(self, number: str, body: str = "hi", line: str = "default") -> str:
        """An operator's message that waits to be sent; its id."""

        async def work(gateway: Gateway) -> str:
            kit, now = gateway.kit, gateway.kit.clock.now()

            def job(tx: Tx) -> str:
                wanted = Proposal(
                    kit.lines[line], PhoneNumber(number), body, Act.INITIATE, "operator:test"
                )
                return propose(kit, tx, [wanted], now)[0].message_id

            return await kit.store.write(job)

        return self.with_gateway(work)

    def now(self) -> datetime:
        async def work(gateway: Gateway) -> datetime:
            return gateway.kit.clock.now()

        return self.with_gateway(work)


def build(
    folder: Path,
    sms: Mapping[str, Any] | None = None,
    **sections: Any,
) -> House:
    """One line `default` on a carrier nobody runs; `sms` changes its keys, `sections` the rest."""
    line: dict[str, Any] = {
        "accountSid": ACCOUNT,
        "authToken": TOKEN,
        "fromNumber": NUMBER,
        "apiBaseUrl": "http://127.0.0.1:9",
        "publicWebhookUrl": "http://127.0.0.1:9/webhooks/sms",
        "owners": [OWNER],
        **(sms or {}),
    }
    document = {
        "store": {"url": "sqlite:///ringfence.db"},
        "gateway": {"publicPort": 0, "privatePort": 0},
        "agents": {"default": {"kind": "echo"}},
        "channels": {"sms": line},
        **sections,
    }
    path = folder / "ringfence.json5"
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    return House(path)
