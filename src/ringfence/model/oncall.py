"""Who answers when, and who is asked after whom: schedules with their layers and overrides, and
escalation policies with their steps. Nouns only: delivery/oncall.py and delivery/escalate.py count.

A responder is named by what the configuration calls them; a number never stands here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import Enum


class RotationKind(Enum):
    """How long a turn of duty is counted in; a day and a week are of the wall clock, not of hours."""

    DAILY = "daily"
    WEEKLY = "weekly"


DAYS_OF = {RotationKind.DAILY: 1, RotationKind.WEEKLY: 7}


@dataclass(frozen=True, slots=True)
class DutyHours:
    """Minutes by the wall clock after the midnight of one weekday (Monday is 0), the last one not
    included; `ends` is past 24 hours where they cross midnight."""

    weekday: int
    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class Rotation:
    """A layer in which responders follow each other. The first has duty from `starts_on` at
    `hand_over`, by the clock of the schedule's zone, for `every` days or weeks, then the next; the
    weekday of a weekly hand-over is that of `starts_on`. `hours` empty means all of them; outside
    them nobody of this layer is on call, and the turn passes all the same."""

    name: str
    responders: tuple[str, ...]
    kind: RotationKind
    starts_on: date
    hand_over: time = time(9)
    every: int = 1
    hours: tuple[DutyHours, ...] = ()
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """A responder is on call from `begins` up to but without `ends`. Both are aware UTC."""

    responder: str
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Roster:
    """A layer that lists its duties one by one, as a calendar does. They may overlap: then all of
    those people are on call."""

    name: str
    duties: tuple[Duty, ...]


class OverrideKind(Enum):
    """ADD: one more. REMOVE: this one not. REPLACE: this one instead of another."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Override:
    """A change for a span of time. `instead_of` belongs to REPLACE: whom `responder` stands in for
    while they are on call; empty means for everybody, whoever that is."""

    kind: OverrideKind
    responder: str
    begins: datetime
    ends: datetime
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everybody whom any layer names is on call, in the order of the layers. Overrides hold in the
    order they were made, the later ones last."""

    name: str
    zone: str
    layers: tuple[Rotation | Roster, ...]
    overrides: tuple[Override, ...] = ()


class TargetKind(Enum):
    PERSON = "person"
    SCHEDULE = "schedule"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a step asks; who that is is found out when it begins."""

    kind: TargetKind
    name: str


class Channel(Enum):
    """How a responder is reached."""

    SMS = "sms"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class Way:
    """A channel of a step, tried `after_s` seconds after the step began, or as soon as the way
    before it failed or did not arrive in time."""

    channel: Channel
    after_s: int = 0


SMS_FIRST = (Way(Channel.SMS),)


@dataclass(frozen=True, slots=True)
class Step:
    """One rung. It begins `delay_s` seconds after the one before it was given up, and is itself given
    up when nobody of it acknowledged within `acknowledged_within_s` seconds, or sooner when on no way
    anything reached anybody. Within `delivered_within_s` seconds (0: however long it takes) a text
    must have arrived or a call been answered; else its way counts as failed.

    `name` is unique in its policy: it tells the step when the policy is changed in flight."""

    name: str
    targets: tuple[Target, ...]
    acknowledged_within_s: int = 300
    delivered_within_s: int = 120
    delay_s: int = 0
    ways: tuple[Way, ...] = SMS_FIRST


@dataclass(frozen=True, slots=True)
class EscalationPolicy:
    """Steps in order, gone through `rounds` times (None: until somebody acknowledges), each further
    round `pause_s` seconds after the last step of the one before was given up. With `everyone`, all
    who were notified must acknowledge; else one of them is enough."""

    name: str
    steps: tuple[Step, ...]
    rounds: int | None = 1
    pause_s: int = 0
    everyone: bool = False
