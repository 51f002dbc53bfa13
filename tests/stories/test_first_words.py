"""Told first: who writes, that it is automated, how to reach a person, STOP and HELP. The gateway puts
it before the first text to a person, counts it, and knows when it arrived."""

from __future__ import annotations

from typing import Any

import pytest

from looking import (
    ALICE,
    BOB,
    OPEN,
    all_items,
    audit,
    outbound,
    parts,
    status_form,
    webhook,
)
from ringfence.gateway import bridge, drafts
from ringfence.gateway.facts import disclosure_version
from ringfence.model.draft import Draft
from ringfence.model.errors import NotReleasable
from ringfence.model.message import Message, MessageClass, MessageStatus
from ringfence.model.phone import PhoneNumber
from telling import OWNER, ScriptedAgent, Story, telling

WORDS = "Shop: automated answers, read by Ann. Reply HELP to reach her, STOP for no more messages."
LINE = {**OPEN, "disclosure": WORDS}


def got(story: Story, number: str) -> list[str]:
    return [text.body for text in story.phone(number).inbox]


async def told(story: Story, number: str = ALICE) -> str:
    """`carried`, `delivered`, or nothing."""
    key = (story.line.id, PhoneNumber(number), disclosure_version(story.line))
    found = await story.read(lambda tx: tx.acquaintances.disclosed([key]))
    return str(found[key][0]) if key in found else ""


async def proposed(story: Story, to: str, body: str, initiator: str = "operator:t") -> Message:
    kit = story.gateway.kit
    request = bridge.SendRequest(story.line, PhoneNumber(to), body, initiator)
    return (await bridge.send(kit, request)).message


async def draft_of(story: Story, message: Message) -> Draft:
    draft: Draft = await story.read(lambda tx: tx.drafts.get(message.id))
    return draft


async def decides(story: Story, how: Any, draft: Draft, *args: Any) -> Any:
    kit, now = story.gateway.kit, story.clock.now()
    return await story.write(lambda tx: how(kit, tx, draft, *args, "operator:t", now))


async def test_the_first_text_begins_with_it_and_the_second_does_not(store_url: str) -> None:
    async with telling(store_url, sms=LINE) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=9)
        await story.phone(ALICE).texts("again")
        await story.passes(seconds=9)
        assert got(story, ALICE) == [f"{WORDS}\n\nYou said: hello", "You said: again"]
        [first, second] = await outbound(story, ALICE)
        assert (first.segments, second.segments) == (1, 1)
        assert (first.traits.segments, first.traits.reserved, first.traits.topics) == (1, (), ())
        assert await told(story) == "delivered"
        assert await audit(story, first.id, "disclosed") == [
            {"line": "default", "version": disclosure_version(story.line)}
        ]
        assert await audit(story, second.id, "disclosed") == []


async def test_its_segments_count(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=LINE) as story:
        body = "x" * 100
        dry = bridge.SendRequest(story.line, PhoneNumber(ALICE), body, "operator:t")
        assert (
            sum(part.segments for part in (await bridge.dry_run(story.gateway.kit, dry)).parts) == 2
        )
        message = await proposed(story, ALICE, body)
        assert (message.segments, message.traits.segments) == (2, 2)
        assert sum(item.segments for item in await all_items(story)) == 2


async def test_owners_and_owed_answers_carry_none(store_url: str) -> None:
    async with telling(store_url, sms={**LINE, "optOutReplies": "ringfence"}) as story:
        await story.phone(OWNER).texts("hello")
        await story.phone(ALICE).texts("HELP")
        await story.passes(seconds=9)
        assert got(story, OWNER) == ["You said: hello"]
        [help_] = await outbound(story, ALICE)
        assert help_.message_class is MessageClass.HELP
        assert not help_.body.startswith(WORDS)
        assert await told(story) == ""


async def test_each_person_is_told(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=LINE) as story:
        for number in (ALICE, BOB):
            await story.phone(number).texts("hello")
        await story.passes(seconds=9)
        assert [body.startswith(WORDS) for body in got(story, ALICE) + got(story, BOB)] == [
            True
        ] * 2


async def test_one_that_never_arrived_is_owed_again(store_url: str) -> None:
    async with telling(store_url, sms=LINE) as story:
        story.carrier.script(ALICE, "undelivered:30003")
        first = await proposed(story, ALICE, "one")
        assert await told(story) == "carried"
        await story.passes(seconds=9)
        assert (await outbound(story, ALICE))[0].status is MessageStatus.UNDELIVERED
        assert await told(story) == ""
        assert await audit(story, first.id, "disclosed") == []
        second = await proposed(story, ALICE, "two")
        assert second.body == f"{WORDS}\n\ntwo"


async def test_a_text_behind_the_one_that_carries_it_goes_without(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=LINE) as story:
        await proposed(story, ALICE, "one")
        await proposed(story, ALICE, "two")
        await story.passes(seconds=9)
        assert got(story, ALICE) == [f"{WORDS}\n\none", "two"]


async def test_a_cancelled_carrier_leaves_the_next_text_waiting(store_url: str) -> None:
    """The second was proposed while the first was to tell them; the first never left."""
    from ringfence.gateway import release

    async with telling(store_url, sms=LINE) as story:
        first = await proposed(story, ALICE, "one")
        second = await proposed(story, ALICE, "two")
        kit, now = story.gateway.kit, story.clock.now()
        await story.write(lambda tx: release.cancel(kit, tx, first.id, "operator:t", now))
        await story.passes(seconds=9)
        assert got(story, ALICE) == []
        held = await story.read(lambda tx: tx.messages.get(second.id))
        assert (held.status, "disclosure_owed" in held.reason) == (MessageStatus.HELD, True)
        # A yes to its words is none to leaving the disclosure out.
        draft = await draft_of(story, second)
        with pytest.raises(NotReleasable, match="Edit the draft"):
            await decides(story, drafts.approve, draft)
        await decides(story, drafts.edit, draft, "two")
        await story.passes(seconds=9)
        assert got(story, ALICE) == [f"{WORDS}\n\ntwo"]


