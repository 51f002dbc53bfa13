"""How drafts end besides a yes or a no: what stops their text ends them, what has left stays decided as
it was, and neither a flood nor the age of the text takes a decision away from people."""

from __future__ import annotations

import pytest

from looking import BOB, audit
from ringfence.gateway import bridge, drafts, release
from ringfence.model.draft import Draft, DraftState
from ringfence.model.errors import AlreadyDecided
from ringfence.model.phone import PhoneNumber
from telling import Story, telling

AGENT = "agent:local"


async def asked(story: Story, to: str = BOB, body: str = "Dinner at eight?") -> str:
    request = bridge.SendRequest(story.line, PhoneNumber(to), body, AGENT)
    answer = await bridge.send(story.gateway.kit, request)
    return answer.message.id


async def draft_of(story: Story, message_id: str) -> Draft:
    found: Draft = await story.read(lambda tx: tx.drafts.get(message_id))
    return found


async def approve(story: Story, draft: Draft) -> None:
    kit, now = story.gateway.kit, story.clock.now()
    await story.write(lambda tx: drafts.approve(kit, tx, draft, "operator:t", now))


@pytest.mark.proves("P7")
async def test_a_later_stop_does_not_rewrite_who_said_yes(store_url: str) -> None:
    async with telling(store_url) as story:
        draft = await draft_of(story, await asked(story))
        await approve(story, draft)
        await story.passes(seconds=9)
        await story.phone(BOB).texts("STOP")
        await story.passes(seconds=9)
        known = await draft_of(story, draft.message_id)
        assert (known.state, known.decided_by) == (DraftState.APPROVED, "operator:t")
        assert await audit(story, "opted_out", "cancelled") == []


@pytest.mark.proves("P3", "P6")
async def test_a_cancelled_text_is_asked_about_no_more(store_url: str) -> None:
    async with telling(store_url) as story:
        draft = await draft_of(story, await asked(story))
        kit, now = story.gateway.kit, story.clock.now()
        await story.write(lambda tx: release.cancel(kit, tx, draft.message_id, "operator:t", now))
        known = await draft_of(story, draft.message_id)
        assert known.state is DraftState.CANCELLED
        assert await story.read(lambda tx: tx.drafts.waiting(None, 9)) == []
        with pytest.raises(AlreadyDecided, match="cancelled by operator:t"):
            await approve(story, known)


async def test_a_flood_keeps_nobody_from_deciding(store_url: str) -> None:
    sms = {"policy": {"agentVolume": {"askedHour": 3}}}
    async with telling(store_url, sms=sms) as story:
        one, two = [await draft_of(story, await asked(story, BOB, text)) for text in ("a?", "b?")]
        for count in range(5):
            await asked(story, f"+1555555{count:04d}")
        await approve(story, one)
        kit, now = story.gateway.kit, story.clock.now()
        await story.write(lambda tx: drafts.edit(kit, tx, two, "Better.", "operator:t", now))
        await story.passes(seconds=9)
        assert [text.body for text in story.phone(BOB).inbox] == ["a?", "Better."]
