"""Intakes over the API: what people answered to a line's questions. Looks only."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ringfence.gateway.views import intake_view
from ringfence.model.principal import Permission, Principal
from ringfence.web import fields
from ringfence.web.api.desk import ApiRoute, Desk, listing


async def list_(desk: Desk, request: Request, principal: Principal) -> Response:
    """The last changed first."""
    given = fields.query(request, ("limit", "line"))
    line = desk.line(given["line"], principal).id if "line" in given else None
    limit = fields.limit(given.get("limit"))
    found = await desk.kit.store.read(lambda tx: tx.intakes.listing(line, limit))
    shown = [intake_view(intake) for intake in found if principal.covers(intake.line)]
    return listing("intakes", shown, None)


ROUTES = (ApiRoute("GET", "/intakes", Permission.READ, list_),)
