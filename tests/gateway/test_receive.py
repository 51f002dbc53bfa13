"""Receiving, with phones in hand: keywords and what they stop, events and people that are not let
in, lines with a purpose, silence."""

from __future__ import annotations

from typing import Any

import pytest

from looking import (
    ALICE,
    BOB,
    OPEN,
    all_items,
    audit,
    creates,
    inbound,
    message_form,
    outbound,
    parts,
    sid_of,
    status_form,
    webhook,
)
from ringfence.gateway import bridge, halt
from ringfence.gateway.notices import NOTICES_PER_HOUR_MAX
from ringfence.model.errors import AgentUnavailable
from ringfence.model.outbox import OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.testing import Behaviour, OptOutHandling
from telling import NUMBER, OWNER, ScriptedAgent, Story, telling

OURS = {**OPEN, "optOutReplies": "ringfence"}
NOBODY_ELSE: dict[str, Any] = {"behaviour": Behaviour(opt_outs=OptOutHandling.NONE)}
SECOND = "+15555550101"
ON_SECOND = {
    "fromNumber": SECOND,
    "webhookPath": "/webhooks/second",
    "publicWebhookUrl": "{public}/webhooks/second",
}


async def opted_out(story: Story, number: str = ALICE) -> str:
    wanted = PhoneNumber(number)
    found = await story.read(lambda tx: tx.people.find([wanted]))
    return found[wanted].opt_out_source if wanted in found else ""


async def operator_sends(story: Story, to: str, body: str, line: str | None = None) -> str:
    kit = story.gateway.kit
    asked = bridge.SendRequest(
        kit.lines[line or story.line.id], PhoneNumber(to), body, "operator:t"
    )
    return (await bridge.send(kit, asked)).message.id


# -- STOP -----------------------------------------------------------------------------------------


@pytest.mark.proves("P3")
async def test_stop_is_confirmed_exactly_once_by_us(store_url: str) -> None:
    async with telling(store_url, sms=OURS, carrier_options=NOBODY_ELSE) as story:
        phone = story.phone(ALICE)
        for word in ("STOP", "stop.", "Unsubscribe", "STOP"):
            await phone.texts(word)
            await story.passes(seconds=2)
        assert len(phone.inbox) == 1
        assert "unsubscribed" in phone.inbox[0].body
        assert "START" in phone.inbox[0].body
        assert await opted_out(story) == "keyword"
        assert story.agent.turns == []
        # The confirmation has its decision like everything else.
        [item] = await all_items(story)
        assert len(await audit(story, item.id, "decision")) == 1


