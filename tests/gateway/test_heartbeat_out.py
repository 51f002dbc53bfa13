"""The outgoing heartbeat: sent while all is well and only then, whatever the watcher answers."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from paged import operations
from ringfence.gateway import figures
from ringfence.web.listener import Listener
from telling import Story, telling

PATH = "/ping/4f1c-secret"


@dataclass
class Watcher:
    """Somebody outside who counts. `status` is what it answers."""

    status: int = 200
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope)
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"OK"})


@asynccontextmanager
async def watched(store_url: str, **heartbeat: Any) -> AsyncIterator[tuple[Story, Watcher]]:
    watcher = Watcher()
    async with Listener(watcher, "127.0.0.1", 0) as door:
        section = {"url": door.address + PATH, **heartbeat}
        async with telling(store_url, config={"heartbeat": section, **operations()}) as story:
            yield story, watcher


async def minutes(story: Story, count: int) -> None:
    for _ in range(count):
        await story.passes(seconds=60)


@pytest.mark.proves("P9")
async def test_it_is_sent_every_minute_with_nothing_in_it(store_url: str) -> None:
    async with watched(store_url) as (story, watcher):
        await minutes(story, 5)
        assert len(watcher.asked) == 5
        [scope] = watcher.asked[-1:]
        assert (scope["method"], scope["path"], scope["query_string"]) == ("GET", PATH, b"")
        sent = await story.read(lambda tx: figures.stamped(tx, figures.BEATEN))
        assert sent == story.clock.now()


async def test_it_goes_as_often_as_configured(sqlite_url: str) -> None:
    async with watched(sqlite_url, everySeconds=300) as (story, watcher):
        await minutes(story, 11)
        assert len(watcher.asked) == 3


@pytest.mark.proves("P6")
async def test_nothing_is_sent_while_anything_is_wrong(sqlite_url: str) -> None:
    async with watched(sqlite_url) as (story, watcher):
        await minutes(story, 2)
        now = story.clock.now()
        await story.write(lambda tx: tx.lines.stop("default", "20003: bad token", now))
        await minutes(story, 5)
        assert len(watcher.asked) == 2
        await story.write(lambda tx: tx.lines.start("default"))
        await minutes(story, 3)
        assert len(watcher.asked) == 5


async def test_nothing_is_sent_before_the_first_audit(sqlite_url: str) -> None:
    async with watched(sqlite_url, everySeconds=10) as (story, watcher):
        await story.passes(seconds=59)
        assert watcher.asked == []


@pytest.mark.proves("P9")
async def test_a_watcher_that_refuses_is_told_of_once_without_its_address(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with watched(sqlite_url) as (story, watcher):
        watcher.status = 500
        await minutes(story, 4)
        assert len(watcher.asked) == 4
        assert await story.read(lambda tx: figures.stamped(tx, figures.BEATEN)) is None
        watcher.status = 200
        await minutes(story, 2)
        lines = [one.getMessage() for one in caplog.records if one.name == "ringfence.heartbeat"]
        assert lines == ["the heartbeat was not taken", "the heartbeat is taken again"]
        assert all("4f1c" not in str(vars(one)) for one in caplog.records)


async def test_without_one_configured_nothing_is_asked(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        await minutes(story, 3)
        assert await story.read(lambda tx: figures.stamped(tx, figures.BEATEN)) is None
