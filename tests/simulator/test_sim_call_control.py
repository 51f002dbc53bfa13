"""Calls over the control door: what the handset page does, a program may do, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from call_rig import Answers
from carrier_rig import ALICE, Receiver, Sdk

from ringfence.testing import SimulatedCarrier, VoiceBehaviour

PHONE = f"/_sim/phones/{ALICE}"


@pytest.fixture
async def door(carrier: SimulatedCarrier) -> AsyncIterator[aiohttp.ClientSession]:
    """Everything is quick: the clock is the real one here."""
    carrier.voice.behaviour = VoiceBehaviour(word_s=0.001, dial_after_s=0.0, ring_after_s=0.0)
    async with aiohttp.ClientSession(carrier.base_url) as session:
        yield session


async def does(door: aiohttp.ClientSession, **fields: Any) -> tuple[int, Any]:
    async with door.post(f"{PHONE}/call", json=fields) as answer:
        return answer.status, await answer.json()


async def seen(door: aiohttp.ClientSession, state: str, since: int = 0) -> Any:
    """The latest call once it is in this state."""
    async with asyncio.timeout(10):
        while True:
            query = {"since": str(since), "wait_s": "5"}
            async with door.get(f"{PHONE}/calls", params=query) as answer:
                found = await answer.json()
            since = found["version"]
            if found["calls"] and found["calls"][-1]["state"] == state:
                return found["calls"][-1]


async def test_a_call_is_answered_pressed_spoken_and_ended_over_the_door(
    carrier: SimulatedCarrier, sdk: Sdk, answers: Answers, door: aiohttp.ClientSession
) -> None:
    answers.at(
        "/got", lambda hit: f"<Say>You pressed {hit.form['Digits']}.</Say><Pause length='60'/>"
    )
    url = answers.at("/voice", "<Gather action='/got' timeout='60'><Say>Press one.</Say></Gather>")
    await sdk(lambda c: c.calls.create(to=ALICE, from_=carrier.number, url=url))
    ringing = await seen(door, "ringing")
    assert (ringing["number"], ringing["mine"], ringing["lines"]) == (carrier.number, False, [])
    assert ringing["answered_at"] is None
    assert await does(door, do="answer") == (200, {"done": "answer"})
    phone = carrier.phone(ALICE)
    await phone.hears("Press one.")
    assert (await does(door, do="press", digits="1#"))[0] == 200
    await phone.hears("You pressed 1.")
    assert (await does(door, do="say", words="thank you"))[0] == 200
    up = await seen(door, "up")
    assert [(line["kind"], line["text"], line["cut"]) for line in up["lines"]] == [
        ("say", "Press one.", False),
        ("keys", "1", False),
        ("keys", "#", False),
        ("say", "You pressed 1.", False),
        ("mine", "thank you", False),
    ]
    assert [line["sounds"] for line in up["lines"]] == [False] * 5
    assert up["lines"][0]["word_ms"] == round(carrier.voice.behaviour.word_s * 1000)
    assert up["at"] <= up["answered_at"] <= up["lines"][0]["at"]
    assert (await does(door, do="hang_up"))[0] == 200
    over = await seen(door, "over")
    assert over["status"] == "completed"


async def test_a_call_is_placed_over_the_door(
    carrier: SimulatedCarrier, receiver: Receiver, answers: Answers, door: aiohttp.ClientSession
) -> None:
    carrier.voice_url = answers.at("/voice", "<Say>Welcome.</Say>")
    async with door.post(f"{PHONE}/calls", json={"shown": "anonymous"}) as answer:
        assert answer.status == 201
    over = await seen(door, "over")
    assert over["mine"]
    assert [line["text"] for line in over["lines"]] == ["Welcome."]
    assert receiver.hits[0].form["From"] == "anonymous"


async def test_what_phones_do_by_themselves_is_set_over_the_door(
    carrier: SimulatedCarrier, sdk: Sdk, door: aiohttp.ClientSession
) -> None:
    async with door.put("/_sim/call-scripts", json={ALICE: "busy"}) as answer:
        assert await answer.json() == {ALICE: "busy"}
    made = await sdk(lambda c: c.calls.create(to=ALICE, from_=carrier.number, twiml="<Response/>"))
    await carrier.settles()
    assert carrier.voice.book.calls[made.sid].status == "busy"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", f"{PHONE}/call", {"do": "answer"}, 409),
        ("POST", f"{PHONE}/call", {"do": "hang_up"}, 409),
        ("POST", f"{PHONE}/call", {"do": "press", "digits": "1"}, 409),
        ("POST", f"{PHONE}/call", {"do": "press", "digits": "A"}, 400),
        ("POST", f"{PHONE}/call", {"do": "press"}, 400),
        ("POST", f"{PHONE}/call", {"do": "say", "words": ""}, 400),
        ("POST", f"{PHONE}/call", {"do": "say", "words": "x" * 2_001}, 400),
        ("POST", f"{PHONE}/call", {"do": "sing"}, 400),
        ("POST", f"{PHONE}/call", [], 400),
        ("POST", "/_sim/phones/nonsense/call", {"do": "answer"}, 400),
        ("POST", f"{PHONE}/calls", {"to": "+15555550199"}, 400),
        ("POST", f"{PHONE}/calls", {"to": 7}, 400),
        ("POST", f"{PHONE}/calls", [], 400),
        ("GET", f"{PHONE}/calls?since=x", None, 400),
        ("GET", "/_sim/phones/nonsense/calls", None, 400),
        ("PUT", "/_sim/call-scripts", {ALICE: "dances"}, 400),
        ("PUT", "/_sim/call-scripts", [], 400),
    ],
)
async def test_bad_requests_are_told_what_is_wrong(
    door: aiohttp.ClientSession, method: str, path: str, body: Any, status: int
) -> None:
    async with door.request(method, path, json=body) as answer:
        assert answer.status == status
        assert (await answer.json())["error"]


async def test_who_watches_is_let_go_when_the_world_ends(
    carrier: SimulatedCarrier, door: aiohttp.ClientSession
) -> None:
    phone = carrier.phone(ALICE)
    watching = asyncio.create_task(phone.calls_change(phone.bell.rung, timeout_s=20))
    await asyncio.sleep(0)
    phone.switch_off()
    async with asyncio.timeout(2):
        await watching


async def test_the_page_shows_calls(door: aiohttp.ClientSession) -> None:
    async with door.get("/_sim/") as answer:
        page = await answer.text()
    for part in ('id="call"', 'id="keys"', 'id="answer"', 'id="hang-up"', 'id="ring-up"'):
        assert part in page
