"""Calls through the whole gate: what is placed, what waits and for what, what is refused, as an agent, an
operator or a caller meets it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from calling import ANN, BEN, Calling, calling
from looking import OPEN
from ringfence.config.policies import policy_of
from ringfence.config.problems import Problems
from ringfence.gateway import consent, drafts
from ringfence.gateway.evidence import Statement
from ringfence.model.consent import ConsentKind, Level, Method
from ringfence.model.line import AccessPolicy
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.ports import AgentReply
from telling import OWNER, ScriptedAgent

AGENT = "agent:default"
ANY_HOUR = {"quietHours": {"windows": "mon-sun 00:00-24:00"}}


@asynccontextmanager
async def lines(
    url: str, policy: Mapping[str, Any] | None = None, **more: Any
) -> AsyncIterator[Calling]:
    """A line that is told so much more of its policy."""
    async with calling(url, **more) as story:
        problems = Problems()
        sections = [("policy", {**ANY_HOUR, **(policy or {})})]
        told, _ = policy_of(story.story.line, sections, problems)
        story.story.gateway.kit.policies[story.story.line.id] = told  # type: ignore[index]
        yield story


async def proposed(story: Calling, number: str, by: str = AGENT) -> tuple[str, set[str]]:
    """What the gate makes of a call: the state, and the codes of its reasons."""
    answer = await story.calls(number, "Hi! This is a test call.", by=by)
    return answer.status.value, {reason.code for reason in answer.reasons}


def dialled(story: Calling) -> int:
    return len(story.story.carrier.calls)


@pytest.mark.proves("P1", "P2")
async def test_an_agent_calls_nobody_by_itself_who_did_not_agree(sqlite_url: str) -> None:
    voice = {"allow_to": frozenset({BEN})}
    async with lines(sqlite_url, voice=voice) as story:
        state, why = await proposed(story, ANN)
        assert (state, "recipient_not_listed" in why) == ("held", True)
        # Being listed is one thing, having agreed another.
        state, why = await proposed(story, BEN)
        assert (state, why) == ("held", {"no_call_consent", "first_contact"})
        await story.story.passes(hours=2)
        assert dialled(story) == 0


@pytest.mark.proves("P1", "P2")
async def test_a_call_a_person_said_yes_to_is_placed_with_its_opening_words(
    store_url: str,
) -> None:
    async with lines(store_url) as story:
        assert (await proposed(story, ANN))[0] == "held"
        kit, now = story.story.gateway.kit, story.story.clock.now()
        (draft,) = await story.story.read(lambda tx: tx.drafts.waiting(None, 10))
        await story.story.write(lambda tx: drafts.approve(kit, tx, draft, "operator:ann", now))
        await story.story.passes(seconds=2)
        assert dialled(story) == 1
        call = await story.call()
        assert (call.message_id, call.initiator) == (draft.message_id, AGENT)


@pytest.mark.proves("P1", "P2")
async def test_other_words_for_a_call_are_a_call_still(sqlite_url: str) -> None:
    """They are decided as a call, and never leave as a text."""
    async with lines(sqlite_url) as story:
        kit, now = story.story.gateway.kit, story.story.clock.now()
        answer = await story.calls(OWNER, "I want a divorce.", by=AGENT)
        assert [reason.code for reason in answer.reasons] == ["forced_topic"]
        (draft,) = await story.story.read(lambda tx: tx.drafts.waiting(None, 10))
        edited = await story.story.write(
            lambda tx: drafts.edit(kit, tx, draft, "Good day!", "operator:ann", now)
        )
        await story.story.passes(seconds=5)
        items = await story.story.read(lambda tx: tx.outbox.of_messages([edited.message.id]))
        assert [item.act for item in items[edited.message.id]] == [Act.CALL]
        assert dialled(story) == 1
        assert "Good day!" not in [text.body for text in story.phone(OWNER).inbox]


@pytest.mark.proves("P2")
async def test_an_answer_an_agent_calls_a_call_is_a_text(sqlite_url: str) -> None:
    """What an agent notes of its answer is kept, and decides nothing."""
    forged = AgentReply("Good day!", "look", provenance={"call": "conversation"})
    async with lines(sqlite_url, agent=ScriptedAgent(lambda turn: forged), sms=OPEN) as story:
        kit = story.story.gateway.kit
        await story.phone(BEN).texts("hello")
        await story.story.passes(seconds=5)
        (draft,) = await story.story.read(lambda tx: tx.drafts.waiting(None, 10))
        now = story.story.clock.now()
        await story.story.write(lambda tx: drafts.approve(kit, tx, draft, "operator:ann", now))
        await story.story.passes(seconds=5)
        assert dialled(story) == 0
        assert [text.body for text in story.phone(BEN).inbox] == ["Good day!"]


@pytest.mark.proves("P2")
async def test_who_agreed_to_be_called_and_is_listed_is_called(sqlite_url: str) -> None:
    async with lines(sqlite_url, voice={"allow_to": frozenset({BEN})}) as story:
        kit, now = story.story.gateway.kit, story.story.clock.now()
        said = Statement(
            PhoneNumber(BEN),
            ConsentKind.GRANTED,
            Method.PAPER,
            story.story.line.id,
            Level.TRANSACTIONAL,
            disclosure="I agree to be called about my orders.",
            evidence="form 7",
        )
        await story.story.write(lambda tx: consent.record(kit, tx, said, "operator:ann", now))
        # The first word is still a person's to look at; once they wrote or called, it is not.
        assert await proposed(story, BEN) == ("held", {"first_contact"})
        await story.phone(BEN).texts("hello")
        await story.story.passes(seconds=5)
        assert await proposed(story, BEN) == ("queued", set())
        await story.story.passes(seconds=2)
        assert dialled(story) == 1


@pytest.mark.proves("P3")
@pytest.mark.parametrize("by", [AGENT, "operator:ann"])
async def test_stop_by_text_ends_calls_that_wait(store_url: str, by: str) -> None:
    night = {"quietHours": {"windows": "mon-sun 20:00-21:00", "defaultZone": "US-FL"}}
    async with lines(store_url, night) as story:
        await story.phone(BEN).texts("hello")
        await story.story.passes(seconds=5)
        answer = await story.calls(BEN, "Hi! This is a test call.", by=by)
        assert answer.status.value in ("queued", "held")
        await story.phone(BEN).texts("STOP")
        await story.story.passes(hours=12)
        assert dialled(story) == 0
        assert await story.status(answer.message_id) in ("cancelled", "refused")
        state, why = await proposed(story, BEN, by)
        assert (state, "opted_out" in why) == ("refused", True)


@pytest.mark.proves("C8")
async def test_calling_hours_are_those_of_whom_it_rings(sqlite_url: str) -> None:
    """It is noon in New York; calls begin at one o'clock there."""
    hours = {"quietHours": {"callWindows": "mon-fri 13:00-17:00", "defaultZone": "US-NY"}}
    async with lines(sqlite_url, hours) as story:
        assert await proposed(story, ANN, "operator:ann") == ("queued", {"quiet_hours"})
        await story.story.passes(minutes=55)
        assert dialled(story) == 0
        await story.story.passes(minutes=30)
        assert dialled(story) == 1


