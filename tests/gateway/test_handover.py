"""A person of ours takes a conversation over: no agent is asked, nothing automatic leaves, and people
are told what comes in, until it is released."""

from __future__ import annotations

import pytest

from looking import ALICE, BOB, OPEN, inbound, message_form, outbound, sid_of, webhook
from ringfence.gateway import bridge, emergency, handover
from ringfence.gateway.arrival import Arrival
from ringfence.gateway.notices import NOTICES_PER_HOUR_MAX
from ringfence.gateway.receive import Receiver
from ringfence.gateway.reply import Replier
from ringfence.gateway.track import Tracker
from ringfence.model.contact import Pause, PauseReason
from ringfence.model.errors import NotFound
from ringfence.model.message import InboundMessage, MessageStatus
from ringfence.model.phone import PhoneNumber
from ringfence.text.keywords import classify
from telling import NUMBER, OWNER, Story, telling

PERSON = PhoneNumber(ALICE)


def got(story: Story, number: str) -> list[str]:
    return [text.body for text in story.phone(number).inbox]


async def takes_over(story: Story, line: str = "default", number: PhoneNumber = PERSON) -> bool:
    kit, now = story.gateway.kit, story.clock.now()
    fresh: bool = await story.write(
        lambda tx: handover.hand_over(kit, tx, line, number, "operator:ann", "", now)
    )
    return fresh


async def releases(story: Story, line: str | None = None) -> list[Pause]:
    kit, now = story.gateway.kit, story.clock.now()
    lifted: list[Pause] = await story.write(
        lambda tx: handover.release(kit, tx, PERSON, line, "operator:ann", now)
    )
    return lifted


@pytest.mark.proves("P2")
async def test_people_talk_until_it_is_released(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        assert await takes_over(story)
        assert not await takes_over(story)
        await story.phone(ALICE).texts("Are you there?")
        await story.passes(seconds=9)
        assert (story.agent.turns, got(story, ALICE)) == ([], [])
        [told] = got(story, OWNER)
        assert 'They wrote: "Are you there?"' in told
        request = bridge.SendRequest(story.line, PERSON, "Ann here.", "operator:ann")
        await bridge.send(story.gateway.kit, request)
        await story.passes(seconds=9)
        assert got(story, ALICE) == ["Ann here."]
        assert [one.why for one in await releases(story)] == [PauseReason.HANDOVER]
        await story.phone(ALICE).texts("Thanks")
        await story.passes(seconds=9)
        assert got(story, ALICE)[1:] == ["You said: Thanks"]


@pytest.mark.proves("P3")
async def test_a_turn_under_way_is_taken_back(store_url: str) -> None:
    """The agent is asked already; its answer is thrown away."""
    async with telling(store_url, sms=OPEN) as story:
        assert (await webhook(story, message_form(body="one", sid=sid_of(1)))).stored
        replier = Replier(story.gateway.kit)
        [open_turn] = await replier.claim(10)
        await takes_over(story)
        await replier.answer(open_turn)
        await story.passes(seconds=9)
        assert (got(story, ALICE), await outbound(story)) == ([], [])
        assert await story.read(lambda tx: tx.turns.open_for(PERSON)) == []


async def test_one_line_is_paused_and_the_others_are_not(store_url: str) -> None:
    second = {"fromNumber": "+15555550101", "webhookPath": "/second"}
    async with telling(store_url, sms={**OPEN, "accounts": {"second": second}}) as story:
        await takes_over(story, "second")
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=9)
        assert got(story, ALICE) == ["You said: hello"]
        with pytest.raises(NotFound):
            await releases(story, "default")
        assert [one.line for one in await releases(story, "second")] == ["second"]


@pytest.mark.proves("P3")
async def test_what_an_agent_started_is_held(store_url: str) -> None:
    anytime = {"quietHours": {"windows": "mon-sun 00:00-24:00"}}
    sms = {**OPEN, "allowTo": [ALICE], "policy": anytime}
    async with telling(store_url, sms=sms) as story:
        kit = story.gateway.kit
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=9)
        request = bridge.SendRequest(story.line, PERSON, "One more thing", "agent:local")
        queued = (await bridge.send(kit, request)).message
        assert queued.status is MessageStatus.QUEUED
        await takes_over(story)
        await story.passes(seconds=9)
        held = await story.read(lambda tx: tx.messages.get(queued.id))
        assert (held.status, held.reason) == (MessageStatus.HELD, "handover")


async def test_owners_are_told_within_bounds(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await takes_over(story)
        for index in range(NOTICES_PER_HOUR_MAX + 4):
            await story.phone(ALICE).texts(f"text {index}")
        await story.passes(minutes=3)
        assert len(got(story, OWNER)) == NOTICES_PER_HOUR_MAX + 1
        assert len(await inbound(story)) == NOTICES_PER_HOUR_MAX + 4


@pytest.mark.proves("P3")
async def test_keywords_are_obeyed_all_the_same(store_url: str) -> None:
    async with telling(store_url, sms={**OPEN, "optOutReplies": "ringfence"}) as story:
        await takes_over(story)
        await story.phone(ALICE).texts("STOP")
        await story.passes(seconds=9)
        assert len(got(story, ALICE)) == 1  # the confirmation
        person = await story.read(lambda tx: tx.people.find([PERSON]))
        assert person[PERSON].opt_out_source == "keyword"


async def test_a_paused_stranger_is_not_paired(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        await takes_over(story)
        await story.phone(ALICE).texts("hello")
        await story.phone(BOB).texts("hello")
        await story.passes(seconds=9)
        assert got(story, ALICE) == []
        assert len(got(story, BOB)) == 1


async def test_a_text_meets_what_the_one_before_it_in_the_batch_brought_about(
    store_url: str,
) -> None:
    async with telling(store_url, sms=OPEN) as story:
        kit, now = story.gateway.kit, story.clock.now()
        receiver = Receiver(kit, Tracker(kit))
        bodies = [(ALICE, "there is a fire"), (ALICE, "hello?"), (BOB, "hello")]
        batch = [
            Arrival(
                story.line,
                kit.ids.new("message", now),
                InboundMessage(sid_of(at), "", None, number, NUMBER, body),
                PhoneNumber(number),
                classify(body),
                now,
                urgent=emergency.heard(
                    kit.policies["default"], story.line, PhoneNumber(number), body
                ),
            )
            for at, (number, body) in enumerate(bodies, start=1)
        ]
        assert await story.write(lambda tx: receiver._admitting.many(tx, batch)) == [True] * 3
        await story.passes(seconds=30)
        assert [turn.body for turn in story.agent.turns] == ["hello"]
        assert got(story, BOB) == ["You said: hello"]
