"""What people and programs may look at of duty: who is on call, shifts and gaps, overrides,
maintenance, responders. Plain dictionaries, numbers masked. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from ringfence.delivery.flow import Responder
from ringfence.delivery.ical import write_feed
from ringfence.delivery.oncall import Shift, next_handover, on_call, shifts
from ringfence.gateway.acknowledging import is_verified
from ringfence.gateway.duty import changed, schedule_of
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.views import moment
from ringfence.model.alert import Maintenance
from ringfence.model.oncall import Schedule
from ringfence.ports import StoredOverride, Tx

FEED_PAST: Final = timedelta(days=28)
FEED_AHEAD: Final = timedelta(days=180)
NOBODY: Final = "nobody is on call"
"""What a feed calls a gap: a subscriber should see it."""


def on_call_view(kit: Equipment, tx: Tx, wanted: str | None, at: datetime) -> list[dict[str, Any]]:
    """Who is on call at a moment, by each schedule (None), or by one. Raises NotFound."""
    names = sorted(kit.operations.schedules) if wanted is None else [wanted]
    return [_at(kit, changed(tx, schedule_of(kit, name), at), at) for name in names]


def shifts_view(
    kit: Equipment, tx: Tx, wanted: str, since: datetime, until: datetime
) -> dict[str, Any]:
    """One schedule over a span, overrides included. Raises NotFound, InvalidField for a span too
    long."""
    schedule = changed(tx, schedule_of(kit, wanted), since)
    found = shifts(schedule, since, until)
    return {
        "schedule": schedule.name,
        "zone": schedule.zone,
        "since": moment(since),
        "until": moment(until),
        "shifts": [_shift(one) for one in found],
        "gaps": [_span(one.begins, one.ends) for one in found if not one.responders],
    }


def feed(kit: Equipment, tx: Tx, wanted: str, now: datetime, only: str = "") -> bytes:
    """The schedule as a calendar to subscribe to, four weeks back and half a year ahead; `only` is
    one responder's. Raises NotFound."""
    since, until = now - FEED_PAST, now + FEED_AHEAD
    schedule = changed(tx, schedule_of(kit, wanted), since)
    names = {one.name: called(one) for one in kit.operations.responders.values()}
    gap_title = "" if only else NOBODY
    return write_feed(schedule, since, until, now, names, only=only, gap_title=gap_title)


def override_view(stored: StoredOverride) -> dict[str, Any]:
    one = stored.override
    return {
        "id": stored.id,
        "schedule": stored.schedule,
        "kind": one.kind.value,
        "responder": one.responder,
        "instead_of": one.instead_of or None,
        **_span(one.begins, one.ends),
        "created_at": moment(stored.created_at),
        "actor": stored.actor,
    }


def maintenance_view(window: Maintenance, now: datetime) -> dict[str, Any]:
    """`flow` and `service` null mean any."""
    return {
        "id": window.id,
        "flow": window.flow or None,
        "service": window.service or None,
        **_span(window.begins, window.ends),
        "under_way": window.begins <= now < window.ends,
        "reason": window.reason,
        "actor": window.actor,
    }


def responder_views(kit: Equipment, tx: Tx) -> list[dict[str, Any]]:
    """Everybody who can be on call, by name. `verified`: whether what their number answers counts."""
    people = [kit.operations.responders[name] for name in sorted(kit.operations.responders)]
    return [responder_view(kit, one, is_verified(kit, tx, one)) for one in people]


def responder_view(kit: Equipment, responder: Responder, verified: bool) -> dict[str, Any]:
    name = responder.name
    return {
        "name": name,
        "label": responder.label or None,
        "number": responder.number.masked,
        "line": responder.line or None,
        "channels": sorted(channel.value for channel in responder.channels),
        "two_way": responder.two_way,
        "verified": verified,
        "groups": sorted(group for group, who in kit.operations.groups.items() if name in who),
    }


def called(responder: Responder) -> str:
    """What others are told of somebody."""
    return responder.label or responder.name


def _at(kit: Equipment, schedule: Schedule, at: datetime) -> dict[str, Any]:
    return {
        "schedule": schedule.name,
        "zone": schedule.zone,
        "at": moment(at),
        "responders": _people(kit, on_call(schedule, at)),
        "next_handover": moment(next_handover(schedule, at)),
    }


def _people(kit: Equipment, names: Sequence[str]) -> list[dict[str, Any]]:
    known = kit.operations.responders
    return [
        {"name": name, "label": known[name].label or None if name in known else None}
        for name in names
    ]


def _shift(shift: Shift) -> dict[str, Any]:
    return {**_span(shift.begins, shift.ends), "responders": list(shift.responders)}


def _span(begins: datetime, ends: datetime) -> dict[str, Any]:
    return {"begins": moment(begins), "ends": moment(ends)}
