"""What the assembly takes from the settings."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import click
import pytest

from ringfence.bootstrap import Role, Swaps, broken_part, open_gateway, running
from ringfence.cli import gateway as gateway_command
from ringfence.clock import SystemClock
from ringfence.config import Settings, load
from ringfence.ports import AgentReply, AgentTurn, Store
from ringfence.store import open_store
from ringfence.worker import Worker

END_TIMEOUT_S = 20.0


def settings_of(folder: Path) -> Settings:
    path = folder / "ringfence.json5"
    ports = {"publicPort": 0, "privatePort": 0}
    path.write_text(json.dumps({"gateway": ports, "agent": {"kind": "echo"}}), encoding="utf-8")
    path.chmod(0o600)
    return load(path, {})


@pytest.mark.parametrize(("limit", "fetched"), [(None, 20), (5, 20), (50, 50)])
async def test_an_agent_that_wants_a_longer_history_can_have_it(
    tmp_path: Path, limit: int | None, fetched: int
) -> None:
    agent: dict[str, object] = {"kind": "openai", "baseUrl": "http://127.0.0.1:9", "model": "any"}
    if limit is not None:
        agent |= {"historyLimit": limit}
    path = tmp_path / "ringfence.json5"
    path.write_text(json.dumps({"agent": agent}), encoding="utf-8")
    async with open_gateway(load(path, {})) as gateway:
        assert gateway.kit.pace.history_max == fetched


@pytest.mark.parametrize("part", [0, 1, 2], ids=["worker", "public", "private"])
async def test_a_part_that_ends_unasked_is_noticed(tmp_path: Path, part: int) -> None:
    async with (
        asyncio.timeout(END_TIMEOUT_S),
        open_gateway(settings_of(tmp_path)) as gateway,
        running(gateway) as addresses,
    ):
        broken = addresses.tasks[part]
        broken.cancel()
        assert await broken_part(asyncio.Event(), addresses) is broken


async def test_told_to_stop_nothing_is_broken(tmp_path: Path) -> None:
    stop = asyncio.Event()
    stop.set()
    async with open_gateway(settings_of(tmp_path)) as gateway, running(gateway) as addresses:
        assert await broken_part(stop, addresses) is None


async def test_a_gateway_whose_worker_dies_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def dies(worker: Worker) -> None:
        raise MemoryError("gone")

    monkeypatch.setattr(Worker, "run", dies)
    monkeypatch.setattr(gateway_command, "spare_the_collector", lambda: None)
    with pytest.raises(click.exceptions.Exit) as ended:
        async with asyncio.timeout(END_TIMEOUT_S):
            await gateway_command._serve(settings_of(tmp_path), Role.ALL)
    assert ended.value.exit_code == 1
    [told] = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert told.getMessage() == "the worker ended by itself; the gateway stops"


class Closing:
    """An agent that tells the order of the ends."""

    id = "default"
    keeps_history = False

    def __init__(self, ends: list[str]) -> None:
        self._ends = ends

    async def reply(self, turn: AgentTurn) -> AgentReply:
        raise AssertionError("nobody asks it")

    async def check(self) -> str:
        return ""

    async def close(self) -> None:
        self._ends.append("agent")
        raise OSError("it would not close")


async def test_agents_are_closed_and_the_store_after_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[str] = []
    settings = settings_of(tmp_path)
    store = await open_store(settings.store.url, clock=SystemClock())
    close = type(store).close

    async def closes(closing: Store) -> None:
        ends.append("store")
        await close(closing)

    monkeypatch.setattr(type(store), "close", closes)
    swaps = Swaps(store=store, agents={"default": Closing(ends)})
    with pytest.raises(OSError, match="would not close"):
        async with open_gateway(settings, swaps):
            pass
    assert ends == ["agent", "store"]
