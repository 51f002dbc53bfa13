"""An intake line: told first, asked in order, answers read for their kind, and handed over to a person
with a summary. No agent decides anything here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from looking import ALICE, BOB, audit, inbound, message_form, outbound, sid_of, webhook
from ringfence.config.source import parse
from ringfence.gateway import drafts, halt, handover
from ringfence.gateway.arrival import Arrival
from ringfence.gateway.receive import Receiver
from ringfence.gateway.track import Tracker
from ringfence.model.contact import PauseReason, SwitchScope
from ringfence.model.intake import Intake, IntakeState
from ringfence.model.message import InboundMessage, MessageClass, MessageStatus
from ringfence.model.phone import PhoneNumber
from ringfence.text.intake import summary
from ringfence.text.keywords import classify
from telling import NUMBER, OWNER, ScriptedAgent, Story, telling

FIELDS = [
    {"name": "name", "ask": "What is your name?", "kind": "text", "maxLength": 40},
    {
        "name": "matter",
        "ask": "Is it a repair or a question?",
        "kind": "choice",
        "choices": ["repair", "question"],
    },
    {"name": "floor", "ask": "Which floor?", "kind": "integer", "max": 40, "optional": True},
]
WORDS = "Shop: automated answers, read by Ann. Reply HELP to reach her, STOP for no more messages."
THANKS = "Thank you, Ann will answer you here."
LINE = {"purpose": "intake", "name": "Shop", "disclosure": WORDS}
SILENT = 24


def line(**intake: Any) -> dict[str, Any]:
    return {**LINE, "intake": {"fields": FIELDS, "thanks": THANKS, **intake}}


def got(story: Story, number: str = ALICE) -> list[str]:
    return [text.body for text in story.phone(number).inbox]


async def says(story: Story, *texts: str, number: str = ALICE) -> None:
    for text in texts:
        await story.phone(number).texts(text)
        await story.passes(seconds=9)


async def intake_of(story: Story, number: str = ALICE) -> Intake:
    found: Intake = await story.read(lambda tx: tx.intakes.get("default", PhoneNumber(number)))
    return found


async def test_asked_in_order_and_handed_over_with_a_summary(store_url: str) -> None:
    async with telling(store_url, sms=line()) as story:
        await says(story, "Hello, my door sticks", "Ann Smith", "Repair.", "3")
        assert got(story) == [
            f"{WORDS}\n\nWhat is your name?",
            "Is it a repair or a question?",
            "Which floor? (Reply SKIP to leave it out.)",
            THANKS,
        ]
        intake = await intake_of(story)
        assert (intake.state, intake.answers) == (
            IntakeState.DONE,
            {"name": "Ann Smith", "matter": "repair", "floor": "3"},
        )
        [told] = got(story, OWNER)
        assert told.startswith(f"Intake on Shop from {ALICE} is complete.")
        assert 'name: "Ann Smith"\nmatter: "repair"\nfloor: "3"' in told
        assert 'They first wrote: "Hello, my door sticks"' in told
        assert f"ringfence pauses lift {ALICE} --account default" in told
        [pause] = await story.read(lambda tx: tx.pauses.listing())
        assert (pause.line, pause.why) == ("default", PauseReason.HANDOVER)
        assert story.agent.turns == []
        classes = [one.message_class for one in await outbound(story, ALICE)]
        assert classes == [MessageClass.INTAKE_QUESTION] * 3 + [MessageClass.INTAKE_END]
        [entry] = await audit(story, intake.message_id, "intake")
        assert entry == {
            "line": "default",
            "state": "done",
            "why": "",
            "answered": ["floor", "matter", "name"],
        }


async def test_after_the_handover_people_answer_until_it_is_released(store_url: str) -> None:
    async with telling(store_url, sms=line()) as story:
        await says(story, "Hello", "Ann", "2", "skip", "And it is urgent")
        assert got(story)[-1] == THANKS
        assert "And it is urgent" in got(story, OWNER)[-1]
        kit, now = story.gateway.kit, story.clock.now()
        await story.write(
            lambda tx: handover.release(kit, tx, PhoneNumber(ALICE), None, "operator:t", now)
        )
        # Lately asked, so not asked again: the agent drafts, and a person reads it.
        await says(story, "Thanks!")
        assert got(story)[-1] == THANKS
        [turn] = story.agent.turns
        assert turn.body.startswith('What they answered:\nname: "Ann"\nmatter: "question"')
        assert turn.body.endswith("Thanks!")
        [*_, draft] = await outbound(story, ALICE)
        assert (draft.status, draft.initiator) == (MessageStatus.HELD, "agent:default")


async def test_what_does_not_fit_is_asked_again_and_then_a_person_takes_over(
    store_url: str,
) -> None:
    async with telling(store_url, sms=line(triesMax=2)) as story:
        await says(story, "Hello", "Ann", "a parrot", "both")
        assert got(story)[2] == (
            "Please answer with one of these: repair, question. Is it a repair or a question?"
        )
        assert got(story)[3] == THANKS
        intake = await intake_of(story)
        assert (intake.state, intake.answers) == (IntakeState.HANDED_OVER, {"name": "Ann"})
        [told] = got(story, OWNER)
        assert "needs a person (no answer that fits)" in told
        assert "matter: (no answer)\nfloor: (not asked)" in told
        assert 'And at last: "both"' in told


@pytest.mark.parametrize(
    ("texts", "asked", "answers"),
    [
        (["I want my money back, I will call my lawyer"], 0, {}),
        (["Hello", "I owe you a loan payment"], 1, {"name": "I owe you a loan payment"}),
    ],
    ids=["at once", "in an answer"],
)
async def test_a_forced_topic_is_for_a_person(
    texts: list[str], asked: int, answers: dict[str, str], store_url: str
) -> None:
    async with telling(store_url, sms=line()) as story:
        await says(story, *texts)
        assert len(got(story)) == asked + 1
        assert got(story)[-1].endswith(THANKS)
        assert got(story)[0].startswith(WORDS)
        intake = await intake_of(story)
        assert (intake.state, intake.answers) == (IntakeState.HANDED_OVER, answers)
        assert "a subject for a person" in got(story, OWNER)[0]


async def test_an_emergency_ends_it_at_once(store_url: str) -> None:
    async with telling(store_url, sms=line()) as story:
        await says(story, "Hello", "there is a fire in my kitchen")
        assert "automated" in got(story)[-1]
        assert (await intake_of(story)).state is IntakeState.HANDED_OVER
        assert got(story, OWNER)[0].startswith("URGENT")
        await says(story, "Ann")
        assert len(got(story)) == 2


@pytest.mark.proves("P3")
async def test_stop_and_help_win_over_the_question(store_url: str) -> None:
    async with telling(store_url, sms={**line(), "optOutReplies": "ringfence"}) as story:
        await says(story, "Hello", "HELP", "Ann", "STOP")
        intake = await intake_of(story)
        assert (intake.state, intake.answers) == (IntakeState.ABANDONED, {"name": "Ann"})
        before = len(got(story))
        form = message_form(body="repair", sid=sid_of(77))
        assert (await webhook(story, form)).stored
        await story.passes(seconds=9)
        assert len(got(story)) == before
        assert await story.read(lambda tx: tx.pauses.listing()) == []


async def test_a_wish_to_stop_is_asked_nothing_more(store_url: str) -> None:
    async with telling(store_url, sms=line()) as story:
        await says(story, "Hello", "wrong number, leave me alone")
        assert len(got(story)) == 1
        assert (await intake_of(story)).state is IntakeState.HANDED_OVER
        assert any("seem to want no more texts" in text for text in got(story, OWNER))


async def test_silence_ends_it_and_who_writes_later_is_asked_anew(store_url: str) -> None:
    async with telling(store_url, sms=line(silenceHours=SILENT)) as story:
        await says(story, "Hello", "Ann")
        await story.passes(hours=SILENT - 1)
        assert (await intake_of(story)).state is IntakeState.ASKING
        await story.passes(hours=2)
        assert (await intake_of(story)).state is IntakeState.ABANDONED
        await story.passes(seconds=9)
        [told] = got(story, OWNER)
        assert 'ended without an answer.\nname: "Ann"\nmatter: (no answer)' in told
        await says(story, "Hello again")
        assert got(story)[-1] == "What is your name?"
        assert (await intake_of(story)).answers == {}
        assert await story.read(lambda tx: tx.pauses.listing()) == []


async def test_the_agent_drafts_with_the_answers_and_a_person_lets_it_go(store_url: str) -> None:
    agent = ScriptedAgent(lambda turn: "Somebody comes by tomorrow.")
    async with telling(store_url, sms=line(draft=True), agent=agent) as story:
        await says(story, "Hello", "Ann", "repair", "skip")
        [turn] = agent.turns
        assert 'name: "Ann"\nmatter: "repair"\nfloor: (skipped)' in turn.body
        [*_, draft] = await outbound(story, ALICE)
        assert draft.status is MessageStatus.HELD
        assert "intake_free_text" in draft.reason
        assert "paused" in draft.reason
        kit, now = story.gateway.kit, story.clock.now()

        def approve(tx: Any) -> None:
            drafts.approve(kit, tx, drafts.find(tx, draft.id), "operator:t", now)

        await story.write(approve)
        await story.passes(seconds=9)
        assert got(story)[-1] == "Somebody comes by tomorrow."


async def test_a_template_acknowledges_and_carries_the_disclosure(store_url: str) -> None:
    ready = {
        "version": 1,
        "category": "conversation",
        "texts": {"en": "Thanks for your text, a few questions first."},
    }
    async with telling(
        store_url, sms=line(acknowledge="received"), config={"templates": {"received": ready}}
    ) as story:
        await says(story, "Hello")
        assert got(story) == [
            f"{WORDS}\n\nThanks for your text, a few questions first.",
            "What is your name?",
        ]


@pytest.mark.proves("P3")
async def test_what_may_not_be_asked_is_for_a_person(store_url: str) -> None:
    """An answer to a question nobody read would be taken for another."""
    async with telling(store_url, sms=line()) as story:
        await says(story, "Hello")
        kit, now = story.gateway.kit, story.clock.now()
        await story.write(
            lambda tx: halt.stop(kit, tx, SwitchScope.EVERYTHING, "", "drill", "operator:t", now)
        )
        await says(story, "Ann")
        assert len(got(story)) == 1
        intake = await intake_of(story)
        assert (intake.state, intake.answers) == (IntakeState.HANDED_OVER, {"name": "Ann"})
        assert len(await story.read(lambda tx: tx.pauses.listing())) == 1


async def test_an_operator_who_takes_over_ends_it(store_url: str) -> None:
    async with telling(store_url, sms=line()) as story:
        await says(story, "Hello")
        kit, now = story.gateway.kit, story.clock.now()
        person = PhoneNumber(ALICE)
        await story.write(
            lambda tx: handover.hand_over(kit, tx, "default", person, "operator:t", "", now)
        )
        assert (await intake_of(story)).state is IntakeState.HANDED_OVER
        await says(story, "Ann")
        assert len(got(story)) == 1


async def test_people_are_asked_apart(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=line()) as story:
        await says(story, "Hello", "Ann")
        await says(story, "Hi", number=BOB)
        assert got(story, BOB) == [f"{WORDS}\n\nWhat is your name?"]
        assert got(story)[-1] == "Is it a repair or a question?"


async def test_owners_and_lines_without_questions_are_as_ever(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=line()) as story:
        await says(story, "Hello", number=OWNER)
        assert [turn.body for turn in story.agent.turns] == ["Hello"]
        assert await story.read(lambda tx: tx.intakes.listing(None, 10)) == []
    async with telling(sqlite_url, sms=LINE, seed=8, carrier_options={"seed": 9}) as story:
        await says(story, "Hello")
        assert len(story.agent.turns) == 1
        assert await story.read(lambda tx: tx.intakes.listing(None, 10)) == []


async def test_a_repeated_webhook_answers_once(store_url: str) -> None:
    async with telling(store_url, sms=line()) as story:
        await says(story, "Hello")
        form = message_form(body="Ann", sid=sid_of(41))
        for _ in range(3):
            assert (await webhook(story, form)).stored
        await story.passes(seconds=9)
        assert got(story)[-1] == "Is it a repair or a question?"
        assert len(got(story)) == 2


async def test_what_arrives_together_with_the_last_answer_meets_the_handover(
    store_url: str,
) -> None:
    async with telling(store_url, sms=line()) as story:
        await says(story, "Hello", "Ann", "repair")
        kit, now = story.gateway.kit, story.clock.now()
        receiver = Receiver(kit, Tracker(kit))
        person = PhoneNumber(ALICE)
        batch = [
            Arrival(
                story.line,
                kit.ids.new("message", now),
                InboundMessage(sid_of(at), "", None, ALICE, NUMBER, body),
                person,
                classify(body),
                now,
            )
            for at, body in enumerate(["skip", "by the way, it is cold"], start=61)
        ]
        await story.write(lambda tx: receiver._admitting.many(tx, batch))
        await story.passes(seconds=9)
        assert got(story)[-1] == THANKS
        assert story.agent.turns == []
        assert "by the way" in got(story, OWNER)[-1]


async def test_other_questions_after_a_change_of_the_configuration(store_url: str) -> None:
    async with telling(store_url, sms=line()) as story:
        await says(story, "Hello")
        clock = story.clock
    async with telling(
        store_url,
        sms={**LINE, "intake": {"fields": FIELDS[1:]}},
        clock=clock,
        seed=8,
        carrier_options={"seed": 9},
    ) as story:
        await says(story, "Ann")
        assert got(story)[-1] == "Is it a repair or a question?"


@pytest.mark.proves("P9")
async def test_answers_stand_in_no_audit_entry(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=line()) as story:
        await says(story, "Hello", "Xanthippe", "repair", "skip")
        entries = await story.read(lambda tx: tx.audit.newest(1_000))
        text = json.dumps([dict(one.entry.body) for one in entries], default=str)
        assert "Xanthippe" not in text
        assert ALICE not in text
        form = story.line.intake
        assert form is not None
        assert "Xanthippe" in summary(form, await intake_of(story))
        assert len(await inbound(story)) == 4


async def test_the_example_of_the_documents(sqlite_url: str) -> None:
    """docs/howto/intake.md: its configuration loads, and the conversation goes as it stands there."""
    page = (Path(__file__).resolve().parents[2] / "docs/howto/intake.md").read_text("utf-8")
    [written] = re.findall(r"```json5\n(.*?)```", page, re.DOTALL)
    [talk] = re.findall(r"```\n(them .*?)```", page, re.DOTALL)
    document = parse(written, "docs/howto/intake.md")
    sms = dict(document["channels"]["sms"])
    for given in ("accountSid", "authToken", "fromNumber", "publicWebhookUrl"):
        del sms[given]
    async with telling(sqlite_url, sms=sms, config={"templates": document["templates"]}) as story:
        turns = re.findall(r"^(them|us)   +(.*(?:\n(?: .*)?)*)", talk, re.MULTILINE)
        for who, said in turns:
            if who == "them":
                await says(story, " ".join(said.split()))
        ours = [" ".join(said.split()) for who, said in turns if who == "us"]
        assert [" ".join(text.split()) for text in got(story)] == ours
        assert (await intake_of(story)).state is IntakeState.DONE
        [waits] = [one for one in await outbound(story, ALICE) if one.status is MessageStatus.HELD]
        assert waits.initiator == "agent:default"
