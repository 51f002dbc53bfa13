"""Telnyx's calls over REST: create, read, and the actions of a call that is under way. Takes the same
ordered faults as messages, so that a lost answer leaves a call that rings. Decides nothing about calls:
calls.py and telnyx_call_actions.py do."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ringfence.simulator import checks, telnyx_call_actions
from ringfence.simulator.calls import Call
from ringfence.simulator.exchange import Exchange
from ringfence.simulator.faults import Outcome
from ringfence.simulator.records import Account
from ringfence.simulator.refusals import Refusal
from ringfence.simulator.server import vanish
from ringfence.simulator.telnyx import uuid_of
from ringfence.simulator.telnyx_call_actions import ENDED, NO_SUCH, is_base64
from ringfence.simulator.telnyx_call_events import application_of, control_id, iso
from ringfence.simulator.telnyx_call_hearing import Hearing
from ringfence.simulator.telnyx_calls import TelnyxCalls

KEPT_S: Final = 600  # a call is told of until ten minutes after its end
_DETECTION: Final = frozenset(
    ("premium", "detect", "detect_beep", "detect_words", "greeting_end", "disabled")
)
_CREATE: Final = frozenset(
    (
        *("connection_id", "to", "from", "from_display_name", "webhook_url", "webhook_url_method"),
        *("client_state", "command_id", "timeout_secs", "time_limit_secs"),
        *("answering_machine_detection", "answering_machine_detection_config"),
        *("send_digits_on_answer", "send_silence_when_idle"),
    )
)
# Code of the carrier's refusal: Telnyx's code and status.
_REFUSALS: Final[Mapping[int, tuple[int, int]]] = {
    20003: (10009, 401),
    20404: (NO_SUCH, 404),
    20429: (10011, 429),
    20500: (10007, 500),
    20503: (10007, 503),
    21201: (10004, 422),
    21213: (10004, 422),
    21211: (10016, 422),
    21212: (10016, 422),
    21219: (10039, 403),
}

Authenticate: TypeAlias = Callable[[bytes], Account | None]
Endpoint: TypeAlias = Callable[[Request, Account, dict[str, Any]], Awaitable[Response]]


class _NoAnswer(Response):
    """Closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await vanish(scope, receive, send)


