"""Messages that a flow owes a customer: at once or at a time, once or again, until a later event moves
or cancels them. Every one a flow ever owed stands here, sent or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from types import MappingProxyType

from ringfence.model.phone import PhoneNumber


class PlannedState(Enum):
    """WAITING for its time. PROPOSED: the gate decided, see the message. CANCELLED: a later event, a
    person or an opt-out ended it. MOVED: a later event planned it anew. EXPIRED: it had lost its use
    before it could leave. REFUSED: it could not even be proposed (`reason`)."""

    WAITING = "waiting"
    PROPOSED = "proposed"
    CANCELLED = "cancelled"
    MOVED = "moved"
    EXPIRED = "expired"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Planned:
    """One message of one flow to one person. `key` is what it is about: later events with the same
    key speak of it. `turn` counts from 1 where a flow says it several times. `values` are the fields
    of the template as the event had them; they never print."""

    id: str
    flow: str
    source: str
    event_id: str
    line: str
    number: PhoneNumber
    template: str
    language: str
    state: PlannedState
    due_at: datetime
    created_at: datetime
    key: str = field(default="", repr=False)
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    turn: int = 1
    expires_at: datetime | None = None
    message_id: str = ""
    reason: str = ""
    ended_at: datetime | None = None
