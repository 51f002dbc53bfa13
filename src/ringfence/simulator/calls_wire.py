"""What crosses the wire between a gateway and its carrier about calls, written down with its time: calls
asked for, hang-ups, and every word handed over to be said. Looks only; changes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringfence.ports import Clock
from ringfence.simulator import twiml_voice
from ringfence.simulator.inprocess import DirectDeliverer
from ringfence.simulator.twiml_voice import Verb
from ringfence.simulator.webhooks import Delivery, WebhookRequest

CALL_ID: Final = re.compile(r"cal_[0-9A-Za-z]+")
_SID: Final = re.compile(r"/Calls/(CA[0-9a-f]{32})\.json")


@dataclass(slots=True)
class Placing:
    """A request to place a call, as it reached the carrier. `known` is how many audit entries were
    committed by then; `status` of the answer, 0 where none came."""

    call_id: str
    to: str
    at: datetime
    known: int
    status: int = 0


@dataclass(frozen=True, slots=True)
class Handed:
    """Words handed to the carrier, to be said in a call."""

    sid: str
    at: datetime
    texts: Sequence[str]


@dataclass(slots=True)
class WireLog:
    """`hung_up` are the calls the gateway asked to end, and when."""

    placings: list[Placing] = field(default_factory=list)
    handed: list[Handed] = field(default_factory=list)
    hung_up: list[tuple[str, datetime]] = field(default_factory=list)


class WatchedRest:
    """The carrier's API."""

    def __init__(self, app: ASGIApp, clock: Clock, known: Callable[[], int], wire: WireLog) -> None:
        self._app, self._clock, self._known, self._wire = app, clock, known, wire

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST" or "/Calls" not in scope["path"]:
            await self._app(scope, receive, send)
            return
        first = [await receive()]
        placing = self._note(scope["path"], parse_qs(first[0]["body"].decode()))

        async def again() -> Message:
            return first.pop() if first else await receive()

        async def noted(event: Message) -> None:
            if placing is not None and event["type"] == "http.response.start":
                placing.status = event["status"]
            await send(event)

        await self._app(scope, again, noted)

    def _note(self, path: str, form: dict[str, list[str]]) -> Placing | None:
        now, found = self._clock.now(), _SID.search(path)
        if found is None:
            named = CALL_ID.search(form["StatusCallback"][0])
            assert named is not None, "a call names itself in the address of its reports"
            placing = Placing(named[0], form["To"][0], now, self._known())
            self._wire.placings.append(placing)
            return placing
        if "Status" in form:
            self._wire.hung_up.append((found[1], now))
        elif "Twiml" in form:
            texts = tuple(said(form["Twiml"][0].encode()))
            self._wire.handed.append(Handed(found[1], now, texts))
        return None


class RecordingDeliverer(DirectDeliverer):
    """The webhooks, by what they are answered with."""

    def __init__(self, clock: Clock, wire: WireLog) -> None:
        super().__init__()
        self._clock, self._wire = clock, wire

    async def deliver(self, request: WebhookRequest) -> Delivery:
        delivery = await super().deliver(request)
        sid = dict(request.fields).get("CallSid", "")
        if delivery.reached and sid and (texts := tuple(said(delivery.body))):
            self._wire.handed.append(Handed(sid, self._clock.now(), texts))
        return delivery


def said(document: bytes) -> Iterator[str]:
    """The words in an answer's document, prompts included."""
    if document.strip():
        yield from _said(twiml_voice.document(document).verbs)


def _said(verbs: Sequence[Verb]) -> Iterator[str]:
    for verb in verbs:
        if verb.name == "Say":
            yield verb.text
        yield from _said(verb.children)
