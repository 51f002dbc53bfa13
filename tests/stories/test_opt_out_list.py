"""The must-test list of opting out (compliance 4.7, points 1 to 7), told with phones in hand. Quiet
hours, caps, evidence, the kill switch and the linter (8 to 12) stand elsewhere."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import ringfence
from looking import (
    ALICE,
    BOB,
    OPEN,
    all_items,
    creates,
    inbound,
    message_form,
    outbound,
    parts,
    sid_of,
    webhook,
)
from ringfence.gateway import bridge, consent, drafts, opt_in
from ringfence.model.consent import ConsentEvent, Level
from ringfence.model.contact import Role
from ringfence.model.message import MessageClass
from ringfence.model.outbox import ErrorClass, OutboxState
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.rule import OUTBOUND
from ringfence.policy.rules.opt_out import RULE
from ringfence.providers import providers
from ringfence.testing import Behaviour, OptOutHandling, Outcome
from ringfence.text import keyword_tables
from telling import OWNER, ScriptedAgent, Story, telling

OURS = {**OPEN, "optOutReplies": "ringfence"}
NOBODY_ELSE: dict[str, Any] = {"behaviour": Behaviour(opt_outs=OptOutHandling.NONE)}
SECOND = {
    "fromNumber": "+15555550101",
    "webhookPath": "/webhooks/second",
    "publicWebhookUrl": "{public}/webhooks/second",
}
LONG = "word " * 900


def of(number: str) -> PhoneNumber:
    return PhoneNumber(number)


async def source(story: Story, number: str = ALICE) -> str:
    found = await story.read(lambda tx: tx.people.find([of(number)]))
    return found[of(number)].opt_out_source if of(number) in found else ""


async def ledger(story: Story, number: str = ALICE) -> list[tuple[str, str]]:
    """(kind, method) of a person's events."""
    found: list[ConsentEvent] = await story.read(lambda tx: tx.consents.of_person(of(number)))
    return [(event.kind.value, event.method.value) for event in found]


async def sends(story: Story, body: str = "hello", to: str = ALICE, **given: Any) -> str:
    line = story.gateway.kit.lines[given.pop("line", story.line.id)]
    asked = bridge.SendRequest(line, of(to), body, given.pop("by", "operator:t"), **given)
    return (await bridge.send(story.gateway.kit, asked)).message.id


async def hours_pass(story: Story) -> None:
    """Long enough for every retry, and for what waits to expire; in steps, so that each is made."""
    for _ in range(20):
        await story.passes(minutes=2)
    await story.passes(hours=5)


async def status(story: Story, message_id: str) -> str:
    return (await bridge.message(story.gateway.kit, message_id)).status.value


# -- 1: the words ---------------------------------------------------------------------------------

GUISES = {
    "upper": str.upper,
    "lower": str.lower,
    "mixed": str.title,
    "space and newline": lambda word: f"{word} \r\n",
    "full stop": lambda word: f"{word}.",
    "quotes": lambda word: f'"{word}"',
    "smart quotes": lambda word: f"\u201c{word}\u201d",
    "zero width": lambda word: f"{word[0]}\u200b{word[1:]}",
    "full width": lambda word: "".join(chr(ord(c) + 0xFEE0) if c != " " else c for c in word),
    "accent": lambda word: word.replace("e", "\u00e9").replace("a", "\u00e2"),
}


@pytest.mark.proves("C1")
@pytest.mark.parametrize("tongue", keyword_tables.OPT_OUT)
async def test_every_word_in_every_guise_opts_out(sqlite_url: str, tongue: str) -> None:
    words = keyword_tables.OPT_OUT[tongue]
    async with telling(sqlite_url, sms=OPEN) as story:
        told: dict[str, str] = {}
        for word in words:
            for disguise in GUISES.values():
                number = f"+1555555{len(told) + 2000:04d}"
                told[number] = disguise(word)
                await webhook(story, message_form(number, told[number], sid_of(len(told))))
        await story.settle()
        people = await story.read(lambda tx: tx.people.find(map(PhoneNumber, told)))
        missed = [body for e164, body in told.items() if not people[of(e164)].opt_out_source]
        assert missed == []
        assert story.agent.turns == []


