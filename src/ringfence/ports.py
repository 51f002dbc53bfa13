"""Everything the shell needs from outside, as Protocols, on one page. `gateway/` speaks only these;
`store/`, `net/`, `agents/` and `clock` fulfil them; `bootstrap` introduces them.

A `Tx` is one write transaction. Every call takes and returns plain values and takes batches, since
one commit and one statement serve many messages. A Tx lives on the store's own thread: a job given
to `Store.write` must not await, do I/O, or keep the Tx."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol, TypeVar

from ringfence.model.audit import AuditEntry, Checkpoint
from ringfence.model.consent import ConsentEvent, OptInRequest, OptInState, Standing
from ringfence.model.contact import (
    PairingRequest,
    PairingState,
    Pause,
    Person,
    Switch,
    SwitchScope,
)
from ringfence.model.draft import Draft, DraftState, Traits
from ringfence.model.message import Direction, Message, MessageStatus
from ringfence.model.outbox import OutboxItem, OutboxState, Turn, TurnState, Watch
from ringfence.model.phone import PhoneNumber
from ringfence.model.principal import Token
from ringfence.providers.wire import WireRequest, WireResponse

T = TypeVar("T")


class Clock(Protocol):
    """The time, aware UTC, and the only way to wait."""

    def now(self) -> datetime: ...
    async def sleep(self, seconds: float) -> None: ...


class Http(Protocol):
    """Sends one request. Raises NotDispatched or PossiblyDispatched; never retries."""

    async def send(self, request: WireRequest) -> WireResponse: ...


# -- agents ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attachment:
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """An earlier message of the same conversation; `ours` when we sent it."""

    ours: bool
    body: str


@dataclass(frozen=True, slots=True)
class AgentTurn:
    """What an agent is given: the newest message, who (opaque), and the history for agents that
    keep none. `turn_id` and `received_at` are the same in every try (B037): an agent may use
    the id as an idempotency key."""

    turn_id: str
    contact_id: str
    line: str
    body: str
    role: str
    attachments: tuple[Attachment, ...] = ()
    unavailable: tuple[str, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AgentReply:
    """What an agent said. Empty `text` means silence. `hold` says why a person must look before
    this goes out (a cut-off answer, say). `provenance` is kept with the message."""

    text: str
    hold: str = ""
    media_urls: tuple[str, ...] = ()
    provenance: Mapping[str, Any] | None = None


class Agent(Protocol):
    """One way to reach an agent. Raises AgentUnavailable (try later), AgentTimeout, AgentRefused."""

    id: str
    keeps_history: bool

    async def reply(self, turn: AgentTurn) -> AgentReply: ...
    async def check(self) -> str:
        """Empty when the agent answers as it should, else what is wrong and how to mend it."""

    async def close(self) -> None: ...


# -- the store ---------------------------------------------------------------------------------


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


class People(Protocol):
    def find(self, numbers: Iterable[PhoneNumber]) -> dict[PhoneNumber, Person]:
        """The known ones among `numbers`."""

    def add(self, people: Sequence[Person]) -> None:
        """Insert; a number that is already known is left as it is."""

    def set_opt_out(self, number: PhoneNumber, source: str) -> None:
        """`source` empty lifts it."""

    def set_blocked(self, number: PhoneNumber, blocked: bool) -> None: ...
    def set_zone(self, number: PhoneNumber, zone: str) -> None:
        """An IANA zone; empty forgets it."""

    def set_passive_replies(self, counts: Sequence[tuple[PhoneNumber, int]]) -> None: ...
    def blocked(self) -> list[Person]: ...


class Access(Protocol):
    """Pairing: approvals per (line, number), and requests."""

    def approved(
        self, pairs: Iterable[tuple[str, PhoneNumber]]
    ) -> set[tuple[str, PhoneNumber]]: ...
    def approve(self, line: str, number: PhoneNumber, actor: str, now: datetime) -> None: ...
    def revoke(self, line: str, number: PhoneNumber) -> bool: ...
    def pending(
        self, pairs: Iterable[tuple[str, PhoneNumber]], now: datetime
    ) -> dict[tuple[str, PhoneNumber], PairingRequest]:
        """Unexpired pending requests of these people."""

    def pending_by_code(self, line: str, code: str, now: datetime) -> PairingRequest | None: ...
    def pending_answered(self, line: str, now: datetime) -> int:
        """How many unexpired pending requests of the line were answered with a code."""

    def add_request(self, request: PairingRequest) -> None: ...
    def seen_again(self, request_id: str, now: datetime) -> None: ...
    def close_request(self, request_id: str, state: PairingState) -> None: ...
    def requests(self, line: str | None, now: datetime) -> list[PairingRequest]:
        """Unexpired pending requests, oldest first."""


class Switches(Protocol):
    def engaged(self) -> tuple[Switch, ...]: ...
    def engage(self, switch: Switch) -> None: ...
    def release(self, scope: SwitchScope, subject: str) -> bool: ...


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

    def history(self, line: str, number: PhoneNumber, before_seq: int, limit: int) -> list[Message]:
        """Received and sent messages of one conversation before `before_seq`, oldest first."""


class Drafts(Protocol):
    """What people are asked about held messages, and what they said."""

    def add(self, drafts: Sequence[Draft]) -> None: ...
    def change(
        self,
        message_id: str,
        state: DraftState,
        by: str,
        note: str,
        now: datetime,
        *,
        expect: DraftState = DraftState.WAITING,
        replaced_by: str = "",
    ) -> bool:
        """Move one draft, if it still is in `expect`: of two who decide, one gets True."""

    def get(self, message_id: str) -> Draft | None: ...
    def many(self, message_ids: Iterable[str]) -> dict[str, Draft]: ...
    def by_code(self, code: str) -> Draft | None:
        """The waiting draft with this code, else the newest one that had it."""

    def codes(self) -> set[str]:
        """Codes of waiting drafts."""

    def waiting(self, line: str | None, limit: int) -> list[Draft]:
        """Oldest first."""

    def live_for(self, number: PhoneNumber) -> list[Draft]:
        """Waiting and approved ones of a person."""

    def expired(self, now: datetime, limit: int) -> list[Draft]:
        """Waiting ones whose time has passed."""


class Pauses(Protocol):
    """People to whom nothing automatic goes."""

    def of(self, numbers: Iterable[PhoneNumber]) -> list[Pause]: ...
    def listing(self) -> list[Pause]: ...
    def add(self, pause: Pause) -> bool:
        """False when the person is paused there already; the first stays."""

    def lift(self, number: PhoneNumber, line: str) -> bool: ...


class Acquaintances(Protocol):
    """Whom a line ever wrote to, and which disclosures reached them."""

    def known(self, pairs: Iterable[tuple[str, PhoneNumber]]) -> set[tuple[str, PhoneNumber]]: ...
    def meet(self, pairs: Iterable[tuple[str, PhoneNumber]], now: datetime) -> None: ...
    def disclosed(
        self, triples: Iterable[tuple[str, PhoneNumber, str]]
    ) -> dict[tuple[str, PhoneNumber, str], tuple[str, datetime]]:
        """(line, number, version) → (`carried` or `delivered`, when)."""

    def carry(
        self, line: str, number: PhoneNumber, version: str, message_id: str, now: datetime
    ) -> None:
        """A text with this disclosure is on its way; a delivered one stays delivered."""

    def delivered(self, message_ids: Iterable[str], now: datetime) -> None:
        """These messages arrived, and whatever disclosure they carried with them."""

    def undisclosed(self, message_ids: Iterable[str]) -> None:
        """These never arrived: what they carried is owed again."""


class Consents(Protocol):
    """The ledger of consent: events are only added. What they come to is kept beside them, so that
    the gate asks once for a whole batch."""

    def append(self, events: Sequence[ConsentEvent]) -> None: ...
    def standing(
        self, pairs: Iterable[tuple[PhoneNumber, str]]
    ) -> dict[tuple[PhoneNumber, str], Standing]:
        """(number, programme) → what was agreed to; an answer for every pair."""

    def standings_of(self, number: PhoneNumber) -> dict[str, Standing]:
        """By programme, those alone where something holds or has run out."""

    def of_person(self, number: PhoneNumber) -> list[ConsentEvent]:
        """Oldest first."""

    def of_people(
        self, numbers: Iterable[PhoneNumber]
    ) -> dict[PhoneNumber, list[ConsentEvent]]: ...
    def listing(self, after_seq: int, limit: int, programme: str | None) -> list[ConsentEvent]:
        """Events past `after_seq`, oldest first."""

    def newest(self, limit: int, programme: str | None) -> list[ConsentEvent]: ...
    def erase(self, number: PhoneNumber) -> int:
        """Forget a person: their events, what they came to, and what they were asked. Answers how
        many events."""

    def add_request(self, request: OptInRequest) -> None: ...
    def requests(self, number: PhoneNumber, since: datetime) -> list[OptInRequest]:
        """What a person was asked since then, newest first."""

    def change_request(self, request_id: str, state: OptInState, tries: int) -> bool:
        """Move a request, if it still is pending."""

    def withdraw_requests(self, number: PhoneNumber) -> int: ...


class Guesses(Protocol):
    """Wrong codes, by who gave them: rate-limited, then locked out."""

    def locked(self, subject: str, now: datetime) -> bool: ...
    def wrong(
        self, subject: str, now: datetime, most: int, within: timedelta, lock: timedelta
    ) -> bool:
        """Count one; True when this one locks the subject out for `lock`."""

    def right(self, subject: str) -> None:
        """Forget what was counted."""


class Policies(Protocol):
    """The policies that decided, by version, so that each decision can be made again (P11)."""

    def remember(self, version: str, document: Mapping[str, Any], now: datetime) -> None: ...
    def get(self, version: str) -> dict[str, Any] | None: ...


class Templates(Protocol):
    """Which text a template's name and version stand for, by its digest (`template_digest`)."""

    def remember(self, name: str, version: int, digest: str, now: datetime) -> None:
        """Note it; what is known already stays."""

    def digest(self, name: str, version: int) -> str:
        """Empty when they were never used."""


