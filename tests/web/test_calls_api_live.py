"""A hand in live calls over the API: sentences, keys, another person, questions; each by leave of the gate."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from call_verbs import AGENT, OPERATOR, PATH, STRANGER, hello, talking, verb
from callers import bearer, call

from calling import ANN, calling
from ringfence.gateway.halt import stop
from ringfence.model.call import CallTurn, CallTurnState, Speaker
from ringfence.model.contact import SwitchScope
from telling import OWNER, ScriptedAgent

# -- speaking --------------------------------------------------------------------------------------


@pytest.mark.proves("P1", "P7")
async def test_a_sentence_is_said_in_a_live_call_and_the_call_goes_on(store_url: str) -> None:
    agent = ScriptedAgent(lambda turn: "At nine.")
    async with calling(store_url, agent=agent) as story:
        ann = await bearer(story.story, OPERATOR)
        phone, id_ = await talking(story, ann)
        told = await verb(story, id_, "speak", ann, message="The line **is** free now.")
        assert (told.status, told.document["state"]) == (202, "told")
        await story.until(phone.hears("The line is free now."))
        phone.says("When do you open?")
        await story.until(phone.hears("At nine"))
        phone.hangs_up()
        await story.settles()
        said = [(one.speaker, one.text) for one in await story.words(await story.call())]
        assert (Speaker.OWNER, "The line is free now.") in said
        entries = await story.story.read(lambda tx: tx.audit.newest(50))
        assert told.document["decision"] in {one.entry.id for one in entries}


async def test_a_sentence_while_the_agent_thinks_loses_no_answer(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        phone, id_ = await talking(story, ann)
        now = story.story.clock.now()
        lease = now + timedelta(hours=1)
        asked = CallTurn("trn_1", id_, 1, CallTurnState.ASKED, asked_at=now, lease_until=lease)
        await story.story.write(lambda tx: tx.calls.put_turn(asked))
        await verb(story, id_, "speak", ann, message="Let me look that up.")
        await story.until(phone.hears("Let me look that up"))
        answered = replace(asked, state=CallTurnState.ANSWERED, answer="At nine.")
        await story.story.write(lambda tx: tx.calls.put_turn(answered))
        await story.until(phone.hears("At nine"))
        phone.hangs_up()
        await story.settles()


@pytest.mark.proves("P1", "P2")
async def test_an_agents_sentence_passes_the_gate(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        mine = await bearer(story.story, AGENT, "default")
        phone, id_ = await talking(story, ann)
        secret = "Your card 4111 1111 1111 1111 was charged."
        refused = await verb(story, id_, "speak", mine, message=secret)
        assert (refused.status, refused.document["state"]) == (202, "refused")
        assert refused.document["reasons"][0]["code"]
        asked = await verb(story, id_, "ask", mine, message=secret)
        assert asked.document["state"] == "refused"
        phone.hangs_up()
        await story.settles()
        heard = [one.heard for c in phone.connections for one in c.call.played]
        assert not any("4111" in words for words in heard)
        assert secret not in [one.text for one in await story.words(await story.call())]


@pytest.mark.proves("P3")
async def test_nothing_is_said_into_a_call_that_the_kill_switch_ends(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        phone, id_ = await talking(story, ann)
        await story.stops()
        got = await verb(story, id_, "speak", ann, message="One more thing.")
        assert (got.status, got.document["code"]) == (409, "call_over")
        await story.until(phone.is_over())
        await story.settles()
        heard = [one.heard for c in phone.connections for one in c.call.played]
        assert not any("One more thing" in words for words in heard)


async def test_a_call_that_cannot_take_words_says_why(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        placed = await call(story.story, "POST", PATH, hello(message="Long. " * 100), token=ann)
        id_, phone = placed.document["message"], story.phone(ANN)
        await story.until(phone.rings())
        ringing = await verb(story, id_, "speak", ann, message="Hello?")
        assert ringing.document["code"] == "call_not_answered"
        phone.answers()
        await story.story.passes(seconds=2)
        notice = await verb(story, id_, "digits", ann, digits="1")
        assert notice.document["code"] == "call_is_notice"
        for fields in ({"digits": "1a"}, {"digits": ""}, {"digits": "1" * 33}):
            wrong = await verb(story, id_, "digits", ann, **fields)
            assert (wrong.status, wrong.document["code"]) == (400, "invalid_field")
        assert (await verb(story, id_, "speak", ann, message=" ")).document["code"] == "empty_text"
        unknown = await verb(story, "cal_0", "speak", ann, message="Hello?")
        assert unknown.status == 404
        phone.hangs_up()
        await story.settles()


async def test_keys_are_pressed_towards_the_person_and_kept_nowhere(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        phone, id_ = await talking(story, ann)
        told = await verb(story, id_, "digits", ann, digits="4711w#")
        assert told.document["state"] == "told"
        await story.story.passes(seconds=5)
        phone.hangs_up()
        await story.settles()
        heard = [
            one.text for c in phone.connections for one in c.call.played if one.kind == "digits"
        ]
        assert heard == ["4711w#"]
        entries = await story.story.read(lambda tx: tx.audit.newest(100))
        assert "4711" not in str([one.entry.body for one in entries])
        assert "4711" not in str(await story.words(await story.call()))


# -- handing over ----------------------------------------------------------------------------------


@pytest.mark.proves("P1", "P7")
async def test_a_live_call_is_handed_over_by_name(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        phone, id_ = await talking(story, ann)
        for name in ("mallory", STRANGER, ""):
            got = await verb(story, id_, "transfer", ann, to=name)
            assert (got.status, got.document["code"]) == (400, "invalid_field")
        told = await verb(story, id_, "transfer", ann, to="owner", message="One moment.")
        assert (told.status, told.document["state"]) == (202, "told")
        again = await verb(story, id_, "transfer", ann, to="owner")
        assert again.document["code"] == "call_transferring"
        await story.until(phone.hears("One moment."))
        owner = story.phone(OWNER)
        await story.until(owner.rings())
        owner.answers()
        await story.story.passes(seconds=10)
        owner.hangs_up()
        await story.until(phone.is_over())
        await story.settles()
        seen = (await call(story.story, "GET", f"{PATH}/{id_}", token=ann)).document
        assert [(one["role"], one["state"]) for one in seen["joined"]] == [("owner", "ended")]
        assert [one["text"] for one in seen["words"] if one["who"] == "owner"] == ["One moment."]
        assert OWNER not in str(seen)


@pytest.mark.proves("P1", "P3")
async def test_a_call_is_not_handed_to_somebody_whom_the_gate_keeps(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        phone, id_ = await talking(story, ann)
        kit, now = story.story.gateway.kit, story.story.clock.now()
        scope = SwitchScope.CONTACT
        await story.story.write(
            lambda tx: stop(kit, tx, scope, OWNER, "holiday", "operator:ann", now)
        )
        got = await verb(story, id_, "transfer", ann, to="owner")
        assert (got.status, got.document["state"]) == (202, "refused")
        assert got.document["reasons"][0]["code"] == "stopped"
        card = "Your card 4111 1111 1111 1111."
        got = await verb(story, id_, "transfer", ann, to="owner", message=card)
        assert got.document["state"] == "refused"
        story.phone(OWNER).has_not_rung()
        phone.hangs_up()
        await story.settles()
        assert (await story.call()).joined == ()


# -- asking ----------------------------------------------------------------------------------------


@pytest.mark.proves("B134", "B136")
async def test_a_question_is_answered_with_the_persons_next_words(store_url: str) -> None:
    agent = ScriptedAgent()
    async with calling(store_url, agent=agent) as story:
        ann = await bearer(story.story, OPERATOR)
        phone, id_ = await talking(story, ann)
        asking = asyncio.ensure_future(verb(story, id_, "ask", ann, message="Shall we go on?"))
        await story.until(phone.hears("Shall we go on"))
        second = await verb(story, id_, "ask", ann, message="And now?")
        assert (second.status, second.document["code"]) == (409, "call_awaited")
        phone.says("   ")
        await story.until(phone.hears("Are you still there?"))
        assert not asking.done()
        phone.says("Yes, please do.")
        got = (await story.until(asking)).document
        assert (got["state"], got["answer"]["text"]) == ("told", "Yes, please do.")
        assert got["answer"]["who"] == "person"
        assert got["waited_ms"] > 0
        # The answer is the asker's: the call's own agent is not asked about it, but about the next.
        assert agent.turns == []
        phone.says("And who are you?")
        await story.until(phone.hears("You said: And who are you?"))
        seen = (await call(story.story, "GET", f"{PATH}/{id_}", token=ann)).document
        assert seen["awaited_until"] is None
        texts = [one["text"] for one in seen["words"]]
        assert texts.index("Shall we go on?") < texts.index("Yes, please do.")
        entries = await story.story.read(lambda tx: tx.audit.of_subject(id_))
        [asked] = [one.entry.body for one in entries if one.entry.kind == "call_asked"]
        assert (asked["outcome"], asked["waited_ms"]) == ("answered", got["waited_ms"])
        phone.hangs_up()
        await story.settles()


@pytest.mark.proves("B136")
async def test_a_question_that_nobody_answers_ends_in_time(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        phone, id_ = await talking(story, ann)
        phone.says("Hello!")
        await story.until(phone.hears("You said: Hello!"))
        asking = verb(story, id_, "ask", ann, message="Are you there?", wait_s=3)
        got = await story.until(asking)
        assert (got.status, got.document["code"]) == (504, "nobody_spoke")
        assert (await story.call()).awaited_until is None
        again = asyncio.ensure_future(verb(story, id_, "ask", ann, message="Hello?"))
        await story.until(phone.hears("Hello?"))
        phone.says("Yes.")
        assert (await story.until(again)).document["answer"]["text"] == "Yes."
        phone.hangs_up()
        await story.settles()


@pytest.mark.proves("B133")
@pytest.mark.parametrize("who", ["operator", "person"])
async def test_a_question_ends_with_the_call_and_says_how(store_url: str, who: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        phone, id_ = await talking(story, ann)
        asking = asyncio.ensure_future(verb(story, id_, "ask", ann, message="Shall we go on?"))
        await story.until(phone.hears("Shall we go on"))
        if who == "operator":
            await verb(story, id_, "end", ann)
        else:
            phone.hangs_up()
        got = await story.until(asking)
        assert (got.status, got.document["code"]) == (409, "call_over")
        expected = "ended_by_operator" if who == "operator" else "hung_up"
        assert expected in got.document["detail"]
        await story.settles()


@pytest.mark.parametrize("wait_s", [0, True, "3", 601, -1])
async def test_how_long_one_waits_is_bounded(sqlite_url: str, wait_s: Any) -> None:
    async with calling(sqlite_url) as story:
        ann = await bearer(story.story, OPERATOR)
        phone, id_ = await talking(story, ann)
        got = await verb(story, id_, "ask", ann, message="Well?", wait_s=wait_s)
        assert (got.status, got.document["code"]) == (400, "invalid_field")
        phone.hangs_up()
        await story.settles()
