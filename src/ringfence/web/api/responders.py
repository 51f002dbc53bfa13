"""Who can be on call, and whether what their numbers answer counts. Making a number count is for
operators of the whole house: whoever has it can end alerts from then on (P2)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.gateway import verification
from ringfence.gateway.oncall_views import responder_views
from ringfence.model.principal import Permission, Principal
from ringfence.web import fields
from ringfence.web.api.desk import ApiRoute, Desk, listing


async def list_(desk: Desk, request: Request, principal: Principal) -> Response:
    fields.query(request, ())
    kit = desk.kit
    return listing("responders", await kit.store.read(lambda tx: responder_views(kit, tx)), None)


async def verify(desk: Desk, request: Request, principal: Principal) -> Response:
    """Text a code to their number; it lasts 30 minutes. The answer never has it."""
    given = fields.json_object(request, ("line",), may_be_empty=True)
    kit, name, now = desk.kit, request.path_params["name"], desk.kit.clock.now()
    line = desk.line(given.get("line"), principal)
    asked = await kit.store.write(
        lambda tx: verification.ask(kit, tx, name, line.id, principal.actor, now)
    )
    kit.outbox_bell.ring()
    document = {"responder": name, "message": asked.message_id, "state": asked.status.value}
    return JSONResponse(document, status_code=202)


async def confirm(desk: Desk, request: Request, principal: Principal) -> Response:
    """`verified` is false for a wrong code; a few of those, and it takes an hour."""
    code = fields.text(fields.json_object(request, ("code",)), "code")
    kit, name, now = desk.kit, request.path_params["name"], desk.kit.clock.now()
    verified = await kit.store.write(
        lambda tx: verification.confirm(kit, tx, name, code, principal.actor, now)
    )
    return JSONResponse({"responder": name, "verified": verified})


ROUTES = (
    ApiRoute("GET", "/responders", Permission.READ, list_),
    ApiRoute("POST", "/responders/{name}/verify", Permission.CONTACTS, verify),
    ApiRoute("POST", "/responders/{name}/confirm", Permission.CONTACTS, confirm),
)
