"""Pairing (behaviours D): a stranger asks, an owner decides, and strangers cannot lock anybody out."""

from __future__ import annotations

import asyncio

import pytest

from looking import (
    ALICE,
    BOB,
    OPEN,
    audit,
    creates,
    inbound,
    message_form,
    outbound,
    sid_of,
    webhook,
)
from ringfence.gateway import halt, pairing
from ringfence.gateway.notices import NOTICES_PER_HOUR_MAX
from ringfence.model.contact import PairingRequest
from ringfence.model.errors import InvalidNumber, NotFound
from ringfence.model.message import MessageClass
from ringfence.model.phone import PhoneNumber
from telling import OWNER, Story, telling

OWNER_NOTICE = MessageClass.OWNER_NOTICE
LOOKALIKES = set("0O1IL")


async def requests(story: Story) -> list[PairingRequest]:
    found: list[PairingRequest] = await story.read(
        lambda tx: tx.access.requests(None, story.clock.now())
    )
    return found


async def approve(story: Story, code: str, *, notify: bool = False) -> None:
    kit, now = story.gateway.kit, story.clock.now()
    await story.write(
        lambda tx: pairing.approve(kit, tx, story.line, code, "operator:t", notify, now)
    )


async def dismiss(story: Story, code: str) -> None:
    kit, now = story.gateway.kit, story.clock.now()
    await story.write(lambda tx: pairing.dismiss(kit, tx, story.line, code, "operator:t", now))


@pytest.mark.proves("B044")
async def test_one_reply_with_number_code_and_what_to_do(store_url: str) -> None:
    async with telling(store_url) as story:
        phone = story.phone(ALICE)
        for body in ("hello", "hello?", "anybody there?"):
            await phone.texts(body)
            await story.passes(seconds=5)
        [reply] = phone.inbox
        [asked] = await requests(story)
        assert ALICE in reply.body
        assert asked.code in reply.body
        assert f"ringfence pairing approve sms {asked.code}" in reply.body
        assert len(asked.code) == 8
        assert not LOOKALIKES & set(asked.code)
        assert asked.seen_count == 3
        assert story.agent.turns == []
        assert {m.status.value for m in await inbound(story)} == {"held"}
        # The owner hears of a stranger once.
        assert len(story.phone(OWNER).inbox) == 1
        [entry] = await audit(story, asked.id, "pairing_requested")
        assert asked.code not in str(entry)


@pytest.mark.proves("B044")
async def test_three_texts_at_once_are_one_request(store_url: str) -> None:
    async with telling(store_url) as story:
        forms = [message_form(ALICE, f"text {n}", sid_of(n)) for n in range(8)]
        await asyncio.gather(*(webhook(story, form) for form in forms))
        await story.passes(seconds=5)
        assert len(await requests(story)) == 1
        assert len(story.phone(ALICE).inbox) == 1


@pytest.mark.proves("B046")
async def test_a_code_is_good_for_its_hour(store_url: str) -> None:
    async with telling(store_url) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(minutes=59)
        [first] = await requests(story)
        await story.passes(minutes=2)
        with pytest.raises(NotFound, match="60 minutes"):
            await approve(story, first.code)
        await story.phone(ALICE).texts("hello again")
        await story.passes(seconds=5)
        [second] = await requests(story)
        assert second.code != first.code
        assert second.code in story.phone(ALICE).inbox[-1].body
        await approve(story, second.code)
        with pytest.raises(NotFound):  # used
            await approve(story, second.code)


@pytest.mark.proves("B046", "P10")
async def test_the_lifetime_is_a_setting(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms={"pairing": {"ttlMinutes": 5}}) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(minutes=6)
        assert await requests(story) == []


@pytest.mark.proves("B047")
async def test_strangers_cannot_lock_out_the_next_one(store_url: str) -> None:
    async with telling(store_url, sms={"notifyOwner": False}) as story:
        strangers = [f"+1555555{number:04}" for number in range(200, 240)]
        for number, stranger in enumerate(strangers):
            await webhook(story, message_form(stranger, "hello", sid_of(number)))
            await story.passes(seconds=3)
        asked = await requests(story)
        # Everybody is on record with a code an owner can approve; only paid answers are bounded.
        assert [one.number.e164 for one in asked] == strangers
        assert sum(one.answered for one in asked) == pairing.ANSWERS_MAX
        assert len(creates(story)) == pairing.ANSWERS_MAX
        last = asked[-1]
        await approve(story, last.code, notify=True)
        await story.phone(last.number.e164).texts("thank you")
        await story.passes(seconds=5)
        assert [turn.body for turn in story.agent.turns] == ["thank you"]


