"""Pauses over the API: who nothing automatic goes to, take over, let go on. Numbers stand in bodies,
never in a path. Taking over and lifting is for operators of the whole house."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.gateway import handover
from ringfence.gateway.views import pause_view
from ringfence.model.phone import PhoneNumber, from_operator
from ringfence.model.principal import Permission, Principal
from ringfence.web import fields
from ringfence.web.api.desk import ApiRoute, Desk, listing


async def list_(desk: Desk, request: Request, principal: Principal) -> Response:
    """Oldest first. Those of lines that are not the principal's are left out."""
    fields.query(request, ())
    found = await desk.kit.store.read(lambda tx: tx.pauses.listing())
    shown = [
        pause_view(pause)
        for pause in found
        if pause.line == handover.EVERYWHERE or principal.covers(pause.line)
    ]
    return listing("pauses", shown, None)


async def add(desk: Desk, request: Request, principal: Principal) -> Response:
    """Without a line, on every line."""
    given = fields.json_object(request, ("number", "line"))
    number = _number(given)
    line = desk.line(given["line"], principal).id if "line" in given else handover.EVERYWHERE
    kit, now = desk.kit, desk.kit.clock.now()
    fresh = await kit.store.write(
        lambda tx: handover.hand_over(kit, tx, line, number, principal.actor, "", now)
    )
    return JSONResponse({"line": line or None, "paused": True, "fresh": fresh})


async def lift(desk: Desk, request: Request, principal: Principal) -> Response:
    """Without a line, all of the person's. A line may have left the configuration since."""
    given = fields.json_object(request, ("number", "line"))
    number = _number(given)
    line = fields.text(given, "line") if "line" in given else None
    kit, now = desk.kit, desk.kit.clock.now()
    lifted = await kit.store.write(
        lambda tx: handover.release(kit, tx, number, line, principal.actor, now)
    )
    return JSONResponse({"lifted": [pause_view(pause) for pause in lifted]})


def _number(given: Mapping[str, Any]) -> PhoneNumber:
    return from_operator(fields.text(given, "number"))


ROUTES = (
    ApiRoute("GET", "/pauses", Permission.READ, list_),
    ApiRoute("POST", "/pauses", Permission.CONTACTS, add),
    ApiRoute("POST", "/pauses/lift", Permission.CONTACTS, lift),
)
