"""A fixed budget of hostile histories: in one process, and over real sockets. `make hostile` plays a
million steps (play.py). A failure names its seed; HOSTILE_SHRINK=1 makes it small."""

from __future__ import annotations

import asyncio

import pytest

from hostile.cast import KINDS, MEMBERS, STRANGERS
from hostile.ground import InProcess, OnSockets
from hostile.machine import Hostile
from hostile.play import play
from hostile.world import World

SEEDS = (7, 8)
HISTORIES, STEPS = 14, 60
BURST = 1_000


class OverSockets(Hostile):
    """The same moves at real doors."""

    ground = OnSockets
    bursts = (5, 20)


@pytest.mark.proves("P1", "P2", "P3", "P5", "P7")
@pytest.mark.parametrize("seed", SEEDS)
def test_a_hostile_agent_gets_nowhere(seed: int) -> None:
    before = Hostile.total_creates
    play(Hostile, seed, HISTORIES, STEPS)
    assert Hostile.total_creates > before, "histories in which nothing leaves prove nothing"


@pytest.mark.proves("P1", "P2", "P3", "P5", "P7")
def test_a_hostile_agent_gets_nowhere_over_sockets() -> None:
    play(OverSockets, 9, 4, 40)


@pytest.mark.proves("P1", "P10")
def test_ten_hundred_proposals_at_once() -> None:
    """To somebody it may write to, and to strangers: few leave, none without a person's yes."""

    async def history() -> None:
        world = World(KINDS[0], 1, InProcess)
        await world.open()
        await world.floods("shop", "default", MEMBERS[0], "now", BURST // 2)
        await world.floods("local", "default", STRANGERS[0], "hello", BURST // 2)
        await world.ground.settle()
        to_stranger = [one for one in world.ground.creates if one.to == STRANGERS[0]]
        assert to_stranger == []
        assert 0 < len([one for one in world.ground.creates if one.to == MEMBERS[0]]) <= 10
        assert await world.close() == []

    asyncio.run(history())