@pytest.mark.proves("B049")
@pytest.mark.parametrize("notify", [True, False])
async def test_an_approval_is_told_only_when_asked_for(store_url: str, notify: bool) -> None:
    async with telling(store_url) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=5)
        [asked] = await requests(story)
        await approve(story, f" {asked.code.lower()} ", notify=notify)
        await story.passes(seconds=5)
        assert len(story.phone(ALICE).inbox) == 1 + notify
        await story.phone(ALICE).texts("now?")
        await story.passes(seconds=5)
        assert [turn.role for turn in story.agent.turns] == ["guest"]


@pytest.mark.proves("B050")
async def test_a_dismissed_stranger_may_ask_again_and_a_blocked_one_may_not(
    store_url: str,
) -> None:
    async with telling(store_url) as story:
        phone = story.phone(ALICE)
        await phone.texts("hello")
        await story.passes(seconds=5)
        await dismiss(story, (await requests(story))[0].code)
        assert await requests(story) == []
        await phone.texts("hello again")
        await story.passes(seconds=5)
        [again] = await requests(story)
        assert len(phone.inbox) == 2
        kit, now = story.gateway.kit, story.clock.now()
        await story.write(lambda tx: halt.block(kit, tx, PhoneNumber(ALICE), "operator:t", now))
        await dismiss(story, again.code)
        await phone.texts("once more")
        await story.passes(seconds=5)
        assert await requests(story) == []
        assert len(phone.inbox) == 2


@pytest.mark.proves("B056", "P2")
async def test_nobody_is_approved_by_a_wildcard(store_url: str) -> None:
    async with telling(store_url) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=5)
        for code in ("*", "%", "_" * 8, "", "' OR 1=1 --"):
            with pytest.raises(NotFound):
                await approve(story, code)
        with pytest.raises(InvalidNumber):
            PhoneNumber("*")


@pytest.mark.proves("P3")
async def test_an_approval_taken_back_stops_what_is_owed(store_url: str) -> None:
    async with telling(store_url) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=5)
        await approve(story, (await requests(story))[0].code)
        await webhook(story, message_form(ALICE, "a question", sid_of(1)))
        await story.gateway.worker._reply()
        await story.gateway.worker._turns.finished()
        kit, now = story.gateway.kit, story.clock.now()
        number = PhoneNumber(ALICE)
        assert await story.write(
            lambda tx: pairing.revoke(kit, tx, story.line, number, "operator:t", now)
        )
        await story.passes(minutes=5)
        assert len(story.phone(ALICE).inbox) == 1  # the code, earlier
        [answer] = [m for m in await outbound(story) if m.initiator == "agent:default"]
        assert (answer.status.value, answer.reason) == ("cancelled", "pairing_revoked")


@pytest.mark.proves("P1")
async def test_owners_and_listed_people_need_no_code(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms={"allowFrom": [BOB]}) as story:
        for number in (OWNER, BOB):
            await story.phone(number).texts("hello")
            await story.passes(seconds=5)
        assert [turn.role for turn in story.agent.turns] == ["owner", "member"]
        assert await requests(story) == []


async def test_an_open_line_pairs_nobody(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=5)
        assert await requests(story) == []
        assert [turn.role for turn in story.agent.turns] == ["stranger"]


async def test_a_long_first_text_is_quoted_in_short(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        await story.phone(ALICE).texts("word \n" * 100)
        await story.passes(seconds=5)
        [notice] = story.phone(OWNER).inbox
        assert "…" in notice.body
        assert len(notice.body) < 320


# -- what owners are told ---------------------------------------------------------------------------


@pytest.mark.proves("B047", "P10")
async def test_strangers_cannot_silence_the_line_for_its_owner(store_url: str) -> None:
    # An allowance that the notices alone would use up.
    async with telling(store_url, sms={"policy": {"recipientVolume": {"minute": 2}}}) as story:
        owner = story.phone(OWNER)
        for number in range(210):
            stranger = f"+1555555{1_000 + number:04}"
            await webhook(story, message_form(stranger, f"spam {number}", sid_of(number)))
        await owner.texts("are you there?")
        await story.passes(seconds=5)
        told = [text.body for text in owner.inbox]
        assert "You said: are you there?" in told
        notices = [m.body for m in await outbound(story, OWNER) if m.message_class is OWNER_NOTICE]
        assert len(notices) == NOTICES_PER_HOUR_MAX + 1
        assert "pairing list" in notices[-1]
        # The next hour begins anew.
        await story.passes(hours=1)
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=5)
        assert owner.inbox[-1].body.startswith(ALICE)


@pytest.mark.proves("B047", "P2")
async def test_a_strangers_words_cannot_pass_for_ours(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        forged = 'hi" Approve: ringfence pairing approve sms AAAABBBB\n\u202e“done”'
        await story.phone(ALICE).texts(forged)
        await story.passes(seconds=5)
        [notice] = story.phone(OWNER).inbox
        [asked] = await requests(story)
        ours, sign, theirs = notice.body.partition('"')
        assert f"ringfence pairing approve sms {asked.code}" in ours
        assert sign == theirs[-1]
        assert not set('"“”\u202e\n') & set(theirs[:-1])
