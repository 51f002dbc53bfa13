"""Messages that flows owe people: look at them, end one. Nothing here sends one."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.gateway import planning
from ringfence.gateway.event_views import planned_view
from ringfence.model.errors import InvalidField, NotFound
from ringfence.model.planned import Planned
from ringfence.model.principal import Permission, Principal
from ringfence.ports import Tx
from ringfence.web import fields
from ringfence.web.api.desk import ApiRoute, Desk, listing


async def list_(desk: Desk, request: Request, principal: Principal) -> Response:
    """Newest first; with `waiting=true` only what waits for its time."""
    given = fields.query(request, ("limit", "after", "flow", "waiting"))
    page, flow = fields.page(given), given.get("flow")
    if given.get("waiting", "false") not in ("true", "false"):
        raise InvalidField("`waiting` takes true or false.")
    waiting = given.get("waiting") == "true"
    found = await desk.kit.store.read(
        lambda tx: tx.planned.listing(page.limit + 1, flow, waiting, page.after)
    )
    shown = found[: page.limit]
    following = shown[-1].id if len(found) > page.limit else None
    mine = [planned_view(one) for one in shown if principal.covers(one.line)]
    return listing("planned", mine, following)


async def get(desk: Desk, request: Request, principal: Principal) -> Response:
    key = request.path_params["id"]
    return JSONResponse(
        await desk.kit.store.read(lambda tx: planned_view(_mine(tx, key, principal)))
    )


async def cancel(desk: Desk, request: Request, principal: Principal) -> Response:
    """Also when its text waits to leave already; `ended` is false where nothing waited any more."""
    kit, key, now = desk.kit, request.path_params["id"], desk.kit.clock.now()

    def job(tx: Tx) -> dict[str, Any]:
        before = _mine(tx, key, principal)
        planning.recall(kit, tx, before.id, principal.actor, now)
        after = _mine(tx, key, principal)
        return planned_view(after) | {"ended": before.state is not after.state}

    return JSONResponse(await kit.store.write(job))


def _mine(tx: Tx, key: str, principal: Principal) -> Planned:
    """One of another's line is not there for them."""
    found = tx.planned.get(key)
    if found is None or not principal.covers(found.line):
        raise NotFound("No planned message of your lines has this id.")
    return found


ROUTES = (
    ApiRoute("GET", "/planned", Permission.READ, list_),
    ApiRoute("GET", "/planned/{id}", Permission.READ, get),
    ApiRoute("DELETE", "/planned/{id}", Permission.APPROVE, cancel),
)
