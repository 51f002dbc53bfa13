"""What any live call's shell does, whatever its socket carries: what comes from the socket and the agent is
told to a session, and what that wants is done; the record is kept in order, the session is woken when it
wants to be, and its end ends everything here. Decides nothing. No sentence of an agent goes on but by
`LiveCall.may_say`."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable
from contextlib import aclosing
from typing import Any, Final, Generic, Protocol, TypeVar

from ringfence.gateway.live_call import AsksAgent, LiveCall, MediaSocket, Recorded, Sentence
from ringfence.gateway.live_out import Outgoing
from ringfence.model.call import EndReason
from ringfence.model.errors import AgentError, MalformedFrame, StoreError
from ringfence.ports import Clock
from ringfence.voice.effects import AskAgent, EndCall, Loss, StreamOver
from ringfence.voice.events import (
    AgentDone,
    AgentFailed,
    SentenceAllowed,
    SentenceRefused,
    SessionEvent,
    SocketGone,
    Tick,
)

log = logging.getLogger("ringfence.media")

# Close codes of a websocket (RFC 6455 section 7.4.1; 1013 from its registry).
DONE: Final = 1000
LEAVING: Final = 1001
POLICY: Final = 1008
BROKEN: Final = 1011
TOO_SLOW: Final = 1013
_SLEEP_MS_MAX = 60_000

Work = Callable[[], Coroutine[Any, Any, None]]
Effect = TypeVar("Effect")
EffectOut = TypeVar("EffectOut", covariant=True)


class Machine(Protocol[EffectOut]):
    """A session. `wake_at` is when it wants a Tick; `has_room` whether another sentence may be decided
    on."""

    @property
    def has_room(self) -> bool: ...

    @property
    def wake_at(self) -> int: ...

    def handle(self, event: SessionEvent, now: int) -> Iterable[EffectOut]: ...


class LiveShell(ABC, Generic[Effect]):
    """`run` it once; `tell` it from anywhere in the same loop. `monotonic` is seconds of a clock that
    only goes on. `close_code` is what the socket is to be closed with after `run`."""

    def __init__(
        self,
        call_id: str,
        call: LiveCall,
        agent: AsksAgent,
        socket: MediaSocket,
        clock: Clock,
        monotonic: Callable[[], float],
    ) -> None:
        self.call_id = call_id
        self._call = call
        self._agent = agent
        self._socket = socket
        self._clock = clock
        self._monotonic = monotonic
        self._out = Outgoing(socket)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._records: asyncio.Queue[Recorded | None] = asyncio.Queue()
        self._room = asyncio.Event()
        self._over: asyncio.Future[EndCall | StreamOver] = (
            asyncio.get_running_loop().create_future()
        )
        self._alarm_at: int | None = None
        self.close_code = DONE

    # -- what a kind of socket brings ----------------------------------------------------------------

    @property
    @abstractmethod
    def _machine(self) -> Machine[Effect]:
        """Its session."""

    @abstractmethod
    def _perform(self, effect: Effect) -> None: ...

    @abstractmethod
    def _frame(self, text: str) -> None:
        """One frame of the socket. Raises MalformedFrame."""

    @abstractmethod
    def _log_figures(self, how: EndCall | StreamOver) -> None:
        """It is over: what its log is told."""

    # -- the life of it ----------------------------------------------------------------------------

    async def run(self) -> EndCall | StreamOver:
        """Talk until it is over: what became of it. The core has been told when this returns, also
        when it is cancelled."""
        self._start("out", self._send_all)
        self._start("in", self._receive_all)
        self._start("record", self._record_all)
        self._arm()
        try:
            how = await asyncio.shield(self._over)
        finally:
            self.tell(SocketGone())
            await self._finish(self._over.result())
        return how

    def tell(self, event: SessionEvent) -> None:
        """One event, and everything that follows from it; nothing any more once it is over."""
        self._do(lambda: self._machine.handle(event, self._now()), type(event).__name__)

    def _do(self, step: Callable[[], Iterable[Effect]], name: str) -> None:
        if self._over.done():
            return
        try:
            for effect in step():
                self._perform(effect)
        except Exception:
            # A fault of ours must not leave somebody on a line that nobody looks after.
            log.exception("a live call broke", extra=self._extra(detail=name))
            self._break_off()
            return
        if self._machine.has_room:
            self._room.set()
        else:
            self._room.clear()
        self._arm()

    def _break_off(self) -> None:
        self.close_code = BROKEN
        if not self._over.done():
            self._over.set_result(EndCall(EndReason.FAILED))

    async def _finish(self, how: EndCall | StreamOver) -> None:
        """Stop all work, bring the record to its end, and tell the core."""
        recorder = self._tasks.pop("record")
        sender = self._tasks.pop("out")
        others = list(self._tasks.values())
        self._out.close()
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self._records.put_nowait(None)
        await asyncio.gather(recorder, return_exceptions=True)
        # Where everything is cancelled at once, the recorder left what it had not come to.
        await self._record_all()
        if isinstance(how, StreamOver):
            sender.cancel()
        await self._told(how)
        sender.cancel()
        self._log_figures(how)
        await asyncio.gather(sender, return_exceptions=True)

    async def _told(self, how: EndCall | StreamOver) -> None:
        try:
            await self._call.ended(how)
        except Exception:
            log.exception("the end of a call was not stored", extra=self._extra())

    def _ended(self, how: EndCall | StreamOver) -> None:
        if how == StreamOver(Loss.STARTED_TWICE):
            self.close_code = POLICY
        elif how == StreamOver(Loss.LEFT):
            self.close_code = LEAVING
        elif how == EndCall(EndReason.FAILED):
            self.close_code = BROKEN
        self._over.set_result(how)

    # -- the socket --------------------------------------------------------------------------------

    async def _receive_all(self) -> None:
        try:
            while (text := await self._socket.receive()) is not None:
                self._frame(text)
        except ConnectionError:
            pass
        except MalformedFrame as error:
            self.close_code = POLICY
            log.warning("a media frame was refused", extra=self._extra(detail=error.detail))
        self.tell(SocketGone())

    async def _send_all(self) -> None:
        try:
            await self._out.run()
        except ConnectionError:
            pass
        if self._out.is_overrun:
            self.close_code = TOO_SLOW
            log.warning("the provider reads too slowly", extra=self._extra())
        self.tell(SocketGone())

    # -- the agent -------------------------------------------------------------------

    async def _ask(self, asked: AskAgent) -> None:
        # The agent is shown what was heard, so that is stored first.
        await self._records.join()
        turn, hang_up = asked.turn, False
        try:
            answer = self._agent.ask(turn, asked.text, asked.digits)
            async with aclosing(answer) as sentences:
                async for sentence in sentences:
                    hang_up = hang_up or sentence.hang_up
                    if sentence.text.strip():
                        await self._judge(turn, sentence)
        except AgentError as error:
            log.warning("call turn", extra=self._extra(detail=f"{error.code}: {error}"))
            self.tell(AgentFailed(turn))
            return
        self.tell(AgentDone(turn, hang_up))

    async def _judge(self, turn: int, sentence: Sentence) -> None:
        """Only once there is room for it: what was decided long ago may not hold any more."""
        await self._room.wait()
        try:
            verdict = await self._call.may_say(turn, sentence.text)
        except StoreError as error:
            self.tell(SentenceRefused(turn, error.code))
            return
        if verdict.decision:
            said = (sentence.text, verdict.decision, sentence.interruptible)
            self.tell(SentenceAllowed(turn, *said))
        else:
            self.tell(SentenceRefused(turn, verdict.reason))

    # -- the record, the alarm, tasks --------------------------------------------------------------

    async def _record_all(self) -> None:
        """In order, until there is None, and nothing after it."""
        while not self._over.done() or not self._records.empty():
            what = await self._records.get()
            if what is None:
                return
            try:
                await self._call.record(what)
            except Exception:
                log.exception("words of a call were not stored", extra=self._extra())
            finally:
                self._records.task_done()

    def _arm(self) -> None:
        """See to it that the session is woken when it wants to be."""
        wake_at = self._machine.wake_at
        if self._over.done() or (self._alarm_at is not None and self._alarm_at <= wake_at):
            return  # it looks again when it wakes
        self._stop("alarm")
        self._alarm_at = wake_at
        self._start("alarm", self._sleep)

    async def _sleep(self) -> None:
        while self._alarm_at is not None and not self._over.done():
            wait_ms = min(max(self._alarm_at - self._now(), 0), _SLEEP_MS_MAX)
            await self._clock.sleep(wait_ms / 1_000)
            wake_at = self._machine.wake_at
            # From here on a time that comes sooner is not missed: this task looks at it itself.
            self._alarm_at = 0
            if wake_at <= self._now():
                self.tell(Tick())
            self._alarm_at = self._machine.wake_at

    def _start(self, name: str, work: Work, failed: SessionEvent | None = None) -> None:
        """Run it aside. Work that breaks in a way nobody thought of is told as failed; without an
        event for that, the socket is given up."""
        self._tasks[name] = asyncio.create_task(self._guarded(name, work, failed or SocketGone()))

    async def _guarded(self, name: str, work: Work, failed: SessionEvent) -> None:
        try:
            await work()
        except Exception:
            log.exception("a live call broke", extra=self._extra(detail=name))
            self.close_code = BROKEN
            self.tell(failed)
        finally:
            if self._tasks.get(name) is asyncio.current_task() and name not in ("out", "record"):
                del self._tasks[name]

    def _stop(self, name: str) -> None:
        """Also from within: it ends where it next waits."""
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()

    def _now(self) -> int:
        return int(self._monotonic() * 1_000)

    def _extra(self, **more: object) -> dict[str, object]:
        return {"call_id": self.call_id, **more}


def name_of(how: EndCall | StreamOver) -> str:
    return how.reason.value if isinstance(how, EndCall) else how.how.value
