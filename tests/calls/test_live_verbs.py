"""A hand in live sound over the private door: words go to the session that has the call, and what the
person says to them comes back."""

from __future__ import annotations

import asyncio

import pytest
from test_live import FakeSpeech, lasts

from calling import BEN, ROUTE, Calling, calling
from ringfence.gateway import principals
from ringfence.gateway.principals import Wanted
from ringfence.model.call import EndReason, Speaker
from ringfence.model.principal import PrincipalKind
from telling import OWNER, ScriptedAgent


async def does(story: Calling, verb: str, **fields: object) -> tuple[int, dict[str, object]]:
    """One verb on the newest call, by an operator."""
    wanted = Wanted("ann", PrincipalKind.OPERATOR, None)
    token = await principals.create(story.story.gateway.kit, wanted, "operator:test")
    path = f"/api/v1/calls/{(await story.call()).id}/{verb}"
    status, document = await story.story.post(path, fields, Authorization=f"Bearer {token.bearer}")
    return status, document


@pytest.mark.proves("B133", "B134")
async def test_words_a_question_and_the_end_reach_live_sound(sqlite_url: str) -> None:
    speech = FakeSpeech()
    agent = ScriptedAgent(lambda turn: "Fine.")
    async with calling(sqlite_url, streams=True, speech=speech, agent=agent) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.is_streamed())
        await lasts(story, ROUTE.greeting)
        status, told = await does(story, "speak", message="The line is free now.")
        assert (status, told["state"]) == (202, "told")
        await lasts(story, "The line is free now.")
        asking = asyncio.ensure_future(does(story, "ask", message="Shall we go on?"))
        while "Shall we go on?" not in speech.spoken:
            await asyncio.sleep(0)
        await lasts(story, "Shall we go on?")
        speech.hears("Yes, please.")
        _, answered = await story.until(_result(asking))
        assert answered["answer"]["text"] == "Yes, please."  # type: ignore[index]
        await lasts(story, "Fine.")
        assert (await does(story, "digits", digits="12#"))[1]["state"] == "told"
        said = [
            (one.speaker, one.text, bool(one.decision))
            for one in await story.words(await story.call())
        ]
        assert (Speaker.OWNER, "The line is free now.", True) in said
        assert (Speaker.OWNER, "Shall we go on?", True) in said
        await does(story, "end")
        await story.until(phone.is_over())
        await story.settles()
        assert (await story.call()).person.end_reason is EndReason.ENDED_BY_OPERATOR


async def test_live_sound_is_handed_to_the_owner(sqlite_url: str) -> None:
    speech = FakeSpeech()
    async with calling(sqlite_url, streams=True, speech=speech) as story:
        phone, owner = story.phone(BEN), story.phone(OWNER)
        phone.calls()
        await story.until(phone.is_streamed())
        await lasts(story, ROUTE.greeting)
        handed = await does(story, "transfer", to="owner", message="I connect you.")
        assert handed[1]["state"] == "told"
        await story.until(phone.hears("I connect you."))
        await story.until(owner.rings())
        owner.answers()
        await story.story.passes(seconds=5)
        owner.hangs_up()
        await story.until(phone.is_over())
        await story.settles()
        (leg,) = (await story.call()).joined
        assert leg.end_reason is EndReason.HUNG_UP


@pytest.mark.proves("B134")
async def test_how_long_a_turn_of_live_sound_took_is_on_record(sqlite_url: str) -> None:
    speech = FakeSpeech()
    agent = ScriptedAgent(lambda turn: "At nine.")
    async with calling(sqlite_url, streams=True, speech=speech, agent=agent) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.is_streamed())
        await lasts(story, ROUTE.greeting)
        speech.hears("When do you open?")
        await lasts(story, "At nine.")
        phone.hangs_up()
        await story.settles()
        call = await story.call()
        [took] = await story.story.read(lambda tx: tx.calls.times_of([call.id]))
        assert took.over_ms <= took.allowed_ms <= took.made_ms <= took.sent_ms <= took.played_ms


async def _result(
    task: asyncio.Future[tuple[int, dict[str, object]]],
) -> tuple[int, dict[str, object]]:
    return await task
