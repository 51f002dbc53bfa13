"""`audit show` from the inside: one message found by each of its names, its five questions answered
from the chain, every rule's verdict, and rows that disagree with the chain told."""

from __future__ import annotations

from typing import Any

import pytest

from looking import ALICE, OPEN, inbound, outbound, parts
from ringfence.gateway import drafts, halt
from ringfence.gateway.proposal import Proposal
from ringfence.gateway.record import entry_words, every_rule, record
from ringfence.gateway.review import propose
from ringfence.model.contact import SwitchScope
from ringfence.model.errors import NotFound
from ringfence.model.message import Message
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.policy.policy import discover
from ringfence.ports import AgentReply
from telling import OWNER, ScriptedAgent, Story, telling

HELD = AgentReply("A lot of money.", hold="cut_off", provenance={"model": "m-1"})
APPROVER = "operator:ann"


async def told(story: Story, name: str) -> dict[str, Any]:
    found: dict[str, Any] = await story.read(lambda tx: record(story.gateway.kit, tx, name))
    return found


def said(document: dict[str, Any], question: str) -> str:
    return " ".join(document["answers"][question])


async def held_reply(story: Story) -> Message:
    await story.phone(ALICE).texts("hello")
    await story.passes(seconds=5)
    [message] = await outbound(story, ALICE)
    return message


async def approved(story: Story, message: Message) -> None:
    kit, now = story.gateway.kit, story.clock.now()
    await story.write(
        lambda tx: drafts.approve(kit, tx, drafts.find(tx, message.id), APPROVER, now)
    )
    await story.passes(seconds=5)


@pytest.mark.proves("P7", "C10")
async def test_an_approved_answer_is_told_whole_by_each_of_its_names(store_url: str) -> None:
    async with telling(store_url, sms=OPEN, agent=ScriptedAgent(lambda turn: HELD)) as story:
        message = await held_reply(story)
        waiting = await told(story, message.id)
        assert said(waiting, "who_approved").startswith("Nobody yet. caution:")
        draft = await story.read(lambda tx: tx.drafts.get(message.id))
        assert f"drafts reject {draft.code}" in said(waiting, "how_to_stop_or_revoke_it")
        await approved(story, message)
        [item] = await parts(story, message)
        [first, *_] = await story.read(lambda tx: tx.audit.of_subject(message.id))
        names = (
            message.id,
            item.id,
            item.provider_id,
            draft.code,
            draft.code.lower(),
            first.entry.id,
        )
        documents = [await told(story, name) for name in names]
        for name, document in zip(names, documents, strict=True):
            assert document.pop("asked") == name
            assert document == documents[0]

        document = documents[0]
        [came_in] = await inbound(story)
        assert "The agent default answered" in said(document, "who_initiated_it")
        assert came_in.id in said(document, "who_initiated_it")
        context = said(document, "what_context_was_used")
        assert message.provenance["turn"] in context
        assert "is the text that was decided about" in context
        approval = said(document, "who_approved")
        assert "The operator ann approved exactly this text" in approval
        assert "2026-03-02T17:00" in approval
        written = said(document, "which_model_or_workflow_wrote_it")
        assert "the model m-1" in written
        stop = said(document, "how_to_stop_or_revoke_it")
        assert "cannot be called back" in stop
        assert "ringfence stop --agent default" in stop
        kinds = [entry["kind"] for entry in document["records"]]
        assert kinds[0] == "decision"
        assert {"draft_approved", "attempt"} <= set(kinds)
        text = str(document)
        assert "A lot of money" not in text
        assert ALICE not in text


@pytest.mark.proves("P7", "C10")
async def test_every_rule_is_told_with_the_facts_it_saw(store_url: str) -> None:
    async with telling(store_url, sms=OPEN, agent=ScriptedAgent(lambda turn: HELD)) as story:
        message = await held_reply(story)
        await approved(story, message)
        [proposed, let_go, claimed] = (await told(story, message.id))["decisions"]
        names = {rule.name for rule in discover() if Act.REPLY in rule.acts}
        for decision in (proposed, let_go, claimed):
            assert {rule["rule"] for rule in decision["rules"]} == names
            assert decision["facts"]["line"] == "default"
            assert decision["policy"]
        verdicts = {rule["rule"]: rule["verdict"] for rule in proposed["rules"]}
        assert (proposed["verdict"], verdicts["caution"], verdicts["opt_out"]) == (
            "hold",
            "hold",
            "allow",
        )
        assert claimed["approval"] == {"id": message.id, "by": APPROVER}
        assert [one["when"] for one in (proposed, let_go, claimed)] == [
            "When it was proposed",
            "When it was approved",
            "Before it was sent",
        ]
        assert (claimed["verdict"], claimed["claiming"]) == ("allow", True)


