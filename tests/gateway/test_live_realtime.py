"""The model's side of a call by itself: what it may ask for has an end, what nobody heard is forgotten, and
the page about it says the numbers that hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ringfence.gateway.live_call import MaySay, Recorded
from ringfence.gateway.live_realtime import CALLS_MAX, ROUNDS_MAX, RealtimeVoice, Used
from ringfence.model.call import Speaker
from ringfence.model.errors import AgentRefused, SpeechError
from ringfence.ports.realtime import (
    AnswerDone,
    AnswerSound,
    AnswerWords,
    RealtimeEvent,
    RealtimeTalk,
    Tool,
    ToolCalled,
)
from ringfence.voice.effects import EndCall, StreamOver, WordsBegun, WordsHeard
from ringfence.voice.watched import ANSWER_MS_MAX, MS_A_CHARACTER_MAX, SLACK_MS

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "realtime.md"
MS = 8


@dataclass
class ScriptedTalk:
    """Answers each `answer` with the next of `answers`, whose number it fills in."""

    answers: list[list[Any]]
    done: list[tuple[str, ...]] = field(default_factory=list)
    number: int = 0
    inbox: asyncio.Queue[RealtimeEvent] = field(default_factory=asyncio.Queue)

    def feed(self, sound: bytes) -> None:
        self.done.append(("feed",))

    def answer(self) -> int:
        self.number += 1
        for kind, *rest in self.answers.pop(0):
            self.inbox.put_nowait(kind(self.number, *rest))
        return self.number

    def cancel(self) -> None:
        self.done.append(("cancel",))

    def said(self, text: str) -> None:
        self.done.append(("said", text))

    def told(self, text: str) -> None:
        self.done.append(("told", text))

    def heard(self, item: str, ms: int) -> None:
        self.done.append(("heard", item, str(ms)))

    def forget(self, item: str) -> None:
        self.done.append(("forget", item))

    def result(self, call: str, output: str) -> None:
        self.done.append(("result", call, output))

    async def events(self) -> AsyncIterator[RealtimeEvent]:
        while True:
            yield await self.inbox.get()

    async def close(self) -> None: ...


@dataclass
class Service:
    talk: Any
    name: str = "scripted"

    async def open(
        self, language: str, tools: Sequence[Tool], hints: Sequence[str]
    ) -> RealtimeTalk:
        talk: RealtimeTalk = self.talk
        return talk


class Call:
    async def may_say(self, turn: int, text: str) -> MaySay:
        return MaySay(decision="d")

    async def record(self, what: Recorded) -> None: ...

    async def ended(self, how: EndCall | StreamOver) -> None: ...


@dataclass
class Tools:
    used: list[str] = field(default_factory=list)
    offered: Sequence[Tool] = ()

    async def use(self, turn: int, name: str, arguments: Mapping[str, Any]) -> Used:
        self.used.append(name)
        return Used("done")


async def voiced(talk: ScriptedTalk, tools: Tools) -> tuple[RealtimeVoice, asyncio.Task[None]]:
    voice = RealtimeVoice(Service(talk), Call(), tools)
    await voice.listen("en-US")

    async def hear() -> None:
        async for _ in voice.words():
            pass

    return voice, asyncio.create_task(hear())


async def test_a_model_that_only_asks_for_tools_is_given_up() -> None:
    wants = [(ToolCalled, "c", "any", {})] * (CALLS_MAX + 3) + [(AnswerDone,)]
    talk, tools = ScriptedTalk([list(wants) for _ in range(ROUNDS_MAX)]), Tools()
    voice, ear = await voiced(talk, tools)
    with pytest.raises(AgentRefused, match="never answers"):
        async for _ in voice.ask(1, "Hello?", ""):
            pass
    assert len(tools.used) == CALLS_MAX * ROUNDS_MAX
    ear.cancel()


async def test_an_answer_without_end_is_cancelled() -> None:
    minute = (AnswerSound, "a", b"\x20" * (60_000 * MS))
    talk = ScriptedTalk([[minute] * (ANSWER_MS_MAX // 60_000 + 1)])
    voice, ear = await voiced(talk, Tools())
    with pytest.raises(AgentRefused, match="no end"):
        async for _ in voice.ask(1, "Hello?", ""):
            pass
    assert talk.done == [("cancel",)]
    ear.cancel()


async def test_its_memory_is_what_was_heard() -> None:
    said = [
        (AnswerWords, "a", "One."),
        (AnswerSound, "a", b"\x20" * (600 * MS)),
        (AnswerWords, "a", " Two."),
        (AnswerSound, "a", b"\x20" * (600 * MS)),
        (AnswerDone,),
    ]
    unheard = [(AnswerWords, "b", "Three."), (AnswerSound, "b", b"\x20" * 800), (AnswerDone,)]
    talk = ScriptedTalk([said, unheard, [(AnswerDone,)]])
    voice, ear = await voiced(talk, Tools())
    assert [one.text async for one in voice.ask(1, "x", "")] == ["One.", "Two."]
    for utterance, text, ms in ((7, "One.", 600), (8, "Two.", 240)):
        [piece] = [piece async for piece in voice.speak(utterance, 1, text)]
        assert len(piece.sound) == 600 * MS
        voice.note(WordsBegun(utterance, Speaker.AGENT, text, "d", 1))
        voice.note(WordsHeard(utterance, 2, ms))
    voice.note(WordsBegun(9, Speaker.GATEWAY, "One moment, please.", "", 1))
    voice.note(WordsHeard(9, 10, 700))
    assert [one.text async for one in voice.ask(2, "y", "")] == ["Three."]
    assert [one async for one in voice.ask(3, "z", "")] == []
    assert talk.done == [("said", "One moment"), ("heard", "a", "840"), ("forget", "b")]
    with pytest.raises(SpeechError):
        [piece async for piece in voice.speak(10, 2, "Three.")]
    ear.cancel()


def test_the_page_says_what_can_slip_out() -> None:
    page = " ".join(PAGE.read_text().split())
    assert f"*n* × {MS_A_CHARACTER_MAX} ms + {SLACK_MS // 1000} s" in page
    assert (CALLS_MAX, ROUNDS_MAX) == (4, 6)
    assert "may ask for four tools, a turn goes back and forth six times" in page
