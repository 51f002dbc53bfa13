"""Consent as people look at it: plain dictionaries for the command line and the API, numbers in full
(the reader is an operator). Reads only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ringfence.gateway.views import moment
from ringfence.model.consent import ConsentEvent, OptInRequest, Standing
from ringfence.model.phone import PhoneNumber
from ringfence.ports import Tx

ASKED_SINCE = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def event_view(event: ConsentEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "number": event.number.e164,
        "kind": event.kind.value,
        "programme": event.programme or None,
        "level": event.level.value,
        "channel": event.channel,
        "method": event.method.value,
        "at": moment(event.at),
        "recorded_at": moment(event.recorded_at),
        "expires_at": moment(event.expires_at),
        "actor": event.actor,
        "disclosure": event.disclosure or None,
        "disclosure_digest": event.disclosure_digest or None,
        "evidence": event.evidence or None,
        "ip": event.ip or None,
        "user_agent": event.user_agent or None,
        "country": event.country or None,
    }


def standing_view(programme: str, standing: Standing, now: datetime) -> list[dict[str, Any]]:
    """One row a level that was agreed to."""
    return [
        {
            "programme": programme,
            "level": level.value,
            "holds": standing.allows(level, now),
            "expires_at": moment(until),
            "event": standing.events[level],
        }
        for level, until in standing.until.items()
    ]


def person_view(tx: Tx, number: PhoneNumber, now: datetime) -> dict[str, Any]:
    """All that is on record of a person: what they agreed to, whether they are opted out and by
    whom, what they were asked, and every event."""
    person = tx.people.find([number]).get(number)
    standings = tx.consents.standings_of(number)
    return {
        "number": number.e164,
        "contact": person.contact_id if person is not None else None,
        "opted_out_by": (person.opt_out_source or None) if person is not None else None,
        "agreed": [row for name, one in standings.items() for row in standing_view(name, one, now)],
        "asked": [_request_view(one) for one in tx.consents.requests(number, ASKED_SINCE)],
        "events": [event_view(one) for one in tx.consents.of_person(number)],
    }


def _request_view(request: OptInRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "line": request.line,
        "programme": request.programme,
        "level": request.level.value,
        "state": request.state.value,
        "tries": request.tries,
        "asked_at": moment(request.created_at),
        "expires_at": moment(request.expires_at),
        "asked_by": request.actor,
        "message": request.message_id,
    }
