"""Stories: a real gateway and a simulated carrier on loopback sockets, one manual clock, phones in
hand. `async with telling(store_url) as story:` then `await story.phone("+15555550111").texts("hi")`,
`await story.passes(seconds=5)`, and look at the phone's inbox. Nothing sleeps; time is moved."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from ringfence.bootstrap import Gateway, Swaps, open_gateway
from ringfence.clock import ManualClock
from ringfence.config import load
from ringfence.config.settings import Settings
from ringfence.model.line import Line
from ringfence.ports import AgentReply, AgentTurn, Tx
from ringfence.ports.speech import Speech
from ringfence.testing import Phone, SimulatedCarrier
from ringfence.web.listener import Listener

START = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
NUMBER = "+15555550100"
OWNER = "+15555550199"
STEPS_MAX = 20_000
STILL_WITH_CALLS = 25


@dataclass
class ScriptedAgent:
    """An agent that says what the test wants: a text, an AgentReply, or an error to raise."""

    answer: Callable[[AgentTurn], AgentReply | str | Exception] = lambda turn: (
        f"You said: {turn.body}"
    )
    id: str = "default"
    keeps_history: bool = False
    turns: list[AgentTurn] = field(default_factory=list)

    async def reply(self, turn: AgentTurn) -> AgentReply:
        self.turns.append(turn)
        said = self.answer(turn)
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, AgentReply) else AgentReply(said)

    async def check(self) -> str:
        return ""

    async def close(self) -> None:
        return None


@dataclass
class Story:
    """The parts of one story. `public` and `private` are base URLs."""

    clock: ManualClock
    carrier: SimulatedCarrier
    gateway: Gateway
    agent: ScriptedAgent
    public: str
    private: str
    http: aiohttp.ClientSession

    def phone(self, number: str) -> Phone:
        return self.carrier.phone(number)

    @property
    def line(self) -> Line:
        return self.gateway.kit.lines[self.gateway.settings.default_line_id]

    async def read(self, query: Callable[[Tx], Any]) -> Any:
        """Look into the store."""
        return await self.gateway.kit.store.read(query)

    async def write(self, job: Callable[[Tx], Any]) -> Any:
        return await self.gateway.kit.store.write(job)

    async def settle(self) -> None:
        """Let everything that is due now happen, here and at the carrier; the clock stands still."""
        for _ in range(STEPS_MAX):
            await self.gateway.worker.settle()
            if await self._quiet() and not await self.gateway.worker.step():
                await self.gateway.worker.drain()
                return
        raise AssertionError("the story never comes to rest")

    async def passes(self, **delta: float) -> None:
        """Move the clock, stopping at every moment somebody waits for (`seconds=5`, `hours=2`)."""
        until = self.clock.now() + timedelta(**delta)
        await self.settle()
        while (wake := self.clock.next_wake) is not None and wake <= until:
            self.clock.move_to(max(wake, self.clock.now()))
            await self.settle()
        self.clock.move_to(until)
        await self.settle()

    async def post(self, path: str, document: Any, **headers: str) -> tuple[int, Any]:
        """POST JSON to the private door."""
        async with self.http.post(self.private + path, json=document, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        async with self.http.get(self.private + path, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def _quiet(self) -> bool:
        """True once every task of the carrier waits for the clock, and no call for an answer of ours."""
        still = 0
        for _ in range(STEPS_MAX):
            # A webhook that waits for a slow agent waits for the clock as well.
            desk = self.gateway.calls
            thinking = min(desk.telling.waiting, desk.asking.with_agent)
            asked = self.carrier.voice.reports.in_flight - thinking
            calls = len(self.carrier.voice.sessions)
            # A call has sleepers of its own besides what plays, and people who talk wait for no
            # clock: while there are calls, rest is what lasts.
            waits = self.carrier.world.exchange.under_way <= self.clock.sleepers + 2 * calls
            still = still + 1 if waits and asked <= 0 else 0
            if still > (STILL_WITH_CALLS if calls else 0):
                return True
            await asyncio.sleep(0)
        return False


def configuration(carrier_url: str, public_url: str, store_url: str, **sms: Any) -> dict[str, Any]:
    """A configuration for one line on the simulated carrier; `sms` adds or replaces keys, and
    takes those away that are None."""
    line: dict[str, Any] = {
        "accountSid": "AC00000000000000000000000000000001",
        "authToken": "simulated-token",
        "fromNumber": NUMBER,
        "apiBaseUrl": carrier_url,
        "publicWebhookUrl": public_url,
        "owners": [OWNER],
        **sms,
    }
    line = {name: value for name, value in line.items() if value is not None}
    return {
        "store": {"url": store_url},
        "agents": {"default": {"kind": "echo"}},
        # Stories that count requests are not about the daily comparison.
        "delivery": {"reconcileHours": 0},
        "channels": {"sms": line},
    }


def credentials(carrier: SimulatedCarrier, provider: str) -> dict[str, Any]:
    """What changes in a line when its provider does: one word and its credentials."""
    if provider == "twilio":
        return {}
    if provider == "plivo":
        return {"provider": provider, "accountSid": None, "authId": carrier.account_sid}
    return {
        "provider": provider,
        "accountSid": None,
        "authToken": None,
        "apiKey": carrier.auth_token,
        "publicKey": carrier.public_key,
        "messagingProfileId": carrier.messaging_profile_id,
    }


@asynccontextmanager
async def telling(
    store_url: str,
    *,
    sms: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    agent: ScriptedAgent | None = None,
    carrier_options: Mapping[str, Any] | None = None,
    clock: ManualClock | None = None,
    seed: int = 7,
    provider: str = "twilio",
    speech: Speech | None = None,
    change: Callable[[Settings, str], Settings] = lambda settings, public: settings,
) -> AsyncIterator[Story]:
    """Start a story; with `provider` carrier and line are that provider's. `sms` changes the line, `config` merges top-level sections, `carrier_options`
    go to SimulatedCarrier (faults, opt-out handling, trial, seed). `{public}` in a value becomes
    the public door's address. A second story on the same store is a restart: give it another
    `seed` or a later clock, since ids come from both. `change` is shown the settings and the public
    door's address."""
    clock = clock or ManualClock(START)
    agent = agent or ScriptedAgent()
    async with AsyncExitStack() as stack:
        carrier = await stack.enter_async_context(
            SimulatedCarrier(
                number=NUMBER,
                account_sid="AC00000000000000000000000000000001",
                auth_token="simulated-token",
                clock=clock,
                provider=provider,
                **(carrier_options or {}),
            )
        )
        public_door = _Late()
        public = await stack.enter_async_context(Listener(public_door, "127.0.0.1", 0))
        url = public.address + "/webhooks/sms"
        carrier.webhook_url = url
        keys = {**credentials(carrier, provider), **(sms or {})}
        document = configuration(carrier.base_url, url, store_url, **keys)
        document.update(config or {})
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        path = Path(folder) / "ringfence.json5"
        path.write_text(json.dumps(document).replace("{public}", public.address))
        path.chmod(0o600)
        settings = change(load(path, {}), public.address)
        swaps = Swaps(clock=clock, agents={"default": agent}, seed=seed, speech=speech)
        gateway = await stack.enter_async_context(open_gateway(settings, swaps))
        public_door.app = gateway.public
        private = await stack.enter_async_context(Listener(gateway.private, "127.0.0.1", 0))
        await gateway.worker.recover()
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield Story(clock, carrier, gateway, agent, public.address, private.address, http)
        await gateway.worker.drain()


class _Late:
    """The door's address must be known before the gateway that serves it exists."""

    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)
