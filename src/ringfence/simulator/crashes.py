"""Crashes inside one process: a gateway's life that can end at any commit or request, and a store
that runs on the caller's thread, so that a seed decides where. What was committed stays; nothing of
a dead life can commit, send or answer any more.

Production tables, migrations and transactions run here; the writer thread and its group commit do
not (they have tests of their own, and tests/stories/test_kill.py kills the real process)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import Any, TypeVar

from ringfence.ports import Tx
from ringfence.store.migrations import migrate
from ringfence.store.opening import connect, locate
from ringfence.store.transaction import Transaction

T = TypeVar("T")

_life: ContextVar[Life | None] = ContextVar("ringfence_life", default=None)


class Pause(Awaitable[None]):
    """Gives every other task one go; waits for nothing."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class Fuse:
    """Counts the points at which a process may die and blows at the chosen one. Afterwards every
    point ends whoever comes to it."""

    def __init__(self, rng: random.Random, points: int | None = None, only: str = "") -> None:
        """`points` is how many are passed unharmed, of those with `only` in their name; None never
        blows."""
        self._rng = rng
        self._left, self._only = points, only
        self.blown = asyncio.Event()
        self.where = ""

    async def point(self, name: str) -> None:
        """Passes, or raises CancelledError when the life is over. Yields a random few times, so
        that a seed also decides who overtakes whom."""
        for _ in range(self._rng.randrange(3)):
            await Pause()
        if self._left is not None and self._only in name and not self.blown.is_set():
            self._left -= 1
            if self._left < 0:
                self.where = name
                self.blown.set()
        if self.blown.is_set():
            raise asyncio.CancelledError(name)

    def blow(self, name: str) -> None:
        """End it here and now."""
        self.where = self.where or name
        self.blown.set()


class Life:
    """Every task of one gateway process, those it starts later included."""

    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.tasks: dict[asyncio.Task[Any], None] = {}  # in order of their start

    def run(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        context = Context()
        context.run(_life.set, self)
        return asyncio.get_running_loop().create_task(work, context=context)

    async def end(self) -> None:
        """Kill what is under way, wherever it stands."""
        self.fuse.blow("the end")
        while self.tasks:
            for task in list(self.tasks):
                task.cancel()
            await asyncio.wait(list(self.tasks))
            await Pause()


@contextmanager
def lives_counted() -> Iterator[None]:
    """Inside, every new task belongs to the life that started it (a task factory of the loop)."""
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()

    def factory(loop: asyncio.AbstractEventLoop, work: Any, **given: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **given)
        context: Context | None = given.get("context")
        life = _life.get() if context is None else context.get(_life)
        if life is not None:
            life.tasks[task] = None
            task.add_done_callback(lambda done: life.tasks.pop(done, None))
        return task

    loop.set_task_factory(factory)
    try:
        yield
    finally:
        loop.set_task_factory(before)


def outside(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A task of the world, which no life takes down with it."""
    return asyncio.get_running_loop().create_task(work, context=Context())


class SerialStore:
    """Fulfils ports.Store on the caller's thread: one job, one transaction, with a point to die at
    before and after each commit."""

    def __init__(self, url: str, fuse: Fuse) -> None:
        location = locate(url)
        self._fuse = fuse
        self._writer = connect(location, read_only=False, busy_timeout_s=5)
        migrate(self._writer, postgres=location.is_postgres)
        self._reader = connect(location, read_only=True, busy_timeout_s=5)
        self._tx, self._view = Transaction(self._writer), Transaction(self._reader)
        self.commits = 0

    async def write(self, job: Callable[[Tx], T]) -> T:
        await self._fuse.point("before a commit")
        result = self.write_now(job)
        await self._fuse.point("after a commit")
        return result

    async def read(self, query: Callable[[Tx], T]) -> T:
        await self._fuse.point("a read")
        return self.read_now(query)

    def write_now(self, job: Callable[[Tx], T]) -> T:
        self._tx.begin()
        try:
            result = job(self._tx)
            self._tx.commit()
        except BaseException:
            self._tx.rollback()
            raise
        self.commits += 1
        return result

    def read_now(self, query: Callable[[Tx], T]) -> T:
        self._view.begin()
        try:
            return query(self._view)
        finally:
            self._reader.rollback()

    async def close(self) -> None:
        self._writer.close()
        self._reader.close()
