"""The simulated carrier as Plivo: judged against the vendor's vectors and its documents, not by our codec."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from carrier_rig import ALICE, BOB, Hit, Receiver

from ringfence.simulator import plivo
from ringfence.testing import Attachment, SimulatedCarrier

AUTH_ID, TOKEN = "MATESTTESTTESTTEST00", "simulated-token"


@pytest.fixture
async def carrier(receiver: Receiver) -> AsyncIterator[SimulatedCarrier]:
    async with SimulatedCarrier(
        provider="plivo", account_sid=AUTH_ID, auth_token=TOKEN, webhook_url=receiver.url()
    ) as found:
        yield found


async def asks(
    carrier: SimulatedCarrier, path: str, document: object = None, *, token: str = TOKEN
) -> tuple[int, Any]:
    """A request of the account's; POST with a document."""
    word = base64.b64encode(f"{AUTH_ID}:{token}".encode()).decode()
    headers = {"Authorization": f"Basic {word}", "Content-Type": "application/json"}
    method, body = ("GET", None) if document is None else ("POST", json.dumps(document))
    url = f"{carrier.base_url}/v1/Account/{AUTH_ID}/{path}"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=headers, data=body) as answer,
    ):
        return answer.status, await answer.json()


def text(carrier: SimulatedCarrier, **changes: Any) -> dict[str, Any]:
    return {"src": carrier.number, "dst": ALICE, "text": "hello", **changes}


@pytest.mark.shared
def test_it_signs_as_the_vendors_libraries_do(shared_data: Callable[[str], Any]) -> None:
    vectors = [
        vector
        for vector in shared_data("plivo-signatures.json")["vectors"]
        if (vector["scheme"], vector["method"], vector["expect"]) == ("plivo-v3", "POST", True)
    ]
    assert len(vectors) >= 40
    for vector in vectors:
        form = [(name, value) for name, value in vector["params"]]
        signed = plivo.signature(vector["token"], vector["url"], form, vector["nonce"])
        assert signed in vector["signature"].split(","), vector["id"]


def _signed(hit: Hit) -> bool:
    given = hit.headers["X-Plivo-Signature-V3"]
    assert hit.headers["X-Plivo-Signature-Ma-V3"] == given
    nonce = hit.headers["X-Plivo-Signature-V3-Nonce"]
    assert nonce.isdigit()
    return plivo.signature(TOKEN, hit.url, hit.pairs, nonce) == given


async def test_a_text_comes_as_a_signed_form(carrier: SimulatedCarrier, receiver: Receiver) -> None:
    await carrier.phone(ALICE).texts("hello & good day")
    [hit] = receiver.hits
    assert (hit.method, _signed(hit)) == ("POST", True)
    assert hit.form["From"] == ALICE.removeprefix("+")
    assert hit.form["To"] == carrier.number.removeprefix("+")
    assert (hit.form["Text"], hit.form["Type"]) == ("hello & good day", "sms")
    assert "Status" not in hit.form


