"""The command line beside a running gateway: a story of calls whose configuration is a file, and
`await run("voicecall", "call", …)` in a thread of its own over the same store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click.testing import Result
from house import House

from calling import ANN, PATH, Calling
from ringfence.clock import ManualClock
from ringfence.config import load
from ringfence.config.settings import Settings
from telling import ScriptedAgent, telling

GREETING = "Hello, this is Acme."
VOICE: dict[str, Any] = {
    "webhookPath": PATH,
    "allowTo": [ANN],
    "inboundPolicy": "open",
    "inboundGreeting": GREETING,
    "maxConcurrentCalls": 2,
}


@dataclass
class Phoning(Calling):
    """A story, and the command line over its store."""

    async def run(self, *words: str, code: int | None = 0) -> Result:
        """One `voicecall` command, as a shell would."""
        path = self.story.gateway.settings.path
        assert path is not None
        result = await asyncio.to_thread(House(path).run, "voicecall", *words, code=code)
        # What the command wrote is due by the machine's clock.
        self.story.clock.move_to(max(self.story.clock.now(), datetime.now(UTC)))
        return result

    async def document(self, *words: str, code: int | None = 0) -> Any:
        return json.loads((await self.run(*words, "--json", code=code)).stdout)


@asynccontextmanager
async def phoning(
    store_url: str,
    *,
    voice: dict[str, Any] | None = None,
    agent: ScriptedAgent | None = None,
    **more: Any,
) -> AsyncIterator[Phoning]:
    """`voice` are keys of `channels.voice`. The clock stands at the machine's: the commands read that."""

    def change(settings: Settings, public: str) -> Settings:
        assert settings.path is not None
        return configured(settings.path, VOICE | {"publicUrl": public + PATH} | (voice or {}))

    clock = ManualClock(datetime.now(UTC))
    async with telling(store_url, agent=agent, change=change, clock=clock, **more) as story:
        story.carrier.voice_url = story.public + PATH
        story.carrier.world.line.settings["status_callback"] = story.public + PATH
        yield Phoning(story)


def configured(path: Path, voice: dict[str, Any]) -> Settings:
    """The file, with these keys of calls as well."""
    document = json.loads(path.read_text())
    document["channels"]["voice"] = voice
    path.write_text(json.dumps(document))
    return load(path, {})
