"""The vendor's own SDK as a witness: it believes what our simulator signs, its client sends and calls through
our simulator, and its types know every field of our commands. It is no dependency of ours; `pip install telnyx pynacl` makes these run."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from telnyx_call_rig import CALL, CALLING, call, document
from telnyx_rig import NOW, SIGNER, posted, public_key, received

from ringfence.clock import ManualClock
from ringfence.model.instruction import (
    DialNumber,
    HangUp,
    Instruction,
    Listen,
    OpenStream,
    Play,
    Refuse,
    Say,
    SendDigits,
    TakeMessage,
)
from ringfence.providers.base import Detection
from ringfence.providers.telnyx_calls import CALLS
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


async def test_its_client_calls_through_the_simulator() -> None:
    async with SimulatedCarrier(
        provider="telnyx", auth_token="KEY", callbacks=False, clock=ManualClock(NOW)
    ) as carrier:

        def talk() -> tuple[Any, Any, Any]:
            client = sdk.Telnyx(api_key="KEY", base_url=f"{carrier.base_url}/v2", max_retries=0)
            placed = client.calls.dial(
                connection_id=carrier.connection_id,
                from_=carrier.number,
                to="+15555550111",
                time_limit_secs=60,
            )
            id_ = placed.data.call_control_id
            read = client.calls.retrieve_status(id_)
            return placed, read, client.calls.actions.hangup(id_)

        placed, read, ended = await asyncio.to_thread(talk)
        assert (placed.data.record_type, read.data.is_alive) == ("call", False)
        assert read.data.call_control_id == placed.data.call_control_id
        assert ended.data.result == "ok"
        assert carrier.calls[0].limit_s == 60


# What the stream of a call takes when it is started later is in the vendor's guide, not in its types.
_GUIDE_ONLY = {"stream_auth_token", "custom_parameters"}
_ACTIONS = {
    "answer": "ActionAnswerParams",
    "reject": "ActionRejectParams",
    "hangup": "ActionHangupParams",
    "speak": "ActionSpeakParams",
    "playback_start": "ActionStartPlaybackParams",
    "gather": "ActionGatherParams",
    "gather_using_speak": "ActionGatherUsingSpeakParams",
    "gather_stop": "ActionStopGatherParams",
    "send_dtmf": "ActionSendDtmfParams",
    "record_start": "ActionStartRecordingParams",
    "transcription_start": "ActionStartTranscriptionParams",
    "streaming_start": "ActionStartStreamingParams",
    "streaming_stop": "ActionStopStreamingParams",
    "transfer": "ActionTransferParams",
}


def test_its_types_know_every_field_of_our_commands() -> None:
    told: list[Instruction] = [
        Say("Hello."),
        Play("https://files.example.com/a.wav"),
        SendDigits("1"),
        Listen("t", (Say("1?"),)),
        Listen("t", speech=True),
        TakeMessage("t", 60),
        DialNumber("t", "+15555550177"),
        OpenStream("t", "wss://gw.example.com/m/tok"),
        Refuse(),
        HangUp(),
    ]
    requests = [one for what in told for one in CALLS.tell([what], CALL, "call_1", CALLING)] + list(
        CALLS.take([Say("Hello.")], CALL, "call_1", CALLING)
    )
    seen = set()
    for request in requests:
        action = request.url.rpartition("/")[2]
        types = getattr(sdk.types.calls, _ACTIONS[action]).__annotations__
        known = {name.removesuffix("_") for name in types} | _GUIDE_ONLY
        assert document(request).keys() <= known, action
        seen.add(action)
    assert seen == _ACTIONS.keys()


def test_its_types_know_every_field_of_a_call() -> None:
    placed = CALLS.place(call(detection=Detection.PATIENT), CALLING)
    types = sdk.types.CallDialParams.__annotations__
    assert document(placed).keys() <= {name.removesuffix("_") for name in types}
    more = document(CALLS.place(call(digits="1"), CALLING)).keys() - document(placed).keys()
    assert more <= {"send_digits_on_answer"}, "in the vendor's guide, not in its types"
