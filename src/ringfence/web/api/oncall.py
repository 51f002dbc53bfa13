"""Who is on call: now or at a time, from when to when, as a calendar to subscribe to, and changes for a
while. Schedules stand in the configuration and belong to no line; gaps are shown, never filled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.gateway import duty
from ringfence.gateway.acknowledging import responder_named
from ringfence.gateway.oncall_views import feed, on_call_view, override_view, shifts_view
from ringfence.model.errors import InvalidField
from ringfence.model.oncall import Override, OverrideKind
from ringfence.model.principal import Permission, Principal
from ringfence.ports import Tx
from ringfence.web import fields
from ringfence.web.api.desk import ApiRoute, Desk, listing, whole_house

AHEAD: Final = timedelta(days=14)
_CHANGE: Final = ("schedule", "kind", "responder", "instead_of", "begins", "ends")


async def show(desk: Desk, request: Request, principal: Principal) -> Response:
    given = fields.query(request, ("schedule", "at"))
    kit, wanted = desk.kit, given.get("schedule")
    at = fields.moment(given["at"], "at") if "at" in given else kit.clock.now()
    rows = await kit.store.read(lambda tx: on_call_view(kit, tx, wanted, at))
    return listing("schedules", rows, None)


async def shifts(desk: Desk, request: Request, principal: Principal) -> Response:
    given = fields.query(request, ("schedule", "since", "until"))
    kit = desk.kit
    since = fields.since(given.get("since")) or kit.clock.now()
    until = fields.end(given["until"], "until", since) if "until" in given else since + AHEAD
    if until <= since:
        raise InvalidField("`until` is after `since`.")
    wanted = given.get("schedule")
    names = sorted(kit.operations.schedules) if wanted is None else [wanted]
    rows = await kit.store.read(
        lambda tx: [shifts_view(kit, tx, name, since, until) for name in names]
    )
    return listing("schedules", rows, None)


async def calendar(desk: Desk, request: Request, principal: Principal) -> Response:
    """`only` one responder's shifts."""
    given = fields.query(request, ("only",))
    kit, wanted, only = desk.kit, request.path_params["schedule"], given.get("only", "")
    if only:
        responder_named(kit, only)
    now = kit.clock.now()
    body = await kit.store.read(lambda tx: feed(kit, tx, wanted, now, only))
    return Response(body, media_type="text/calendar; charset=utf-8")


async def overrides(desk: Desk, request: Request, principal: Principal) -> Response:
    """Those that hold now or later, in the order they were made."""
    given = fields.query(request, ("schedule",))
    kit, wanted, now = desk.kit, given.get("schedule"), desk.kit.clock.now()
    if wanted is not None:
        duty.schedule_of(kit, wanted)
    found = await kit.store.read(lambda tx: tx.duty.overrides(wanted, now))
    return listing("overrides", [override_view(one) for one in found], None)


async def override(desk: Desk, request: Request, principal: Principal) -> Response:
    """The answer shows the hours that the change leaves with nobody."""
    whole_house(principal, "Who is on call")
    given = fields.json_object(request, _CHANGE)
    kit, now = desk.kit, desk.kit.clock.now()
    schedule, change = fields.text(given, "schedule"), _change(given, now)

    def job(tx: Tx) -> dict[str, Any]:
        stored = duty.override(kit, tx, schedule, change, principal.actor, now)
        span = shifts_view(kit, tx, schedule, max(change.begins, now), change.ends)
        return override_view(stored) | {"gaps": span["gaps"]}

    return JSONResponse(await kit.store.write(job), status_code=201)


async def remove(desk: Desk, request: Request, principal: Principal) -> Response:
    whole_house(principal, "Who is on call")
    kit, key, now = desk.kit, request.path_params["id"], desk.kit.clock.now()
    await kit.store.write(lambda tx: duty.remove_override(kit, tx, key, principal.actor, now))
    return JSONResponse({"id": key, "removed": True})


def _change(given: Mapping[str, Any], now: datetime) -> Override:
    begins = fields.text(given, "begins", optional=True)
    return Override(
        fields.choice(given, "kind", OverrideKind),
        fields.text(given, "responder"),
        fields.moment(begins, "begins") if begins else now,
        fields.end(fields.text(given, "ends"), "ends", now),
        fields.text(given, "instead_of", optional=True),
    )


ROUTES = (
    ApiRoute("GET", "/oncall", Permission.READ, show),
    ApiRoute("GET", "/oncall/shifts", Permission.READ, shifts),
    ApiRoute("GET", "/oncall/{schedule}.ics", Permission.READ, calendar),
    ApiRoute("GET", "/oncall/overrides", Permission.READ, overrides),
    ApiRoute("POST", "/oncall/overrides", Permission.ALERTS, override),
    ApiRoute("DELETE", "/oncall/overrides/{id}", Permission.ALERTS, remove),
)
