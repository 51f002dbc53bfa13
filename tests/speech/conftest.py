"""Wires to loopback with little patience, closed after each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ringfence.net.socket import SocketClient
from ringfence.net.streaming import HttpStreams
from ringfence.speech.base import EarLimits, MouthLimits, Wires

EAR = EarLimits(waiting_ms=5_000, ready_s=0.4, finish_s=0.4, idle_s=30.0, goodbye_s=0.2)
MOUTH = MouthLimits(stall_s=0.4, sound_ms_max=60_000)


@pytest.fixture
async def wires() -> AsyncIterator[Wires]:
    sockets, streams = SocketClient(), HttpStreams()
    yield Wires(sockets, streams, EAR, MOUTH)
    await sockets.close()
    await streams.close()
