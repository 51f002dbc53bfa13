"""The values that cross between the flow and the store, beside the nouns of `model`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from ringfence.model.audit import AuditEntry
from ringfence.model.draft import Traits
from ringfence.model.message import Direction, Message, MessageStatus
from ringfence.model.outbox import OutboxState, TurnState


@dataclass(frozen=True, slots=True)
class OutboxChange:
    """Move one item, if it still is in one of `expect` (and, when given, at that attempt).
    None leaves a column as it is."""

    id: str
    expect: frozenset[OutboxState]
    state: OutboxState
    expect_attempt: int | None = None
    due_at: datetime | None = None
    expires_at: datetime | None = None
    attempt: int | None = None
    lease_owner: str | None = None
    lease_until: datetime | None = None
    provider_id: str | None = None
    status: MessageStatus | None = None
    error_code: int | None = None
    reason: str | None = None
    traits: Traits | None = None


@dataclass(frozen=True, slots=True)
class TurnChange:
    """Move one turn, if it still is in `expect` (and held by `expect_owner` when given)."""

    id: str
    expect: frozenset[TurnState]
    state: TurnState
    expect_owner: str | None = None
    due_at: datetime | None = None
    attempt: int | None = None
    lease_owner: str | None = None
    lease_until: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class MessageChange:
    """Update one message's row; None leaves a column as it is."""

    id: str
    updated_at: datetime
    status: MessageStatus | None = None
    error_code: int | None = None
    reason: str | None = None
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """Which messages somebody looks through; None and empty leave a side open. `to_initiator`:
    only what that one wrote, and what was let in."""

    lines: frozenset[str] | None = None
    to_initiator: str = ""
    direction: Direction | None = None
    status: MessageStatus | None = None
    contact_id: str = ""


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Some of them, and the seq below which to look on: None at the end. A page may hold fewer than
    asked for, even none, and not be the last: a look goes through a bounded number of rows."""

    messages: tuple[Message, ...]
    before_seq: int | None


@dataclass(frozen=True, slots=True)
class Observation:
    """One status report of one outbox item. Holds no body, number or account (B098)."""

    outbox_id: str
    provider_id: str
    provider_status: str
    status: MessageStatus
    error_code: int | None
    at: datetime
    conflicting: bool = False


@dataclass(frozen=True, slots=True)
class DeadEvent:
    """A signed inbound event that is not ours to act on (B029), or one that failed for good."""

    id: str
    line: str
    dedupe_token: str
    kind: str
    reason: str
    at: datetime
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """`scope` is the caller; `key` is theirs; never expires before its message does."""

    scope: str
    key: str
    body_digest: str
    message_id: str
    created_at: datetime


class Window(NamedTuple):
    """One counter of one stretch of time: what is counted, for how many seconds, since when
    (seconds since the epoch)."""

    name: str
    window_s: int
    start_s: int


@dataclass(frozen=True, slots=True)
class StoredMedia:
    """An attachment's bytes. `token` is set (and unguessable) while it is hosted for the provider
    to fetch until `expires_at`."""

    id: str
    line: str
    content_type: str
    content: bytes
    created_at: datetime
    token: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredAudit:
    """An audit entry as it stands in the chain."""

    seq: int
    entry: AuditEntry
    previous: str
    hash: str
