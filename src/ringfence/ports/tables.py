"""The store's tables of messages, of the three ledgers of debt, and of the record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from ringfence.model.audit import AuditEntry, Checkpoint
from ringfence.model.message import Message, MessageStatus
from ringfence.model.outbox import OutboxItem, Turn, Watch
from ringfence.model.phone import PhoneNumber
from ringfence.ports.rows import (
    DeadEvent,
    IdempotencyRecord,
    MessageChange,
    MessagePage,
    Observation,
    OutboxChange,
    Shown,
    StoredAudit,
    StoredMedia,
    TurnChange,
    Window,
)


class Messages(Protocol):
    def add_inbound(self, messages: Sequence[Message]) -> set[str]:
        """Insert those whose (line, provider_id) is new; return the ids inserted. A repeat within
        the batch or against the table inserts nothing (P4)."""

    def add_outbound(self, messages: Sequence[Message]) -> None: ...
    def change(self, changes: Sequence[MessageChange]) -> None: ...
    def get(self, message_id: str) -> Message | None: ...
    def many(self, ids: Iterable[str]) -> dict[str, Message]: ...
    def inbox(self, since: datetime | None, limit: int, line: str | None) -> list[Message]:
        """Admitted inbound messages (status RECEIVED), newest `limit`, oldest first."""

    def listing(
        self, limit: int, line: str | None, direction: str | None, status: MessageStatus | None
    ) -> list[Message]:
        """Newest first."""

    def page(self, wanted: Shown, before_seq: int | None, limit: int) -> MessagePage:
        """Newest first, those with a seq below `before_seq`."""

    def held_for(self, number: PhoneNumber) -> list[str]:
        """Ids of outbound HELD messages to a person, on any line."""

    def held_before(self, line: str, created_before: datetime, limit: int) -> list[str]:
        """Ids of outbound HELD messages of a line that are older than that."""

    def held_lines(self) -> list[str]:
        """Lines with outbound HELD messages, also such as are not configured any more."""

    def heard(
        self, pairs: Iterable[tuple[str, PhoneNumber]]
    ) -> dict[tuple[str, PhoneNumber], datetime]:
        """When each person last wrote to a line and was taken in; those who never did are left out."""

    def of_person(self, number: PhoneNumber) -> list[Message]:
        """All of them, both directions, every line, oldest first."""

    def history(self, line: str, number: PhoneNumber, before_seq: int, limit: int) -> list[Message]:
        """Received and sent messages of one conversation before `before_seq`, oldest first."""


class Turns(Protocol):
    def add(self, turns: Sequence[Turn], *, ahead: bool = False) -> None:
        """`ahead`: these wait for nothing that is open in their lanes."""

    def due(self, now: datetime, limit: int) -> list[Turn]:
        """OWED turns that are due and first in their lane (line, number): no earlier OWED or
        CLAIMED turn stands before them. At most one per lane, and those that were added ahead."""

    def change(self, changes: Sequence[TurnChange]) -> set[str]:
        """Apply; return the ids that matched their expectation."""

    def leases_lost(self, now: datetime, owner: str | None = None) -> list[Turn]:
        """CLAIMED turns whose lease ran out (or, given `owner`, all not held by that owner)."""

    def open_for(self, number: PhoneNumber) -> list[Turn]: ...
    def get(self, turn_id: str) -> Turn | None: ...
    def dead(self, line: str | None) -> list[Turn]: ...


class Outbox(Protocol):
    def add(self, items: Sequence[OutboxItem]) -> None: ...
    def due(self, now: datetime, limit: int, lines_stopped: Iterable[str]) -> list[OutboxItem]:
        """DUE items whose time has come, first in their lane (line, number): no earlier DUE,
        SENDING or UNKNOWN item stands before them; none of a stopped line."""

    def change(self, changes: Sequence[OutboxChange]) -> set[str]:
        """Apply; return the ids that matched their expectation."""

    def get(self, item_id: str) -> OutboxItem | None: ...
    def many(self, ids: Iterable[str]) -> dict[str, OutboxItem]: ...
    def by_provider_ids(self, line: str, provider_ids: Iterable[str]) -> dict[str, OutboxItem]: ...
    def of_messages(self, message_ids: Iterable[str]) -> dict[str, list[OutboxItem]]:
        """All parts of each message, by part."""

    def pending_for(self, number: PhoneNumber) -> list[OutboxItem]:
        """DUE and HELD items for a person on any line."""

    def pending_where(self, line: str | None, initiator: str | None) -> list[OutboxItem]:
        """DUE and HELD items of a line or an initiator (both None: all)."""

    def expired(self, now: datetime, limit: int) -> list[OutboxItem]:
        """DUE and HELD items whose `expires_at` has passed."""

    def leases_lost(self, now: datetime, owner: str | None = None) -> list[OutboxItem]:
        """SENDING items whose lease ran out (or, given `owner`, all not held by that owner)."""

    def waiting(self, line: str) -> int:
        """How many items are DUE on the line (may be an upper estimate by at most one batch)."""

    def dead(self, line: str | None) -> list[OutboxItem]: ...


class Watches(Protocol):
    def add(self, watches: Sequence[Watch]) -> None:
        """Insert, or replace the item's open watch."""

    def due(self, now: datetime, limit: int) -> list[Watch]: ...
    def reschedule(self, watches: Sequence[Watch]) -> None: ...
    def close(self, ids: Iterable[str]) -> None: ...


