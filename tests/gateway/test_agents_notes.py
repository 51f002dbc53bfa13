"""What an agent gives as its reason to hold its answer may be anybody's words: people who decide see
them, the audit log, which keeps everything for good, has them not."""

from __future__ import annotations

import pytest

from looking import ALICE, audit, outbound
from ringfence.gateway.review import coded
from ringfence.ports import AgentReply
from telling import ScriptedAgent, telling


@pytest.mark.parametrize(
    ("caution", "kept"),
    [
        ("", ""),
        ("too_long", "too_long"),
        ("opt_out_suspected, cut_off", "opt_out_suspected, cut_off"),
        ("classifier: health, money", "classifier: health, money"),
        ("call +15555550111, now please", "noted"),
        ("cut_off, Jane is ill", "cut_off, noted"),
    ],
)
def test_only_names_of_ours_are_kept(caution: str, kept: str) -> None:
    assert coded(caution) == kept


@pytest.mark.proves("P9")
async def test_an_agents_note_is_for_people_and_not_for_the_chain(store_url: str) -> None:
    agent = ScriptedAgent(lambda turn: AgentReply("I see.", "Jane of 12 Elm Street is unwell"))
    async with telling(store_url, agent=agent, sms={"allowFrom": [ALICE]}) as story:
        await story.phone(ALICE).texts("hi")
        await story.passes(seconds=9)
        [held] = await outbound(story, ALICE)
        assert "the agent noted: Jane of 12 Elm Street is unwell" in held.reason
        [decision] = await audit(story, held.id, "decision")
        assert decision["facts"]["caution"] == "noted"
        assert "Elm Street" not in str(decision)
