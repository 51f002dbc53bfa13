"""The worker stops when it is told to, whatever the store or an agent does meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from looking import ALICE, OPEN, all_items, creates, message_form, webhook
from ringfence import bootstrap
from ringfence.bootstrap import _stop_worker
from ringfence.model.errors import StoreBusy
from ringfence.model.outbox import OutboxState
from ringfence.ports import AgentReply, AgentTurn
from telling import ScriptedAgent, telling

WAIT_S = 10.0


@pytest.mark.proves("P6")
@pytest.mark.parametrize("error", [StoreBusy("locked"), RuntimeError("a bug")])
async def test_a_stop_is_heeded_though_the_claim_under_way_fails(
    sqlite_url: str, error: Exception
) -> None:
    async with telling(sqlite_url) as story:
        worker = story.gateway.worker
        claiming, fail = asyncio.Event(), asyncio.Event()

        async def claim(limit: int) -> list[Any]:
            claiming.set()
            await fail.wait()
            raise error

        story.gateway.dispatcher.claim = claim
        running = asyncio.create_task(worker.run())
        await claiming.wait()
        running.cancel()
        asyncio.get_running_loop().call_soon(fail.set)
        done, _ = await asyncio.wait({running}, timeout=WAIT_S)
        assert done
        assert running.cancelled()


@pytest.mark.proves("P5", "P6")
async def test_what_a_claim_took_as_the_stop_came_is_still_sent(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await story.post("/sms/send", {"to": "+15555550199", "body": "hello"})
        real = story.gateway.dispatcher.claim
        claiming, go = asyncio.Event(), asyncio.Event()

        async def claim(limit: int) -> list[Any]:
            claiming.set()
            await go.wait()
            return await real(limit)

        story.gateway.dispatcher.claim = claim
        running = asyncio.create_task(story.gateway.worker.run())
        await claiming.wait()
        stopping = asyncio.create_task(_stop_worker(story.gateway.worker, running))
        asyncio.get_running_loop().call_soon(go.set)
        await asyncio.wait_for(stopping, WAIT_S)
        assert len(creates(story)) == 1
        [item] = await all_items(story)
        assert item.state is OutboxState.ACCEPTED


@pytest.mark.proves("P6")
async def test_a_turn_that_never_ends_does_not_keep_the_process(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Endless(ScriptedAgent):
        asked = asyncio.Event()

        async def reply(self, turn: AgentTurn) -> AgentReply:
            self.asked.set()
            await asyncio.Event().wait()
            raise AssertionError("never")

    agent = Endless()
    monkeypatch.setattr(bootstrap, "STOPPING_S_MAX", 0.05)
    async with telling(sqlite_url, sms=OPEN, agent=agent) as story:
        assert (await webhook(story, message_form(ALICE))).stored
        running = asyncio.create_task(story.gateway.worker.run())
        await asyncio.wait_for(agent.asked.wait(), WAIT_S)
        await asyncio.wait_for(_stop_worker(story.gateway.worker, running), WAIT_S)
        assert running.done()
        [told] = [r for r in caplog.records if r.message == "stopped before it was done"]
        assert (vars(told)["sends"], vars(told)["turns"]) == (0, 1)
