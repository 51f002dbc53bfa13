"""A person's calls among their data: exported, erased once they are over, forgotten with the texts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from looking import ALICE, OPEN
from ringfence.gateway import contacts
from ringfence.model.call import Call, CallMode, CallState, Leg, LegRole, Speaker, Words
from ringfence.model.errors import CallUnderWay
from ringfence.model.message import Direction
from ringfence.model.phone import PhoneNumber
from telling import OWNER, Story, telling

ALICE_NUMBER = PhoneNumber(ALICE)


async def calls(story: Story, state: CallState = CallState.ENDED, **given: object) -> Call:
    """Alice is known, and in a call about a red door."""
    await story.phone(ALICE).texts("hello")
    await story.passes(seconds=9)
    now = story.clock.now()
    leg = Leg(ALICE_NUMBER, LegRole.PERSON, state, "CA1", now)
    made = Call(
        "cal_1",
        story.line.id,
        Direction.IN,
        CallMode.CONVERSATION,
        "ctc_alice",
        leg,
        timedelta(minutes=10),
        now,
        now,
        pressed="4711",
    )
    call = replace(made, **given)  # type: ignore[arg-type]
    await story.write(lambda tx: tx.calls.add([call]))
    said = Words(call.id, 0, Speaker.PERSON, "mind the red door", now)
    await story.write(lambda tx: tx.calls.add_words([said]))
    return call


async def erase(story: Story, number: PhoneNumber = ALICE_NUMBER) -> dict[str, int]:
    kit, now = story.gateway.kit, story.clock.now()
    erased: dict[str, int] = await story.write(
        lambda tx: contacts.erase(kit, tx, number, "operator:t", now)
    )
    return erased


@pytest.mark.proves("P9")
async def test_an_export_has_the_calls_and_what_was_said(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        joined = Leg(PhoneNumber(OWNER), LegRole.OWNER, CallState.ENDED, "CA2")
        call = await calls(story, joined=(joined,))
        kit = story.gateway.kit
        document = await story.read(lambda tx: contacts.export(kit, tx, ALICE_NUMBER))
        [shown] = document["calls"]
        assert shown["id"] == call.id
        assert (shown["direction"], shown["state"], shown["pressed"]) == ("in", "ended", "4711")
        assert [(one["speaker"], one["text"]) for one in shown["words"]] == [
            ("person", "mind the red door")
        ]
        assert [one["role"] for one in shown["legs"]] == ["person", "owner"]
        assert OWNER not in json.dumps(shown), "an owner's number is no data of theirs"


@pytest.mark.proves("P3", "P9")
@pytest.mark.parametrize("who", ["owner", "person"])
async def test_nobody_is_erased_in_the_middle_of_a_call(store_url: str, who: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        number = PhoneNumber(ALICE)
        if who == "person":
            call = await calls(story, CallState.ANSWERED)
        else:
            leg = Leg(number, LegRole.OWNER, CallState.RINGING, "CA2")
            person = Leg(PhoneNumber(OWNER), LegRole.PERSON, CallState.ENDED, "CA1")
            call = await calls(story, person=person, joined=(leg,))
        with pytest.raises(CallUnderWay):
            await erase(story)
        assert await story.read(lambda tx: tx.calls.get(call.id)) == call
        over = replace(
            call,
            person=replace(call.person, state=CallState.ENDED),
            joined=tuple(replace(leg, state=CallState.ENDED) for leg in call.joined),
        )
        await story.write(lambda tx: tx.calls.save([over]))
        erased = await erase(story)
        assert erased["calls" if who == "person" else "joined"] == 1


@pytest.mark.proves("P7")
async def test_what_was_said_in_calls_is_forgotten_with_the_texts(store_url: str) -> None:
    async with telling(store_url, sms=OPEN, config={"retention": {"bodyDays": 3}}) as story:
        await calls(story)
        await story.passes(days=2)
        [kept] = await story.read(lambda tx: tx.calls.words_of("cal_1"))
        assert kept.text == "mind the red door"
        await story.passes(days=2)
        [blank] = await story.read(lambda tx: tx.calls.words_of("cal_1"))
        assert blank == replace(kept, text="")
        call = await story.read(lambda tx: tx.calls.get("cal_1"))
        assert call is not None
        assert call.pressed == ""
