"""The demo's agent: a `webhook` agent like anybody could write, with nothing of the gateway in it.
It checks every turn's signature (Standard Webhooks), chats, and when asked to text or call somebody
asks the gateway over HTTP as any program would and says what came back. On the telephone it can ask to
be relieved by the owner, and to hang up. It has no authority of its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ringfence.simulator.server import LoopbackServer
from ringfence.simulator.timeline import Clock

TOLERANCE_S: Final = 300  # Standard Webhooks, "Verifying webhook authenticity": replay window
BODY_MAX_BYTES: Final = 8_000_000
BRIDGE_TIMEOUT_S: Final = 10.0
_SIGNED_HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")
_ERRAND: Final = re.compile(
    r"(?:please\s+)?(?P<verb>text|tell|message|call)\s+(?P<to>\+[0-9][0-9 ().-]{5,20}[0-9])\s*(?::|,|that\b)?\s*"
    r"(?P<body>\S.*)",
    re.IGNORECASE | re.DOTALL,
)
HELP: Final = (
    "I am the demo agent. I repeat what you say. Ask me to write to somebody: "
    "text +15555550112: lunch?"
)
SPOKEN_HELP: Final = (
    "I repeat what you say. Ask me for a story and interrupt me, ask me to connect you to the owner, "
    "or say goodbye and I hang up."
)
STORY: Final = (
    "The sea was calm that morning, and the harbour still slept. One small ship lay at the pier with "
    "a light in her window. Her captain had waited for a letter all winter, and today, he was sure, it "
    "would come. He made coffee for two, as he always did, and looked along the empty road. Then a bell "
    "rang somewhere, far away at first."
)
_GREETINGS: Final = ("", "help", "what can you do", "hello", "hi")
_PERSON_WANTED: Final = re.compile(
    r"\b(?:owner|human|person|somebody real|connect me|put me through)\b", re.IGNORECASE
)
_GOODBYE: Final = re.compile(r"\W*(?:good)?\s?bye\W*", re.IGNORECASE)


def signature_holds(key: bytes, headers: Mapping[str, str], body: bytes, now_s: float) -> bool:
    """Is one of the `v1` signatures right for id, timestamp and body, and is it fresh?"""
    webhook_id, timestamp, signatures = (headers.get(name, "") for name in _SIGNED_HEADERS)
    if not (timestamp.isascii() and timestamp.isdigit()):
        return False
    if abs(now_s - int(timestamp)) > TOLERANCE_S:
        return False
    content = f"{webhook_id}.{timestamp}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    given = signatures.split(" ")
    return any(hmac.compare_digest(wanted.encode(), one.encode()) for one in given)


class DemoAgent:
    """`async with DemoAgent(key, bridge_url, clock) as agent:` serves `agent.url`. `turns` counts
    what it was asked; `refused` counts requests whose signature did not hold."""

    def __init__(self, key: bytes, bridge_url: str, clock: Clock, port: int = 0) -> None:
        self._key, self._bridge, self._clock = key, bridge_url, clock
        self._server = LoopbackServer(port)
        self._session: aiohttp.ClientSession | None = None
        self.url = ""
        self.turns = 0
        self.refused = 0

    async def __aenter__(self) -> DemoAgent:
        self.url = f"http://127.0.0.1:{self._server.bind()}/turn"
        timeout = aiohttp.ClientTimeout(total=BRIDGE_TIMEOUT_S)
        self._session = aiohttp.ClientSession(timeout=timeout)
        await self._server.start(Starlette(routes=[Route("/turn", self._answer, methods=["POST"])]))
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._server.stop()
        if self._session is not None:
            await self._session.close()

    async def _answer(self, request: Request) -> Response:
        declared = request.headers.get("content-length", "")
        if not declared.isdigit() or int(declared) > BODY_MAX_BYTES:
            return JSONResponse({"error": "too large"}, 413)
        body = await request.body()
        if not signature_holds(self._key, request.headers, body, self._clock.now().timestamp()):
            self.refused += 1
            return JSONResponse({"error": "the signature does not hold"}, 401)
        self.turns += 1
        turn: dict[str, Any] = json.loads(body)["data"]
        return JSONResponse({"reply": await self._reply(turn)})

    async def _reply(self, turn: Mapping[str, Any]) -> str:
        text = str(turn["text"]).strip()
        on_the_phone = turn.get("channel") == "call"
        if (errand := _ERRAND.fullmatch(text)) is not None:
            # The turn's id is the same in every try, so the friend is written to once.
            return await self._run(errand, str(turn["turn_id"]))
        if on_the_phone and (wish := _wish(text)):
            return json.dumps(wish)
        if text.lower().rstrip("?!. ") in _GREETINGS:
            help_ = SPOKEN_HELP if on_the_phone else HELP
            return help_ if text or not turn["attachments"] else "A picture! Thank you."
        return f"You said: {text}"

    async def _run(self, errand: re.Match[str], key: str) -> str:
        """Ask the gateway to text or call somebody; put its answer into words."""
        assert self._session is not None, "start it first"
        to, body = errand["to"], errand["body"].strip()
        calls = errand["verb"].lower() == "call"
        path, asked = "/sms/send", {"to": to, "body": body}
        if calls:
            path, asked = "/api/v1/calls", {"to": to, "message": body}
        try:
            async with self._session.post(
                f"{self._bridge}{path}", json=asked, headers={"Idempotency-Key": key}
            ) as response:
                answer: dict[str, Any] = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return "I could not reach the gateway's bridge."
        if response.status != 202:
            return f"The gateway did not take it. {answer.get('detail', '')}".strip()
        return _told(answer, to, calls=calls)


def _wish(text: str) -> dict[str, object] | None:
    """What is to become of the call, in the form the gateway reads; None for talk."""
    if "story" in text.lower():
        return {"say": STORY}
    if _PERSON_WANTED.search(text):
        return {"say": "I connect you to the owner.", "transferTo": "owner"}
    if _GOODBYE.fullmatch(text):
        return {"say": "Goodbye!", "hangUp": True}
    return None


def _told(answer: Mapping[str, Any], to: str, *, calls: bool) -> str:
    why = " ".join(str(reason["text"]) for reason in answer["reasons"])
    nothing = f"{to} was not called" if calls else f"nothing was sent to {to}"
    match answer["state"]:
        case "held":
            return f"Held for a person to look at; {nothing}. {why}"
        case "refused":
            return f"Refused; {nothing}. {why}"
        case _:
            return f"Calling {to}." if calls else f"On its way to {to}."
