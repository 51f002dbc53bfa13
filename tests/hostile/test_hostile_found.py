"""What the hostile agent found, told again step by step: its histories change with every change to the
machine, these do not."""

from __future__ import annotations

import pytest

from looking import BOB
from ringfence.gateway.reply import Replier
from ringfence.ports import AgentTurn
from telling import OWNER, ScriptedAgent, Story, telling


async def waiting_code(story: Story) -> str:
    """The agent proposes a text that waits for a person; the code that would let it go."""
    status, answer = await story.post("/sms/send", {"to": BOB, "body": "Dinner at eight?"})
    assert (status, answer["state"]) == (202, "held")
    [draft] = await story.read(lambda tx: tx.drafts.waiting(None, 9))
    return str(draft.code)


@pytest.mark.proves("P2")
async def test_a_code_an_owner_texts_in_vain_is_not_shown_to_agents(store_url: str) -> None:
    """`OK CODE` with more words approves nothing; the inbox told every agent the code, and one that
    knows it can ask an owner to text it."""
    async with telling(store_url) as story:
        code = await waiting_code(story)
        await story.phone(OWNER).texts(f"OK {code} but ask her first")
        await story.passes(seconds=9)
        assert [one.code for one in await story.read(lambda tx: tx.drafts.waiting(None, 9))] == [
            code
        ]
        for path in ("/sms/inbox", "/api/v1/messages"):
            status, shown = await story.get(path)
            assert status == 200
            assert code not in str(shown), path


@pytest.mark.proves("P2")
async def test_an_owners_agent_is_not_shown_what_owners_are_told_of_drafts(store_url: str) -> None:
    """The notice with the code, and the owner's answer to it, stood in the conversation the agent
    was given with the owner's next text."""
    turns: list[AgentTurn] = []
    agent = ScriptedAgent(answer=lambda turn: turns.append(turn) or "yes")
    async with telling(store_url, agent=agent) as story:
        code = await waiting_code(story)
        await story.passes(seconds=9)
        assert code in story.phone(OWNER).inbox[-1].body
        await story.phone(OWNER).texts(f"OK {code} but ask her first")
        await story.passes(seconds=9)
        await story.phone(OWNER).texts("what is up?")
        await story.passes(seconds=9)
        [turn] = turns
        assert turn.body == "what is up?"
        assert code not in " ".join(entry.body for entry in turn.history)


@pytest.mark.proves("P2", "P3")
@pytest.mark.parametrize("word", ["HALT", "OK"])
async def test_an_operators_command_outlives_a_crash(store_url: str, word: str) -> None:
    """A process that died between taking up a command and obeying it left a turn like any other: the
    agent was asked about `OK CODE`, and a HALT stopped nothing."""
    agent = ScriptedAgent()
    async with telling(store_url, agent=agent) as story:
        code = await waiting_code(story)
        await story.phone(OWNER).texts(f"OK {code}" if word == "OK" else "HALT")
        # A process that takes it up and dies; what is obeyed on arrival leaves nothing to take up.
        await Replier(story.gateway.kit).claim(9)
        story.clock.advance(hours=1)
        await story.gateway.worker.recover()
        await story.passes(seconds=9)
        assert agent.turns == []
        if word == "OK":
            assert [text.body for text in story.phone(BOB).inbox] == ["Dinner at eight?"]
        else:
            assert await story.read(lambda tx: tx.switches.engaged())
