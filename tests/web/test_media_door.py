"""The door for media sockets, spoken to as an ASGI server speaks to it: who is upgraded, who is closed with
which code, and that a conversation goes through it."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from live_call_rig import LINE, LiveRig
from ringfence.gateway.conversations import Conversations
from ringfence.gateway.live_call import Live
from ringfence.gateway.stream_tokens import StreamPlaces, StreamTokens
from ringfence.model.errors import NotFound, StoreUnreachable
from ringfence.simulator.webhooks import signature
from ringfence.voice.effects import EndCall, Loss, StreamOver, WordsBegun
from ringfence.voice.events import Killed
from ringfence.voice.settings import Script
from ringfence.web.media import FRAME_BYTES_MAX, MediaDoor

URL = "wss://gateway.example.com/voice/stream"


class Core:
    """Calls by id; anything else is over."""

    def __init__(self, **calls: Live) -> None:
        self.calls = calls
        self.is_broken = False

    async def live(self, call_id: str) -> Live:
        if self.is_broken:
            raise StoreUnreachable("gone")
        if call_id not in self.calls:
            raise NotFound("This call is over.")
        return self.calls[call_id]


class Client:
    """What an ASGI server does for one websocket."""

    def __init__(self, door: MediaDoor, path: str, address: str, **headers: str) -> None:
        self.sent: list[dict[str, Any]] = []
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._incoming.put_nowait({"type": "websocket.connect"})
        self.closing = asyncio.Event()  # unset while the other side does not answer a close
        self.closing.set()
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": b"",
            "headers": [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()],
            "client": (address, 40_000),
        }
        self.task = asyncio.create_task(door(scope, self._incoming.get, self._send))

    async def _send(self, message: Any) -> None:
        self.sent.append(dict(message))
        if message["type"] == "websocket.close":
            await self.closing.wait()

    async def send(self, text: str) -> None:
        self._incoming.put_nowait({"type": "websocket.receive", "text": text})

    def says(self, **message: Any) -> None:
        self._incoming.put_nowait({"type": "websocket.receive", **message})

    def goes(self) -> None:
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def settle(self) -> Client:
        for _ in range(80):
            await asyncio.sleep(0)
        return self

    @property
    def is_upgraded(self) -> bool:
        return self.sent[:1] == [{"type": "websocket.accept"}]

    @property
    def close_codes(self) -> list[int]:
        return [m["code"] for m in self.sent if m["type"] == "websocket.close"]

    @property
    def events(self) -> list[str]:
        return [json.loads(m["text"])["event"] for m in self.sent if m["type"] == "websocket.send"]


class House:
    """A door with one call, `cal_1`, that a token may be had for."""

    def __init__(self, script: Script | None = None, **limits: int) -> None:
        count = itertools.count()
        self.rig = LiveRig(script)
        self.core = Core(cal_1=self.rig.live)
        self.tokens = StreamTokens(lambda size: f"{next(count):043d}")
        clock = self.rig.clock
        self.conversations = Conversations(self.core, self.tokens, clock, self.rig.seconds)
        self.places = StreamPlaces(**limits)
        self.door = MediaDoor(self.conversations, self.places, clock)

    async def knocks(self, token: str, *, address: str = "192.0.2.1", signed: str = "") -> Client:
        key = LINE.credentials.auth_tokens[0].reveal()
        made = signature(key, signed or f"{URL}/{token}", [])
        path = f"/voice/stream/{token}"
        return await Client(self.door, path, address, x_twilio_signature=made).settle()

    async def answers(self) -> Client:
        """A socket with a good token whose stream has started."""
        client = await self.knocks(self.conversations.token("cal_1"))
        self.start(client)
        return await client.settle()

    def start(self, client: Client) -> None:
        self.rig.wire.starts()
        while not self.rig.wire._incoming.empty():
            client.says(text=self.rig.wire._incoming.get_nowait())


async def test_a_good_token_opens_a_conversation() -> None:
    house = House(Script("A computer."))
    client = await house.answers()
    assert client.is_upgraded
    assert client.close_codes == []
    assert house.conversations.count == 1
    assert house.conversations.tell("cal_1", Killed())
    await client.settle()
    assert client.close_codes == [1000]
    assert house.conversations.count == house.places.open == 0
    assert client.task.done()
    assert not house.conversations.tell("cal_1", Killed())


@pytest.mark.proves("B109")
@pytest.mark.parametrize(
    "path",
    [
        "/voice/stream",
        "/voice/stream/",
        "/voice/stream/short",
        "/voice/streams/" + "0" * 43,
        "/voice/stream/" + "0" * 43 + "/more",
        "/voice/stream/" + "0" * 43 + "?x",
        "/voice/stream/" + "é" * 43,
        "/voice/stream/" + "0" * 400,
        "/voice/stream//" + "0" * 43,
        "/other",
    ],
)
async def test_another_path_is_not_upgraded(path: str) -> None:
    house = House()
    client = await Client(house.door, path, "192.0.2.1").settle()
    assert not client.is_upgraded
    assert client.task.done()
    assert house.places.open == 0


@pytest.mark.proves("B143")
async def test_a_wrong_used_or_old_token_is_closed_with_1008() -> None:
    house = House()
    used, old = house.conversations.token("cal_1"), ""
    first = await house.knocks(used)
    again = await house.knocks(used)
    wrong = await house.knocks("9" * 43)
    old = house.conversations.token("cal_1")
    house.rig.clock.advance(seconds=31)
    late = await house.knocks(old)
    assert first.is_upgraded
    for client in (again, wrong, late):
        assert (client.is_upgraded, client.close_codes) == (True, [1008])
        assert client.task.done()


@pytest.mark.proves("B143")
async def test_a_call_that_is_over_is_closed_with_1008() -> None:
    house = House()
    client = await house.knocks(house.conversations.token("cal_9"))
    assert client.close_codes == [1008]


@pytest.mark.proves("B143")
async def test_a_stream_of_another_call_than_the_signed_one_is_closed_with_1008() -> None:
    house = House()
    client = await house.knocks(house.conversations.token("cal_1"))
    house.rig.wire.starts("CA" + "6" * 32)
    house.start(client)
    await client.settle()
    assert client.close_codes == [1008]


@pytest.mark.parametrize("signed", ["wss://elsewhere.example.com/voice/stream/x", URL])
async def test_an_upgrade_without_the_providers_signature_is_closed_and_keeps_the_token(
    signed: str,
) -> None:
    house = House()
    token = house.conversations.token("cal_1")
    forged = await house.knocks(token, signed=signed)
    assert forged.close_codes == [1008]
    good = await house.knocks(token)
    assert good.close_codes == [], "whoever guessed it has not used it up"


@pytest.mark.proves("B142")
async def test_an_oversized_frame_before_the_start_is_closed_with_1009() -> None:
    house = House()
    client = await house.knocks(house.conversations.token("cal_1"))
    client.says(text="x" * (FRAME_BYTES_MAX + 1))
    house.start(client)
    await client.settle()
    assert client.close_codes == [1009]
    assert house.rig.core.ends == [StreamOver(Loss.GONE)]
    assert house.rig.started == 0


@pytest.mark.proves("B142")
async def test_bytes_count_and_not_characters() -> None:
    house = House()
    client = await house.knocks(house.conversations.token("cal_1"))
    client.says(text="é" * (FRAME_BYTES_MAX // 2 + 1))
    await client.settle()
    assert client.close_codes == [1009]


async def test_a_binary_frame_is_closed_with_1003() -> None:
    house = House()
    client = await house.answers()
    client.says(bytes=b"\x00\x01", text=None)
    await client.settle()
    assert client.close_codes == [1003]


@pytest.mark.proves("B142")
async def test_a_second_start_is_closed_once_with_1008() -> None:
    house = House()
    client = await house.answers()
    house.start(client)
    house.start(client)
    await client.settle()
    assert client.close_codes == [1008]
    assert house.rig.core.ends == [StreamOver(Loss.STARTED_TWICE)]


async def test_a_provider_that_goes_away_is_not_closed_again() -> None:
    house = House()
    client = await house.answers()
    client.goes()
    await client.settle()
    assert client.close_codes == []
    assert client.task.done()
    assert house.places.open == 0


async def test_a_process_that_ends_lets_its_calls_go_and_hangs_up_on_nobody() -> None:
    house = House(Script("A computer."))
    client = await house.answers()
    house.conversations.leave()
    await client.settle()
    assert client.close_codes == [1001]
    assert house.rig.core.ends == [StreamOver(Loss.LEFT)]


async def test_a_close_that_nobody_answers_keeps_no_place() -> None:
    house = House()
    client = await house.answers()
    client.closing.clear()
    house.conversations.tell_all(Killed())
    await client.settle()
    assert client.close_codes == [1000]
    assert house.places.open == 0
    assert not client.task.done()
    client.closing.set()
    await client.settle()
    assert client.task.done()


async def test_a_store_that_is_down_is_ours_and_not_the_providers() -> None:
    house = House()
    house.core.is_broken = True
    client = await house.knocks(house.conversations.token("cal_1"))
    assert client.close_codes == [1011]


@pytest.mark.proves("B143")
async def test_sockets_that_do_not_start_take_few_places(caplog: pytest.LogCaptureFixture) -> None:
    house = House(pending_per_address_max=2)
    for other in ("cal_2", "cal_3"):
        house.core.calls[other] = replace(house.rig.live, call_id=other)
    await house.knocks(house.conversations.token("cal_1"))
    second = await house.knocks(house.conversations.token("cal_2"))
    token = house.conversations.token("cal_3")
    with caplog.at_level(logging.WARNING):
        third = await house.knocks(token)
    assert not third.is_upgraded
    assert "media socket refused" in caplog.text
    house.start(second)
    await second.settle()
    assert house.places.pending.total() == 1, "one has started"
    assert (await house.knocks(token)).is_upgraded, "and the token is still good"


@pytest.mark.proves("B139")
async def test_a_newer_stream_of_a_call_replaces_the_older() -> None:
    house = House(Script("A computer."))
    older = await house.answers()
    newer = await house.answers()
    await older.settle()
    assert older.task.done()
    assert older.close_codes == [1000]
    assert newer.close_codes == []
    assert house.rig.core.ends == [StreamOver(Loss.REPLACED)]
    assert house.conversations.count == 1
    older_marks = [m for m in older.sent if m["type"] == "websocket.send"]
    await house.rig.settle()
    assert older_marks == [m for m in older.sent if m["type"] == "websocket.send"]


async def test_what_is_said_goes_out_as_the_providers_frames() -> None:
    house = House(Script(opening="Welcome."))
    client = await house.answers()
    for _ in range(20):
        house.rig.clock.advance(milliseconds=20)
        await client.settle()
    assert client.events[0] == "mark"
    assert client.events.count("media") >= 2
    assert [words.text for words in house.rig.core.all(WordsBegun)] == ["Welcome."]
    house.conversations.tell_all(Killed())
    await client.settle()
    assert isinstance(house.rig.core.ends[0], EndCall)
