"""How drafts end besides a yes or a no: what stops their text ends them, what has left stays decided as
it was, and neither a flood nor the age of the text takes a decision away from people."""

from __future__ import annotations

import pytest

from looking import BOB, audit
from ringfence.gateway import bridge, drafts, halt, handover, release
from ringfence.gateway.dispatch import Dispatcher
from ringfence.gateway.draft_views import draft_views
from ringfence.model.contact import SwitchScope
from ringfence.model.draft import Draft, DraftState
from ringfence.model.errors import AlreadyDecided, NotFound
from ringfence.model.message import MessageStatus
from ringfence.model.outbox import OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.ports import OutboxChange
from telling import OWNER, Story, telling

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


async def asked_late(story: Story) -> Draft:
    """Allowed when it was proposed, not when it was to leave."""
    message_id = await asked(story)
    object.__setattr__(story.line, "allow_from", frozenset())
    await story.passes(seconds=9)
    draft = await draft_of(story, message_id)
    assert draft.state is DraftState.WAITING
    return draft


@pytest.mark.proves("P6")
async def test_a_late_draft_waits_as_long_as_any(store_url: str) -> None:
    sms = {"allowFrom": [BOB], "messageTtlMinutes": 30, "draftTtlMinutes": 600}
    async with telling(store_url, sms=sms) as story:
        draft = await asked_late(story)
        await story.passes(minutes=590)
        await approve(story, await draft_of(story, draft.message_id))
        await story.passes(seconds=9)
        assert [text.body for text in story.phone(BOB).inbox] == ["Dinner at eight?"]


@pytest.mark.proves("P6")
async def test_no_part_of_a_late_draft_is_over_before_the_draft(store_url: str) -> None:
    sms = {"allowFrom": [BOB], "messageTtlMinutes": 30, "draftTtlMinutes": 600}
    async with telling(store_url, sms=sms) as story:
        message_id = await asked(story, body="word " * 400)
        object.__setattr__(story.line, "allow_from", frozenset())
        await story.passes(minutes=590)
        draft = await draft_of(story, message_id)
        assert draft.state is DraftState.WAITING
        await approve(story, draft)
        await story.passes(seconds=30)
        assert len(story.phone(BOB).inbox) == 2, "whole, or not at all"


@pytest.mark.proves("P6")
async def test_a_late_draft_of_an_old_text_is_not_over_at_once(store_url: str) -> None:
    sms = {
        "allowFrom": [BOB],
        "draftTtlMinutes": 30,
        "policy": {"openingHours": {"windows": "tue 09:00-17:00"}},
    }
    async with telling(store_url, sms=sms) as story:
        message_id = await asked(story)
        object.__setattr__(story.line, "allow_from", frozenset())
        await story.passes(hours=16, minutes=5)
        assert (await draft_of(story, message_id)).state is DraftState.WAITING
        await story.passes(minutes=35)
        assert (await draft_of(story, message_id)).state is DraftState.EXPIRED
        message = await story.read(lambda tx: tx.messages.get(message_id))
        assert message.status is MessageStatus.EXPIRED


@pytest.mark.proves("P6")
async def test_what_a_stop_holds_lives_as_long_as_its_parts(store_url: str) -> None:
    """Older than any draft may get, since quiet hours held it first."""
    sms = {
        "allowFrom": [BOB],
        "draftTtlMinutes": 30,
        "policy": {"openingHours": {"windows": "tue 09:00-17:00"}},
    }
    async with telling(store_url, sms=sms) as story:
        message_id = await asked(story)
        await story.passes(hours=15)
        kit, now = story.gateway.kit, story.clock.now()
        everything = SwitchScope.EVERYTHING
        await story.write(lambda tx: halt.stop(kit, tx, everything, "", "", "operator:t", now))
        await story.passes(minutes=50)
        await story.write(lambda tx: halt.resume(kit, tx, everything, "", "operator:t", now))
        message = await story.read(lambda tx: tx.messages.get(message_id))
        assert message.status is MessageStatus.HELD
        now = story.clock.now()
        await story.write(lambda tx: release.release(kit, tx, message_id, "operator:t", now))
        await story.passes(minutes=30)
        await story.passes(seconds=9)
        assert [text.body for text in story.phone(BOB).inbox] == ["Dinner at eight?"]


async def test_no_text_breaks_the_search_for_a_draft(store_url: str) -> None:
    async with telling(store_url) as story:
        for key in ("\x00", "Ä2B3", "\ud800", ""):
            with pytest.raises(NotFound):
                await story.read(lambda tx, key=key: drafts.find(tx, key))


@pytest.mark.proves("P1")
async def test_who_says_yes_is_told_of_attachments(store_url: str) -> None:
    async with telling(store_url) as story:
        url = "https://pictures.example/cat.png"
        request = bridge.SendRequest(story.line, PhoneNumber(BOB), "Look!", AGENT, (url,))
        answer = await bridge.send(story.gateway.kit, request)
        assert answer.message.status is MessageStatus.HELD
        await story.passes(seconds=9)
        [told] = [text.body for text in story.phone(OWNER).inbox]
        draft = await draft_of(story, answer.message.id)
        assert f"with 1 attached (ringfence drafts show {draft.code} has them)" in told
        kit = story.gateway.kit
        [view] = await story.read(lambda tx: draft_views(kit, tx, [draft]))
        assert view["attachments"] == [url]


@pytest.mark.proves("P3")
async def test_a_yes_from_before_a_pause_lets_nothing_go_in_it(store_url: str) -> None:
    """It was at the provider when somebody took over, and came back to be tried again."""
    async with telling(store_url) as story:
        draft = await draft_of(story, await asked(story))
        await approve(story, draft)
        kit = story.gateway.kit
        dispatcher = Dispatcher(kit)
        [item] = [one for one in await dispatcher.claim(9) if one.number.e164 == BOB]
        story.clock.advance(seconds=1)
        now = story.clock.now()
        await story.write(
            lambda tx: handover.hand_over(kit, tx, "", PhoneNumber(BOB), "operator:t", "", now)
        )
        change = OutboxChange(item.id, frozenset({item.state}), OutboxState.DUE, due_at=now)
        assert await story.write(lambda tx: tx.outbox.change([change]))
        await story.passes(seconds=30)
        assert story.phone(BOB).inbox == []
        again = await draft_of(story, draft.message_id)
        assert again.state is DraftState.WAITING, "a person is asked anew"
        await approve(story, again)
        await story.passes(seconds=9)
        assert [text.body for text in story.phone(BOB).inbox] == ["Dinner at eight?"]
