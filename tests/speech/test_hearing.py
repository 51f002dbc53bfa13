"""The ear's shell with a socket in the hand: queues, patience, and nothing left running."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from ringfence.audio.frames import silence
from ringfence.model.errors import PossiblyDispatched, SpeechError
from ringfence.ports.sockets import SocketClosed
from ringfence.ports.speech import Final, HeardWords, Partial, SpeechBegan
from ringfence.speech.base import EarLimits, Junk, gone
from ringfence.speech.hearing import SocketHearing

WAIT_S = 30.0
LIMITS = EarLimits(ready_s=30, finish_s=30, idle_s=30, goodbye_s=0.2)


class HandSocket:
    """What the test puts in comes down; what goes up is kept. `blocked` lets nothing up."""

    def __init__(self) -> None:
        self.down: asyncio.Queue[str | bytes | SocketClosed | Exception] = asyncio.Queue()
        self.up: list[str | bytes] = []
        self.blocked = False
        self.closed = 0

    async def send(self, message: str | bytes) -> None:
        if self.blocked:
            await asyncio.get_running_loop().create_future()
        self.up.append(message)

    async def receive(self) -> str | bytes | SocketClosed:
        item = await self.down.get()
        if isinstance(item, Exception):
            raise item
        return item

    async def close(self) -> None:
        self.closed += 1


class Plain:
    """A dialect that speaks as plainly as can be: `p text`, `f text`, `over`, `ready`, `error`."""

    service, piece_ms, ready = "Plain", 60, False

    def opening(self) -> Sequence[str | bytes]:
        return ("settings",)

    def sound(self, sound: bytes) -> bytes:
        return sound

    def finish(self) -> Sequence[str | bytes]:
        return ("finish",)

    def idle(self) -> str:
        return "still here"

    def goodbye(self) -> Sequence[str | bytes]:
        return ("goodbye",)

    def ended(self, closed: SocketClosed) -> SpeechError:
        return gone("Plain", f"closed with {closed.code}.")

    def heard(self, message: str | bytes) -> Sequence[HeardWords]:
        kind, _, text = str(message).partition(" ")
        match kind:
            case "p":
                return (Partial(text),)
            case "f":
                return (Final(text),)
            case "over":
                return (Final(text, turn_over=True),)
            case "ready":
                self.ready = True
                return (SpeechBegan(),)
            case "error":
                raise gone("Plain", "its own error.")
            case _:
                raise Junk


@asynccontextmanager
async def hearing_of(
    limits: EarLimits = LIMITS,
) -> AsyncIterator[tuple[SocketHearing, HandSocket]]:
    socket = HandSocket()
    hearing = SocketHearing(socket, Plain(), limits)
    try:
        async with asyncio.timeout(WAIT_S):
            yield hearing, socket
    finally:
        await hearing.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not [task for task in others if "SocketHearing" in repr(task)], "a task is left"


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0)


async def feed_on(hearing: SocketHearing) -> None:
    """Silence, until it is not taken any more."""
    while True:
        await hearing.feed(silence(20))
        await asyncio.sleep(0)


async def test_sound_goes_up_in_pieces_and_the_rest_with_the_end_of_the_turn() -> None:
    async with hearing_of() as (hearing, socket):
        for _ in range(4):
            await hearing.feed(silence(20))
        await until(lambda: len(socket.up) == 2)
        await hearing.feed(silence(40))
        await hearing.finish()
        await until(lambda: "finish" in socket.up)
    sizes = [len(message) // 8 if isinstance(message, bytes) else message for message in socket.up]
    assert sizes[0] == "settings"
    assert sizes[-1] == "goodbye"
    assert sum(size for size in sizes if isinstance(size, int)) == 120
    assert sizes[-2] == "finish"
    assert len(sizes) == 5


async def test_sound_after_the_end_of_a_turn_stays_after_it() -> None:
    async with hearing_of() as (hearing, socket):
        await until(lambda: socket.up)
        await hearing.feed(b"a" * 160)
        await hearing.finish()
        await hearing.feed(b"b" * 480)
        await until(lambda: len(socket.up) == 4)
    assert socket.up[1:4] == [b"a" * 160, "finish", b"b" * 480]


@pytest.mark.proves("P10")
async def test_a_service_that_takes_no_sound_is_gone_and_nobody_waits_for_it() -> None:
    async with hearing_of(replace(LIMITS, waiting_ms=1_000)) as (hearing, socket):
        await until(lambda: socket.up)
        socket.blocked = True
        with pytest.raises(SpeechError) as caught:
            await feed_on(hearing)
        assert caught.value.code == "speech_stalled"
        with pytest.raises(SpeechError):
            await anext(hearing.words())


async def test_partials_that_nobody_read_give_way_to_the_newest() -> None:
    async with hearing_of() as (hearing, socket):
        for message in ("p a", "p a b", "p a b c", "f a b c d", "p e", "p e f"):
            socket.down.put_nowait(message)
        await until(socket.down.empty)
        await asyncio.sleep(0)
        words = hearing.words()
        read = [await anext(words) for _ in range(3)]
    assert read == [Partial("a b c"), Final("a b c d"), Partial("e f")]


@pytest.mark.proves("P10")
async def test_words_that_nobody_reads_end_the_ear() -> None:
    async with hearing_of(replace(LIMITS, words_max=5)) as (hearing, socket):
        for count in range(20):
            socket.down.put_nowait(f"f {count}")
        with pytest.raises(SpeechError) as caught:
            await feed_on(hearing)
        assert caught.value.code == "speech_unread"


async def test_a_turn_that_the_service_does_not_end_ends_with_the_words_so_far() -> None:
    async with hearing_of(replace(LIMITS, finish_s=0.05)) as (hearing, socket):
        socket.down.put_nowait("f I said")
        socket.down.put_nowait("p and meant")
        words = hearing.words()
        assert await anext(words) == Final("I said")
        assert await anext(words) == Partial("and meant")
        await hearing.finish()
        assert await anext(words) == Final("and meant", turn_over=True)


async def test_an_answered_turn_is_not_ended_twice() -> None:
    async with hearing_of(replace(LIMITS, finish_s=0.5)) as (hearing, socket):
        await hearing.finish()
        socket.down.put_nowait("over yes")
        words = hearing.words()
        assert await anext(words) == Final("yes", turn_over=True)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.8):
                await anext(words)


async def test_a_service_is_told_that_we_are_still_there() -> None:
    async with hearing_of(replace(LIMITS, idle_s=0.02)) as (_, socket):
        await until(lambda: socket.up.count("still here") >= 2)


async def test_readiness_is_waited_for_and_bounded() -> None:
    async with hearing_of() as (hearing, socket):
        socket.down.put_nowait("ready")
        await hearing.ready()
    async with hearing_of(replace(LIMITS, ready_s=0.05)) as (hearing, _):
        with pytest.raises(SpeechError, match="said nothing"):
            await hearing.ready()


@pytest.mark.parametrize(
    "ending", [SocketClosed(1011), PossiblyDispatched("it broke."), "error", "ended by us"]
)
async def test_however_it_ends_what_was_heard_is_read_before(
    ending: str | SocketClosed | PossiblyDispatched,
) -> None:
    async with hearing_of() as (hearing, socket):
        socket.down.put_nowait("f the last words")
        words = hearing.words()
        if ending == "ended by us":
            assert await anext(words) == Final("the last words")
            await hearing.close()
            assert [one async for one in words] == []
            return
        socket.down.put_nowait(ending)
        assert await anext(words) == Final("the last words")
        with pytest.raises(SpeechError):
            await anext(words)
    assert "goodbye" not in socket.up


async def test_closing_does_not_wait_for_a_service_that_takes_nothing() -> None:
    async with hearing_of() as (hearing, socket):
        await until(lambda: socket.up)
        socket.blocked = True
        await hearing.close()
        await hearing.close()
    assert socket.closed == 1
