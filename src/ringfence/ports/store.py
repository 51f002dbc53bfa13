"""One write transaction over all table groups, and the database that runs it. A Tx lives on the
store's own thread: a job given to `Store.write` must not await, do I/O, or keep the Tx."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from ringfence.ports.calls import Calls
from ringfence.ports.operations import Alerts, Duty, PlannedMessages, SourceEvents, Tickets
from ringfence.ports.people import (
    Access,
    Acquaintances,
    Consents,
    Drafts,
    Grants,
    Guesses,
    Intakes,
    Pauses,
    People,
    Policies,
    Privacy,
    Switches,
    Templates,
    Tokens,
)
from ringfence.ports.tables import (
    Audit,
    Checkpoints,
    Counters,
    Events,
    Health,
    Idempotency,
    LineStates,
    MediaShelf,
    Messages,
    Outbox,
    Records,
    Turns,
    Watches,
)

T = TypeVar("T")


class Tx(Protocol):
    """One transaction over all table groups."""

    people: People
    access: Access
    switches: Switches
    messages: Messages
    drafts: Drafts
    grants: Grants
    pauses: Pauses
    intakes: Intakes
    acquaintances: Acquaintances
    policies: Policies
    privacy: Privacy
    guesses: Guesses
    templates: Templates
    consents: Consents
    turns: Turns
    outbox: Outbox
    watches: Watches
    counters: Counters
    events: Events
    idempotency: Idempotency
    media: MediaShelf
    audit: Audit
    checkpoints: Checkpoints
    records: Records
    lines: LineStates
    tokens: Tokens
    health: Health
    source_events: SourceEvents
    alerts: Alerts
    planned: PlannedMessages
    tickets: Tickets
    duty: Duty
    calls: Calls


class Store(Protocol):
    """The database. Write transactions are serial across all processes: none sees another's half,
    and whatever commits first is seen by all that follow (P3)."""

    async def write(self, job: Callable[[Tx], T]) -> T:
        """Run `job` in a transaction shared with other jobs of the moment (group commit); resolve
        after the commit is durable. A job that raises is undone alone. A job may run more than
        once and must depend only on the Tx and its own arguments. Raises StoreBusy,
        StoreUnreachable, StoreFull."""

    async def read(self, query: Callable[[Tx], T]) -> T:
        """Run `query` on a read-only snapshot; writing through it raises."""

    async def close(self) -> None: ...
