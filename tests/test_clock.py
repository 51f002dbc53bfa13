"""The manual clock stands still until it is moved, and wakes sleepers in order."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from ringfence.clock import ManualClock, SystemClock

START = datetime(2026, 3, 2, tzinfo=UTC)


async def test_sleepers_wake_in_the_order_of_their_time() -> None:
    clock = ManualClock(START)
    woken: list[int] = []

    async def sleeper(seconds: int) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (30, 10, 20)]
    await asyncio.sleep(0)
    assert clock.sleepers == 3
    assert clock.next_wake == START + timedelta(seconds=10)
    clock.advance(seconds=20)
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(0)
    assert woken == [10, 20]
    clock.advance(seconds=10)
    await asyncio.gather(*tasks)
    assert woken == [10, 20, 30]


async def test_the_system_clock_is_aware_and_in_utc() -> None:
    clock = SystemClock()
    assert clock.now().utcoffset() == timedelta(0)
    await clock.sleep(0)