class TelnyxCallRest:
    """The part of the v2 API about calls. `requests` counts creates, answered or not."""

    def __init__(self, exchange: Exchange, account: Authenticate) -> None:
        self.exchange = exchange
        self.calls = TelnyxCalls(exchange)
        self.requests = 0
        self._account = account
        self._placed: dict[str, Call] = {}  # by account and command id

    def routes(self) -> list[Route]:
        return [
            self._route("/v2/calls", self._create, "POST"),
            self._route("/v2/calls/{id}", self._read, "GET"),
            self._route("/v2/calls/{id}/actions/{action}", self._act, "POST"),
        ]

    def _route(self, path: str, endpoint: Endpoint, method: str) -> Route:
        async def answer(request: Request) -> Response:
            account = self._account(request.headers.get("authorization", "").encode("latin-1"))
            if account is None:
                return _refused(10009, 401, "Authentication failed")
            document = await _object(request)
            if document is None:
                return _refused(10015, 400, "the body is no JSON object")
            return await endpoint(request, account, document)

        return Route(path, answer, methods=[method])

    # -- creating -----------------------------------------------------------------------------

    async def _create(self, _: Request, account: Account, asked: dict[str, Any]) -> Response:
        """Accept, refuse or fail, as the dice say."""
        self.requests += 1
        dice, clock = self.exchange.dice, self.exchange.clock
        if dice.faults.latency_before_s:
            await clock.sleep(dice.faults.latency_before_s)
        outcome = dice.create_outcome(self.requests)
        if outcome is Outcome.THROTTLED:
            return _of(20429, "Too many requests")
        if outcome is Outcome.ERROR_BEFORE_ACCEPT:
            return _of(20503, "Unexpected error")
        if outcome is Outcome.LOST_BEFORE_ACCEPT:
            return _NoAnswer()
        call = self._take(account, asked)
        if isinstance(call, Response):
            return call
        if dice.faults.latency_after_s:
            await clock.sleep(dice.faults.latency_after_s)
        if outcome is Outcome.LOST_AFTER_ACCEPT:
            return _NoAnswer()
        if outcome is Outcome.ERROR_AFTER_ACCEPT:
            return _of(20500, "Unexpected error")
        return _json({"data": self._document(call) | {"is_alive": False}})

    def _take(self, account: Account, asked: dict[str, Any]) -> Call | Response:
        """The call, which rings already; the one of before for a command id of the last minute."""
        if (wrong := self._wrong(account, asked)) is not None:
            return _refused(10015, 422, wrong)
        id_ = f"{account.sid} {asked['command_id']}" if asked.get("command_id") else ""
        known = self._placed.get(id_)
        now = self.exchange.clock.now()
        repeat = timedelta(seconds=telnyx_call_actions.REPEAT_S)
        if known is not None and now - known.created_at < repeat:
            return known
        hook = str(asked.get("webhook_url") or self._application_url(str(asked.get("from"))))
        call = self.exchange.voice.book.create(account, _form(asked, hook), now)
        if isinstance(call, Refusal):
            return _of(call.code, call.message)
        call.detection = str(asked.get("answering_machine_detection") or "")
        if id_:
            self._placed[id_] = call
        self.calls.start(call, hook, str(asked.get("client_state") or ""))
        return call

    def _wrong(self, account: Account, asked: dict[str, Any]) -> str | None:
        if unknown := sorted(asked.keys() - _CREATE):
            return f"{unknown[0]} is no parameter of a call"
        if asked.get("connection_id") != application_of(account):
            return "connection_id is no call control application of this account"
        for name, low, high in (("timeout_secs", 5, 600), ("time_limit_secs", 1, 14_400)):
            given = asked.get(name, low)
            if type(given) is not int or not low <= given <= high:
                return f"{name}: {low} to {high}"
        if asked.get("answering_machine_detection", "disabled") not in _DETECTION:
            return "answering_machine_detection"
        if "client_state" in asked and not is_base64(asked["client_state"]):
            return "client_state is base64"
        hook = asked.get("webhook_url")
        return "webhook_url" if hook and not checks.is_web_address(hook) else None

    def _application_url(self, number: str) -> str:
        line = self.exchange.carrier.lines.get(number)
        return line.settings.get("voice_url", "") if line is not None else ""

    # -- calls under way ----------------------------------------------------------------------

    async def _read(self, request: Request, account: Account, _: dict[str, Any]) -> Response:
        here = self._found(request, account)
        if here is None:
            return _of(20404, "no such call")
        call, now = here.leg.call, self.exchange.clock.now()
        if call.ended_at is not None and now - call.ended_at > timedelta(seconds=KEPT_S):
            return _of(20404, "no such call")
        return _json({"data": self._document(call)})

    async def _act(self, request: Request, account: Account, asked: dict[str, Any]) -> Response:
        here = self._found(request, account)
        if here is None:
            return _of(20404, "no such call")
        action = request.path_params["action"]
        refused = await telnyx_call_actions.act(self.calls, here, action, asked)
        if refused is None:
            return _json({"data": {"result": "ok"}})
        code, detail = refused
        return _refused(code, 404 if code == NO_SUCH else 422, detail)

    def _found(self, request: Request, account: Account) -> Hearing | None:
        here = self.calls.legs.get(request.path_params["id"])
        return here if here is not None and here.leg.call.account_sid == account.sid else None

    def _document(self, call: Call) -> dict[str, object]:
        here = self.calls.legs[control_id(call)]
        began, ended, now = call.answered_at, call.ended_at, self.exchange.clock.now()
        lasted = int(((ended or now) - began).total_seconds()) if began is not None else 0
        over = {"end_time": iso(ended)} if ended is not None else {}
        return {
            "record_type": "call",
            "call_control_id": here.leg.control_id,
            "call_leg_id": uuid_of(call.sid),
            "call_session_id": here.leg.session_id,
            "is_alive": ended is None and call.status in ("ringing", "in-progress"),
            "client_state": here.leg.client_state or None,
            "call_duration": lasted,
            "start_time": iso(call.created_at),
            **over,
        }


def _form(asked: dict[str, Any], hook: str) -> dict[str, list[str]]:
    """The request in the carrier's own names; what it says besides is Telnyx's own affair."""
    given = {
        "To": asked.get("to"),
        "From": asked.get("from"),
        "Url": hook or "http://127.0.0.1/",
        "Timeout": asked.get("timeout_secs", 30),
        "TimeLimit": asked.get("time_limit_secs", 14_400),
        "SendDigits": asked.get("send_digits_on_answer", ""),
    }
    return {name: [str(value)] for name, value in given.items() if value not in (None, "")}


async def _object(request: Request) -> dict[str, Any] | None:
    content = await request.body()
    try:
        found = json.loads(content) if content else {}
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _json(document: object, status: int = 200) -> Response:
    return Response(json.dumps(document).encode(), status, media_type="application/json")


def _of(code: int, detail: str) -> Response:
    """One of the carrier's refusals, as Telnyx numbers it."""
    number, status = _REFUSALS.get(code, (10015, 422))
    return _refused(number, status, detail)


_TITLES: Final = {ENDED: "Call has already ended", NO_SUCH: "Resource not found"}


def _refused(code: int, status: int, detail: str) -> Response:
    error = {"code": str(code), "title": _TITLES.get(code, "Bad Request"), "detail": detail}
    return _json({"errors": [error]}, status)
