"""Alerts: something that people must know of, and who was told of it when. An alert is open until it
is resolved; only an open one that nobody has yet is escalated. Its title never prints."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from ringfence.model.event import Severity
from ringfence.model.oncall import Channel


class AlertState(Enum):
    """TRIGGERED: nobody has it. ACKNOWLEDGED: somebody does. RESOLVED: it is over, for good; the same
    thing happening again is another alert."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


ALERT_TRANSITIONS: dict[AlertState, frozenset[AlertState]] = {
    AlertState.TRIGGERED: frozenset({AlertState.ACKNOWLEDGED, AlertState.RESOLVED}),
    # Whoever has it may pass it on: it is escalated, and nobody has it again.
    AlertState.ACKNOWLEDGED: frozenset({AlertState.TRIGGERED, AlertState.RESOLVED}),
    AlertState.RESOLVED: frozenset(),
}
OPEN = frozenset({AlertState.TRIGGERED, AlertState.ACKNOWLEDGED})


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert and how far its escalation is. `number` is what people write back ("ack 12").
    `triggered_at` is when it was last passed on, else when it was opened: acknowledgements from
    before count no more.

    `step` is the name of the step that was begun last in the escalation policy `policy` (empty before
    the first), `place` where it stood in its round (1 is the first) and `step_at` when it was begun.
    `round` counts from 1. `next_at` is when to look again, None when nothing is owed: acknowledged,
    resolved, or `exhausted_at` is set, which is when the last step had been in vain.

    `line` is where texts about it leave. `count` is how often its source said so, `said_at` when the
    state began that it told of last, `told_at` when it did. `url` is a page about it."""

    id: str
    number: int
    flow: str
    source: str
    title: str = field(repr=False)
    severity: Severity
    state: AlertState
    opened_at: datetime
    triggered_at: datetime
    policy: str = ""
    dedupe_key: str = field(default="", repr=False)
    service: str = ""
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    resolved_by: str = ""
    resolved_at: datetime | None = None
    step: str = ""
    place: int = 0
    round: int = 0
    step_at: datetime | None = None
    next_at: datetime | None = None
    exhausted_at: datetime | None = None
    line: str = ""
    event_id: str = ""
    count: int = 1
    said_at: datetime | None = None
    told_at: datetime | None = None
    url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Notification:
    """One responder, told of one alert on one way of a step. `way` is its place in the step's ways
    (0 is the first). At most one of the two ends is known: a text that arrived or a call that was
    answered, or one that failed for good. Neither known may still become either."""

    round: int
    step: str
    way: int
    responder: str
    channel: Channel
    at: datetime
    delivered_at: datetime | None = None
    failed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A responder has it, as of the time they said so."""

    responder: str
    at: datetime


class NoticeKind(Enum):
    """ALERT: somebody is asked. RESOLVED: who was told hears that it is over."""

    ALERT = "alert"
    RESOLVED = "resolved"


class NoticeState(Enum):
    """OWED: its text is not proposed yet. TOLD: it is, as `message_id`. MOOT: it lost its use before
    it left. FAILED: nothing could be proposed."""

    OWED = "owed"
    TOLD = "told"
    MOOT = "moot"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Notice:
    """One responder is to be told of one alert: a Notification as the store has it. Several notices
    of the same `service` may share one text (`message_id`), proposed at `told_at`."""

    alert_id: str
    kind: NoticeKind
    responder: str
    channel: Channel
    at: datetime
    round: int = 0
    step: str = ""
    way: int = 0
    state: NoticeState = NoticeState.OWED
    service: str = ""
    message_id: str = ""
    told_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """What a person wrote down about an alert."""

    alert_id: str
    at: datetime
    actor: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Maintenance:
    """From `begins` up to but without `ends` nobody is told of alerts of `flow` and `service`; each
    empty means any. What is still open when it ends is escalated then."""

    id: str
    flow: str
    service: str
    begins: datetime
    ends: datetime
    reason: str
    actor: str

    def covers(self, alert: Alert, at: datetime) -> bool:
        return (
            self.begins <= at < self.ends
            and self.flow in ("", alert.flow)
            and self.service in ("", alert.service)
        )
