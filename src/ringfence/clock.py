"""The only file that reads the time or sleeps. `ManualClock` is for tests and simulations: time
stands still until the test moves it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """Wall-clock time, aware UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the one reader

    def monotonic(self) -> float:
        """Seconds of a clock that only goes on, whatever the wall clock is set to."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)  # noqa: TID251 - the one sleeper


class ManualClock:
    """Moves only by `advance`; wakes sleepers in order of their time."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._order = itertools.count()
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    @property
    def sleepers(self) -> int:
        """How many wait for the time to move."""
        return sum(not future.done() for _, _, future in self._sleepers)

    @property
    def next_wake(self) -> datetime | None:
        """When the first sleeper is due."""
        times = [at for at, _, future in self._sleepers if not future.done()]
        return min(times, default=None)

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        wake_at = self._now + timedelta(seconds=max(0.0, seconds))
        heapq.heappush(self._sleepers, (wake_at, next(self._order), future))
        await future

    def advance(self, **delta: float) -> None:
        """`advance(hours=2)`: takes timedelta's keywords; wakes every sleeper that is due."""
        self.move_to(self._now + timedelta(**delta))

    def move_to(self, moment: datetime) -> None:
        """Never backwards."""
        assert moment >= self._now, "time only moves on"
        self._now = moment
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)
