"""Who the caller is, and what it may do: for programs that ask first."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.model.principal import Principal
from ringfence.web import fields
from ringfence.web.api.desk import ApiRoute, Desk


async def me(desk: Desk, request: Request, principal: Principal) -> Response:
    fields.query(request, ())
    return JSONResponse(
        {
            "actor": principal.actor,
            "kind": principal.kind.value,
            "name": principal.name,
            "agent": principal.agent or None,
            "lines": None if principal.lines is None else desk.ids(principal),
            "token": principal.token_id or None,
            "permissions": sorted(permission.value for permission in principal.permissions),
        }
    )


ROUTES = (ApiRoute("GET", "/me", None, me),)
