"""The same signed request twice: a live call is not begun anew by it, and nobody gets a second address of
its sound."""

from __future__ import annotations

import re

import pytest
from test_live import FakeSpeech

from calling import ANN, BEN, Calling, calling
from ringfence.model.call import CallMode
from ringfence.model.line import Secret
from telling import ScriptedAgent

STREAM = re.compile(r"wss://[^\"<]+")


async def sent_again(story: Calling, kind: str) -> list[tuple[int, str]]:
    """Answers to the requests the carrier made of this kind, each made once more, as captured on the
    way."""
    answers = []
    for entry in [one for one in story.story.carrier.webhooks if one.kind == kind]:
        address, headers, body = entry.request.wire()
        async with story.story.http.post(address, data=body, headers=headers) as answer:
            answers.append((answer.status, await answer.text()))
    return answers


@pytest.mark.proves("B116")
@pytest.mark.parametrize("inbound", [True, False], ids=["in", "out"])
async def test_a_repeated_request_opens_no_second_stream(sqlite_url: str, inbound: bool) -> None:
    async with calling(sqlite_url, streams=True, speech=FakeSpeech()) as story:
        phone = story.phone(BEN if inbound else ANN)
        if inbound:
            phone.calls()
        else:
            await story.calls(ANN, "Hello Ann.", mode=CallMode.CONVERSATION)
            await story.until(phone.rings())
            phone.answers()
        await story.until(phone.is_streamed())
        kinds = {one.kind for one in story.story.carrier.webhooks}
        answers = [one for kind in sorted(kinds) for one in await sent_again(story, kind)]
        assert answers
        assert all(status == 200 and not STREAM.search(text) for status, text in answers)
        phone.hangs_up()
        await story.settles()


@pytest.mark.proves("B116")
async def test_a_repeated_pin_does_not_begin_the_talk_anew(sqlite_url: str) -> None:
    voice = {"pin": Secret("4711")}
    async with calling(sqlite_url, voice=voice, agent=ScriptedAgent()) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("enter your code"))
        phone.presses("4711#")
        await story.until(phone.hears("this is Acme"))
        phone.says("When do you open?")
        await story.until(phone.hears("You said"))
        call = await story.call()
        before = await story.words(call)
        for kind in sorted({one.kind for one in story.story.carrier.webhooks}):
            await sent_again(story, kind)
        assert (await story.call()).turn == call.turn
        assert await story.words(call) == before
        phone.hangs_up()
        await story.settles()
