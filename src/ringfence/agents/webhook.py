"""An agent behind a URL: each turn is one signed POST, the answer is the reply. Signed by the
Standard Webhooks convention (standard-webhooks.com, specification 1.0). Must never send a turn
unsigned, and never take an answer it does not wholly understand."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from ringfence.agents.base import (
    CONCURRENT_MAX,
    QUEUE_S,
    REPLY_CHARS_MAX,
    RESPONSE_BYTES_MAX,
    Slots,
    bounded,
    exchange,
    json_object,
    refusal,
    scrub,
    turn_document,
    url_scheme,
)
from ringfence.model.errors import AgentError, AgentRefused, ConfigInvalid
from ringfence.model.line import Secret
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.ports import Agent, AgentReply, AgentTurn, Clock, Http
from ringfence.text.standard_webhooks import SECRET_WORDS, key_of, sign

CHECK_TIMEOUT_S = 10.0
MEDIA_URLS_MAX = 10
HOLD_CHARS_MAX = 200
_ANSWER_FIELDS = frozenset({"reply", "hold", "media_urls"})


@dataclass(frozen=True, slots=True)
class Settings:
    """`secrets`: one, or several while rotating; each turn carries a signature by every one.
    `attachments` sends their bytes along in base64. `retry_safe` promises that the receiver knows
    a repeat by its `webhook-id`: then lost answers and 5xx are tried again."""

    url: str
    secrets: tuple[Secret, ...]
    timeout_s: float = 60.0
    attachments: bool = True
    retry_safe: bool = False
    max_reply_chars: int = REPLY_CHARS_MAX
    max_concurrent: int = CONCURRENT_MAX
    queue_s: float = QUEUE_S


class WebhookAgent:
    """Fulfils `ports.Agent`. `reply` raises AgentUnavailable, AgentTimeout, AgentRefused."""

    keeps_history = False

    def __init__(
        self, agent_id: str, settings: Settings, keys: Sequence[bytes], http: Http, clock: Clock
    ) -> None:
        self.id = agent_id
        self._settings = settings
        self._keys = tuple(keys)
        self._http = http
        self._clock = clock
        self._slots = Slots(settings.max_concurrent, settings.queue_s)

    async def reply(self, turn: AgentTurn) -> AgentReply:
        retry_safe = self._settings.retry_safe
        async with self._slots.take():
            request = self._request(turn, self._clock.now())
            response = await exchange(self._http, request, retry_safe=retry_safe)
        if not 200 <= response.status < 300:
            raise refusal(response, self._explain, retry_safe=retry_safe)
        if response.status == 204:
            return AgentReply("", provenance=self._provenance("no_content"))
        return self._read(json_object(response))

    async def check(self) -> str:
        """Whether somebody speaks HTTP there. Any status will do: a route that takes only POST may
        answer a HEAD as it likes, and a probe must not look like a turn."""
        request = WireRequest("HEAD", self._settings.url, timeout_s=CHECK_TIMEOUT_S)
        try:
            await exchange(self._http, request)
        except AgentError as error:
            return str(error)
        return ""

    async def close(self) -> None:
        """Nothing is held: the HTTP client belongs to whoever made it."""

    def _request(self, turn: AgentTurn, now: datetime) -> WireRequest:
        body = orjson.dumps(self._document(turn, now))
        return WireRequest(
            method="POST",
            url=self._settings.url,
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            secret_headers=sign(self._keys, turn.turn_id, now, body),
            body=body,
            timeout_s=self._settings.timeout_s,
            response_bytes_max=RESPONSE_BYTES_MAX,
        )

    def _document(self, turn: AgentTurn, now: datetime) -> dict[str, Any]:
        """`timestamp` is when it is sent; `data` is the same in every try."""
        document = turn_document(turn)
        if self._settings.attachments:
            for item, attachment in zip(document["attachments"], turn.attachments, strict=True):
                item["content_base64"] = base64.b64encode(attachment.content).decode()
        return {"type": "message.received", "timestamp": now.isoformat(), "data": document}

    def _read(self, answer: Mapping[str, Any]) -> AgentReply:
        """`{"reply": "text"}`, `{"reply": null}` for silence, `{"hold": "reason", "reply": …}`. A
        field we do not know is refused: a misspelt `hold` must not become a text that is sent."""
        unknown = sorted(set(answer) - _ANSWER_FIELDS)
        if unknown or not answer:
            named = scrub(", ".join(unknown)) or "none at all"
            raise _bad(f"it has unknown fields ({named}); known are reply, hold and media_urls")
        reply, hold = answer.get("reply"), answer.get("hold", "")
        media = answer.get("media_urls", [])
        if not (reply is None or isinstance(reply, str)):
            raise _bad("reply must be a text or null")
        if not isinstance(hold, str) or ("hold" in answer and not hold.strip()):
            raise _bad("hold must be a reason in words")
        if not _are_urls(media):
            raise _bad(f"media_urls must be at most {MEDIA_URLS_MAX} https URLs")
        text, reason = (reply or "").strip(), scrub(hold)[:HOLD_CHARS_MAX]
        if not (text or media or reason):
            return AgentReply("", provenance=self._provenance("no_text"))
        provenance = self._provenance()
        kept = bounded(text, self._settings.max_reply_chars, hold=reason, provenance=provenance)
        return AgentReply(kept.text, kept.hold, tuple(media), kept.provenance)

    def _provenance(self, silence: str = "") -> dict[str, Any]:
        noted = {"agent": self.id, "kind": "webhook"}
        return {**noted, "silence": silence} if silence else noted

    def _explain(self, response: WireResponse) -> str:
        return scrub(response.body.decode("utf-8", "replace"), self._settings.secrets)


def _bad(why: str) -> AgentRefused:
    return AgentRefused(f"The answer cannot be used: {why}.", code="bad_answer")


def _are_urls(values: object) -> bool:
    return (
        isinstance(values, list)
        and len(values) <= MEDIA_URLS_MAX
        and all(isinstance(v, str) and url_scheme(v) == "https" for v in values)
    )


def make(agent_id: str, settings: Settings, http: Http, clock: Clock) -> Agent:
    """Raises ConfigInvalid for a URL or a secret the convention does not allow; the message never
    shows a secret."""
    problems = []
    if not url_scheme(settings.url):
        problems.append("url: expected a http or https URL without credentials")
    if not settings.secrets:
        problems.append("secrets: expected at least one; turns are never sent unsigned")
    if settings.max_concurrent < 1:
        problems.append("maxConcurrent: expected at least 1")
    keys = [key_of(secret) for secret in settings.secrets]
    problems += [
        f"secrets[{n}]: expected {SECRET_WORDS}" for n, key in enumerate(keys) if key is None
    ]
    if problems:
        raise ConfigInvalid(tuple(problems))
    return WebhookAgent(agent_id, settings, [key for key in keys if key], http, clock)
