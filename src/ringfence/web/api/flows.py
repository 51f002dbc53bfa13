"""Flows: what each does, and what one event would start, to whom and why. They are written in the
configuration; nothing here sends, and nothing a trial does stays."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.gateway.flow_preview import previews
from ringfence.gateway.flow_views import flow_view
from ringfence.gateway.trial import undone
from ringfence.gateway.views import moment
from ringfence.model.errors import NotFound
from ringfence.model.principal import Permission, Principal
from ringfence.model.wire import WebhookRequest
from ringfence.sources import sources
from ringfence.sources.base import admitted
from ringfence.web.api.desk import ApiRoute, Desk, listing, whole_house

BODY_BYTES_MAX = 512 * 1024


async def list_(desk: Desk, request: Request, principal: Principal) -> Response:
    """In the order of the configuration."""
    flows = [one for one in desk.kit.operations.flows if principal.covers(one.line)]
    return listing("flows", [flow_view(flow) for flow in flows], None)


async def get(desk: Desk, request: Request, principal: Principal) -> Response:
    found = desk.kit.operations.flow(request.path_params["name"])
    if found is None or not principal.covers(found.line):
        raise NotFound("No flow of your lines is called so.")
    return JSONResponse(flow_view(found))


async def try_(desk: Desk, request: Request, principal: Principal) -> Response:
    """The body is what the source would post; it needs no signature here. Numbers are masked."""
    whole_house(principal, "A trial of an event")
    source = desk.kit.operations.sources.get(request.path_params["source"])
    if source is None:
        raise NotFound("No source has this name; see `sources` in the configuration.")
    headers = {name.lower(): value for name, value in request.headers.items()}
    posted = WebhookRequest("POST", "", request.url.query, headers, request.state.body)
    codec, kit, now = sources()[source.kind], desk.kit, desk.kit.clock.now()
    events = codec.parse(admitted(posted, codec.capabilities, now))
    found = await undone(kit.store, lambda tx: previews(kit, tx, source, events, now))
    return JSONResponse({"at": moment(now), "events": found})


ROUTES = (
    ApiRoute("GET", "/flows", Permission.READ, list_),
    ApiRoute("GET", "/flows/{name}", Permission.READ, get),
    ApiRoute("POST", "/flows/try/{source}", Permission.READ, try_, BODY_BYTES_MAX),
)
