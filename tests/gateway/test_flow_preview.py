"""A preview is the flows' own work, undone: it says what then happens, on both databases, and leaves
nothing behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from paged import ANN, Paged, operations, paged
from ringfence.gateway.flow_preview import previews
from ringfence.gateway.trial import undone
from ringfence.model.event import Event, EventAction
from ringfence.model.phone import PhoneNumber

SAID = {
    "version": 1,
    "category": "alert",
    "programme": "ops",
    "texts": {"en": "Acme: {what} at {at}."},
    "fields": {"what": {"kind": "text"}, "at": {"kind": "time"}},
}
TOLD = {
    "types": ["deploy.*"],
    "message": {
        "template": "said",
        "to": ["person:ann"],
        "fields": {"what": "data.what", "at": "data.at"},
        "sendAt": "data.at",
        "times": 30,
        "every": "1h",
        "key": "data.what",
    },
}
INCIDENT = {
    "types": ["incident.*"],
    "alert": {"escalation": "ops", "service": "data.service"},
}


def sections() -> dict[str, Any]:
    return operations(flows={"incident": INCIDENT, "told": TOLD}, templates={"said": SAID})


async def foretold(story: Paged, event: Event) -> dict[str, dict[str, Any]]:
    """By flow."""
    kit = story.story.gateway.kit
    source = kit.operations.sources["generic"]
    now = kit.clock.now()
    [seen] = await undone(kit.store, lambda tx: previews(kit, tx, source, [event], now))
    return {flow["flow"]: flow for flow in seen["flows"]}


async def counts(story: Paged) -> tuple[dict[str, int], int, int]:
    def look(tx: Any) -> tuple[dict[str, int], int, int]:
        messages = len(tx.messages.listing(100, None, None, None))
        return tx.health.counts(), messages, len(tx.alerts.listing(100, (), None))

    found: tuple[dict[str, int], int, int] = await story.story.read(look)
    return found


@pytest.mark.proves("P1", "P7")
async def test_what_is_foretold_happens_and_foretelling_does_nothing(store_url: str) -> None:
    async with paged(store_url, sections()) as story:
        event = story.event("db")
        before = await counts(story)
        flow = (await foretold(story, event))["incident"]
        assert await counts(story) == before
        assert (await foretold(story, event))["incident"]["people"] == flow["people"]
        await story.post(event)
        await story.passes(seconds=10)
        assert story.got(ANN) == [flow["people"]["ann"]["text"]]
        assert [row["asks"] for row in flow["plan"][:2]] == [
            [{"responder": "ann", "channel": "sms", "way": 0}],
            [{"responder": "ben", "channel": "sms", "way": 0}],
        ]
        await story.passes(seconds=flow["plan"][1]["after_s"] + 10)
        assert len(story.ben.inbox) == 1


async def test_a_message_is_told_with_its_series_and_its_end(store_url: str) -> None:
    async with paged(store_url, sections()) as story:
        at = story.story.clock.now() + timedelta(hours=2)
        event = story.event("x", type_="deploy.ended", what="shop", at=at.isoformat())
        flow = (await foretold(story, event))["told"]
        assert (len(flow["messages"]), flow["more"]) == (20, 10)
        first, second = flow["messages"][:2]
        assert (first["state"], first["turn"], second["turn"]) == ("queued", 1, 2)
        assert first["to"] == PhoneNumber(ANN).masked
        await story.post(event)
        await story.passes(hours=2, minutes=1)
        assert story.got(ANN) == [first["text"]]


async def test_an_end_concerns_what_is_open_whatever_its_type(store_url: str) -> None:
    async with paged(store_url, sections()) as story:
        await story.fires("db")
        over = story.event("db", type_="other", action=EventAction.RESOLVE)
        flow = (await foretold(story, over))["incident"]
        assert (flow["meaning"], flow["did"]) == ("resolves", "resolve_taken")
        assert flow["told_of_end"] == ["ann"]
        taken = story.event("db", type_="other", action=EventAction.ACKNOWLEDGE)
        flow = (await foretold(story, taken))["incident"]
        assert (flow["meaning"], flow["did"]) == ("acknowledges", "acknowledge_taken")
        assert flow["plan"] == []
        assert (await story.alert("db")).acknowledged_by == ""
