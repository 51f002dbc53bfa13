"""Conversations over a relay through the whole gateway: the carrier hears and speaks, text travels over a
signed socket with a token that works once, and the gate decides about each sentence before it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from test_live_verbs import does

from calling import ANN, BEN, ROUTE, Calling, calling
from ringfence.model.call import CallMode, EndReason, Speaker
from ringfence.model.voice import Route, TurnTaking
from ringfence.simulator.calls import Played
from ringfence.testing import Phone
from telling import OWNER, ScriptedAgent

DISCLOSURE = "This is an automated assistant of Acme."


def route() -> Route:
    return replace(ROUTE, disclosure=DISCLOSURE)


def played(phone: Phone) -> Sequence[Played]:
    return phone.connections[-1].call.played


async def greeted(story: Calling) -> Phone:
    """Ben called, and heard the greeting."""
    phone = story.phone(BEN)
    phone.calls()
    await story.until(phone.hears(ROUTE.greeting))
    await story.story.settle()
    return phone


@pytest.mark.proves("P1", "B143")
async def test_somebody_talks_with_the_agent_over_a_relay(sqlite_url: str) -> None:
    agent = ScriptedAgent(lambda turn: "We open at nine. Anything else?")
    async with calling(sqlite_url, relay=True, agent=agent, voice={"route": route()}) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears(DISCLOSURE))
        await story.story.settle()
        assert (await story.call()).disclosed_at is not None
        await story.until(phone.hears(ROUTE.greeting))
        phone.says("When do you open?")
        await story.until(phone.hears("We open at nine."))
        await story.until(phone.hears("Anything else?"))
        await story.story.settle()
        phone.hangs_up()
        await story.settles()
        call = await story.call()
        said = await story.words(call)
        assert [(one.speaker, one.text) for one in said] == [
            (Speaker.GATEWAY, DISCLOSURE),
            (Speaker.GATEWAY, ROUTE.greeting),
            (Speaker.PERSON, "When do you open?"),
            (Speaker.AGENT, "We open at nine."),
            (Speaker.AGENT, "Anything else?"),
        ]
        ours = [one for one in said if one.speaker is not Speaker.PERSON]
        assert all(one.heard == len(one.text) for one in ours)
        assert all(one.decision for one in ours if one.speaker is Speaker.AGENT)
        assert call.person.end_reason is EndReason.HUNG_UP
        assert [turn.body for turn in agent.turns] == ["When do you open?"]


async def test_who_speaks_into_an_answer_cuts_it_off(sqlite_url: str) -> None:
    answers = iter(
        ["One two three four five six seven eight nine ten. Eleven twelve.", "On Sundays at ten."]
    )
    agent = ScriptedAgent(lambda turn: next(answers))
    async with calling(sqlite_url, relay=True, agent=agent) as story:
        phone = await greeted(story)
        phone.says("Count.")
        await story.story.passes(seconds=2)
        phone.says("What about Sunday?")
        await story.until(phone.hears("On Sundays at ten."))
        await story.story.settle()
        phone.hangs_up()
        await story.settles()
        said = {one.text: one for one in await story.words(await story.call())}
        cut = said["One two three four five six seven eight nine ten."]
        [sounded] = [one for one in played(phone) if one.text == cut.text]
        assert 0 < len(sounded.heard) < len(cut.text)
        assert cut.text[: cut.heard] == sounded.heard
        assert said["Eleven twelve."].heard == 0
        shown = [entry.body for entry in agent.turns[-1].history]
        assert sounded.heard in shown, "the agent knows how far it was heard"


async def test_nobody_speaks_into_the_disclosure(sqlite_url: str) -> None:
    agent = ScriptedAgent()
    async with calling(sqlite_url, relay=True, agent=agent, voice={"route": route()}) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.is_streamed())
        await story.story.passes(seconds=0.5)
        phone.says("Let me in.")
        await story.until(phone.hears(DISCLOSURE))
        await story.until(phone.hears(ROUTE.greeting))
        phone.hangs_up()
        await story.settles()
        assert (await story.call()).disclosed_at is not None


async def test_who_hangs_up_in_the_disclosure_was_not_told_on_a_relay(sqlite_url: str) -> None:
    async with calling(sqlite_url, relay=True, voice={"route": route()}) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.is_streamed())
        await story.story.passes(seconds=0.5)
        phone.hangs_up()
        await story.settles()
        call = await story.call()
        assert call.disclosed_at is None
        [words] = await story.words(call)
        assert words.heard is not None
        assert words.heard < len(DISCLOSURE)


@pytest.mark.proves("P1")
async def test_no_sentence_the_gate_refuses_is_sent_to_a_relay(sqlite_url: str) -> None:
    agent = ScriptedAgent(lambda turn: "Your card is 4111 1111 1111 1111.")
    async with calling(sqlite_url, relay=True, agent=agent) as story:
        phone = await greeted(story)
        phone.says("What is my card?")
        await story.until(phone.hears("cannot help with that"))
        assert not any("4111" in one.text for one in played(phone))
        phone.hangs_up()
        await story.settles()


@pytest.mark.proves("P3")
async def test_the_kill_switch_ends_a_relay(sqlite_url: str) -> None:
    agent = ScriptedAgent(lambda turn: "A long story. " * 40)
    async with calling(sqlite_url, relay=True, agent=agent) as story:
        phone = await greeted(story)
        phone.says("Tell me a story.")
        await story.story.passes(seconds=2)
        await story.stops()
        await story.until(phone.hears("This call has to end now."))
        await story.until(phone.is_over())
        await story.settles()
        call = await story.call()
        assert call.person.end_reason is EndReason.KILLED
        assert len([one for one in played(phone) if one.text == "A long story."]) < 10


async def test_the_agent_hangs_up_once_it_was_heard_on_a_relay(sqlite_url: str) -> None:
    agent = ScriptedAgent(lambda turn: '{"say": "Good night.", "hangUp": true}')
    async with calling(sqlite_url, relay=True, agent=agent) as story:
        phone = await greeted(story)
        phone.says("That is all.")
        await story.until(phone.hears("Good night."))
        await story.until(phone.is_over())
        await story.settles()
        assert (await story.call()).person.end_reason is EndReason.ENDED_BY_AGENT


async def test_silence_on_a_relay_is_asked_about_and_then_ends(sqlite_url: str) -> None:
    turns = TurnTaking(nobody_s=5, nobody_times=1)
    async with calling(sqlite_url, relay=True, voice={"turns": turns}) as story:
        phone = await greeted(story)
        await story.until(phone.hears("Are you still there?"))
        await story.until(phone.hears("Goodbye."))
        await story.until(phone.is_over())
        await story.settles()
        assert (await story.call()).person.end_reason is EndReason.SILENCE


async def test_an_outbound_conversation_is_relayed_and_keys_are_told(sqlite_url: str) -> None:
    agent = ScriptedAgent(lambda turn: f"You pressed {turn.body}.")
    async with calling(sqlite_url, relay=True, agent=agent) as story:
        await story.calls(ANN, "Hi Ann, which one?", mode=CallMode.CONVERSATION)
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("Hi Ann, which one?"))
        phone.presses("2#")
        await story.until(phone.hears("You pressed 2 #."))
        phone.hangs_up()
        await story.settles()
        words = await story.words(await story.call())
        assert words[0].decision, "the words it was approved with name their decision"


@pytest.mark.proves("B143")
async def test_a_relays_address_opens_one_socket(sqlite_url: str) -> None:
    async with calling(sqlite_url, relay=True) as story:
        phone = await greeted(story)
        carrier = story.story.carrier
        streams = carrier.voice.streams
        [document] = [
            entry.delivery.body.decode()
            for entry in carrier.world.exchange.log
            if entry.kind == "call" and b"ConversationRelay" in entry.delivery.body
        ]
        url = document.partition(' url="')[2].partition('"')[0]
        socket = await streams.dial(url, {})
        assert await socket.receive() is None
        assert socket.close_code == 1008
        phone.hangs_up()
        await story.settles()
        assert (await story.call()).person.end_reason is EndReason.HUNG_UP


@pytest.mark.proves("B133", "B134")
async def test_words_a_question_keys_and_the_end_reach_a_relay(sqlite_url: str) -> None:
    agent = ScriptedAgent(lambda turn: "Fine.")
    async with calling(sqlite_url, relay=True, agent=agent) as story:
        phone = await greeted(story)
        status, told = await does(story, "speak", message="The line is free now.")
        assert (status, told["state"]) == (202, "told")
        await story.until(phone.hears("The line is free now."))
        asking = asyncio.ensure_future(does(story, "ask", message="Shall we go on?"))
        await story.until(phone.hears("Shall we go on?"))
        phone.says("Yes, please.")
        _, answered = await story.until(_result(asking))
        assert answered["answer"]["text"] == "Yes, please."
        assert (await does(story, "digits", digits="12#"))[1]["state"] == "told"
        await story.story.passes(seconds=2)
        assert "12#" in [one.text for one in played(phone) if one.kind == "digits"]
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


async def _result(task: asyncio.Task[tuple[int, dict[str, Any]]]) -> tuple[int, dict[str, Any]]:
    return await task


async def test_a_call_on_a_relay_is_handed_to_the_owner(sqlite_url: str) -> None:
    async with calling(sqlite_url, relay=True) as story:
        phone, owner = await greeted(story), story.phone(OWNER)
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
