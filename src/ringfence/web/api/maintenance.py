"""Maintenance over the API: times in which nobody is told of alerts. It may cover any line's."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.gateway import alert
from ringfence.gateway.oncall_views import maintenance_view
from ringfence.model.alert import Maintenance
from ringfence.model.errors import InvalidField
from ringfence.model.principal import Permission, Principal
from ringfence.web import fields
from ringfence.web.api.desk import ApiRoute, Desk, listing, whole_house

REASON_CHARS_MAX = 500


async def list_(desk: Desk, request: Request, principal: Principal) -> Response:
    """What is under way or to come, by its beginning."""
    fields.query(request, ())
    now = desk.kit.clock.now()
    found = await desk.kit.store.read(lambda tx: tx.duty.maintenance(now))
    return listing("maintenance", [maintenance_view(one, now) for one in found], None)


async def begin(desk: Desk, request: Request, principal: Principal) -> Response:
    whole_house(principal, "Maintenance")
    given = fields.json_object(request, ("flow", "service", "begins", "ends", "reason"))
    kit, now = desk.kit, desk.kit.clock.now()
    begins = fields.text(given, "begins", optional=True)
    reason = fields.text(given, "reason", optional=True)
    if len(reason) > REASON_CHARS_MAX:
        raise InvalidField(f"`reason` has at most {REASON_CHARS_MAX} characters.")
    wanted = Maintenance(
        "",
        fields.text(given, "flow", optional=True),
        fields.text(given, "service", optional=True),
        fields.moment(begins, "begins") if begins else now,
        fields.end(fields.text(given, "ends"), "ends", now),
        reason,
        principal.actor,
    )
    window = await kit.store.write(lambda tx: alert.begin_maintenance(kit, tx, wanted, now))
    return JSONResponse(maintenance_view(window, now), status_code=201)


async def end(desk: Desk, request: Request, principal: Principal) -> Response:
    whole_house(principal, "Maintenance")
    kit, key, now = desk.kit, request.path_params["id"], desk.kit.clock.now()
    await kit.store.write(lambda tx: alert.end_maintenance(kit, tx, key, principal.actor, now))
    kit.alerts_bell.ring()
    return JSONResponse({"id": key, "ended": True})


ROUTES = (
    ApiRoute("GET", "/maintenance", Permission.READ, list_),
    ApiRoute("POST", "/maintenance", Permission.ALERTS, begin),
    ApiRoute("DELETE", "/maintenance/{id}", Permission.ALERTS, end),
)
