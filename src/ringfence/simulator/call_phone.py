"""What a handset does with calls: it rings, answers, presses keys, speaks, hears, hangs up.

The vocabulary of stories: `await phone.rings()`, `phone.answers()`, `phone.presses("1")`,
`await phone.hears("press 1")`, `phone.hangs_up()`, `await phone.calls("+15555550100")`. Waits are
bounded in real time; it never sleeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from ringfence.simulator.calls import Call, Played
from ringfence.simulator.stream_playout import Ear

WAIT_S: Final = 20.0
CONNECTIONS_MAX: Final = 200  # kept per phone; the oldest make room
HUMAN: Final = "human"

T = TypeVar("T")


class NotHeard(AssertionError):
    """The phone did not ring, hear or end as the test expected, in time."""


class Bell:
    """Wakes everybody who waits for something to change; `rung` counts the changes."""

    def __init__(self) -> None:
        self.rung = 0
        self._waiting: list[asyncio.Future[None]] = []

    def ring(self) -> None:
        self.rung += 1
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future


class Wire(Protocol):
    """What a person at a phone does to a call, and the sound they hear of it."""

    @property
    def ear(self) -> Ear: ...

    @property
    def sounded(self) -> Bell: ...

    @property
    def taps(self) -> Sequence[object]: ...

    def pick_up(self, by: str) -> None: ...

    def press(self, digit: str) -> None: ...

    def speak(self, words: str) -> None: ...

    def utter(self, sound: bytes) -> None: ...

    def put_down(self) -> None: ...


@dataclass(slots=True, eq=False)
class Connection:
    """One call as its phone has it. `mine` when this phone placed it."""

    call: Call
    number: str  # the other side
    mine: bool
    wire: Wire
    is_asked: bool = False  # `rings` has told of it

    @property
    def state(self) -> str:
        """ringing, up or over."""
        if self.call.is_over:
            return "over"
        return "up" if self.call.answered_at is not None else "ringing"


class CallNetwork(Protocol):
    """What a phone needs to place a call."""

    @property
    def default_number(self) -> str: ...

    def dial(self, caller: str, to: str, shown: str) -> Connection: ...


class Calling:
    """The part of a phone that calls. `connections` are its calls, oldest first."""

    __slots__ = ()

    number: str
    connections: list[Connection]
    bell: Bell

    @property
    def is_off(self) -> bool:
        """The world has ended."""
        raise AssertionError("a phone is on or off")

    def _call_network(self) -> CallNetwork:
        raise AssertionError("a phone is on a network")

    # -- what happens to it -------------------------------------------------------------------

    async def rings(self, *, timeout_s: float = WAIT_S) -> Call:
        """Wait until a call rings that no `rings` has told of. Raises NotHeard."""
        found = await self._until(self._new_ring, "ring", timeout_s)
        found.is_asked = True
        return found.call

    async def hears(self, expected: str = "", *, timeout_s: float = WAIT_S) -> Played:
        """Wait for something played out whose heard words contain `expected`, and that no `hears`
        has told of; what came before it counts as heard. Raises NotHeard."""

        def found() -> Played | None:
            for one in self._sounds():
                if not one.is_asked and one.ended_at is not None and expected in one.heard:
                    return one
            return None

        played = await self._until(found, f"hear {expected!r}", timeout_s)
        for one in self._sounds():
            one.is_asked = True
            if one is played:
                break
        return played

    async def is_streamed(self, *, timeout_s: float = WAIT_S) -> Call:
        """Wait until a media stream of the latest call is open. Raises NotHeard."""

        def found() -> Call | None:
            last = self.connections[-1] if self.connections else None
            return last.call if last is not None and last.wire.taps else None

        return await self._until(found, "have a media stream", timeout_s)

    async def hears_sound(self, ms: int = 20, *, timeout_s: float = WAIT_S) -> bytes:
        """Wait until media streams have played out that much in the latest call, in all; what they
        played, µ-law. Raises NotHeard."""
        if not self.connections:
            raise NotHeard(f"{self.number} has no call to hear anything of")
        wire = self.connections[-1].wire
        try:
            async with asyncio.timeout(timeout_s):
                while wire.ear.heard_ms < ms:
                    await wire.sounded.wait()
        except TimeoutError:
            heard_ms = wire.ear.heard_ms
            raise NotHeard(f"{self.number} heard {heard_ms} ms of sound, not {ms}") from None
        return wire.ear.sound

    async def is_over(self, *, timeout_s: float = WAIT_S) -> Call:
        """Wait until the latest call is over. Raises NotHeard."""

        def found() -> Call | None:
            last = self.connections[-1].call if self.connections else None
            return last if last is not None and last.is_over else None

        return await self._until(found, "see its call end", timeout_s)

    async def calls_change(self, after: int, *, timeout_s: float) -> None:
        """Wait until the bell has rung since it was `after`, or the time is up."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.bell.rung <= after and not self.is_off:
                    await self.bell.wait()
        except TimeoutError:
            return

    def has_not_rung(self) -> None:
        """Raises NotHeard when a call rang here that no `rings` asked for."""
        if unasked := [c.number for c in self.connections if not c.mine and not c.is_asked]:
            raise NotHeard(f"{self.number} was called by {unasked}, and nobody expected it")

    # -- what it does -------------------------------------------------------------------------

    def answers(self, by: str = HUMAN) -> Call:
        """Pick up what rings: `by` is human, machine, fax or unknown, or one of the carrier's words
        for them (machine_end_beep). Raises NotHeard when nothing rings."""
        ringing = next((c for c in self.connections if not c.mine and c.state == "ringing"), None)
        if ringing is None:
            raise NotHeard(f"{self.number} does not ring, so nobody can answer it")
        ringing.is_asked = True
        ringing.wire.pick_up(by)
        return ringing.call

    def presses(self, digits: str) -> None:
        """Press keys on the live call. Raises NotHeard when there is none."""
        connection = self._live("press keys")
        for digit in digits:
            connection.wire.press(digit)
        self.bell.ring()

    def says(self, words: str) -> None:
        """Speak on the live call. Raises NotHeard when there is none."""
        self._live("speak").wire.speak(words)
        self.bell.ring()

    def utters(self, sound: bytes) -> None:
        """Say µ-law sound (8 kHz) on the live call. Raises NotHeard when there is none, or no media
        stream to hear it."""
        wire = self._live("speak").wire
        if not wire.taps:
            raise NotHeard(f"{self.number} has no media stream that would carry sound")
        wire.utter(sound)

    def hangs_up(self) -> None:
        """End the live call, or turn away the one that rings. Raises NotHeard when there is none."""
        current = next((c for c in reversed(self.connections) if c.state != "over"), None)
        if current is None:
            raise NotHeard(f"{self.number} has no call to hang up")
        current.is_asked = True
        current.wire.put_down()

    def calls(self, number: str | None = None, *, shown: str | None = None) -> Call:
        """Call a number of the carrier (its first, if not given). `shown` is the caller id that is
        sent instead of this phone's number, such as `anonymous`."""
        network = self._call_network()
        to = number or network.default_number
        return network.dial(self.number, to, self.number if shown is None else shown).call

    # -- the carrier's side -------------------------------------------------------------------

    def connect(self, connection: Connection) -> None:
        """A call begins at this phone."""
        self.connections.append(connection)
        del self.connections[:-CONNECTIONS_MAX]
        self.bell.ring()

    def _new_ring(self) -> Connection | None:
        fresh = (c for c in self.connections if not c.mine and not c.is_asked)
        return next((c for c in fresh if c.state == "ringing"), None)

    def _sounds(self) -> list[Played]:
        return [played for c in self.connections for played in c.call.played]

    def _live(self, to_do: str) -> Connection:
        live = next((c for c in reversed(self.connections) if c.state == "up"), None)
        if live is None:
            raise NotHeard(f"{self.number} cannot {to_do}: it has no live call")
        return live

    async def _until(self, found: Callable[[], T | None], what: str, timeout_s: float) -> T:
        try:
            async with asyncio.timeout(timeout_s):
                while (one := found()) is None:
                    await self.bell.wait()
                return one
        except TimeoutError:
            heard = [played.heard for played in self._sounds() if not played.is_asked]
            raise NotHeard(
                f"{self.number} did not {what} within {timeout_s:g} s; unasked: {heard}"
            ) from None
