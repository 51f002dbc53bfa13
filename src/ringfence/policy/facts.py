"""The snapshot a decision may see: what was observed, never what was configured. Values only, no
phone number and no text: the facts are stored with every decision, decided again from there by the
same policy or another (P11), and must survive the erasure of a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from ringfence.model.contact import Role
from ringfence.model.draft import Traits
from ringfence.model.message import MessageClass
from ringfence.model.verdict import Act
from ringfence.policy.record import from_record, to_record


class Initiator(Enum):
    """Who started it. SYSTEM is Ringfence itself (pairing replies, confirmations, notices); EVENT
    is a trusted event source."""

    AGENT = "agent"
    OPERATOR = "operator"
    SYSTEM = "system"
    PERSON = "person"
    EVENT = "event"


class Disclosure(Enum):
    """How it stands with what a person must be told first on a line: nothing to tell, still owed,
    in this text, or told before."""

    NONE = "none"
    OWED = "owed"
    CARRIED = "carried"
    GIVEN = "given"


class Caller(Enum):
    """What is known of who called us. A caller id is written by whoever calls, and proves nothing:
    HIDDEN names nobody; BY_NUMBER is taken for whom it names; PIN_OWED has still to give the line's
    PIN, BY_PIN gave it. NONE: it is no call, or we placed it."""

    NONE = "none"
    HIDDEN = "hidden"
    PIN_OWED = "pin_owed"
    BY_NUMBER = "by_number"
    BY_PIN = "by_pin"


_TEXTS = frozenset({MessageClass.FREE_TEXT, MessageClass.TEMPLATE, MessageClass.PAGE})
_FIRST_MOVES = frozenset({Act.INITIATE, Act.CALL})
_SPOKEN = frozenset({Act.CALL, Act.SPEAK})


@dataclass(frozen=True, slots=True)
class VolumeCounts:
    """What already left, counted in the claiming transaction, per fixed window. Days are those of
    the line's zone. `asked_hour` is what the agent proposed of its own accord, whatever became of
    it. `calls_` are calls we placed, `calls_now` those under way in both directions, and minutes are
    begun ones of both: used, or still allowed to the calls that are under way."""

    recipient_minute: int = 0
    recipient_hour: int = 0
    recipient_day: int = 0
    line_minute: int = 0
    line_day: int = 0
    same_text_5_minutes: int = 0
    waiting: int = 0
    agent_day: int = 0
    new_recipients_day: int = 0
    segments_day: int = 0
    marketing_day: int = 0
    calls_day: int = 0
    calls_now: int = 0
    asked_hour: int = 0
    recipient_calls_hour: int = 0
    recipient_calls_day: int = 0
    call_minutes_day: int = 0
    recipient_call_minutes_day: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the rules may look at. `now` is aware UTC; `stopped_by` names the engaged kill
    switches that cover this act; `caution` is why an agent's answer needs a person's eye;
    `passive_replies` counts automatic answers since the person last did something real; `paused`
    is why nothing automatic may go to the person (`emergency`, `handover`); `listed` and `staged`
    say that the line's outbound list (of calls, for a call), or its staging list, names the
    recipient; `caller` is who called, as far as known; `consent` are the
    levels of consent on record for the text's programme; `zones` are all zones the person may be
    in; `approval` is the message whose live approval covers exactly this text, `grant` the grant
    that covers this act (both empty for none); `approved_before_pause` says that the yes is older
    than the pause."""

    act: Act
    now: datetime
    line: str
    contact_id: str
    role: Role
    initiator: Initiator
    caller: Caller = Caller.NONE
    message_class: MessageClass = MessageClass.FREE_TEXT
    own_number: bool = False
    blocked: bool = False
    opt_out_source: str = ""
    stopped_by: tuple[str, ...] = ()
    caution: str = ""
    passive_replies: int = 0
    paused: str = ""
    listed: bool = False
    staged: bool = False
    new_recipient: bool = False
    consent: tuple[str, ...] = ()
    disclosure: Disclosure = Disclosure.NONE
    zones: tuple[str, ...] = ()
    zone_source: str = ""
    approval: str = ""
    approved_before_pause: bool = False
    grant: str = ""
    traits: Traits = field(default_factory=Traits)
    counts: VolumeCounts = field(default_factory=VolumeCounts)

    @property
    def is_text(self) -> bool:
        """Somebody's words to the person, not an answer or a notice that Ringfence owes."""
        return self.message_class in _TEXTS

    @property
    def by_operator(self) -> bool:
        """An operator wrote it: where a rule asks for a person, one was there."""
        return self.initiator is Initiator.OPERATOR

    @property
    def is_first_move(self) -> bool:
        """Nobody asked for it just now: the first text of an exchange, or a call."""
        return self.act in _FIRST_MOVES

    @property
    def is_spoken(self) -> bool:
        """Words for somebody's ear: nobody counts their segments or sees their signs."""
        return self.act in _SPOKEN

    @property
    def surely_who(self) -> bool:
        """Nobody else than the person of this number is there, as far as can be told: on a call that
        came in, only where the PIN was given."""
        return self.caller in (Caller.NONE, Caller.BY_PIN)

    @property
    def heard_s(self) -> float | None:
        """Seconds since the person last wrote to this line; None when they did not."""
        heard = self.traits.heard_at
        return None if heard is None else (self.now - heard).total_seconds()


def window_end(now: datetime, window_s: int) -> datetime:
    """When the fixed window that holds `now` ends; windows start at multiples since the epoch."""
    return datetime.fromtimestamp((int(now.timestamp()) // window_s + 1) * window_s, UTC)


def day_end(now: datetime, zone: str) -> datetime:
    """When the day that holds `now` ends in a zone: its next local midnight, or what follows it
    where the clock skips midnight."""
    local = now.astimezone(ZoneInfo(zone))
    midnight = datetime.combine(local.date() + timedelta(days=1), time(), local.tzinfo)
    return midnight.astimezone(UTC)


def facts_to_record(facts: Facts) -> dict[str, Any]:
    """What a decision's record keeps of its facts: those that are not at their defaults."""
    return to_record(facts)


def facts_from_record(record: Mapping[str, Any]) -> Facts:
    """Rebuild stored facts. Raises KeyError, TypeError or ValueError for a foreign record."""
    return from_record(Facts, record)
