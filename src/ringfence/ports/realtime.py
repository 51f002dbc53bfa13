"""A model that hears and speaks by itself, as the shell sees it: one socket per call, sound both ways, and
the words of both sides beside it. It answers only when it is told to, so that policy comes first. Sound
is G.711 µ-law at 8 kHz on both sides of this port, whatever a service speaks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ringfence.ports.speech import HeardWords


@dataclass(frozen=True, slots=True)
class AnswerWords:
    """More of what answer `answer` says, in words. Nothing promises that they come before its sound."""

    answer: int
    item: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AnswerSound:
    """More of what it sounds like. `item` is the service's name for one thing said."""

    answer: int
    item: str
    sound: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The model wants a tool used; it waits for `result` under the same `call`."""

    answer: int
    call: str
    name: str
    arguments: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AnswerDone:
    """No more of this answer comes. `failure` says why it is not whole; empty when it is."""

    answer: int
    failure: str = ""


RealtimeEvent = HeardWords | AnswerWords | AnswerSound | ToolCalled | AnswerDone


@dataclass(frozen=True, slots=True)
class Tool:
    """Something the model may ask for. `parameters` is a JSON Schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


class RealtimeTalk(Protocol):
    """One call's socket. Everything but `events` and `close` only queues and never waits; each raises
    SpeechError once the service is gone."""

    def feed(self, sound: bytes) -> None: ...

    def answer(self) -> int:
        """Let it answer what it has heard, once an earlier answer is over; the answer's number."""

    def cancel(self) -> None:
        """Nothing more of the answer under way is wanted. No error where there is none."""

    def said(self, text: str) -> None:
        """Words of ours that were not the model's, for its memory of the call."""

    def told(self, text: str) -> None:
        """What the person did besides speaking, for its memory."""

    def heard(self, item: str, ms: int) -> None:
        """Of that item only so much was heard: the rest was not said."""

    def forget(self, item: str) -> None:
        """That item was not heard at all."""

    def result(self, call: str, output: str) -> None:
        """What came of a tool; `answer` lets the model go on with it."""

    def events(self) -> AsyncIterator[RealtimeEvent]:
        """Until closed; for one reader. Raises SpeechError."""

    async def close(self) -> None: ...


class TalksItself(Protocol):
    """A service with such a model."""

    name: str

    async def open(
        self, language: str, tools: Sequence[Tool], hints: Sequence[str]
    ) -> RealtimeTalk:
        """Raises SpeechError."""