async def test_a_draft_keeps_it_and_an_edit_gets_it_again(store_url: str) -> None:
    async with telling(store_url, sms={**LINE, "purpose": "intake"}) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=9)
        [message] = await outbound(story, ALICE)
        assert message.body == f"{WORDS}\n\nYou said: hello"
        assert await told(story) == ""  # it waits, and may never leave
        notice = got(story, OWNER)[-1]
        assert 'It says, after the disclosure: "You said: hello"' in notice
        draft = await draft_of(story, message)
        await decides(story, drafts.edit, draft, "Good morning.")
        assert await told(story) == "carried"
        await story.passes(seconds=9)
        assert got(story, ALICE) == [f"{WORDS}\n\nGood morning."]
        assert await told(story) == "delivered"


async def test_an_edit_of_the_whole_text_does_not_double_it(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms={**LINE, "purpose": "intake"}) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=9)
        [message] = await outbound(story, ALICE)
        await decides(story, drafts.edit, await draft_of(story, message), f"{WORDS}\n\nGood day.")
        await story.passes(seconds=9)
        assert got(story, ALICE) == [f"{WORDS}\n\nGood day."]


async def test_two_drafts_may_both_tell_it(store_url: str) -> None:
    """Each was approved as it stands; neither yes covers another text."""
    async with telling(store_url, sms={**LINE, "purpose": "intake"}) as story:
        for words in ("one", "two"):
            await story.phone(ALICE).texts(words)
            await story.passes(seconds=9)
        for message in await outbound(story, ALICE):
            await decides(story, drafts.approve, await draft_of(story, message))
        await story.passes(seconds=9)
        assert [body.count(WORDS) for body in got(story, ALICE)] == [1, 1]
        entries = [await audit(story, one.id, "disclosed") for one in await outbound(story, ALICE)]
        assert sorted(len(one) for one in entries) == [0, 1]
        assert await told(story) == "delivered"


async def test_other_words_are_owed_anew_and_a_draft_with_the_old_ones_needs_its_yes(
    store_url: str,
) -> None:
    async with telling(store_url, sms={**LINE, "purpose": "intake"}) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=9)
        [message] = await outbound(story, ALICE)
        clock = story.clock
    other = WORDS.replace("Ann", "Bea")
    async with telling(
        store_url, sms={**LINE, "purpose": "intake", "disclosure": other}, clock=clock, seed=8
    ) as story:
        draft = await draft_of(story, message)
        await decides(story, drafts.approve, draft)
        await story.passes(seconds=9)
        assert got(story, ALICE) == [f"{WORDS}\n\nYou said: hello"]
        assert await told(story) == ""
        again = await proposed(story, ALICE, "more")
        assert again.body == f"{other}\n\nmore"


@pytest.mark.proves("P3")
async def test_a_stop_takes_it_along(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=LINE) as story:
        await proposed(story, ALICE, "one")
        await story.phone(ALICE).texts("STOP")
        await story.passes(seconds=9)
        assert WORDS not in " ".join(got(story, ALICE))
        assert await told(story) == ""


async def test_words_over_two_parts_are_told_when_both_are_there(sqlite_url: str) -> None:
    long = f"{WORDS} " + "We keep what you write. " * 4
    sms = {**LINE, "disclosure": long, "textChunkLimit": 100}
    async with telling(sqlite_url, sms=sms) as story:
        message = await proposed(story, ALICE, "one")
        await story.passes(seconds=30)
        assert len(got(story, ALICE)) > 1
        assert await told(story) == "delivered"
        assert len(await audit(story, message.id, "disclosed")) == 1


async def test_half_of_the_words_is_not_told(store_url: str) -> None:
    long = f"{WORDS} " + "We keep what you write. " * 4
    sms = {**LINE, "disclosure": long, "textChunkLimit": 100}
    async with telling(store_url, sms=sms) as story:
        story.carrier.script(ALICE, "silent")
        message = await proposed(story, ALICE, "one")
        await story.passes(seconds=30)
        found = await parts(story, message)
        assert len(found) > 1
        for item in found:
            assert await told(story) == "carried"
            form = status_form(item.provider_id, "delivered")
            path = f"/webhooks/sms?ringfence={item.id}"
            assert (await webhook(story, form, path=path)).status == 200
        assert await told(story) == "delivered"
        assert len(await audit(story, message.id, "disclosed")) == 1


async def test_an_attachment_alone_carries_it_too(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=LINE) as story:
        request = bridge.SendRequest(
            story.line, PhoneNumber(ALICE), "", "operator:t", ("https://example.com/a.png",)
        )
        sent = await bridge.send(story.gateway.kit, request)
        assert sent.message.body == WORDS


@pytest.mark.proves("P2")
async def test_an_agent_cannot_say_that_it_told_them(sqlite_url: str) -> None:
    agent = ScriptedAgent(lambda turn: f"{WORDS}\n\nhello")
    async with telling(sqlite_url, sms=LINE, agent=agent) as story:
        await story.phone(ALICE).texts("hi")
        await story.passes(seconds=9)
        [message] = await outbound(story, ALICE)
        assert message.body == f"{WORDS}\n\n{WORDS}\n\nhello"
