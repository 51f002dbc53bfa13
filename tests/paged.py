"""Stories of the operations channel: responders with phones, a policy, a flow; events are posted
through the same door function the HTTP routes call, and the clock is moved. `async with
paged(store_url) as story: await story.fires("db-1")`, then look at the phones."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ringfence.gateway.events import Receipt
from ringfence.model.alert import Alert
from ringfence.model.event import Event, EventAction, Severity
from ringfence.testing import Phone
from telling import Story, telling

ANN, BEN, CARA = "+15555550141", "+15555550142", "+15555550143"
STEPS = (
    {"name": "first", "notify": ["person:ann"], "acknowledgedWithin": 300},
    {"name": "second", "notify": ["person:ben"], "acknowledgedWithin": 300},
)
INCIDENT: Mapping[str, Any] = {
    "types": ["incident.*"],
    "alert": {"escalation": "ops", "service": "data.service"},
}


_STEPS = (
    (timedelta(minutes=20), timedelta(seconds=10)),
    (timedelta(hours=4), timedelta(minutes=1)),
    (timedelta(days=2), timedelta(minutes=15)),
    (timedelta.max, timedelta(hours=3)),
)


def operations(
    *, steps: Any = STEPS, flows: Mapping[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """The sections of the configuration; `policy` are further keys of the escalation policy."""
    policy = more.pop("policy", {})
    responders = {
        "ann": {"number": ANN, "label": "Ann"},
        "ben": {"number": BEN, "label": "Ben"},
        "cara": {"number": CARA, "label": "Cara"},
        **more.pop("responders", {}),
    }
    return {
        "responders": responders,
        "escalationPolicies": {
            "ops": {"steps": list(steps), **policy},
            **more.pop("escalationPolicies", {}),
        },
        "flows": dict(flows) if flows is not None else {"incident": dict(INCIDENT)},
        "responding": {"requireVerified": False},
        **more,
    }


@dataclass
class Paged:
    """A story, and what one does in it."""

    story: Story
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def ann(self) -> Phone:
        return self.story.phone(ANN)

    @property
    def ben(self) -> Phone:
        return self.story.phone(BEN)

    @property
    def cara(self) -> Phone:
        return self.story.phone(CARA)

    def got(self, number: str) -> list[str]:
        """What this phone received, oldest first."""
        return [text.body for text in self.story.phone(number).inbox]

    async def post(self, *events: Event, source: str = "generic") -> Receipt:
        gateway = self.story.gateway
        return await gateway.events.accept(gateway.kit.operations.sources[source], events)

    def event(
        self,
        key: str,
        *,
        action: EventAction = EventAction.TRIGGER,
        severity: Severity = Severity.ERROR,
        service: str = "database",
        title: str = "",
        type_: str = "incident.opened",
        id_: str = "",
        **data: Any,
    ) -> Event:
        return Event(
            id=id_ or f"{key}-{next(self._ids)}",
            source="generic",
            type=type_,
            at=self.story.clock.now(),
            severity=severity,
            action=action,
            title=title or f"{key} is down",
            data={"service": service, **data},
            dedupe_key=key,
        )

    async def fires(self, key: str, **more: Any) -> Alert:
        """An event opens or joins the alert of this key, and what is due at once happens."""
        await self.post(self.event(key, **more))
        await self.passes(seconds=10)
        return await self.alert(key)

    async def ends(self, key: str) -> None:
        await self.post(self.event(key, action=EventAction.RESOLVE))
        await self.passes(seconds=10)

    async def passes(self, **delta: float) -> None:
        """Time goes by in small steps, as it does for a worker that looks all the time."""
        left = timedelta(**delta)
        step = next(step for most, step in _STEPS if left <= most)
        while left > timedelta(0):
            await self.story.passes(seconds=min(step, left).total_seconds())
            left -= step

    async def alert(self, key: str, flow: str = "incident") -> Alert:
        """The newest alert of this key."""
        wanted = (flow, "generic", key)
        found = await self.story.read(lambda tx: tx.alerts.newest_of([wanted]))
        alert: Alert = found[wanted]
        return alert


@asynccontextmanager
async def paged(
    store_url: str, config: Mapping[str, Any] | None = None, **telling_options: Any
) -> AsyncIterator[Paged]:
    """A gateway with this operations channel (`operations()` by default) and phones."""
    chosen = operations() if config is None else config
    async with telling(store_url, config=chosen, **telling_options) as story:
        yield Paged(story)
