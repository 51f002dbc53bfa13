"""Replying (behaviours C and D): what an agent says is texted once or held, what goes wrong with an
agent is never texted, and nobody's turn is lost or taken twice."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest

from looking import (
    ALICE,
    BOB,
    OPEN,
    Locked,
    audit,
    creates,
    dead_turns,
    inbound,
    message_form,
    outbound,
    sid_of,
    webhook,
)
from ringfence.gateway import halt, pairing, recover
from ringfence.model.contact import SwitchScope
from ringfence.model.errors import AgentError, AgentRefused, AgentTimeout, AgentUnavailable
from ringfence.model.outbox import TurnState
from ringfence.model.phone import PhoneNumber
from ringfence.ports import AgentReply, AgentTurn
from telling import OWNER, START, ScriptedAgent, telling


def failing(times: int, error: Callable[[], Exception]) -> ScriptedAgent:
    """Fails so many times, then answers."""
    agent = ScriptedAgent()
    agent.answer = lambda turn: error() if len(agent.turns) <= times else f"You said: {turn.body}"
    return agent


# -- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.proves("B038", "P6")
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AgentTimeout("no answer in 120 s"), "agent_timeout"),
        (AgentRefused("HTTP 400: secret stack trace"), "agent_refused"),
        (AgentError("broken"), "agent_error"),
    ],
)
async def test_an_agents_errors_are_dead_letters_and_never_texted(
    store_url: str, error: AgentError, code: str
) -> None:
    agent = ScriptedAgent(lambda turn: error)
    async with telling(store_url, sms=OPEN, agent=agent) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(hours=30)
        assert len(agent.turns) == 1
        assert creates(story) == []
        [turn] = await dead_turns(story)
        assert (turn.state, turn.reason.partition(":")[0]) == (TurnState.DEAD, code)
        [entry] = await audit(story, turn.id, "turn")
        assert entry["state"] == "dead"


@pytest.mark.proves("B037", "P6")
async def test_an_agent_that_is_away_is_asked_again_with_the_same_turn(store_url: str) -> None:
    agent = failing(5, lambda: AgentUnavailable("no connection"))
    async with telling(store_url, sms=OPEN, agent=agent) as story:
        await story.phone(ALICE).texts("hello")
        asked_at = []
        for _ in range(120):
            await story.passes(seconds=1)
            while len(asked_at) < len(agent.turns):
                asked_at.append(story.clock.now() - START)
        assert [turn.body for turn in agent.turns] == ["hello"] * 6
        assert len({turn.turn_id for turn in agent.turns}) == 1
        assert {turn.received_at for turn in agent.turns} == {START}
        waits = [(after - before).total_seconds() for before, after in itertools.pairwise(asked_at)]
        for wait, planned in zip(waits, (1, 2, 4, 8, 16), strict=True):
            assert 0.8 * planned - 1 <= wait <= 1.2 * planned + 1
        assert [text.body for text in story.phone(ALICE).inbox] == ["You said: hello"]
        [message] = await inbound(story)
        assert message.created_at == START


@pytest.mark.proves("P6")
async def test_an_answer_is_kept_though_the_store_was_busy(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        assert (await webhook(story, message_form(ALICE))).stored
        replier = story.gateway.worker._replier
        [turn] = await replier.claim(1)
        locked = Locked(story)
        answering = asyncio.create_task(replier.answer(turn))
        await locked.refuses(3, story.clock)
        locked.free()
        await story.passes(seconds=10)
        await answering
        assert len(story.agent.turns) == 1
        assert [text.body for text in story.phone(ALICE).inbox] == ["You said: hello"]


@pytest.mark.proves("B037")
async def test_waits_grow_to_three_minutes_and_end_after_a_day(sqlite_url: str) -> None:
    agent = failing(10_000, lambda: AgentUnavailable("no connection"))
    async with telling(sqlite_url, sms=OPEN, agent=agent) as story:
        await story.phone(ALICE).texts("hello")
        for _ in range(12):
            await story.passes(minutes=4)
        tries = len(agent.turns)
        for _ in range(5):
            await story.passes(minutes=3)
        assert len(agent.turns) == tries + 5
        await story.passes(hours=24)
        for _ in range(3):
            await story.passes(minutes=4)
        [turn] = await dead_turns(story)
        assert turn.reason.startswith("attempts_exhausted")
        assert turn.received_at == START


@pytest.mark.proves("B037")
async def test_an_agent_may_ask_for_more_time(sqlite_url: str) -> None:
    agent = failing(1, lambda: AgentUnavailable("busy", retry_after_s=60))
    async with telling(sqlite_url, sms=OPEN, agent=agent) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=59)
        assert len(agent.turns) == 1
        await story.passes(seconds=2)
        assert len(agent.turns) == 2


@pytest.mark.proves("P6")
async def test_an_agent_that_is_not_configured_is_a_dead_letter(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN, agent=ScriptedAgent(id="default")) as story:
        story.gateway.kit.agents.pop("default")  # type: ignore[attr-defined]
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=5)
        [turn] = await dead_turns(story)
        assert "No agent named default" in turn.reason


# -- one after the other --------------------------------------------------------------------------


@pytest.mark.proves("B035")
async def test_one_persons_texts_are_answered_in_order(store_url: str) -> None:
    agent = failing(2, lambda: AgentUnavailable("no connection"))
    async with telling(store_url, sms=OPEN, agent=agent) as story:
        for number, body in enumerate(("one", "two", "three")):
            await webhook(story, message_form(ALICE, body, sid_of(number)))
        await webhook(story, message_form(BOB, "another person", sid_of(9)))
        for _ in range(10):
            await story.passes(seconds=1)
        bodies = [turn.body for turn in agent.turns if turn.body != "another person"]
        assert bodies[-2:] == ["two", "three"]
        assert set(bodies[:-2]) == {"one"}
        # Nobody waits for somebody else's turn.
        assert "another person" in [turn.body for turn in agent.turns[:3]]
        assert [text.body for text in story.phone(ALICE).inbox] == [
            "You said: one",
            "You said: two",
            "You said: three",
        ]


@pytest.mark.proves("B035", "B010")
async def test_two_workers_never_share_a_turn(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        for number in range(12):
            await webhook(story, message_form(f"+1555555{300 + number:04}", "hi", sid_of(number)))
        replier = story.gateway.worker._replier
        claimed = await asyncio.gather(*(replier.claim(5) for _ in range(8)))
        ids = [entry.turn.id for batch in claimed for entry in batch]
        assert len(ids) == len(set(ids)) == 12


@pytest.mark.proves("P5")
async def test_an_answer_that_lost_its_turn_is_thrown_away(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        await webhook(story, message_form(ALICE, "hello", sid_of(1)))
        replier, kit = story.gateway.worker._replier, story.gateway.kit
        [open_turn] = await replier.claim(1)
        # The process stalls past its lease; the turn is given to the next, which answers.
        story.clock.advance(hours=1)
        await story.write(lambda tx: recover.recover(kit, tx, False, story.clock.now()))
        [again] = await replier.claim(1)
        assert again.turn.id == open_turn.turn.id
        await story.write(
            lambda tx: tx.turns.change([_taken_by("another", again.turn.id, story.clock.now())])
        )
        await replier.answer(open_turn)
        await story.passes(seconds=5)
        assert creates(story) == []


def _taken_by(owner: str, turn_id: str, now: object) -> object:
    from ringfence.ports import TurnChange

    claimed = frozenset({TurnState.CLAIMED})
    return TurnChange(turn_id, claimed, TurnState.CLAIMED, lease_owner=owner)


@pytest.mark.proves("P6", "P10")
async def test_a_turn_that_kills_its_worker_every_time_ends(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await webhook(story, message_form(ALICE, "hello", sid_of(1)))
        kit = story.gateway.kit
        for _ in range(8):
            [claimed] = await story.gateway.worker._replier.claim(1)
            story.clock.advance(hours=4)
            await story.write(lambda tx: recover.recover(kit, tx, False, story.clock.now()))
        [turn] = await dead_turns(story)
        assert (turn.id, turn.reason) == (claimed.turn.id, "lease_lost")


async def test_a_lease_outlasts_the_longest_turn(sqlite_url: str) -> None:
    slow = {
        "kind": "command",
        "argv": ["/bin/cat"],
        "timeoutS": 900,
        "queueS": 300,
    }
    async with telling(sqlite_url, config={"agents": {"default": slow}}) as story:
        line = story.line.media
        longest = 900 + 300 + line.batch_timeout_s + line.fetch_timeout_s
        assert story.gateway.kit.pace.turn_lease > timedelta(seconds=longest)


# -- what it says ---------------------------------------------------------------------------------


@pytest.mark.proves("P1")
async def test_a_cut_off_answer_is_held_with_the_reason(store_url: str) -> None:
    agent = ScriptedAgent(lambda turn: AgentReply("The first step is", hold="length"))
    async with telling(store_url, sms=OPEN, agent=agent) as story:
        await story.phone(ALICE).texts("how?")
        await story.passes(minutes=1)
        assert [one for one in creates(story) if one.recipient == ALICE] == []
        [held] = await outbound(story, ALICE)
        assert held.status.value == "held"
        assert "length" in held.reason
        assert held.provenance["agent"] == "default"


@pytest.mark.proves("P6")
async def test_nothing_to_say_with_a_warning_is_for_a_person(store_url: str) -> None:
    agent = ScriptedAgent(lambda turn: AgentReply("", hold="content_filter"))
    async with telling(store_url, sms=OPEN, agent=agent) as story:
        await story.phone(ALICE).texts("how?")
        await story.passes(minutes=1)
        assert creates(story) == []
        [turn] = await dead_turns(story)
        assert turn.reason == "empty_answer: content_filter"


@pytest.mark.parametrize("said", ["", "  \n\t ", "\u200b"])
async def test_silence_is_an_answer(store_url: str, said: str) -> None:
    agent = ScriptedAgent(lambda turn: said)
    async with telling(store_url, sms=OPEN, agent=agent) as story:
        await story.phone(ALICE).texts("ok thanks")
        await story.passes(minutes=1)
        assert await outbound(story) == []
        assert await dead_turns(story) == []
        turn = await story.read(lambda tx: tx.turns.get(agent.turns[0].turn_id))
        assert (turn.state, turn.reason) == (TurnState.DONE, "silence")


async def test_why_it_was_silent_is_kept_with_the_turn(sqlite_url: str) -> None:
    agent = ScriptedAgent(lambda turn: AgentReply("", provenance={"silence": "refusal"}))
    async with telling(sqlite_url, sms=OPEN, agent=agent) as story:
        await story.phone(ALICE).texts("hello")
        await story.passes(seconds=5)
        turn = await story.read(lambda tx: tx.turns.get(agent.turns[0].turn_id))
        assert (turn.state, turn.reason) == (TurnState.DONE, "silence: refusal")


@pytest.mark.proves("B064", "B068")
async def test_markdown_becomes_plain_text(sqlite_url: str) -> None:
    agent = ScriptedAgent(lambda turn: "**Bold** and `code`\n\n\n\n# Title")
    async with telling(sqlite_url, sms=OPEN, agent=agent) as story:
        await story.phone(ALICE).texts("hi")
        await story.passes(seconds=5)
        [text] = story.phone(ALICE).inbox
        assert "*" not in text.body
        assert "`" not in text.body
        assert "\n\n\n" not in text.body


@pytest.mark.proves("P2")
@pytest.mark.parametrize(
    "urls",
    [
        ("http://169.254.169.254/latest",),
        ("file:///etc/passwd",),
        tuple(f"https://example.com/{n}.png" for n in range(11)),
    ],
)
async def test_an_agents_odd_attachments_wait_for_a_person(
    sqlite_url: str, urls: tuple[str, ...]
) -> None:
    agent = ScriptedAgent(lambda turn: AgentReply("look", media_urls=urls))
    async with telling(sqlite_url, sms=OPEN, agent=agent) as story:
        await story.phone(ALICE).texts("hi")
        await story.passes(seconds=5)
        assert [one for one in creates(story) if one.recipient == ALICE] == []
        assert [m.status.value for m in await outbound(story, ALICE)] == ["held"]


# -- what it is shown -----------------------------------------------------------------------------


async def test_history_is_this_conversation_alone(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        for body in ("one", "two"):
            await story.phone(ALICE).texts(body)
            await story.phone(BOB).texts(f"bob {body}")
            await story.passes(seconds=5)
        last = next(turn for turn in story.agent.turns if turn.body == "two")
        said = [(entry.ours, entry.body) for entry in last.history]
        assert said == [(False, "one"), (True, "You said: one")]
        assert ALICE not in last.contact_id
        assert last.contact_id != story.agent.turns[1].contact_id


async def test_an_agent_that_keeps_history_is_given_none(sqlite_url: str) -> None:
    agent = ScriptedAgent(keeps_history=True)
    async with telling(sqlite_url, sms=OPEN, agent=agent) as story:
        for body in ("one", "two"):
            await story.phone(ALICE).texts(body)
            await story.passes(seconds=5)
        assert [turn.history for turn in agent.turns] == [(), ()]


# -- who may still be answered --------------------------------------------------------------------


@pytest.mark.proves("B058", "P3")
async def test_access_revoked_while_an_attachment_downloads(store_url: str) -> None:
    async with telling(store_url, sms={"dmPolicy": "pairing"}) as story:
        kit, number = story.gateway.kit, PhoneNumber(ALICE)
        now = story.clock.now()
        await story.write(lambda tx: tx.access.approve("default", number, "operator:t", now))

        real = kit.http

        class Revoking:
            async def send(self, request: object) -> object:
                if "/Media/" in request.url:  # type: ignore[attr-defined]
                    await story.write(lambda tx: tx.access.revoke("default", number))
                return await real.send(request)  # type: ignore[arg-type]

        object.__setattr__(kit, "http", Revoking())
        await story.phone(ALICE).texts("look", media=b"\x89PNG")
        await story.passes(seconds=5)
        object.__setattr__(kit, "http", real)
        assert story.agent.turns == []
        assert creates(story) == []
        assert await dead_turns(story) == []


@pytest.mark.proves("P3", "B058")
async def test_access_revoked_while_the_agent_thinks(store_url: str) -> None:
    async with telling(store_url) as story:
        kit, number = story.gateway.kit, PhoneNumber(ALICE)
        now = story.clock.now()
        await story.write(lambda tx: tx.access.approve("default", number, "operator:t", now))
        await webhook(story, message_form(ALICE, "hello", sid_of(1)))
        [open_turn] = await story.gateway.worker._replier.claim(1)
        await story.write(lambda tx: pairing.revoke(kit, tx, story.line, number, "operator:t", now))
        await story.gateway.worker._replier.answer(open_turn)
        await story.passes(seconds=5)
        assert creates(story) == []


@pytest.mark.proves("P3")
@pytest.mark.parametrize(
    ("scope", "subject"),
    [
        (SwitchScope.EVERYTHING, ""),
        (SwitchScope.LINE, "default"),
        (SwitchScope.AGENT, "default"),
        (SwitchScope.CONTACT, ALICE),
    ],
)
async def test_a_stopped_agent_is_not_asked_until_it_may_answer(
    store_url: str, scope: SwitchScope, subject: str
) -> None:
    async with telling(store_url, sms=OPEN) as story:
        kit, now = story.gateway.kit, story.clock.now()
        await story.write(lambda tx: halt.stop(kit, tx, scope, subject, "test", "operator:t", now))
        await story.phone(ALICE).texts("hello")
        await story.passes(minutes=5)
        assert story.agent.turns == []
        now = story.clock.now()
        await story.write(lambda tx: halt.resume(kit, tx, scope, subject, "operator:t", now))
        for _ in range(2):
            await story.passes(seconds=10)
        assert [text.body for text in story.phone(ALICE).inbox] == ["You said: hello"]


@pytest.mark.proves("P3", "P10")
async def test_people_who_are_stopped_do_not_crowd_out_others(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        kit, now = story.gateway.kit, story.clock.now()
        stopped = [f"+1555555{number:04}" for number in range(300, 370)]
        for number in stopped:
            await story.write(
                lambda tx, number=number: halt.stop(
                    kit, tx, SwitchScope.CONTACT, number, "test", "operator:t", now
                )
            )
        for index, number in enumerate([*stopped, ALICE]):
            await webhook(story, message_form(number, "hello", sid_of(index)))
        await story.passes(seconds=1)
        assert len(story.agent.turns) == 1
        assert [text.body for text in story.phone(ALICE).inbox] == ["You said: hello"]


@pytest.mark.proves("P3", "P6")
async def test_a_turn_does_not_wait_for_ever_behind_a_stop(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        kit, now = story.gateway.kit, story.clock.now()
        everything = SwitchScope.EVERYTHING
        await story.write(lambda tx: halt.stop(kit, tx, everything, "", "t", "operator:t", now))
        await story.phone(ALICE).texts("hello")
        await story.passes(hours=25)
        [turn] = await dead_turns(story)
        assert turn.reason == "stopped"


@pytest.mark.proves("P6")
async def test_a_gateway_that_does_not_know_the_line_leaves_its_turns_alone(store_url: str) -> None:
    """On PostgreSQL another gateway with another configuration may share the store."""
    async with telling(store_url, sms=OPEN) as story:
        assert (await webhook(story, message_form(ALICE))).stored
        line = story.gateway.kit.lines.pop("default")
        for _ in range(3):
            await story.passes(minutes=1)
        assert await dead_turns(story) == []
        story.gateway.kit.lines["default"] = line
        await story.passes(seconds=10)
        assert [turn.body for turn in story.agent.turns] == ["hello"]


@pytest.mark.proves("P6")
async def test_a_turn_of_a_line_that_never_comes_back_ends(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        assert (await webhook(story, message_form(ALICE))).stored
        line = story.gateway.kit.lines.pop("default")
        await story.passes(hours=25)
        [turn] = await dead_turns(story)
        assert turn.reason.startswith("line_gone")
        story.gateway.kit.lines["default"] = line


async def test_the_owner_is_answered_like_anybody(sqlite_url: str) -> None:
    seen: list[AgentTurn] = []
    agent = ScriptedAgent(lambda turn: seen.append(turn) or "yes")  # type: ignore[func-returns-value]
    async with telling(sqlite_url, agent=agent) as story:
        await story.phone(OWNER).texts("hello")
        await story.passes(seconds=5)
        assert [turn.role for turn in seen] == ["owner"]
