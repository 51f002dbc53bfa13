"""One call leg under way: what the person does with it, and what the API asks of it, until it is over.
Holds no rules of TwiML and posts nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

from ringfence.simulator.call_phone import Bell
from ringfence.simulator.calls import Call, CallDirection, Played
from ringfence.simulator.stream_playout import Ear
from ringfence.simulator.timeline import Clock

# What a phone's word for who picked up is in the carrier's, by mode of detection.
_VERDICTS: Final = {
    ("human", "Enable"): "human",
    ("human", "DetectMessageEnd"): "human",
    ("machine", "Enable"): "machine_start",
    ("machine", "DetectMessageEnd"): "machine_end_beep",
}


@dataclass(frozen=True, slots=True)
class Key:
    digit: str


@dataclass(frozen=True, slots=True)
class Words:
    text: str


Input: TypeAlias = Key | Words


@dataclass(frozen=True, slots=True)
class Source:
    """Where a call's instructions come from: an address with fields to add, or a document."""

    url: str = ""
    method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = "POST"
    twiml: str = ""
    fields: tuple[tuple[str, str], ...] = ()


class Tap(Protocol):
    """What follows a person as it happens: a media stream."""

    def press(self, digit: str) -> None: ...

    def speak(self, words: str) -> None: ...

    def utter(self, sound: bytes) -> None: ...


@dataclass(slots=True, eq=False)
class Session:
    """A leg that is not over. `by` is who picked up, in the phone's word. `ear` keeps the sound that
    media streams played out, `sounded` rings and `listeners` are called with each frame of it."""

    call: Call
    clock: Clock
    inputs: asyncio.Queue[Input] = field(default_factory=asyncio.Queue)
    picked_up: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    by: str = ""
    ending: str = ""  # the status it is to end with
    redirect: Source | None = None
    limit: asyncio.Task[None] | None = None  # ends it when its time is up
    posting: asyncio.Task[None] | None = None  # its latest status callback
    held: list[Any] = field(default_factory=list)  # status callbacks that come late
    owed: list[Source] = field(default_factory=list)  # to be asked once it is over
    taps: list[Tap] = field(default_factory=list)
    ear: Ear = field(default_factory=Ear)
    sounded: Bell = field(default_factory=Bell)
    listeners: list[Callable[[bytes], None]] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """AnsweredBy for who picked up."""
        return _VERDICTS.get((self.by, self.call.detection), self.by)

    # -- the person ---------------------------------------------------------------------------

    def pick_up(self, by: str) -> None:
        self.by = by
        self.picked_up.set()

    def press(self, digit: str) -> None:
        self._note("keys", digit)
        self.inputs.put_nowait(Key(digit))
        for tap in self.taps:
            tap.press(digit)

    def speak(self, words: str) -> None:
        self._note("mine", words)
        self.inputs.put_nowait(Words(words))
        for tap in self.taps:
            tap.speak(words)

    def utter(self, sound: bytes) -> None:
        """Say µ-law sound; without a media stream nothing here hears it."""
        for tap in self.taps:
            tap.utter(sound)

    def _note(self, kind: str, text: str) -> None:
        now = self.clock.now()
        self.call.said.append(Played(kind, text, now, 0.0, now))

    def put_down(self) -> None:
        """Hang up; before the answer it is the caller giving up, or the callee turning it away."""
        if self.call.answered_at is not None:
            self.end("completed")
        else:
            inbound = self.call.direction is CallDirection.INBOUND
            self.end("canceled" if inbound else "busy")

    # -- the API ------------------------------------------------------------------------------

    def end(self, status: str) -> None:
        """The first reason to end wins."""
        self.ending = self.ending or status
        self.changed.set()

    def turn_to(self, source: Source) -> None:
        """Swap the instructions of the live call."""
        self.redirect = source
        self.changed.set()

    async def watch(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do `work` unless the call is ended or redirected meanwhile; whether it was done whole."""
        working = asyncio.ensure_future(work)
        change = asyncio.ensure_future(self.changed.wait())
        try:
            await asyncio.wait({working, change}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working
                return True
            return False
        finally:
            await cancelled(working, change)


async def cancelled(*tasks: asyncio.Future[Any]) -> None:
    """Cancel what is not done yet, and wait until it is."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
