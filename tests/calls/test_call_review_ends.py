"""What a call leaves behind: an end within a bound, minutes that count, nothing in the log that anybody
said or was asked, and no trouble for the daily comparison of texts."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from calling import ANN, BEN, calling
from ringfence.config.policies import policy_of
from ringfence.config.problems import Problems
from ringfence.model.call import EndReason
from ringfence.testing import Faults
from telling import OWNER, ScriptedAgent


@pytest.mark.proves("P6")
@pytest.mark.parametrize("placed", [True, False], ids=["placed", "unanswered-request"])
async def test_a_call_of_a_line_that_is_gone_ends_within_a_bound(
    sqlite_url: str, placed: bool
) -> None:
    faults = Faults(callback_dropped=1.0, **({} if placed else {"response_lost": 1.0}))
    async with calling(sqlite_url, carrier_options={"faults": faults}) as story:
        proposed = await story.calls(ANN, "Your table is ready.")
        await story.story.settle()
        kit, line = story.story.gateway.kit, story.story.line
        kit.lines.pop(line.id)  # type: ignore[attr-defined]
        try:
            await story.story.passes(hours=1)
            call = await story.call()
            assert (call.is_over, call.look_at) == (True, None)
            assert call.person.end_reason is EndReason.LOST
            assert await story.status(proposed.message_id) in ("failed", "undelivered")
            (item,) = (
                await story.story.read(lambda tx: tx.outbox.of_messages([proposed.message_id]))
            )[proposed.message_id]
            assert item.status.value in ("failed", "undelivered")
        finally:
            kit.lines[line.id] = line  # type: ignore[index]


@pytest.mark.proves("P10", "P12")
async def test_calls_claimed_together_share_what_is_left_of_the_day(sqlite_url: str) -> None:
    """Each for itself would be given all of it."""
    async with calling(sqlite_url) as story:
        kit, line = story.story.gateway.kit, story.story.line
        limits = {"day": 100, "minutes": 30, "minutesDay": 10, "recipientMinutesDay": 30}
        policy, _ = policy_of(line, [("policy", {"callLimits": limits})], Problems())
        kit.policies[line.id] = policy  # type: ignore[index]
        for number in (ANN, BEN):
            await story.calls(number, "Your table is ready.")
        assert len(await story.story.gateway.dispatcher.claim(10)) == 2
        limits_s = [call.time_limit for call in await story.all_calls()]
        assert sum(limits_s, timedelta()) <= timedelta(minutes=10)


@pytest.mark.parametrize("first", ["owner", "person"])
async def test_the_minutes_of_a_transfer_count(sqlite_url: str, first: str) -> None:
    """Whoever hangs up first."""
    asks = ScriptedAgent(lambda turn: '{"say": "I connect you.", "transferTo": "owner"}')
    async with calling(sqlite_url, agent=asks) as story:
        phone, owner = story.phone(BEN), story.phone(OWNER)
        phone.calls()
        await story.until(phone.hears("this is Acme"))
        phone.says("A person, please.")
        await story.until(owner.rings())
        owner.answers()
        await story.story.passes(seconds=90)
        (owner if first == "owner" else phone).hangs_up()
        await story.until(phone.is_over())
        await story.settles()
        (leg,) = (await story.call()).joined
        assert timedelta(seconds=85) <= leg.lasted <= timedelta(seconds=95)


@pytest.mark.proves("P9")
async def test_the_log_keeps_no_words_that_a_key_stands_for(sqlite_url: str) -> None:
    async with calling(sqlite_url) as story:
        await story.calls(ANN, "Is Tuesday fine?", keys={"1": "tell Mr Jones yes"})
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("Press 1 to"))
        phone.presses("1")
        await story.until(phone.is_over())
        await story.settles()
        call = await story.call()
        entries = await story.story.read(lambda tx: tx.audit.of_subject(call.id))
        told = json.dumps([dict(one.entry.body) for one in entries], default=str)
        assert "call_key" in {one.entry.kind for one in entries}
        assert "Jones" not in told


@pytest.mark.proves("P5")
async def test_the_daily_comparison_of_texts_misses_no_calls(sqlite_url: str) -> None:
    async with calling(sqlite_url) as story:
        await story.calls(ANN, "Your table is ready.")
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.is_over())
        await story.settles()
        await story.story.passes(hours=2)
        since = story.story.clock.now() - timedelta(hours=3)
        gateway = story.story.gateway
        done = await gateway.reconciliation.run(story.story.line, since, "operator:test")
        assert (done.missing, done.refused) == ([], 0)