class Counters(Protocol):
    """Counts per fixed window, kept in the claiming transaction (facts 4.5)."""

    def read(self, windows: Iterable[Window]) -> dict[Window, int]:
        """Missing means 0."""

    def add(self, counts: Mapping[Window, int]) -> None: ...


class Events(Protocol):
    def observe(self, observations: Sequence[Observation]) -> list[bool]:
        """Insert; False where the same (provider id, status, error code) was seen before. Keeps at
        most 20 per item (B098)."""

    def observations(self, outbox_id: str) -> list[Observation]: ...
    def unmatched(self, provider_ids: Iterable[str]) -> list[Observation]:
        """Observations stored with an empty outbox id: callbacks that came before we knew the id."""

    def adopt(self, provider_id: str, outbox_id: str) -> None: ...
    def bury(self, event: DeadEvent) -> bool:
        """Store a dead event; False when its (line, dedupe_token) is already there."""

    def dead(self, line: str | None) -> list[DeadEvent]: ...
    def exhume(self, event_id: str) -> DeadEvent | None:
        """Take a dead event out for resubmission."""


class Idempotency(Protocol):
    def find(
        self, pairs: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], IdempotencyRecord]: ...
    def add(self, records: Sequence[IdempotencyRecord]) -> None: ...


class MediaShelf(Protocol):
    def add(self, media: StoredMedia) -> None: ...
    def hosted(self, token: str, now: datetime) -> StoredMedia | None: ...
    def hosted_count(self, line: str, now: datetime) -> int: ...
    def keep(self, tokens: Iterable[str], until: datetime) -> None:
        """Host these until then, whatever was said before."""


LAST = (1 << 63) - 1
"""A number no audit entry reaches."""


class Audit(Protocol):
    def append(self, entries: Sequence[AuditEntry]) -> None:
        """Buffered; chained and written before the transaction commits."""

    def get(self, entry_id: str) -> StoredAudit | None: ...
    def of_subject(self, subject: str) -> list[StoredAudit]: ...
    def after(self, seq: int, limit: int, kind: str = "", until: int = LAST) -> list[StoredAudit]:
        """The entries that follow entry `seq`, up to number `until`, of one kind or (empty) all."""

    def newest(self, limit: int, kind: str = "") -> list[StoredAudit]:
        """The last ones, oldest first."""

    def between(self, since: datetime | None, until: datetime | None) -> tuple[int, int]:
        """First and last number of the entries from `since` on and before `until`; (1, 0) when
        there is none."""

    def mentioning(self, words: Sequence[str], after: int, limit: int) -> list[StoredAudit]:
        """Entries about several things at once (a stop, an expiry) whose body names one of these
        ids. Walks the log: for people, not for stages."""

    def head(self) -> tuple[int, str]:
        """How many entries there are, and the hash of the last."""

    def verify(self) -> tuple[int, str]:
        """(entries checked, empty or what is broken and where): the chain and its head alone."""


class Checkpoints(Protocol):
    """Signed heads of the audit chain."""

    def add(self, checkpoint: Checkpoint) -> None: ...
    def newest(self) -> Checkpoint | None: ...
    def between(self, first: int, last: int) -> list[Checkpoint]:
        """Those over an entry from `first` to `last`, in order."""


class Records(Protocol):
    """Looking things up for people who ask."""

    def of_provider_id(self, provider_id: str, lines: Iterable[str]) -> str | None:
        """The message that a provider's id belongs to, sent or received on one of `lines`."""


class Signer(Protocol):
    """Signs checkpoints (Ed25519, hex). May raise SecretUnavailable."""

    @property
    def public_key(self) -> str: ...
    def sign(self, statement: bytes) -> str: ...


class LineStates(Protocol):
    def stopped(self) -> dict[str, str]:
        """Lines stopped by a credential or account error → why."""

    def stop(self, line: str, reason: str, now: datetime) -> None: ...
    def start(self, line: str) -> bool: ...


class Health(Protocol):
    def counts(self) -> dict[str, int]:
        """Rows per ledger state, for /health, /metrics and status."""

    def dead_letters(self) -> dict[tuple[str, str], int]:
        """(line, kind) → dead letters (B043)."""

    def forget(self, now: datetime) -> None:
        """Drop what has outlived its keeping time (expired hosted media, counters, observations
        past 30 days or 5,000 messages)."""
