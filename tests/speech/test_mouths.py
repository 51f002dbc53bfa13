"""Every mouth over the network keeps one contract, whoever serves it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from speech_rig import MOUTHS, WAIT_S, Service, said

from ringfence.model.errors import SpeechError
from ringfence.model.line import Secret
from ringfence.simulator.speech import LETTER_MS, SpeechFaults, tone_of
from ringfence.speech import mouths
from ringfence.speech.base import SPOKEN_CHARS_MAX, MouthLimits, Wires

every_mouth = pytest.mark.parametrize(
    "service", [MOUTHS[name] for name in sorted(MOUTHS)], ids=sorted(MOUTHS)
)
TEXT = "Hello, this is a test call."


@every_mouth
async def test_a_mouth_makes_sound_of_all_its_words_in_pieces(
    service: Service, wires: Wires
) -> None:
    async with service.server() as server:
        pieces = await said(service.mouth(server, wires), " Hello,  this\nis a test call. ")
    lasting_ms = sum(len(piece.sound) for piece in pieces) / 8
    assert len(pieces) > 2
    assert lasting_ms == pytest.approx(len(TEXT) * LETTER_MS, abs=LETTER_MS + 2)


@pytest.mark.parametrize("name", ["deepgram", "elevenlabs"])
async def test_ulaw_is_handed_on_untouched(name: str, wires: Wires) -> None:
    async with MOUTHS[name].server() as server:
        pieces = await said(MOUTHS[name].mouth(server, wires), TEXT)
    assert b"".join(piece.sound for piece in pieces).startswith(tone_of(TEXT))


async def test_letters_are_timed_from_the_start_of_the_utterance(wires: Wires) -> None:
    async with MOUTHS["elevenlabs"].server() as server:
        pieces = await said(MOUTHS["elevenlabs"].mouth(server, wires), TEXT)
    letters = "".join(piece.letters for piece in pieces)
    times = [at for piece in pieces for at in piece.letters_at_ms]
    assert letters.strip() == TEXT
    assert times == [place * LETTER_MS for place in range(len(letters))]


@every_mouth
async def test_stopping_in_mid_speech_ends_the_making(service: Service, wires: Wires) -> None:
    """The service would go on for ever: it is told by the socket that nobody listens."""
    async with service.server(faults=SpeechFaults(stalls_after=2)) as server:
        async with aclosing(service.mouth(server, wires).speak(TEXT, "en-US")) as pieces:
            async with asyncio.timeout(WAIT_S):
                first = await anext(pieces)
        assert first.sound
        async with asyncio.timeout(WAIT_S):
            await server.sessions[0].ended.wait()


@every_mouth
@pytest.mark.proves("B146")
@pytest.mark.parametrize(
    ("faults", "code"),
    [
        (SpeechFaults(soundless=True), "speech_silent"),
        (SpeechFaults(stalls_after=1), "speech_stalled"),
        (SpeechFaults(mute=True), "speech_stalled"),
        (SpeechFaults(stalls_after=0), "speech_stalled"),
        (SpeechFaults(dies_after=0), "speech_gone"),
    ],
    ids=["soundless", "stalls in mid-speech", "mute", "stalls at once", "dies"],
)
async def test_an_utterance_that_does_not_end_well_is_a_failure(
    service: Service, wires: Wires, hasty: Wires, faults: SpeechFaults, code: str
) -> None:
    patience = hasty if code == "speech_stalled" else wires
    async with service.server(faults=faults) as server:
        with pytest.raises(SpeechError) as caught:
            await said(service.mouth(server, patience), TEXT)
    assert caught.value.code == code


@every_mouth
@pytest.mark.proves("P10")
async def test_what_is_no_sound_is_never_played(service: Service, wires: Wires) -> None:
    async with service.server(faults=SpeechFaults(junk=30)) as server:
        with pytest.raises(SpeechError) as caught:
            await said(service.mouth(server, wires), TEXT)
    assert caught.value.code in ("speech_junk", "speech_format", "speech_silent")


@pytest.mark.proves("P10")
@pytest.mark.parametrize("name", ["deepgram", "elevenlabs"])
async def test_a_message_over_the_limit_ends_the_utterance(name: str, wires: Wires) -> None:
    async with MOUTHS[name].server(faults=SpeechFaults(oversize=True)) as server:
        with pytest.raises(SpeechError, match="limit"):
            await said(MOUTHS[name].mouth(server, wires), TEXT)


@every_mouth
@pytest.mark.proves("P10")
async def test_sound_without_end_is_cut(service: Service, wires: Wires) -> None:
    short = Wires(wires.sockets, wires.streams, wires.ear, MouthLimits(sound_ms_max=500))
    async with service.server() as server:
        with pytest.raises(SpeechError):
            await said(service.mouth(server, short), TEXT)


@every_mouth
async def test_the_services_own_error_is_told(service: Service, wires: Wires) -> None:
    async with service.server(faults=SpeechFaults(error=True)) as server:
        with pytest.raises(SpeechError, match="it went wrong"):
            await said(service.mouth(server, wires), TEXT)


@every_mouth
@pytest.mark.proves("P9")
@pytest.mark.parametrize("status", [400, 401, 402, 404, 429, 500])
async def test_a_refused_utterance_says_what_to_do(
    service: Service, wires: Wires, status: int
) -> None:
    async with service.server(faults=SpeechFaults(status=status)) as server:
        with pytest.raises(SpeechError) as caught:
            await said(service.mouth(server, wires), TEXT)
    words = str(caught.value)
    assert "key-of" not in words
    assert any(hint in words for hint in ("check", "account", "status page"))


@every_mouth
async def test_a_wrong_key_is_told_by_the_check_and_not_shown(
    service: Service, wires: Wires
) -> None:
    async with service.server() as server:
        good = await service.mouth(server, wires).check()
        choice = service.choice(server, api_key=Secret("wrong-key-of-mine"))
        bad = await mouths()[service.word].make(choice, wires).check()
    assert good == ""
    assert "apiKey" in bad
    assert "wrong-key" not in bad


@every_mouth
@pytest.mark.parametrize(
    ("text", "code"),
    [(" \n", "speech_no_words"), ("x" * (SPOKEN_CHARS_MAX + 1), "speech_too_long")],
)
async def test_no_words_and_too_many_reach_no_service(
    service: Service, wires: Wires, text: str, code: str
) -> None:
    async with service.server() as server:
        with pytest.raises(SpeechError) as caught:
            await said(service.mouth(server, wires), text)
        assert caught.value.code == code
        assert not server.sessions


@every_mouth
async def test_two_utterances_do_not_mix(service: Service, wires: Wires) -> None:
    async with service.server() as server:
        mouth = service.mouth(server, wires)
        one, two = await asyncio.gather(said(mouth, "Hello."), said(mouth, "Goodbye then."))
    for pieces, text in ((one, "Hello."), (two, "Goodbye then.")):
        lasting_ms = sum(len(piece.sound) for piece in pieces) / 8
        assert lasting_ms == pytest.approx(len(text) * LETTER_MS, abs=LETTER_MS + 2)
