"""A model that hears and speaks by itself, in the session of any other live call: it is the call's ear, its
agent and the voice of that agent's words, and of none of ours. Its sound is held until the gate has
judged the words it came with (`voice/watched.py`); it answers only when it may; and what nobody heard
is taken out of its memory before it answers again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol, assert_never

from ringfence.audio.frames import BYTES_PER_MS
from ringfence.gateway.live_call import LiveCall, MaySay, Recorded, Sentence
from ringfence.model.errors import AgentRefused, SpeechError
from ringfence.model.realtime import Hold
from ringfence.ports.realtime import (
    AnswerDone,
    AnswerSound,
    AnswerWords,
    RealtimeTalk,
    TalksItself,
    Tool,
    ToolCalled,
)
from ringfence.ports.speech import Final as FinalWords
from ringfence.ports.speech import HeardWords, Partial, SpeechBegan, Spoken
from ringfence.voice.effects import EndCall, StreamOver, WordsBegun, WordsHeard
from ringfence.voice.watched import HeldSpeech, WatchedAnswer

ROUNDS_MAX: Final = 6
"""Answers to one turn: each after the first goes on with what a tool said."""
CALLS_MAX: Final = 4
"""Tools that one answer may ask for."""

_Answer = AnswerWords | AnswerSound | ToolCalled | AnswerDone


@dataclass(frozen=True, slots=True)
class Used:
    """What came of a tool: words for the model, or that the call is to end, or is somebody else's now."""

    output: str
    hang_up: bool = False
    is_handed_over: bool = False


class UsesTools(Protocol):
    """The tools of one call, each behind the gate."""

    @property
    def offered(self) -> Sequence[Tool]: ...

    async def use(self, turn: int, name: str, arguments: Mapping[str, Any]) -> Used:
        """Never raises for what a model wrote."""


@dataclass(slots=True)
class _Item:
    """One thing the model said: how much of it came, and how much was heard."""

    ms: int = 0
    heard_ms: int = 0


