"""Telnyx's REST dialect over the carrier: create and read a message, a messaging profile, a number's
messaging settings, the list of opt-outs. What Telnyx has not (a list of messages) is not here either.

Decides nothing about messages: carrier.py does, whose refusals are told in Telnyx's numbers."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, assert_never

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ringfence.simulator import telnyx
from ringfence.simulator.exchange import Exchange
from ringfence.simulator.faults import Outcome
from ringfence.simulator.records import Account, Line, Message, Service
from ringfence.simulator.refusals import Refusal
from ringfence.simulator.server import read_body, vanish
from ringfence.simulator.telnyx_call_rest import TelnyxCallRest

PREFIX: Final = "/v2/"
_CREATE: Final = "/v2/messages"
# The carrier's refusals: Telnyx's code, HTTP status, words.
_REFUSALS: Final[dict[int, tuple[int, int, str]]] = {
    20003: (10009, 401, "Authentication failed"),
    20404: (10005, 404, "Resource not found"),
    20429: (10011, 429, "Too many requests"),
    20500: (10007, 500, "Unexpected error"),
    20503: (10007, 503, "Unexpected error"),
    21211: (40310, 400, "Invalid 'to' address"),
    21212: (40305, 400, "Invalid 'from' address"),
    21408: (40309, 400, "Invalid destination region"),
    21602: (40316, 400, "No content provided for message"),
    21603: (10004, 422, "Missing required parameter"),
    21604: (10004, 422, "Missing required parameter"),
    21606: (40305, 400, "Invalid 'from' address"),
    21608: (10039, 403, "Only pre-verified destinations are allowed at this account level"),
    21609: (10003, 422, "Invalid URL"),
    21610: (40300, 409, "Blocked due to STOP message"),
    21611: (40318, 400, "Message queue full"),
    21612: (40301, 400, "Unsupported message type for the 'to' address"),
    21614: (40001, 400, "Not routable"),
    21617: (40302, 400, "Message too large"),
    21620: (10003, 422, "Invalid URL"),
    21623: (40317, 400, "Invalid MMS content"),
    21701: (40305, 400, "Invalid 'from' address"),
    21704: (40321, 400, "No usable numbers on messaging profile"),
}
_OTHER: Final = (10015, 400, "Bad Request")

Endpoint = Callable[[Request, Account], Awaitable[Response]]


def _json(document: object, status: int = 200) -> Response:
    return Response(json.dumps(document).encode(), status, media_type="application/json")


def _refused(code: int, detail: str = "") -> Response:
    """The error document of one of the carrier's refusals."""
    number, status, title = _REFUSALS.get(code, _OTHER)
    error = {"code": str(number), "title": title, "detail": detail or title}
    return _json({"errors": [error]}, status)


async def _no_such(request: Request, _: Exception) -> Response:
    return _refused(20404)


