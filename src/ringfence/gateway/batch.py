"""One stage, many rows: items that arrive while a commit is under way share the next one. An item
whose batch fails is tried alone, so that one bad row never takes its neighbours down. What cannot
be asked for twice is written again until the store takes it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from ringfence.model.errors import StoreError
from ringfence.ports import Clock, Store, Tx

log = logging.getLogger("ringfence.store")

I = TypeVar("I")  # noqa: E741 - items in, results out
R = TypeVar("R")

_WAIT_S_FIRST, _WAIT_S_MAX = 0.2, 5.0


async def until_stored(clock: Clock, write: Callable[[], Awaitable[R]]) -> R:
    """For what the world already did and will not tell again (a provider's outcome, an agent's
    answer): write until the store takes it, also past the lease, as such writes are fenced. Raises
    StoreError when trying again cannot help."""
    wait_s = _WAIT_S_FIRST
    while True:
        try:
            return await write()
        except StoreError as error:
            if not error.retryable:
                raise
            log.warning("not stored yet; trying again", extra={"error": error.code})
        await clock.sleep(wait_s)
        wait_s = min(2 * wait_s, _WAIT_S_MAX)


class Batcher(Generic[I, R]):
    """`await batcher(item)` resolves with the item's result after the commit is durable. `work`
    runs inside the transaction and answers one result per item, in order. `stored` is told once of
    each batch that is durable; it must not raise."""

    def __init__(
        self,
        store: Store,
        work: Callable[[Tx, Sequence[I]], Sequence[R]],
        most: int = 128,
        stored: Callable[[Sequence[I], Sequence[R]], None] | None = None,
    ) -> None:
        self._store = store
        self._work = work
        self._stored = stored
        self._most = most
        self._waiting: deque[tuple[I, asyncio.Future[R]]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, item: I) -> R:
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None:
            self._running = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                count = min(self._most, len(self._waiting))
                await self._flush([self._waiting.popleft() for _ in range(count)])
        finally:
            self._running = None

    async def _flush(self, batch: list[tuple[I, asyncio.Future[R]]]) -> None:
        items = [item for item, _ in batch]
        try:
            results = await self._store.write(lambda tx: self._work(tx, items))
        except Exception as error:  # handed to each waiting caller, never swallowed
            await self._retry_alone(batch, error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)
        if self._stored is not None:
            self._stored(items, results)

    async def _retry_alone(
        self, batch: list[tuple[I, asyncio.Future[R]]], error: Exception
    ) -> None:
        if len(batch) == 1:
            if not batch[0][1].done():
                batch[0][1].set_exception(error)
            return
        for entry in batch:
            await self._flush([entry])
