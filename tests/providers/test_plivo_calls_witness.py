"""The vendor's own SDK as a witness of calls: it believes what the simulator signs of them, its client calls
through the simulator, and its builder writes what our writer writes. It is no dependency of ours;
`pip install plivo` makes these run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest
from plivo_rig import AUTH_ID, OURS, TOKEN, line

from ringfence.model.instruction import (
    DialNumber,
    GoOn,
    HangUp,
    Instruction,
    JoinConference,
    Listen,
    OpenStream,
    Play,
    Refuse,
    Say,
    SendDigits,
    TakeMessage,
    Wait,
)
from ringfence.providers.plivo_calls import CALLS
from ringfence.testing import SimulatedCarrier

sdk = pytest.importorskip("plivo", reason="needs the vendor's SDK: pip install plivo")
xml = sdk.plivoxml

ANN = "+15555550111"
LINE = line(voice_url="https://gw.example.com/webhooks/voice")
AT = "https://gw.example.com/webhooks/voice?ringfence=call_1"
FILE = "https://gw.example.com/a.mp3"
SOCKET = "wss://gw.example.com/media/token"


@pytest.fixture
async def carrier() -> AsyncIterator[SimulatedCarrier]:
    async with SimulatedCarrier(
        provider="plivo",
        account_sid=AUTH_ID,
        auth_token=TOKEN,
        voice_url="http://127.0.0.1:9/v?a=1",
    ) as found:
        yield found


async def test_it_believes_what_the_simulator_tells_of_a_caller(
    carrier: SimulatedCarrier,
) -> None:
    carrier.phone(ANN).calls()
    await carrier.settles()
    assert carrier.webhooks
    for entry in carrier.webhooks:
        address, headers, body = entry.request.wire()
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        nonce = headers["X-Plivo-Signature-V3-Nonce"]

        def believed(form: dict[str, str], at: str, nonce: str = nonce) -> bool:
            signed = headers["X-Plivo-Signature-V3"]  # noqa: B023 - used within the turn of the loop
            return bool(sdk.utils.validate_v3_signature("POST", at, nonce, TOKEN, signed, form))

        assert believed(form, address)
        assert not believed({**form, "CallUUID": "x"}, address)
        assert not believed(form, address.replace("a=1", "a=2"))


async def test_its_client_calls_looks_transfers_and_hangs_up(
    carrier: SimulatedCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    client_module = sdk.rest.client
    bases = ["PLIVO_API_BASE_URI", "API_VOICE_BASE_URI"]
    bases += [f"API_VOICE_BASE_URI_FALLBACK_{n}" for n in (1, 2)]
    for name in bases:
        monkeypatch.setattr(client_module, name, f"{carrier.base_url}/v1/Account")
    number = carrier.number

    def talk() -> tuple[Any, Any]:
        client = sdk.RestClient(AUTH_ID, TOKEN)
        made = client.calls.create(
            from_=number,
            to_=ANN,
            answer_url="http://127.0.0.1:9/answer",
            hangup_url="http://127.0.0.1:9/hangup",
            time_limit=300,
            ring_timeout=25,
        )
        listed = client.live_calls.list_ids()
        with pytest.raises(sdk.exceptions.ResourceNotFoundError):
            client.calls.hangup(made.request_uuid)
        client.calls.cancel(made.request_uuid)
        return made, listed

    made, listed = await asyncio.to_thread(talk)
    [call] = carrier.calls
    assert (call.request_id, call.limit_s, call.ring_s) == (made.request_uuid, 300, 25)
    assert len(listed.calls) == 1
    await carrier.settles()
    assert call.status == "canceled"


def theirs(*elements: Any) -> ElementTree.Element:
    response = xml.ResponseElement()
    for element in elements:
        response.add(element)
    return ElementTree.fromstring(response.to_string())


def ours(*instructions: Instruction) -> ElementTree.Element:
    return ElementTree.fromstring(CALLS.answer_call(instructions, "call_1", LINE).body)


def tree(element: ElementTree.Element) -> tuple[Any, ...]:
    inner = tuple(tree(child) for child in element)
    return element.tag, dict(element.attrib), (element.text or "").strip(), inner


def _next(turn: str) -> Any:
    return xml.RedirectElement(f"{AT}&for=next&turn={turn}", method="POST")


_NUMBER = xml.NumberElement("+15555550124", send_digits="1w2")
_DIAL = xml.DialElement(
    action=f"{AT}&for=leg&turn=t2",
    method="POST",
    redirect=True,
    caller_id=OURS,
    timeout=20,
    time_limit=600,
    callback_url=f"{AT}&for=dialled",
    callback_method="POST",
).add(_NUMBER)
_INPUT = xml.GetInputElement(
    action=f"{AT}&for=next&turn=t2",
    method="POST",
    input_type="dtmf speech",
    execution_timeout=7,
    digit_end_timeout=7,
    finish_on_key="#",
    num_digits=1,
    language="en-US",
    hints="yes,no",
    log=False,
    redirect=True,
).add(xml.SpeakElement("Yes & no?"))


@pytest.mark.parametrize(
    ("instructions", "elements"),
    [
        (
            (Say("1 < 2", "WOMAN", "en-US"), Play(FILE), Wait(2), SendDigits("1w2")),
            (
                xml.SpeakElement("1 < 2", voice="WOMAN", language="en-US"),
                xml.PlayElement(FILE),
                xml.WaitElement(length=2, silence=True),
                xml.DTMFElement("1w2", async_=False),
            ),
        ),
        ((GoOn("t2"), HangUp()), (_next("t2"), xml.HangupElement())),
        ((Refuse(),), (xml.HangupElement(reason="rejected"),)),
        (
            (
                Listen(
                    "t2",
                    (Say("Yes & no?"),),
                    speech=True,
                    digits_count=1,
                    timeout_s=7,
                    language="en-US",
                    hints="yes,no",
                ),
            ),
            (_INPUT, _next("t2")),
        ),
        (
            (TakeMessage("t2", 120, 4),),
            (
                xml.RecordElement(
                    action=f"{AT}&for=message&turn=t2",
                    method="POST",
                    redirect=True,
                    max_length=120,
                    timeout=4,
                    finish_on_key="#",
                    play_beep=True,
                    callback_url=f"{AT}&for=recording",
                    callback_method="POST",
                ),
            ),
        ),
        ((DialNumber("t2", "+15555550124", OURS, 20, 600, "1w2"),), (_DIAL,)),
        (
            (JoinConference("t2", "room_1", beep=True),),
            (
                xml.ConferenceElement(
                    "room_1",
                    action=f"{AT}&for=leg&turn=t2",
                    method="POST",
                    redirect=True,
                    muted=False,
                    start_conference_on_enter=True,
                    end_conference_on_exit=False,
                    enter_sound="beep:1",
                    exit_sound="beep:2",
                    max_members=10,
                ),
            ),
        ),
        (
            (OpenStream("t2", SOCKET, parameters=(("a", "1"),)),),
            (
                xml.StreamElement(
                    SOCKET,
                    bidirectional=True,
                    audioTrack="inbound",
                    contentType="audio/x-mulaw;rate=8000",
                    keepCallAlive=True,
                    extraHeaders="a=1",
                ),
                _next("t2"),
            ),
        ),
    ],
    ids=["sounds", "ends", "refusal", "input", "record", "dial", "room", "stream"],
)
def test_its_builder_writes_the_same(
    instructions: Sequence[Instruction], elements: Sequence[Any]
) -> None:
    assert tree(ours(*instructions)) == tree(theirs(*elements))
