"""Every ear over the network keeps one contract, whoever serves it."""

from __future__ import annotations

import asyncio

import pytest
from speech_rig import (
    EARS,
    SENTENCE,
    WAIT_S,
    Service,
    feed,
    loud,
    spoken_sound,
    text_of_turn,
    until_over,
)

from ringfence.audio.frames import silence
from ringfence.model.errors import SpeechError
from ringfence.model.line import Secret
from ringfence.ports.speech import Final, Hearing, Partial, SpeechBegan
from ringfence.simulator.speech import SpeechFaults
from ringfence.speech import ears
from ringfence.speech.base import Turns, Wires

every_ear = pytest.mark.parametrize(
    "service", [EARS[name] for name in sorted(EARS)], ids=sorted(EARS)
)


async def ending_of(hearing: Hearing) -> SpeechError:
    """The error that ends the words."""
    async with asyncio.timeout(WAIT_S):
        with pytest.raises(SpeechError) as caught:
            async for _ in hearing.words():
                pass
    return caught.value


@every_ear
async def test_an_ear_tells_the_words_as_they_come_and_that_the_turn_is_over(
    service: Service, wires: Wires
) -> None:
    async with service.server(SENTENCE) as server:
        hearing = await service.ears(server, wires).listen("en-US")
        await feed(hearing, spoken_sound())
        heard = await until_over(hearing)
        await hearing.close()
    assert SpeechBegan() in heard
    assert text_of_turn(heard) == SENTENCE
    assert isinstance(heard[-1], Final)
    assert heard[-1].turn_over
    partials = [words.text for words in heard if isinstance(words, Partial)]
    assert all(SENTENCE.startswith(text) for text in partials)


@every_ear
async def test_partial_words_arrive_while_somebody_still_speaks(
    service: Service, wires: Wires
) -> None:
    async with service.server(SENTENCE) as server:
        hearing = await service.ears(server, wires).listen("en-US")
        await feed(hearing, silence(400) + loud(1_000))
        async with asyncio.timeout(WAIT_S):
            async for words in hearing.words():
                if isinstance(words, Partial):
                    break
                assert words == SpeechBegan()
        await hearing.close()
    assert words.text.startswith("yes")


@every_ear
async def test_a_turn_that_we_end_is_answered_with_its_words(
    service: Service, wires: Wires
) -> None:
    async with service.server(SENTENCE) as server:
        hearing = await service.ears(server, wires, by_service=False).listen("en-US")
        await feed(hearing, silence(400) + loud(1_500))
        await hearing.finish()
        heard = await until_over(hearing)
        await hearing.close()
    assert text_of_turn(heard) == SENTENCE


@every_ear
@pytest.mark.proves("B136")
async def test_silence_is_no_words_and_a_turn_of_it_ends_empty(
    service: Service, wires: Wires
) -> None:
    async with service.server(SENTENCE) as server:
        hearing = await service.ears(server, wires, by_service=False).listen("en-US")
        await feed(hearing, silence(3_000))
        await hearing.finish()
        heard = await until_over(hearing)
        await hearing.close()
    assert heard == [Final("", turn_over=True, confidence=heard[-1].confidence)]


@every_ear
async def test_the_second_turn_is_heard_apart_from_the_first(
    service: Service, wires: Wires
) -> None:
    async with service.server("good morning", "goodbye") as server:
        hearing = await service.ears(server, wires).listen("en-US")
        turns = []
        for _ in range(2):
            await feed(hearing, spoken_sound())
            turns.append(text_of_turn(await until_over(hearing)))
        await hearing.close()
    assert turns == ["good morning", "goodbye"]


@every_ear
async def test_sound_reaches_the_service_as_it_was_heard(service: Service, wires: Wires) -> None:
    sound = spoken_sound()
    async with service.server(SENTENCE) as server:
        hearing = await service.ears(server, wires, by_service=False).listen("en-US")
        await feed(hearing, sound)
        await hearing.finish()
        await until_over(hearing)
        await hearing.close()
        assert bytes(server.sessions[0].sound) == sound


@every_ear
async def test_language_and_hints_reach_the_service(service: Service, wires: Wires) -> None:
    async with service.server(SENTENCE) as server:
        hearing = await service.ears(server, wires).listen("de-DE", ["Ringfence", "Zoë\nX"])
        await feed(hearing, spoken_sound())
        await until_over(hearing)
        await hearing.close()
        session = server.sessions[0]
    told = f"{dict(session.query)} {session.texts}"
    assert "Ringfence" in told
    assert "Zoë X" in told
    assert "'de" in told or session.query["model"] == ["flux-general-en"]


@pytest.mark.parametrize(
    ("name", "by_service", "asked"),
    [
        ("deepgram-nova", True, {"endpointing": "640", "utterance_end_ms": "1000"}),
        ("deepgram-nova", False, {"endpointing": "300", "encoding": "mulaw"}),
        ("elevenlabs", True, {"commit_strategy": "vad", "vad_silence_threshold_secs": "0.64"}),
        ("elevenlabs", False, {"commit_strategy": "manual", "audio_format": "ulaw_8000"}),
    ],
)
async def test_who_ends_turns_is_said_in_the_address(
    name: str, wires: Wires, by_service: bool, asked: dict[str, str]
) -> None:
    async with EARS[name].server() as server:
        turns = Turns(by_service, silence_ms=640)
        made = ears()[EARS[name].word].make(EARS[name].choice(server), wires, turns)
        await (await made.listen("en-US")).close()
        query = {key: values[0] for key, values in server.sessions[0].query.items()}
    assert asked.items() <= query.items()


