"""Tickets over the API: what ticket systems were told of alerts, what they were not, and trying that
again."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.gateway import ticket_desk
from ringfence.model.principal import Permission, Principal
from ringfence.web import fields
from ringfence.web.api.desk import ApiRoute, Desk, listing


async def list_(desk: Desk, request: Request, principal: Principal) -> Response:
    given = fields.query(request, ("limit", "after", "system"))
    page, system = fields.page(given), given.get("system")
    rows, following = await desk.kit.store.read(
        lambda tx: ticket_desk.listing(tx, page.limit, system, page.after, principal.lines)
    )
    return listing("tickets", rows, following)


async def get(desk: Desk, request: Request, principal: Principal) -> Response:
    ticket_id = request.path_params["id"]
    return JSONResponse(
        await desk.kit.store.read(lambda tx: ticket_desk.one(tx, ticket_id, principal.lines))
    )


async def resubmit(desk: Desk, request: Request, principal: Principal) -> Response:
    fields.json_object(request, (), may_be_empty=True)
    kit, task_id = desk.kit, request.path_params["id"]
    now = kit.clock.now()
    tasks = await kit.store.write(
        lambda tx: ticket_desk.resubmit(kit, tx, task_id, principal.actor, now)
    )
    return JSONResponse({"resubmitted": [ticket_desk.task_view(task) for task in tasks]})


ROUTES = (
    ApiRoute("GET", "/tickets", Permission.READ, list_),
    ApiRoute("GET", "/tickets/{id}", Permission.READ, get),
    ApiRoute("POST", "/tickets/tasks/{id}/resubmit", Permission.TICKETS, resubmit),
)
