"""Events: posted by trusted systems, looked at by people. Who posts shows an `events` token, in the
Authorization header or where its kind of source carries one, or signs its requests. Nobody who shows
neither gets in, whoever can reach this door (P2)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringfence.delivery.flow import SourceSettings
from ringfence.gateway.event_views import event_story, event_view
from ringfence.model.errors import NotFound, RingfenceError, SourceBlocked
from ringfence.model.principal import Permission, Principal, PrincipalKind
from ringfence.model.wire import WebhookRequest
from ringfence.web import fields
from ringfence.web.api.desk import ApiRoute, Desk, listing, whole_house
from ringfence.web.bodies import headers_of

UNKNOWN_BYTES_MAX: Final = 64 * 1024
_KIND: Final = "generic"
_CLOUDEVENTS: Final = "cloudevents"


async def post(desk: Desk, request: Request, principal: Principal) -> Response:
    source = _source(desk, request)
    desk.posts.admit(source, principal)
    document = await desk.posts.take(source, _posted(request), desk.kit.clock.now())
    return JSONResponse(document, status_code=202)


async def list_(desk: Desk, request: Request, principal: Principal) -> Response:
    """Newest first. Events belong to no line."""
    given = fields.query(request, ("limit", "after", "source"))
    whole_house(principal, "An event")
    page = fields.page(given)
    found = await desk.kit.store.read(
        lambda tx: tx.source_events.listing(page.limit + 1, given.get("source"), page.after)
    )
    shown = found[: page.limit]
    following = shown[-1].id if len(found) > page.limit else None
    return listing("events", [event_view(event) for event in shown], following)


async def get(desk: Desk, request: Request, principal: Principal) -> Response:
    whole_house(principal, "An event")
    key = request.path_params["id"]
    event = await desk.kit.store.read(lambda tx: tx.source_events.get(key))
    if event is None:
        raise NotFound("No event has this id.")
    return JSONResponse(event_story(event))


class _Gate:
    """See `desk.Gate`. A source with a secret is known by its signature; of one without, the body's
    token is asked after, where its kind carries one."""

    def bytes_max(self, desk: Desk, request: Request) -> int:
        source = _known(desk, request)
        return UNKNOWN_BYTES_MAX if source is None else desk.posts.bytes_max(source)

    def vouch(self, desk: Desk, request: Request, now: datetime) -> Principal | str | None:
        source = _known(desk, request)
        if source is None:
            return None  # whoever may not post shall not learn what there is
        if source.blocked_reason:
            raise SourceBlocked("An operator must mend it; `ringfence doctor` says what is wrong.")
        if desk.posts.is_signed(source):
            desk.posts.verify(source, _posted(request), now)
            return Principal(PrincipalKind.EVENTS, source.name)
        return desk.posts.token(source, _posted(request)) or None

    def refused(self, desk: Desk, request: Request, error: RingfenceError) -> None:
        if (source := _known(desk, request)) is not None:
            desk.posts.refused(source, error)


def _known(desk: Desk, request: Request) -> SourceSettings | None:
    try:
        return _source(desk, request)
    except NotFound:
        return None


def _source(desk: Desk, request: Request) -> SourceSettings:
    """The source in the address; without one, by what the request looks like. Raises NotFound."""
    name = request.path_params.get("source")
    if name is not None:
        return desk.posts.named(name)
    media_type = request.headers.get("content-type", "").strip().lower()
    if media_type.startswith("application/cloudevents") or "ce-specversion" in request.headers:
        return desk.posts.of_kind(_CLOUDEVENTS)
    return desk.posts.of_kind(_KIND)


def _posted(request: Request) -> WebhookRequest:
    scope = request.scope
    return WebhookRequest(
        scope["method"],
        scope["path"],
        scope["query_string"].decode("latin-1"),
        headers_of(scope),
        request.state.body,
    )


_gate: Final = _Gate()
ROUTES = (
    ApiRoute("POST", "/events/{source}", Permission.EVENTS, post, gate=_gate),
    ApiRoute("GET", "/events", Permission.READ, list_),
    ApiRoute("GET", "/events/{id}", Permission.READ, get),
)
PLAIN_ROUTES = (
    ApiRoute("POST", "/v1/events", Permission.EVENTS, post, gate=_gate),
    ApiRoute("POST", "/v1/events/{source}", Permission.EVENTS, post, gate=_gate),
)
"""Where programs post that know no address of ours but this."""
