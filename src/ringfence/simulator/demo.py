"""Everything around the gateway that the demo needs, made up on the spot: a simulated carrier, an
agent, a configuration file. The gateway itself runs as ever, with that file and nothing else."""

from __future__ import annotations

import base64
import json
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ringfence.clock import SystemClock
from ringfence.model.errors import ConfigInvalid
from ringfence.simulator.demo_agent import DemoAgent
from ringfence.simulator.phone import Phone
from ringfence.simulator.sids import DEFAULT_NUMBER
from ringfence.simulator.world import World, WorldSettings

YOU: Final = "+15555550111"
FRIEND: Final = "+15555550112"
NEIGHBOUR: Final = "+15555550113"
OWNER: Final = "+15555550199"
ANN: Final = "+15555550141"
BEN: Final = "+15555550142"
TEXTS: Final = "/webhooks/sms"
CALLS: Final = "/voice/webhook"
ANSWER_WITHIN_S: Final = 5
"""How long Ann has before Ben is asked. A team would give her five minutes."""
_MARK: Final = "// Made by `ringfence demo`"
_HEADER: Final = f"""\
{_MARK}: one line on a simulated carrier, one signed webhook agent.
// With a Twilio number instead: its accountSid, authToken, fromNumber and publicWebhookUrl, and no
// apiBaseUrl. Nothing else changes.
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where things listen on loopback; 0 picks a free port."""

    public: int = 0
    private: int = 0
    carrier: int = 0


@dataclass(frozen=True, slots=True)
class Demo:
    """The surroundings, up and running, and where the gateway is to be."""

    folder: Path
    config_path: Path
    world: World
    agent: DemoAgent
    public_url: str
    private_url: str

    def phone(self, number: str) -> Phone:
        return self.world.exchange.phone(number)

    def handset(self, number: str) -> str:
        """The page with this phone in a browser."""
        return f"{self.world.base_url}/_sim/?phone={quote(number, safe='')}"


@asynccontextmanager
async def surroundings(folder: Path, ports: Ports) -> AsyncIterator[Demo]:
    """Start the carrier and the agent, write the configuration. Raises OSError when a port is taken
    or the folder cannot be written, ConfigInvalid when it holds somebody else's configuration."""
    clock = SystemClock()
    public = f"http://127.0.0.1:{ports.public or free_port()}"
    private = f"http://127.0.0.1:{ports.private or free_port()}"
    key = secrets.token_bytes(32)
    settings = WorldSettings(
        # A fresh seed each time: a second demo over the same store must not deal the same SIDs.
        seed=secrets.randbits(48),
        port=ports.carrier,
        number=DEFAULT_NUMBER,
        webhook_url=f"{public}{TEXTS}",
        voice_url=f"{public}{CALLS}",
        voice_status_url=f"{public}{CALLS}",
    )
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(World(settings, clock))
        agent = await stack.enter_async_context(DemoAgent(key, private, clock))
        path = folder / "ringfence.json5"
        _write(path, configuration(world, agent, key, public, private))
        for number in (YOU, FRIEND, OWNER, ANN, BEN):
            world.exchange.phone(number)
        yield Demo(folder, path, world, agent, public, private)


def configuration(
    world: World, agent: DemoAgent, key: bytes, public: str, private: str
) -> dict[str, Any]:
    """What an operator would write. The secrets in it open nothing but this demo."""
    return {
        "gateway": {
            "publicPort": int(public.rpartition(":")[2]),
            "privatePort": int(private.rpartition(":")[2]),
            # Commands in other processes are seen at the next look; look often.
            "pollMs": 100,
        },
        "store": {"url": "sqlite:///ringfence.db"},
        "logging": {"level": "warning", "format": "text"},
        "agents": {
            "default": {
                "kind": "webhook",
                "url": agent.url,
                "secrets": ["whsec_" + base64.b64encode(key).decode()],
            }
        },
        **_on_call(),
        "channels": {
            "sms": {
                "name": "Demo",
                "accountSid": world.account.sid,
                "authToken": world.account.auth_token,
                "fromNumber": world.line.number,
                "apiBaseUrl": world.base_url,
                "publicWebhookUrl": f"{public}{TEXTS}",
                "dmPolicy": "pairing",
                "owners": [OWNER],
            },
            "voice": {
                "publicUrl": f"{public}{CALLS}",
                "inboundPolicy": "pairing",
                "inboundGreeting": "Hello, this is the demo agent.",
                "allowTo": [YOU, ANN, BEN],
                # A caller who is connected to somebody takes two of them.
                "maxConcurrentCalls": 3,
                "outbound": {"notifyHangupDelaySec": 1},
            },
        },
    }


def _on_call() -> dict[str, Any]:
    """Two people, and whom an incident asks after whom: the first by text, the second by a call."""
    return {
        "responders": {
            "ann": {"number": ANN, "label": "Ann"},
            "ben": {"number": BEN, "label": "Ben"},
        },
        "escalationPolicies": {
            "ops": {
                "steps": [
                    {
                        "name": "first",
                        "notify": ["person:ann"],
                        "acknowledgedWithin": ANSWER_WITHIN_S,
                    },
                    {"name": "second", "notify": ["person:ben"], "by": ["call"]},
                ]
            }
        },
        "tickets": {"board": {"kind": "builtin"}},
        "flows": {
            "incident": {
                "types": ["incident.*"],
                "when": 'severity >= "error"',
                "alert": {
                    "escalation": "ops",
                    "service": "data.service",
                    "tickets": ["board"],
                },
            }
        },
    }


def _write(path: Path, document: dict[str, Any]) -> None:
    """Private from the start: it holds secrets, as a real one would. Raises ConfigInvalid rather
    than write over a file that is not the demo's."""
    if path.exists() and not path.read_text(encoding="utf-8").startswith(_MARK):
        raise ConfigInvalid((f"{path}: is not the demo's own; choose another folder",))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(_HEADER + json.dumps(document, indent=2) + "\n", encoding="utf-8")


def free_port() -> int:
    """A loopback port nobody uses at this moment. The gateway must know its public address before
    it starts, so the port is chosen here and taken there; should another program be faster, the
    gateway says so and stops."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
    return port
