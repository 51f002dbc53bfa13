"""What simulations and kills found, told again step by step: a history changes with every change to
the simulation, these do not."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from ringfence.gateway.track import Tracker
from ringfence.model.message import MessageStatus, StatusCallback
from ringfence.model.outbox import WatchKind
from ringfence.testing import Faults, Outcome
from telling import telling

STRANGER = "+15555550111"
DAY = timedelta(days=1)
OPEN = {"dmPolicy": "open", "allowFrom": ["*"]}


@pytest.mark.proves("P6")
async def test_a_look_that_comes_too_late_leaves_the_status_owed(store_url: str) -> None:
    """Found by a seed: the outcome was looked for, a callback told it meanwhile, and the look
    closed the status watch the callback had just put in its place."""
    callbacks_lost = {"faults": Faults(callback_dropped=1.0)}
    async with telling(store_url, sms=OPEN, carrier_options=callbacks_lost) as story:
        story.carrier.next_creates(Outcome.LOST_AFTER_ACCEPT)
        await story.phone(STRANGER).texts("hello")
        await story.settle()
        story.clock.advance(seconds=6)
        tracker = Tracker(story.gateway.kit)
        [watch] = await tracker.take_due()
        assert watch.kind is WatchKind.OUTCOME
        [sent] = story.carrier.sent
        report = StatusCallback(
            sent.sid, sent.account_sid, MessageStatus.SENT, "sent", our_id=watch.id
        )
        await tracker.callback(story.line, report)
        await tracker.look(watch)
        [owed] = await story.read(lambda tx: tx.watches.due(story.clock.now() + DAY, 9))
        assert owed.kind is WatchKind.STATUS
        await story.passes(seconds=70)
        [message] = await story.read(lambda tx: tx.messages.listing(1, None, "out", None))
        assert message.status is MessageStatus.DELIVERED


@pytest.mark.proves("P5", "P6")
async def test_a_throttled_send_is_due_again_and_sent_once(store_url: str) -> None:
    """Found on the first day: recording a 429 expected the impossible, and every throttled send
    ended in doubt."""
    async with telling(store_url, sms=OPEN) as story:
        story.carrier.next_creates(Outcome.THROTTLED)
        await story.phone(STRANGER).texts("hello")
        await story.passes(seconds=1)
        await story.passes(seconds=1)
        await story.passes(seconds=5)
        assert [text.body for text in story.phone(STRANGER).inbox] == ["You said: hello"]
        assert story.carrier.world.rest.requests == 2


@pytest.mark.proves("P6")
async def test_a_worker_told_to_stop_does_what_it_took(sqlite_url: str) -> None:
    """Found by stopping gateways in the middle of conversations: a claim that committed while the
    worker was cancelled was nobody's, and ended in the dead letters."""
    async with telling(sqlite_url, sms=OPEN) as story:
        await story.phone(STRANGER).texts("hello")
        worker = story.gateway.worker
        await worker.step()  # the turn
        await worker.drain()
        running = asyncio.create_task(worker.run())
        while (await story.read(lambda tx: tx.health.counts())).get("outbox.due"):
            running.cancel()
            await asyncio.wait({running})
            running = asyncio.create_task(worker.run())
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait({running})
        await worker.drain()
        counts = await story.read(lambda tx: tx.health.counts())
        assert counts.get("outbox.sending", 0) == 0
        assert counts["outbox.accepted"] == 1
