"""Calls in both directions: the life cycle as a table, the legs a call is made of, and the provider
events it lives by. Values only; a late or repeated event must never undo an end (facts voice 1.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from ringfence.model.instruction import Instruction
from ringfence.model.message import Direction
from ringfence.model.phone import PhoneNumber


class CallState(Enum):
    """Where a call is. OFFERED: the provider has it and nothing rings yet (out), or it asks what to
    do with a caller (in). ENDED had an answer; the four after it had none."""

    OFFERED = "offered"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    CANCELLED = "cancelled"


_ENDS = frozenset(
    {
        CallState.ENDED,
        CallState.BUSY,
        CallState.NO_ANSWER,
        CallState.FAILED,
        CallState.CANCELLED,
    }
)

CALL_TRANSITIONS: dict[CallState, frozenset[CallState]] = {
    # A report may be lost, so every later state may come next.
    CallState.OFFERED: frozenset({CallState.RINGING, CallState.ANSWERED}) | _ENDS,
    CallState.RINGING: frozenset({CallState.ANSWERED}) | _ENDS,
    # Nobody who answered was busy; a late report of an earlier try changes nothing.
    CallState.ANSWERED: frozenset({CallState.ENDED, CallState.FAILED}),
    CallState.ENDED: frozenset(),
    CallState.BUSY: frozenset(),
    CallState.NO_ANSWER: frozenset(),
    CallState.FAILED: frozenset(),
    CallState.CANCELLED: frozenset(),
}

CALL_ENDS = frozenset(state for state, next_ones in CALL_TRANSITIONS.items() if not next_ones)


def after(state: CallState, reported: CallState) -> CallState:
    """The state of a call of which `reported` is heard: never backwards, never out of an end."""
    return reported if reported in CALL_TRANSITIONS[state] else state


class EndReason(Enum):
    """Why a call is over, as far as we know. The provider tells that it ended, seldom who ended it."""

    HUNG_UP = "hung_up"  # by the person, or by the provider after the last instruction
    SAID_ALL = "said_all"  # we hung up: everything was said
    ENDED_BY_AGENT = "ended_by_agent"
    ENDED_BY_OPERATOR = "ended_by_operator"
    TRANSFERRED = "transferred"
    REFUSED = "refused"  # an inbound call that policy does not let in
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    CANCELLED = "cancelled"
    FAILED = "failed"
    MACHINE = "machine"  # an answering machine, and nothing may be left on it
    SILENCE = "silence"
    TIME_LIMIT = "time_limit"
    NOT_ANSWERED_IN_TIME = "not_answered_in_time"  # our own deadline for calls that never answer
    MOOT = "moot"  # what it rang about was taken by somebody, or is over
    KILLED = "killed"  # the kill switch, or a revocation
    LOST = "lost"  # the provider does not know it, or has not said anything for too long


class CallMode(Enum):
    """NOTIFY: say it, take a digit if one is asked for, hang up. CONVERSATION: turns."""

    NOTIFY = "notify"
    CONVERSATION = "conversation"


class Answerer(Enum):
    """Who picked up, as the provider's detection heard it. UNKNOWN is treated as a person: the
    disclosure is owed to people (facts voice 3.6)."""

    HUMAN = "human"
    MACHINE = "machine"  # its greeting may still be running
    MACHINE_READY = "machine_ready"  # its greeting is over: it records now
    FAX = "fax"
    UNKNOWN = "unknown"

    @property
    def is_machine(self) -> bool:
        return self in (Answerer.MACHINE, Answerer.MACHINE_READY, Answerer.FAX)


class LegRole(Enum):
    """Whom a leg connects: the person the call is with, an owner who joins or takes over."""

    PERSON = "person"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Leg:
    """One connection of a call: one number, one call at the provider. Times are aware UTC."""

    number: PhoneNumber
    role: LegRole
    state: CallState
    provider_id: str = ""
    offered_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    answered_by: Answerer | None = None
    end_reason: EndReason | None = None

    @property
    def is_over(self) -> bool:
        return self.state in CALL_ENDS

    @property
    def lasted(self) -> timedelta:
        """From the answer to the end: ringing is not charged (B148). Zero while it lasts."""
        if self.answered_at is None or self.ended_at is None:
            return timedelta(0)
        return max(timedelta(0), self.ended_at - self.answered_at)


@dataclass(frozen=True, slots=True)
class Call:
    """One call: a person's leg, and those that joined it. `time_limit` is the provider's own ceiling,
    counted from the answer (P12); there is no call without one. `message_id` is the proposal an
    outbound call comes from, `outbox_id` its item. `turn` counts how often we were asked what next;
    `sequence` is the provider's count of its last report. `disclosed_at` is when the disclosure had
    been heard to its end, `said_at` when everything a notice says had been. `ending` is set while a
    hang-up is owed; `look_at` is when somebody must look after the call again (None: it is over),
    `looks` how often that was in vain. `called` is the number of ours that was rung, or rings: its route
    holds on this call (B124). `silences` counts how often nobody said anything when it was
    their turn; `pin_given`: the caller gave the line's PIN. `recent`
    are the names of the last webhooks that were acted on.
    `awaited_until` is set while somebody waits for what the person says next, and for no longer than
    that: one at a time (B134)."""

    id: str
    line: str
    direction: Direction
    mode: CallMode
    contact_id: str
    person: Leg
    time_limit: timedelta
    created_at: datetime
    updated_at: datetime
    joined: tuple[Leg, ...] = ()
    initiator: str = ""
    message_id: str = ""
    outbox_id: str = ""
    turn: int = 0
    sequence: int = -1
    disclosed_at: datetime | None = None
    said_at: datetime | None = None
    pressed: str = field(default="", repr=False)
    ending: EndReason | None = None
    look_at: datetime | None = None
    looks: int = 0
    error_code: int | None = None
    called: str = field(default="", repr=False)
    silences: int = 0
    pin_given: bool = False
    recent: tuple[str, ...] = ()
    awaited_until: datetime | None = None

    @property
    def state(self) -> CallState:
        return self.person.state

    @property
    def is_over(self) -> bool:
        return self.person.is_over and all(leg.is_over for leg in self.joined)


class Speaker(Enum):
    """Whose words. GATEWAY: the operator's own, fixed ones (disclosure, goodbye, what a notice says)."""

    PERSON = "person"
    AGENT = "agent"
    GATEWAY = "gateway"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Words:
    """What was said in a call, in order of `n`. Of ours, `heard` is how many of its characters were
    played out to the person, None while nobody knows; `decision` is the audit entry that let it be
    said. `confidence` is the ear's, from 0 to 1."""

    call_id: str
    n: int
    speaker: Speaker
    text: str = field(repr=False)
    at: datetime
    turn: int = 0
    heard: int | None = None
    decision: str = ""
    confidence: float | None = None


