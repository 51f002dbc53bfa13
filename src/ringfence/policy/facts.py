"""The snapshot a decision may see. Values only, no phone number and no text: the facts are stored
with every decision, replayed from there (P11), and must survive the erasure of a person."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any, get_type_hints

from ringfence.model.contact import Role
from ringfence.model.line import AccessPolicy, Purpose, VolumeLimits
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act


class Initiator(Enum):
    """Who started it. SYSTEM is Ringfence itself (pairing replies, confirmations, notices)."""

    AGENT = "agent"
    OPERATOR = "operator"
    SYSTEM = "system"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class VolumeCounts:
    """What already left, counted in the claiming transaction, per fixed window."""

    recipient_minute: int = 0
    recipient_hour: int = 0
    recipient_day: int = 0
    line_minute: int = 0
    line_day: int = 0
    same_text_5_minutes: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the rules may look at. `now` is aware UTC; `stopped_by` names the engaged kill
    switches that cover this act; `caution` is why an agent's answer needs a person's eye;
    `passive_replies` counts automatic answers since the person last did something real."""

    act: Act
    now: datetime
    line: str
    contact_id: str
    purpose: Purpose
    access: AccessPolicy
    role: Role
    initiator: Initiator
    message_class: MessageClass
    anyone_may_write: bool = False
    own_number: bool = False
    blocked: bool = False
    opt_out_source: str = ""
    stopped_by: tuple[str, ...] = ()
    caution: str = ""
    passive_replies: int = 0
    counts: VolumeCounts = field(default_factory=VolumeCounts)
    limits: VolumeLimits = field(default_factory=VolumeLimits)


def window_end(now: datetime, window_s: int) -> datetime:
    """When the fixed window that holds `now` ends; windows start at multiples since the epoch."""
    return datetime.fromtimestamp((int(now.timestamp()) // window_s + 1) * window_s, UTC)


def facts_from_record(record: Mapping[str, Any]) -> Facts:
    """Rebuild stored facts for a replay. Raises KeyError or ValueError for a foreign record."""
    hints = get_type_hints(Facts)
    values: dict[str, Any] = {}
    for entry in dataclasses.fields(Facts):
        kind, raw = hints[entry.name], record[entry.name]
        if kind is datetime:
            values[entry.name] = datetime.fromisoformat(raw)
        elif isinstance(kind, type) and issubclass(kind, Enum):
            values[entry.name] = kind(raw)
        elif kind in (VolumeCounts, VolumeLimits):
            values[entry.name] = kind(**raw)
        elif entry.name == "stopped_by":
            values[entry.name] = tuple(raw)
        else:
            values[entry.name] = raw
    return Facts(**values)
