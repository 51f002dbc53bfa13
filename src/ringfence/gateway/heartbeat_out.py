"""The heartbeat we send: a GET to a watcher outside, only while the self-audit finds nothing wrong.
Its absence is the alarm, so it is never sent "just in case". It carries nothing of what happens
here; its address may be a secret and is never logged."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ringfence.gateway import figures
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.selfaudit import SelfAudit
from ringfence.model.errors import RingfenceError
from ringfence.model.line import Secret
from ringfence.model.wire import WireRequest

log = logging.getLogger("ringfence.heartbeat")

AUDIT_EVERY: Final = timedelta(seconds=60)
_TIMEOUT_S: Final = 10.0
_ANSWER_BYTES_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Where it goes (https, or http on loopback) and how often."""

    url: Secret
    every: timedelta = timedelta(seconds=60)


class Oversight:
    """The worker's stage that watches over all others: audits every minute, and sends the heartbeat
    while there is nothing to tell. The first look is one round after the start, so that what a
    gateway that was down finds due is not yet a problem."""

    def __init__(self, kit: Equipment, heartbeat: Heartbeat | None = None) -> None:
        self._kit, self._heartbeat = kit, heartbeat
        self.audit = SelfAudit(kit)
        self._audit_at = kit.clock.now() + AUDIT_EVERY
        self._beat_at = self._audit_at
        self._audited = self._failing = False

    async def step(self) -> bool:
        """Do what is due; answers False: what it does makes no work for others."""
        now = self._kit.clock.now()
        if now >= self._audit_at:
            self._audit_at = now + AUDIT_EVERY
            await self.audit.look(now)
            self._audited = True
        if self._heartbeat is not None and self._audited and now >= self._beat_at:
            self._beat_at = now + self._heartbeat.every
            if not self.audit.found:
                await self._beat(self._heartbeat, now)
        return False

    async def _beat(self, heartbeat: Heartbeat, now: datetime) -> None:
        why = await self._sent(heartbeat)
        if why:
            if not self._failing:
                log.warning("the heartbeat was not taken", extra={"detail": why})
        else:
            if self._failing:
                log.info("the heartbeat is taken again")
            await self._kit.store.write(lambda tx: figures.stamp(tx, figures.BEATEN, now))
        self._failing = bool(why)

    async def _sent(self, heartbeat: Heartbeat) -> str:
        """Empty once it was answered well; else why not, without the address's path."""
        request = WireRequest(
            "GET",
            heartbeat.url.reveal(),
            timeout_s=_TIMEOUT_S,
            response_bytes_max=_ANSWER_BYTES_MAX,
        )
        try:
            status = (await self._kit.http.send(request)).status
        except RingfenceError as error:
            return str(error)
        return "" if 200 <= status < 300 else f"it was answered with {status}"
