"""The vendor's own SDK as a witness: it believes what our simulator signs, and its client sends through our
simulator. It is no dependency of ours; `pip install telnyx pynacl` makes these run."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from telnyx_rig import NOW, SIGNER, posted, public_key, received

from ringfence.clock import ManualClock
from ringfence.simulator import telnyx as dialect
from ringfence.testing import SimulatedCarrier

REASON = "needs the vendor's SDK: pip install telnyx pynacl"
sdk = pytest.importorskip("telnyx", reason=REASON)
pytest.importorskip("nacl", reason=REASON)
verification = pytest.importorskip("telnyx.lib.webhook_verification", reason=REASON)


@pytest.fixture(autouse=True)
def _at_the_time_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification.time, "time", lambda: NOW.timestamp())


def test_the_rigs_signatures_are_the_vendors() -> None:
    request = posted(received())
    verification.verify_webhook_signature(request.body, request.headers, public_key(SIGNER))


async def test_it_believes_the_simulator() -> None:
    async with SimulatedCarrier(
        provider="telnyx", webhook_url="http://127.0.0.1:9/w", clock=ManualClock(NOW)
    ) as carrier:
        await carrier.phone("+15555550111").texts("hello")
        _, headers, body = carrier.webhooks[-1].request.wire()
        verification.verify_webhook_signature(body, headers, carrier.public_key)
        with pytest.raises(verification.WebhookVerificationError):
            verification.verify_webhook_signature(body + b" ", headers, carrier.public_key)


async def test_its_client_sends_and_reads_through_the_simulator() -> None:
    async with SimulatedCarrier(
        provider="telnyx", auth_token="KEY", callbacks=False, clock=ManualClock(NOW)
    ) as carrier:

        def talk() -> tuple[Any, Any, Any]:
            client = sdk.Telnyx(api_key="KEY", base_url=f"{carrier.base_url}/v2", max_retries=0)
            sent = client.messages.send(from_=carrier.number, to="+15555550111", text="hello")
            read = client.messages.retrieve(sent.data.id)
            return sent, read, client.messaging_optouts.list()

        sent, read, opted_out = await asyncio.to_thread(talk)
        assert (sent.data.direction, sent.data.to[0].phone_number) == ("outbound", "+15555550111")
        assert read.data.to[0].status == "delivered"
        assert read.data.id == dialect.uuid_of(carrier.sent[0].sid)
        assert opted_out.data == []