class TelnyxRest:
    """The API as an ASGI application, for accounts that are Telnyx's."""

    def __init__(self, exchange: Exchange, cdn_url: str) -> None:
        self.exchange, self.carrier, self.cdn_url = exchange, exchange.carrier, cdn_url
        self.requests = 0  # create requests seen, answered or not
        self.calls = TelnyxCallRest(exchange, self._account)
        self._app = Starlette(
            routes=[
                *self.calls.routes(),
                self._route("/messages/{id}", self._message),
                self._route("/messaging_profiles/{id}", self._profile),
                self._route("/phone_numbers/messaging", self._numbers),
                self._route("/messaging_optouts", self._opt_outs),
            ],
            exception_handlers={404: _no_such, 405: _no_such},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST" and scope["path"] == _CREATE:
            await self._create(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    # -- creating a message -------------------------------------------------------------------

    async def _create(self, scope: Scope, receive: Receive, send: Send) -> None:
        content, headers = await read_body(receive), dict(scope["headers"])
        account = self._account(headers.get(b"authorization", b""))
        document = _object(content)
        if account is None:
            await _refused(20003)(scope, receive, send)
        elif document is None:
            await _refused(20001, "the body is no JSON object")(scope, receive, send)
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
                await _refused(20429)(scope, receive, send)
            case Outcome.ERROR_BEFORE_ACCEPT:
                await _refused(20503)(scope, receive, send)
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
        """Take the message. Its life starts after the answer, unless a fault asks for an event before
        it; it also starts when nobody is left to hear the answer."""
        exchange, steps = self.exchange, None
        dice = exchange.dice
        form = self._form(account, document)
        message = self.carrier.create(account, form, exchange.clock.now())
        if isinstance(message, Refusal):
            await _refused(message.code, message.message)(scope, receive, send)
            return
        answer = _json({"data": telnyx.payload(self.carrier, message)})
        try:
            if dice.chance(dice.faults.callback_before_answer, "before", message.ordinal):
                steps = await exchange.first_step_early(message)
            if dice.faults.latency_after_s:
                await exchange.clock.sleep(dice.faults.latency_after_s)
            if outcome is Outcome.LOST_AFTER_ACCEPT:
                await vanish(scope, receive, send)
            elif outcome is Outcome.ERROR_AFTER_ACCEPT:
                await _refused(20500)(scope, receive, send)
            else:
                await answer(scope, receive, send)
        finally:
            exchange.start(message, steps)

    def _form(self, account: Account, document: Mapping[str, Any]) -> dict[str, Sequence[str]]:
        """The request in the carrier's own names. Without an address of its own a message's events go
        to its profile's."""
        form: dict[str, Sequence[str]] = {}
        for name, key in (("To", "to"), ("From", "from"), ("Body", "text")):
            if isinstance(document.get(key), str):
                form[name] = [document[key]]
        profile = document.get("messaging_profile_id")
        if isinstance(profile, str) and "From" not in form:
            form["MessagingServiceSid"] = [telnyx.sid_of(profile, "MG")]
        media = document.get("media_urls")
        if isinstance(media, list):
            form["MediaUrl"] = [str(url) for url in media]
        asked = document.get("webhook_url") or self._profile_url(account, form)
        if asked:
            form["StatusCallback"] = [str(asked)]
        return form

    def _profile_url(self, account: Account, form: Mapping[str, Sequence[str]]) -> str:
        number = form.get("From", [""])[-1]
        line = self.carrier.lines.get(number)
        return line.sms.url.partition("#")[0] if line else ""

    # -- reading ------------------------------------------------------------------------------

    def _route(self, path: str, endpoint: Endpoint) -> Route:
        async def answer(request: Request) -> Response:
            account = self._account(request.headers.get("authorization", "").encode("latin-1"))
            return _refused(20003) if account is None else await endpoint(request, account)

        return Route(f"/v2{path}", answer, methods=["GET"])

    def _account(self, authorization: bytes) -> Account | None:
        scheme, _, key = authorization.partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        for account in self.carrier.accounts.values():
            if account.provider == telnyx.PROVIDER and hmac.compare_digest(
                account.auth_token.encode(), key
            ):
                return account
        return None

    async def _message(self, request: Request, account: Account) -> Response:
        found = self._found(account, request.path_params["id"])
        if found is None:
            return _refused(20404)
        return _json({"data": telnyx.payload(self.carrier, found, self.cdn_url)})

    def _found(self, account: Account, uuid: str) -> Message | None:
        sids = (telnyx.sid_of(uuid, prefix) for prefix in ("SM", "MM"))
        return next((m for sid in sids if (m := self.carrier.find(account, sid))), None)

    async def _profile(self, request: Request, account: Account) -> Response:
        service = self.carrier.services.get(telnyx.sid_of(request.path_params["id"], "MG"))
        if service is None or service.account_sid != account.sid:
            return _refused(20404)
        return _json({"data": self._profile_document(service)})

    def _profile_document(self, service: Service) -> dict[str, object]:
        lines = (self.carrier.lines[number] for number in service.pool)
        url = service.inbound.url or next((line.sms.url for line in lines), "")
        return {
            "record_type": "messaging_profile",
            "id": telnyx.uuid_of(service.sid),
            "name": service.friendly_name,
            "enabled": True,
            "webhook_url": url.partition("#")[0] or None,
            "webhook_api_version": "2",
            "whitelisted_destinations": ["*"],
        }

    async def _numbers(self, request: Request, account: Account) -> Response:
        wanted = request.query_params.get("filter[phone_number]")
        lines = [
            line
            for line in self.carrier.lines.values()
            if line.account_sid == account.sid and wanted in (None, line.number)
        ]
        return _listed([self._number_document(line) for line in lines])

    def _number_document(self, line: Line) -> dict[str, object]:
        services = self.carrier.services.values()
        profile = next((s.sid for s in services if line.number in s.pool), None)
        return {
            "record_type": "messaging_settings",
            "id": telnyx.uuid_of(line.sid),
            "phone_number": line.number,
            "messaging_profile_id": telnyx.uuid_of(profile) if profile else None,
            "type": "longcode",
        }

    async def _opt_outs(self, request: Request, account: Account) -> Response:
        asked = request.query_params
        profile, sender = asked.get("filter[messaging_profile_id]"), asked.get("filter[from]")
        rows = [
            row
            for row in self._blocked(account)
            if profile in (None, row["messaging_profile_id"]) and sender in (None, row["from"])
        ]
        return _listed(rows)

    def _blocked(self, account: Account) -> list[dict[str, object]]:
        """Who is blocked: for a profile, from each of its numbers."""
        rows: list[dict[str, object]] = []
        for scope, person in self.carrier.opt_outs.listing():
            service = self.carrier.services.get(scope)
            numbers = service.pool if service is not None else [scope]
            owned = (n for n in numbers if n in self.carrier.lines)
            for number in owned:
                if self.carrier.lines[number].account_sid == account.sid:
                    rows.append(self._blocked_row(account, number, person))
        return rows

    def _blocked_row(self, account: Account, number: str, person: str) -> dict[str, object]:
        line = self.carrier.lines[number]
        return {
            "from": number,
            "to": person,
            "keyword": "STOP",
            "messaging_profile_id": self._number_document(line)["messaging_profile_id"],
            "created_at": account.created_at.isoformat(),
        }


def _listed(rows: Sequence[Mapping[str, object]]) -> Response:
    meta = {"page_number": 1, "page_size": 250, "total_pages": 1, "total_results": len(rows)}
    return _json({"data": list(rows), "meta": meta})


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
