"""The shell of a live call: what comes from the media socket, the ear, the agent and the mouth is told to
the session (`voice/session.py`), and what it wants is done. Decides nothing. No sentence reaches the
mouth but by `LiveCall.may_say`, and the end of the session ends everything here. One `Conversation` is
one socket with a session of its own: what belongs to a replaced one cannot touch the next (B139)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any, Final, assert_never

from ringfence.gateway.live_call import Live, MediaSocket, Recorded, Sentence
from ringfence.gateway.live_ear import LiveEar
from ringfence.gateway.live_out import Outgoing
from ringfence.model.call import EndReason
from ringfence.model.errors import AgentError, MalformedFrame, SpeechError, StoreError
from ringfence.model.media import MediaEvent, SoundHeard, StreamFault, StreamStarted
from ringfence.ports import Clock
from ringfence.voice.effects import (
    AskAgent,
    DigitPressed,
    DisclosureHeard,
    EndCall,
    FeedEar,
    FinishEar,
    Loss,
    OpenEar,
    PersonSaid,
    SendClear,
    SendDigits,
    SendMark,
    SendSound,
    SessionEffect,
    StopAgent,
    StopEar,
    StopSynthesis,
    StreamOver,
    Synthesise,
    TurnTimed,
    WordsBegun,
    WordsHeard,
    WordsNotSaid,
)
from ringfence.voice.events import (
    AgentDone,
    AgentFailed,
    EarFailed,
    SentenceAllowed,
    SentenceRefused,
    SessionEvent,
    SocketGone,
    SpeechDone,
    SpeechFailed,
    SpeechMade,
    Tick,
)
from ringfence.voice.ordering import Ordering
from ringfence.voice.session import Session

log = logging.getLogger("ringfence.media")

# Close codes of a websocket (RFC 6455 section 7.4.1; 1013 from its registry).
DONE: Final = 1000
LEAVING: Final = 1001
POLICY: Final = 1008
BROKEN: Final = 1011
TOO_SLOW: Final = 1013
_SLEEP_MS_MAX = 60_000

_Work = Callable[[], Coroutine[Any, Any, None]]


class Conversation:
    """`run` it once; `tell` it from anywhere in the same loop. `monotonic` is seconds of a clock that
    only goes on. `close_code` is what the socket is to be closed with after `run`."""

    def __init__(
        self,
        live: Live,
        socket: MediaSocket,
        clock: Clock,
        monotonic: Callable[[], float],
        on_start: Callable[[], None] = lambda: None,
    ) -> None:
        self.call_id = live.call_id
        self._live = live
        self._socket = socket
        self._clock = clock
        self._monotonic = monotonic
        self._on_start = on_start
        self._session = Session(live.script, live.settings, self._now())
        self._out = Outgoing(socket)
        self._ear = LiveEar(live, self.tell)
        self._ordering = None if live.dialect.media_capabilities.in_order else Ordering()
        self._stream_id = ""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._records: asyncio.Queue[Recorded | None] = asyncio.Queue()
        self._room = asyncio.Event()
        self._over: asyncio.Future[EndCall | StreamOver] = (
            asyncio.get_running_loop().create_future()
        )
        self._alarm_at: int | None = None
        self._has_faulted = False
        self.close_code = DONE

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
        if self._over.done():
            return
        try:
            for effect in self._session.handle(event, self._now()):
                self._perform(effect)
        except Exception:
            # A fault of ours must not leave somebody on a line that nobody looks after.
            log.exception("a live call broke", extra=self._extra(detail=type(event).__name__))
            self._break_off()
            return
        if self._session.has_room:
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

    def _log_figures(self, how: EndCall | StreamOver) -> None:
        lost = 0 if self._ordering is None else self._ordering.lost
        figures = {"underruns": self._session.underruns, "dropped": self._ear.dropped, "lost": lost}
        log.info("media stream over", extra=self._extra(reason=_name(how), **figures))

    async def _told(self, how: EndCall | StreamOver) -> None:
        try:
            await self._live.call.ended(how)
        except Exception:
            log.exception("the end of a call was not stored", extra=self._extra())

    # -- effects -----------------------------------------------------------------------------------

    def _perform(self, effect: SessionEffect) -> None:
        dialect, stream = self._live.dialect, self._stream_id
        match effect:
            case FeedEar(sound):
                self._ear.feed(sound)
            case SendSound(_, sound):
                self._out.put(dialect.sound(stream, sound))
            case SendMark(name):
                self._out.put(dialect.mark(stream, name))
            case SendClear():
                self._out.clear(dialect.clear(stream))
            case SendDigits(digits):
                self._out.put(dialect.digits(stream, digits), is_play=False)
            case OpenEar():
                self._start("ear", self._ear.run, EarFailed())
            case FinishEar():
                self._ear.finish()
            case StopEar():
                self._stop("ear")
            case AskAgent(turn):
                self._start(f"agent {turn}", lambda: self._ask(effect), AgentFailed(turn))
            case StopAgent(turn):
                self._stop(f"agent {turn}")
            case Synthesise(utterance):
                failed = SpeechFailed(utterance)
                self._start(f"mouth {utterance}", lambda: self._speak(effect), failed)
            case StopSynthesis(utterance):
                self._stop(f"mouth {utterance}")
            case (
                PersonSaid()
                | DigitPressed()
                | WordsBegun()
                | WordsHeard()
                | WordsNotSaid()
                | DisclosureHeard()
                | TurnTimed()
            ):
                self._records.put_nowait(effect)
            case EndCall() | StreamOver():
                self._ended(effect)
            case _:
                assert_never(effect)

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

    def _frame(self, text: str) -> None:
        """Raises MalformedFrame, also for the stream of another call."""
        event: MediaEvent | None = self._live.dialect.media_event(text)
        if event is None:
            return
        if isinstance(event, SoundHeard) and self._ordering is not None:
            for piece in self._ordering.take(event):
                self.tell(piece)
            return
        if isinstance(event, StreamStarted):
            self._started(event)
        elif isinstance(event, StreamFault) and not self._has_faulted:
            # Once: a provider that takes none of our frames says so fifty times a second.
            self._has_faulted = True
            log.warning("the provider refused a frame", extra=self._extra(detail=event.text))
        self.tell(event)

    def _started(self, event: StreamStarted) -> None:
        expected = self._live.provider_id
        if expected and event.provider_id != expected:
            raise MalformedFrame("It is the stream of another call than its token is for.")
        self._stream_id = event.stream_id
        self._on_start()

    async def _send_all(self) -> None:
        try:
            await self._out.run()
        except ConnectionError:
            pass
        if self._out.is_overrun:
            self.close_code = TOO_SLOW
            log.warning("the provider reads too slowly", extra=self._extra())
        self.tell(SocketGone())

    # -- the agent and the mouth -------------------------------------------------------------------

    async def _ask(self, asked: AskAgent) -> None:
        turn, hang_up = asked.turn, False
        try:
            answer = self._live.agent.ask(turn, asked.text, asked.digits)
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
            verdict = await self._live.call.may_say(turn, sentence.text)
        except StoreError as error:
            self.tell(SentenceRefused(turn, error.code))
            return
        if verdict.decision:
            said = (sentence.text, verdict.decision, sentence.interruptible)
            self.tell(SentenceAllowed(turn, *said))
        else:
            self.tell(SentenceRefused(turn, verdict.reason))

    async def _speak(self, wanted: Synthesise) -> None:
        try:
            speech = self._live.mouth.speak(wanted.text, self._live.language)
            async with aclosing(speech) as pieces:
                async for piece in pieces:
                    letters = (piece.letters, piece.letters_at_ms)
                    self.tell(SpeechMade(wanted.utterance, piece.sound, *letters))
        except SpeechError as error:
            log.warning("no speech", extra=self._extra(detail=f"{error.code}: {error}"))
            self.tell(SpeechFailed(wanted.utterance))
            return
        self.tell(SpeechDone(wanted.utterance))

    # -- the record, the alarm, tasks --------------------------------------------------------------

    async def _record_all(self) -> None:
        """In order, until there is None, and nothing after it."""
        while not self._over.done() or not self._records.empty():
            what = await self._records.get()
            if what is None:
                return
            try:
                await self._live.call.record(what)
            except Exception:
                log.exception("words of a call were not stored", extra=self._extra())

    def _arm(self) -> None:
        """See to it that the session is woken when it wants to be."""
        wake_at = self._session.wake_at
        if self._over.done() or (self._alarm_at is not None and self._alarm_at <= wake_at):
            return  # it looks again when it wakes
        self._stop("alarm")
        self._alarm_at = wake_at
        self._start("alarm", self._sleep)

    async def _sleep(self) -> None:
        while self._alarm_at is not None and not self._over.done():
            wait_ms = min(max(self._alarm_at - self._now(), 0), _SLEEP_MS_MAX)
            await self._clock.sleep(wait_ms / 1_000)
            wake_at = self._session.wake_at
            # From here on a time that comes sooner is not missed: this task looks at it itself.
            self._alarm_at = 0
            if wake_at <= self._now():
                self.tell(Tick())
            self._alarm_at = self._session.wake_at

    def _start(self, name: str, work: _Work, failed: SessionEvent | None = None) -> None:
        """Run it aside. Work that breaks in a way nobody thought of is told as failed; without an
        event for that, the socket is given up."""
        self._tasks[name] = asyncio.create_task(self._guarded(name, work, failed or SocketGone()))

    async def _guarded(self, name: str, work: _Work, failed: SessionEvent) -> None:
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
        return {"call_id": self._live.call_id, **more}


def _name(how: EndCall | StreamOver) -> str:
    return how.reason.value if isinstance(how, EndCall) else how.how.value
