"""Policy: every rule of a line with its settings, and why a stored decision was what it was. Looking
only: rules are changed in the configuration, by people."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.gateway.policy_views import policy_view
from ringfence.gateway.replay import explain_stored, stored_decision
from ringfence.model.errors import NotFound
from ringfence.model.principal import Permission, Principal
from ringfence.ports import Tx
from ringfence.web import fields
from ringfence.web.api.desk import ApiRoute, Desk


async def show(desk: Desk, request: Request, principal: Principal) -> Response:
    given = fields.query(request, ("line",))
    line = desk.line(given.get("line"), principal)
    return JSONResponse(policy_view(desk.kit, line.id))


async def explain(desk: Desk, request: Request, principal: Principal) -> Response:
    fields.query(request, ())
    key = request.path_params["id"]

    def query(tx: Tx) -> dict[str, object]:
        if not principal.covers(stored_decision(tx, key).facts.line):
            raise NotFound("No decision has this id, nor is one about such a message on record.")
        return explain_stored(tx, key)

    return JSONResponse(await desk.kit.store.read(query))


ROUTES = (
    ApiRoute("GET", "/policy", Permission.READ, show),
    ApiRoute("GET", "/decisions/{id}", Permission.READ, explain),
)
