"""The first minute of product.md as far as text reaches: a stranger, a code, an answer."""

from __future__ import annotations

import pytest

from ringfence.gateway import pairing
from ringfence.providers import providers
from telling import OWNER, telling

STRANGER = "+15555550111"


@pytest.mark.proves("B044", "B035", "P4")
@pytest.mark.parametrize("provider", sorted(providers()))
async def test_a_stranger_gets_a_code_and_after_approval_an_answer(
    store_url: str, provider: str
) -> None:
    async with telling(store_url, provider=provider) as story:
        phone = story.phone(STRANGER)
        await phone.texts("hello")
        await story.passes(seconds=5)
        [asked] = phone.inbox
        assert STRANGER in asked.body
        [request] = await story.read(
            lambda tx: tx.access.requests(story.line.id, story.clock.now())
        )
        assert request.code in asked.body
        assert story.agent.turns == []
        assert "hello" in story.phone(OWNER).inbox[0].body

        now = story.clock.now()
        kit = story.gateway.kit
        await story.write(
            lambda tx: pairing.approve(
                kit, tx, story.line, request.code.lower(), "operator:test", True, now
            )
        )
        await phone.texts("first")
        await phone.texts("second")
        await story.passes(seconds=5)
        bodies = [text.body for text in phone.inbox[1:]]
        assert bodies == [
            "You are connected. Text here and the agent will answer.",
            "You said: first",
            "You said: second",
        ]
        messages = await story.read(lambda tx: tx.messages.listing(10, None, "out", None))
        assert {message.status.value for message in messages} == {"delivered"}
