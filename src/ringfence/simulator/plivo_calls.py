"""Plivo's Call API over the switchboard: place, look, transfer, send tones, hang up; and its skin of calls.
Takes the same ordered faults as messages, so that a lost answer leaves a call that rings. What is placed
has a name of its own, which is never the call's. Decides nothing about calls."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ringfence.simulator import checks, plivo, plivo_call_webhooks, plivo_play_xml
from ringfence.simulator.call_session import Source
from ringfence.simulator.faults import Outcome
from ringfence.simulator.plivo_play import AGAIN, PlivoPlayer
from ringfence.simulator.records import Account, Webhook
from ringfence.simulator.refusals import Refusal
from ringfence.simulator.server import vanish

if TYPE_CHECKING:
    from ringfence.simulator.call_session import Session
    from ringfence.simulator.calls import Call
    from ringfence.simulator.carrier import Carrier
    from ringfence.simulator.exchange import Exchange
    from ringfence.simulator.twiml_voice import Script
    from ringfence.simulator.voice import Voice
    from ringfence.simulator.webhooks import Delivery, Fields

Endpoint = Callable[[Request, Account], Awaitable[Response]]
RouteOf = Callable[..., Route]
Answer = Callable[[Mapping[str, object], int], Response]
Refused = Callable[[int, str], Response]

_URLS: Final = ("answer", "ring", "hangup", "fallback", "machine_detection")
_FORM: Final = (
    ("From", "from"),
    ("To", "to"),
    ("Url", "answer_url"),
    ("FallbackUrl", "fallback_url"),
    ("StatusCallback", "hangup_url"),
    ("Timeout", "ring_timeout"),
    ("TimeLimit", "time_limit"),
    ("SendDigits", "send_digits"),
    ("AsyncAmdStatusCallback", "machine_detection_url"),
)
RING_S_DEFAULT: Final = 120
_TONES: Final = frozenset("0123456789*#wW")


class PlivoSkin:
    """Voice XML, and forms signed by version 3."""

    ends_where_asked = True

    def player(self, voice: Voice, session: Session) -> PlivoPlayer:
        return PlivoPlayer(voice, session)

    def asking(self, call: Call) -> Fields:
        return plivo_call_webhooks.asking(call)

    def asking_again(self, url: str) -> Fields:
        return []

    def progress(
        self, call: Call, event: str, word: str, now: datetime
    ) -> tuple[Webhook, Fields] | None:
        return plivo_call_webhooks.progress(call, event, now)

    def verdict(self, call: Call, took_ms: int) -> Fields:
        return plivo_call_webhooks.verdict(call)

    def request(
        self, carrier: Carrier, call: Call, hook: Webhook, fields: Sequence[tuple[str, str]]
    ) -> plivo.PlivoWebhook:
        return plivo_call_webhooks.request(carrier, call, hook, fields)

    def read(self, delivery: Delivery) -> Script:
        return plivo_play_xml.read(delivery.reached, delivery.content_type, delivery.body)


class _NoAnswer(Response):
    """Closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await vanish(scope, receive, send)


