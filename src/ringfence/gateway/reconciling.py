"""When lines are compared with their providers: once in each stretch of `reconcile_every`, by one process
of all, and over the stretch before as well, so that a day that was missed is made up for."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from ringfence.gateway.counting import window
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.reconcile import Reconciliation
from ringfence.model.errors import RingfenceError, StoreError
from ringfence.model.line import Line
from ringfence.ports import Tx, Window
from ringfence.providers.base import ListsMessages

log = logging.getLogger("ringfence.reconcile")

FIRST_AFTER: Final = timedelta(minutes=10)
"""A process that just began has other things to catch up with."""
AGAIN_AFTER: Final = timedelta(hours=1)


class Reconciler:
    """The worker's stage."""

    def __init__(self, kit: Equipment, reconciliation: Reconciliation) -> None:
        self._kit, self._reconciliation = kit, reconciliation
        self._look_at = kit.clock.now() + FIRST_AFTER

    async def step(self) -> bool:
        """Compare the lines that are due. Never raises for what a provider does."""
        now, every = self._kit.clock.now(), self._kit.pace.reconcile_every
        if not every or now < self._look_at:
            return False
        self._look_at = now + AGAIN_AFTER
        for line in self._kit.lines.values():
            provider = self._kit.provider_of(line)
            if line.enabled and not line.blocked_reason and isinstance(provider, ListsMessages):
                await self._compare(line, every, now)
        return False

    async def _compare(self, line: Line, every: timedelta, now: datetime) -> None:
        due = window(f"reconcile:{line.id}", int(every.total_seconds()), now)
        if not await self._kit.store.write(lambda tx: _taken(tx, due, line)):
            return
        try:
            await self._reconciliation.run(line, now - 2 * every, "system")
        except StoreError:
            raise
        except RingfenceError as error:
            log.warning("not reconciled", extra={"line": line.id, "error": error.code})
            await self._kit.store.write(lambda tx: tx.counters.add({due: -1}))


def _taken(tx: Tx, due: Window, line: Line) -> bool:
    """Take this stretch's turn of a line, if nobody has and the line is not stopped."""
    if line.id in tx.lines.stopped() or tx.counters.read([due]).get(due, 0) > 0:
        return False
    tx.counters.add({due: 1})
    return True
