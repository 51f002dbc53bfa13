"""Calls over the API: whoever asks meets the gate, sees what is theirs, and takes a hand in a live call."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from callers import bearer, call

from calling import ANN, BEN, Calling, calling
from looking import Answer
from ringfence.gateway.halt import stop
from ringfence.model.call import CallState, CallTurn, CallTurnState, EndReason, Speaker
from ringfence.model.contact import SwitchScope
from ringfence.model.principal import PrincipalKind
from ringfence.model.wire import WireRequest
from ringfence.testing import Phone
from telling import OWNER, ScriptedAgent, telling

PATH = "/api/v1/calls"
AGENT, OPERATOR, VIEWER = PrincipalKind.AGENT, PrincipalKind.OPERATOR, PrincipalKind.VIEWER
STRANGER = "+15555550177"


def hello(**changes: Any) -> dict[str, Any]:
    return {"to": ANN, "message": "Hi! This is a test call.", **changes}


async def talking(story: Calling, token: str, **fields: Any) -> tuple[Phone, str]:
    """A conversation that was placed over the API, its first words heard; its id."""
    placed = await call(
        story.story, "POST", PATH, hello(mode="conversation", **fields), token=token
    )
    assert placed.document["state"] == "queued", placed.body
    phone = story.phone(ANN)
    await story.until(phone.rings())
    phone.answers()
    await story.until(phone.hears("test call"))
    seen = await call(story.story, "GET", placed.headers["location"], token=token)
    return phone, str(seen.document["id"])


async def verb(story: Calling, id_: str, name: str, token: str | None, **fields: Any) -> Answer:
    return await call(story.story, "POST", f"{PATH}/{id_}/{name}", fields, token=token)


# -- placing -------------------------------------------------------------------------------------


@pytest.mark.proves("P1")
async def test_a_placed_call_rings_and_is_told_of_with_its_words(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        placed = await call(story.story, "POST", PATH, hello(), token=ann)
        assert (placed.status, placed.document["mode"]) == (202, "notify")
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("This is a test call"))
        await story.until(phone.is_over())
        await story.settles()
        seen = (await call(story.story, "GET", placed.headers["location"], token=ann)).document
        assert (seen["state"], seen["end_reason"], seen["to"]) == ("ended", "said_all", ANN)
        assert seen["message"] == placed.document["message"]
        [words] = seen["words"]
        assert (words["text"], words["heard"]) == ("Hi! This is a test call.", words["text"])
        listed = (await call(story.story, "GET", PATH, token=ann)).document
        assert [one["id"] for one in listed["calls"]] == [seen["id"]]
        again = await call(story.story, "GET", f"{PATH}/{seen['id']}", token=ann)
        assert again.document == seen


@pytest.mark.proves("P1", "P2")
async def test_a_call_that_is_held_says_why_and_tells_an_agent_no_code(store_url: str) -> None:
    async with calling(store_url) as story:
        placed = await call(story.story, "POST", PATH, hello(to=STRANGER))
        held = placed.document
        assert (placed.status, held["state"]) == (202, "held")
        assert held["reasons"]
        assert held["code"] == "", "whoever proposes does not decide"
        seen = await call(story.story, "GET", placed.headers["location"])
        assert (seen.document["id"], seen.document["state"]) == (None, "held")
        ended = await verb(story, held["message"], "end", None)
        assert (ended.status, ended.document["code"]) == (409, "call_not_placed")
        story.phone(STRANGER).has_not_rung()


@pytest.mark.proves("P5")
async def test_a_key_places_one_call_and_belongs_to_its_words(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        header = [("Idempotency-Key", "k")]
        first, again = [
            await call(story.story, "POST", PATH, hello(), token=ann, headers=header)
            for _ in range(2)
        ]
        assert first.document["message"] == again.document["message"]
        assert again.headers["idempotency-replayed"] == "true"
        other = hello(keys={"1": "confirm"})
        refused = await call(story.story, "POST", PATH, other, token=ann, headers=header)
        assert refused.document["code"] == "key_reused"
        text = {"to": ANN, "body": "Hi! This is a test call."}
        refused = await call(
            story.story, "POST", "/api/v1/messages", text, token=ann, headers=header
        )
        assert refused.document["code"] == "key_reused"


async def test_a_dry_run_of_a_call_rings_nobody(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        seen = await call(story.story, "POST", PATH, hello(dry_run=True), token=ann)
        assert (seen.status, seen.document["state"]) == (200, "queued")
        seen = await call(story.story, "POST", PATH, hello(dry_run=True, to=STRANGER))
        assert seen.document["state"] == "held"
        await story.story.passes(minutes=1)
        assert await story.all_calls() == []


async def test_keys_are_asked_for_over_the_api(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        fields = hello(keys={"1": "confirm"})
        placed = await call(story.story, "POST", PATH, fields, token=ann)
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("Press 1 to confirm"))
        phone.presses("1")
        await story.until(phone.is_over())
        await story.settles()
        seen = await call(story.story, "GET", placed.headers["location"], token=ann)
        assert seen.document["pressed"] == "1"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"message": "  "}, "empty_text"),
        ({"message": "x" * 3_001}, "invalid_field"),
        ({"mode": "shout"}, "invalid_field"),
        ({"keys": {"10": "ten"}}, "invalid_field"),
        ({"keys": {"1": " "}}, "invalid_field"),
        ({"keys": ["1"]}, "invalid_field"),
        ({"keys": {"1": "yes"}, "mode": "conversation"}, "invalid_field"),
        ({"dry_run": 1}, "invalid_field"),
        ({"to": "nobody"}, "invalid_number"),
        ({"line": "nowhere"}, "invalid_field"),
        ({"approved": True}, "invalid_field"),
        ({"message": None}, "invalid_field"),
    ],
)
async def test_what_cannot_be_a_call_is_said(
    sqlite_url: str, fields: dict[str, Any], code: str
) -> None:
    async with calling(sqlite_url) as story:
        ann = await bearer(story.story, OPERATOR)
        got = await call(story.story, "POST", PATH, hello(**fields), token=ann)
        assert (got.status, got.document["code"]) == (400, code)
        assert await story.all_calls() == []


@pytest.mark.proves("B127")
async def test_without_a_configuration_there_are_no_calls_over_the_api(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        got = await call(story, "POST", PATH, hello())
        assert got.document["code"] == "provider_misconfigured"
        assert "channels.voice" in got.document["detail"]


@pytest.mark.proves("B076")
async def test_who_is_called_may_be_left_to_the_configuration(sqlite_url: str) -> None:
    async with calling(sqlite_url) as story:
        fields = {"message": "Hello."}
        got = await call(story.story, "POST", PATH, fields)
        assert (got.status, got.document["code"]) == (400, "invalid_field")
        assert "toNumber" in got.document["detail"]


# -- whose calls -----------------------------------------------------------------------------------


@pytest.mark.proves("P2")
async def test_an_agent_reaches_calls_of_its_own_alone(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        shop, mine = [await bearer(story.story, AGENT, name) for name in ("shop", "default")]
        phone, id_ = await talking(story, ann)
        for path in (f"{PATH}/{id_}", f"{PATH}?limit=5"):
            seen = await call(story.story, "GET", path, token=shop)
            assert seen.status == 404 or seen.document["calls"] == []
        for name, fields in (
            ("speak", {"message": "Hello"}),
            ("digits", {"digits": "1"}),
            ("ask", {"message": "Who?"}),
            ("end", {}),
        ):
            got = await verb(story, id_, name, shop, **fields)
            assert (got.status, got.document["code"]) == (404, "not_found")
        viewer = await bearer(story.story, VIEWER)
        assert (await call(story.story, "GET", f"{PATH}/{id_}", token=viewer)).status == 200
        assert (await verb(story, id_, "end", viewer)).status == 403
        # It is the one that speaks in this call.
        assert (await call(story.story, "GET", f"{PATH}/{id_}", token=mine)).status == 200
        assert (await verb(story, id_, "end", mine)).status == 200
        await story.until(phone.is_over())
        await story.settles()
        assert (await story.call()).person.end_reason is EndReason.ENDED_BY_AGENT


@pytest.mark.proves("P2")
async def test_a_token_for_another_line_sees_no_calls(sqlite_url: str) -> None:
    second = {"fromNumber": "+15555550101", "webhookPath": "/webhooks/second"}
    async with calling(sqlite_url, sms={"accounts": {"second": second}}) as story:
        phone, id_ = await talking(story, await bearer(story.story, OPERATOR))
        other = await bearer(story.story, OPERATOR, "eve", lines=["second"])
        assert (await call(story.story, "GET", PATH, token=other)).document["calls"] == []
        assert (await verb(story, id_, "end", other)).status == 404
        phone.hangs_up()
        await story.settles()


# -- ending ----------------------------------------------------------------------------------------


@pytest.mark.proves("B133")
async def test_an_ended_call_hangs_up_once_and_stays_ended(store_url: str) -> None:
    async with calling(store_url) as story:
        ann = await bearer(story.story, OPERATOR)
        phone, id_ = await talking(story, ann)
        told = _told_carrier(story)
        ends = await asyncio.gather(*(verb(story, id_, "end", ann) for _ in range(3)))
        assert [one.status for one in ends] == [200] * 3
        await story.until(phone.is_over())
        await story.settles()
        ended = await story.call()
        assert (ended.state, ended.person.end_reason) == (
            CallState.ENDED,
            EndReason.ENDED_BY_OPERATOR,
        )
        assert len(told) == 1, "the goodbye, which hangs up; no request for each who asked"
        again = await verb(story, id_, "end", ann)
        assert (again.status, again.document["end_reason"]) == (200, "ended_by_operator")
        entries = await story.story.read(lambda tx: tx.audit.of_subject(id_))
        endings = [one.entry for one in entries if one.entry.kind == "call_ending"]
        assert [one.actor for one in endings] == ["operator:ann"]


def _told_carrier(story: Calling) -> list[WireRequest]:
    """Requests about this call from now on."""
    http, told = story.story.gateway.kit.http, []
    send = http.send

    async def noted(request: WireRequest) -> Any:
        if request.method == "POST":
            told.append(request)
        return await send(request)

    http.send = noted  # type: ignore[method-assign]
    return told


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
    async with calling(store_url) as story:
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


# -- listing ---------------------------------------------------------------------------------------


async def test_calls_are_listed_in_pages_newest_first(sqlite_url: str) -> None:
    async with calling(sqlite_url) as story:
        ann = await bearer(story.story, OPERATOR)
        for number in (ANN, BEN):
            phone = story.phone(number)
            phone.calls()
            await story.until(phone.hears("this is Acme"))
        newest = (await call(story.story, "GET", f"{PATH}?limit=1", token=ann)).document
        assert [one["from"] for one in newest["calls"]] == [BEN]
        older = await call(story.story, "GET", f"{PATH}?after={newest['next']}", token=ann)
        assert [one["from"] for one in older.document["calls"]] == [ANN]
        assert older.document["next"] is None
        story.phone(ANN).hangs_up()
        await story.story.passes(seconds=1)
        live = await call(story.story, "GET", f"{PATH}?state=live&line=default", token=ann)
        assert [one["from"] for one in live.document["calls"]] == [BEN]
        wrong = await call(story.story, "GET", f"{PATH}?state=odd", token=ann)
        assert wrong.document["code"] == "invalid_field"
        story.phone(BEN).hangs_up()
        await story.settles()
