"""The store's tables of the operations channel: events that came in, alerts and whom they were told
to, messages that flows owe, tickets, and what people change about who is on call."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from ringfence.delivery.escalate import Facts
from ringfence.model.alert import (
    Acknowledgement,
    Alert,
    AlertState,
    Maintenance,
    Note,
    Notice,
    NoticeKind,
    NoticeState,
)
from ringfence.model.oncall import Channel, Override
from ringfence.model.phone import PhoneNumber
from ringfence.model.planned import Planned, PlannedState
from ringfence.model.ticket import Ticket, TicketTask


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event as it came. `name` is the source's own name of one occurrence, empty where its ids
    name a state; `document` is the event as JSON, empty where it must not be kept; `outcome` says
    what became of it."""

    id: str
    source: str
    name: str = field(repr=False)
    type: str
    severity: str
    action: str
    at: datetime
    received_at: datetime
    dedupe_key: str = field(default="", repr=False)
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    outcome: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoticeEnd:
    """What became of one notice; found by alert, kind, round, step, way and responder."""

    notice: Notice
    state: NoticeState
    message_id: str = ""
    told_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FlowSaid:
    """Of when the newest event was that a flow was told of a key, and its a digest of its source and id."""

    at: datetime
    event: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PlannedEnd:
    """A planned message that waits no more, or (WAITING) waits for another time."""

    id: str
    state: PlannedState
    message_id: str = ""
    reason: str = ""
    at: datetime | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SentText:
    """One text about alerts that was proposed to a responder; of a bundle, one for all of it."""

    responder: str
    service: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AlertLink:
    """What an acknowledgement link in a text stands for. The link itself is stored as a hash only."""

    token_hash: str
    responder: str
    message_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Beating:
    """A heartbeat's promise as it stands: who promised, and when it is broken. `missed` once its
    alarm was given."""

    source: str
    name: str
    at: datetime
    period_s: int
    grace_s: int
    due_at: datetime
    missed: bool = False


@dataclass(frozen=True, slots=True)
class StoredOverride:
    """An override of a schedule, with who made it and when."""

    id: str
    schedule: str
    override: Override
    created_at: datetime
    actor: str


class SourceEvents(Protocol):
    def add(self, events: Sequence[StoredEvent]) -> set[str]:
        """Insert those whose (source, name) is new, or have no name; return the ids inserted. A
        repeat within the batch or against the table inserts nothing, for ever."""

    def outcome(self, outcomes: Mapping[str, Mapping[str, Any]]) -> None:
        """What became of each, by id."""

    def get(self, event_id: str) -> StoredEvent | None: ...
    def known(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """(source, name) → our id, of those that are there."""

    def listing(self, limit: int, source: str | None, after: str | None) -> list[StoredEvent]:
        """Newest first; those after the event with the id `after`."""

    def forget(self, received_before: datetime, limit: int) -> int:
        """Empty the documents of older events; how many. Names stay, so that a repeat stays one."""


class Alerts(Protocol):
    def next_number(self) -> int:
        """The number of a new alert: one more than the last, 1 at first."""

    def add(self, alerts: Sequence[Alert]) -> None: ...
    def save(self, alerts: Sequence[Alert]) -> None:
        """Replace each row whole."""

    def get(self, alert_id: str) -> Alert | None: ...
    def many(self, ids: Iterable[str]) -> dict[str, Alert]: ...
    def by_number(self, number: int) -> Alert | None: ...
    def newest_of(self, keys: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], Alert]:
        """(flow, source, dedupe key) → its newest alert, open or not."""

    def due(self, now: datetime, limit: int) -> list[Alert]:
        """Those to look at: `next_at` has come. Earliest first."""

    def nudge(self, message_ids: Collection[str], now: datetime) -> None:
        """Look at the waiting alerts these texts were about at once: something became of them."""

    def open_of(self, flow: str | None, service: str | None) -> list[Alert]:
        """Open ones, of a flow or a service (None: any), oldest first."""

    def listing(self, limit: int, states: Collection[AlertState], after: str | None) -> list[Alert]:
        """Newest first; those after the alert with the id `after`; no states means any."""

    def overdue(self, before: datetime, limit: int) -> list[Alert]:
        """Waiting ones whose `next_at` was before that, and triggered ones that are neither
        exhausted nor have a next time at all: what should not be (self-audit)."""

    def counts(self) -> dict[AlertState, int]: ...

    def add_notices(self, notices: Sequence[Notice]) -> None:
        """Insert; one that is there already stays as it is."""

    def owed(self, limit: int) -> list[Notice]:
        """OWED notices, oldest first."""

    def owed_shares(self, limit: int) -> list[Notice]:
        """As `owed`, where there are more than `limit`: of each responder and flow as many as of the
        others, the worst first. Looks at all that are owed."""

    def end_notices(self, ends: Sequence[NoticeEnd]) -> None:
        """End those that are still OWED; others stay as they ended."""

    def retell(self, before: str, after: str) -> None:
        """What the text `before` told, and the link in it, the text `after` does: it took its place."""

    def moot(self, alert_ids: Collection[str], reason: str) -> None:
        """OWED notices of kind ALERT of these alerts become MOOT."""

    def notices_of(self, alert_id: str) -> list[Notice]:
        """In the order they were made."""

    def of_message(self, message_id: str) -> list[str]:
        """Ids of the alerts that a text is about, by number."""

    def messages_of(self, alert_ids: Collection[str]) -> dict[str, list[str]]:
        """Text → ids of all alerts it is about, of every text of kind ALERT about one of these."""

    def unsent_of(self, alert_ids: Collection[str]) -> dict[str, list[str]]:
        """The same, only of texts that have something left to send: cheap, however many alerts the
        texts that left were about."""

    def facts(self, alert_ids: Collection[str], now: datetime) -> dict[str, Facts]:
        """What was observed of each: its notices of kind ALERT, from when their text was proposed
        (one that is OWED still, from `now`: nobody is late before they were told), with what became of their texts (a
        message that is delivered or read has arrived; one that is undelivered, failed, expired,
        cancelled or refused has failed, as has a FAILED notice), and its acknowledgements. A MOOT
        notice told nobody and is left out."""

    def sent_since(self, kind: NoticeKind, channel: Channel, since: datetime) -> list[SentText]:
        """One for each text, or call, that left or may still, oldest first."""

    def told(self, responder: str, limit: int) -> list[str]:
        """Ids of the alerts this responder was told of by a text (TOLD, kind ALERT), newest text
        first, within one text the highest number first."""

    def acknowledge(self, alert_id: str, acknowledgement: Acknowledgement) -> None: ...
    def forget(self, resolved_before: datetime, limit: int) -> int:
        """Empty the titles, notes and ticket texts of alerts that were over by then; how many."""

    def note(self, note: Note) -> None: ...
    def notes(self, alert_id: str) -> list[Note]: ...
    def add_link(self, link: AlertLink) -> None: ...
    def link(self, token_hash: str, now: datetime) -> AlertLink | None:
        """The link, while it lasts."""


