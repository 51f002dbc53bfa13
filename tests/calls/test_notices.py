"""Calls that say something and hang up, through the whole gateway: the gate, the ledger, the carrier's
wire, a phone that rings."""

from __future__ import annotations

import pytest

from calling import ANN, calling
from ringfence.model.call import CallState, EndReason


@pytest.mark.proves("B128", "P12")
async def test_a_notice_rings_is_heard_and_hangs_up(store_url: str) -> None:
    async with calling(store_url) as story:
        proposed = await story.calls(ANN, "Hi! This is a test call.")
        phone = story.phone(ANN)
        await story.until(phone.rings())
        phone.answers()
        await story.until(phone.hears("This is a test call"))
        over = await story.until(phone.is_over())
        await story.settles()
        assert over.time_limit == 300
        call = await story.call()
        assert (call.state, call.person.end_reason) == (CallState.ENDED, EndReason.SAID_ALL)
        assert await story.status(proposed.message_id) == "delivered"
        assert [one.text for one in await story.words(call)] == ["Hi! This is a test call."]
