"""What would happen: a job in a transaction that is undone. The store's own rows are what it sees,
consent and opt-outs among them; nothing of what it does stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ringfence.ports import Store, Tx

T = TypeVar("T")


async def undone(store: Store, job: Callable[[Tx], T]) -> T:
    """What a job answers in a transaction that leaves no trace."""
    answers: list[T] = []

    def tried(tx: Tx) -> None:
        answers.append(job(tx))
        raise _Undo

    try:
        await store.write(tried)
    except _Undo:
        pass
    return answers[-1]


class _Undo(Exception):
    """Ends a trial's transaction without a trace."""
