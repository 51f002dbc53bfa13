"""Somebody writes that they are in danger: nothing automatic goes to them any more, the owners are
paged, and they get one careful answer. A false alarm is lifted by a person."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from looking import ALICE, BOB, OPEN, audit, inbound, message_form, outbound, parts, sid_of, webhook
from ringfence.gateway import bridge, drafts, handover
from ringfence.gateway.notices import PAGES_PER_HOUR_MAX, PAGES_PER_PERSON_MAX
from ringfence.model.contact import Pause, PauseReason
from ringfence.model.message import Message, MessageClass, MessageStatus
from ringfence.model.phone import PhoneNumber
from telling import NUMBER, OWNER, Story, telling

HELP = "Please help, there is a fire in the house"
SAFE = "An automated line. Call 911 or 112 if you are in danger."
SECOND_OWNER = "+15555550198"


def got(story: Story, number: str) -> list[str]:
    return [text.body for text in story.phone(number).inbox]


async def pauses(story: Story) -> list[Pause]:
    found: list[Pause] = await story.read(lambda tx: tx.pauses.listing())
    return found


async def sends(story: Story, to: str, body: str, initiator: str) -> Message:
    kit = story.gateway.kit
    request = bridge.SendRequest(story.line, PhoneNumber(to), body, initiator)
    return (await bridge.send(kit, request)).message


async def lifts(story: Story, number: str) -> None:
    kit, now = story.gateway.kit, story.clock.now()
    await story.write(
        lambda tx: handover.release(kit, tx, PhoneNumber(number), None, "operator:t", now)
    )


async def test_one_answer_a_page_and_no_turn(
    store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "ringfence.emergency"):
        async with telling(store_url, sms=OPEN) as story:
            await story.phone(ALICE).texts(HELP)
            await story.passes(seconds=9)
            [answer] = got(story, ALICE)
            assert "automated" in answer
            assert "911" in answer
            assert "will help" not in answer.lower()
            assert story.agent.turns == []
            [page] = got(story, OWNER)
            assert page.startswith(f"URGENT: {ALICE} wrote words of an emergency")
            assert f"ringfence pauses lift {ALICE}" in page
            [pause] = await pauses(story)
            assert (pause.line, pause.why, pause.actor) == ("", PauseReason.EMERGENCY, "system")
            [said] = await inbound(story)
            assert (said.status, "paged" in said.reason) == (MessageStatus.RECEIVED, True)
            [entry] = await audit(story, said.id, "emergency")
            assert entry == {"line": "default", "kind": "emergency", "fresh": True}
            [safe] = await outbound(story, ALICE)
            assert safe.message_class is MessageClass.SAFE_REPLY
            [claimed] = await audit(story, (await parts(story, safe))[0].id, "decision")
            assert claimed["facts"]["paused"] == "emergency"
    [record] = [one for one in caplog.records if one.message == "page"]
    assert ALICE not in str(record.__dict__)


async def test_what_they_write_afterwards_is_for_people(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await story.phone(ALICE).texts(HELP)
        await story.phone(ALICE).texts("is anybody there")
        await story.passes(seconds=30)
        assert len(got(story, ALICE)) == 1
        assert story.agent.turns == []
        [_, told] = got(story, OWNER)
        assert 'They wrote: "is anybody there"' in told
        assert (await inbound(story))[-1].reason.startswith("paused:")
        # Others are answered as ever.
        await story.phone(BOB).texts("hello")
        await story.passes(seconds=9)
        assert got(story, BOB) == ["You said: hello"]


@pytest.mark.proves("P3")
async def test_what_was_on_its_way_is_held_on_every_line(store_url: str) -> None:
    second = {"fromNumber": "+15555550101", "webhookPath": "/second"}
    anytime = {"quietHours": {"windows": "mon-sun 00:00-24:00"}}
    sms = {**OPEN, "allowTo": [ALICE], "policy": anytime, "accounts": {"second": second}}
    async with telling(store_url, sms=sms) as story:
        kit = story.gateway.kit
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=9)
        waiting = []
        for line, initiator in (
            ("default", "agent:local"),
            ("second", "agent:local"),
            ("default", "operator:t"),
        ):
            request = bridge.SendRequest(
                kit.lines[line], PhoneNumber(ALICE), f"From {line} by {initiator}", initiator
            )
            waiting.append((await bridge.send(kit, request)).message.id)
        assert (await webhook(story, message_form(body="And?", sid=sid_of(4)))).stored
        assert (await webhook(story, message_form(body=HELP, sid=sid_of(5)))).stored
        messages = await story.read(lambda tx: tx.messages.many(waiting))
        assert [messages[key].status.value for key in waiting] == ["held", "held", "queued"]
        await story.passes(seconds=30)
        assert [turn.body for turn in story.agent.turns] == ["hello"]
        texts = got(story, ALICE)
        assert texts[0] == "You said: hello"
        assert texts[1] == "From default by operator:t"
        assert "automated" in texts[2]
        assert len(texts) == 3


async def test_an_approval_given_before_does_not_carry_through(store_url: str) -> None:
    async with telling(store_url, sms={**OPEN, "purpose": "intake", "disclosure": ""}) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=9)
        [message] = await outbound(story, ALICE)
        kit, now = story.gateway.kit, story.clock.now()

        def approve(tx: Any) -> None:
            draft = tx.drafts.get(message.id)
            drafts.approve(kit, tx, draft, "operator:t", now)

        await story.write(approve)
        assert (await webhook(story, message_form(body=HELP, sid=sid_of(5)))).stored
        await story.passes(seconds=30)
        held = await story.read(lambda tx: tx.messages.get(message.id))
        assert (held.status, held.reason) == (MessageStatus.HELD, "emergency")
        assert [text for text in got(story, ALICE) if text.startswith("You said")] == []


async def test_a_person_may_still_write_to_them(store_url: str) -> None:
    async with telling(store_url, sms={**OPEN, "allowTo": [ALICE]}) as story:
        await story.phone(ALICE).texts(HELP)
        await story.passes(seconds=9)
        await sends(story, ALICE, "I am on my way.", "operator:t")
        message = await sends(story, ALICE, "Have you tried our shop?", "agent:local")
        assert (message.status, "paused" in message.reason) == (MessageStatus.HELD, True)
        await story.passes(seconds=9)
        assert got(story, ALICE)[1:] == ["I am on my way."]


async def test_a_false_alarm_is_lifted(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await story.phone(ALICE).texts(HELP)
        await story.passes(seconds=9)
        await lifts(story, ALICE)
        assert await pauses(story) == []
        await story.phone(ALICE).texts("I was joking")
        await story.passes(seconds=9)
        assert got(story, ALICE)[1:] == ["You said: I was joking"]
        # And the next one is an emergency again.
        await story.phone(ALICE).texts(HELP)
        await story.passes(seconds=9)
        assert len(got(story, ALICE)) == 3


async def test_the_answer_is_given_once_and_pages_about_one_person_are_few(store_url: str) -> None:
    async with telling(store_url, sms={**OPEN, "notifyOwner": False, "safeReply": SAFE}) as story:
        for _ in range(PAGES_PER_PERSON_MAX + 2):
            await story.phone(ALICE).texts(HELP)
        await story.passes(seconds=60)
        assert got(story, ALICE) == [SAFE]
        assert len(got(story, OWNER)) == PAGES_PER_PERSON_MAX
        assert len(await inbound(story)) == PAGES_PER_PERSON_MAX + 2


async def test_pages_are_bounded_and_the_last_says_where_the_rest_stands(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        for index in range(PAGES_PER_HOUR_MAX + 3):
            number = f"+155555502{index:02}"
            form = message_form(sender=number, body=HELP, sid=sid_of(100 + index))
            assert (await webhook(story, form)).stored
        await story.passes(minutes=5)
        pages = got(story, OWNER)
        assert len(pages) == PAGES_PER_HOUR_MAX + 1
        assert "ringfence pauses list" in pages[-1]
        assert len(await pauses(story)) == PAGES_PER_HOUR_MAX + 3


@pytest.mark.proves("P3")
async def test_who_opted_out_gets_no_answer_and_people_are_paged_all_the_same(
    store_url: str,
) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await story.phone(ALICE).texts("STOP")
        await story.passes(seconds=9)
        before = len(got(story, ALICE))
        assert (await webhook(story, message_form(body=HELP, sid=sid_of(5)))).stored
        await story.passes(seconds=9)
        assert len(got(story, ALICE)) == before
        assert any(text.startswith("URGENT") for text in got(story, OWNER))
        assert len(await pauses(story)) == 1


@pytest.mark.parametrize(
    ("sms", "answered"),
    [({}, 1), ({"dmPolicy": "allowlist", "allowFrom": [BOB]}, 1), ({"silent": True}, 0)],
    ids=["pairing", "allowlist", "silent"],
)
async def test_somebody_who_was_not_let_in_may_be_in_need_too(
    sms: dict[str, Any], answered: int, sqlite_url: str
) -> None:
    async with telling(sqlite_url, sms=sms) as story:
        await story.phone(ALICE).texts(HELP)
        await story.passes(seconds=9)
        assert len(got(story, ALICE)) == answered  # and no pairing code
        [page] = got(story, OWNER)
        assert page.startswith("URGENT")


async def test_a_blocked_person_is_not_heard(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        from ringfence.gateway import halt

        kit, now = story.gateway.kit, story.clock.now()
        await story.write(lambda tx: halt.block(kit, tx, PhoneNumber(ALICE), "operator:t", now))
        await story.phone(ALICE).texts(HELP)
        await story.passes(seconds=9)
        assert (got(story, ALICE), got(story, OWNER), await pauses(story)) == ([], [], [])


async def test_an_owner_in_need_is_held_too_and_told_so(store_url: str) -> None:
    async with telling(store_url, sms={"owners": [OWNER, SECOND_OWNER]}) as story:
        await story.phone(OWNER).texts("I want to kill myself")
        await story.passes(seconds=9)
        [answer] = got(story, OWNER)
        assert f"ringfence pauses lift {OWNER}" in answer
        assert "A person was told" in answer
        [page] = got(story, SECOND_OWNER)
        assert page.startswith(f"URGENT: an owner, {OWNER} wrote words of self-harm")
        assert story.agent.turns == []
        await lifts(story, OWNER)
        await story.phone(OWNER).texts("hello")
        await story.passes(seconds=9)
        assert got(story, OWNER)[1:] == ["You said: hello"]


async def test_nobody_is_said_to_be_told_where_there_is_nobody(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms={**OPEN, "owners": []}) as story:
        await story.phone(ALICE).texts(HELP)
        await story.passes(seconds=9)
        [answer] = got(story, ALICE)
        assert "was told" not in answer


async def test_an_operators_command_is_no_emergency(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await story.phone(OWNER).texts("HALT ALL there is a fire")
        await story.passes(seconds=9)
        assert await pauses(story) == []
        assert len(await story.read(lambda tx: tx.switches.engaged())) == 1


async def test_the_lines_own_lists_count(sqlite_url: str) -> None:
    policy = {"forcedTopics": {"extra": {"emergency": ["code purple"]}, "off": ["911"]}}
    async with telling(sqlite_url, sms={**OPEN, "policy": policy}) as story:
        await story.phone(ALICE).texts("Is 911 your room?")
        await story.phone(BOB).texts("It is code purple here")
        await story.passes(seconds=9)
        assert got(story, ALICE) == ["You said: Is 911 your room?"]
        assert [one.number.e164 for one in await pauses(story)] == [BOB]


async def test_a_repeated_webhook_is_no_second_emergency(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        form = message_form(body=HELP, sid=sid_of(9))
        for _ in range(2):
            assert (await webhook(story, form)).stored
        await story.passes(seconds=9)
        assert len(got(story, OWNER)) == 1
        assert NUMBER not in got(story, OWNER)
