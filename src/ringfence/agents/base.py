"""What every way to an agent shares: how a turn reads as text, how an answer is bounded, how a
failed request is named. Must never hand an agent's error text on as a reply."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import orjson

from ringfence.model.errors import (
    AgentError,
    AgentRefused,
    AgentTimeout,
    AgentUnavailable,
    NotDispatched,
    PossiblyDispatched,
)
from ringfence.model.line import Secret
from ringfence.model.phone import mask
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.ports import AgentReply, AgentTurn, Attachment, Http

REPLY_CHARS_MAX = 4000
CONCURRENT_MAX = 8
QUEUE_S = 30.0
RESPONSE_BYTES_MAX = 1024 * 1024
EXPLANATION_CHARS_MAX = 500
RETRY_AFTER_S_MAX = 3600.0

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}\b", re.ASCII)
# Refused before any work was done: asking again later is right. 503 and 429 are what gateways
# answer when they admit nothing (facts/openclaw.md 6.2.10, 6.3).
_COME_LATER = frozenset({408, 425, 429, 503})


class Slots:
    """At most `count` turns at one agent at a time; the others wait up to `queue_s` seconds."""

    def __init__(self, count: int, queue_s: float) -> None:
        self._free = asyncio.Semaphore(count)
        self._queue_s = queue_s

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Raises AgentUnavailable when no slot came free; nothing was asked then."""
        try:
            async with asyncio.timeout(self._queue_s):
                await self._free.acquire()
        except TimeoutError:
            raise AgentUnavailable(
                f"No slot came free in {self._queue_s:g} s; raise maxConcurrent if the agent can "
                "take more turns at once.",
                code="agent_busy",
            ) from None
        try:
            yield
        finally:
            self._free.release()


def bounded(
    text: str, chars_max: int, *, hold: str = "", provenance: Mapping[str, Any] | None = None
) -> AgentReply:
    """A reply of at most `chars_max` characters; a longer one is cut and held as `too_long`."""
    if len(text) <= chars_max:
        return AgentReply(text, hold, provenance=provenance)
    noted = {**(provenance or {}), "reply_chars": len(text)}
    return AgentReply(text[:chars_max], hold or "too_long", provenance=noted)


def attachment_lines(
    attachments: Iterable[Attachment], unavailable: Iterable[str] = ()
) -> list[str]:
    """Attachments in words, a line each, then those that could not be had."""
    lines = [f"[attachment: {a.content_type}, {len(a.content)} bytes]" for a in attachments]
    return lines + [f"[attachment unavailable: {why}]" for why in unavailable]


def turn_text(turn: AgentTurn) -> str:
    """The newest message as text, its attachments described below it."""
    lines = [turn.body, *attachment_lines(turn.attachments, turn.unavailable)]
    return "\n".join(line for line in lines if line)


def turn_document(turn: AgentTurn) -> dict[str, Any]:
    """The turn as JSON values, without attachment bytes. Shape documented for agent authors."""
    spoken = {} if turn.channel == "text" else {"channel": turn.channel}
    return {
        **spoken,
        "turn_id": turn.turn_id,
        "contact_id": turn.contact_id,
        "line": turn.line,
        "role": turn.role,
        "text": turn.body,
        "attachments": [
            {"content_type": a.content_type, "bytes": len(a.content)} for a in turn.attachments
        ],
        "unavailable": list(turn.unavailable),
        "history": [
            {"from": "agent" if entry.ours else "person", "text": entry.body}
            for entry in turn.history
        ],
    }


def scrub(text: str, secrets: Iterable[Secret] = ()) -> str:
    """Somebody else's words made safe to show: no secrets, no full numbers, one line, bounded."""
    for secret in secrets:
        if secret.reveal():
            text = text.replace(secret.reveal(), "•••")
    text = _NUMBER.sub(lambda found: mask(found.group()), text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= EXPLANATION_CHARS_MAX else text[:EXPLANATION_CHARS_MAX] + "…"


def url_scheme(text: str) -> str:
    """`http` or `https`; empty when `text` is no such URL with a host and without credentials."""
    try:
        parts = urlsplit(text)
        usable = bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return ""
    return parts.scheme if usable and parts.scheme in ("http", "https") else ""


async def exchange(http: Http, request: WireRequest, *, retry_safe: bool = False) -> WireResponse:
    """Send, with the network's failures named as the agent's.

    Raises AgentUnavailable when nothing was sent, AgentTimeout when the agent may have worked on
    it. `retry_safe` says that the agent recognises a repeat: then both are AgentUnavailable."""
    try:
        return await http.send(request)
    except NotDispatched as error:
        raise AgentUnavailable(error.detail, code=error.code) from error
    except PossiblyDispatched as error:
        kind = AgentUnavailable if retry_safe else AgentTimeout
        raise kind(error.detail, code=error.code) from error


def refusal(
    response: WireResponse, explain: Callable[[WireResponse], str], *, retry_safe: bool = False
) -> AgentError:
    """The error for a response that is not 2xx.

    4xx: the agent will never take this turn, except those that say "later". 5xx other than 503:
    the turn was taken and broke, or a proxy lost it half-way. Its tools may have acted, so it
    counts as AgentTimeout and is never repeated blindly, unless `retry_safe`."""
    words = f"HTTP {response.status}: {explain(response)}".rstrip(": ")
    if response.status in _COME_LATER or (retry_safe and response.status >= 500):
        return AgentUnavailable(words, retry_after_s=_retry_after_s(response))
    if response.status >= 500:
        return AgentTimeout(words)
    if 300 <= response.status < 400:
        return AgentRefused(f"{words} (a redirect; configure the address it leads to)")
    return AgentRefused(words)


def _retry_after_s(response: WireResponse) -> float | None:
    """RFC 9110 section 10.2.3, the seconds form; a date would need the peer's clock."""
    value = response.headers.get("retry-after", "").strip()
    if not (value.isascii() and value.isdigit()):
        return None
    return min(float(value), RETRY_AFTER_S_MAX)


def json_object(response: WireResponse) -> dict[str, Any]:
    """The body as a JSON object. Raises AgentRefused: the agent has run, asking again would run it
    twice."""
    try:
        document = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        kind = scrub(response.headers.get("content-type", "no content type"))[:80]
        raise AgentRefused(f"The answer is not JSON ({kind}).", code="bad_answer") from None
    if not isinstance(document, dict):
        raise AgentRefused("The answer is not a JSON object.", code="bad_answer")
    return document
