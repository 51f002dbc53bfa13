"""The simulated carrier as Telnyx: its events against the vendor's own schemas, its API's refusals, and what
differs from the other provider over the same state."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator

from ringfence.clock import ManualClock
from ringfence.simulator import telnyx
from ringfence.testing import Attachment, Outcome, SimulatedCarrier
from telling import START

ALICE, KEY = "+15555550111", "simulated-key"
NOBODY = "http://127.0.0.1:9/webhooks/sms"


@pytest.fixture
async def carrier() -> AsyncIterator[SimulatedCarrier]:
    async with SimulatedCarrier(
        provider="telnyx", auth_token=KEY, webhook_url=NOBODY, clock=ManualClock(START)
    ) as one:
        yield one


async def asks(
    carrier: SimulatedCarrier, method: str, path: str, document: Any = None, key: str = KEY
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {key}"}
    url = carrier.base_url + path
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, url, json=document, headers=headers) as answer,
    ):
        return answer.status, await answer.json()


def text(**changes: Any) -> dict[str, Any]:
    given = {"from": "+15555550100", "to": ALICE, "text": "hello", "webhook_url": NOBODY}
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


async def test_a_message_is_taken_and_read_back(carrier: SimulatedCarrier) -> None:
    status, answer = await asks(carrier, "POST", "/v2/messages", text())
    assert (status, answer["data"]["to"][0]["status"]) == (200, "queued")
    assert answer["data"]["messaging_profile_id"] == carrier.messaging_profile_id
    status, again = await asks(carrier, "GET", f"/v2/messages/{answer['data']['id']}")
    assert (status, again["data"]["text"]) == (200, "hello")
    assert (await asks(carrier, "GET", "/v2/messages/nothing"))[0] == 404
    assert (await asks(carrier, "GET", "/v2/messages"))[0] == 404  # it has no list


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"to": None}, 422, "10004"),
        ({"to": "12"}, 400, "40310"),
        ({"from": "+15555550199"}, 400, "40305"),
        ({"from": None}, 422, "10004"),
        ({"text": None}, 400, "40316"),
        ({"text": "x" * 1601}, 400, "40302"),
        ({"webhook_url": "nowhere"}, 422, "10003"),
        ({"media_urls": ["http://127.0.0.1:9/"] * 11}, 400, "40317"),
    ],
)
async def test_refusals(
    carrier: SimulatedCarrier, change: dict[str, Any], status: int, code: str
) -> None:
    told, answer = await asks(carrier, "POST", "/v2/messages", text(**change))
    assert (told, answer["errors"][0]["code"]) == (status, code)


async def test_keys_faults_and_opt_outs(carrier: SimulatedCarrier) -> None:
    assert (await asks(carrier, "POST", "/v2/messages", text(), key="other"))[0] == 401
    carrier.next_creates(Outcome.THROTTLED, Outcome.ERROR_BEFORE_ACCEPT, Outcome.ERROR_AFTER_ACCEPT)
    answers = [(await asks(carrier, "POST", "/v2/messages", text()))[0] for _ in range(3)]
    assert (answers, len(carrier.sent)) == ([429, 503, 500], 1)
    await carrier.phone(ALICE).texts("stop all")
    status, answer = await asks(carrier, "POST", "/v2/messages", text())
    assert (status, answer["errors"][0]["code"]) == (409, "40300")
    _, listed = await asks(carrier, "GET", "/v2/messaging_optouts")
    assert [row["to"] for row in listed["data"]] == [ALICE]
    await carrier.phone(ALICE).texts("YES")  # lifts nothing here
    assert (await asks(carrier, "POST", "/v2/messages", text()))[0] == 409
    await carrier.phone(ALICE).texts("unstop")
    assert (await asks(carrier, "POST", "/v2/messages", text()))[0] == 200


async def test_the_pool_of_a_profile_chooses_the_sender(carrier: SimulatedCarrier) -> None:
    document = text(**{"from": None}, messaging_profile_id=carrier.messaging_profile_id)
    status, _ = await asks(carrier, "POST", "/v2/messages", document)
    assert status == 200
    wrong = text(**{"from": None}, messaging_profile_id="0" * 32)
    assert (await asks(carrier, "POST", "/v2/messages", wrong))[0] == 400


@pytest.mark.shared
async def test_events_are_what_the_vendors_types_say(
    carrier: SimulatedCarrier, shared_data: Callable[[str], Any]
) -> None:
    """Names, types and enums: the models behind the schemas make every field optional."""
    schemas = shared_data("telnyx-webhook-events.schema.json")["events"]
    world = carrier.world
    await carrier.phone(ALICE).texts("look", media=Attachment("image/png", b"png"))
    inbound = world.exchange.log[-1].request
    await asks(carrier, "POST", "/v2/messages", text())
    message = carrier.sent[-1]
    reports = []
    for status in ("sent", "delivered", "undelivered", "failed", "read"):
        message.status, message.error_code = status, 30003 if "ed" not in status[:4] else None
        reports.append(telnyx.reported(carrier.carrier, message, world.clock))
    for schema, requests in (
        ("InboundMessageWebhookEvent", [inbound]),
        ("DeliveryUpdateWebhookEvent", reports),
    ):
        validator = Draft202012Validator(schemas[schema])
        for request in requests:
            assert request is not None
            document = json.loads(request.wire()[2])
            assert [error.message for error in validator.iter_errors(document)] == []
            assert document["data"]["payload"].keys() <= _known(schemas[schema])


def _known(schema: dict[str, Any]) -> set[str]:
    """Every field name the vendor's types have."""
    return {name for kind in schema["$defs"].values() for name in kind.get("properties", {})}


async def test_each_attempt_is_signed_anew_for_the_same_event(carrier: SimulatedCarrier) -> None:
    await asks(carrier, "POST", "/v2/messages", text())
    message = carrier.sent[-1]
    message.status = "sent"
    request = telnyx.reported(carrier.carrier, message, carrier.world.clock)
    assert request is not None
    (_, first, body), (_, second, again) = request.wire(), request.wire()
    assert first["Telnyx-Signature-Ed25519"] != second["Telnyx-Signature-Ed25519"]
    told = [json.loads(one) for one in (body, again)]
    assert [one["meta"]["attempt"] for one in told] == [1, 2]
    assert told[0]["data"] == told[1]["data"]


async def test_an_unreachable_webhook_is_tried_three_times(carrier: SimulatedCarrier) -> None:
    sent = await carrier.phone(ALICE).texts("hello")
    assert sent.delivery is not None
    assert (sent.delivery.attempts, sent.delivery.reached) == (3, False)
