"""A turn that breaks its own claim is put aside and holds up nobody (P6)."""

from __future__ import annotations

from typing import Any

import pytest

from ringfence.gateway.facts import FactsDesk
from ringfence.model.outbox import TurnState
from telling import telling

ALICE, BOB, CAROL = "+15555550111", "+15555550112", "+15555550113"
OPEN = {"dmPolicy": "open", "allowFrom": ["*"]}


@pytest.mark.proves("P6")
async def test_a_turn_that_breaks_its_claim_holds_up_nobody(
    store_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with telling(store_url, sms=OPEN) as story:
        for number in (CAROL, ALICE, BOB):
            await story.phone(number).texts("hello")
        real = FactsDesk.decide

        def decide(desk: FactsDesk, question: Any, subject: str) -> Any:
            if question.number.e164 == ALICE:
                raise KeyError("a bug in a fact")
            return real(desk, question, subject)

        monkeypatch.setattr(FactsDesk, "decide", decide)
        await story.passes(seconds=5)
        assert [text.body for text in story.phone(BOB).inbox] == ["You said: hello"]
        assert [text.body for text in story.phone(CAROL).inbox] == ["You said: hello"]
        [turn] = await story.read(lambda tx: tx.turns.dead(None))
        assert (turn.number.e164, turn.state, turn.reason) == (
            ALICE,
            TurnState.DEAD,
            "claim_failed",
        )
        assert "a bug in a fact" in caplog.text