@pytest.mark.proves("C1")
async def test_words_in_a_sentence_do_not_and_a_wish_is_for_a_person(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        for body in ("please don't stop", "the bus stop"):
            await story.phone(ALICE).texts(body)
            await story.passes(seconds=5)
        assert [turn.body for turn in story.agent.turns] == ["please don't stop", "the bus stop"]
        await story.phone(BOB).texts("stop texting me")
        await story.passes(seconds=5)
        assert await source(story, BOB) == ""
        [held] = await outbound(story, BOB)
        assert (held.status.value, "opt_out_suspected" in held.reason) == ("held", True)
        owner = story.phone(story.line.owners[0].e164)
        assert any(f"consent opt-out {BOB}" in text.body for text in owner.inbox)
        assert story.phone(BOB).inbox == []


# -- 2: whatever was on its way ----------------------------------------------------------------------


@pytest.mark.proves("C2")
async def test_nothing_that_waited_in_whatever_way_goes_after_a_stop(store_url: str) -> None:
    async with telling(store_url, sms=OURS, carrier_options=NOBODY_ELSE) as story:
        kit = story.gateway.kit
        story.carrier.next_creates(Outcome.THROTTLED)
        retrying = await sends(story, "for another try")
        [item] = await story.gateway.dispatcher.claim(1)
        await story.gateway.dispatcher.send(item)
        behind = await sends(story, "queued behind it")
        held = bridge.SendRequest(story.line, of(ALICE), "an agent's own", "agent:local")
        waiting = (await bridge.send(kit, held)).message.id
        assert await status(story, waiting) == "held"
        await webhook(story, message_form(ALICE, "STOP", sid_of(1)))
        for message_id in (retrying, behind, waiting):
            assert await status(story, message_id) == "cancelled"
        await hours_pass(story)
        assert [text.body[:9] for text in story.phone(ALICE).inbox] == ["default: "]


@pytest.mark.proves("C2")
async def test_what_was_claimed_before_may_go_but_is_never_tried_again(store_url: str) -> None:
    async with telling(store_url, sms=OURS, carrier_options=NOBODY_ELSE) as story:
        first, second = await sends(story, "one", BOB), await sends(story, "two")
        claimed = await story.gateway.dispatcher.claim(5)
        assert {item.message_id for item in claimed} == {first, second}
        for number, person in enumerate((ALICE, BOB)):
            await webhook(story, message_form(person, "STOP", sid_of(number)))
        story.carrier.next_creates(Outcome.ANSWERED, Outcome.THROTTLED)
        for item in claimed:
            await story.gateway.dispatcher.send(item)
        await hours_pass(story)
        ended = {await status(story, first), await status(story, second)}
        assert ended == {"delivered", "refused"}
        texts = [m.body for m in creates(story) if m.body in ("one", "two")]
        assert len(texts) == 1


@pytest.mark.proves("C2")
async def test_a_later_part_stays_here(store_url: str) -> None:
    async with telling(store_url, sms=OURS, carrier_options=NOBODY_ELSE) as story:
        key = await sends(story, LONG)
        [item] = await story.gateway.dispatcher.claim(5)
        await story.gateway.dispatcher.send(item)
        await webhook(story, message_form(ALICE, "STOP", sid_of(1)))
        await story.passes(minutes=10)
        message = await bridge.message(story.gateway.kit, key)
        states = [part.state for part in await parts(story, message)]
        assert states == [OutboxState.ACCEPTED, *[OutboxState.CANCELLED] * (len(states) - 1)]
        assert len([m for m in creates(story) if m.body.startswith("word")]) == 1


@pytest.mark.proves("C2")
async def test_a_hundred_sends_race_one_stop(store_url: str) -> None:
    """The order of the audit chain is the order of the commits: no claim after the opt-out's."""
    many = {"recipientVolume": {"minute": 1_000, "hour": 1_000, "day": 1_000}}
    sms = {**OURS, "policy": many}
    async with telling(store_url, sms=sms, carrier_options=NOBODY_ELSE) as story:

        async def stops() -> None:
            while len(creates(story)) < 5:
                await asyncio.sleep(0)
            await webhook(story, message_form(ALICE, "STOP", sid_of(1)))

        async def works(until: asyncio.Task[None]) -> None:
            while not until.done():
                await story.gateway.worker.step()
                await asyncio.sleep(0)

        stopping = asyncio.create_task(stops())
        texts = [sends(story, f"text {n}") for n in range(100)]
        keys = (await asyncio.gather(*texts, works(stopping)))[:100]
        await hours_pass(story)
        [stop] = await inbound(story)
        chain = await story.read(lambda tx: tx.audit.of_subject(stop.id))
        [stopped_at] = [one.seq for one in chain if one.entry.kind == "opt_out"]
        late = []
        for item in await all_items(story):
            for one in await story.read(lambda tx, key=item.id: tx.audit.of_subject(key)):
                body = one.entry.body
                claimed = one.entry.kind == "decision" and body["verdict"] == "allow"
                if claimed and one.seq > stopped_at:
                    late.append(item.message_class)
        assert late == [MessageClass.OPT_OUT_CONFIRMATION]
        ended = [await status(story, key) for key in keys if key is not None]
        assert set(ended) <= {"delivered", "cancelled", "refused"}
        assert 5 <= ended.count("delivered") < 100
        assert len([m for m in creates(story) if "unsubscribed" in m.body]) == 1


# -- 3: one confirmation ------------------------------------------------------------------------------


@pytest.mark.proves("C3")
async def test_one_confirmation_though_the_webhook_comes_again(store_url: str) -> None:
    async with telling(store_url, sms=OURS, carrier_options=NOBODY_ELSE) as story:
        for number in (1, 1, 1, 2):
            await webhook(story, message_form(ALICE, "STOP", sid_of(number)))
            await story.passes(seconds=2)
        [text] = story.phone(ALICE).inbox
        assert "unsubscribed" in text.body
        assert await source(story) == "keyword"
        assert await ledger(story) == [("opt_out", "keyword")]


@pytest.mark.proves("C3")
async def test_none_of_ours_where_the_provider_replies(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        for word in ("STOP", "STOP"):
            await story.phone(ALICE).texts(word)
            await story.passes(seconds=2)
        assert creates(story) == []
        assert await outbound(story, ALICE) == []
        assert await ledger(story) == [("opt_out", "keyword")]


# -- 4: the provider's codes --------------------------------------------------------------------------


@pytest.mark.proves("C4")
@pytest.mark.parametrize("late", [False, True], ids=["at once", "in a callback"])
async def test_a_providers_opt_out_is_ours_and_nothing_is_tried_again(
    store_url: str, late: bool
) -> None:
    options = {"behaviour": Behaviour(late_opt_out=late)}
    async with telling(store_url, sms=OPEN, carrier_options=options) as story:
        story.carrier.opt_out(ALICE)
        first = await sends(story)
        await story.passes(minutes=1)
        second = await sends(story, "and another")
        await hours_pass(story)
        assert [await status(story, key) for key in (first, second)] == ["failed", "refused"]
        assert await source(story) == "provider"
        assert await ledger(story) == [("opt_out", "provider")]
        [item] = await all_items(story)
        assert item.attempt == 1
        assert len(creates(story)) == (1 if late else 0)
        # START at the provider lifts what the person did there.
        await story.phone(ALICE).texts("START")
        await story.passes(seconds=5)
        assert await source(story) == ""
        assert (await ledger(story))[1:] == [("opt_in", "keyword")]


@pytest.mark.proves("C4")
def test_which_codes_those_are_is_each_providers_table() -> None:
    """A provider that is added brings its own codes; the gateway knows the class alone."""
    assert providers()["twilio"].classify(21610) is ErrorClass.OPT_OUT
    folder = Path(ringfence.__path__[0])
    naming = {
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        if re.search(r"\b21610\b", path.read_text(encoding="utf-8"))
    }
    assert all(name.startswith(("providers", "simulator")) for name in naming), naming


# -- 5: coming back -----------------------------------------------------------------------------------


@pytest.mark.proves("C5")
async def test_start_lifts_the_keywords_opt_out_and_no_operators(store_url: str) -> None:
    async with telling(store_url, sms=OURS, carrier_options=NOBODY_ELSE) as story:
        kit, now = story.gateway.kit, story.clock.now()
        for body in ("STOP", "START"):
            await story.phone(ALICE).texts(body)
            await story.passes(seconds=5)
        assert await source(story) == ""
        assert await ledger(story) == [("opt_out", "keyword"), ("opt_in", "keyword")]
        await story.write(lambda tx: consent.opt_out(kit, tx, of(ALICE), "x", "operator:t", now))
        for body in ("START", "STOP", "START"):
            await story.phone(ALICE).texts(body)
            await story.passes(seconds=5)
        assert await source(story) == "operator"
        # Their own STOP meanwhile is not lifted with the operator's.
        later = story.clock.now()
        left = await story.write(
            lambda tx: consent.opt_in(kit, tx, of(ALICE), "", "operator:t", later)
        )
        assert (left, await source(story)) == ("keyword", "keyword")


@pytest.mark.proves("C5")
@pytest.mark.parametrize("word", ["START", "UNSTOP", "YES", "JOIN"])
async def test_start_of_somebody_unknown_licenses_nothing(store_url: str, word: str) -> None:
    async with telling(store_url, sms=OURS, carrier_options=NOBODY_ELSE) as story:
        await story.phone(ALICE).texts(word)
        await story.passes(seconds=5)
        assert await ledger(story) == []
        pair = (of(ALICE), "offers")
        found = await story.read(lambda tx: tx.consents.standing([pair]))
        assert not any(found[pair].allows(level, story.clock.now()) for level in Level)
        assert [turn.body for turn in story.agent.turns] == [word]


@pytest.mark.proves("C5")
async def test_yes_while_something_waits_opts_nobody_in_and_approves_nothing(
    store_url: str,
) -> None:
    agent = ScriptedAgent(lambda turn: "ok")
    async with telling(store_url, sms=OURS, agent=agent, carrier_options=NOBODY_ELSE) as story:
        kit, now = story.gateway.kit, story.clock.now()
        asked = bridge.SendRequest(story.line, of(ALICE), "an agent's own", "agent:local")
        draft = (await bridge.send(kit, asked)).message.id
        wanted = opt_in.Asking(story.line, of(ALICE), "offers", Level.MARKETING, "Offers weekly.")
        question = await story.write(lambda tx: opt_in.ask(kit, tx, wanted, "operator:t", now))
        assert question.request is not None
        for body in ("YES", "Yes!", "OK"):
            await story.phone(ALICE).texts(body)
            await story.passes(seconds=5)
        assert await ledger(story) == []
        assert await status(story, draft) == "held"


@pytest.mark.proves("C5")
async def test_the_answer_to_our_question_is_for_us_and_not_for_the_agent(store_url: str) -> None:
    sms = {"dmPolicy": "pairing", "optOutReplies": "ringfence"}
    async with telling(store_url, sms=sms, carrier_options=NOBODY_ELSE) as story:
        kit, now = story.gateway.kit, story.clock.now()
        wanted = opt_in.Asking(story.line, of(ALICE), "orders", Level.MARKETING, "Orders, offers.")
        asked = await story.write(lambda tx: opt_in.ask(kit, tx, wanted, "operator:t", now))
        await story.passes(seconds=5)
        answer = message_form(ALICE, f"join {asked.request.code}", sid_of(1))
        for _ in range(3):
            await webhook(story, answer)
        await story.passes(seconds=5)
        [said] = await inbound(story)
        assert (said.status.value, said.reason[:6]) == ("received", "opt_in")
        assert await ledger(story) == [("granted", "double_opt_in")]
        assert story.agent.turns == []
        # A stranger by the rules of pairing, but this text asks for no way in.
        assert await story.read(lambda tx: tx.access.requests(None, story.clock.now())) == []
        assert len(story.phone(ALICE).inbox) == 2


# -- 6: what was said before ----------------------------------------------------------------------------


@pytest.mark.proves("C6")
async def test_an_approval_given_before_the_stop_does_nothing_after_it(store_url: str) -> None:
    async with telling(store_url, sms=OURS, carrier_options=NOBODY_ELSE) as story:
        kit, now = story.gateway.kit, story.clock.now()
        held = bridge.SendRequest(story.line, of(ALICE), "an agent's own", "agent:local")
        draft_id = (await bridge.send(kit, held)).message.id
        draft = await story.read(lambda tx: tx.drafts.get(draft_id))
        await story.write(lambda tx: drafts.approve(kit, tx, draft, "operator:t", now))
        await webhook(story, message_form(ALICE, "STOP", sid_of(1)))
        await hours_pass(story)
        assert await status(story, draft_id) in ("cancelled", "refused")
        assert [m for m in creates(story) if m.body == "an agent's own"] == []


@pytest.mark.proves("C6")
async def test_an_old_key_after_the_stop_answers_the_old_state_and_sends_nothing(
    store_url: str,
) -> None:
    async with telling(store_url, sms=OURS, carrier_options=NOBODY_ELSE) as story:
        sent = {"to": OWNER, "body": "hello", "idempotency_key": "k1"}
        _, before = await story.post("/sms/send", sent)
        await story.passes(seconds=5)
        await story.phone(OWNER).texts("STOP")
        await story.passes(seconds=5)
        taken = len(creates(story))
        code, after = await story.post("/sms/send", sent)
        await hours_pass(story)
        assert (code, after["id"], after["state"]) == (202, before["id"], "delivered")
        assert len(creates(story)) == taken
        _, fresh = await story.post("/sms/send", {**sent, "idempotency_key": "k2"})
        assert fresh["state"] == "refused"


# -- 7: how far it reaches ------------------------------------------------------------------------------


@pytest.mark.proves("C7")
async def test_an_opt_out_on_one_line_holds_on_the_other(store_url: str) -> None:
    sms = {**OURS, "accounts": {"second": SECOND}}
    async with telling(store_url, sms=sms, carrier_options=NOBODY_ELSE) as story:
        waiting = await sends(story, "soon", line="second")
        await webhook(story, message_form(ALICE, "STOP", sid_of(1)))
        assert await status(story, waiting) == "cancelled"
        after = await sends(story, "from the other number", line="second")
        assert await status(story, after) == "refused"
        other = await sends(story, "somebody else", BOB, line="second")
        assert await status(story, other) == "queued"
        await story.passes(seconds=5)
        assert [m.body for m in creates(story) if m.recipient == ALICE] == [
            text.body for text in story.phone(ALICE).inbox
        ]
        assert len(story.phone(ALICE).inbox) == 1


@pytest.mark.proves("C7")
def test_the_rule_speaks_of_everything_that_goes_out() -> None:
    """Calls and what is said in them are acts like these: the rule names none that it lets be."""
    assert frozenset(Act) == RULE.acts
    now = datetime(2026, 3, 2, 17, tzinfo=UTC)
    for act in sorted(OUTBOUND, key=str):
        asked = Facts(
            act, now, "default", "ctc_1", Role.GUEST, Initiator.AGENT, opt_out_source="keyword"
        )
        assert RULE.judge(asked, None).verdict is Verdict.DENY