@pytest.mark.proves("P7")
async def test_how_to_revoke_follows_where_it_stands(store_url: str) -> None:
    async with telling(store_url, sms=OPEN, agent=ScriptedAgent(lambda turn: HELD)) as story:
        message = await held_reply(story)
        kit, now = story.gateway.kit, story.clock.now()
        code = (await story.read(lambda tx: tx.drafts.get(message.id))).code
        await story.write(
            lambda tx: drafts.approve(kit, tx, drafts.find(tx, message.id), APPROVER, now)
        )
        ways = said(await told(story, message.id), "how_to_stop_or_revoke_it")
        assert f"Take the approval back: ringfence drafts reject {code}" in ways
        assert f"ringfence message cancel {message.id}" in ways
        assert "cannot be called back" not in ways
        await story.passes(seconds=5)
        ways = said(await told(story, message.id), "how_to_stop_or_revoke_it")
        assert "drafts reject" not in ways
        assert "cannot be called back" in ways


@pytest.mark.proves("P7")
async def test_a_policy_that_is_not_known_leaves_the_recorded_reasons(store_url: str) -> None:
    async with telling(store_url, sms=OPEN, agent=ScriptedAgent(lambda turn: HELD)) as story:
        message = await held_reply(story)
        [entry] = await story.read(lambda tx: tx.audit.of_subject(message.id))
        for change in ({"policy": "0" * 16}, {"facts": {"nonsense": 1}}):
            body = {**entry.entry.body, **change}
            rules = await story.read(lambda tx, body=body: every_rule(tx, body))
            assert [rule["rule"] for rule in rules] == ["caution"]


@pytest.mark.proves("P7")
async def test_an_edited_draft_tells_both_ways_who_wrote_what(store_url: str) -> None:
    async with telling(store_url, sms=OPEN, agent=ScriptedAgent(lambda turn: HELD)) as story:
        before = await held_reply(story)
        kit, now = story.gateway.kit, story.clock.now()
        await story.write(
            lambda tx: drafts.edit(kit, tx, drafts.find(tx, before.id), "Less.", APPROVER, now)
        )
        await story.passes(seconds=5)
        after = (await outbound(story, ALICE))[-1]
        assert after.id != before.id
        replaced = await told(story, before.id)
        assert f"The operator ann replaced it by {after.id}" in said(replaced, "who_approved")
        edited = await told(story, after.id)
        place = f"The operator ann wrote it in the place of {before.id}"
        assert place in said(edited, "which_model_or_workflow_wrote_it")
        assert place in said(edited, "who_approved")


@pytest.mark.proves("P7")
async def test_what_held_several_at_once_is_told_of_each(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        kit, now = story.gateway.kit, story.clock.now()
        wanted = [
            Proposal(story.line, PhoneNumber(OWNER), text, Act.INITIATE, "operator:bo")
            for text in ("One.", "Two.")
        ]
        both = await story.write(lambda tx: propose(kit, tx, wanted, now))
        await story.write(
            lambda tx: halt.stop(kit, tx, SwitchScope.EVERYTHING, "", "smoke", "operator:bo", now)
        )
        for one in both:
            document = await told(story, one.message_id)
            assert [entry["kind"] for entry in document["records"]] == ["decision", "held"]
            assert document["status"] == "held"
            assert f"message cancel {one.message_id}" in said(document, "how_to_stop_or_revoke_it")


@pytest.mark.proves("P7")
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (("body", "Something else."), "is NOT the text that was decided about"),
        (("body", ""), "no longer kept"),
        (("initiator", "operator:ann"), "the row was changed"),
    ],
    ids=["text", "redacted", "initiator"],
)
async def test_a_row_that_disagrees_with_the_chain_is_told(
    sqlite_url: str, statement: tuple[str, str], words: str
) -> None:
    import sqlite3

    async with telling(sqlite_url, sms=OPEN) as story:
        message = await held_reply(story)
        column, value = statement
        file = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
        file.execute(f"UPDATE messages SET {column} = ? WHERE id = ?", (value, message.id))
        file.commit()
        file.close()
        document = await told(story, message.id)
        everything = " ".join(" ".join(answer) for answer in document["answers"].values())
        assert words in everything


async def test_what_came_in_and_its_turn_are_told(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        reply = await held_reply(story)
        [came_in] = await inbound(story)
        for name in (came_in.id, came_in.provider_id, reply.provenance["turn"]):
            document = await told(story, name)
            assert document["message"] == came_in.id
            assert "wrote in" in said(document, "who_initiated_it")
            assert "the rules let it in" in said(document, "who_approved")


async def test_an_entry_about_something_else_is_told_by_itself(store_url: str) -> None:
    async with telling(store_url) as story:
        kit, now = story.gateway.kit, story.clock.now()
        await story.write(
            lambda tx: halt.stop(kit, tx, SwitchScope.EVERYTHING, "", "smoke", "operator:bo", now)
        )
        [stop] = await story.read(lambda tx: tx.audit.newest(1))
        document = await told(story, stop.entry.id)
        assert document["message"] is None
        assert "The operator bo" in said(document, "who_initiated_it")
        assert "ringfence resume" in said(document, "how_to_stop_or_revoke_it")
        assert entry_words(stop)


async def test_what_is_not_on_record_is_said_so(store_url: str) -> None:
    async with telling(store_url) as story:
        for name in ("msg_nothing", "ABCD", "SM" + "0" * 32, "x' OR 1=1", "", "%"):
            with pytest.raises(NotFound, match="Nothing is on record"):
                await told(story, name)