@pytest.mark.proves("P3")
async def test_stop_is_confirmed_by_the_provider_alone_where_it_answers(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        phone = story.phone(ALICE)
        await phone.texts("STOP")
        await story.passes(seconds=5)
        assert [text.body[:14] for text in phone.inbox] == ["You are opted "]
        assert creates(story) == []
        assert await outbound(story) == []
        assert await opted_out(story) == "keyword"


@pytest.mark.proves("P3")
async def test_stop_cancels_everything_pending_on_every_line(store_url: str) -> None:
    agent = ScriptedAgent(lambda turn: AgentUnavailable("later"))
    sms = {**OURS, "accounts": {"second": ON_SECOND}}
    async with telling(store_url, sms=sms, agent=agent, carrier_options=NOBODY_ELSE) as story:
        kit = story.gateway.kit
        second = "second"
        # Waiting on one line; several parts on another; held for a person; an agent's turn owed.
        waiting = await operator_sends(story, ALICE, "soon")
        long = await operator_sends(story, ALICE, "word " * 500, second)
        asked = bridge.SendRequest(kit.lines[second], PhoneNumber(ALICE), "free", "agent:local")
        held = (await bridge.send(kit, asked)).message.id
        other = await operator_sends(story, BOB, "to somebody else")
        await webhook(story, message_form(ALICE, "a question", sid_of(1)))
        await story.gateway.worker._reply()  # the turn alone: sends stay where they are
        await story.gateway.worker._turns.finished()
        await webhook(story, message_form(ALICE, "STOP", sid_of(2)))

        messages = {m.id: m for m in await outbound(story)}
        assert {messages[key].status.value for key in (waiting, long, held)} == {"cancelled"}
        assert {m.reason for key in (waiting, long, held) if (m := messages[key])} == {"opted_out"}
        assert messages[other].status.value == "queued"
        states = [item.state for item in await parts(story, messages[long])]
        assert states == [OutboxState.CANCELLED] * 2
        assert await story.read(lambda tx: tx.turns.open_for(PhoneNumber(ALICE))) == []

        await story.passes(minutes=10)
        assert [text.body for text in story.phone(BOB).inbox] == ["to somebody else"]
        assert len(story.phone(ALICE).inbox) == 1
        assert len(agent.turns) == 1


@pytest.mark.proves("P3", "P1")
async def test_after_stop_nothing_starts_again_and_it_survives_a_restart(store_url: str) -> None:
    async with telling(store_url, sms=OURS, carrier_options=NOBODY_ELSE) as story:
        await webhook(story, message_form(ALICE, "STOP", sid_of(1)))
        await story.passes(seconds=5)
    async with telling(store_url, sms=OURS, carrier_options=NOBODY_ELSE, seed=8) as story:
        await operator_sends(story, ALICE, "are you sure?")
        await webhook(story, message_form(ALICE, "what about this", sid_of(2)))
        await story.passes(seconds=5)
        assert story.phone(ALICE).inbox == []
        assert story.agent.turns == []
        [message] = [m for m in await outbound(story) if m.body == "are you sure?"]
        assert (message.status.value, "opted_out" in message.reason) == ("refused", True)
        kept = {m.body: m.status.value for m in await inbound(story)}
        assert kept["what about this"] == "held"


@pytest.mark.proves("P3")
async def test_a_text_right_behind_stop_gets_no_answer(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OURS, carrier_options=NOBODY_ELSE) as story:
        kit, receiver = story.gateway.kit, story.gateway.receiver
        texts = ["hello", "STOP", "hello again", "START", "and now"]
        arrivals = [_arrival(story, body, n) for n, body in enumerate(texts)]
        await kit.store.write(lambda tx: receiver._admitting.many(tx, arrivals))
        kept = {m.body: m.status.value for m in await inbound(story)}
        assert kept["hello again"] == "held"
        await story.passes(seconds=5)
        assert [turn.body for turn in story.agent.turns] == ["and now"]


def _arrival(story: Story, body: str, number: int) -> Any:
    from ringfence.gateway import receive
    from ringfence.gateway.arrival import Arrival
    from ringfence.model.message import InboundMessage

    event = InboundMessage(sid_of(number), "AC", None, ALICE, NUMBER, body)
    kit, now = story.gateway.kit, story.clock.now()
    alice = PhoneNumber(ALICE)
    keyword = receive._keyword_of(story.line, event, alice)
    return Arrival(story.line, kit.ids.new("message", now), event, alice, keyword, now)


@pytest.mark.proves("P3")
async def test_the_providers_own_word_counts(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        form = message_form(ALICE, "genug jetzt", OptOutType="STOP")
        await webhook(story, form)
        assert await opted_out(story) == "keyword"


@pytest.mark.proves("P3", "P4")
async def test_stop_sent_as_a_picture_message_counts_and_twice_is_once(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OURS, carrier_options=NOBODY_ELSE) as story:
        await story.phone(ALICE).texts("STOP", media=b"\x89PNG")
        await webhook(story, message_form(ALICE, "STOP", sid_of(1)))
        await webhook(story, message_form(ALICE, "STOP", sid_of(1)))
        await story.passes(seconds=5)
        assert len(story.phone(ALICE).inbox) == 1


@pytest.mark.proves("P3", "B013", "B016")
async def test_stop_is_heard_through_a_sender_and_a_line_that_are_over_their_limits(
    store_url: str,
) -> None:
    limits = {"messagesPerMinutePerSender": 3, "messagesPerMinutePerLine": 5}
    sms = {**OURS, "limits": limits}
    async with telling(store_url, sms=sms, carrier_options=NOBODY_ELSE) as story:
        for n in range(3):
            assert (await webhook(story, message_form(ALICE, f"m{n}", sid_of(n)))).status == 200
        assert (await webhook(story, message_form(ALICE, "START", sid_of(3)))).status == 429
        for n in range(4, 8):
            await webhook(story, message_form(BOB, f"m{n}", sid_of(n)))
        got = await webhook(story, message_form(ALICE, "STOP", sid_of(9)))
        assert (got.status, got.stored) == (200, True)
        assert await opted_out(story) == "keyword"


@pytest.mark.proves("P3", "B013")
async def test_opt_outs_have_their_own_bound(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OURS, carrier_options=NOBODY_ELSE) as story:
        got = [await webhook(story, message_form(ALICE, "STOP", sid_of(n))) for n in range(31)]
        assert [one.status for one in got] == [200] * 30 + [429]
        assert (await webhook(story, message_form(BOB, "STOP", sid_of(50)))).status == 200


@pytest.mark.proves("P3")
@pytest.mark.parametrize("media", [{}, {"media": b"\x89PNG"}])
async def test_a_wish_to_stop_in_other_words_is_for_a_person(
    store_url: str, media: dict[str, bytes]
) -> None:
    async with telling(store_url, sms=OPEN) as story:
        phone = story.phone(ALICE)
        await phone.texts("please stop texting me", **media)
        await story.passes(seconds=10)
        assert phone.inbox == []
        [held] = await outbound(story, ALICE)
        assert (held.status.value, held.initiator) == ("held", "agent:default")
        assert "opt_out_suspected" in held.reason
        [said] = await inbound(story)
        assert await audit(story, said.id, "opt_out_suspected") == [{"line": "default"}]
        [notice, waits] = story.phone(OWNER).inbox
        assert f"ringfence consent opt-out {ALICE}" in notice.body
        assert waits.body.startswith("Draft ")
        # A suspicion is no opt-out: what comes after it is answered.
        await phone.texts("I mean the weather alerts")
        await story.passes(seconds=10)
        assert [text.body for text in phone.inbox] == ["You said: I mean the weather alerts"]


@pytest.mark.proves("P3")
async def test_a_suspicion_is_told_where_no_agent_answers_and_not_after_the_opt_out(
    store_url: str,
) -> None:
    sms = {"purpose": "notify", "optOutReplies": "ringfence"}
    async with telling(store_url, sms=sms, carrier_options=NOBODY_ELSE) as story:
        number, now = PhoneNumber(ALICE), story.clock.now()
        await story.write(lambda tx: tx.access.approve("default", number, "operator:t", now))
        for n, body in enumerate(("stop texting me", "STOP", "I said stop texting me")):
            await webhook(story, message_form(ALICE, body, sid_of(n)))
        await story.passes(seconds=10)
        first, _, last = await inbound(story)
        assert len(await audit(story, first.id, "opt_out_suspected")) == 1
        assert await audit(story, last.id, "opt_out_suspected") == []
        assert len(story.phone(OWNER).inbox) == 1


@pytest.mark.proves("P3", "P10")
async def test_suspicions_are_told_to_owners_within_the_bound(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        for number in range(9):
            form = message_form(ALICE, "stop texting me", sid_of(number))
            await webhook(story, form)
        await story.passes(seconds=10)
        told = [one.body for one in story.phone(OWNER).inbox]
        # Each held answer is a draft; those notices are counted apart.
        assert (
            len([one for one in told if not one.startswith("Draft ")]) == NOTICES_PER_HOUR_MAX + 1
        )


# -- START and HELP -------------------------------------------------------------------------------


@pytest.mark.proves("P3")
async def test_start_lifts_what_a_keyword_set(store_url: str) -> None:
    async with telling(store_url, sms=OURS, carrier_options=NOBODY_ELSE) as story:
        phone = story.phone(ALICE)
        for body in ("STOP", "START", "hello"):
            await phone.texts(body)
            await story.passes(seconds=5)
        assert await opted_out(story) == ""
        assert [text.body for text in phone.inbox[1:]] == [
            "default: you are subscribed again. Reply STOP to unsubscribe.",
            "You said: hello",
        ]


@pytest.mark.proves("P2", "P3")
async def test_start_never_lifts_an_operators_do_not_contact(store_url: str) -> None:
    async with telling(store_url, sms=OURS, carrier_options=NOBODY_ELSE) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=5)
        await story.write(lambda tx: tx.people.set_opt_out(PhoneNumber(ALICE), "operator"))
        await story.phone(ALICE).texts("START")
        await story.passes(seconds=5)
        assert await opted_out(story) == "operator"
        assert len(story.phone(ALICE).inbox) == 1


@pytest.mark.parametrize("body", ["START", "yes", "Start."])
async def test_start_from_somebody_who_never_opted_out_is_a_text(
    sqlite_url: str, body: str
) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await story.phone(ALICE).texts(body)
        await story.passes(seconds=5)
        assert [turn.body for turn in story.agent.turns] == [body]


async def test_where_the_provider_lifts_on_yes_so_do_we(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        for body in ("STOP", "YES", "hello"):
            await story.phone(ALICE).texts(body)
            await story.passes(seconds=5)
        assert [turn.body for turn in story.agent.turns] == ["hello"]
        assert story.phone(ALICE).inbox[-1].body == "You said: hello"


async def test_help_is_answered_once_asked_even_after_stop(sqlite_url: str) -> None:
    sms = {**OURS, "helpText": "Call the front desk."}
    async with telling(sqlite_url, sms=sms, carrier_options=NOBODY_ELSE) as story:
        for body in ("STOP", "HELP"):
            await story.phone(ALICE).texts(body)
            await story.passes(seconds=5)
        assert story.phone(ALICE).inbox[-1].body == "Call the front desk."
        assert story.agent.turns == []


@pytest.mark.proves("P10")
async def test_a_machine_that_asks_for_help_gets_tired_of_us(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OURS, carrier_options=NOBODY_ELSE) as story:
        for number in range(12):
            await webhook(story, message_form(ALICE, "HELP", sid_of(number)))
            await story.passes(minutes=6)
        assert len(story.phone(ALICE).inbox) == 5
        await story.phone(ALICE).texts("a real question")
        await story.passes(minutes=6)
        await story.phone(ALICE).texts("HELP")
        await story.passes(minutes=6)
        assert len(story.phone(ALICE).inbox) == 7


async def test_help_and_stop_are_left_to_a_provider_that_answers(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await story.phone(ALICE).texts("HELP")
        await story.passes(seconds=5)
        assert len(story.phone(ALICE).inbox) == 1
        assert creates(story) == []


# -- who is not let in ----------------------------------------------------------------------------


@pytest.mark.proves("B052")
async def test_an_allowlist_lets_nobody_else_in_and_tells_them_nothing(store_url: str) -> None:
    sms = {"dmPolicy": "allowlist", "allowFrom": ["sms:+1 (555) 555-0112"]}
    async with telling(store_url, sms=sms) as story:
        await story.phone(ALICE).texts("hello")
        await story.phone(BOB).texts("hello")
        await story.passes(seconds=5)
        assert story.phone(ALICE).inbox == []
        assert [turn.role for turn in story.agent.turns] == ["member"]
        now = story.clock.now()
        assert await story.read(lambda tx: tx.access.requests(None, now)) == []
        assert {m.number.e164: m.status.value for m in await inbound(story)} == {
            ALICE: "refused",
            BOB: "received",
        }


@pytest.mark.proves("B055")
@pytest.mark.parametrize(
    "entry", ["+1 555-555-0112", "sms:+15555550112", "twilio-sms:+1(555)5550112", 15555550112]
)
async def test_an_entry_matches_however_it_is_written(sqlite_url: str, entry: Any) -> None:
    async with telling(sqlite_url, sms={"dmPolicy": "allowlist", "allowFrom": [entry]}) as story:
        await story.phone(BOB).texts("hello")
        await story.passes(seconds=5)
        assert len(story.agent.turns) == 1


@pytest.mark.proves("B053")
async def test_a_disabled_line_ignores_everything_but_keeps_an_opt_out(store_url: str) -> None:
    sms = {"dmPolicy": "disabled", "optOutReplies": "ringfence"}
    async with telling(store_url, sms=sms, carrier_options=NOBODY_ELSE) as story:
        for body in ("hello", "HELP", "STOP"):
            await story.phone(ALICE).texts(body)
        await story.phone(OWNER).texts("hello")
        await story.passes(seconds=5)
        assert story.agent.turns == []
        assert creates(story) == []
        assert await opted_out(story) == "keyword"


@pytest.mark.proves("B050", "P3")
async def test_a_blocked_person_is_neither_heard_nor_answered(store_url: str) -> None:
    async with telling(store_url, sms=OURS, carrier_options=NOBODY_ELSE) as story:
        kit, now = story.gateway.kit, story.clock.now()
        number = PhoneNumber(ALICE)
        await story.write(lambda tx: halt.block(kit, tx, number, "operator:t", now))
        for body in ("hello", "HELP", "STOP", "START"):
            await story.phone(ALICE).texts(body)
        await story.passes(seconds=5)
        assert story.agent.turns == []
        assert story.phone(ALICE).inbox == []
        await story.write(lambda tx: halt.unblock(kit, tx, number, "operator:t", now))
        await story.phone(ALICE).texts("hello again")
        await story.passes(seconds=5)
        assert [turn.body for turn in story.agent.turns] == ["hello again"]


@pytest.mark.proves("P10")
async def test_our_own_numbers_are_never_answered(sqlite_url: str) -> None:
    sms = {**OPEN, "accounts": {"second": ON_SECOND}}
    async with telling(sqlite_url, sms=sms) as story:
        await webhook(story, message_form(SECOND, "hello from the other line"))
        await story.passes(seconds=5)
        assert story.agent.turns == []
        assert creates(story) == []
        [stored] = await inbound(story)
        assert (stored.status.value, "own_number" in stored.reason) == ("refused", True)


async def test_a_silent_line_records_and_answers_nobody(store_url: str) -> None:
    sms = {"silent": True, "optOutReplies": "ringfence", "dmPolicy": "pairing"}
    async with telling(store_url, sms=sms, carrier_options=NOBODY_ELSE) as story:
        for body in ("hello", "HELP", "STOP"):
            await story.phone(ALICE).texts(body)
        await story.phone(OWNER).texts("note to self")
        await story.passes(seconds=5)
        assert story.phone(ALICE).inbox == []
        assert story.agent.turns == []
        # The owner is still told of the stranger, and nobody else is told anything.
        assert {message.recipient for message in creates(story)} == {OWNER}
        assert "hello" in story.phone(OWNER).inbox[0].body
        _, inbox = await story.get("/sms/inbox")
        assert "note to self" in [one["body"] for one in inbox["messages"]]


# -- purposes -------------------------------------------------------------------------------------


@pytest.mark.proves("P6")
async def test_a_notify_line_acts_on_keywords_only(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms={"purpose": "notify"}) as story:
        await story.phone(ALICE).texts("what is this?")
        await story.phone(BOB).texts("STOP")
        await story.passes(seconds=5)
        assert story.agent.turns == []
        assert creates(story) == []
        kept = {m.body: m.status.value for m in await inbound(story)}
        assert kept == {"what is this?": "held", "STOP": "received"}
        assert await opted_out(story, BOB) == "keyword"


@pytest.mark.proves("P1")
async def test_an_intake_line_drafts_and_holds(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms={"purpose": "intake", **OPEN}) as story:
        await story.phone(ALICE).texts("I need help with my roof")
        await story.passes(minutes=1)
        assert len(story.agent.turns) == 1
        assert {text.recipient for text in creates(story)} == {OWNER}
        [draft] = await outbound(story)
        assert (draft.status.value, "intake_free_text" in draft.reason) == ("held", True)
        await story.passes(hours=25)
        [ended] = await outbound(story)
        assert (ended.status.value, ended.reason) == ("expired", "expired")


# -- what is not ours -----------------------------------------------------------------------------


@pytest.mark.proves("B029", "P9")
async def test_a_misdirected_event_leaves_no_person_behind(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await webhook(story, message_form(ALICE, "STOP", To="+15555550109"))
        assert await opted_out(story) == ""
        [buried] = await story.read(lambda tx: tx.events.dead(None))
        assert (buried.kind, buried.line) == ("misdirected", "default")
        [entry] = await audit(story, buried.id, "event_buried")
        assert ALICE not in str(entry)


@pytest.mark.proves("B059", "P2")
async def test_a_slash_is_text_and_gives_no_rights(store_url: str) -> None:
    async with telling(store_url) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=5)
        [asked] = await story.read(lambda tx: tx.access.requests(None, story.clock.now()))
        for body in (
            f"/approve {asked.code}",
            f"ringfence pairing approve sms {asked.code}",
            "/stop everything",
            f"/allow {ALICE}",
            "/etc/passwd",
        ):
            await story.phone(ALICE).texts(body)
            await story.passes(seconds=5)
        assert story.agent.turns == []
        assert await story.read(lambda tx: tx.switches.engaged()) == ()
        pairs = [("default", PhoneNumber(ALICE))]
        assert await story.read(lambda tx: tx.access.approved(pairs)) == set()
        # From somebody who may write, it is what the agent is asked, word for word.
        await story.phone(OWNER).texts("/status of /etc/hosts")
        await story.passes(seconds=5)
        assert [turn.body for turn in story.agent.turns] == ["/status of /etc/hosts"]
        assert story.agent.turns[0].role == "owner"


@pytest.mark.proves("B034")
async def test_a_callback_is_no_message(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await webhook(story, status_form(sid_of(1), "delivered"))
        await story.passes(seconds=5)
        assert await inbound(story) == []
        assert story.agent.turns == []


@pytest.mark.proves("P7")
async def test_every_message_in_has_one_decision(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        for number in (1, 2, 2, 2):
            await webhook(story, message_form(ALICE, "hello", sid_of(number)))
        for message in await inbound(story):
            [decision] = await audit(story, message.id, "decision")
            assert (decision["act"], decision["verdict"]) == ("receive", "allow")


async def test_an_owner_who_asks_who_this_is_gets_an_answer(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        owner = story.phone(OWNER)
        await owner.texts("who is this?")
        await story.passes(seconds=5)
        assert [text.body for text in owner.inbox] == ["You said: who is this?"]
