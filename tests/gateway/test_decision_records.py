"""A decision record is bound to the message, its very text and its origin (P7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ringfence.gateway import halt
from ringfence.model.audit import digest
from ringfence.model.phone import PhoneNumber
from ringfence.ports import AgentReply, AgentTurn
from telling import ScriptedAgent, Story, telling

OPEN = {"dmPolicy": "open", "allowFrom": ["*"]}
PERSON = "+15555550111"


@pytest.mark.proves("P7", "P9")
async def test_the_record_names_the_text_the_message_and_where_it_came_from(
    store_url: str,
) -> None:
    agent = ScriptedAgent(lambda turn: AgentReply("Good morning!", provenance={"model": "m-1"}))
    async with telling(store_url, sms=OPEN, agent=agent) as story:
        await story.phone(PERSON).texts("hello")
        await story.passes(seconds=5)
        [message] = await story.read(lambda tx: tx.messages.listing(9, None, "out", None))
        parts = await story.read(lambda tx: tx.outbox.of_messages([message.id]))
        [item] = parts[message.id]
        [proposed] = await _decisions(story, message.id)
        [claimed] = await _decisions(story, item.id)
        for record in (proposed, claimed):
            assert record["text"] == digest("Good morning!")
            assert record["message"] == message.id
            assert "Good morning" not in str(record)
            assert PERSON not in str(record)
        assert proposed["provenance"]["model"] == "m-1"
        assert proposed["provenance"]["agent"] == "default"
        assert proposed["provenance"]["turn"].startswith("trn_")
        assert claimed["claiming"] is True


async def _decisions(story: Story, subject: str) -> list[Mapping[str, Any]]:
    entries = await story.read(lambda tx: tx.audit.of_subject(subject))
    return [one.entry.body for one in entries if one.entry.kind == "decision"]


@pytest.mark.proves("P7")
async def test_an_agent_that_was_asked_and_said_nothing_is_on_record(store_url: str) -> None:
    agent = ScriptedAgent(lambda turn: AgentReply("", provenance={"silence": "refusal"}))
    async with telling(store_url, sms=OPEN, agent=agent) as story:
        await story.phone(PERSON).texts("hello")
        await story.passes(seconds=5)
        [turn] = agent.turns
        assert await _turns(story, turn.turn_id) == [
            {
                "state": "done",
                "attempt": 1,
                "line": "default",
                "agent": "default",
                "reason": "silence",
            }
        ]


@pytest.mark.proves("P7")
async def test_an_agent_whose_answer_came_too_late_is_on_record(store_url: str) -> None:
    class Meddled(ScriptedAgent):
        """Its person is blocked while it thinks."""

        async def reply(self, turn: AgentTurn) -> AgentReply:
            kit, now = story.gateway.kit, story.clock.now()
            person = PhoneNumber(PERSON)
            await story.write(lambda tx: halt.block(kit, tx, person, "operator:ann", now))
            return await super().reply(turn)

    agent = Meddled()
    async with telling(store_url, sms=OPEN, agent=agent) as story:
        await story.phone(PERSON).texts("hello")
        await story.passes(seconds=5)
        [turn] = agent.turns
        [record] = await _turns(story, turn.turn_id)
        assert record["state"] == "settled_elsewhere"
        assert await story.read(lambda tx: tx.messages.listing(9, None, "out", None)) == []


async def _turns(story: Story, subject: str) -> list[Mapping[str, Any]]:
    entries = await story.read(lambda tx: tx.audit.of_subject(subject))
    return [one.entry.body for one in entries if one.entry.kind == "turn"]
