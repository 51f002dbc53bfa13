"""The store's tables of people and of what people decided: who may write, consent, drafts, stops,
pauses, tokens, policies. Every call takes and returns plain values, in batches where many may come."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from ringfence.model.consent import ConsentEvent, OptInRequest, OptInState, Standing
from ringfence.model.contact import (
    PairingRequest,
    PairingState,
    Pause,
    Person,
    Switch,
    SwitchScope,
)
from ringfence.model.draft import Draft, DraftState
from ringfence.model.grant import Grant, GrantState, GrantUse
from ringfence.model.intake import Intake, IntakeState
from ringfence.model.phone import PhoneNumber
from ringfence.model.principal import Token


class People(Protocol):
    def find(self, numbers: Iterable[PhoneNumber]) -> dict[PhoneNumber, Person]:
        """The known ones among `numbers`."""

    def add(self, people: Sequence[Person]) -> None:
        """Insert; a number that is already known is left as it is."""

    def by_contact(self, contact_ids: Iterable[str]) -> dict[str, PhoneNumber]:
        """The numbers behind contact ids; those that were erased are left out."""

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

    def is_taken(self, code: str) -> bool:
        """Does a waiting draft have this code?"""

    def waiting(self, lines: Collection[str] | None, limit: int) -> list[Draft]:
        """Of these lines (None: all), oldest first."""

    def live_for(self, number: PhoneNumber) -> list[Draft]:
        """Waiting and approved ones of a person."""

    def expired(self, now: datetime, limit: int) -> list[Draft]:
        """Waiting ones whose time has passed."""


class Grants(Protocol):
    """What operators let an agent do without asking, and each time it did."""

    def add(self, grant: Grant) -> None: ...
    def get(self, grant_id: str) -> Grant | None: ...
    def many(self, grant_ids: Iterable[str]) -> dict[str, Grant]: ...
    def active(self, agents: Iterable[str]) -> list[Grant]:
        """Of these agents, in no promised order; their time may be over."""

    def listing(self, limit: int, after: str | None, everything: bool) -> list[Grant]:
        """Newest first, past the id `after`; active and used up ones, or every one."""

    def alive(self) -> int:
        """How many are active."""

    def use(self, use: GrantUse) -> bool:
        """Count and record one use; False when none is left."""

    def recorded(self, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of (grant, message) that are on record as a use."""

    def uses(self, grant_id: str, limit: int) -> list[GrantUse]:
        """Newest first."""

    def end(self, grant_id: str, state: GrantState, by: str, now: datetime) -> bool:
        """Revoke it, or note that it expired; False when there is nothing to end."""

    def overdue(self, now: datetime, limit: int) -> list[str]:
        """Active ones whose time is over."""

    def forget(self, number: PhoneNumber) -> int:
        """Take a person out of the recipients of every grant; answers of how many."""


class Pauses(Protocol):
    """People to whom nothing automatic goes."""

    def of(self, numbers: Iterable[PhoneNumber]) -> list[Pause]: ...
    def listing(self) -> list[Pause]: ...
    def add(self, pause: Pause) -> bool:
        """False when the person is paused there already; the first stays."""

    def lift(self, number: PhoneNumber, line: str) -> bool: ...


class Intakes(Protocol):
    """How far a line came with what it asks people; the newest intake of each."""

    def get(self, line: str, number: PhoneNumber) -> Intake | None: ...
    def put(self, intake: Intake) -> None:
        """Insert, or replace the person's earlier one on the line."""

    def end(
        self, number: PhoneNumber, line: str | None, state: IntakeState, now: datetime
    ) -> list[str]:
        """End what still asks, on one line or all; the lines concerned."""

    def of_person(self, number: PhoneNumber) -> list[Intake]: ...
    def silent(self, line: str, since: datetime, limit: int) -> list[Intake]:
        """Those of a line that ask and heard nothing after `since`, oldest first."""

    def listing(self, line: str | None, limit: int) -> Sequence[Intake]:
        """The last changed first."""


class Acquaintances(Protocol):
    """Whom a line ever wrote to, and which disclosures reached them."""

    def known(self, pairs: Iterable[tuple[str, PhoneNumber]]) -> set[tuple[str, PhoneNumber]]: ...
    def meet(self, pairs: Iterable[tuple[str, PhoneNumber]], now: datetime) -> None: ...
    def disclosed(
        self, triples: Iterable[tuple[str, PhoneNumber, str]]
    ) -> dict[tuple[str, PhoneNumber, str], tuple[str, datetime]]:
        """(line, number, version) → (`carried` or `delivered`, when). What is carried counts only
        while its message is under way."""

    def carry(self, carried: Iterable[tuple[str, PhoneNumber, str, str]], now: datetime) -> None:
        """(line, number, version, message): on its way. A delivered one stays delivered."""

    def delivered(
        self, arrived: Iterable[tuple[str, PhoneNumber, str, str]], now: datetime
    ) -> None:
        """(line, number, version, message): it arrived, whichever message carried it last."""


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


class Privacy(Protocol):
    """Forgetting; the audit chain, which holds no text and no number, stays whole."""

    def redact(self, before: datetime) -> int:
        """Forget the texts of messages stored before then that are under way no more; answers how
        many, a bounded bite at a time."""

    def forget_texts(self, message_ids: Iterable[str]) -> None:
        """Forget the texts of these messages, whatever their age."""

    def erase(self, number: PhoneNumber) -> dict[str, int]:
        """Forget a person but for an opt-out or a block; rows by table. What waits for them must
        have been ended before."""


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
