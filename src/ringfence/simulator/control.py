"""The control door of a simulated carrier, under `/_sim/`: phones, faults, opt-outs, the handset
page. Everything else goes to the REST API.

Answers only when the Host header names loopback, so that no web site can reach it by rebinding a
name, and takes changes as JSON only, which a foreign page cannot post without asking first."""

from __future__ import annotations

import base64
import binascii
from importlib import resources
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ringfence.simulator.call_control import CallControl
from ringfence.simulator.control_requests import Bad, fields_of
from ringfence.simulator.exchange import Exchange
from ringfence.simulator.faults import Outcome
from ringfence.simulator.phone import Attachment, Phone, Text
from ringfence.simulator.rest import Rest
from ringfence.simulator.sids import E164
from ringfence.simulator.timeline import by_name

LOOPBACK_NAMES: Final = frozenset(("127.0.0.1", "localhost", "[::1]"))
WAIT_MAX_S: Final = 25.0
PAGE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; frame-ancestors 'self' http://127.0.0.1:* "
        "http://localhost:*; base-uri 'none'; form-action 'none'"
    ),
}


class Control:
    """Routes `/_sim/…` to the control door and all else to the REST API."""

    def __init__(self, exchange: Exchange, rest: Rest) -> None:
        self.exchange = exchange
        self.rest = rest
        self._app = Starlette(
            routes=[
                Route("/_sim", self._home),
                Route("/_sim/", self._page),
                Route("/_sim/state", self._state),
                Route("/_sim/phones", self._phones, methods=["GET", "POST"]),
                Route("/_sim/phones/{number}/thread", self._thread),
                Route("/_sim/phones/{number}/texts", self._texts, methods=["POST"]),
                Route("/_sim/phones/{number}/media/{sid}/{index:int}", self._picture),
                Route("/_sim/faults", self._faults, methods=["GET", "PUT"]),
                Route("/_sim/next", self._next, methods=["POST"]),
                Route("/_sim/scripts", self._scripts, methods=["GET", "PUT"]),
                Route("/_sim/opt-outs", self._opt_outs, methods=["GET", "PUT"]),
                Route("/_sim/webhooks", self._webhooks),
                *CallControl(exchange).routes(),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == "/":
            await RedirectResponse("/_sim/")(scope, receive, send)
        elif path.startswith("/_sim"):
            await self._guarded(scope, receive, send)
        else:
            await self.rest(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        host = request.headers.get("host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        kind = request.headers.get("content-type", "").partition(";")[0]
        if name.lower() not in LOOPBACK_NAMES:
            refused: Bad | None = Bad("this door answers to loopback names only", 421)
        elif request.method not in ("GET", "HEAD") and kind != "application/json":
            refused = Bad("changes are sent as application/json", 415)
        else:
            refused = None
        app = self._app if refused is None else refused.response()
        await app(scope, receive, send)

    async def _home(self, request: Request) -> Response:
        return RedirectResponse("/_sim/")

    async def _page(self, request: Request) -> Response:
        page = resources.files("ringfence.simulator").joinpath("handset.html")
        return HTMLResponse(page.read_text(encoding="utf-8"), headers=PAGE_HEADERS)

    async def _state(self, request: Request) -> Response:
        carrier = self.exchange.carrier
        lines = [
            {"number": line.number, "webhook": line.sms.url} for line in carrier.lines.values()
        ]
        return JSONResponse(
            {
                "base_url": self.exchange.address,
                "lines": lines,
                "messages": len(carrier.messages),
                "create_requests": self.rest.requests,
                "credentials_leaked_to_cdn": self.rest.credentials_leaked,
                "alerts": [
                    {"error_code": a.error_code, "text": a.text, "url": a.request_url}
                    for a in carrier.alerts[-50:]
                ],
            }
        )

    # -- phones -------------------------------------------------------------------------------

    async def _phones(self, request: Request) -> Response:
        if request.method == "POST":
            fields = await fields_of(request)
            number = fields.get("number") if not isinstance(fields, Bad) else None
            if not isinstance(number, str) or not E164.fullmatch(number):
                return Bad("number: E.164, like +15555550111").response()
            return JSONResponse(_phone_document(self.exchange.phone(number)), 201)
        phones = [_phone_document(phone) for phone in self.exchange.phones.values()]
        return JSONResponse({"phones": phones})

    async def _thread(self, request: Request) -> Response:
        """Texts that changed after `since`; with `wait_s`, waits that long for a change."""
        phone = self._phone(request)
        if isinstance(phone, Bad):
            return phone.response()
        try:
            since = int(request.query_params.get("since", "0"))
            wait_s = min(WAIT_MAX_S, float(request.query_params.get("wait_s", "0")))
        except ValueError:
            return Bad("since and wait_s are numbers").response()
        if wait_s > 0:
            await phone.changes(since, timeout_s=wait_s)
        texts = [_text_document(phone, text) for text in phone.thread if text.order > since]
        return JSONResponse({"number": phone.number, "version": phone.version, "texts": texts})

    async def _texts(self, request: Request) -> Response:
        """{"body": …, "to": …, "media": [{"content_type": …, "base64": …}]}"""
        phone, fields = self._phone(request), await fields_of(request)
        for bad in (phone, fields):
            if isinstance(bad, Bad):
                return bad.response()
        assert isinstance(phone, Phone)
        assert not isinstance(fields, Bad)
        body, to = fields.get("body", ""), fields.get("to") or self.exchange.default_number
        media = _media(fields.get("media", []))
        if not isinstance(body, str) or not isinstance(to, str) or not E164.fullmatch(to):
            return Bad("body is text, to is E.164").response()
        if isinstance(media, Bad):
            return media.response()
        if not body and not media:
            return Bad("a text has a body or media").response()
        sent = await phone.texts(body, to, media=list(media))
        status = sent.delivery.status if sent.delivery else None
        return JSONResponse(
            {"sid": sent.sid, "reached": sent.reached, "webhook_status": status}, 201
        )

    async def _picture(self, request: Request) -> Response:
        phone = self._phone(request)
        if isinstance(phone, Bad):
            return phone.response()
        sid, index = request.path_params["sid"], request.path_params["index"]
        text = next((t for t in phone.thread if t.sid == sid), None)
        if text is None or index >= len(text.media):
            return Bad("no such file", 404).response()
        item = text.media[index]
        # Only pictures are shown in place; whatever else came by MMS is a download.
        shown = item.content_type in ("image/png", "image/jpeg", "image/gif", "image/webp")
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
        if not shown:
            headers["Content-Disposition"] = "attachment"
        return Response(
            item.content,
            media_type=item.content_type if shown else "application/octet-stream",
            headers=headers,
        )

    def _phone(self, request: Request) -> Phone | Bad:
        number = request.path_params["number"]
        if not E164.fullmatch(number):
            return Bad("number: E.164, like +15555550111")
        return self.exchange.phone(number)

    # -- what the carrier does ----------------------------------------------------------------

    async def _faults(self, request: Request) -> Response:
        dice = self.exchange.dice
        if request.method == "PUT":
            fields = await fields_of(request)
            if isinstance(fields, Bad):
                return fields.response()
            try:
                dice.faults = dice.faults.changed(fields)
            except ValueError as error:
                return Bad(str(error)).response()
        return JSONResponse(dice.faults.as_dict())

    async def _next(self, request: Request) -> Response:
        """{"outcomes": ["lost_after_accept", …]}: how the next creates end."""
        fields = await fields_of(request)
        if isinstance(fields, Bad):
            return fields.response()
        names = fields.get("outcomes")
        try:
            outcomes = [Outcome(name) for name in names] if isinstance(names, list) else None
        except ValueError as error:
            return Bad(str(error)).response()
        if outcomes is None:
            return Bad("outcomes: a list of names").response()
        self.exchange.dice.order(outcomes)
        return JSONResponse({"ordered": outcomes})

    async def _scripts(self, request: Request) -> Response:
        """{"+15555550111": "undelivered:30003"}: timelines by recipient."""
        scripts = self.exchange.carrier.scripts
        if request.method == "PUT":
            fields = await fields_of(request)
            if isinstance(fields, Bad):
                return fields.response()
            try:
                scripts.update({number: by_name(str(name)) for number, name in fields.items()})
            except (KeyError, ValueError) as error:
                return Bad(f"no such timeline: {error}").response()
        return JSONResponse({number: timeline.name for number, timeline in scripts.items()})

    async def _opt_outs(self, request: Request) -> Response:
        """PUT {"scope": number or service SID, "person": E.164, "blocked": bool}."""
        book = self.exchange.carrier.opt_outs
        if request.method == "PUT":
            fields = await fields_of(request)
            if isinstance(fields, Bad):
                return fields.response()
            scope, person = fields.get("scope", self.exchange.default_number), fields.get("person")
            blocked = fields.get("blocked", True)
            if not (isinstance(scope, str) and isinstance(person, str)):
                return Bad("scope and person are text").response()
            (book.block if blocked is True else book.lift)(scope, person)
        pairs = [{"scope": scope, "person": person} for scope, person in book.listing()]
        return JSONResponse({"opt_outs": pairs})

    async def _webhooks(self, request: Request) -> Response:
        """The latest webhooks and how they ended; no bodies."""
        entries = [
            {
                "kind": entry.kind,
                "sid": entry.sid,
                "status": entry.status,
                "url": entry.request.url,
                "attempts": entry.delivery.attempts,
                "answer": entry.delivery.status,
                "failure": entry.delivery.failure.value if entry.delivery.failure else None,
            }
            for entry in self.exchange.log[-100:]
        ]
        return JSONResponse({"webhooks": entries})


def _phone_document(phone: Phone) -> dict[str, object]:
    last = phone.thread[-1] if phone.thread else None
    return {
        "number": phone.number,
        "texts": len(phone.thread),
        "version": phone.version,
        "last": last.body if last else "",
    }


def _text_document(phone: Phone, text: Text) -> dict[str, object]:
    base = f"/_sim/phones/{phone.number}/media/{text.sid}"
    media = [
        {"content_type": item.content_type, "bytes": len(item.content), "path": f"{base}/{n}"}
        for n, item in enumerate(text.media)
    ]
    return {
        "sid": text.sid,
        "number": text.number,
        "body": text.body,
        "mine": text.mine,
        "at": text.at.isoformat(),
        "ticks": text.ticks,
        "order": text.order,
        "media": media,
    }


def _media(given: object) -> list[Attachment] | Bad:
    if not isinstance(given, list):
        return Bad("media is a list")
    found = []
    for item in given:
        kind, text = (
            (item.get("content_type"), item.get("base64"))
            if isinstance(item, dict)
            else (None, None)
        )
        if not isinstance(kind, str) or not isinstance(text, str):
            return Bad("each file has content_type and base64")
        try:
            found.append(Attachment(kind, base64.b64decode(text, validate=True)))
        except binascii.Error:
            return Bad("base64 is not base64")
    return found
