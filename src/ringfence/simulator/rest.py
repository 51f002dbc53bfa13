"""Twilio's REST dialect over the carrier: the 2010 API's messages, media and numbers, the v1
services and alerts, and the CDN that media addresses redirect to. Telnyx's, under /v2, and Plivo's, under
/v1/Account, are apart.

Creating a message is the hot path and goes past the router, through plain ASGI; nothing here
validates with a library. Decides nothing about messages: carrier.py does."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, assert_never
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ringfence.simulator import checks, dialect
from ringfence.simulator.call_rest import CallRest
from ringfence.simulator.checks import Form
from ringfence.simulator.compliance import Compliance
from ringfence.simulator.exchange import Exchange
from ringfence.simulator.faults import Outcome
from ringfence.simulator.paging import cut, documents_2010, documents_v1, filtered
from ringfence.simulator.plivo_rest import PREFIX as PLIVO_PREFIX
from ringfence.simulator.plivo_rest import PlivoRest
from ringfence.simulator.recording_files import RecordingFiles
from ringfence.simulator.records import Account, Line, Service, Webhook
from ringfence.simulator.refusals import Refusal, refuse
from ringfence.simulator.server import read_body, vanish
from ringfence.simulator.telnyx_rest import PREFIX, TelnyxRest

BODY_MAX_BYTES: Final = 1_000_000
FORM_TYPE: Final = b"application/x-www-form-urlencoded"
_ROOT: Final = "/2010-04-01/Accounts/{account_sid}"
_CREATE_PREFIX: Final = "/2010-04-01/Accounts/"
_CREATE_SUFFIX: Final = "/Messages.json"

Endpoint = Callable[[Request, Account], Awaitable[Response]]


def _json(document: object, status: int = 200) -> Response:
    content = json.dumps(document, separators=(",", ":")).encode()
    return Response(content, status, media_type="application/json")


def _refused(refusal: Refusal) -> Response:
    response = _json(refusal.document(), refusal.status)
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="Twilio API"'
    return response


async def _no_such(request: Request, _: Exception) -> Response:
    return _refused(refuse(20404, request.url.path))


async def _no_method(request: Request, _: Exception) -> Response:
    return _refused(refuse(20004, request.method))


class Rest:
    """The REST API as an ASGI application. `cdn_url` is where media addresses redirect to: another
    host name than the API's, so that a client which forwards credentials is caught."""

    def __init__(self, exchange: Exchange, cdn_url: str) -> None:
        self.exchange = exchange
        self.carrier = exchange.carrier
        self.cdn_url = cdn_url
        self.credentials_leaked = 0  # requests that carried credentials to the CDN
        self.requests = 0  # create requests seen, answered or not
        self.compliance = Compliance(exchange)
        self.calls = CallRest(exchange)
        self.recordings = RecordingFiles(exchange.voice)
        self.telnyx = TelnyxRest(exchange, cdn_url)
        self.plivo = PlivoRest(exchange)
        self._app = Starlette(
            routes=self._routes(), exception_handlers={404: _no_such, 405: _no_method}
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if (
            scope["type"] == "http"
            and scope["method"] == "POST"
            and path.endswith(_CREATE_SUFFIX)
            and path.startswith(_CREATE_PREFIX)
        ):
            await self._create(scope, receive, send)
        elif path.startswith(PREFIX):
            await self.telnyx(scope, receive, send)
        elif path.startswith(PLIVO_PREFIX):
            await self.plivo(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    # -- creating a message -------------------------------------------------------------------

    async def _create(self, scope: Scope, receive: Receive, send: Send) -> None:
        content, headers = await read_body(receive, BODY_MAX_BYTES), dict(scope["headers"])
        account = self._account(headers.get(b"authorization", b""))
        path_sid = scope["path"][len(_CREATE_PREFIX) : -len(_CREATE_SUFFIX)]
        if account is None:
            await _refused(refuse(20003))(scope, receive, send)
        elif account.sid != path_sid:
            await _refused(refuse(20404, scope["path"]))(scope, receive, send)
        else:
            await self._decide(scope, receive, send, account, _form(headers, content))

    async def _decide(
        self, scope: Scope, receive: Receive, send: Send, account: Account, form: Form
    ) -> None:
        """Accept, refuse, or fail a create, as the dice say."""
        self.requests += 1
        ordinal, dice = self.requests, self.exchange.dice
        if dice.faults.latency_before_s:
            await self.exchange.clock.sleep(dice.faults.latency_before_s)
        outcome = dice.create_outcome(ordinal)
        match outcome:
            case Outcome.THROTTLED:
                await _refused(refuse(20429))(scope, receive, send)
            case Outcome.ERROR_BEFORE_ACCEPT:
                await _refused(refuse(20503))(scope, receive, send)
            case Outcome.LOST_BEFORE_ACCEPT:
                await vanish(scope, receive, send)
            case Outcome.ANSWERED | Outcome.LOST_AFTER_ACCEPT | Outcome.ERROR_AFTER_ACCEPT:
                await self._accept(scope, receive, send, account, form, outcome)
            case _:
                assert_never(outcome)

    async def _accept(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        account: Account,
        form: Form,
        outcome: Outcome,
    ) -> None:
        """Take the message. Its life starts after the answer, unless a fault asks for a callback
        before it; it also starts when nobody is left to hear the answer."""
        exchange = self.exchange
        dice, steps = exchange.dice, None
        message = self.carrier.create(account, form, exchange.clock.now())
        if isinstance(message, Refusal):
            await _refused(message)(scope, receive, send)
            return
        answer = _json(dialect.message_document(message), 201)
        try:
            if dice.chance(dice.faults.callback_before_answer, "before", message.ordinal):
                steps = await exchange.first_step_early(message)
            if dice.faults.latency_after_s:
                await exchange.clock.sleep(dice.faults.latency_after_s)
            if outcome is Outcome.LOST_AFTER_ACCEPT:
                await vanish(scope, receive, send)
            elif outcome is Outcome.ERROR_AFTER_ACCEPT:
                await _refused(refuse(20500))(scope, receive, send)
            else:
                await answer(scope, receive, send)
        finally:
            exchange.start(message, steps)

    # -- the rest -----------------------------------------------------------------------------

    def _routes(self) -> list[Route]:
        def route(path: str, endpoint: Endpoint, *methods: str) -> Route:
            return Route(path, self._guarded(endpoint), methods=methods or ("GET",))

        message, number = _ROOT + "/Messages/{sid}", _ROOT + "/IncomingPhoneNumbers"
        service = "/v1/Services/{sid}"
        return [
            route(_ROOT + ".json", self._account_show),
            route(_ROOT + "/Balance.json", self._balance),
            route(_ROOT + "/Messages.json", self._messages),
            route(message + "/Media.json", self._media_list),
            route(message + "/Media/{media_sid}.json", self._media_show, "GET", "DELETE"),
            Route(message + "/Media/{media_sid}", self._media_content, methods=("GET",)),
            route(message + ".json", self._message, "GET", "POST", "DELETE"),
            route(number + ".json", self._numbers, "GET", "POST"),
            route(number + "/{sid}.json", self._number, "GET", "POST", "DELETE"),
            route("/v1/Services", self._services, "GET", "POST"),
            route(service + "/PhoneNumbers", self._pool, "GET", "POST"),
            route(service + "/PhoneNumbers/{line_sid}", self._pool_line, "GET", "DELETE"),
            route(service, self._service, "GET", "POST", "DELETE"),
            route("/v1/Alerts", self._alerts),
            *self.compliance.routes(self._guarded),
            *self.calls.routes(self._guarded),
            *self.recordings.routes(self._guarded),
            Route("/_cdn/{media_sid}", self._cdn, methods=("GET",)),
        ]

    def _guarded(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """Credentials first; then the account in the path must be the one they belong to."""

        async def answer(request: Request) -> Response:
            account = self._account(request.headers.get("authorization", "").encode("latin-1"))
            if account is None:
                return _refused(refuse(20003))
            if request.path_params.get("account_sid", account.sid) != account.sid:
                return _refused(refuse(20404, request.url.path))
            return await endpoint(request, account)

        return answer

    def _account(self, authorization: bytes) -> Account | None:
        """Account SID and auth token, or an API key's SID and secret."""
        scheme, _, encoded = authorization.partition(b" ")
        if scheme.lower() != b"basic":
            return None
        try:
            user, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        for account in self.carrier.accounts.values():
            wanted = account.auth_token if user == account.sid else account.api_keys.get(user)
            if wanted is not None and hmac.compare_digest(wanted.encode(), secret.encode()):
                return account
        return None

    async def _account_show(self, request: Request, account: Account) -> Response:
        return _json(dialect.account_document(account))

    async def _balance(self, request: Request, account: Account) -> Response:
        return _json({"account_sid": account.sid, "balance": "20.0000", "currency": "USD"})

    async def _messages(self, request: Request, account: Account) -> Response:
        to = request.query_params.get("To", "")
        listed = self.carrier.listed(account, self.exchange.clock.now(), to)
        chosen = filtered(listed, request.query_params)
        if isinstance(chosen, Refusal):
            return _refused(chosen)
        page = cut(chosen, request.query_params, lambda message: message.sid)
        if isinstance(page, Refusal):
            return _refused(page)
        found = [dialect.message_document(message) for message in page.items]
        return _json(documents_2010("messages", found, page, request.url))

    async def _message(self, request: Request, account: Account) -> Response:
        message = self.carrier.find(account, request.path_params["sid"])
        if message is None:
            return _refused(refuse(20404, request.url.path))
        refusal: Refusal | None = None
        if request.method == "POST":
            form = await _request_form(request)
            refusal = self.carrier.update(message, form, self.exchange.clock.now())
        elif request.method == "DELETE":
            refusal = self.carrier.delete(message)
        if refusal is not None:
            return _refused(refusal)
        if request.method == "DELETE":
            return Response(status_code=204)
        return _json(dialect.message_document(message))

    async def _media_list(self, request: Request, account: Account) -> Response:
        message = self.carrier.find(account, request.path_params["sid"])
        if message is None:
            return _refused(refuse(20404, request.url.path))
        page = cut(message.media, request.query_params, lambda item: item.sid)
        if isinstance(page, Refusal):
            return _refused(page)
        found = [dialect.media_document(item) for item in page.items]
        return _json(documents_2010("media_list", found, page, request.url))

    async def _media_show(self, request: Request, account: Account) -> Response:
        item = self.carrier.media.get(request.path_params["media_sid"])
        if item is None or item.account_sid != account.sid:
            return _refused(refuse(20404, request.url.path))
        if request.method == "DELETE":
            del self.carrier.media[item.sid]
            self.carrier.messages[item.message_sid].media.remove(item)
            return Response(status_code=204)
        return _json(dialect.media_document(item))

    async def _media_content(self, request: Request) -> Response:
        """The address in MediaUrl{N}: asks for credentials where the account enforces it, and
        redirects to a CDN that must not be shown any (messaging-providers.md 2.3)."""
        account = self._account(request.headers.get("authorization", "").encode("latin-1"))
        path_sid = request.path_params["account_sid"]
        if self.carrier.behaviour.media_auth and (account is None or account.sid != path_sid):
            return _refused(refuse(20003))
        item = self.carrier.media.get(request.path_params["media_sid"])
        if item is None or (item.account_sid, item.message_sid) != (
            path_sid,
            request.path_params["sid"],
        ):
            return _refused(refuse(20404, request.url.path))
        return RedirectResponse(f"{self.cdn_url}/_cdn/{item.sid}", status_code=307)

    async def _cdn(self, request: Request) -> Response:
        """Like a pre-signed storage address: credentials of any kind make it answer 400."""
        if "authorization" in request.headers:
            self.credentials_leaked += 1
            return Response("Only one authentication mechanism is allowed", 400)
        item = self.carrier.media.get(request.path_params["media_sid"])
        if item is None:
            return Response("no such file", 404)
        return Response(item.content, headers={"Content-Type": item.content_type})

    # -- numbers ------------------------------------------------------------------------------

    def _lines_of(self, account: Account) -> list[Line]:
        return [line for line in self.carrier.lines.values() if line.account_sid == account.sid]

    async def _numbers(self, request: Request, account: Account) -> Response:
        if request.method == "POST":
            return await self._number_bought(request, account)
        wanted = request.query_params.get("PhoneNumber")
        lines = [x for x in self._lines_of(account) if wanted in (None, "", x.number)]
        page = cut(lines, request.query_params, lambda line: line.sid)
        if isinstance(page, Refusal):
            return _refused(page)
        found = [dialect.line_document(line) for line in page.items]
        return _json(documents_2010("incoming_phone_numbers", found, page, request.url))

    async def _number_bought(self, request: Request, account: Account) -> Response:
        form, now = await _request_form(request), self.exchange.clock.now()
        number = checks.one(form, "PhoneNumber")
        if number in self.carrier.lines:
            return _refused(refuse(21422, number))
        try:
            line = self.carrier.add_line(account, number, now, Webhook())
        except ValueError:
            return _refused(refuse(21421, number))
        self.carrier.configure_line(line, form, now)
        return _json(dialect.line_document(line), 201)

    async def _number(self, request: Request, account: Account) -> Response:
        sid = request.path_params["sid"]
        line = next((x for x in self._lines_of(account) if x.sid == sid), None)
        if line is None:
            return _refused(refuse(20404, request.url.path))
        if request.method == "DELETE":
            self.carrier.release_line(line)
            return Response(status_code=204)
        if request.method == "POST":
            form = await _request_form(request)
            refusal = self.carrier.configure_line(line, form, self.exchange.clock.now())
            if refusal is not None:
                return _refused(refusal)
        return _json(dialect.line_document(line))

    # -- messaging services -------------------------------------------------------------------

    def _service_of(self, request: Request, account: Account) -> Service | None:
        service = self.carrier.services.get(request.path_params["sid"])
        return service if service is not None and service.account_sid == account.sid else None

    async def _services(self, request: Request, account: Account) -> Response:
        base, now = self.exchange.address, self.exchange.clock.now()
        if request.method == "POST":
            form = await _request_form(request)
            name = checks.one(form, "FriendlyName")
            if not name:
                return _refused(refuse(20001, "FriendlyName"))
            service = self.carrier.add_service(account, name, now)
            self.carrier.configure_service(service, form, now)
            return _json(dialect.service_document(service, base), 201)
        services = [s for s in self.carrier.services.values() if s.account_sid == account.sid]
        page = cut(services, request.query_params, lambda service: service.sid)
        if isinstance(page, Refusal):
            return _refused(page)
        found = [dialect.service_document(service, base) for service in page.items]
        return _json(documents_v1("services", found, page, base, request.url))

    async def _service(self, request: Request, account: Account) -> Response:
        service = self._service_of(request, account)
        if service is None:
            return _refused(refuse(20404, request.url.path))
        if request.method == "DELETE":
            del self.carrier.services[service.sid]
            return Response(status_code=204)
        if request.method == "POST":
            form = await _request_form(request)
            self.carrier.configure_service(service, form, self.exchange.clock.now())
        return _json(dialect.service_document(service, self.exchange.address))

    async def _pool(self, request: Request, account: Account) -> Response:
        service, base = self._service_of(request, account), self.exchange.address
        if service is None:
            return _refused(refuse(20404, request.url.path))
        lines = self._lines_of(account)
        if request.method == "POST":
            wanted = checks.one(await _request_form(request), "PhoneNumberSid")
            line = next((x for x in lines if x.sid == wanted), None)
            if line is None:
                return _refused(refuse(20404, wanted))
            if line.number not in service.pool:
                service.pool.append(line.number)
            return _json(dialect.pool_document(service, line, base), 201)
        pool = [line for line in lines if line.number in service.pool]
        page = cut(pool, request.query_params, lambda line: line.sid)
        if isinstance(page, Refusal):
            return _refused(page)
        found = [dialect.pool_document(service, line, base) for line in page.items]
        return _json(documents_v1("phone_numbers", found, page, base, request.url))

    async def _pool_line(self, request: Request, account: Account) -> Response:
        service, sid = self._service_of(request, account), request.path_params["line_sid"]
        line = next((x for x in self._lines_of(account) if x.sid == sid), None)
        if service is None or line is None or line.number not in service.pool:
            return _refused(refuse(20404, request.url.path))
        if request.method == "DELETE":
            service.pool.remove(line.number)
            return Response(status_code=204)
        return _json(dialect.pool_document(service, line, self.exchange.address))

    async def _alerts(self, request: Request, account: Account) -> Response:
        alerts = [a for a in reversed(self.carrier.alerts) if a.account_sid == account.sid]
        page = cut(alerts, request.query_params, lambda alert: alert.sid)
        if isinstance(page, Refusal):
            return _refused(page)
        base = self.exchange.address
        found = [dialect.alert_document(alert, base) for alert in page.items]
        return _json(documents_v1("alerts", found, page, base, request.url))


def _form(headers: Mapping[bytes, bytes], content: bytes) -> Form:
    """Form fields; a body of any other type counts as empty, as Twilio treats it."""
    if not headers.get(b"content-type", b"").startswith(FORM_TYPE) or len(content) > BODY_MAX_BYTES:
        return {}
    return parse_qs(content.decode("utf-8", "replace"), keep_blank_values=True)


async def _request_form(request: Request) -> Form:
    kind = request.headers.get("content-type", "").encode("latin-1")
    return _form({b"content-type": kind}, await request.body())