class CallTurnState(Enum):
    """ASKED: an agent thinks about it. ANSWERED: its words may be said. SAID: they were given to the
    provider. FAILED: no answer came that may be said."""

    ASKED = "asked"
    ANSWERED = "answered"
    SAID = "said"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CallTurn:
    """What a person said and what came of asking the agent. Who asks holds the lease: when it runs out
    the next look asks anew, under the same id. `answer` has passed the gate; the call is hung up
    after it, or somebody connected, where the agent wants that: `transfer` is their name."""

    id: str
    call_id: str
    n: int
    state: CallTurnState
    asked_at: datetime
    lease_until: datetime
    answer: str = field(default="", repr=False)
    reason: str = ""
    hang_up: bool = False
    transfer: str = ""


@dataclass(frozen=True, slots=True)
class TurnTimes:
    """How long one turn of live sound took: milliseconds from the end of the person's speech to their
    turn being over, the first sentence allowed, its first sound made, its first frame sent, its
    beginning played."""

    call_id: str
    turn: int
    over_ms: int
    allowed_ms: int
    made_ms: int
    sent_ms: int
    played_ms: int


# -- provider events ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """Somebody calls us, and the provider asks what to do. `caller` is as the wire had it: it may
    be a placeholder, and is never an identity; `hidden` when it names nobody."""

    provider_id: str
    account_id: str
    caller: str = field(repr=False)
    called: str = field(repr=False)
    hidden: bool = False
    forwarded_from: str = field(default="", repr=False)
    attested: str = ""  # what STIR/SHAKEN says of the caller, in the provider's word


@dataclass(frozen=True, slots=True)
class WhatNext:
    """The provider asks for the next instructions of a call of ours. `our_id` and `turn` are what
    the address it asks at was given. `heard` is what a Listen got: digits, words, or neither when
    nothing came in time. `answered_by` is there where the detection came before the first words.

    `rest` is there where a provider takes one step at a time and keeps no list: what it was told
    before has been done (and heard to its end), and this is what was told along with it, to be told
    again as it is; `turn` is then the one it leads to, empty where it leads to none. Nothing new is
    decided for it, and it is not told to a call that is being ended or was given other words since."""

    provider_id: str
    account_id: str
    our_id: str
    state: CallState
    turn: str = ""
    digits: str = field(default="", repr=False)
    speech: str = field(default="", repr=False)
    confidence: float | None = None
    answered_by: Answerer | None = None
    rest: tuple[Instruction, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class LegEnded:
    """A leg that an instruction dialled is over, and the call it was dialled from goes on: the
    provider asks what next."""

    provider_id: str
    account_id: str
    our_id: str
    leg_state: CallState
    turn: str = ""
    leg_provider_id: str = ""
    lasted_s: int = 0


@dataclass(frozen=True, slots=True)
class CallProgress:
    """A status callback. `sequence` orders the callbacks of one call where the provider counts
    them, else None; `sip_code` and `error_code` say why it failed."""

    provider_id: str
    account_id: str
    our_id: str
    state: CallState
    provider_status: str
    sequence: int | None = None
    lasted_s: int | None = None
    answered_by: Answerer | None = None
    sip_code: int | None = None
    error_code: int | None = None
    parent_provider_id: str = ""


@dataclass(frozen=True, slots=True)
class AnswererHeard:
    """What answering-machine detection found while the call already went on."""

    provider_id: str
    account_id: str
    our_id: str
    answered_by: Answerer
    took_ms: int | None = None


class RecordingState(Enum):
    UNDER_WAY = "under_way"
    COMPLETED = "completed"
    ABSENT = "absent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RecordingReport:
    """A recording of a call, at the provider. `url` is there once it is completed. `asks` when the
    provider waits for what the call does next, as it does after a message was left."""

    provider_id: str
    account_id: str
    our_id: str
    state: RecordingState
    recording_id: str = ""
    url: str = field(default="", repr=False)
    lasted_s: int = 0
    turn: str = ""
    digits: str = field(default="", repr=False)
    asks: bool = False


CallEvent = IncomingCall | WhatNext | LegEnded | CallProgress | AnswererHeard | RecordingReport
