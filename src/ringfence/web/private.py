"""The private door: the bridge any program can use with `curl`, health and metrics. On loopback it
asks for no token and gives the rights of the least agent; a browser is never such a caller, so
anything a browser adds to a request is a refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ringfence.gateway import bridge, views
from ringfence.gateway.equipment import Equipment
from ringfence.model.errors import (
    BodyTooLarge,
    BodyUnreadable,
    Forbidden,
    InvalidField,
    NotFound,
    RingfenceError,
    WrongMethod,
)
from ringfence.model.line import Line
from ringfence.model.phone import PhoneNumber, from_operator
from ringfence.web.bodies import headers_of, is_loopback, problem
from ringfence.web.measures import Measures

BODY_BYTES_MAX = 64 * 1024
INBOX_DEFAULT, INBOX_MAX = 100, 1_000
LOCAL_AGENT = "agent:local"
_FIELDS = frozenset({"to", "body", "media", "line", "idempotency_key"})
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

Handler = Callable[[Request], Awaitable[Response]]


class PrivateDoor:
    """Routes of the private listener. `hosts` are further names it may be called by."""

    def __init__(
        self,
        kit: Equipment,
        lines: Mapping[str, Line],
        default_line_id: str,
        measures: Measures,
        version: str,
        hosts: frozenset[str] = frozenset(),
    ) -> None:
        self._kit = kit
        self._lines = lines
        self._default = default_line_id
        self._measures = measures
        self._version = version
        self._hosts = _LOOPBACK_NAMES | hosts

    def app(self) -> Starlette:
        routes = [
            Route("/sms/send", self._guarded(self._send), methods=["POST"]),
            Route("/sms/inbox", self._guarded(self._inbox), methods=["GET"]),
            Route("/sms/messages/{id}", self._guarded(self._message), methods=["GET"]),
            Route("/health", self._guarded(self._health), methods=["GET"]),
            Route("/metrics", self._guarded(self._metrics), methods=["GET"]),
        ]
        handlers: dict[Any, Any] = {404: _no_route, 405: _wrong_method, 500: _broke}
        return Starlette(routes=routes, exception_handlers=handlers)

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            try:
                self._admit(request)
                return await handler(request)
            except RingfenceError as error:
                return problem_response(error)

        return guarded

    def _admit(self, request: Request) -> None:
        """A local program, not a browser, not a rebound name (DNS rebinding arrives with a foreign
        Host; a page's fetch arrives with Origin or Sec-Fetch headers)."""
        headers = headers_of(request.scope)
        if request.client is None or not is_loopback(request.client.host):
            raise Forbidden("Only programs on this machine may call the private listener.")
        host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
        bare = headers.get("host", "")
        if host.lower() not in self._hosts and bare.lower() not in self._hosts:
            raise Forbidden("Call it by its loopback name, for example http://127.0.0.1:8081.")
        if "origin" in headers or any(name.startswith("sec-fetch-") for name in headers):
            raise Forbidden("Web pages may not call the bridge; use a program such as curl.")

    # -- handlers --------------------------------------------------------------------------

    async def _send(self, request: Request) -> Response:
        fields = await _json_object(request)
        unknown = sorted(fields.keys() - _FIELDS)
        if unknown:
            known = ", ".join(sorted(_FIELDS))
            raise InvalidField(f"Unknown: {', '.join(unknown)[:200]}. The fields are {known}.")
        line = self._line(fields.get("line"))
        answer = await bridge.send(
            self._kit,
            bridge.SendRequest(
                line=line,
                to=_recipient(fields, line),
                body=_text(fields, "body", optional=True),
                initiator=LOCAL_AGENT,
                media_urls=_urls(fields.get("media")),
                idempotency_key=_key(request, fields),
            ),
        )
        message = answer.message
        document = {
            "id": message.id,
            "state": message.status.value,
            "reasons": _reasons(answer),
            "segments": message.segments,
            "encoding": message.encoding,
            "line": message.line,
        }
        headers = {"idempotency-replayed": "true"} if answer.replayed else {}
        location = {"location": f"/sms/messages/{message.id}"}
        return JSONResponse(document, status_code=202, headers=headers | location)

    async def _inbox(self, request: Request) -> Response:
        query = request.query_params
        unknown = sorted(set(query) - {"since", "limit", "line"})
        if unknown:
            raise InvalidField(f"Unknown: {unknown[0][:50]}. The fields are since, limit, line.")
        line = query.get("line")
        if line is not None:
            self._line(line)
        messages = await bridge.inbox(
            self._kit, _since(query.get("since")), _limit(query.get("limit")), line
        )
        return JSONResponse({"messages": [views.inbox_view(message) for message in messages]})

    async def _message(self, request: Request) -> Response:
        message = await bridge.message(self._kit, request.path_params["id"])
        return JSONResponse(views.message_view(message))

    async def _health(self, request: Request) -> Response:
        document = await self._kit.store.read(lambda tx: views.health(self._kit, tx))
        return JSONResponse(document | {"version": self._version})

    async def _metrics(self, request: Request) -> Response:
        await self._measures.refresh()
        body = generate_latest(self._measures.registry)
        return Response(body, media_type=CONTENT_TYPE_LATEST)

    def _line(self, wanted: object) -> Line:
        name = self._default if wanted is None else wanted
        line = self._lines.get(name) if isinstance(name, str) else None
        if line is None:
            known = ", ".join(sorted(self._lines)) or "none is configured"
            raise InvalidField(f"`line` names no line. Known: {known}.")
        return line


async def _json_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object, whatever its declared type: curl's -d says form. The Origin and
    Sec-Fetch checks stand between a web page's form and this."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                raise BodyTooLarge(f"The limit is {BODY_BYTES_MAX} bytes.")
    except ClientDisconnect as error:
        raise BodyUnreadable("The connection broke off; nothing was stored.") from error
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidField(
            'Send JSON, for example {"to": "+15555550123", "body": "Hi"}.'
        ) from error
    if not isinstance(fields, dict):
        raise InvalidField("Send one JSON object.")
    return fields


def _text(fields: Mapping[str, Any], name: str, *, optional: bool = False) -> str:
    value = fields.get(name, "" if optional else None)
    if not isinstance(value, str):
        raise InvalidField(f"`{name}` must be a string.")
    return value


def _recipient(fields: Mapping[str, Any], line: Line) -> PhoneNumber:
    """This door is for automation, which may leave it to the configuration (B076)."""
    if "to" in fields:
        return from_operator(_text(fields, "to"))
    if line.default_to is None:
        raise InvalidField(
            f"Name the recipient in `to`, or set `defaultTo` of the line {line.id} for requests "
            "that name none."
        )
    return line.default_to


def _urls(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise InvalidField("`media` must be a URL or a list of URLs.")
    for url in values:
        if not url.startswith("https://") or len(url) > 2_000:
            raise InvalidField("`media` takes public https URLs, which the provider fetches.")
    return tuple(values)


def _key(request: Request, fields: Mapping[str, Any]) -> str:
    """The header or the field; both only when equal."""
    header = request.headers.get("idempotency-key", "")
    value = _text(fields, "idempotency_key", optional=True)
    if header and value and header != value:
        raise InvalidField("The Idempotency-Key header and `idempotency_key` differ.")
    return header or value


def _reasons(answer: bridge.SendAnswer) -> list[dict[str, str]]:
    if answer.proposed is not None:
        return [
            {"rule": reason.rule, "code": reason.code, "text": reason.text}
            for reason in answer.proposed.reasons
        ]
    text = answer.message.reason
    return [{"rule": "", "code": text.partition(":")[0], "text": text}] if text else []


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        if text.replace(".", "", 1).isdigit():
            return datetime.fromtimestamp(float(text), UTC)
        at = datetime.fromisoformat(text.replace(" ", "+"))
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidField(
            "`since` takes an ISO 8601 time (2026-01-31T12:00:00Z) or seconds since 1970."
        ) from error
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _limit(text: str | None) -> int:
    if text is None:
        return INBOX_DEFAULT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= INBOX_MAX:
        raise InvalidField(f"`limit` takes a whole number from 1 to {INBOX_MAX}.")
    return int(text)


def problem_response(error: RingfenceError) -> Response:
    headers = {"cache-control": "no-store"}
    if error.retryable:
        headers["retry-after"] = "2"
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
