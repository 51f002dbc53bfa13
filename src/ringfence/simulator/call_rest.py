"""Twilio's Calls API over the switchboard: create, fetch, list, update, remove. Takes the same ordered
faults as messages, so that a lost answer leaves a call that rings. Decides nothing about calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ringfence.simulator import checks
from ringfence.simulator.call_dialect import call_document
from ringfence.simulator.call_session import Source
from ringfence.simulator.calls import Call, filtered, inline_refusal
from ringfence.simulator.checks import Form
from ringfence.simulator.exchange import Exchange
from ringfence.simulator.faults import Outcome
from ringfence.simulator.paging import cut, documents_2010
from ringfence.simulator.records import Account
from ringfence.simulator.refusals import Refusal, refuse
from ringfence.simulator.server import vanish

Endpoint = Callable[[Request, Account], Awaitable[Response]]
Guard = Callable[[Endpoint], Callable[[Request], Awaitable[Response]]]

_LIST: Final = "/2010-04-01/Accounts/{account_sid}/Calls.json"
_ONE: Final = "/2010-04-01/Accounts/{account_sid}/Calls/{sid}.json"


class _NoAnswer(Response):
    """Closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await vanish(scope, receive, send)


class CallRest:
    """The part of the 2010 API about calls. `requests` counts creates, answered or not."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.voice = exchange.voice
        self.requests = 0

    def routes(self, guarded: Guard) -> list[Route]:
        return [
            Route(_LIST, guarded(self._calls), methods=("GET", "POST")),
            Route(_ONE, guarded(self._call), methods=("GET", "POST", "DELETE")),
        ]

    async def _calls(self, request: Request, account: Account) -> Response:
        if request.method == "POST":
            return await self._create(await _form(request), account)
        query = parse_qs(request.url.query, keep_blank_values=True)
        chosen = filtered(self.voice.book.listed(account), query)
        if isinstance(chosen, Refusal):
            return _refused(chosen)
        page = cut(chosen, request.query_params, lambda call: call.sid)
        if isinstance(page, Refusal):
            return _refused(page)
        found = [call_document(call) for call in page.items]
        return JSONResponse(documents_2010("calls", found, page, request.url))

    async def _create(self, form: Form, account: Account) -> Response:
        """Accept, refuse or fail, as the dice say. An accepted call rings whoever hears of it."""
        self.requests += 1
        dice = self.exchange.dice
        if dice.faults.latency_before_s:
            await self.exchange.clock.sleep(dice.faults.latency_before_s)
        outcome = dice.create_outcome(self.requests)
        before = {
            Outcome.THROTTLED: refuse(20429),
            Outcome.ERROR_BEFORE_ACCEPT: refuse(20503),
        }
        if outcome in before:
            return _refused(before[outcome])
        if outcome is Outcome.LOST_BEFORE_ACCEPT:
            return _NoAnswer()
        call = self.voice.place(account, form)
        if isinstance(call, Refusal):
            return _refused(call)
        answer = JSONResponse(call_document(call), 201)
        self.voice.start(call)
        if dice.faults.latency_after_s:
            await self.exchange.clock.sleep(dice.faults.latency_after_s)
        if outcome is Outcome.LOST_AFTER_ACCEPT:
            return _NoAnswer()
        return _refused(refuse(20500)) if outcome is Outcome.ERROR_AFTER_ACCEPT else answer

    async def _call(self, request: Request, account: Account) -> Response:
        call = self.voice.book.find(account, request.path_params["sid"])
        if call is None:
            return _refused(refuse(20404, request.url.path))
        if request.method == "DELETE":
            return self._removed(call)
        if request.method == "POST":
            refusal = self._update(call, await _form(request), request.url.path)
            if refusal is not None:
                return _refused(refusal)
        return JSONResponse(call_document(call))

    def _update(self, call: Call, form: Form, path: str) -> Refusal | None:
        """End a call (`canceled` ends only one that is not answered), or swap its instructions. A
        call that is over cannot be ended: the real one has been seen to answer 404 (voice.md 4)."""
        session = self.voice.sessions.get(call.sid)
        status = checks.one(form, "Status")
        if status:
            if status not in ("completed", "canceled"):
                return refuse(20001, "Status: completed or canceled")
            if session is None:
                return refuse(20404, path)
            if status == "completed" or call.answered_at is None:
                session.end(status)
            return None
        url, twiml = checks.one(form, "Url"), checks.one(form, "Twiml")
        if not url and not twiml:
            return None
        if session is None or call.answered_at is None:
            return refuse(21220, call.status)
        if url and not checks.is_web_address(url):
            return refuse(21205, url)
        if not url and (refusal := inline_refusal(twiml)) is not None:
            return refusal
        method = checks.one(form, "Method") or "POST"
        session.turn_to(Source(url=url, method=method, twiml="" if url else twiml))
        return None

    def _removed(self, call: Call) -> Response:
        if not call.is_over:
            return _refused(refuse(20009, call.status))
        del self.voice.book.calls[call.sid]
        return Response(status_code=204)


async def _form(request: Request) -> Form:
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    return parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)


def _refused(refusal: Refusal) -> Response:
    return JSONResponse(refusal.document(), refusal.status)
