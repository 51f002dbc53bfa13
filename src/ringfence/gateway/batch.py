"""One stage, many rows: items that arrive while a commit is under way share the next one. An item
whose batch fails is tried alone, so that one bad row never takes its neighbours down."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from ringfence.ports import Store, Tx

I = TypeVar("I")  # noqa: E741 - items in, results out
R = TypeVar("R")


class Batcher(Generic[I, R]):
    """`await batcher(item)` resolves with the item's result after the commit is durable. `work`
    runs inside the transaction and answers one result per item, in order."""

    def __init__(
        self, store: Store, work: Callable[[Tx, Sequence[I]], Sequence[R]], most: int = 128
    ) -> None:
        self._store = store
        self._work = work
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

    async def _retry_alone(
        self, batch: list[tuple[I, asyncio.Future[R]]], error: Exception
    ) -> None:
        if len(batch) == 1:
            if not batch[0][1].done():
                batch[0][1].set_exception(error)
            return
        for entry in batch:
            await self._flush([entry])
