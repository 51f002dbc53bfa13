"""A person's data over the API: export it, erase it. Numbers stand in the body, never in the path,
which ends up in logs. Operators of the whole house only."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.gateway import contacts
from ringfence.model.phone import PhoneNumber, from_operator
from ringfence.model.principal import Permission, Principal
from ringfence.web import fields
from ringfence.web.api.desk import ApiRoute, Desk


async def export(desk: Desk, request: Request, principal: Principal) -> Response:
    number = _number(request)
    kit = desk.kit
    return JSONResponse(await kit.store.read(lambda tx: contacts.export(kit, tx, number)))


async def erase(desk: Desk, request: Request, principal: Principal) -> Response:
    number = _number(request)
    kit, now = desk.kit, desk.kit.clock.now()
    erased = await kit.store.write(lambda tx: contacts.erase(kit, tx, number, principal.actor, now))
    return JSONResponse({"erased": erased})


def _number(request: Request) -> PhoneNumber:
    return from_operator(fields.text(fields.json_object(request, ("number",)), "number"))


ROUTES = (
    ApiRoute("POST", "/contacts/export", Permission.CONTACTS, export),
    ApiRoute("POST", "/contacts/erase", Permission.CONTACTS, erase),
)
