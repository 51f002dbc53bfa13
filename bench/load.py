"""The load tool: keep-alive HTTP/1.1 over raw sockets, requests made beforehand, so that as little
as possible of a core goes to asking. Closed loop finds the most; open loop finds the latency, each
request counted from when it was due, whether or not a connection was free then."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import cast

TICK_S = 0.001


@dataclass(frozen=True, slots=True)
class Load:
    """What one round came to. `began` is on the clock of all processes of this machine (CLOCK_MONOTONIC),
    `seconds` from the first request to the last answer."""

    answered: int
    good: int
    began: float
    seconds: float
    latencies: tuple[float, ...]

    @property
    def per_second(self) -> float:
        return self.answered / self.seconds

    def quantile(self, q: float) -> float:
        """Of the latencies, in seconds."""
        return self.latencies[min(len(self.latencies) - 1, int(q * len(self.latencies)))]


class _Connection(asyncio.Protocol):
    """One request at a time; reads a head and as much body as it declares."""

    def __init__(self, round_: _Round) -> None:
        self._round = round_
        self._got = b""
        self._due_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports fulfil the class without inheriting from it.
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes, due_at: float) -> None:
        assert self._transport is not None
        self._due_at = due_at
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._got = got = self._got + data if self._got else data
        head = got.find(b"\r\n\r\n")
        if head < 0:
            return
        mark = got.find(b"content-length: ")
        length = int(got[mark + 16 : got.index(b"\r\n", mark)])
        if len(got) >= head + 4 + length:
            self._got = b""
            self._round.answered(self, got.startswith(b"HTTP/1.1 2"), self._due_at)

    def connection_lost(self, error: Exception | None) -> None:
        self._round.lost(error)

    def close(self) -> None:
        assert self._transport is not None
        self._transport.abort()


class _Round:
    """The requests of one round, and who asks the next one. `rate` 0 is the closed loop."""

    def __init__(self, requests: Sequence[bytes], rate: float) -> None:
        self._requests, self._rate = requests, rate
        self._next = 0
        self._good = 0
        self._latencies: list[float] = []
        self._idle: deque[_Connection] = deque()
        self._started = 0.0
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[float] = self._loop.create_future()

    async def run(self, host: str, port: int, connections: int) -> Load:
        made = [
            (await self._loop.create_connection(lambda: _Connection(self), host, port))[1]
            for _ in range(min(connections, len(self._requests)))
        ]
        self._idle.extend(made)
        self._started = perf_counter()
        if self._rate:
            self._tick()
        else:
            while self._idle and self._next < len(self._requests):
                self._ask(self._idle.popleft(), perf_counter())
        ended = await self._done
        for connection in made:
            connection.close()
        latencies = tuple(sorted(self._latencies))
        return Load(len(latencies), self._good, self._started, ended - self._started, latencies)

    def answered(self, connection: _Connection, good: bool, due_at: float) -> None:
        now = perf_counter()
        self._latencies.append(now - due_at)
        self._good += good
        if len(self._latencies) == len(self._requests):
            self._done.set_result(now)
        elif self._rate:
            self._idle.append(connection)
            self._ask_due(now)
        elif self._next < len(self._requests):
            self._ask(connection, now)

    def lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server closed a connection"))

    def _ask(self, connection: _Connection, due_at: float) -> None:
        request = self._requests[self._next]
        self._next += 1
        connection.ask(request, due_at)

    def _ask_due(self, now: float) -> None:
        while self._idle and self._next < len(self._requests):
            due_at = self._started + self._next / self._rate
            if due_at > now:
                return
            self._ask(self._idle.popleft(), due_at)

    def _tick(self) -> None:
        if not self._done.done():
            self._ask_due(perf_counter())
            self._loop.call_later(TICK_S, self._tick)


async def closed_loop(
    address: tuple[str, int], requests: Sequence[bytes], connections: int
) -> Load:
    """Every connection asks again as soon as it is answered."""
    return await _Round(requests, 0.0).run(*address, connections)


async def open_loop(
    address: tuple[str, int], requests: Sequence[bytes], connections: int, per_second: float
) -> Load:
    """`per_second` requests become due, evenly, whatever the answers do."""
    return await _Round(requests, per_second).run(*address, connections)
