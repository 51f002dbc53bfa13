"""Drafts: held texts that people decide on. A yes is for one text to one person, one of two who race
wins, and whatever stops a person's texts stops an approved one too."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from looking import ALICE, BOB, all_items, audit, creates, outbound
from ringfence.gateway import bridge, drafts, halt, review
from ringfence.model.contact import SwitchScope
from ringfence.model.draft import Draft, DraftState
from ringfence.model.errors import (
    AlreadyDecided,
    DraftChanged,
    EmptyText,
    NotFound,
    NotReleasable,
    RingfenceError,
)
from ringfence.model.message import Message, MessageStatus
from ringfence.model.phone import PhoneNumber
from telling import OWNER, Story, telling

AGENT = "agent:local"


async def held(story: Story, to: str = BOB, body: str = "Dinner at eight?") -> Draft:
    """An agent asks to text somebody it may not write to first."""
    kit = story.gateway.kit
    answer = await bridge.send(
        kit, bridge.SendRequest(story.line, PhoneNumber(to), body, AGENT, provenance={"model": "m"})
    )
    assert answer.message.status is MessageStatus.HELD
    draft: Draft = await story.read(lambda tx: tx.drafts.get(answer.message.id))
    return draft


async def now_is(story: Story, draft: Draft) -> Draft:
    found: Draft = await story.read(lambda tx: tx.drafts.get(draft.message_id))
    return found


async def message_of(story: Story, message_id: str) -> Message:
    found: Message = await story.read(lambda tx: tx.messages.get(message_id))
    return found


async def decides(
    story: Story, how: Any, draft: Draft, *args: Any, actor: str = "operator:t"
) -> Any:
    kit, now = story.gateway.kit, story.clock.now()
    return await story.write(lambda tx: how(kit, tx, draft, *args, actor, now))


def got(story: Story, number: str) -> list[str]:
    return [text.body for text in story.phone(number).inbox]


@pytest.mark.proves("P1", "P2", "P7")
async def test_a_held_text_leaves_after_a_yes_and_not_before(store_url: str) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        await story.passes(minutes=5)
        assert got(story, BOB) == []
        await decides(story, drafts.approve, draft)
        await story.passes(seconds=9)
        assert got(story, BOB) == ["Dinner at eight?"]
        assert (await now_is(story, draft)).state is DraftState.APPROVED
        [item] = [one for one in await all_items(story) if one.number.e164 == BOB]
        [claimed] = await audit(story, item.id, "decision")
        assert claimed["approval"] == {"id": draft.message_id, "by": "operator:t"}
        assert {one["met_by"] for one in claimed["reasons"]} == {f"approval:{draft.message_id}"}
        [approved] = await audit(story, draft.message_id, "draft_approved")
        assert approved["text"] == draft.text_digest


@pytest.mark.proves("P1")
async def test_of_two_who_decide_one_wins_and_the_other_is_told(store_url: str) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        ends = await asyncio.gather(
            decides(story, drafts.approve, draft, actor="approver:ann"),
            decides(story, drafts.reject, draft, "no", actor="approver:ben"),
            return_exceptions=True,
        )
        [lost] = [end for end in ends if isinstance(end, Exception)]
        assert isinstance(lost, AlreadyDecided)
        winner = (await now_is(story, draft)).decided_by
        assert winner in str(lost)
        await story.passes(seconds=9)
        assert got(story, BOB) == (["Dinner at eight?"] if winner == "approver:ann" else [])


async def test_a_code_is_used_once(store_url: str) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        await decides(story, drafts.approve, draft)
        again = await now_is(story, draft)
        with pytest.raises(AlreadyDecided, match="approved by operator:t"):
            await decides(story, drafts.approve, again)
        await story.passes(seconds=9)
        assert len(got(story, BOB)) == 1


@pytest.mark.proves("P2", "P7")
async def test_an_edit_goes_through_the_gate_and_both_texts_are_kept(store_url: str) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        approved = await decides(story, drafts.edit, draft, "Dinner at nine.")
        await story.passes(seconds=9)
        assert got(story, BOB) == ["Dinner at nine."]
        old = await message_of(story, draft.message_id)
        new = await message_of(story, approved.message.id)
        assert (old.body, old.status) == ("Dinner at eight?", MessageStatus.CANCELLED)
        assert new.provenance["edited_from"] == old.id
        assert new.provenance["model"] == "m"
        known = await now_is(story, draft)
        assert (known.state, known.replaced_by) == (DraftState.EDITED, new.id)
        decisions = await audit(story, new.id, "decision")
        assert [one["verdict"] for one in decisions] == ["hold", "allow"]


async def test_an_edit_must_say_something(store_url: str) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        with pytest.raises(EmptyText):
            await decides(story, drafts.edit, draft, " \n ")
        assert (await now_is(story, draft)).state is DraftState.WAITING


async def test_a_no_ends_it_and_keeps_why(store_url: str) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        await decides(story, drafts.reject, draft, "not now")
        known = await now_is(story, draft)
        assert (known.state, known.note) == (DraftState.REJECTED, "not now")
        assert (await message_of(story, draft.message_id)).status is MessageStatus.CANCELLED
        with pytest.raises(AlreadyDecided):
            await decides(story, drafts.approve, known)


@pytest.mark.proves("P3")
async def test_a_yes_can_be_taken_back_until_it_leaves(store_url: str) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        await decides(story, drafts.approve, draft)
        await decides(story, drafts.reject, await now_is(story, draft), "changed my mind")
        await story.passes(seconds=9)
        assert got(story, BOB) == []


@pytest.mark.proves("P6")
async def test_what_nobody_decides_on_expires(store_url: str) -> None:
    async with telling(store_url, sms={"draftTtlMinutes": 30}) as story:
        draft = await held(story)
        await story.passes(minutes=29)
        assert (await now_is(story, draft)).state is DraftState.WAITING
        await story.passes(minutes=5)
        known = await now_is(story, draft)
        assert known.state is DraftState.EXPIRED
        assert (await message_of(story, draft.message_id)).status is MessageStatus.EXPIRED
        with pytest.raises(AlreadyDecided, match="expired"):
            await decides(story, drafts.approve, known)


async def test_a_draft_is_over_at_its_time_though_no_sweep_came(store_url: str) -> None:
    async with telling(store_url, sms={"draftTtlMinutes": 30}) as story:
        draft = await held(story)
        story.clock.move_to(story.clock.now() + timedelta(minutes=30))
        with pytest.raises(AlreadyDecided, match="expired"):
            await decides(story, drafts.approve, draft)


@pytest.mark.proves("P1", "P3", "C6")
async def test_a_yes_does_not_outlive_a_stop(store_url: str) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        await decides(story, drafts.approve, draft)
        await story.phone(BOB).texts("STOP")
        await story.passes(seconds=9)
        assert (await now_is(story, draft)).state is DraftState.CANCELLED
        assert "Dinner at eight?" not in got(story, BOB)


@pytest.mark.proves("P3", "C2")
async def test_a_stop_ends_what_waits_for_a_yes(store_url: str) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        await story.phone(BOB).texts("STOP")
        await story.passes(seconds=9)
        known = await now_is(story, draft)
        assert known.state is DraftState.CANCELLED
        with pytest.raises(AlreadyDecided):
            await decides(story, drafts.approve, known)


@pytest.mark.proves("C5")
async def test_a_yes_of_the_recipient_is_no_approval(store_url: str) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        await story.phone(BOB).texts("YES")
        await story.phone(BOB).texts(f"OK {draft.code}")
        await story.passes(seconds=9)
        assert (await now_is(story, draft)).state is DraftState.WAITING
        assert "Dinner at eight?" not in got(story, BOB)


@pytest.mark.proves("P1", "P3")
async def test_the_kill_switch_is_above_any_yes(store_url: str) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        kit, now = story.gateway.kit, story.clock.now()
        await story.write(
            lambda tx: halt.stop(kit, tx, SwitchScope.EVERYTHING, "", "test", "operator:t", now)
        )
        with pytest.raises(NotReleasable, match="stopped"):
            await decides(story, drafts.approve, draft)
        assert (await now_is(story, draft)).state is DraftState.WAITING, (
            "the refusal changed nothing"
        )


@pytest.mark.proves("P1", "P2")
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE messages SET body = 'Send me money' WHERE id = ?",
        f"UPDATE messages SET number = '{ALICE}' WHERE id = ?",
        'UPDATE messages SET media = \'[{"content_type":"","url":"https://x.example"}]\' WHERE id = ?',
    ],
)
async def test_any_change_kills_the_yes(store_url: str, change: str) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        await story.write(lambda tx: tx.people._db.run(change, (draft.message_id,)))
        with pytest.raises(DraftChanged):
            await decides(story, drafts.approve, draft)


@pytest.mark.proves("P1")
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE messages SET body = 'Send me money' WHERE id = ?",
        "UPDATE outbox SET body = 'Send me money' WHERE message_id = ?",
        "UPDATE drafts SET state = 'rejected' WHERE message_id = ?",
        "DELETE FROM drafts WHERE message_id = ?",
    ],
)
async def test_a_change_after_the_yes_stops_it_at_the_claim(store_url: str, change: str) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        await decides(story, drafts.approve, draft)
        await story.write(lambda tx: tx.people._db.run(change, (draft.message_id,)))
        await story.passes(seconds=9)
        assert got(story, BOB) == []
        assert (await message_of(story, draft.message_id)).status is MessageStatus.REFUSED


async def test_what_is_held_at_its_claim_becomes_a_draft_and_goes_on_from_there(
    store_url: str,
) -> None:
    """Allowed when it was proposed, not when it was to leave: the person is asked then."""
    async with telling(store_url, sms={"allowFrom": [BOB]}) as story:
        kit = story.gateway.kit
        answer = await bridge.send(
            kit, bridge.SendRequest(story.line, PhoneNumber(BOB), "word " * 400, AGENT)
        )
        assert answer.message.status is MessageStatus.QUEUED
        object.__setattr__(story.line, "allow_from", frozenset())
        await story.passes(seconds=9)
        draft: Draft = await story.read(lambda tx: tx.drafts.get(answer.message.id))
        assert draft.state is DraftState.WAITING
        await decides(story, drafts.approve, draft)
        await story.passes(seconds=9)
        assert len(creates_to(story, BOB)) == 2, "each part once"


def creates_to(story: Story, number: str) -> list[Any]:
    return [one for one in creates(story) if one.recipient == number]


async def test_codes_are_no_words_and_never_shared(store_url: str) -> None:
    async with telling(store_url) as story:
        kit = story.gateway.kit
        codes: set[str] = await story.write(
            lambda tx: {review.new_code(kit, tx) for _ in range(500)}
        )
        assert all(any(sign.isdigit() for sign in code) for code in codes)
        assert not any(set(code) & set("01ILO") for code in codes)
        with pytest.raises(NotFound):
            await story.read(lambda tx: drafts.find(tx, "ZZZ9"))


@pytest.mark.proves("P10")
async def test_a_flood_of_drafts_ends(store_url: str) -> None:
    sms = {"policy": {"agentVolume": {"askedHour": 3}}}
    async with telling(store_url, sms=sms) as story:
        kit = story.gateway.kit

        async def asks(count: int) -> MessageStatus:
            to = PhoneNumber(f"+1555555{count:04d}")
            answer = await bridge.send(kit, bridge.SendRequest(story.line, to, "hi", AGENT))
            return answer.message.status

        assert [await asks(count) for count in range(1, 4)] == [MessageStatus.HELD] * 3
        assert await asks(4) is MessageStatus.REFUSED
        await story.passes(hours=1)
        assert await asks(5) is MessageStatus.HELD


# -- by text ---------------------------------------------------------------------------------------


async def test_an_owner_is_told_and_says_yes_by_text(store_url: str) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        await story.passes(seconds=9)
        [told] = got(story, OWNER)
        assert draft.code in told
        assert '"Dinner at eight?"' in told
        await story.phone(OWNER).texts(f" ok {draft.code.lower()} ")
        await story.passes(seconds=9)
        assert got(story, BOB) == ["Dinner at eight?"]
        assert "goes to" in got(story, OWNER)[-1]
        assert story.agent.turns == [], "an operator's word is not for the agent"
        known = await now_is(story, draft)
        assert known.decided_by.startswith("operator:ctc_")


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("NO {code}", DraftState.REJECTED),
        ("no {code} not today", DraftState.REJECTED),
        ("EDIT {code} Dinner at nine.", DraftState.EDITED),
        ("OK {code} but at nine", DraftState.WAITING),
        ("OK", DraftState.WAITING),
        ("OK {code}{code}", DraftState.WAITING),
        ("Please OK {code}", DraftState.WAITING),
    ],
)
async def test_what_an_owner_may_text(store_url: str, text: str, state: DraftState) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        await story.phone(OWNER).texts(text.format(code=draft.code))
        await story.passes(seconds=9)
        assert (await now_is(story, draft)).state is state
        wanted = ["Dinner at nine."] if state is DraftState.EDITED else []
        assert got(story, BOB) == wanted


@pytest.mark.proves("P2")
async def test_a_code_is_useless_to_anyone_else(store_url: str) -> None:
    sms = {"dmPolicy": "open", "allowFrom": ["*"]}
    async with telling(store_url, sms=sms) as story:
        draft = await held(story)
        await story.phone(ALICE).texts(f"OK {draft.code}")
        await story.passes(seconds=9)
        assert (await now_is(story, draft)).state is DraftState.WAITING
        assert [turn.body for turn in story.agent.turns] == [f"OK {draft.code}"]


@pytest.mark.proves("P2", "P10")
async def test_guessing_is_locked_and_told(store_url: str) -> None:
    other = "+15555550198"
    async with telling(store_url, sms={"owners": [OWNER, other]}) as story:
        draft = await held(story)
        for guess in ("AAA2", "AAA3", "AAA4", "AAA5", "AAA6"):
            await story.phone(OWNER).texts(f"OK {guess}")
            await story.passes(seconds=9)
        assert "wrong draft codes" in got(story, other)[-1]
        await story.phone(OWNER).texts(f"OK {draft.code}")
        await story.passes(seconds=9)
        assert (await now_is(story, draft)).state is DraftState.WAITING, "locked out"
        await story.passes(minutes=61)
        await story.phone(OWNER).texts(f"OK {draft.code}")
        await story.passes(seconds=9)
        assert got(story, BOB) == ["Dinner at eight?"]


@pytest.mark.proves("P3", "C11")
async def test_an_owner_halts_everything_by_text(store_url: str) -> None:
    async with telling(store_url) as story:
        await story.phone(OWNER).texts("HALT ALL it writes nonsense")
        await story.passes(seconds=9)
        [switch] = await story.read(lambda tx: tx.switches.engaged())
        assert switch.scope is SwitchScope.EVERYTHING
        assert switch.reason == "it writes nonsense"
        before = len(creates(story))
        await story.phone(OWNER).texts("hello?")
        await story.passes(seconds=9)
        assert len(creates(story)) == before
        [hello] = [
            one
            for one in await story.read(lambda tx: tx.messages.inbox(None, 9, None))
            if one.body == "hello?"
        ]
        assert hello.status is MessageStatus.RECEIVED, "what comes in is still stored"


@pytest.mark.parametrize(
    "text", ["halt mal kurz", "Haltestelle?", "the halting problem", "halt it"]
)
async def test_words_that_begin_like_it_stop_nothing(store_url: str, text: str) -> None:
    async with telling(store_url) as story:
        await story.phone(OWNER).texts(text)
        await story.passes(seconds=9)
        assert await story.read(lambda tx: tx.switches.engaged()) == ()
        assert [turn.body for turn in story.agent.turns] == [text]


@pytest.mark.proves("P2")
@pytest.mark.parametrize("text", ["OK {code}", "HALT"])
async def test_where_anybody_can_be_the_owner_nobody_commands(store_url: str, text: str) -> None:
    sms = {"dangerouslyDisableSignatureValidation": True}
    async with telling(store_url, sms=sms) as story:
        draft = await held(story)
        await story.phone(OWNER).texts(text.format(code=draft.code))
        await story.passes(seconds=9)
        assert (await now_is(story, draft)).state is DraftState.WAITING
        assert await story.read(lambda tx: tx.switches.engaged()) == ()


async def test_an_edit_asks_for_no_second_yes(store_url: str) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        await story.passes(seconds=9)
        told = len(got(story, OWNER))
        await decides(story, drafts.edit, draft, "Dinner at nine.")
        await story.passes(seconds=9)
        assert got(story, BOB) == ["Dinner at nine."]
        assert len(got(story, OWNER)) == told


@pytest.mark.proves("P10")
async def test_strangers_do_not_keep_a_draft_from_being_told(store_url: str) -> None:
    async with telling(store_url) as story:
        for count in range(8):
            await story.phone(f"+155555502{count:02d}").texts("hello?")
        await story.passes(seconds=9)
        draft = await held(story)
        await story.passes(seconds=9)
        assert draft.code in got(story, OWNER)[-1]


async def test_what_cannot_be_done_is_told_and_undone(store_url: str) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        await decides(story, drafts.reject, draft, "")
        await story.phone(OWNER).texts(f"EDIT {draft.code} Dinner at nine.")
        await story.passes(seconds=9)
        assert "rejected by operator:t" in got(story, OWNER)[-1]
        assert [m.body for m in await outbound(story, BOB)] == ["Dinner at eight?"]


@pytest.mark.proves("P9")
async def test_no_error_names_a_number(store_url: str) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        await decides(story, drafts.approve, draft)
        with pytest.raises(RingfenceError) as told:
            await decides(story, drafts.approve, await now_is(story, draft))
        assert BOB not in str(told.value)