class Turns(Protocol):
    def add(self, turns: Sequence[Turn]) -> None: ...
    def due(self, now: datetime, limit: int) -> list[Turn]:
        """OWED turns that are due and first in their lane (line, number): no earlier OWED or
        CLAIMED turn stands before them. At most one per lane."""

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


class Tokens(Protocol):
    """Who may call, by the SHA-256 of what they show; the token itself is nowhere."""

    def add(self, token: Token, hash_: str) -> None: ...
    def by_hash(self, hash_: str) -> tuple[Token, str] | None:
        """The token and the hash it is stored under, whatever its state."""

    def get(self, token_id: str) -> Token | None: ...
    def listing(self, limit: int, after: str | None) -> list[Token]:
        """Newest first; those before the token with the id `after`."""

    def alive(self, now: datetime) -> int:
        """How many are neither revoked nor expired."""

    def agents(self) -> frozenset[str]:
        """Agents that tokens were made for, revoked ones too."""

    def revoke(self, token_id: str, now: datetime) -> bool:
        """False when there is none, or it was revoked before."""

    def used(self, token_id: str, now: datetime, unless_since: datetime) -> None:
        """Note the use, unless one after `unless_since` is noted already."""


class Health(Protocol):
    def counts(self) -> dict[str, int]:
        """Rows per ledger state, for /health, /metrics and status."""

    def dead_letters(self) -> dict[tuple[str, str], int]:
        """(line, kind) → dead letters (B043)."""

    def forget(self, now: datetime) -> None:
        """Drop what has outlived its keeping time (expired hosted media, counters, observations
        past 30 days or 5,000 messages)."""


class Tx(Protocol):
    """One transaction over all table groups."""

    people: People
    access: Access
    switches: Switches
    messages: Messages
    drafts: Drafts
    pauses: Pauses
    acquaintances: Acquaintances
    policies: Policies
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