class PlannedMessages(Protocol):
    def add(self, planned: Sequence[Planned]) -> None: ...
    def due(self, now: datetime, limit: int) -> list[Planned]: ...
    def end(self, ends: Sequence[PlannedEnd]) -> set[str]:
        """Move those that are still WAITING; return the ids that were. An end other than WAITING
        empties `values`."""

    def waiting_of(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[Planned]]:
        """(flow, key) → what is WAITING, by turn."""

    def unsent_of(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[Planned]]:
        """(flow, key) → what was PROPOSED and of whose text nothing has left: queued or held."""

    def withdraw(self, ends: Sequence[PlannedEnd]) -> set[str]:
        """Like `end`, of those that are PROPOSED: their text did not leave and will not."""

    def said(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], FlowSaid]:
        """(flow, key) → what the flow was told last of it. Keys are kept as digests."""

    def say(self, said: Mapping[tuple[str, str], FlowSaid]) -> None:
        """In place of what was said last."""

    def waiting_for(self, number: PhoneNumber) -> list[Planned]: ...
    def of_person(self, number: PhoneNumber) -> list[Planned]:
        """Everything that was ever planned for a number, by its time."""

    def count_of(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """(flow, key) → how many were ever PROPOSED or are WAITING."""

    def person_since(
        self, pairs: Iterable[tuple[str, PhoneNumber]], since: datetime
    ) -> dict[tuple[str, PhoneNumber], int]:
        """(flow, number) → how many were planned since then and not CANCELLED or MOVED."""

    def get(self, planned_id: str) -> Planned | None: ...
    def listing(
        self, limit: int, flow: str | None, waiting: bool, after: str | None
    ) -> list[Planned]:
        """Newest first; `waiting`: only those that still wait."""


class Tickets(Protocol):
    def add(self, tickets: Sequence[Ticket]) -> None: ...
    def save(self, ticket: Ticket) -> None: ...
    def get(self, ticket_id: str) -> Ticket | None: ...
    def of_alerts(self, alert_ids: Collection[str]) -> dict[str, list[Ticket]]: ...
    def listing(self, limit: int, system: str | None, after: str | None) -> list[Ticket]:
        """Newest first."""

    def owe(self, tasks: Sequence[TicketTask]) -> None: ...
    def due(self, now: datetime, limit: int) -> list[TicketTask]:
        """DUE tasks whose time has come and before which no other task of their ticket is open, and
        CLAIMED ones whose lease ran out."""

    def task(self, task_id: str) -> TicketTask | None: ...
    def tasks_of(self, ticket_id: str) -> list[TicketTask]:
        """In the order they were owed."""

    def save_tasks(self, tasks: Sequence[TicketTask]) -> None: ...
    def dead(self) -> list[TicketTask]: ...


class Duty(Protocol):
    """What people change while the gateway runs, and what jobs promised."""

    def add_override(self, override: StoredOverride) -> None: ...
    def overrides(self, schedule: str | None, ends_after: datetime) -> list[StoredOverride]:
        """In the order they were made; None: of every schedule."""

    def remove_override(self, override_id: str) -> bool: ...
    def add_maintenance(self, window: Maintenance) -> None: ...
    def maintenance(self, ends_after: datetime) -> list[Maintenance]:
        """Windows that are not over, by their beginning."""

    def end_maintenance(self, window_id: str, now: datetime) -> bool:
        """It ends now, if it has not; one that has not begun is gone."""

    def verified(self, numbers: Iterable[PhoneNumber]) -> set[PhoneNumber]:
        """Which responders' numbers answered that they are theirs."""

    def verify(self, number: PhoneNumber, responder: str, now: datetime) -> None: ...
    def unverify(self, number: PhoneNumber) -> None: ...
    def ask(self, number: PhoneNumber, code: str, expires_at: datetime) -> None:
        """A code was sent to a responder's number; the last one counts."""

    def asked(self, number: PhoneNumber, now: datetime) -> str:
        """The code a number may answer with now, empty for none."""

    def beat(self, beating: Beating) -> None:
        """Insert, or replace the promise of (source, name); an older one replaces nothing."""

    def beat_missed(self, source: str, name: str) -> None: ...
    def beats_due(self, now: datetime, limit: int) -> list[Beating]:
        """Promises that are broken and whose alarm was not given."""

    def beats(self) -> list[Beating]:
        """All of them, by source and name."""
