"""Plivo's REST dialect over the carrier: create, read and list messages, and what a probe reads (account,
number, Powerpack, applications). Messages are listed without their texts, as Plivo does. Calls are in
plivo_calls.py.

Decides nothing about messages: carrier.py does, whose refusals are told in words and no code."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, assert_never

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ringfence.simulator import plivo
from ringfence.simulator.exchange import Exchange
from ringfence.simulator.faults import Outcome
from ringfence.simulator.plivo_calls import PlivoCallRest
from ringfence.simulator.records import Account, Line, Message
from ringfence.simulator.refusals import Refusal
from ringfence.simulator.server import read_body, vanish
from ringfence.text.segments import Encoding, count, utf16_length

PREFIX: Final = "/v1/Account/"
PAGE_MAX: Final = 20
UNICODE_UNITS_MAX: Final = 737
_ROOT: Final = "/v1/Account/{auth_id}"
# The carrier's refusals: HTTP status, and words where its own do not fit.
_REFUSALS: Final[dict[int, tuple[int, str]]] = {
    20003: (401, "authentication failed"),
    20404: (404, "not found"),
    20429: (429, "too many requests"),
    20500: (500, "internal error"),
    20503: (500, "internal error"),
    21408: (403, "messages to this country are not enabled"),
}

Endpoint = Callable[[Request, Account], Awaitable[Response]]


class PlivoRest:
    """The API as an ASGI application, for accounts that are Plivo's."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange, self.carrier = exchange, exchange.carrier
        self.requests = 0  # create requests seen, answered or not
        self.calls = PlivoCallRest(exchange, self._json, self._refused)
        self._app = Starlette(
            routes=[
                self._route("/", self._account_show),
                self._route("/Message/", self._messages),
                self._route("/Message/{uuid}/", self._message),
                self._route("/Number/{number}/", self._number),
                self._route("/Powerpack/{uuid}/", self._powerpack),
                self._route("/Application/", self._applications),
                *self.calls.routes(self._route),
            ],
            exception_handlers={404: self._no_such, 405: self._no_such},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST" and scope["path"].endswith("/Message/"):
            await self._create(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    # -- creating a message -------------------------------------------------------------------

    async def _create(self, scope: Scope, receive: Receive, send: Send) -> None:
        content, headers = await read_body(receive), dict(scope["headers"])
        path_id = scope["path"].removeprefix(PREFIX).removesuffix("/Message/")
        account = self._account(headers.get(b"authorization", b""), path_id)
        document = _object(content)
        if account is None:
            await self._refused(20003)(scope, receive, send)
        elif document is None:
            await self._refused(20001, "the body is no JSON object")(scope, receive, send)
        else:
            await self._decide(scope, receive, send, account, document)

    async def _decide(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        account: Account,
        document: Mapping[str, Any],
    ) -> None:
        """Accept, refuse, or fail a create, as the dice say."""
        self.requests += 1
        outcome = self.exchange.dice.create_outcome(self.requests)
        match outcome:
            case Outcome.THROTTLED:
                await self._refused(20429)(scope, receive, send)
            case Outcome.ERROR_BEFORE_ACCEPT:
                await self._refused(20503)(scope, receive, send)
            case Outcome.LOST_BEFORE_ACCEPT:
                await vanish(scope, receive, send)
            case Outcome.ANSWERED | Outcome.LOST_AFTER_ACCEPT | Outcome.ERROR_AFTER_ACCEPT:
                await self._accept(scope, receive, send, account, document, outcome)
            case _:
                assert_never(outcome)

    async def _accept(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        account: Account,
        document: Mapping[str, Any],
        outcome: Outcome,
    ) -> None:
        """Take the message. Its life starts after the answer, unless a fault asks for a report before
        it; it also starts when nobody is left to hear the answer."""
        exchange, dice, steps = self.exchange, self.exchange.dice, None
        message = self._taken(account, document)
        if isinstance(message, Response):
            await message(scope, receive, send)
            return
        answer = self._json(
            {"message": "message(s) queued", "message_uuid": [plivo.uuid_of(message.sid)]}, 202
        )
        try:
            if dice.chance(dice.faults.callback_before_answer, "before", message.ordinal):
                steps = await exchange.first_step_early(message)
            if dice.faults.latency_after_s:
                await exchange.clock.sleep(dice.faults.latency_after_s)
            if outcome is Outcome.LOST_AFTER_ACCEPT:
                await vanish(scope, receive, send)
            elif outcome is Outcome.ERROR_AFTER_ACCEPT:
                await self._refused(20500)(scope, receive, send)
            else:
                await answer(scope, receive, send)
        finally:
            exchange.start(message, steps)

    def _taken(self, account: Account, document: Mapping[str, Any]) -> Message | Response:
        text = document.get("text")
        if isinstance(text, str) and _too_long(text):
            return self._refused(20001, "the text is too long")
        if (document.get("src") is None) == (document.get("powerpack_uuid") is None):
            return self._refused(20001, "exactly one of src and powerpack_uuid is needed")
        message = self.carrier.create(account, _form(document), self.exchange.clock.now())
        if isinstance(message, Refusal):
            return self._refused(message.code, message.message)
        return message

    # -- reading ------------------------------------------------------------------------------

    def _route(self, path: str, endpoint: Endpoint, *methods: str) -> Route:
        async def answer(request: Request) -> Response:
            authorization = request.headers.get("authorization", "").encode("latin-1")
            account = self._account(authorization, request.path_params["auth_id"])
            return self._refused(20003) if account is None else await endpoint(request, account)

        return Route(_ROOT + path, answer, methods=methods or ("GET",))

    def _account(self, authorization: bytes, path_id: str) -> Account | None:
        scheme, _, encoded = authorization.partition(b" ")
        account = self.carrier.accounts.get(path_id)
        if scheme.lower() != b"basic" or account is None or account.provider != plivo.PROVIDER:
            return None
        try:
            given = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            return None
        wanted = f"{account.sid}:{account.auth_token}".encode()
        return account if hmac.compare_digest(wanted, given) else None

    async def _account_show(self, request: Request, account: Account) -> Response:
        return self._json(
            {
                "account_type": "developer" if account.trial else "standard",
                "auth_id": account.sid,
                "auto_recharge": False,
                "billing_mode": "prepaid",
                "cash_credits": "20.00000",
                "name": account.friendly_name,
                "resource_uri": f"{PREFIX}{account.sid}/",
            }
        )

    async def _message(self, request: Request, account: Account) -> Response:
        sids = (plivo.sid_of(request.path_params["uuid"], prefix) for prefix in ("SM", "MM"))
        found = next((m for sid in sids if (m := self.carrier.find(account, sid))), None)
        return self._refused(20404) if found is None else self._json(plivo.document(found))

    async def _messages(self, request: Request, account: Account) -> Response:
        """Newest first, at most 20 a page."""
        asked = request.query_params
        to = asked.get("to_number", "")
        to = f"+{to.removeprefix('+')}" if to else ""
        rows = [
            row
            for message in self.carrier.listed(account, self.exchange.clock.now(), to)
            if (row := plivo.document(message))
            and asked.get("message_direction") in (None, row["message_direction"])
            and asked.get("error_code") in (None, row["error_code"])
        ]
        return self._listed(rows, request)

    async def _number(self, request: Request, account: Account) -> Response:
        line = self.carrier.lines.get(f"+{request.path_params['number'].removeprefix('+')}")
        if line is None or line.account_sid != account.sid:
            return self._refused(20404)
        number = line.number.removeprefix("+")
        return self._json(
            {
                "active": True,
                "application": f"{PREFIX}{account.sid}/Application/{plivo.application_id(line)}/",
                "mms_enabled": True,
                "number": number,
                "number_type": "tollfree" if line.toll_free else "local",
                "resource_uri": f"{PREFIX}{account.sid}/Number/{number}/",
                "sms_enabled": True,
                "tendlc_registration_status": "COMPLETED",
            }
        )

    async def _powerpack(self, request: Request, account: Account) -> Response:
        service = self.carrier.services.get(plivo.sid_of(request.path_params["uuid"], "MG"))
        if service is None or service.account_sid != account.sid:
            return self._refused(20404)
        lines = [self.carrier.lines[number] for number in service.pool]
        return self._json(
            {
                "application_id": plivo.application_id(lines[0]) if lines else "",
                "application_type": "xml" if lines else "",
                "name": service.friendly_name,
                "uuid": plivo.uuid_of(service.sid),
            }
        )

    async def _applications(self, request: Request, account: Account) -> Response:
        """One for each number."""
        lines = [line for line in self.carrier.lines.values() if line.account_sid == account.sid]
        return self._listed([_application(line) for line in lines], request)

    # -- answers ------------------------------------------------------------------------------

    def _listed(self, rows: Sequence[Mapping[str, object]], request: Request) -> Response:
        limit, offset = (
            _whole(request.query_params.get(name), default)
            for name, default in (("limit", PAGE_MAX), ("offset", 0))
        )
        if not 1 <= limit <= PAGE_MAX:
            return self._refused(20001, f"limit is 1 to {PAGE_MAX}")
        following = offset + limit
        meta = {
            "limit": limit,
            "offset": offset,
            "total_count": len(rows),
            "previous": None,
            "next": f"{request.url.path}?limit={limit}&offset={following}"
            if following < len(rows)
            else None,
        }
        return self._json({"meta": meta, "objects": list(rows[offset:following])})

    def _json(self, document: Mapping[str, object], status: int = 200) -> Response:
        whole = {"api_id": self.carrier.sids.idempotency_token(), **document}
        return Response(json.dumps(whole).encode(), status, media_type="application/json")

    def _refused(self, code: int, words: str = "") -> Response:
        """The error document of one of the carrier's refusals."""
        status, own = _REFUSALS.get(code, (400, ""))
        return self._json({"error": own or words}, status)

    async def _no_such(self, request: Request, _: Exception) -> Response:
        return self._refused(20404)


def _form(document: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """The request in the carrier's own names; numbers may come without their plus."""
    form: dict[str, Sequence[str]] = {}
    for name, key in (("To", "dst"), ("From", "src")):
        if isinstance(document.get(key), str):
            form[name] = ["+" + document[key].removeprefix("+")]
    for name, key in (("Body", "text"), ("StatusCallback", "url")):
        if isinstance(document.get(key), str):
            form[name] = [document[key]]
    pack, media = document.get("powerpack_uuid"), document.get("media_urls")
    if isinstance(pack, str):
        form["MessagingServiceSid"] = [plivo.sid_of(pack, "MG")]
    if isinstance(media, list):
        form["MediaUrl"] = [str(url) for url in media]
    return form


def _application(line: Line) -> dict[str, object]:
    app_id = plivo.application_id(line)
    return {
        "app_id": app_id,
        "app_name": line.friendly_name,
        "enabled": True,
        "message_method": line.sms.method,
        "message_url": line.sms.url.partition("#")[0],
        "resource_uri": f"{PREFIX}{line.account_sid}/Application/{app_id}/",
    }


def _too_long(text: str) -> bool:
    """1,600 characters of GSM-7, else 737; the carrier looks at the first."""
    return count(text).encoding is not Encoding.GSM_7 and utf16_length(text) > UNICODE_UNITS_MAX


def _whole(text: str | None, default: int) -> int:
    if text is None:
        return default
    return int(text) if text.isascii() and text.isdigit() else -1


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
