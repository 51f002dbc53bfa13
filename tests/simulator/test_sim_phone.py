"""A phone in the hand: what it sends, what it waits for, and the door other programs hold it by."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from carrier_rig import ALICE, BOB, Receiver, Sdk

from ringfence.simulator.phone import as_attachments
from ringfence.simulator.terminal import CarrierUnreachable, TerminalPhone
from ringfence.testing import Attachment, NotReceived, SimulatedCarrier

PICTURE = b"\x89PNG\r\n\x1a\n"


async def test_it_waits_for_the_text_it_expects(sdk: Sdk, carrier: SimulatedCarrier) -> None:
    phone = carrier.phone(ALICE)
    waiting = asyncio.create_task(phone.receives("second"))
    await sdk.sends(body="first")
    await sdk.sends(body="the second one")
    assert (await waiting).body == "the second one"
    with pytest.raises(NotReceived, match="first"):
        phone.has_nothing_unread()
    assert (await phone.receives(lambda text: text.number == carrier.number)).body == "first"
    phone.has_nothing_unread()
    assert [text.body for text in phone.inbox] == ["first", "the second one"]


@pytest.mark.parametrize("expected", ["nothing", None, lambda text: False])
async def test_it_does_not_wait_for_ever(carrier: SimulatedCarrier, expected: Any) -> None:
    with pytest.raises(NotReceived, match=r"0\.01 s"):
        await carrier.phone(ALICE).receives(expected, timeout_s=0.01)


async def test_ticks_tell_whether_the_gateway_took_it(
    carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    phone = carrier.phone(ALICE)
    receiver.statuses = [200, 403]
    assert (await phone.texts("one")).reached
    assert not (await phone.texts("two")).reached
    carrier.webhook_url = ""
    assert not (await phone.texts("three")).reached
    assert [text.ticks for text in phone.thread] == ["received", "unreachable", "unreachable"]


async def test_a_number_may_carry_a_channel_prefix(
    carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    await carrier.phone(f"rcs:{ALICE}").texts("hi")
    assert receiver.messages[0].form["From"] == f"rcs:{ALICE}"


async def test_phones_text_each_other_without_us(
    carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    await carrier.phone(ALICE).texts("hi", to=BOB)
    assert (await carrier.phone(BOB).receives("hi")).number == ALICE
    assert receiver.hits == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, []),
        (PICTURE, [Attachment("image/png", PICTURE)]),
        (("a.pdf", b"x"), [Attachment("application/pdf", b"x")]),
        (("audio/amr", b"x"), [Attachment("audio/amr", b"x")]),
        (("nonsense", b"x"), [Attachment("application/octet-stream", b"x")]),
        (
            [PICTURE, ("a.txt", b"y")],
            [Attachment("image/png", PICTURE), Attachment("text/plain", b"y")],
        ),
    ],
)
def test_attachments_are_given_in_several_ways(given: Any, expected: list[Attachment]) -> None:
    assert as_attachments(given) == expected


# -- the control door -----------------------------------------------------------------------------


@pytest.fixture
async def door(carrier: SimulatedCarrier) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(carrier.base_url) as session:
        yield session


async def test_a_text_is_sent_and_seen_over_the_door(
    carrier: SimulatedCarrier, receiver: Receiver, sdk: Sdk, door: aiohttp.ClientSession
) -> None:
    media = [{"content_type": "image/png", "base64": base64.b64encode(PICTURE).decode()}]
    path = f"/_sim/phones/{ALICE}"
    async with door.post(f"{path}/texts", json={"body": "hi", "media": media}) as answer:
        assert (answer.status, (await answer.json())["reached"]) == (201, True)
    assert receiver.messages[0].form["NumMedia"] == "1"
    async with door.get(f"{path}/thread") as answer:
        thread = await answer.json()
    (text,) = thread["texts"]
    assert (text["body"], text["mine"], text["ticks"]) == ("hi", True, "received")
    async with door.get(text["media"][0]["path"]) as answer:
        assert await answer.read() == PICTURE
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    query = {"since": str(thread["version"]), "wait_s": "5"}
    waiting = asyncio.create_task(_json(door, f"{path}/thread", query))
    await sdk.sends(body="hello")
    fresh = await waiting
    assert [text["body"] for text in fresh["texts"]] == ["hello"]


async def _json(door: aiohttp.ClientSession, path: str, query: dict[str, str]) -> Any:
    async with door.get(path, params=query) as answer:
        return await answer.json()


async def test_a_file_that_is_no_picture_is_a_download(
    carrier: SimulatedCarrier, door: aiohttp.ClientSession
) -> None:
    sent = await carrier.phone(ALICE).texts("x", media=("text/html", b"<script>1</script>"))
    async with door.get(f"/_sim/phones/{ALICE}/media/{sent.sid}/0") as answer:
        assert answer.content_type == "application/octet-stream"
        assert answer.headers["Content-Disposition"] == "attachment"


async def test_faults_scripts_outcomes_and_opt_outs_are_set_over_the_door(
    carrier: SimulatedCarrier, door: aiohttp.ClientSession
) -> None:
    async with door.put("/_sim/faults", json={"callback_dropped": 0.5}) as answer:
        assert (await answer.json())["callback_dropped"] == 0.5
    assert carrier.faults.callback_dropped == 0.5
    async with door.put("/_sim/scripts", json={ALICE: "undelivered:30005"}) as answer:
        assert await answer.json() == {ALICE: "undelivered:30005"}
    async with door.post("/_sim/next", json={"outcomes": ["throttled"]}) as answer:
        assert answer.status == 200
    async with door.put("/_sim/opt-outs", json={"person": ALICE}) as answer:
        assert await answer.json() == {"opt_outs": [{"scope": carrier.number, "person": ALICE}]}
    async with door.put("/_sim/opt-outs", json={"person": ALICE, "blocked": False}) as answer:
        assert await answer.json() == {"opt_outs": []}
    for path in ("state", "phones", "webhooks"):
        async with door.get(f"/_sim/{path}") as answer:
            assert answer.status == 200
            assert carrier.auth_token not in await answer.text()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/_sim/faults", {"nonsense": 1}),
        ("PUT", "/_sim/faults", {"callback_dropped": 2}),
        ("PUT", "/_sim/faults", [1]),
        ("PUT", "/_sim/scripts", {ALICE: "nonsense"}),
        ("PUT", "/_sim/scripts", {ALICE: "failed:x"}),
        ("PUT", "/_sim/opt-outs", {}),
        ("POST", "/_sim/next", {"outcomes": ["nonsense"]}),
        ("POST", "/_sim/next", {}),
        ("POST", "/_sim/phones", {"number": "5550111"}),
        ("POST", "/_sim/phones", {}),
        ("POST", "/_sim/phones/nonsense/texts", {"body": "x"}),
        ("POST", f"/_sim/phones/{ALICE}/texts", {}),
        ("POST", f"/_sim/phones/{ALICE}/texts", {"body": 7}),
        ("POST", f"/_sim/phones/{ALICE}/texts", {"body": "x", "to": "nobody"}),
        ("POST", f"/_sim/phones/{ALICE}/texts", {"body": "x", "media": [{"base64": "?"}]}),
        (
            "POST",
            f"/_sim/phones/{ALICE}/texts",
            {"body": "x", "media": [{"content_type": "image/png", "base64": "?"}]},
        ),
        ("GET", f"/_sim/phones/{ALICE}/thread?since=x", None),
        ("GET", f"/_sim/phones/{ALICE}/thread?wait_s=x", None),
    ],
)
async def test_bad_control_requests_are_told_what_is_wrong(
    door: aiohttp.ClientSession, method: str, path: str, body: Any
) -> None:
    async with door.request(method, path, json=body) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]


async def test_the_door_is_closed_to_other_host_names_and_foreign_forms(
    door: aiohttp.ClientSession,
) -> None:
    for host in ("evil.test", "127.0.0.1.evil.test", "evil.test:80", ""):
        async with door.get("/_sim/state", headers={"Host": host}) as answer:
            assert answer.status == 421, host
    for host in ("localhost", "localhost:1", "127.0.0.1", "[::1]:80"):
        async with door.get("/_sim/state", headers={"Host": host}) as answer:
            assert answer.status == 200, host
    async with door.post(f"/_sim/phones/{ALICE}/texts", data={"body": "x"}) as answer:
        assert answer.status == 415
    async with door.post(
        f"/_sim/phones/{ALICE}/texts", data=b"{", headers={"Content-Type": "application/json"}
    ) as answer:
        assert answer.status == 400


async def test_the_page_is_one_file_that_parses_nothing_from_outside_as_html(
    door: aiohttp.ClientSession,
) -> None:
    async with door.get("/") as answer:
        page = await answer.text()
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "textContent" in page
    for bad in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(", "://", 'src="http'):
        assert bad not in page, bad


# -- the terminal ---------------------------------------------------------------------------------


async def _lines(*lines: str) -> AsyncIterator[str]:
    for line in lines:
        yield line


async def test_the_terminal_phone_sends_lines_and_prints_what_comes(
    carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    receiver.document = "<Response><Message>got\x1b[31m it</Message></Response>".replace(
        "\x1b", "\u202e"
    )
    await carrier.phone(ALICE).texts("from before")
    await carrier.settles()
    shown: list[str] = []
    phone = TerminalPhone(ALICE, carrier.base_url, "", shown.append, linger_s=1.0)
    await phone.run(_lines("hello", "  "))
    assert [hit.form["Body"] for hit in receiver.messages] == ["from before", "hello"]
    assert shown == [f"< {carrier.number}: got\N{REPLACEMENT CHARACTER}[31m it"]


async def test_quit_ends_it_at_once(carrier: SimulatedCarrier, receiver: Receiver) -> None:
    phone = TerminalPhone(ALICE, carrier.base_url, "", print, linger_s=600)
    await phone.run(_lines("/quit", "never sent"))
    assert receiver.hits == []


async def test_it_says_when_nobody_took_a_text(
    carrier: SimulatedCarrier, receiver: Receiver
) -> None:
    receiver.statuses = [500]
    shown: list[str] = []
    await TerminalPhone(ALICE, carrier.base_url, "", shown.append, 0.01).run(_lines("hello"))
    assert "500" in shown[0]
    await TerminalPhone(ALICE, carrier.base_url, "nobody", shown.append, 0.01).run(_lines("hello"))
    assert "E.164" in shown[1]


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "https://sms.example.test"])
async def test_it_says_when_there_is_no_carrier(address: str) -> None:
    with pytest.raises(CarrierUnreachable):
        await TerminalPhone(ALICE, address, "", print).run(_lines("x"))
