"""Fixtures for the simulated carrier's tests; what they are made of is in carrier_rig.py."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from call_rig import START, Answers, Time
from carrier_rig import Raw, Receiver, Sdk

from ringfence.clock import ManualClock
from ringfence.testing import SimulatedCarrier


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.port = runner.addresses[0][1]
    yield found
    await runner.cleanup()


@pytest.fixture
async def carrier(receiver: Receiver) -> AsyncIterator[SimulatedCarrier]:
    async with SimulatedCarrier(webhook_url=receiver.url()) as found:
        yield found


@pytest.fixture
def sdk(carrier: SimulatedCarrier) -> Sdk:
    return Sdk(carrier)


@pytest.fixture
async def raw(carrier: SimulatedCarrier) -> AsyncIterator[Raw]:
    async with aiohttp.ClientSession() as session:
        yield Raw(carrier, session)


@pytest.fixture
async def time(receiver: Receiver) -> AsyncIterator[Time]:
    """A carrier whose clock is moved by the test."""
    clock = ManualClock(START)
    async with SimulatedCarrier(clock=clock) as carrier:
        yield Time(clock, carrier)


@pytest.fixture
def answers(receiver: Receiver) -> Answers:
    return Answers(receiver)
