"""Conversations over live sound through the whole gateway: the carrier opens a socket with a token that
works once, the ear hears, the agent answers, the gate decides about each sentence, the mouth speaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from calling import ANN, BEN, ROUTE, Calling, calling
from ringfence.model.call import CallMode, EndReason, Speaker
from ringfence.model.voice import Route, VoiceSettings
from ringfence.ports.speech import Final, HeardWords, Spoken
from telling import OWNER, ScriptedAgent

DISCLOSURE = "This is an automated assistant of Acme."
MS_A_CHARACTER = 40


@dataclass
class Hearing:
    words_heard: asyncio.Queue[HeardWords | None] = field(default_factory=asyncio.Queue)
    fed: int = 0

    async def feed(self, sound: bytes) -> None:
        self.fed += len(sound)

    async def finish(self) -> None:
        return None

    async def words(self) -> AsyncIterator[HeardWords]:
        while (one := await self.words_heard.get()) is not None:
            yield one

    async def close(self) -> None:
        self.words_heard.put_nowait(None)


@dataclass
class FakeSpeech:
    """Hears what the test says, and speaks a sound as long as the words."""

    hearings: list[Hearing] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)
    name: str = "fake"

    def ears(self, voice: VoiceSettings, route: Route) -> FakeSpeech:
        return self

    def mouth(self, voice: VoiceSettings, route: Route) -> FakeSpeech:
        return self

    async def listen(self, language: str, hints: Sequence[str] = ()) -> Hearing:
        self.hearings.append(Hearing())
        return self.hearings[-1]

    async def speak(self, text: str, language: str) -> AsyncGenerator[Spoken, None]:
        self.spoken.append(text)
        yield Spoken(b"\x10" * (8 * MS_A_CHARACTER * len(text)))

    async def check(self) -> str:
        return ""

    async def close(self) -> None:
        return None

    def hears(self, words: str) -> None:
        self.hearings[-1].words_heard.put_nowait(Final(words, turn_over=True))


def route() -> Route:
    return replace(ROUTE, disclosure=DISCLOSURE)


async def lasts(story: Calling, text: str) -> None:
    """As long as these words take to say, and a little."""
    await story.story.passes(seconds=len(text) * MS_A_CHARACTER / 1000 + 0.5)


@pytest.mark.proves("P1", "B143")
async def test_somebody_talks_with_the_agent_over_live_sound(sqlite_url: str) -> None:
    speech = FakeSpeech()
    agent = ScriptedAgent(lambda turn: "We open at nine. Anything else?")
    voice = {"route": route()}
    async with calling(sqlite_url, streams=True, speech=speech, agent=agent, voice=voice) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.is_streamed())
        await lasts(story, DISCLOSURE)
        assert (await story.call()).disclosed_at is not None
        await lasts(story, ROUTE.greeting)
        speech.hears("When do you open?")
        await lasts(story, "We open at nine. Anything else?")
        phone.hangs_up()
        await story.settles()
        assert speech.spoken[:2] == [DISCLOSURE, ROUTE.greeting]
        call = await story.call()
        said = [(one.speaker, one.text) for one in await story.words(call)]
        assert said == [
            (Speaker.GATEWAY, DISCLOSURE),
            (Speaker.GATEWAY, ROUTE.greeting),
            (Speaker.PERSON, "When do you open?"),
            (Speaker.AGENT, "We open at nine."),
            (Speaker.AGENT, "Anything else?"),
        ]
        ours = [one for one in await story.words(call) if one.speaker is not Speaker.PERSON]
        assert all(one.heard == len(one.text) for one in ours)
        assert all(one.decision for one in ours if one.speaker is Speaker.AGENT)
        assert call.person.end_reason is EndReason.HUNG_UP


async def test_who_hangs_up_in_the_disclosure_was_not_told_live(sqlite_url: str) -> None:
    speech = FakeSpeech()
    voice = {"route": route()}
    async with calling(sqlite_url, streams=True, speech=speech, voice=voice) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.is_streamed())
        await story.story.passes(seconds=0.6)
        phone.hangs_up()
        await story.settles()
        call = await story.call()
        assert call.disclosed_at is None
        [words] = await story.words(call)
        assert words.heard is not None
        assert words.heard < len(DISCLOSURE)


@pytest.mark.proves("P1")
async def test_no_sentence_the_gate_refuses_is_spoken_live(sqlite_url: str) -> None:
    speech = FakeSpeech()
    agent = ScriptedAgent(lambda turn: "Your card is 4111 1111 1111 1111.")
    async with calling(sqlite_url, streams=True, speech=speech, agent=agent) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.is_streamed())
        await lasts(story, ROUTE.greeting)
        speech.hears("What is my card?")
        await story.story.passes(seconds=5)
        assert not any("4111" in text for text in speech.spoken)
        phone.hangs_up()
        await story.settles()


@pytest.mark.proves("P3")
async def test_the_kill_switch_ends_live_sound(sqlite_url: str) -> None:
    speech = FakeSpeech()
    agent = ScriptedAgent(lambda turn: "A long story. " * 40)
    async with calling(sqlite_url, streams=True, speech=speech, agent=agent) as story:
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.is_streamed())
        await lasts(story, ROUTE.greeting)
        speech.hears("Tell me a story.")
        await story.story.passes(seconds=2)
        await story.stops()
        await story.until(phone.is_over())
        await story.settles()
        assert (await story.call()).person.end_reason is EndReason.KILLED


async def test_an_outbound_conversation_is_live_and_a_notice_is_not(sqlite_url: str) -> None:
    speech = FakeSpeech()
    async with calling(sqlite_url, streams=True, speech=speech) as story:
        await story.calls(ANN, "Hi Ann, do you have a question?", mode=CallMode.CONVERSATION)
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.is_streamed())
        await lasts(story, "Hi Ann, do you have a question?")
        assert speech.spoken == ["Hi Ann, do you have a question?"]
        phone.hangs_up()
        await story.settles()
        await story.calls(BEN, "Your order is ready.")
        other = story.phone(BEN)
        await story.until(other.rings())
        other.answers()
        await story.until(other.hears("Your order is ready"))
        await story.settles()


@pytest.mark.parametrize("answers", [True, False])
async def test_live_sound_gives_way_to_a_person_and_comes_back(
    sqlite_url: str, answers: bool
) -> None:
    speech = FakeSpeech()
    agent = ScriptedAgent(lambda turn: '{"say": "I connect you.", "transferTo": "owner"}')
    async with calling(sqlite_url, streams=True, speech=speech, agent=agent) as story:
        phone, owner = story.phone(BEN), story.phone(OWNER)
        phone.calls()
        await story.until(phone.is_streamed())
        await lasts(story, ROUTE.greeting)
        speech.hears("A person, please.")
        await story.until(owner.rings())
        if answers:
            owner.answers()
            await story.story.passes(seconds=20)
            owner.hangs_up()
            await story.until(phone.is_over())
        else:
            owner.hangs_up()
            await story.story.passes(seconds=10)
            assert "Nobody can take the call now." in speech.spoken
            phone.hangs_up()
        await story.settles()
        assert speech.spoken.count(ROUTE.greeting) == 1
        assert await story.story.read(lambda tx: tx.calls.live_ones()) == []
