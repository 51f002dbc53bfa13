"""A decision record is bound to the message, its very text and its origin (P7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ringfence.model.audit import digest
from ringfence.ports import AgentReply
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
