"""A dead man's switch: a job says that it is alive, by a name, and how soon it will say so again.
Who may send is said by a token, which is the door's business. A beat resolves the alert of its name;
`missed` is the event that opens it. It must never take a beat as a promise for longer than
PERIOD_S_MAX: a watch that is never due watches nothing.

A beat is named by its name and its time; the alert by the name alone. A program that cannot POST JSON
says the same in the query: `?name=nightly-backup&period_s=86400`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

from ringfence.model.errors import MalformedEvent
from ringfence.model.event import Event, EventAction, Severity
from ringfence.model.line import Secret
from ringfence.sources.base import KIB, Capabilities, Verified, WebhookRequest, admitted
from ringfence.sources.identity import joined
from ringfence.sources.taming import PROSE_CHARS_MAX, Fields, fields

BEAT, FAILED, MISSED = "heartbeat.beat", "heartbeat.failed", "heartbeat.missed"
NAME_CHARS_MAX = 100
PERIOD_S_MIN, PERIOD_S_MAX = 10, 400 * 86_400  # a yearly job, and some
FIELDS: Final = ("name", "period_s", "grace_s", "ok", "time", "message")
_GRACE_SHARE = 10
_QUERY_CHARS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Beat:
    """What a job promised: to be heard of again by `due_at`."""

    name: str
    at: datetime
    period_s: int
    grace_s: int

    @property
    def due_at(self) -> datetime:
        return self.at + timedelta(seconds=self.period_s + self.grace_s)


class Heartbeat:
    name = "heartbeat"
    capabilities = Capabilities(resolves=True, body_bytes_max=16 * KIB)

    def verify(self, request: WebhookRequest, secrets: Sequence[Secret], now: datetime) -> Verified:
        return admitted(request, self.capabilities, now)

    def parse(self, verified: Verified) -> list[Event]:
        request = verified.request
        given = fields(request.body) if request.body.strip() else _from_query(request.query)
        given.only(FIELDS)
        return [_event(given, verified.received_at)]


def beat(event: Event) -> Beat | None:
    """The promise in an event of this source; None when the job said nothing of when to expect it,
    or failed."""
    period = event.data.get("period_s")
    if event.source != Heartbeat.name or event.type != BEAT or not isinstance(period, int):
        return None
    return Beat(str(event.data["name"]), event.at, period, int(event.data["grace_s"]))


def missed(promise: Beat, now: datetime) -> Event | None:
    """The event that opens the alert, once the promise is broken. Asked again, it is the same
    event: one silence is one alert, however often it is looked at."""
    if now < promise.due_at:
        return None
    return Event(
        id=joined(promise.name, MISSED, promise.at.isoformat()),
        source=Heartbeat.name,
        type=MISSED,
        at=promise.due_at,
        severity=Severity.ERROR,
        subject=promise.name,
        title=f"{promise.name} was not heard of in time",
        data={
            "name": promise.name,
            "period_s": promise.period_s,
            "grace_s": promise.grace_s,
            "last_at": promise.at.isoformat(),
        },
        dedupe_key=promise.name,
    )


def _event(given: Fields, received_at: datetime) -> Event:
    name = given.word("name", NAME_CHARS_MAX)
    ok = given.truth("ok", True)
    # A job's clock that is ahead must not put off the alarm.
    at = min(given.moment("time") or received_at, received_at)
    return Event(
        id=joined(name, BEAT if ok else FAILED, at.isoformat()),
        source=Heartbeat.name,
        type=BEAT if ok else FAILED,
        at=at,
        severity=Severity.INFO if ok else Severity.ERROR,
        action=EventAction.RESOLVE if ok else EventAction.TRIGGER,
        subject=name,
        title="" if ok else f"{name} says that it failed",
        data={"name": name, **_promise(given), "message": given.prose("message", PROSE_CHARS_MAX)},
        dedupe_key=name,
    )


def _promise(given: Fields) -> dict[str, int]:
    """Without `grace_s` a tenth of the period: jobs do not run by the second."""
    if given.held.get("period_s") is None:
        return {}
    period = given.whole("period_s", PERIOD_S_MIN, PERIOD_S_MAX)
    return {
        "period_s": period,
        "grace_s": given.whole("grace_s", 0, PERIOD_S_MAX, period // _GRACE_SHARE),
    }


def _from_query(query: str) -> Fields:
    """The same fields out of a query string, whose values are all text."""
    if len(query) > _QUERY_CHARS_MAX:
        raise MalformedEvent(f"The query has more than {_QUERY_CHARS_MAX} characters.")
    try:
        pairs = parse_qsl(
            query,
            keep_blank_values=True,
            strict_parsing=bool(query),
            errors="strict",
            max_num_fields=len(FIELDS),
        )
    except ValueError:
        raise MalformedEvent("The query is not one of names and values.") from None
    if len(dict(pairs)) != len(pairs):
        raise MalformedEvent("The query says one of its fields twice.")
    return Fields({name: _unquoted(name, value) for name, value in pairs})


def _unquoted(name: str, value: str) -> Any:
    if name in ("period_s", "grace_s") and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return {"true": True, "false": False}.get(value, value) if name == "ok" else value


SOURCE = Heartbeat()