class RealtimeVoice:
    """One call's. Fulfils `live_call.Listens`, `AsksAgent`, `Voiced` and `LiveCall`, and
    `ports.speech.Hearing`."""

    def __init__(
        self, service: TalksItself, call: LiveCall, tools: UsesTools, hold: Hold = Hold.SENTENCE
    ) -> None:
        self._service, self._call, self._tools, self._hold = service, call, tools, hold
        self._talk: RealtimeTalk | None = None
        self._answers: asyncio.Queue[_Answer | None] = asyncio.Queue()
        self._items: dict[str, _Item] = {}
        self._held: list[tuple[int, HeldSpeech]] = []
        self._spoken: dict[int, HeldSpeech] = {}
        self._ours: dict[int, str] = {}
        self._refused = 0  # the last turn of which something may not be said

    # -- the ear -----------------------------------------------------------------------------------

    async def listen(self, language: str, hints: Sequence[str] = ()) -> RealtimeVoice:
        """Raises SpeechError."""
        self._talk = await self._service.open(language, self._tools.offered, hints)
        return self

    async def feed(self, sound: bytes) -> None:
        self._open().feed(sound)

    async def finish(self) -> None:
        """It knows by itself when a turn is over."""

    async def words(self) -> AsyncIterator[HeardWords]:
        try:
            async for event in self._open().events():
                if isinstance(event, SpeechBegan | Partial | FinalWords):
                    yield event
                else:
                    self._answers.put_nowait(event)
        finally:
            self._answers.put_nowait(None)

    async def close(self) -> None:
        if self._talk is not None:
            await self._talk.close()

    def _open(self) -> RealtimeTalk:
        if self._talk is None:
            raise SpeechError("The model's socket is not open yet.", code="speech_gone")
        return self._talk

    # -- the agent ---------------------------------------------------------------------------------

    async def ask(self, turn: int, text: str, digits: str) -> AsyncGenerator[Sentence, None]:
        """What the person said it has heard itself."""
        try:
            talk = self._open()
            self._correct(talk)
            if digits:
                talk.told(f"(I pressed these keys: {digits})")
            async with aclosing(self._rounds(turn, talk)) as sentences:
                async for sentence in sentences:
                    yield sentence
        except SpeechError as error:
            raise AgentRefused(str(error), code=error.code) from error

    def _correct(self, talk: RealtimeTalk) -> None:
        """Its memory is what the person heard, and nothing else."""
        for name, item in self._items.items():
            if not item.heard_ms:
                talk.forget(name)
            elif item.heard_ms < item.ms:
                talk.heard(name, item.heard_ms)
        self._items.clear()
        self._held.clear()

    async def _rounds(self, turn: int, talk: RealtimeTalk) -> AsyncGenerator[Sentence, None]:
        for _ in range(ROUNDS_MAX):
            verdict = await self._call.may_say(turn, "")
            if not verdict.decision:
                raise AgentRefused(f"Nothing may be answered: {verdict.reason}.")
            wanted: list[ToolCalled] = []
            async with aclosing(self._answer(turn, talk, wanted)) as sentences:
                async for sentence in sentences:
                    yield sentence
            if not wanted or self._refused == turn:
                return
            for one in wanted[:CALLS_MAX]:
                used = await self._tools.use(turn, one.name, one.arguments)
                if used.hang_up:
                    yield Sentence("", hang_up=True)
                if used.hang_up or used.is_handed_over:
                    return
                talk.result(one.call, used.output)
        raise AgentRefused("The model asks for tools and never answers.")

    async def _answer(
        self, turn: int, talk: RealtimeTalk, wanted: list[ToolCalled]
    ) -> AsyncGenerator[Sentence, None]:
        """One answer, as its sentences may be judged; the tools it asks for go into `wanted`."""
        watched, number, done = WatchedAnswer(whole=self._hold is Hold.ANSWER), talk.answer(), None
        try:
            while done is None:
                event = await self._next(number)
                for held in self._take(watched, event, wanted):
                    if sentence := await self._offer(turn, held):
                        yield sentence
                    if self._refused == turn:
                        return  # it says that already: nothing of this answer is trusted any more
                if watched.is_endless:
                    raise AgentRefused("The model's answer has no end.")
                done = event if isinstance(event, AnswerDone) else None
        finally:
            if done is None:
                with suppress(SpeechError):
                    talk.cancel()
        if done.failure:
            raise AgentRefused(f"The model broke its answer off: {done.failure}.")

    async def _next(self, number: int) -> _Answer:
        """The next of this answer; of an earlier one nothing is wanted any more."""
        while (event := await self._answers.get()) is not None:
            if isinstance(event, AnswerSound):
                self._items.setdefault(event.item, _Item()).ms += len(event.sound) // BYTES_PER_MS
            if event.answer == number:
                return event
        self._answers.put_nowait(None)
        raise SpeechError("The model's socket is gone.", code="speech_gone")

    def _take(
        self, watched: WatchedAnswer, event: _Answer, wanted: list[ToolCalled]
    ) -> list[HeldSpeech]:
        match event:
            case AnswerWords():
                return watched.words(event.item, event.text)
            case AnswerSound():
                return watched.sound(event.item, event.sound)
            case ToolCalled():
                wanted.append(event)
                return []
            case AnswerDone():
                return watched.end()
            case _:
                assert_never(event)

    async def _offer(self, turn: int, held: HeldSpeech) -> Sentence | None:
        """Words whose sound was let go before are judged too: refused, they cut what still sounds."""
        if not held.sound and (await self.may_say(turn, held.text)).decision:
            return None
        self._held.append((turn, held))
        return Sentence(held.text)

    # -- the gate and the record, by way of which it learns what may not be said ------------------

    async def may_say(self, turn: int, text: str) -> MaySay:
        verdict = await self._call.may_say(turn, text)
        if not verdict.decision:
            self._refused = turn
        return verdict

    async def record(self, what: Recorded) -> None:
        await self._call.record(what)

    async def ended(self, how: EndCall | StreamOver) -> None:
        await self._call.ended(how)

    # -- its voice ---------------------------------------------------------------------------------

    async def speak(self, utterance: int, turn: int, text: str) -> AsyncGenerator[Spoken, None]:
        """The sound that words of its own came with. Raises SpeechError."""
        found = next((one for one in self._held if one[0] == turn and one[1].text == text), None)
        if found is None or not found[1].sound:
            raise SpeechError("These words have no sound.", code="speech_gone")
        self._held.remove(found)
        self._spoken[utterance] = found[1]
        yield Spoken(found[1].sound)

    def note(self, what: WordsBegun | WordsHeard) -> None:
        """What the person hears, of its words and of ours."""
        if isinstance(what, WordsBegun):
            if what.utterance not in self._spoken:
                self._ours[what.utterance] = what.text
            return
        held = self._spoken.pop(what.utterance, None)
        ours = self._ours.pop(what.utterance, "")[: what.characters].strip()
        if held is not None and what.ms:
            item = self._items.setdefault(held.item, _Item())
            item.heard_ms = max(item.heard_ms, held.start_ms + what.ms)
        elif ours and self._talk is not None:
            with suppress(SpeechError):
                self._talk.said(ours)
