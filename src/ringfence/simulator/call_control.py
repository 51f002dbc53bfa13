"""Calls through the control door: what rings at a phone, answering, keys, words, hanging up, placing a
call, and what phones do by themselves. The guard of control.py stands before it."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ringfence.simulator.call_phone import Connection, NotHeard
from ringfence.simulator.call_scripts import SCRIPTS
from ringfence.simulator.calls import Played
from ringfence.simulator.control_requests import Bad, fields_of
from ringfence.simulator.exchange import Exchange
from ringfence.simulator.phone import Phone
from ringfence.simulator.sids import E164

WAIT_MAX_S: Final = 25.0
CALLS_SHOWN: Final = 20
WORDS_MAX: Final = 2_000
KEYS: Final = frozenset("0123456789*#")


class CallControl:
    """The routes about calls."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def routes(self) -> list[Route]:
        phone = "/_sim/phones/{number}"
        return [
            Route(f"{phone}/calls", self._calls, methods=["GET", "POST"]),
            Route(f"{phone}/call", self._deed, methods=["POST"]),
            Route("/_sim/call-scripts", self._scripts, methods=["GET", "PUT"]),
        ]

    async def _calls(self, request: Request) -> Response:
        """The latest calls, once something changed after `since`; or place one: {"to": …}."""
        phone = self._phone(request)
        if isinstance(phone, Bad):
            return phone.response()
        if request.method == "POST":
            return await self._placed(request, phone)
        try:
            since = int(request.query_params.get("since", "0"))
            wait_s = min(WAIT_MAX_S, float(request.query_params.get("wait_s", "0")))
        except ValueError:
            return Bad("since and wait_s are numbers").response()
        if wait_s > 0:
            await phone.calls_change(since, timeout_s=wait_s)
        shown = [_document(c) for c in phone.connections[-CALLS_SHOWN:]]
        return JSONResponse({"number": phone.number, "version": phone.bell.rung, "calls": shown})

    async def _placed(self, request: Request, phone: Phone) -> Response:
        fields = await fields_of(request)
        if isinstance(fields, Bad):
            return fields.response()
        to, shown = fields.get("to") or self.exchange.default_number, fields.get("shown")
        if not isinstance(to, str) or to not in self.exchange.carrier.lines:
            return Bad("to: one of the carrier's numbers").response()
        call = phone.calls(to, shown=shown if isinstance(shown, str) else None)
        return JSONResponse({"sid": call.sid}, 201)

    async def _deed(self, request: Request) -> Response:
        """{"do": "answer", "by": "human"} · {"do": "press", "digits": "1"} ·
        {"do": "say", "words": "…"} · {"do": "hang_up"}"""
        phone, fields = self._phone(request), await fields_of(request)
        for bad in (phone, fields):
            if isinstance(bad, Bad):
                return bad.response()
        assert isinstance(phone, Phone)
        assert not isinstance(fields, Bad)
        text = {name: str(fields.get(name, "")) for name in ("do", "by", "digits", "words")}
        try:
            refused = _do(phone, text["do"], text["by"] or "human", text["digits"], text["words"])
        except NotHeard as error:
            return Bad(str(error), 409).response()
        return refused.response() if refused is not None else JSONResponse({"done": text["do"]})

    async def _scripts(self, request: Request) -> Response:
        """{"+15555550111": "voicemail"}: what phones do by themselves."""
        scripts = self.exchange.voice.scripts
        if request.method == "PUT":
            fields = await fields_of(request)
            if isinstance(fields, Bad):
                return fields.response()
            if unknown := [name for name in fields.values() if str(name) not in SCRIPTS]:
                known = ", ".join(SCRIPTS)
                return Bad(f"no such script: {unknown[0]}; known: {known}").response()
            scripts.update({number: SCRIPTS[str(name)] for number, name in fields.items()})
        names = {script: name for name, script in SCRIPTS.items()}
        return JSONResponse({number: names.get(s, "own") for number, s in scripts.items()})

    def _phone(self, request: Request) -> Phone | Bad:
        number = request.path_params["number"]
        if not E164.fullmatch(number):
            return Bad("number: E.164, like +15555550111")
        return self.exchange.phone(number)


def _do(phone: Phone, deed: str, by: str, digits: str, words: str) -> Bad | None:
    match deed:
        case "answer":
            phone.answers(by)
        case "hang_up":
            phone.hangs_up()
        case "press" if digits and set(digits) <= KEYS:
            phone.presses(digits)
        case "say" if 0 < len(words) <= WORDS_MAX:
            phone.says(words)
        case "press" | "say":
            return Bad("digits: 0-9, * and #; words: some text")
        case _:
            return Bad("do: answer, press, say or hang_up")
    return None


def _document(connection: Connection) -> dict[str, object]:
    call = connection.call
    lines = sorted([*call.played, *call.said], key=lambda one: one.started_at)
    return {
        "sid": call.sid,
        "number": connection.number,
        "mine": connection.mine,
        "state": connection.state,
        "status": call.status,
        "at": call.created_at.isoformat(),
        "answered_at": call.answered_at.isoformat() if call.answered_at else None,
        "duration_s": call.duration_s,
        "lines": [_line(one) for one in lines],
    }


def _line(one: Played) -> dict[str, object]:
    """While it sounds, all of it is shown, and how long a word takes; afterwards what was heard."""
    return {
        "kind": one.kind,
        "text": one.text if one.ended_at is None else one.heard,
        "cut": one.ended_at is not None and one.heard != " ".join(one.text.split()),
        "sounds": one.ended_at is None,
        "word_ms": round(one.word_s * 1000),
        "at": one.started_at.isoformat(),
    }