@pytest.mark.proves("C8")
async def test_where_nobody_knows_what_time_it_is_a_person_decides(sqlite_url: str) -> None:
    hours = {"quietHours": {"callWindows": "mon-fri 09:00-17:00"}}
    async with lines(sqlite_url, hours) as story:
        state, why = await proposed(story, ANN)
        assert (state, "zone_unknown" in why) == ("held", True)


@pytest.mark.proves("P10")
@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"day": 2}, "calls"),
        ({"recipientHour": 2}, "recipient_calls"),
        ({"recipientDay": 2}, "recipient_calls"),
    ],
)
async def test_nobody_is_rung_over_and_over(
    store_url: str, limits: Mapping[str, int], code: str
) -> None:
    async with lines(store_url, {"callLimits": limits}, voice={"at_once": 9}) as story:
        for _ in range(2):
            assert await proposed(story, ANN, "operator:ann") == ("queued", set())
            await story.story.passes(minutes=2)
        assert await proposed(story, ANN, "operator:ann") == ("queued", {code})
        await story.story.passes(minutes=2)
        assert dialled(story) == 2


@pytest.mark.proves("P10")
async def test_one_call_at_a_time_waits_for_the_one_before(store_url: str) -> None:
    async with lines(store_url, voice={"at_once": 1}) as story:
        await proposed(story, ANN, "operator:ann")
        await story.story.passes(seconds=2)
        assert dialled(story) == 1
        assert await proposed(story, BEN, "operator:ann") == ("queued", {"calls_at_once"})
        await story.story.passes(seconds=10)
        assert dialled(story) == 1
        await story.story.passes(minutes=5)  # nobody answered, so its place is free (B130)
        assert dialled(story) == 2


@pytest.mark.proves("P12")
async def test_the_carrier_is_told_no_more_than_what_is_left_of_the_day(store_url: str) -> None:
    limits = {"callLimits": {"minutesDay": 3}}
    async with lines(store_url, limits, voice={"limit_s": 900}) as story:
        await proposed(story, ANN, "operator:ann")
        await story.story.passes(seconds=2)
        (placed,) = story.story.carrier.calls
        assert placed.limit_s == 180
        assert (await story.call()).time_limit.total_seconds() == 180


@pytest.mark.proves("B121", "P7")
@pytest.mark.parametrize(
    "shown", ["", "+266696687", "266696687", "5550141", "Restricted", "anonymous"]
)
async def test_a_caller_who_shows_no_number_is_not_answered_even_on_an_open_line(
    sqlite_url: str, shown: str
) -> None:
    async with lines(sqlite_url) as story:
        call = story.phone(ANN).calls(shown=shown)
        await story.story.passes(minutes=1)
        assert (call.answered_at, call.is_over) == (None, True)
        assert await story.all_calls() == []
        entries = await story.story.read(lambda tx: list(tx.audit.after(0, 1_000, "decision")))
        assert entries[-1].entry.body["reasons"][0]["code"] == "hidden_caller"


@pytest.mark.proves("B121")
@pytest.mark.parametrize("shown", ["+445555550141", "+155555501419", "+5555550141"])
async def test_a_number_that_looks_like_a_listed_one_is_not_it(sqlite_url: str, shown: str) -> None:
    voice = {
        "access": AccessPolicy.ALLOWLIST,
        "allow_anyone": False,
        "allow_from": frozenset({ANN}),
    }
    async with lines(sqlite_url, voice=voice) as story:
        other = story.phone(BEN).calls(shown=shown)
        await story.story.passes(minutes=1)
        assert (other.answered_at, other.is_over) == (None, True)
        mine = story.phone(ANN).calls()
        await story.story.passes(seconds=2)
        assert mine.answered_at is not None
