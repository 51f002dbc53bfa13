"""The vendor's own SDK as a witness: it believes what our simulator and our rig sign, and its client sends
through our simulator. It is no dependency of ours; `pip install plivo` makes these run."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qsl

import pytest
from plivo_rig import AUTH_ID, NONCE, TOKEN, URL, posted, received

from ringfence.model.wire import WebhookRequest
from ringfence.simulator import plivo as dialect
from ringfence.testing import SimulatedCarrier

sdk = pytest.importorskip("plivo", reason="needs the vendor's SDK: pip install plivo")
REPORTS = "http://127.0.0.1:9/w?ringfence=obx_1"


def believed(url: str, headers: Any, body: bytes, header: str) -> bool:
    given = {name.lower(): value for name, value in headers.items()}
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    nonce = given["x-plivo-signature-v3-nonce"]
    return bool(sdk.utils.validate_v3_signature("POST", url, nonce, TOKEN, given[header], form))


def test_the_rigs_signatures_are_the_vendors() -> None:
    request: WebhookRequest = posted(received(Text="d\u00e9j\u00e0 & more."))
    assert NONCE in request.headers.values()
    assert believed(URL, request.headers, request.body, "x-plivo-signature-v3")
    assert not believed(URL, request.headers, request.body + b"x", "x-plivo-signature-v3")


async def test_it_believes_the_simulator() -> None:
    async with SimulatedCarrier(
        provider="plivo", account_sid=AUTH_ID, auth_token=TOKEN, webhook_url=URL
    ) as carrier:
        await carrier.phone("+15555550111").texts("hello")
        address, headers, body = carrier.webhooks[-1].request.wire()
        for header in ("x-plivo-signature-v3", "x-plivo-signature-ma-v3"):
            assert believed(address, headers, body, header)
        assert not believed(address, headers, body + b"x", "x-plivo-signature-v3")


async def test_its_client_sends_and_reads_through_the_simulator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with SimulatedCarrier(
        provider="plivo", account_sid=AUTH_ID, auth_token=TOKEN, callbacks=False
    ) as carrier:
        for name in ("PLIVO_API_BASE_URI", "API_VOICE_BASE_URI"):
            monkeypatch.setattr(sdk.rest.client, name, f"{carrier.base_url}/v1/Account")
        number = carrier.number

        def talk() -> tuple[Any, ...]:
            client = sdk.RestClient(AUTH_ID, TOKEN)
            sent = client.messages.create(src=number, dst="+15555550111", text="hello", url=REPORTS)
            [uuid] = sent.message_uuid
            with pytest.raises(sdk.exceptions.ValidationError):
                client.messages.create(src=number, dst="+15555550111", text="x" * 1601)
            with pytest.raises(sdk.exceptions.ResourceNotFoundError):
                client.messages.get("00000000-0000-0000-0000-000000000000")
            with pytest.raises(sdk.exceptions.AuthenticationError):
                sdk.RestClient(AUTH_ID, "other").account.get()
            return (
                uuid,
                client.messages.get(uuid),
                client.messages.list(limit=5),
                client.numbers.get(number.removeprefix("+")),
                client.applications.list(),
            )

        uuid, read, listed, line, applications = await asyncio.to_thread(talk)
        assert uuid == dialect.uuid_of(carrier.sent[0].sid)
        assert (read.message_state, read.error_code) == ("delivered", "000")
        assert [row.message_uuid for row in listed.objects] == [uuid]
        assert line.application == applications.objects[0].resource_uri
        assert carrier.sent[0].status_callback == REPORTS
