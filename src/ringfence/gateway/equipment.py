"""What every stage is given: the ports, the lines, the policy and the sources of time and chance.
Built by bootstrap, once; holds no state of its own but the bells and the lines' breakers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ringfence.delivery.breaker import BREAKER, BreakerSettings
from ringfence.delivery.flow import Operations
from ringfence.delivery.retry import (
    RETRY,
    TURN,
    WATCH,
    RetrySettings,
    TurnSettings,
    WatchSettings,
)
from ringfence.gateway.breakers import Breakers
from ringfence.model.audit import AuditEntry
from ringfence.model.classifier import Classifier
from ringfence.model.ids import IdSource
from ringfence.model.line import Line
from ringfence.model.phone import PhoneNumber
from ringfence.model.template import Template
from ringfence.policy.policy import Policy
from ringfence.ports import Agent, Clock, Http, Mailer, Signer, Store
from ringfence.ports.speech import Speech
from ringfence.ports.tracing import NO_TRACE, Trace
from ringfence.providers.base import Provider


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast and how patiently the worker goes. Seconds and counts."""

    dispatch_concurrency: int = 128
    dispatch_batch: int = 64
    dispatch_lease: timedelta = timedelta(seconds=90)
    turn_concurrency: int = 64
    turn_lease: timedelta = timedelta(minutes=10)
    watch_batch: int = 50
    poll_s: float = 0.5
    retry: RetrySettings = RETRY
    watch: WatchSettings = WATCH
    turn: TurnSettings = TURN
    breaker: BreakerSettings = BREAKER
    reconcile_every: timedelta = timedelta(days=1)
    history_max: int = 20
    checkpoint_entries: int = 10_000
    checkpoint_every: timedelta = timedelta(hours=1)


class Bell:
    """Rung after a commit that left work, so that a stage need not wait for its next look. Counts
    its rings: one that comes while the stage is busy is not missed."""

    def __init__(self) -> None:
        self.rings = 0
        self._waiters: list[asyncio.Future[None]] = []

    def ring(self) -> None:
        self.rings += 1
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def past(self, rings: int) -> None:
        """Return once it rang more than `rings` times."""
        while self.rings <= rings:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter


@dataclass(frozen=True, slots=True)
class Equipment:
    """The ports and values of one gateway process. `policies` and `classifiers` are by line; `owner`
    names it in leases; `keep_texts` is how long texts are kept, None for always."""

    store: Store
    clock: Clock
    ids: IdSource
    chance: random.Random
    http: Http
    lines: Mapping[str, Line]
    providers: Mapping[str, Provider]
    agents: Mapping[str, Agent]
    policies: Mapping[str, Policy]
    owner: str
    pace: Pace = field(default_factory=Pace)
    turns_bell: Bell = field(default_factory=Bell)
    outbox_bell: Bell = field(default_factory=Bell)
    breakers: Breakers = field(default_factory=Breakers)
    own_numbers: frozenset[PhoneNumber] = frozenset()
    signer: Signer | None = None
    templates: Mapping[str, Template] = field(default_factory=dict)
    keep_texts: timedelta | None = None
    classifiers: Mapping[str, Classifier] = field(default_factory=dict)
    operations: Operations = field(default_factory=Operations)
    alerts_bell: Bell = field(default_factory=Bell)
    calls_bell: Bell = field(default_factory=Bell)
    profile: str = "production"
    mailer: Mailer | None = None
    speech: Speech | None = None
    trace: Trace = NO_TRACE

    @property
    def zones(self) -> frozenset[str]:
        """Where the lines' days turn."""
        return frozenset(line.zone for line in self.lines.values())

    def provider_of(self, line: Line) -> Provider:
        return self.providers[line.provider]

    def audit(
        self, kind: str, subject: str, actor: str, now: datetime, body: Mapping[str, object]
    ) -> AuditEntry:
        """An entry with a fresh id; `body` must hold neither a text nor a number (P9)."""
        return AuditEntry(self.ids.new("audit", now), now, kind, subject, actor, body)
