"""agents/webhook.py against an endpoint on loopback; the witness for its signatures is the
`standardwebhooks` package."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import standardwebhooks
from standardwebhooks import Webhook

from ringfence.agents import webhook
from ringfence.agents.webhook import Settings
from ringfence.clock import ManualClock, SystemClock
from ringfence.model.errors import (
    AgentError,
    AgentRefused,
    AgentTimeout,
    AgentUnavailable,
    ConfigInvalid,
)
from ringfence.model.line import Secret
from ringfence.net.http import HttpClient
from ringfence.ports import Agent, AgentTurn, Attachment, HistoryEntry
from ringfence.text.standard_webhooks import sign

TurnMaker = Callable[..., AgentTurn]
OLD = "whsec_" + base64.b64encode(b"o" * 24).decode()
NEW = "whsec_" + base64.b64encode(bytes(range(64))).decode()
PHOTO = Attachment("image/png", b"\x89PNG")


def agent(http: HttpClient, base: str, /, **settings: Any) -> Agent:
    values = {"url": f"{base}/agent", "secrets": (Secret(NEW),), "timeout_s": 5.0}
    return webhook.make("hook", Settings(**{**values, **settings}), http, SystemClock())


@pytest.mark.parametrize("secret", [OLD, NEW])
async def test_the_witness_accepts_every_turn_and_refuses_a_changed_one(
    endpoint: Any, http: HttpClient, turn: TurnMaker, secret: str
) -> None:
    endpoint.answers({"reply": "ok"})
    both = (Secret(OLD), Secret(NEW))
    await agent(http, endpoint.url, secrets=both).reply(turn(body="Ünïcode 😀"))
    _, _, headers, body = endpoint.requests[0]
    assert headers["webhook-id"] == "trn_0123"
    assert Webhook(secret).verify(body, headers) == endpoint.document()
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        Webhook(secret).verify(body + b" ", headers)


def test_the_signature_of_a_known_message() -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, 999, tzinfo=UTC)
    key = base64.b64decode(OLD[6:])
    headers = sign([key], "trn_1", now, b'{"a":1}')
    assert headers["webhook-timestamp"] == "1767323045"
    assert headers["webhook-signature"] == Webhook(OLD).sign("trn_1", now, '{"a":1}')


async def test_what_a_turn_looks_like(endpoint: Any, http: HttpClient, turn: TurnMaker) -> None:
    endpoint.answers({"reply": "ok"})
    start = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    settings = Settings(f"{endpoint.url}/agent", (Secret(NEW),))
    hook = webhook.make("hook", settings, http, ManualClock(start))
    given = turn(
        attachments=(PHOTO,),
        unavailable=("too large",),
        history=(HistoryEntry(False, "Hi"), HistoryEntry(True, "Hello")),
    )
    await hook.reply(given)
    assert endpoint.requests[0][:2] == ("POST", "/agent")
    assert endpoint.document() == {
        "type": "message.received",
        "timestamp": "2026-01-02T03:04:05+00:00",
        "data": {
            "turn_id": "trn_0123",
            "contact_id": "ctc_0456",
            "line": "main",
            "role": "guest",
            "text": "What time is it?",
            "attachments": [
                {
                    "content_type": "image/png",
                    "bytes": 4,
                    "content_base64": base64.b64encode(PHOTO.content).decode(),
                }
            ],
            "unavailable": ["too large"],
            "history": [{"from": "person", "text": "Hi"}, {"from": "agent", "text": "Hello"}],
        },
    }
    await agent(http, endpoint.url, attachments=False).reply(given)
    assert "content_base64" not in endpoint.document()["data"]["attachments"][0]


@pytest.mark.parametrize(
    ("answer", "status", "text", "hold"),
    [
        ({"reply": "Noon."}, 200, "Noon.", ""),
        ({"reply": " Noon.\n"}, 201, "Noon.", ""),
        ({"reply": None}, 200, "", ""),
        ({"reply": ""}, 200, "", ""),
        (b"", 204, "", ""),
        ({"hold": "asks about money"}, 200, "", "asks about money"),
        ({"hold": "unsure", "reply": "Maybe"}, 200, "Maybe", "unsure"),
        ({"reply": "x" * 101}, 200, "x" * 100, "too_long"),
    ],
)
@pytest.mark.proves("P10")
async def test_answers(
    endpoint: Any, http: HttpClient, turn: TurnMaker, answer: Any, status: int, text: str, hold: str
) -> None:
    endpoint.answers(answer, status)
    reply = await agent(http, endpoint.url, max_reply_chars=100).reply(turn())
    assert (reply.text, reply.hold) == (text, hold)


async def test_media_urls(endpoint: Any, http: HttpClient, turn: TurnMaker) -> None:
    endpoint.answers({"reply": None, "media_urls": ["https://files.example/a.png"]})
    reply = await agent(http, endpoint.url).reply(turn())
    assert (reply.text, reply.media_urls) == ("", ("https://files.example/a.png",))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({}, "unknown fields"),
        ({"text": "hi"}, "unknown fields (text)"),
        ({"reply": "hi", "hodl": "no"}, "unknown fields (hodl)"),
        ({"reply": 5}, "reply must be"),
        ({"reply": ["a"]}, "reply must be"),
        ({"reply": "hi", "hold": False}, "hold must be"),
        ({"reply": "hi", "hold": None}, "hold must be"),
        ({"reply": "hi", "hold": " "}, "hold must be"),
        ({"reply": "hi", "media_urls": "https://a.example"}, "media_urls"),
        ({"reply": "hi", "media_urls": ["http://a.example"]}, "media_urls"),
        ({"reply": "hi", "media_urls": ["https://u:p@a.example"]}, "media_urls"),
        ({"reply": "hi", "media_urls": ["https://a.example"] * 11}, "media_urls"),
        (["reply"], "not a JSON object"),
        (b"ok", "not JSON"),
        (b"", "not JSON"),
        (b'{"reply": "h', "not JSON"),
    ],
)
async def test_an_answer_not_wholly_understood_is_refused(
    endpoint: Any, http: HttpClient, turn: TurnMaker, answer: Any, words: str
) -> None:
    endpoint.answers(answer)
    with pytest.raises(AgentRefused) as caught:
        await agent(http, endpoint.url).reply(turn())
    assert words in caught.value.detail


@pytest.mark.parametrize(
    ("status", "retry_safe", "kind"),
    [
        (307, False, AgentRefused),
        (400, False, AgentRefused),
        (401, True, AgentRefused),
        (410, True, AgentRefused),
        (429, False, AgentUnavailable),
        (503, False, AgentUnavailable),
        (500, False, AgentTimeout),
        (500, True, AgentUnavailable),
        (504, False, AgentTimeout),
        (504, True, AgentUnavailable),
    ],
)
@pytest.mark.proves("P5", "P9")
async def test_each_status_has_its_error(
    endpoint: Any,
    http: HttpClient,
    turn: TurnMaker,
    status: int,
    retry_safe: bool,
    kind: type[AgentError],
) -> None:
    endpoint.answers(f"no: {NEW} +15555550123".encode(), status, {"Location": endpoint.url})
    with pytest.raises(kind) as caught:
        await agent(http, endpoint.url, retry_safe=retry_safe).reply(turn())
    assert type(caught.value) is kind
    assert "no: " in caught.value.detail
    assert NEW not in str(caught.value)
    assert "5555550123" not in str(caught.value)
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(("retry_safe", "kind"), [(False, AgentTimeout), (True, AgentUnavailable)])
@pytest.mark.proves("B071", "P5")
async def test_a_lost_answer_is_tried_again_only_when_the_receiver_knows_repeats(
    endpoint: Any, http: HttpClient, turn: TurnMaker, retry_safe: bool, kind: type[AgentError]
) -> None:
    endpoint.breaks_off()
    hook = agent(http, endpoint.url, retry_safe=retry_safe)
    with pytest.raises(kind):
        await hook.reply(turn())
    assert len(endpoint.requests) == 1
    endpoint.answers({"reply": "ok"})
    await hook.reply(turn())
    assert endpoint.headers(0)["webhook-id"] == endpoint.headers(1)["webhook-id"]


@pytest.mark.proves("B070")
async def test_a_receiver_that_is_not_there_is_unavailable(
    http: HttpClient, turn: TurnMaker, nobody: str
) -> None:
    hook = agent(http, nobody)
    with pytest.raises(AgentUnavailable, match="refused"):
        await hook.reply(turn())
    assert "refused" in await hook.check()


@pytest.mark.parametrize("status", [200, 404, 405])
async def test_check_takes_any_answer_and_sends_no_turn(
    endpoint: Any, http: HttpClient, status: int
) -> None:
    endpoint.answers(b"", status)
    assert await agent(http, endpoint.url).check() == ""
    assert endpoint.requests[0][0] == "HEAD"


@pytest.mark.proves("P9")
@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"url": "agent.example/x"}, "url"),
        ({"url": "http://u:p@agent.example/x"}, "url"),
        ({"secrets": ()}, "secrets"),
        ({"secrets": (Secret(NEW), Secret(NEW[6:]))}, "secrets[1]"),
        ({"secrets": (Secret("whsec_***"),)}, "secrets[0]"),
        ({"secrets": (Secret("whsec_" + base64.b64encode(b"s" * 23).decode()),)}, "secrets[0]"),
        ({"secrets": (Secret("whsec_" + base64.b64encode(b"s" * 65).decode()),)}, "secrets[0]"),
        ({"max_concurrent": 0}, "maxConcurrent"),
    ],
)
async def test_settings_it_cannot_work_with(
    http: HttpClient, settings: dict[str, Any], path: str
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        agent(http, "http://127.0.0.1", **settings)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [path]
    assert NEW[6:] not in str(caught.value)
