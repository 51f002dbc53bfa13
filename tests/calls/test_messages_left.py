"""Messages that callers leave where nobody takes the call: asked for, recorded by the carrier, fetched, kept,
told of, heard by operators alone, and forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from calling import ANN, BEN, Calling, calling
from ringfence.config.policies import policy_of
from ringfence.config.problems import Problems
from ringfence.gateway import call_hearing, contacts
from ringfence.gateway import call_steps as steps
from ringfence.gateway.call_recordings import TRIES_S
from ringfence.model.errors import AgentRefused, NotFound
from ringfence.model.instruction import TakeMessage
from ringfence.model.left_message import LeftMessage, LeftMessageState
from ringfence.model.phone import PhoneNumber
from ringfence.model.voice import MessageSettings
from telling import OWNER, ScriptedAgent

WORDS = "This is Ben. Please call me back."
PROMPT = "leave a message after the tone"
CONNECTION = "0000000000000000001"
"""Telnyx's application of the stories' account."""


@asynccontextmanager
async def answering(store_url: str, **more: Any) -> AsyncIterator[Calling]:
    """A line that takes messages."""
    voice = {"messages": MessageSettings(hold_s=20), **more.pop("voice", {})}
    if more.get("provider") == "telnyx":
        voice["connection_id"] = CONNECTION
    async with calling(store_url, voice=voice, **more) as story:
        yield story


def closes(story: Calling) -> None:
    """From now on the line has hours on Saturdays only; the stories begin on a Monday."""
    line, kit = story.story.line, story.story.gateway.kit
    hours = ("policy", {"openingHours": {"windows": "sat 10:00-11:00"}})
    policy, _ = policy_of(line, [hours], Problems())
    policies = kit.policies
    assert isinstance(policies, dict)
    policies[line.id] = policy


def broken() -> ScriptedAgent:
    return ScriptedAgent(lambda turn: AgentRefused("It is out of order."))


async def leaves(story: Calling, words: str = WORDS) -> None:
    """Calls, says something to the broken agent, and leaves a message."""
    phone = story.phone(BEN)
    phone.calls()
    await story.until(phone.hears("this is Acme"))
    await story.story.passes(seconds=1)
    phone.says("Is anybody there?")
    await story.until(phone.hears(PROMPT))
    await story.until(phone.hears("beep"))
    await story.story.passes(seconds=1)
    phone.says(words)
    await story.until(phone.is_over())
    await story.settles()
    await story.story.passes(seconds=10)


async def retries(story: Calling) -> None:
    """Every moment comes at which it may be fetched again."""
    for seconds in (*TRIES_S, 10):
        await story.story.passes(seconds=seconds + 1)


async def left(story: Calling) -> LeftMessage | None:
    call = await story.call()
    found: LeftMessage | None = await story.story.read(lambda tx: tx.calls.message_of(call.id))
    return found


async def sound(story: Calling) -> bytes | None:
    call = await story.call()
    found: bytes | None = await story.story.read(lambda tx: tx.calls.sound_of(call.id))
    return found


def told(story: Calling) -> list[str]:
    return [text.body for text in story.phone(OWNER).inbox if "left a message" in text.body]


@pytest.mark.parametrize("provider", ["plivo", "telnyx", "twilio"])
async def test_where_the_agent_fails_a_message_is_left_kept_and_told_of(
    store_url: str, provider: str
) -> None:
    async with answering(store_url, agent=broken(), provider=provider) as story:
        await leaves(story)
        message, call = await left(story), await story.call()
        assert message is not None
        assert message.state is LeftMessageState.KEPT
        content = await sound(story)
        assert content is not None
        assert content[:4] == b"RIFF"
        assert WORDS.encode() in content
        assert (message.size, message.url) == (len(content), "")
        (text,) = told(story)
        assert text.startswith(f"{BEN} called ")
        assert f"ringfence voicecall messages --call-id {call.id}" in text


async def test_a_closed_line_takes_messages_and_asks_no_agent(store_url: str) -> None:
    agent = ScriptedAgent()
    async with answering(store_url, agent=agent) as story:
        closes(story)
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("beep"))
        phone.says(WORDS)
        await story.until(phone.is_over())
        await story.settles()
        await story.story.passes(seconds=10)
        assert agent.turns == []
        assert len(told(story)) == 1
        inbox = story.phone(OWNER).inbox
        assert len(inbox) == 1


async def test_without_messages_a_closed_line_answers_nobody(store_url: str) -> None:
    async with calling(store_url) as story:
        closes(story)
        call = story.phone(BEN).calls()
        await story.settles()
        assert call.answered_at is None


@pytest.mark.proves("B125")
async def test_whoever_waited_too_long_may_leave_a_message(store_url: str) -> None:
    async with answering(
        store_url, voice={"at_once": 1, "messages": MessageSettings(hold_s=5)}
    ) as story:
        first, second = story.phone(ANN), story.phone(BEN)
        first.calls()
        await story.until(first.hears("this is Acme"))
        second.calls()
        await story.until(second.hears("beep"))
        second.says(WORDS)
        await story.until(second.is_over())
        await story.settles()
        await story.story.passes(seconds=10)
        assert len(told(story)) == 1


@pytest.mark.proves("B116")
async def test_a_webhook_told_again_is_answered_with_the_same_question(store_url: str) -> None:
    async with answering(store_url, agent=broken()) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("Hello?")
        await story.until(phone.hears("beep"))
        call, kit, line = await story.call(), story.story.gateway.kit, story.story.line
        before = await story.words(call)
        step = await story.story.write(
            lambda tx: steps.waited(kit, tx, line, call.id, 1, filler=False)
        )
        assert [one for one in step.instructions if isinstance(one, TakeMessage)]
        assert await story.words(call) == before
        phone.hangs_up()
        await story.settles()


async def test_whoever_hangs_up_while_speaking_has_left_a_message(store_url: str) -> None:
    async with answering(store_url, agent=broken()) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("Hello?")
        await story.until(phone.hears("beep"))
        phone.says(WORDS)
        await story.story.passes(seconds=2)
        phone.hangs_up()
        await story.settles()
        await story.story.passes(seconds=10)
        assert WORDS.encode() in (await sound(story) or b"")


async def test_whoever_says_nothing_leaves_nothing(store_url: str) -> None:
    async with answering(store_url, agent=broken()) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("Hello?")
        await story.until(phone.hears("beep"))
        await story.until(phone.is_over())
        await story.settles()
        await story.story.passes(seconds=10)
        message = await left(story)
        assert message is not None
        assert message.state is LeftMessageState.ASKED
        assert await story.story.read(lambda tx: tx.calls.messages_left(10)) == []
        assert told(story) == []


@pytest.mark.proves("B089")
async def test_a_recording_that_is_not_there_yet_is_fetched_again(store_url: str) -> None:
    async with answering(store_url, agent=broken()) as story:
        story.story.carrier.world.rest.recordings.missing = 3
        await leaves(story)
        await retries(story)
        message = await left(story)
        assert message is not None
        assert message.state is LeftMessageState.KEPT
        assert len(told(story)) == 1


async def test_a_recording_that_never_comes_is_told_of_too(store_url: str) -> None:
    async with answering(store_url, agent=broken()) as story:
        story.story.carrier.world.rest.recordings.missing = 1_000
        await leaves(story)
        await retries(story)
        message = await left(story)
        assert message is not None
        assert (message.state, message.due_at) == (LeftMessageState.LOST, None)
        (text,) = told(story)
        assert f"the provider may still have it as {message.recording_id}" in text


@pytest.mark.proves("P7")
async def test_hearing_one_is_on_record(store_url: str) -> None:
    async with answering(store_url, agent=broken()) as story:
        await leaves(story)
        call, kit = await story.call(), story.story.gateway.kit
        content, content_type = await call_hearing.heard(kit, call.id, "operator:ann")
        assert content == await sound(story)
        assert content_type.startswith("audio/")
        entries = await story.story.read(lambda tx: tx.audit.of_subject(call.id))
        heard = [one.entry for one in entries if one.entry.kind == "call_message_heard"]
        assert [(one.subject, one.actor) for one in heard] == [(call.id, "operator:ann")]


async def test_erasing_a_person_erases_what_they_left(store_url: str) -> None:
    async with answering(store_url, agent=broken()) as story:
        await leaves(story)
        call, kit, number = await story.call(), story.story.gateway.kit, PhoneNumber(BEN)
        now = story.story.clock.now()
        exported = await story.story.read(lambda tx: contacts.export(kit, tx, number))
        assert exported["calls"][0]["left"]["state"] == "kept"
        await story.story.write(lambda tx: contacts.erase(kit, tx, number, "operator:test", now))
        assert await story.story.read(lambda tx: tx.calls.message_of(call.id)) is None
        assert await story.story.read(lambda tx: tx.calls.sound_of(call.id)) is None


async def test_what_was_left_is_forgotten_with_the_texts(store_url: str) -> None:
    config = {"retention": {"bodyDays": 30}}
    async with answering(store_url, agent=broken(), config=config) as story:
        await leaves(story)
        call, kit = await story.call(), story.story.gateway.kit
        await story.story.passes(days=29)
        assert await sound(story) is not None
        await story.story.passes(days=2)
        assert await sound(story) is None
        with pytest.raises(NotFound):
            await call_hearing.heard(kit, call.id, "operator:ann")
