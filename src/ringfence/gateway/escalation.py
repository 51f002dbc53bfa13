"""The worker's stage that looks at alerts whose time has come. The rows are the timers: whichever
process looks first moves them, and one that was down does once what was missed."""

from __future__ import annotations

from typing import Final

from ringfence.gateway import alert
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.one_by_one import together_or_apart
from ringfence.ports import Tx

BATCH: Final = 200


class Escalation:
    def __init__(self, kit: Equipment) -> None:
        self._kit = kit

    async def advance(self) -> bool:
        """Do what is due; True when anything was."""
        now = self._kit.clock.now()
        if not await self._kit.store.read(lambda tx: tx.alerts.due(now, 1)):
            return False

        def job(tx: Tx, only: str = "") -> None:
            due = tx.alerts.due(now, BATCH)
            alert.advance(self._kit, tx, [one for one in due if only in ("", one.id)], now)

        store = self._kit.store
        await together_or_apart(
            lambda: store.write(job),
            lambda: store.read(lambda tx: [one.id for one in tx.alerts.due(now, BATCH)]),
            lambda only: store.write(lambda tx: job(tx, only)),
        )
        self._kit.outbox_bell.ring()
        return True
