"""Telling a call what to do next: as the answer to its provider's webhook, or, where that takes none, by
requests of our own once the webhook is answered. A call that cannot be told anything is ended: nobody
may be left on a silent line."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from ringfence.gateway.batch import until_stored
from ringfence.gateway.call_asking import Asking
from ringfence.gateway.call_ending import end
from ringfence.gateway.call_placing import manner_of
from ringfence.gateway.call_words import say
from ringfence.gateway.equipment import Equipment
from ringfence.model.call import Call, CallTurn, EndReason
from ringfence.model.errors import RingfenceError
from ringfence.model.instruction import Instruction
from ringfence.model.line import Line
from ringfence.model.wire import WireResponse
from ringfence.ports import Tx
from ringfence.providers.base import PlacesCalls, TakesCalls

log = logging.getLogger("ringfence.call")

INLINE_S = 5.0
"""How long a provider that waits for our answer is let wait for the agent's; it gives up after 15
(facts voice 1.2)."""

After = Callable[[bool], Coroutine[Any, Any, tuple[Instruction, ...]]]
"""What to do once the agent was asked; its argument says whether a filler is due."""


class Telling:
    """One per process."""

    def __init__(self, kit: Equipment, asking: Asking) -> None:
        self._kit, self._asking = kit, asking
        self._tasks: set[asyncio.Task[None]] = set()
        self.waiting = 0
        """Webhooks that wait for an agent: what they wait for is an answer, or the clock."""

    async def answer(
        self,
        provider: PlacesCalls,
        line: Line,
        call: Call | None,
        instructions: Sequence[Instruction],
        *,
        provider_id: str = "",
        rings: bool = False,
    ) -> WireResponse:
        """The webhook's answer; `rings` when it asks whether a caller is taken."""
        our_id = "" if call is None else call.id
        answer = provider.answer_call(instructions, our_id, line)
        known_as = provider_id or ("" if call is None else call.person.provider_id)
        if not provider.call_capabilities.answers_with_instructions and (instructions or rings):
            self._start(self._tell(provider, line, call, instructions, known_as, rings))
        return answer

    async def after_turn(
        self, provider: PlacesCalls, line: Line, call: Call, turn: CallTurn, after: After
    ) -> WireResponse:
        """The agent is asked: an answer that comes soon goes out at once."""
        if provider.call_capabilities.answers_with_instructions:
            self.waiting += 1
            try:
                await self._asking.done_within(turn.id, INLINE_S)
            finally:
                self.waiting -= 1
            return provider.answer_call(await after(True), call.id, line)
        self._start(self._follow_or_end(provider, line, call, turn, after))
        return provider.answer_call((), call.id, line)

    async def settled(self) -> None:
        """Return once nothing is being told (stories)."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow_or_end(
        self, provider: PlacesCalls, line: Line, call: Call, turn: CallTurn, after: After
    ) -> None:
        try:
            await self._follow(provider, line, call, turn, after)
        except RingfenceError as error:
            log.warning("a call could not be told", extra={"call_id": call.id, "error": error.code})
            await self._end(call.id)

    async def _goes_on(self, call_id: str) -> bool:
        """Nothing more is said in a call that was stopped meanwhile (P3)."""
        call = await self._kit.store.read(lambda tx: tx.calls.get(call_id))
        return call is not None and not call.is_over and call.ending is None

    async def _follow(
        self, provider: PlacesCalls, line: Line, call: Call, turn: CallTurn, after: After
    ) -> None:
        manner = manner_of(line, call)
        provider_id = call.person.provider_id
        await self._asking.done_within(turn.id, manner.settings.turns.filler_ms / 1000)
        filler = manner.settings.sentences.filler
        if self._asking.is_asking(turn.id) and filler and await self._goes_on(call.id):
            await self._tell(provider, line, call, [say(manner, filler)], provider_id, False)
        await self._asking.done_within(turn.id, manner.agent_s)
        if told := await after(False):
            await self._tell(provider, line, call, told, provider_id, False)

    async def _tell(
        self,
        provider: PlacesCalls,
        line: Line,
        call: Call | None,
        instructions: Sequence[Instruction],
        provider_id: str,
        rings: bool,
    ) -> None:
        our_id = "" if call is None else call.id
        try:
            if rings and isinstance(provider, TakesCalls):
                requests = provider.take(instructions, provider_id, our_id, line)
            else:
                requests = provider.tell(instructions, provider_id, our_id, line)
            *before, last = [await self._kit.http.send(request) for request in requests]
            del before  # what prepares may be refused (see `PlacesCalls.tell`)
            provider.told(last)
        except (RingfenceError, ValueError) as error:
            log.warning("a call could not be told", extra={"call_id": our_id, "error": str(error)})
            if call is not None:
                await self._end(call.id)

    async def _end(self, call_id: str) -> None:
        kit, now = self._kit, self._kit.clock.now()

        def job(tx: Tx) -> None:
            if (call := tx.calls.get(call_id)) is not None:
                end(kit, tx, call, EndReason.FAILED, now)

        await until_stored(kit.clock, lambda: kit.store.write(job))
        kit.calls_bell.ring()
