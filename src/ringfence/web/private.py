"""The private door: the bridge any program can use with `curl`, the API, health and metrics. A token
says who calls; on this machine no token is the least of agents (ADR 0008), and a bad one is never
taken for none. A browser is no such caller: anything a browser adds to a request is a refusal."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ringfence.gateway import principals, views
from ringfence.gateway.call_control import Sound
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.events import EventIntake
from ringfence.gateway.rates import Rate
from ringfence.model.errors import (
    Forbidden,
    NotFound,
    NotPermitted,
    RingfenceError,
    SignatureRefused,
    TokenRefused,
    TooMany,
    WrongMethod,
)
from ringfence.model.line import Line
from ringfence.model.principal import LOCAL, PERMISSIONS, Permission, Principal
from ringfence.web import api, sending, templates
from ringfence.web.api import events
from ringfence.web.api.desk import ApiRoute, Desk
from ringfence.web.bodies import CHALLENGE, bearer_in, headers_of, is_loopback, problem, read_body
from ringfence.web.event_posts import EventPosts
from ringfence.web.listener import Crowd
from ringfence.web.measures import Measures
from ringfence.web.seldom import Seldom

BODY_TIMEOUT_S = 10.0
# A body that took so long may have outlived the token that came with it.
BODY_SLOW = timedelta(milliseconds=500)
# From one address, before it is told to wait; a good token is taken all the same.
BAD_TOKENS_PER_MINUTE = 30
LOCAL_AGENT = LOCAL.actor
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
# Somebody else stands behind a request that has one of these.
_FORWARDED = frozenset({"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"})
_REFUSED = {TokenRefused: "a token was refused", SignatureRefused: "a signature was refused"}

_log = logging.getLogger("ringfence.private")

Endpoint = Callable[[Request], Awaitable[Response]]


class PrivateDoor:
    """Routes of the private listener. `hosts` are further names it may be called by, with a token;
    only by these may anybody call from another machine."""

    def __init__(
        self,
        kit: Equipment,
        lines: Mapping[str, Line],
        default_line_id: str,
        measures: Measures,
        version: str,
        intake: EventIntake,
        hosts: frozenset[str] = frozenset(),
        sound: Sound | None = None,
    ) -> None:
        self._kit = kit
        self._desk = Desk(kit, lines, default_line_id, EventPosts(kit, intake), sound)
        self._measures = measures
        self._version = version
        self._hosts = frozenset(host.lower() for host in hosts) - _LOOPBACK_NAMES
        self._refusals = principals.Refusals()
        self._bad_tokens = Rate(BAD_TOKENS_PER_MINUTE)
        self._crowd = Crowd()
        self._seldom = Seldom()

    def routes(self) -> list[ApiRoute]:
        """Every route with what it asks of its caller."""
        return [
            ApiRoute("POST", "/sms/send", Permission.PROPOSE, _send),
            ApiRoute("GET", "/sms/inbox", Permission.READ_OWN, _inbox),
            ApiRoute("GET", "/sms/messages/{id}", Permission.READ_OWN, _message),
            ApiRoute("GET", "/sms/templates", Permission.READ_OWN, templates.list_),
            *(
                ApiRoute(
                    method,
                    "/sms/templates/{name}/preview",
                    Permission.READ_OWN,
                    templates.preview,
                )
                for method in ("GET", "POST")
            ),
            ApiRoute("GET", "/health", Permission.HEALTH, self._health),
            ApiRoute("GET", "/metrics", Permission.HEALTH, self._show_metrics),
            *events.PLAIN_ROUTES,
            *api.discover(),
        ]

    def app(self) -> Starlette:
        by_path: dict[str, dict[str, ApiRoute]] = {}
        for route in self.routes():
            methods = by_path.setdefault(route.path, {})
            assert route.method not in methods, f"two routes for {route.method} {route.path}"
            methods[route.method] = route
        routes = [
            Route(path, self._guarded(methods), methods=list(methods))
            for path, methods in by_path.items()
        ]
        handlers: dict[Any, Any] = {404: _no_route, 405: _wrong_method, 500: _broke}
        return Starlette(routes=routes, exception_handlers=handlers)

    def _guarded(self, methods: Mapping[str, ApiRoute]) -> Endpoint:
        async def guarded(request: Request) -> Response:
            route = methods["GET" if request.method == "HEAD" else request.method]
            try:
                response = await self._served(request, route)
            except RingfenceError as error:
                if route.gate is not None:
                    route.gate.refused(self._desk, request, error)
                return problem_response(error)
            response.headers.setdefault("cache-control", "no-store")
            return response

        return guarded

    async def _served(self, request: Request, route: ApiRoute) -> Response:
        headers = headers_of(request.scope)
        self._admit(request, headers)
        now = self._kit.clock.now()
        principal = await self._recognised(request, route, headers, now)
        permission = route.permission
        try:
            if permission is not None and not principal.may(permission):
                kinds = " or ".join(sorted(kind.value for kind in PERMISSIONS[permission]))
                raise NotPermitted(
                    f"{principal.actor} may not: {permission.value}. It takes a token of kind {kinds} "
                    "in the Authorization header; `ringfence tokens create` makes one."
                )
            permission = None
            await self._read(request, route, headers)
            if (later := self._kit.clock.now()) - now > BODY_SLOW:
                principal = await self._recognised(request, route, headers, later)
            return await route.handler(self._desk, request, principal)
        except NotPermitted:
            asked = "scope" if permission is None else permission.value
            place = f"{route.method} {route.path}"
            await self._refusals.record(self._kit, principal, asked, place, now)
            raise

    async def _read(self, request: Request, route: ApiRoute, headers: Mapping[str, str]) -> None:
        """The body, once, for the handler."""
        if route.method == "GET":
            request.state.body = b""
        if hasattr(request.state, "body"):
            return
        most = route.body_bytes_max
        if route.gate is not None:
            most = route.gate.bytes_max(self._desk, request)
        request.state.body = await read_body(
            request.scope, request.receive, headers, most, BODY_TIMEOUT_S
        )

    # -- who may call ----------------------------------------------------------------------

    def _admit(self, request: Request, headers: Mapping[str, str]) -> None:
        """A program, not a browser, by a name of ours (DNS rebinding arrives with a foreign Host; a
        page's fetch arrives with Origin or Sec-Fetch headers)."""
        names = _names(headers)
        if not names & self._hosts:
            if not _from_here(request):
                raise Forbidden(
                    "Only programs on this machine may call the private listener, and others by a "
                    "name in gateway.privateHosts with a token."
                )
            if not names & _LOOPBACK_NAMES:
                raise Forbidden("Call it by its loopback name, for example http://127.0.0.1:8081.")
        if "origin" in headers or any(name.startswith("sec-fetch-") for name in headers):
            raise Forbidden("Web pages may not call the bridge; use a program such as curl.")

    async def _recognised(
        self, request: Request, route: ApiRoute, headers: Mapping[str, str], now: datetime
    ) -> Principal:
        """Raises TokenRefused, TooMany, and of a route with a gate SignatureRefused too."""
        try:
            if (given := headers.get("authorization")) is not None:
                return await principals.authenticate(self._kit, bearer_in(given), now)
            vouched = await self._vouched(request, route, headers, now)
            if isinstance(vouched, str):
                return await principals.authenticate(self._kit, vouched, now)
        except (TokenRefused, SignatureRefused) as error:
            self._count_bad_proof(request, now, error)
            raise
        if vouched is not None:
            return vouched
        if _is_local(request, headers):
            return LOCAL
        raise TokenRefused("Send Authorization: Bearer rf_…; see `ringfence tokens create`.")

    async def _vouched(
        self, request: Request, route: ApiRoute, headers: Mapping[str, str], now: datetime
    ) -> Principal | str | None:
        if route.gate is None:
            return None
        await self._read(request, route, headers)
        return route.gate.vouch(self._desk, request, now)

    def _count_bad_proof(
        self, request: Request, now: datetime, error: TokenRefused | SignatureRefused
    ) -> None:
        address = request.client.host if request.client else ""
        what = _REFUSED[type(error)]
        passed_over = self._seldom.due(f"{what}/{address}", now.timestamp())
        if passed_over is not None:
            _log.warning(
                what,
                extra={"peer": address, "why": error.detail, "not_logged": passed_over},
            )
        if not self._bad_tokens.allow(self._crowd.place_of(address), now):
            raise TooMany("Too many bad tokens came from this address; wait a minute.") from error

    # -- health ----------------------------------------------------------------------------

    async def _health(self, desk: Desk, request: Request, principal: Principal) -> Response:
        document = await self._kit.store.read(lambda tx: views.health(self._kit, tx))
        return JSONResponse(document | {"version": self._version})

    async def _show_metrics(self, desk: Desk, request: Request, principal: Principal) -> Response:
        await self._measures.refresh()
        body = generate_latest(self._measures.registry)
        return Response(body, media_type=CONTENT_TYPE_LATEST)


# -- the bridge ------------------------------------------------------------------------------------


async def _send(desk: Desk, request: Request, principal: Principal) -> Response:
    return await sending.send(desk, request, principal, "/sms/messages")


async def _inbox(desk: Desk, request: Request, principal: Principal) -> Response:
    found = await sending.inbox(desk, request, principal)
    return JSONResponse({"messages": [views.inbox_view(message) for message in found]})


async def _message(desk: Desk, request: Request, principal: Principal) -> Response:
    return JSONResponse(views.message_view(await sending.message(desk, request, principal)))


def _from_here(request: Request) -> bool:
    return request.client is not None and is_loopback(request.client.host)


def _is_local(request: Request, headers: Mapping[str, str]) -> bool:
    """Nobody but a program on this machine, calling it by a loopback name, not through a proxy."""
    return (
        _from_here(request)
        and bool(_names(headers) & _LOOPBACK_NAMES)
        and not _FORWARDED & headers.keys()
    )


def _names(headers: Mapping[str, str]) -> set[str]:
    """The Host, with its port and without."""
    host = headers.get("host", "").lower()
    return {host, host.rpartition(":")[0]} - {""}


def problem_response(error: RingfenceError) -> Response:
    headers = {"cache-control": "no-store"}
    if error.retryable:
        headers["retry-after"] = "2"
    if isinstance(error, TokenRefused):
        headers["www-authenticate"] = CHALLENGE
    return JSONResponse(
        problem(error),
        status_code=error.http_status,
        headers=headers,
        media_type="application/problem+json",
    )


async def _no_route(request: Request, error: Exception) -> Response:
    return problem_response(NotFound("See docs/reference/http.md for the routes of this door."))


async def _wrong_method(request: Request, error: Exception) -> Response:
    response = problem_response(
        WrongMethod("See docs/reference/http.md for the routes of this door.")
    )
    # RFC 9110 section 15.5.6: a 405 names the methods that are taken.
    response.headers["allow"] = (getattr(error, "headers", None) or {}).get("Allow", "")
    return response


async def _broke(request: Request, error: Exception) -> Response:
    return problem_response(RingfenceError("The log has the details."))
