"""Tickets: one per alert and ticket system, kept in step with it by owed tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class TicketSystem:
    """One configured place for tickets: `kind` is builtin, webhook, github, gitlab, jira or smtp,
    `options` are the settings of that kind by their Python names, secrets as Secret."""

    name: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    blocked_reason: str = ""


class TicketState(Enum):
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Ticket:
    """`remote_id` and `url` are what the other side calls it, empty until it answered."""

    id: str
    alert_id: str
    system: str
    state: TicketState
    title: str = field(repr=False)
    opened_at: datetime
    updated_at: datetime
    remote_id: str = ""
    url: str = ""


class TicketAction(Enum):
    OPEN = "open"
    UPDATE = "update"
    CLOSE = "close"


class TaskState(Enum):
    """DUE at its time; CLAIMED while somebody asks the other side; DONE; DEAD: a dead letter."""

    DUE = "due"
    CLAIMED = "claimed"
    DONE = "done"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class TicketTask:
    """One thing the other side must be told. Tasks of a ticket are done in their order. `id` is its
    idempotency key; `text` is what an update says."""

    id: str
    ticket_id: str
    action: TicketAction
    state: TaskState
    due_at: datetime
    created_at: datetime
    text: str = field(default="", repr=False)
    attempt: int = 0
    lease_owner: str = ""
    lease_until: datetime | None = None
    reason: str = ""
