"""Wires to loopback, closed after each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ringfence.net.socket import SocketClient
from ringfence.net.streaming import HttpStreams
from ringfence.speech.base import EarLimits, MouthLimits, Wires

# As patient as a busy machine needs; `hasty` is for services that will not answer.
EAR = EarLimits(waiting_ms=20_000, ready_s=20.0, finish_s=20.0, idle_s=30.0)
MOUTH = MouthLimits(stall_s=20.0)
HASTY_EAR = EarLimits(waiting_ms=20_000, ready_s=0.4, finish_s=0.4, idle_s=30.0)
HASTY_MOUTH = MouthLimits(stall_s=0.4)


@pytest.fixture
async def wires() -> AsyncIterator[Wires]:
    sockets, streams = SocketClient(), HttpStreams()
    yield Wires(sockets, streams, EAR, MOUTH)
    await sockets.close()
    await streams.close()


@pytest.fixture
def hasty(wires: Wires) -> Wires:
    return Wires(wires.sockets, wires.streams, HASTY_EAR, HASTY_MOUTH)
