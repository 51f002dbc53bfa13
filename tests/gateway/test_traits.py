"""What the gate reads in a text is read again when the lists changed while it waited."""

from __future__ import annotations

import pytest

from looking import ALICE, BOB, OPEN
from ringfence.clock import ManualClock
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.review import propose
from ringfence.model.message import MessageStatus
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from telling import START, telling


@pytest.mark.proves("P1")
async def test_a_text_that_waited_is_read_again_by_the_lists_of_today(store_url: str) -> None:
    """A phrase that was added while it waited holds it, the operator's disclosure apart."""
    before = {**OPEN, "owners": [], "disclosure": "A machine writes. STOP ends it, HELP helps."}
    clock = ManualClock(START)
    async with telling(store_url, sms=before, clock=clock) as story:
        await story.phone(ALICE).texts("hello")
        await story.settle()
        await story.phone(BOB).texts("hello")
        kit = story.gateway.kit
        wanted = [
            Proposal(story.line, PhoneNumber(ALICE), "The weather is fine.", Act.REPLY, "agent:x"),
            Proposal(story.line, PhoneNumber(ALICE), "All is quiet.", Act.REPLY, "agent:x"),
        ]
        now = clock.now()
        done = await story.write(lambda tx: propose(kit, tx, wanted, now))
        assert {one.status for one in done} == {MessageStatus.QUEUED}
    extra = {
        "forcedTopics": {"extra": {"weather": ["the weather"], "machine": ["a machine writes"]}}
    }
    async with telling(store_url, sms={**before, "policy": extra}, clock=clock, seed=9) as story:
        await story.settle()
        found = await story.read(lambda tx: tx.messages.many(one.message_id for one in done))
        held, sent = (found[one.message_id] for one in done)
        assert held.status is MessageStatus.HELD
        assert "weather" in held.reason
        assert sent.status is not MessageStatus.HELD