@every_ear
@pytest.mark.proves("P9")
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "speech_choice"),
        (402, "speech_credit"),
        (429, "speech_busy"),
        (503, "speech_gone"),
    ],
)
async def test_a_refused_opening_says_what_to_do(
    service: Service, wires: Wires, status: int, code: str
) -> None:
    async with service.server(faults=SpeechFaults(status=status)) as server:
        with pytest.raises(SpeechError) as caught:
            await service.ears(server, wires).listen("en-US")
    assert caught.value.code == code
    assert "key-of" not in repr(caught.value)


@pytest.mark.parametrize("name", ["deepgram-flux", "deepgram-nova", "elevenlabs"])
@pytest.mark.parametrize("status", [200, 404, 405, 426, 501])
async def test_an_address_without_a_socket_is_told(name: str, wires: Wires, status: int) -> None:
    async with EARS[name].server(faults=SpeechFaults(status=status)) as server:
        with pytest.raises(SpeechError, match=r"address|socket") as caught:
            await EARS[name].ears(server, wires).listen("en-US")
    assert caught.value.code == "speech_not_there"


@every_ear
@pytest.mark.proves("P9")
async def test_a_wrong_key_is_refused_and_never_shown(service: Service, wires: Wires) -> None:
    async with service.server() as server:
        choice = service.choice(server, api_key=Secret("wrong-key-of-mine"))
        made = ears()[service.word].make(choice, wires, Turns())
        with pytest.raises(SpeechError, match="apiKey") as caught:
            await made.listen("en-US")
        problem = await made.check()
    assert "wrong-key" not in f"{caught.value!r}{problem}{made!r}{choice!r}"
    assert "apiKey" in problem


@every_ear
async def test_nobody_at_the_address_is_an_error_of_the_service(
    service: Service, wires: Wires
) -> None:
    async with service.server() as server:
        made = service.ears(server, wires)
    with pytest.raises(SpeechError, match="no connection"):
        await made.listen("en-US")


@every_ear
async def test_a_service_that_takes_the_call_and_says_nothing_does_not_hold_the_turn(
    service: Service, hasty: Wires
) -> None:
    """One that greets is found out; of one that does not, the turn ends without words."""
    async with service.server(SENTENCE, faults=SpeechFaults(mute=True)) as server:
        hearing = await service.ears(server, hasty).listen("en-US")
        await feed(hearing, spoken_sound())
        if service.greets:
            assert (await ending_of(hearing)).code == "speech_silent"
        else:
            await hearing.finish()
            assert await until_over(hearing) == [Final("", turn_over=True)]
        await hearing.close()


@every_ear
async def test_a_connection_that_is_cut_ends_the_ear(service: Service, wires: Wires) -> None:
    async with service.server(SENTENCE, faults=SpeechFaults(dies_after=3)) as server:
        hearing = await service.ears(server, wires).listen("en-US")
        await feed_while_it_lives(hearing, silence(1_000))
        assert (await ending_of(hearing)).code == "speech_gone"
        with pytest.raises(SpeechError):
            await hearing.feed(silence(20))
        with pytest.raises(SpeechError):
            await hearing.finish()
        await hearing.close()
        await hearing.close()


@every_ear
async def test_a_little_junk_is_stepped_over(service: Service, wires: Wires) -> None:
    async with service.server(SENTENCE, faults=SpeechFaults(junk=4)) as server:
        hearing = await service.ears(server, wires).listen("en-US")
        await feed(hearing, spoken_sound())
        heard = await until_over(hearing)
        await hearing.close()
    assert text_of_turn(heard) == SENTENCE


@every_ear
@pytest.mark.proves("P10")
@pytest.mark.parametrize(
    "faults", [SpeechFaults(junk=30), SpeechFaults(oversize=True)], ids=["junk", "oversize"]
)
async def test_too_much_junk_and_messages_over_the_limit_end_the_ear(
    service: Service, wires: Wires, faults: SpeechFaults
) -> None:
    async with service.server(SENTENCE, faults=faults) as server:
        hearing = await service.ears(server, wires).listen("en-US")
        await feed_while_it_lives(hearing, spoken_sound())
        assert "language" in str(error := await ending_of(hearing)) or "limit" in str(error)
        await hearing.close()


@every_ear
async def test_the_services_own_error_is_told_in_its_words(service: Service, wires: Wires) -> None:
    async with service.server(SENTENCE, faults=SpeechFaults(error=True)) as server:
        hearing = await service.ears(server, wires).listen("en-US")
        await feed_while_it_lives(hearing, spoken_sound())
        error = await ending_of(hearing)
        await hearing.close()
    assert "it went wrong" in str(error)


@every_ear
async def test_closing_an_ear_ends_its_words_and_its_socket(service: Service, wires: Wires) -> None:
    async with service.server(SENTENCE) as server:
        hearing = await service.ears(server, wires).listen("en-US")
        await feed(hearing, loud(200))
        reader = asyncio.create_task(_all_words(hearing))
        await asyncio.sleep(0)
        await hearing.close()
        async with asyncio.timeout(WAIT_S):
            await reader
            await server.sessions[0].ended.wait()
        with pytest.raises(SpeechError):
            await hearing.feed(loud(20))


@every_ear
async def test_a_good_service_passes_its_check(service: Service, wires: Wires) -> None:
    async with service.server() as server:
        made = service.ears(server, wires)
        assert await made.check() == ""
        await made.close()
        async with asyncio.timeout(WAIT_S):
            await server.sessions[0].ended.wait()


async def feed_while_it_lives(hearing: Hearing, sound: bytes) -> None:
    try:
        await feed(hearing, sound)
    except SpeechError:
        pass


async def _all_words(hearing: Hearing) -> int:
    return len([words async for words in hearing.words()])