async def test_a_picture_has_its_words_elsewhere(
    carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    await carrier.phone(ALICE).texts("look", media=Attachment("image/png", b"\x89PNG"))
    [hit] = receiver.hits
    assert (hit.form["Body"], hit.form["Type"], hit.form["MediaCount"]) == ("look", "mms", "1")
    assert "Text" not in hit.form
    async with aiohttp.ClientSession() as session, session.get(hit.form["Media1"]) as answer:
        assert (answer.status, await answer.read()) == (200, b"\x89PNG")


async def test_a_failed_webhook_is_tried_again_with_another_nonce(
    carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    receiver.statuses = [503, 503]
    await carrier.phone(ALICE).texts("hello")
    assert len(receiver.hits) == 3
    assert len({hit.headers["X-Plivo-Signature-V3-Nonce"] for hit in receiver.hits}) == 3
    assert all(_signed(hit) for hit in receiver.hits)
    assert len({hit.form["MessageUUID"] for hit in receiver.hits}) == 1


@pytest.mark.parametrize(
    ("word", "intent"), [("Stop", "optout"), ("go", "optin"), ("INFO", "help"), ("stop it", "")]
)
async def test_keywords_are_told_as_intents(
    carrier: SimulatedCarrier, receiver: Receiver, word: str, intent: str
) -> None:
    await carrier.phone(ALICE).texts(word)
    assert receiver.hits[0].form["MessageIntent"] == intent


async def test_a_send_is_taken_reported_and_read_without_its_text(
    carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    report_to = receiver.url("/reports?a=1")
    status, taken = await asks(carrier, "Message/", text(carrier, url=report_to))
    assert (status, taken["message"]) == (202, "message(s) queued")
    [uuid] = taken["message_uuid"]
    await carrier.settles()
    told = [hit.form["Status"] for hit in receiver.hits]
    assert told == ["queued", "sent", "delivered"] or told == ["sent", "delivered"]
    assert all(_signed(hit) and hit.form["MessageUUID"] == uuid for hit in receiver.hits)
    _, record = await asks(carrier, f"Message/{uuid}/")
    assert (record["message_state"], record["error_code"]) == ("delivered", "000")
    assert (record["from_number"], record["to_number"]) == (
        carrier.number.removeprefix("+"),
        ALICE.removeprefix("+"),
    )
    _, listed = await asks(carrier, "Message/?limit=1&message_direction=outbound")
    assert [row["message_uuid"] for row in listed["objects"]] == [uuid]
    assert "hello" not in json.dumps([record, listed])


async def test_lists_have_at_most_twenty_rows(carrier: SimulatedCarrier) -> None:
    for _ in range(21):
        await asks(carrier, "Message/", text(carrier))
    _, first = await asks(carrier, "Message/")
    assert (len(first["objects"]), first["meta"]["total_count"]) == (20, 21)
    _, second = await asks(carrier, first["meta"]["next"].partition(f"{AUTH_ID}/")[2])
    assert (len(second["objects"]), second["meta"]["next"]) == (1, None)
    assert (await asks(carrier, "Message/?limit=21"))[0] == 400


async def test_who_opted_out_gets_a_failed_message_not_a_refusal(
    carrier: SimulatedCarrier,
) -> None:
    await carrier.phone(ALICE).texts("UNSUB")
    status, taken = await asks(carrier, "Message/", text(carrier))
    assert status == 202
    await carrier.settles()
    _, record = await asks(carrier, f"Message/{taken['message_uuid'][0]}/")
    assert (record["message_state"], record["error_code"]) == ("failed", "200")
    assert (await asks(carrier, "Message/?error_code=200"))[1]["meta"]["total_count"] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"dst": "12"},
        {"src": BOB},
        {"src": None},
        {"powerpack_uuid": "1d5f3dd8-b207-4738-b59f-3c2ac7d3461c"},
        {"text": ""},
        {"text": "x" * 1601},
        {"text": "\u00e7a" * 400},
    ],
)
async def test_a_bad_send_is_refused_in_words(
    carrier: SimulatedCarrier, changes: dict[str, Any]
) -> None:
    status, refused = await asks(carrier, "Message/", text(carrier, **changes))
    assert status == 400
    assert refused["error"]
    assert "code" not in refused
    assert not carrier.sent


async def test_credentials_open_their_own_account_only(carrier: SimulatedCarrier) -> None:
    assert (await asks(carrier, "", token="other"))[0] == 401
    assert (await asks(carrier, "Message/", text(carrier), token="other"))[0] == 401
    assert (await asks(carrier, "Message/00000000-0000-0000-0000-000000000000/"))[0] == 404
    assert (await asks(carrier, f"Number/{BOB.removeprefix('+')}/"))[0] == 404
    assert (await asks(carrier, "Nothing/"))[0] == 404


async def test_what_a_probe_reads_hangs_together(
    carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    _, number = await asks(carrier, f"Number/{carrier.number.removeprefix('+')}/")
    _, listed = await asks(carrier, "Application/")
    [application] = listed["objects"]
    assert number["application"] == application["resource_uri"]
    assert application["message_url"] == receiver.url()
    service = carrier.world.service("Powerpack")
    _, pack = await asks(carrier, f"Powerpack/{plivo.uuid_of(service.sid)}/")
    assert (pack["application_type"], pack["application_id"]) == ("xml", application["app_id"])
    sent, taken = await asks(
        carrier, "Message/", text(carrier, src=None, powerpack_uuid=pack["uuid"])
    )
    assert (sent, len(taken["message_uuid"])) == (202, 1)
