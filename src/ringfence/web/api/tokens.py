"""Tokens: create, list, revoke. Operators only; a token is in the answer that made it and nowhere
after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.gateway import principals
from ringfence.model.principal import Permission, Principal, PrincipalKind
from ringfence.web import fields
from ringfence.web.api.desk import ApiRoute, Desk, listing

_FIELDS = ("name", "kind", "lines", "agent", "expires_in")


async def list_(desk: Desk, request: Request, principal: Principal) -> Response:
    page = fields.page(fields.query(request, ("limit", "after")))
    now = desk.kit.clock.now()
    found = await principals.listing(desk.kit, page.limit + 1, page.after)
    shown = found[: page.limit]
    following = shown[-1].id if len(found) > page.limit else None
    return listing("tokens", [principals.token_view(token, now) for token in shown], following)


async def create(desk: Desk, request: Request, principal: Principal) -> Response:
    given = fields.json_object(request, _FIELDS)
    lines = fields.texts(given, "lines")
    wanted = principals.Wanted(
        name=fields.text(given, "name"),
        kind=fields.choice(given, "kind", PrincipalKind),
        lines=None if lines is None else frozenset(lines),
        agent=fields.text(given, "agent", optional=True),
        lifetime=_lifetime(given),
    )
    issued = await principals.create(desk.kit, wanted, principal.actor)
    view = principals.token_view(issued.token, issued.token.created_at)
    return JSONResponse(
        {**view, "token": issued.bearer}, status_code=201, headers={"cache-control": "no-store"}
    )


async def revoke(desk: Desk, request: Request, principal: Principal) -> Response:
    token = await principals.revoke(desk.kit, request.path_params["id"], principal.actor)
    return JSONResponse(principals.token_view(token, desk.kit.clock.now()))


def _lifetime(given: Mapping[str, Any]) -> timedelta | None:
    """An empty one is a mistake, not for ever."""
    if given.get("expires_in") is None:
        return None
    return principals.lifetime_of(fields.text(given, "expires_in"))


ROUTES = (
    ApiRoute("GET", "/tokens", Permission.TOKENS, list_),
    ApiRoute("POST", "/tokens", Permission.TOKENS, create),
    ApiRoute("DELETE", "/tokens/{id}", Permission.TOKENS, revoke),
)
