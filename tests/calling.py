"""Stories of calls: a line that calls and is called, a simulated carrier, phones that ring. `async with
calling(store_url) as story: await story.calls(ANN, "Hello")`, then `await story.until(phone.rings())`:
time passes only as fast as somebody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ringfence.config.policies import policy_of
from ringfence.config.problems import Problems
from ringfence.config.settings import Settings
from ringfence.gateway.call_words import CALL, KEYS
from ringfence.gateway.halt import stop
from ringfence.gateway.proposal import Proposal, Proposed
from ringfence.gateway.review import propose
from ringfence.model.call import Call, CallMode, Words
from ringfence.model.contact import SwitchScope
from ringfence.model.line import AccessPolicy
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.model.voice import RelaySettings, Route, StreamSettings, VoiceSettings
from ringfence.simulator.stream_sockets import DirectSockets
from ringfence.testing import Phone
from telling import ScriptedAgent, Story, telling

ANN, BEN = "+15555550141", "+15555550142"
T = TypeVar("T")
PATH = "/voice/webhook"
STREAM_PATH = "/voice/stream"
ROUTE = Route(agent_id="default", greeting="Hello, this is Acme.", language="en-US")


@dataclass
class Calling:
    """A story, and what one does in it."""

    story: Story
    made: list[str] = field(default_factory=list)

    def phone(self, number: str) -> Phone:
        return self.story.phone(number)

    async def calls(
        self,
        number: str,
        words: str,
        *,
        mode: CallMode = CallMode.NOTIFY,
        keys: Mapping[str, str] | None = None,
        by: str = "operator:test",
    ) -> Proposed:
        kit = self.story.gateway.kit
        provenance: dict[str, Any] = {CALL: mode.value, **({KEYS: dict(keys)} if keys else {})}
        proposal = Proposal(
            self.story.line, PhoneNumber(number), words, Act.CALL, by, provenance=provenance
        )
        now = self.story.clock.now()
        (proposed,) = await self.story.write(lambda tx: propose(kit, tx, [proposal], now))
        kit.outbox_bell.ring()
        self.made.append(proposed.message_id)
        return proposed

    async def until(self, work: Coroutine[Any, Any, T]) -> T:
        """Let time pass, as fast as it can, until that is done."""
        task = asyncio.ensure_future(work)
        async with asyncio.timeout(60):
            while not task.done():
                await self.story.settle()
                due = self.story.clock.next_wake
                if not task.done() and due is not None:
                    self.story.clock.move_to(max(due, self.story.clock.now()))
        return await task

    async def settles(self) -> None:
        """Until no call is under way."""
        await self.until(self.story.carrier.settles())
        await self.story.settle()

    async def stops(self) -> None:
        """Everything, by an operator."""
        kit, now = self.story.gateway.kit, self.story.clock.now()
        await self.story.write(
            lambda tx: stop(kit, tx, SwitchScope.EVERYTHING, "", "test", "operator:test", now)
        )
        kit.calls_bell.ring()

    async def call(self) -> Call:
        """The newest of the calls on record."""
        return (await self.all_calls())[0]

    async def all_calls(self) -> list[Call]:
        """The newest first."""
        found: list[Call] = await self.story.read(
            lambda tx: tx.calls.listing(100, None, None, None)
        )
        return found

    async def words(self, call: Call) -> list[Words]:
        said: list[Words] = await self.story.read(lambda tx: tx.calls.words_of(call.id))
        return said

    async def status(self, message_id: str) -> str:
        message = await self.story.read(lambda tx: tx.messages.get(message_id))
        status: str = message.status.value
        return status


@asynccontextmanager
async def calling(
    store_url: str,
    *,
    voice: Mapping[str, Any] | None = None,
    agent: ScriptedAgent | None = None,
    streams: bool = False,
    relay: bool = False,
    **more: Any,
) -> AsyncIterator[Calling]:
    """Start a story of a line that takes and places calls; `voice` are VoiceSettings' fields. With
    `streams` it talks over live sound, with `relay` over text that the carrier hears and speaks; both are
    dialled within this process."""
    chosen = {
        "webhook_path": PATH,
        "route": ROUTE,
        "access": AccessPolicy.OPEN,
        "allow_anyone": True,
        "allow_to": frozenset({ANN, BEN}),
        "at_once": 2,
        **(voice or {}),
    }

    def change(settings: Settings, public: str) -> Settings:
        url = public.replace("http://", "wss://") + STREAM_PATH
        stream: dict[str, Any] = {"stream": StreamSettings(STREAM_PATH, url)} if streams else {}
        stream |= {"relay": RelaySettings(url)} if relay else {}
        lines = [
            replace(
                line,
                voice=VoiceSettings(**chosen, **stream),
                voice_url=public + PATH,
                allow_to=line.allow_to | chosen["allow_to"],
            )
            for line in settings.lines
        ]
        policies = {line.id: policy_of(line, (), Problems())[0] for line in lines}
        return replace(settings, lines=tuple(lines), policies=policies)

    async with telling(store_url, agent=agent, change=change, **more) as story:
        if streams or relay:
            story.carrier.voice.streams.dial = DirectSockets(lambda: story.gateway.public)
        story.carrier.voice_url = story.public + PATH
        # Set at the number, as an operator does in the provider's console.
        story.carrier.world.line.settings["status_callback"] = story.public + PATH
        yield Calling(story)
