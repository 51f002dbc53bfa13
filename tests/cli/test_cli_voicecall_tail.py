"""`ringfence voicecall tail` and `latency`: what is on record of calls, as it happens and added up."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta
from typing import Any

import pytest
from house import House
from phoning import GREETING, phoning

from calling import BEN
from ringfence.cli.voicecall_latency import summary
from ringfence.cli.voicecall_tail import Watching
from ringfence.model.call import Speaker, TurnTimes, Words
from telling import ScriptedAgent


async def test_tail_tells_everything_once_in_order(store_url: str) -> None:
    agent = ScriptedAgent(lambda turn: "At nine.")
    async with phoning(store_url, agent=agent, voice={"disclosure": ""}) as story:
        watching, told = Watching(), []

        async def look() -> list[dict[str, Any]]:
            news: list[dict[str, Any]] = await story.story.read(watching.news)
            told.extend(news)
            return news

        assert await look() == []
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        assert [one["event"] for one in await look()] == ["created", "answered", "words"]
        assert await look() == []
        phone.says("When?")
        await story.until(phone.hears("At nine"))
        assert [(one["who"], one["text"]) for one in await look()] == [
            ("person", "When?"),
            ("agent", "At nine."),
        ]
        phone.hangs_up()
        await story.settles()
        [over] = await look()
        assert (over["event"], over["end_reason"], over["number"]) == ("ended", "hung_up", BEN)
        assert await look() == []

        shown = (await story.run("tail", "--no-follow")).stdout.splitlines()
        assert len(shown) == len(told) == 6
        assert f"call from {BEN} (conversation, line default)" in shown[0]
        assert shown[2].endswith(GREETING)
        assert "over: hung_up" in shown[-1]
        lines = (await story.run("tail", "--no-follow", "--json", "--since", "2")).stdout
        last = [json.loads(line) for line in lines.splitlines()]
        assert last == told[-2:]
        assert (await story.run("tail", "--no-follow", "--call-id", "cal_0")).stdout == ""
        one = await story.run("tail", "--no-follow", "--call-id", over["call"])
        assert len(one.stdout.splitlines()) == 6


async def test_tail_follows_until_it_is_interrupted(sqlite_url: str) -> None:
    async with phoning(sqlite_url) as story:
        path = story.story.gateway.settings.path
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ringfence", "--config", str(path), "voicecall", "tail"),
            *("--json", "--poll", "50"),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            phone = story.phone(BEN)
            phone.calls()
            await story.until(phone.hears("this is Acme"))
            async with asyncio.timeout(30):
                told = [json.loads(await process.stdout.readline()) for _ in range(3)]
        finally:
            process.send_signal(2)
            ended = await process.wait()
        assert [one["event"] for one in told][:2] == ["created", "answered"]
        assert ended == 130
        phone.hangs_up()
        await story.settles()


def test_how_often_tail_looks_is_bounded(house: House) -> None:
    house.run("voicecall", "tail", "--poll", "49", code=2)
    assert house.run("voicecall", "tail", "--no-follow").stdout == ""


@pytest.mark.proves("B134")
async def test_latency_adds_up_what_is_on_record(store_url: str) -> None:
    async with phoning(store_url) as story:
        none = await story.document("latency")
        assert (none["calls"], none["answer_ms"]["count"], none["answer_ms"]["p50"]) == (0, 0, None)
        assert (await story.run("latency")).stdout == "The newest 0 calls: 0 turns.\n"
        phone = story.phone(BEN)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        call, now = await story.call(), story.story.clock.now()
        took = ((Speaker.PERSON, 0), (Speaker.AGENT, 300), (Speaker.PERSON, 2_300))
        said = [
            Words(call.id, 0, who, "x", now + timedelta(milliseconds=ms), turn=1)
            for who, ms in (*took, (Speaker.AGENT, 3_200))
        ]
        times = TurnTimes(call.id, 1, 800, 1_000, 1_200, 1_210, 1_400)
        await story.story.write(lambda tx: (tx.calls.add_words(said), tx.calls.add_times(times)))
        phone.hangs_up()
        await story.settles()
        found = await story.document("latency")
        answers = found["answer_ms"]
        assert (answers["count"], answers["min"], answers["max"], answers["mean"]) == (
            *(2, 300, 900, 600),
        )
        assert (answers["histogram"]["<= 500"], answers["histogram"]["<= 1000"]) == (1, 1)
        assert found["listen_ms"]["p50"] == 2_000
        live = ("over_ms", "allowed_ms", "made_ms", "sent_ms", "played_ms")
        assert [found[name]["p50"] for name in live] == [800, 1_000, 1_200, 1_210, 1_400]
        shown = (await story.run("latency", "--last", "1")).stdout
        assert "2 turns" in shown
        assert "p95 900 ms" in shown
        assert "<= 500 ms" in shown


@pytest.mark.parametrize(
    ("times", "p50", "p95"),
    [([7], 7, 7), ([1, 2], 1, 2), (list(range(1, 101)), 50, 95), ([5] * 20 + [900], 5, 5)],
)
def test_percentiles_are_times_that_were_measured(times: list[int], p50: int, p95: int) -> None:
    found = summary(times)
    assert (found["p50"], found["p95"], found["count"]) == (p50, p95, len(times))
    assert sum(found["histogram"].values()) == len(times)


def test_the_last_bin_takes_what_is_longer() -> None:
    assert summary([16_000, 16_001])["histogram"] == {
        **dict.fromkeys(("<= 100", "<= 250", "<= 500", "<= 1000", "<= 2000"), 0),
        "<= 4000": 0,
        "<= 8000": 0,
        "<= 16000": 1,
        "> 16000": 1,
    }