class PlivoCallRest:
    """The part of the API about calls. `requests` counts creates, answered or not."""

    def __init__(self, exchange: Exchange, answer: Answer, refused: Refused) -> None:
        self.exchange, self.voice = exchange, exchange.voice
        self._answer, self._refused = answer, refused
        self.requests = 0

    def routes(self, route: RouteOf) -> list[Route]:
        one = "/Call/{uuid}/"
        return [
            route("/Call/", self._calls, "GET", "POST", "DELETE"),
            route(one, self._call, "GET", "POST", "DELETE"),
            route(f"{one}DTMF/", self._tones, "POST"),
            route("/Request/{uuid}/", self._request, "DELETE"),
        ]

    # -- placing ------------------------------------------------------------------------------

    async def _calls(self, request: Request, account: Account) -> Response:
        if request.method == "POST":
            return await self._create(await _document(request), account)
        live = [call for call in self.voice.book.listed(account) if not call.is_over]
        if request.method == "DELETE":  # without an id: every call of the account
            for call in live:
                self._end(call)
            return Response(status_code=204)
        uuids = [plivo_call_webhooks.uuid_of(call) for call in live]
        return self._answer({"calls": uuids}, 200)

    async def _create(self, document: Mapping[str, Any] | None, account: Account) -> Response:
        """Accept, refuse or fail, as the dice say. An accepted call rings whoever hears of it."""
        self.requests += 1
        dice = self.exchange.dice
        if dice.faults.latency_before_s:
            await self.exchange.clock.sleep(dice.faults.latency_before_s)
        outcome = dice.create_outcome(self.requests)
        before = {Outcome.THROTTLED: 20429, Outcome.ERROR_BEFORE_ACCEPT: 20503}
        if outcome in before:
            return self._refused(before[outcome], "")
        if outcome is Outcome.LOST_BEFORE_ACCEPT:
            return _NoAnswer()
        call = self._placed(document, account)
        if isinstance(call, Response):
            return call
        self.voice.start(call)
        if dice.faults.latency_after_s:
            await self.exchange.clock.sleep(dice.faults.latency_after_s)
        if outcome is Outcome.LOST_AFTER_ACCEPT:
            return _NoAnswer()
        if outcome is Outcome.ERROR_AFTER_ACCEPT:
            return self._refused(20500, "")
        return self._answer({"message": "call fired", "request_uuid": call.request_id}, 201)

    def _placed(self, document: Mapping[str, Any] | None, account: Account) -> Call | Response:
        if document is None:
            return self._refused(20001, "the body is no JSON object")
        if why := _wrong(document):
            return self._refused(20001, why)
        call = self.voice.place(account, _form(document))
        if isinstance(call, Refusal):
            return self._refused(call.code, call.message)
        call.request_id = self.exchange.carrier.sids.idempotency_token()
        call.ring_callback = Webhook(str(document.get("ring_url", "")))
        call.events = frozenset(("ringing", "completed"))
        if "ring_timeout" not in document:
            call.ring_s = RING_S_DEFAULT
        return call

    # -- one call -----------------------------------------------------------------------------

    def _found(self, request: Request, account: Account) -> Call | None:
        sid = plivo.sid_of(request.path_params["uuid"], "CA")
        return self.voice.book.find(account, sid)

    async def _call(self, request: Request, account: Account) -> Response:
        call = self._found(request, account)
        if call is None:
            return self._refused(20404, "")
        match request.method:
            case "DELETE":
                return self._end(call)
            case "POST":
                return self._transfer(call, await _document(request))
            case _:
                return self._shown(call, request.query_params.get("status", ""))

    def _shown(self, call: Call, status: str) -> Response:
        """Without a status only what is over is found; `queued` is what nobody has dialled yet."""
        state = "over" if call.is_over else "queued" if call.status == "queued" else "live"
        if state != (status or "over"):
            return self._refused(20404, "")
        made = plivo_call_webhooks.live_document if status else plivo_call_webhooks.record_document
        return self._answer(made(call), 200)

    def _end(self, call: Call) -> Response:
        session = self.voice.sessions.get(call.sid)
        if session is None:
            return self._refused(20404, "")
        session.end("canceled" if call.answered_at is None else "completed")
        return Response(status_code=204)

    async def _request(self, request: Request, account: Account) -> Response:
        """What was placed and is not answered yet; afterwards it is a call."""
        uuid = request.path_params["uuid"]
        calls = self.voice.book.listed(account)
        call = next((one for one in calls if one.request_id == uuid), None)
        if call is None or call.answered_at is not None:
            return self._refused(20404, "")
        return self._end(call)

    def _transfer(self, call: Call, document: Mapping[str, Any] | None) -> Response:
        session = self.voice.sessions.get(call.sid)
        if session is None:
            return self._refused(20404, "")
        if call.answered_at is None:
            return self._refused(20001, "the call is not in progress")
        url, legs = (document or {}).get("aleg_url"), (document or {}).get("legs", "aleg")
        if legs != "aleg" or not isinstance(url, str) or not checks.is_web_address(url):
            return self._refused(20001, "legs is aleg and aleg_url an address here")
        session.turn_to(Source(url=url, fields=(AGAIN,)))
        return self._answer({"message": "call transferred"}, 202)

    async def _tones(self, request: Request, account: Account) -> Response:
        """Over whatever the call is doing."""
        call, document = self._found(request, account), await _document(request)
        session = self.voice.sessions.get(call.sid) if call is not None else None
        digits = str((document or {}).get("digits", ""))
        if session is None or session.call.answered_at is None:
            return self._refused(20404, "")
        if not digits or not set(digits) <= _TONES:
            return self._refused(20001, "digits are 0-9, *, #, w and W")
        self.voice.spawn(PlivoPlayer(self.voice, session).sound("digits", digits))
        return self._answer({"message": "digits sent"}, 202)


async def _document(request: Request) -> Mapping[str, Any] | None:
    try:
        found = json.loads(await request.body())
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _wrong(document: Mapping[str, Any]) -> str:
    """Why this is no request for a call; empty when it is."""
    if not document.get("answer_url"):
        return "answer_url is needed"
    if any(document.get(f"{name}_method", "POST") != "POST" for name in _URLS):
        return "this carrier posts only"
    if str(document.get("machine_detection", "true")) != "true":
        return "machine_detection is true here"
    ring = document.get("ring_url")
    if ring and not checks.is_web_address(str(ring)):
        return "ring_url is no address"
    return ""


def _form(document: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """The request in the carrier's own names; numbers may come without their plus."""
    form: dict[str, Sequence[str]] = {
        name: [str(document[key])] for name, key in _FORM if document.get(key) is not None
    }
    for name in ("From", "To"):
        if name in form:
            form[name] = [f"+{form[name][0].removeprefix('+')}"]
    if document.get("machine_detection"):
        form["MachineDetection"] = ["Enable"]
        form["AsyncAmd"] = ["true" if document.get("machine_detection_url") else "false"]
    return form


SKIN: Final = PlivoSkin()
