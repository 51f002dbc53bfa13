"""Claiming in batches, safely: a row that breaks its own claim is found and put aside, so that it
holds up nobody else's. Never swallows what the store says: only our own mistakes are put aside."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ringfence.model.errors import StoreError
from ringfence.ports import Store, Tx

Row = TypeVar("Row")
Claimed = TypeVar("Claimed")

CLAIM_FAILED = "claim_failed"


@dataclass(frozen=True, slots=True)
class Claim(Generic[Row, Claimed]):
    """One stage's claim. `due` finds rows, `take` claims them in the same transaction, `put_aside`
    makes a dead letter of one, `about` names it in the log."""

    due: Callable[[Tx, int], Sequence[Row]]
    take: Callable[[Tx, Sequence[Row]], list[Claimed]]
    put_aside: Callable[[Tx, Row], None]
    about: Callable[[Row], Mapping[str, str]]

    async def run(self, store: Store, limit: int, log: logging.Logger) -> list[Claimed]:
        """Claim up to `limit` rows. Raises StoreError."""
        try:
            return await store.write(lambda tx: self.take(tx, self.due(tx, limit)))
        except StoreError:
            raise
        except Exception:  # ours, whatever it is: it is logged with the row it comes from
            return await self._alone(store, log)

    async def _alone(self, store: Store, log: logging.Logger) -> list[Claimed]:
        """Claim one alone; one that breaks even so is the one."""
        first: list[Row] = []

        def job(tx: Tx) -> list[Claimed]:
            first[:] = self.due(tx, 1)
            return self.take(tx, first)

        try:
            return await store.write(job)
        except StoreError:
            raise
        except Exception:
            if not first:
                raise
            log.exception("dead letter: its claim failed", extra=dict(self.about(first[0])))
        await store.write(lambda tx: self.put_aside(tx, first[0]))
        return []
