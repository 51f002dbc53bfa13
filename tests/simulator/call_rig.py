"""What the tests of calls hold in hand: a moved clock that follows a call wherever it goes, and a
receiver that answers each address with its own document."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

from carrier_rig import EMPTY, Hit, Receiver
from twilio.request_validator import RequestValidator

from ringfence.clock import ManualClock
from ringfence.testing import SimulatedCarrier

T = TypeVar("T")
START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
XML = '<?xml version="1.0" encoding="UTF-8"?><Response>{}</Response>'


@dataclass
class Time:
    """`await time.until(phone.rings())` lets time pass, as fast as it can, until that is done."""

    clock: ManualClock
    carrier: SimulatedCarrier

    async def until(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.ensure_future(work)
        async with asyncio.timeout(20):
            while not task.done():
                await self._quiet()
                due = self.clock.next_wake
                if not task.done() and due is not None:
                    self.clock.move_to(due)
        return await task

    async def passes(self, **delta: float) -> None:
        """Let exactly this much time pass."""
        end = self.clock.now() + timedelta(**delta)
        while True:
            await self._quiet()
            due = self.clock.next_wake
            if due is None or due > end:
                self.clock.move_to(end)
                await self._quiet()
                return
            self.clock.move_to(due)

    async def settles(self) -> None:
        """Until no call is under way and nothing is owed."""
        await self.until(self.carrier.settles())

    async def _quiet(self) -> None:
        """Until no webhook is under way and everybody waits for the clock."""
        reports, still = self.carrier.voice.reports, 0
        while still < 25:
            await asyncio.sleep(0)
            still = 0 if reports.in_flight else still + 1


@dataclass
class Answers:
    """A receiver's answers by path: a document's inside, or a function of the hit."""

    receiver: Receiver
    by_path: dict[str, str | Callable[[Hit], str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.receiver.on_hit = self._answer

    def at(self, path: str, inner: str | Callable[[Hit], str]) -> str:
        """Answer `path` with this; returns its address."""
        self.by_path[path] = inner
        return self.receiver.url(path)

    async def _answer(self, hit: Hit) -> None:
        found = self.by_path.get(urlsplit(hit.url).path)
        inner = found(hit) if callable(found) else found
        self.receiver.document = EMPTY if inner is None else XML.format(inner)

    def hits(self, path: str) -> list[Hit]:
        return [hit for hit in self.receiver.hits if urlsplit(hit.url).path == path]


def all_signed(receiver: Receiver, token: str) -> bool:
    """The vendor's own validator takes every webhook that arrived."""
    validator = RequestValidator(token)
    return all(
        validator.validate(hit.url, hit.form if hit.method == "POST" else {}, hit.signature)
        for hit in receiver.hits
    )
