"""What an operator texts does not wait for the agent: to stop is done with the text itself, to decide
goes ahead of what the agent owes the same operator, and in the order it was texted."""

from __future__ import annotations

import pytest

from looking import BOB
from ringfence.gateway import bridge
from ringfence.gateway.reply import Replier
from ringfence.model.draft import Draft, DraftState
from ringfence.model.errors import AgentUnavailable
from ringfence.model.outbox import TurnState
from ringfence.model.phone import PhoneNumber
from telling import OWNER, ScriptedAgent, Story, telling


def down() -> ScriptedAgent:
    return ScriptedAgent(lambda turn: AgentUnavailable("down"))


async def held(story: Story) -> Draft:
    request = bridge.SendRequest(story.line, PhoneNumber(BOB), "Dinner at eight?", "agent:local")
    answer = await bridge.send(story.gateway.kit, request)
    draft: Draft = await story.read(lambda tx: tx.drafts.get(answer.message.id))
    return draft


async def state_of(story: Story, draft: Draft) -> DraftState:
    found: Draft = await story.read(lambda tx: tx.drafts.get(draft.message_id))
    return found.state


@pytest.mark.proves("P3")
async def test_a_stop_by_text_waits_for_no_agent(store_url: str) -> None:
    async with telling(store_url, agent=down()) as story:
        await story.phone(OWNER).texts("do something")
        await story.passes(seconds=90)
        await story.phone(OWNER).texts("HALT")
        assert len(await story.read(lambda tx: tx.switches.engaged())) == 1, "with the text itself"


@pytest.mark.proves("P3")
async def test_a_no_by_text_waits_for_no_agent(store_url: str) -> None:
    async with telling(store_url, agent=down()) as story:
        await story.phone(OWNER).texts("do something")
        await story.passes(seconds=90)
        draft = await held(story)
        await story.phone(OWNER).texts(f"NO {draft.code}")
        await story.passes(seconds=1)
        assert await state_of(story, draft) is DraftState.REJECTED


async def test_commands_are_obeyed_in_their_order(store_url: str) -> None:
    async with telling(store_url, agent=down()) as story:
        await story.phone(OWNER).texts("do something")
        await story.passes(seconds=90)
        draft = await held(story)
        for verb in ("NO", "OK", "OK"):
            await story.phone(OWNER).texts(f"{verb} {draft.code}")
        await story.passes(seconds=9)
        assert await state_of(story, draft) is DraftState.REJECTED
        said = [text.body for text in story.phone(OWNER).inbox][-3:]
        assert ["rejected;" in one for one in said] == [True, False, False]


async def test_of_several_commands_one_is_taken_at_a_time(store_url: str) -> None:
    async with telling(store_url) as story:
        draft = await held(story)
        for verb in ("NO", "OK"):
            await story.phone(OWNER).texts(f"{verb} {draft.code}")
        claimed = await Replier(story.gateway.kit).claim(9)
        assert [one.message.body for one in claimed] == [f"NO {draft.code}"]


async def test_the_agent_goes_on_after_a_command(store_url: str) -> None:
    """The order of its own turns is what it was."""
    answers = iter([AgentUnavailable("down"), "one", "two"])
    agent = ScriptedAgent(lambda turn: next(answers))
    async with telling(store_url, agent=agent) as story:
        await story.phone(OWNER).texts("first")
        await story.settle()
        await story.phone(OWNER).texts("NO AAA2")
        await story.phone(OWNER).texts("second")
        await story.passes(minutes=2)
        assert [turn.body for turn in agent.turns] == ["first", "first", "second"]


@pytest.mark.proves("P2")
async def test_the_word_of_somebody_who_is_no_operator_any_more_is_not_the_agents(
    store_url: str,
) -> None:
    async with telling(store_url, sms={"allowFrom": [OWNER]}) as story:
        draft = await held(story)
        await story.phone(OWNER).texts(f"OK {draft.code}")
        [turn] = await story.read(lambda tx: tx.turns.open_for(PhoneNumber(OWNER)))
        object.__setattr__(story.line, "owners", ())
        await story.passes(seconds=9)
        assert story.agent.turns == []
        assert await state_of(story, draft) is DraftState.WAITING
        assert (await story.read(lambda tx: tx.turns.get(turn.id))).state is TurnState.CANCELLED
