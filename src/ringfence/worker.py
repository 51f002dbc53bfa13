"""The worker: drains turns owed, outbox and watches, bounded, woken by a bell or by its next
look. `step` does all that is due now and returns; `run` keeps doing it until cancelled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from ringfence.gateway.call_looks import CallLooks, look_at_all
from ringfence.gateway.call_recordings import CallRecordings
from ringfence.gateway.checkpoint import checkpoint_if_due, tell
from ringfence.gateway.contacts import forget_texts
from ringfence.gateway.dispatch import Dispatcher
from ringfence.gateway.equipment import Bell, Equipment
from ringfence.gateway.escalation import Escalation
from ringfence.gateway.events import EventIntake
from ringfence.gateway.heartbeat_out import Oversight
from ringfence.gateway.intake import abandon
from ringfence.gateway.paging import Paging
from ringfence.gateway.planning import Planning
from ringfence.gateway.reconciling import Reconciler
from ringfence.gateway.recover import expire, recover
from ringfence.gateway.reply import Replier
from ringfence.gateway.tickets import Ticketing
from ringfence.gateway.track import Tracker
from ringfence.model.errors import SecretUnavailable, StoreError
from ringfence.ports import Tx

log = logging.getLogger("ringfence.worker")

W = TypeVar("W")
_SWEEP_EVERY = timedelta(seconds=30)
_FORGET_EVERY = timedelta(minutes=10)
_CANCELLING_S_MAX = 1.0
TICKETS_AT_ONCE = 4
CALLS_AT_ONCE = 16


class Pool:
    """At most `most` pieces of work at a time; one that fails is logged and never takes the rest
    down (its lease runs out and it is picked up again)."""

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most = name, most
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def room(self) -> int:
        return self._most - len(self._tasks)

    async def some_room(self, least: int) -> None:
        """Return once `least` more pieces fit (or nothing is under way), so that claims stay
        batches under load."""
        while self._tasks and self.room < least:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    def start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finished(self) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def abandon(self) -> int:
        """Cancel what is under way; how many pieces that were."""
        left = set(self._tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_CANCELLING_S_MAX)
        return len(left)

    async def _guarded(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except Exception:
            log.exception("%s failed; its lease will run out", self._name)


@dataclass(frozen=True, slots=True)
class OperationsStages:
    """The stages of the operations channel."""

    events: EventIntake
    escalation: Escalation
    paging: Paging
    planning: Planning
    ticketing: Ticketing


class Worker:
    """One per process."""

    def __init__(
        self,
        kit: Equipment,
        dispatcher: Dispatcher,
        replier: Replier,
        tracker: Tracker,
        operations: OperationsStages,
        oversight: Oversight,
        reconciler: Reconciler,
        calls: CallLooks,
        recordings: CallRecordings,
        *,
        sole_owner: bool,
    ) -> None:
        self._kit, self._sole_owner = kit, sole_owner
        self.oversight = oversight
        self._reconciler = reconciler
        self._dispatcher, self._replier, self._tracker = dispatcher, replier, tracker
        self._operations = operations
        self._calls, self._recordings = calls, recordings
        self._sends = Pool("a send", kit.pace.dispatch_concurrency)
        self._turns = Pool("a turn", kit.pace.turn_concurrency)
        self._looks = Pool("a look", kit.pace.watch_batch)
        self._errands = Pool("a ticket", TICKETS_AT_ONCE)
        self._rings = Pool("a call", CALLS_AT_ONCE)
        now = kit.clock.now()
        self._sweep_at, self._forget_at = now, now

    async def recover(self) -> None:
        """Take back what a dead process held; called once before anything else."""
        now = self._kit.clock.now()
        turns, sends = await self._kit.store.write(
            lambda tx: recover(self._kit, tx, self._sole_owner, now)
        )
        await self._kit.store.write(lambda tx: look_at_all(tx, now))
        if turns or sends:
            log.warning("recovered after a crash", extra={"turns": turns, "sends": sends})

    async def step(self) -> bool:
        """Claim and start everything that is due now and fits; True when anything was claimed."""
        claimed = await self._operate()
        claimed |= await self._dispatch()
        claimed |= await self._reply()
        claimed |= await self._watch()
        claimed |= await self._ticket()
        claimed |= await self._call()
        await self._sweep()
        await self.oversight.step()
        await self._reconciler.step()
        return claimed

    async def settle(self) -> None:
        """Step until nothing is due and nothing is under way (stories and simulations)."""
        while True:
            claimed = await self.step()
            busy = any(pool.busy for pool in self._pools)
            for pool in self._pools:
                await pool.finished()
            if not claimed and not busy:
                return

    async def run(self) -> None:
        """Until cancelled. The stages loop apart, so that a slow one never delays another."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._forever(self._dispatch_all, self._kit.outbox_bell))
            group.create_task(self._forever(self._reply_all, self._kit.turns_bell))
            group.create_task(self._forever(self._watch, None))
            group.create_task(self._forever(self._operate, self._kit.alerts_bell))
            group.create_task(self._forever(self._ticket, None))
            group.create_task(self._forever(self._call, self._kit.calls_bell))
            group.create_task(self._forever(self._sweep, None))
            group.create_task(self._forever(self.oversight.step, None))
            group.create_task(self._forever(self._reconciler.step, None))

    async def drain(self) -> None:
        """Wait for what is under way (shutdown)."""
        for pool in self._pools:
            await pool.finished()

    async def abandon(self) -> None:
        """Leave what is under way to its lease: a send becomes of unknown outcome and is looked up
        by the next process, a turn is asked again."""
        sends, turns = await self._sends.abandon(), await self._turns.abandon()
        await self._looks.abandon()
        await self._errands.abandon()
        await self._rings.abandon()
        log.warning("stopped before it was done", extra={"sends": sends, "turns": turns})

    async def _forever(self, stage: Callable[[], Awaitable[bool]], bell: Bell | None) -> None:
        while True:
            rings = bell.rings if bell is not None else 0
            try:
                worked = await stage()
            except StoreError as error:
                log.error("the store failed; trying again", extra={"error": error.code})
                worked = False
            except Exception:
                # One row that breaks a stage must not silence the others for good.
                log.exception("a stage failed; trying again")
                worked = False
            if not worked:
                await self._wait(bell, rings)

    async def _wait(self, bell: Bell | None, rings: int) -> None:
        """For the bell or the next look, whichever is first."""
        look = asyncio.ensure_future(self._kit.clock.sleep(self._kit.pace.poll_s))
        waits = {look}
        if bell is not None:
            waits.add(asyncio.ensure_future(bell.past(rings)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _dispatch_all(self) -> bool:
        await self._sends.some_room(max(1, self._kit.pace.dispatch_concurrency // 8))
        return await self._dispatch()

    async def _reply_all(self) -> bool:
        await self._turns.some_room(max(1, self._kit.pace.turn_concurrency // 8))
        return await self._reply()

    async def _dispatch(self) -> bool:
        room = min(self._sends.room, self._kit.pace.dispatch_batch)
        return await self._start(self._sends, room, self._dispatcher.claim, self._dispatcher.send)

    async def _reply(self) -> bool:
        return await self._start(
            self._turns, self._turns.room, self._replier.claim, self._replier.answer
        )

    async def _operate(self) -> bool:
        """Promises that were broken, steps that are due, texts that are owed. One that fails is told of
        after the others had their turn."""
        now = self._kit.clock.now()
        if not await self._kit.store.read(lambda tx: _is_anything_due(tx, now)):
            return False
        stages, worked = self._operations, False
        fault: Exception | None = None
        for stage in (
            stages.events.beats,
            stages.escalation.advance,
            stages.paging.page,
            stages.planning.propose_due,
        ):
            try:
                worked |= await stage()
            except StoreError:
                raise
            except Exception as error:  # raised below
                fault = fault or error
        if fault is not None:
            raise fault
        return worked

    async def _ticket(self) -> bool:
        stage = self._operations.ticketing
        return await self._start(self._errands, self._errands.room, stage.claim, stage.carry_out)

    async def _call(self) -> bool:
        stage, rings = self._recordings, self._rings
        worked = await self._start(rings, rings.room, self._calls.claim, self._calls.look)
        return worked | await self._start(rings, rings.room, stage.claim, stage.fetch)

    @property
    def _pools(self) -> tuple[Pool, ...]:
        return (self._sends, self._turns, self._looks, self._errands, self._rings)

    async def _watch(self) -> bool:
        return await self._start(
            self._looks, self._looks.room, lambda _: self._tracker.take_due(), self._tracker.look
        )

    async def _start(
        self,
        pool: Pool,
        room: int,
        claim: Callable[[int], Awaitable[Sequence[W]]],
        work: Callable[[W], Coroutine[object, object, None]],
    ) -> bool:
        if room <= 0:
            return False
        claiming = asyncio.ensure_future(claim(room))
        try:
            claimed = await asyncio.shield(claiming)
        except asyncio.CancelledError:
            # Told to stop while the claim commits: what it took is ours to do, and nobody else may
            # do it. Left alone it would be of unknown outcome, though it never left. A claim that
            # fails took nothing, and must not stand in the way of the stop.
            await asyncio.wait({claiming})
            if claiming.exception() is None:
                for item in claiming.result():
                    pool.start(work(item))
            raise
        for item in claimed:
            pool.start(work(item))
        return bool(claimed)

    async def _sweep(self) -> bool:
        now = self._kit.clock.now()
        if now < self._sweep_at:
            return False
        self._sweep_at = now + _SWEEP_EVERY
        await self._kit.store.write(lambda tx: recover(self._kit, tx, False, now))
        await self._kit.store.write(lambda tx: expire(self._kit, tx, now))
        if any(line.intake is not None for line in self._kit.lines.values()):
            await self._kit.store.write(lambda tx: abandon(self._kit, tx, now))
        if now >= self._forget_at:
            self._forget_at = now + _FORGET_EVERY
            await self._kit.store.write(lambda tx: tx.health.forget(now))
            await self._kit.store.write(lambda tx: forget_texts(self._kit, tx, now))
        await self._checkpoint(now)
        return False

    async def _checkpoint(self, now: datetime) -> None:
        try:
            made = await self._kit.store.write(lambda tx: checkpoint_if_due(self._kit, tx, now))
        except SecretUnavailable as error:
            log.error("no checkpoint of the audit log", extra={"detail": error.detail})
            return
        if made is not None:
            tell(made)


def _is_anything_due(tx: Tx, now: datetime) -> bool:
    """One look for all stages of the operations channel: nearly always there is nothing."""
    return bool(
        tx.alerts.owed(1)
        or tx.alerts.due(now, 1)
        or tx.planned.due(now, 1)
        or tx.duty.beats_due(now, 1)
    )
