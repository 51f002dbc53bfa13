"""The three ledgers of debt: outbox items, turns owed, watches. Their states and transitions are
literals here; the store fences every change with the state it expects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from ringfence.model.draft import Traits
from ringfence.model.message import NO_TRAITS, MediaRef, MessageClass, MessageStatus
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act


class OutboxState(Enum):
    """DUE waits for its time; SENDING is claimed; UNKNOWN may have been accepted; ACCEPTED has a
    provider id; the rest are ends. DEAD is the dead letters."""

    DUE = "due"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    FAILED = "failed"
    CANCELLED = "cancelled"
    HELD = "held"
    EXPIRED = "expired"
    DEAD = "dead"


OUTBOX_TRANSITIONS: dict[OutboxState, frozenset[OutboxState]] = {
    OutboxState.DUE: frozenset(
        {
            OutboxState.DUE,
            OutboxState.SENDING,
            OutboxState.CANCELLED,
            OutboxState.HELD,
            OutboxState.EXPIRED,
            # A late callback proved that an earlier try had arrived.
            OutboxState.ACCEPTED,
            # It broke its own claim.
            OutboxState.DEAD,
        }
    ),
    OutboxState.SENDING: frozenset(
        {
            OutboxState.ACCEPTED,
            OutboxState.DUE,
            OutboxState.UNKNOWN,
            OutboxState.FAILED,
            OutboxState.DEAD,
        }
    ),
    OutboxState.UNKNOWN: frozenset({OutboxState.ACCEPTED, OutboxState.DEAD, OutboxState.FAILED}),
    OutboxState.HELD: frozenset(
        {
            OutboxState.DUE,
            OutboxState.CANCELLED,
            OutboxState.EXPIRED,
            # As for DUE: an earlier try had arrived.
            OutboxState.ACCEPTED,
        }
    ),
    OutboxState.DEAD: frozenset({OutboxState.DUE, OutboxState.ACCEPTED, OutboxState.CANCELLED}),
    OutboxState.FAILED: frozenset({OutboxState.DUE}),
    # Not a move: a status or an error code arrived for an item that is already accepted.
    OutboxState.ACCEPTED: frozenset({OutboxState.ACCEPTED}),
    OutboxState.CANCELLED: frozenset(),
    OutboxState.EXPIRED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """One owed send: one part of one message, one call to the provider."""

    id: str
    message_id: str
    line: str
    number: PhoneNumber
    part: int
    parts: int
    body: str
    media: tuple[MediaRef, ...]
    act: Act
    message_class: MessageClass
    initiator: str
    state: OutboxState
    due_at: datetime
    expires_at: datetime
    created_at: datetime
    attempt: int = 0
    lease_owner: str = ""
    lease_until: datetime | None = None
    provider_id: str = ""
    status: MessageStatus = MessageStatus.QUEUED
    error_code: int | None = None
    reason: str = ""
    text_digest: str = ""
    segments: int = 1
    traits: Traits = NO_TRAITS
    seq: int = 0


class TurnState(Enum):
    OWED = "owed"
    CLAIMED = "claimed"
    DONE = "done"
    CANCELLED = "cancelled"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Turn:
    """An inbound message the agent has yet to answer. One at a time per (line, number)."""

    id: str
    message_id: str
    line: str
    number: PhoneNumber
    contact_id: str
    state: TurnState
    received_at: datetime
    due_at: datetime
    attempt: int = 0
    lease_owner: str = ""
    lease_until: datetime | None = None
    reason: str = ""
    seq: int = 0


class WatchKind(Enum):
    """STATUS: an accepted item owes a final status. OUTCOME: an unknown item owes its outcome."""

    STATUS = "status"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class Watch:
    """Something owed by a deadline: look again at `due_at`. `id` is the outbox item's id: an item
    has at most one open watch."""

    id: str
    kind: WatchKind
    line: str
    due_at: datetime
    created_at: datetime
    attempt: int = 0


class OutcomeKind(Enum):
    """The four outcomes of a provider call (facts/reliability-mechanics.md 3.6)."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RETRYABLE = "retryable"
    UNKNOWN = "unknown"


class ErrorClass(Enum):
    """What a provider's error code means for us (facts 2.6, class column)."""

    RETRY = "retry"
    RETRY_LATER = "retry_later"
    BOUNDED_RETRY = "bounded_retry"
    CONFIG = "config"
    STOP_LINE = "stop_line"
    PERMANENT = "permanent"
    BAD_ADDRESS = "bad_address"
    OPT_OUT = "opt_out"
    REPUTATION = "reputation"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one call to the provider. `left` is false when provably nothing left us."""

    kind: OutcomeKind
    provider_id: str = ""
    status: MessageStatus = MessageStatus.SENDING
    error_code: int | None = None
    error_class: ErrorClass | None = None
    http_status: int | None = None
    retry_after_s: float | None = None
    detail: str = ""
    left: bool = True
