"""A server of one's own without a Realtime socket is given files, utterance by utterance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from speech_rig import EARS, WAIT_S, feed, loud, text_of_turn, until_over

from ringfence.audio.frames import silence
from ringfence.model.errors import SpeechError
from ringfence.model.line import Secret
from ringfence.ports.speech import Ears, Final, HeardWords, SpeechBegan
from ringfence.simulator.speech import SpeechFaults, SpeechServer
from ringfence.simulator.speech_openai import OpenAIVendor
from ringfence.speech import ears
from ringfence.speech.base import Turns, Wires
from ringfence.speech.utterances import WAITING_MAX, UtteranceHearing
from ringfence.speech.wav import ulaw_of_wav

SERVICE = replace(EARS["openai"], vendor=lambda: OpenAIVendor(sockets=False))


@asynccontextmanager
async def files_only(
    *transcripts: str, faults: SpeechFaults | None = None
) -> AsyncIterator[SpeechServer]:
    vendor = OpenAIVendor(sockets=False).hears(*transcripts)
    async with SpeechServer(vendor, faults=faults) as server:
        yield server


def ear(server: SpeechServer, wires: Wires, *, by_service: bool = True) -> Ears:
    return SERVICE.ears(server, wires, by_service=by_service)


@pytest.mark.parametrize("by_service", [False, True])
async def test_an_utterance_goes_up_as_a_file_and_comes_back_as_words(
    wires: Wires, by_service: bool
) -> None:
    async with files_only("yes please") as server:
        made = ear(server, wires, by_service=by_service)
        hearing = await made.listen("en-GB", ["Ringfence"])
        await feed(hearing, silence(600) + loud(1_000) + silence(800))
        if not by_service:
            await hearing.finish()
        heard = await until_over(hearing)
        await hearing.close()
        asked, upload = server.sessions
    assert asked.path == "/v1/realtime"
    assert heard == [SpeechBegan(), Final("yes please", turn_over=True)]
    [fields] = upload.texts
    assert fields["language"] == "en"
    assert fields["prompt"] == "Ringfence"
    assert 1_300 < len(ulaw_of_wav(bytes(upload.sound))) / 8 < 2_200


async def test_the_server_is_asked_for_a_socket_once(wires: Wires) -> None:
    async with files_only() as server:
        made = ear(server, wires)
        for _ in range(3):
            await (await made.listen("en")).close()
        assert [session.path for session in server.sessions] == ["/v1/realtime"]
        assert await made.check() == ""


@pytest.mark.proves("B136")
async def test_a_turn_without_speech_asks_nobody(wires: Wires) -> None:
    async with files_only("never said") as server:
        hearing = await ear(server, wires, by_service=False).listen("en")
        await feed(hearing, silence(2_000))
        await hearing.finish()
        assert await until_over(hearing) == [Final("", turn_over=True)]
        await hearing.close()
        assert len(server.sessions) == 1


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (SpeechFaults(error=True), "it went wrong"),
        (SpeechFaults(junk=1), "no words"),
    ],
    ids=["error", "junk"],
)
async def test_a_file_that_is_not_transcribed_ends_the_ear(
    wires: Wires, faults: SpeechFaults, words: str
) -> None:
    async with files_only(faults=faults) as server:
        made = ear(server, wires)
        hearing = await made.listen("en")
        await feed(hearing, loud(800) + silence(900))
        with pytest.raises(SpeechError, match=words):
            await until_over(hearing)
        await hearing.close()
        assert words in await made.check()


@pytest.mark.proves("P9")
async def test_a_wrong_key_is_no_missing_socket(wires: Wires) -> None:
    async with files_only() as server:
        choice = SERVICE.choice(server, api_key=Secret("wrong-key"))
        made = ears()["openai"].make(choice, wires, Turns())
        with pytest.raises(SpeechError, match="apiKey"):
            await made.listen("en")
        assert "apiKey" in await made.check()


# -- any recogniser ------------------------------------------------------------------------------


class Recogniser:
    def __init__(self) -> None:
        self.sounds: list[bytes] = []
        self.free = asyncio.Event()

    async def __call__(self, ulaw: bytes) -> str:
        self.sounds.append(ulaw)
        await self.free.wait()
        return f"utterance {len(self.sounds)}"


async def test_ending_a_turn_while_it_is_recognised_ends_it_once() -> None:
    recogniser = Recogniser()
    hearing = UtteranceHearing("Any", recogniser, Turns(by_service=True))
    await feed(hearing, loud(600) + silence(800))
    heard: list[HeardWords] = []
    reader = asyncio.create_task(_gather(hearing, heard))
    while not recogniser.sounds:
        await asyncio.sleep(0)
    await hearing.finish()
    recogniser.free.set()
    while len(heard) < 2:
        await asyncio.sleep(0)
    await hearing.close()
    async with asyncio.timeout(WAIT_S):
        await reader
    assert heard == [SpeechBegan(), Final("utterance 1", turn_over=True)]


@pytest.mark.proves("P10")
async def test_an_utterance_without_end_is_cut_and_a_slow_recogniser_is_told() -> None:
    recogniser = Recogniser()
    hearing = UtteranceHearing("Any", recogniser, Turns(by_service=True))
    words = loud(400) + silence(700)
    with pytest.raises(SpeechError) as caught:
        await feed(hearing, words * (WAITING_MAX + 1))
    assert caught.value.code == "speech_stalled"


async def test_the_start_of_an_utterance_is_not_cut_off() -> None:
    recogniser = Recogniser()
    recogniser.free.set()
    hearing = UtteranceHearing("Any", recogniser, Turns(by_service=True))
    sound = loud(500)
    await feed(hearing, silence(2_000) + sound + silence(700))
    assert text_of_turn(await until_over(hearing)) == "utterance 1"
    await hearing.close()
    assert sound in recogniser.sounds[0]
    assert len(recogniser.sounds[0]) < len(silence(500) + sound + silence(700))


async def _gather(hearing: UtteranceHearing, heard: list[HeardWords]) -> None:
    async for words in hearing.words():
        heard.append(words)
