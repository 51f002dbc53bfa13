"""One simulated world: a carrier with an account and a number, its faults, its phones, and the web
server that speaks for it. Everything random comes from one seed; time comes from one clock.

`async with World(WorldSettings(...)) as world:` starts and stops it. Listens on loopback only."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final

from ringfence.clock import SystemClock
from ringfence.simulator import plivo, telnyx
from ringfence.simulator.carrier import Behaviour, Carrier
from ringfence.simulator.control import Control
from ringfence.simulator.exchange import Exchange
from ringfence.simulator.faults import Dice, Faults
from ringfence.simulator.records import Account, Line, Service, Webhook
from ringfence.simulator.rest import Rest
from ringfence.simulator.server import LoopbackServer
from ringfence.simulator.sids import DEFAULT_NUMBER, SidSource
from ringfence.simulator.timeline import Clock
from ringfence.simulator.webhooks import Deliverer, RetryMode

DEFAULT_PORT: Final = 8899


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """What a world starts with. Empty SIDs and tokens are dealt from the seed."""

    seed: int = 1
    port: int = 0  # 0 picks a free one
    number: str = DEFAULT_NUMBER
    account_sid: str = ""
    auth_token: str = ""
    webhook_url: str = ""  # where inbound messages of the number go
    fallback_url: str = ""
    voice_url: str = ""  # where it asks about calls to the number
    voice_status_url: str = ""  # where it tells how they go on
    trial: bool = False
    provider: str = "twilio"  # or "telnyx", "plivo": whose API and webhooks the account has
    callbacks: bool = True  # off: no status callbacks at all, messages finish at once
    faults: Faults = field(default_factory=Faults)
    behaviour: Behaviour = field(default_factory=Behaviour)
    retry_mode: RetryMode = RetryMode.CONNECT_ONLY
    tunnel: Mapping[str, str] = field(default_factory=dict)  # public origin -> loopback origin


class World:
    """The parts, wired. `base_url` is known once started."""

    def __init__(self, settings: WorldSettings | None = None, clock: Clock | None = None) -> None:
        self.settings = chosen = settings or WorldSettings()
        self.clock: Clock = clock or SystemClock()
        self.carrier = Carrier(SidSource(random.Random(chosen.seed)), chosen.behaviour)  # noqa: S311 - a simulation is repeatable on purpose
        self.dice = Dice(chosen.seed, chosen.faults)
        self.deliverer = Deliverer(mode=chosen.retry_mode, tunnel=chosen.tunnel)
        self.exchange = Exchange(
            self.carrier, self.clock, self.dice, self.deliverer, callbacks=chosen.callbacks
        )
        now = self.clock.now()
        sid = chosen.account_sid
        if chosen.provider == plivo.PROVIDER and not sid:
            sid = plivo.auth_id(self.carrier.sids)
        self.account: Account = self.carrier.open_account(
            now, sid, chosen.auth_token, trial=chosen.trial
        )
        webhook = Webhook(chosen.webhook_url, fallback_url=chosen.fallback_url)
        self.line: Line = self.carrier.add_line(self.account, chosen.number, now, webhook)
        self.profile: Service | None = None
        if chosen.provider == telnyx.PROVIDER:
            self.profile = self._speak_telnyx()
        elif chosen.provider == plivo.PROVIDER:
            self.account.provider = plivo.PROVIDER
        self.line.settings["voice_url"] = chosen.voice_url
        self.line.settings["status_callback"] = chosen.voice_status_url
        self._server = LoopbackServer(chosen.port)
        self.base_url = ""
        self.rest: Rest

    async def __aenter__(self) -> World:
        port = self._server.bind()
        self.base_url = self.exchange.address = f"http://127.0.0.1:{port}"
        # Another host name for the files, so that forwarded credentials are noticed.
        self.rest = Rest(self.exchange, cdn_url=f"http://localhost:{port}")
        await self.deliverer.__aenter__()
        await self._server.start(Control(self.exchange, self.rest))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.exchange.close()
        await self._server.stop()
        await self.deliverer.__aexit__(kind, error, trace)

    def _speak_telnyx(self) -> Service:
        """Make the account Telnyx's: a signing key, and a messaging profile with its number, to which
        opt-outs are scoped and which tells what it took for a keyword."""
        self.account.provider = telnyx.PROVIDER
        rng = random.Random(f"telnyx {self.settings.seed}")  # noqa: S311 - repeatable on purpose
        self.account.signing_key = rng.randbytes(32)
        profile = self.service("Messaging profile")
        profile.use_inbound_webhook_on_number = profile.advanced_opt_out = True
        return profile

    def service(self, name: str = "Simulated service", *, webhook_url: str = "") -> Service:
        """A Messaging Service of the account, with the account's numbers in its pool."""
        service = self.carrier.add_service(self.account, name, self.clock.now())
        service.inbound.url = webhook_url
        service.pool = [
            line.number
            for line in self.carrier.lines.values()
            if line.account_sid == self.account.sid
        ]
        return service
