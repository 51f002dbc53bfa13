"""One media stream's life: the socket's upgrade, a frame each way every 20 ms, what the application
asks for, and the end. Waits only on the clock it is given; what a message looks like its skin knows."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

from ringfence.simulator import stream_voice
from ringfence.simulator.call_phone import Bell
from ringfence.simulator.calls import Played
from ringfence.simulator.stream_ends import Outbox, Person
from ringfence.simulator.stream_playout import FRAME_BYTES, FRAME_MS, SILENCE, Ear, Playout
from ringfence.simulator.stream_skin import (
    About,
    Clear,
    Command,
    Message,
    Nonsense,
    PlaySound,
    QueueMark,
    SendKeys,
    Skin,
)
from ringfence.simulator.stream_sockets import CLOSE_S, Failure, Refused, Socket

if TYPE_CHECKING:
    from ringfence.simulator.call_session import Session
    from ringfence.simulator.streams import Streams

COMMANDS_KEPT: Final = 1_000
# Twilio's debugger: sound dropped towards a slow application, and messages it does not take.
OVERRUN: Final = 31930
UNSUPPORTED: Final = 31924
FRAME: Final = timedelta(milliseconds=FRAME_MS)


class State(StrEnum):
    OPENING = "opening"
    LIVE = "live"
    FAILED = "failed"  # no socket
    CLOSED = "closed"  # by the application
    STOPPED = "stopped"  # by us: the call ended, or something took the stream's place
    DROPPED = "dropped"  # the network, by a fault


Told: TypeAlias = Callable[[str, str], None]
"""Hears of `started`, `stopped` and `failed` (with a reason)."""


@dataclass(frozen=True, slots=True)
class StreamFaults:
    """What goes wrong with one stream. `doubled_after_s`: a second socket opens for the same call;
    `dropped_after_ms` of sound played (0: at once) the socket breaks; `reads_every_s`: so slowly are the
    application's messages read; `disordered`: the chance that a piece of sound changes places with the
    next, where the dialect promises no order."""

    doubled_after_s: float | None = None
    dropped_after_ms: int | None = None
    reads_every_s: float = 0.0
    disordered: float = 0.0


@dataclass(slots=True, eq=False)
class Stream:
    """One socket's life. `commands` is what the application asked for, `close_code` how it closed."""

    streams: Streams
    session: Session
    skin: Skin
    about: About
    url: str
    faults: StreamFaults
    ear: Ear
    two_way: bool
    told: Told | None = None
    state: State = State.OPENING
    reason: str = ""
    close_code: int | None = None
    played_bytes: int = 0
    commands: list[Command] = field(default_factory=list)
    bell: Bell = field(default_factory=Bell)
    playout: Playout = field(default_factory=Playout)
    _person: Person = field(default_factory=Person)
    _outbox: Outbox = field(default_factory=Outbox)
    _held: Message | None = None  # a piece of sound that comes after the next
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _complained: set[int] = field(default_factory=set)
    _speaking: asyncio.Task[None] | None = None
    _numbers: Iterator[int] = field(init=False)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(self.skin.first)

    # -- who waits for it ---------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        return self.state not in (State.OPENING, State.LIVE)

    @property
    def played_ms(self) -> int:
        """How much of what the application sent has been played out, or begun to be."""
        return self.played_bytes * FRAME_MS // FRAME_BYTES

    @property
    def lost(self) -> int:
        """Pieces of the person's speech that were dropped because the application did not read."""
        return self._outbox.lost

    async def over(self) -> State:
        """Wait until it is over; how it ended."""
        while not self.is_over:
            await self.bell.wait()
        return self.state

    def stop(self) -> None:
        """End it from here, with the dialect's own word."""
        self._stopping.set()

    # -- the person ---------------------------------------------------------------------------

    def press(self, digit: str) -> None:
        self._person.press(digit)

    def utter(self, sound: bytes) -> None:
        self._person.utter(sound)

    def speak(self, words: str) -> None:
        """Raises NoVoice where nothing can say them."""
        mouth = self.streams.mouth or stream_voice.installed()
        if mouth is None:
            raise stream_voice.NoVoice(
                "install flite or espeak-ng, set `voice.streams.mouth`, or give sound"
            )
        self._speaking = self.streams.exchange.spawn(self._say(mouth, words, self._speaking))

    async def _say(
        self, mouth: stream_voice.Mouth, words: str, before: asyncio.Task[None] | None
    ) -> None:
        reports = self.streams.exchange.voice.reports
        reports.in_flight += 1  # a moved clock stands still meanwhile
        try:
            if before is not None:
                await before
            self._person.utter(await mouth(words))
        finally:
            reports.in_flight -= 1

    # -- its life -----------------------------------------------------------------------------

    async def run(self) -> None:
        """From the upgrade to the end."""
        try:
            socket = await self._dialled()
        except Refused as refused:
            self._complain(refused.failure.value, refused.why)
            self._tell("failed", refused.why)
            self._ends(State.FAILED, refused.why)
            return
        try:
            self.state = State.LIVE
            self.session.taps.append(self)
            greeting = self.skin.greeting(self.about)
            for message in (greeting, self.skin.start(self.about, self._numbers)):
                if message is not None:
                    self._post(message)
            self._tell("started", "")
            self._changed()
            await self._converse(socket)
        finally:
            self.session.taps.remove(self)
            if not self.is_over:
                socket.abort()
                await socket.close()
                self._ends(State.STOPPED, "the world ended")

    async def _dialled(self) -> Socket:
        reports = self.streams.exchange.voice.reports
        reports.in_flight += 1
        try:
            if self.skin.secure_only and not self.url.startswith("wss://"):
                raise Refused(Failure.SCHEME, "the address is no wss address")
            headers = self.skin.headers(self.about, self.url)
            return await self.streams.dial(self.url, headers)
        finally:
            reports.in_flight -= 1

    async def _converse(self, socket: Socket) -> None:
        """Until the application closes, the call is over, somebody stops it, or it breaks."""
        sending = asyncio.ensure_future(self._outbox.drain(socket))
        listening = asyncio.ensure_future(self._listen(socket))
        ticking = asyncio.ensure_future(self._tick_along())
        stopping = asyncio.ensure_future(self._stopping.wait())
        parts = (sending, listening, ticking, stopping)
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in parts:
                if part.done():
                    part.result()
            if sending.done() or listening.done():
                state = State.CLOSED
            else:
                state = State.DROPPED if ticking.done() and ticking.result() else State.STOPPED
            ticking.cancel()
            if state is State.STOPPED:
                await self._take_leave(socket, sending)
            else:
                if state is State.DROPPED:
                    socket.abort()
                await socket.close()
            self.close_code = socket.close_code
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
        self._tell("stopped", "")
        self._ends(state)

    async def _take_leave(self, socket: Socket, sending: asyncio.Task[None]) -> None:
        """Say that it stops, as far as the application still reads, and close."""
        self._post(self.skin.stop(self.about, self._numbers))
        self._outbox.finish()
        try:
            async with asyncio.timeout(CLOSE_S):
                await asyncio.wait({sending})
                await socket.close()
        except TimeoutError:
            socket.abort()
            await socket.close()

    def _ends(self, state: State, reason: str = "") -> None:
        self.state, self.reason = state, reason
        self._changed()

    def _changed(self) -> None:
        self.bell.ring()
        self.streams.exchange.voice.tell_phone(self.session.call)

    def _tell(self, event: str, reason: str) -> None:
        if self.told is not None:
            self.told(event, reason)

    def _complain(self, code: int, why: str) -> None:
        """Once a stream, as the real one."""
        if code not in self._complained:
            self._complained.add(code)
            self.streams.exchange.voice.alert(self.session.call, code, self.url, why)

    # -- towards the application --------------------------------------------------------------

    def _post(self, message: Message) -> None:
        self._outbox.put(message)

    def _post_if(self, message: Message | None) -> None:
        if message is not None:
            self._post(message)

    def _post_sound(self, count: int, sound: bytes) -> None:
        message = self.skin.media(self.about, self._numbers, count, count * FRAME_MS, sound)
        dice, held = self.streams.exchange.dice, self._held
        about = (self.session.call.ordinal, count)
        late = not self.skin.in_order and held is None
        if late and dice.chance(self.faults.disordered, "disordered", *about):
            self._held = message
            return
        self._held = None
        for one in (message, held):
            if one is not None and not self._outbox.put(one, may_be_lost=True):
                self._complain(OVERRUN, "the application reads too slowly; sound was dropped")

    # -- from the application -----------------------------------------------------------------

    async def _listen(self, socket: Socket) -> None:
        while True:
            if self.faults.reads_every_s:
                await self.streams.exchange.clock.sleep(self.faults.reads_every_s)
            message = await socket.receive()
            if message is None:
                return
            command = self.skin.command(self.about, message)
            self.commands.append(command)
            del self.commands[:-COMMANDS_KEPT]
            self._obey(command)

    def _obey(self, command: Command) -> None:
        if not self.two_way and not isinstance(command, Nonsense):
            command = Nonsense(UNSUPPORTED, "the stream is one-way")
        match command:
            case PlaySound(sound):
                if not self.playout.put(sound):
                    self._complain(UNSUPPORTED, "more sound is queued than is kept")
            case QueueMark(name):
                if self.playout.mark(name):
                    self._post(self.skin.mark(self.about, self._numbers, name))
            case Clear():
                self._clear()
            case SendKeys(keys):
                now = self.streams.exchange.clock.now()
                self.session.call.played.append(Played("digits", keys, now, 0.0, now))
                self._changed()
            case Nonsense(code, why):
                self._complain(code, why)
                self._post_if(self.skin.complaint(self.about, self._numbers, command))

    def _clear(self) -> None:
        flushed = self.playout.clear()
        if self.skin.clear_returns_marks:
            for name in flushed:
                self._post(self.skin.mark(self.about, self._numbers, name))
        self._post_if(self.skin.cleared(self.about, self._numbers))

    # -- the grid -----------------------------------------------------------------------------

    async def _tick_along(self) -> bool:
        """A frame each way every 20 ms, the first one that long after the start. Returns whether a
        fault breaks the socket, once it does; or that it does not, once the call is over."""
        clock, call = self.streams.exchange.clock, self.session.call
        began = clock.now()
        for count in itertools.count(1):
            due = began + count * FRAME
            if (wait_s := (due - clock.now()).total_seconds()) > 0:
                await clock.sleep(wait_s)
            if self.session.ending or call.is_over:
                return False
            self._tick(count, due)
            after_ms = self.faults.dropped_after_ms
            if after_ms is not None and self.played_ms >= after_ms:
                return True
        return False

    def _tick(self, count: int, due: datetime) -> None:
        ended, frame = self.playout.tick()
        for name in ended:
            self._post(self.skin.mark(self.about, self._numbers, name))
        if frame:
            self.played_bytes += len(frame)
            self.ear.hear(frame, due)
            self.session.sounded.ring()
        for listener in self.session.listeners:
            listener(frame.ljust(FRAME_BYTES, bytes([SILENCE])))
        for key in self._person.pressed():
            self._post(self.skin.key(self.about, self._numbers, key, count * FRAME_MS))
        self._post_sound(count, self._person.says())
