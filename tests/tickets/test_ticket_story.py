"""A ticket follows its alert from the event to the end, phones in hand: through the configuration, the
flow, an acknowledgement by text and a resolving event."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tracker_fakes import LOST, TOKEN, WEBHOOK_SECRET, serving

from paged import ANN, Paged, operations, paged
from ringfence.gateway.tickets import Ticketing
from ringfence.model.ticket import TicketState


async def told(story: Paged) -> None:
    """The ticket systems hear what they are owed by now."""
    ticketing = Ticketing(story.story.gateway.kit)
    while claimed := await ticketing.claim(10):
        await asyncio.gather(*(ticketing.carry_out(task) for task in claimed))


def configuration(github: str, hook: str) -> dict[str, Any]:
    alert = {
        "escalation": "ops",
        "service": "data.service",
        "tickets": ["board", "hook", "gh"],
    }
    tickets = {
        "board": {"kind": "builtin"},
        "hook": {"kind": "webhook", "url": f"{hook}/hook", "secrets": [WEBHOOK_SECRET]},
        "gh": {
            "kind": "github",
            "repository": "acme/ops",
            "token": TOKEN.reveal(),
            "baseUrl": github,
            "labels": ["incident"],
        },
    }
    flows = {"incident": {"types": ["incident.*"], "alert": alert}}
    return operations(flows=flows, tickets=tickets)


async def test_from_the_event_to_the_closed_ticket(store_url: str) -> None:
    async with (
        serving("github") as github,
        serving("webhook") as hook,
        paged(store_url, configuration(github.url, hook.url)) as story,
    ):
        github.trouble.append(LOST)
        alert = await story.fires("db-1")
        await told(story)
        await story.ann.texts("1a")
        await story.passes(seconds=90)
        await told(story)
        await story.ends("db-1")
        await told(story)

        [issue] = github.issues
        assert (issue.title, issue.labels, issue.open) == (
            "Alert 1: db-1 is down",
            ["incident"],
            False,
        )
        assert len(issue.comments) == 2
        assert "ann" in issue.comments[0].lower()
        kinds = [json.loads(body)["type"] for _, body in hook.bodies]
        assert kinds == ["ticket.opened", "ticket.updated", "ticket.closed"]
        states = [json.loads(body)["data"]["alert"]["state"] for _, body in hook.bodies]
        assert states == ["triggered", "acknowledged", "resolved"]

        found = await story.story.read(lambda tx: tx.tickets.of_alerts([alert.id]))
        assert [(one.system, one.state) for one in found[alert.id]] == [
            ("board", TicketState.CLOSED),
            ("hook", TicketState.CLOSED),
            ("gh", TicketState.CLOSED),
        ]
        everything = repr([github.issues, hook.bodies])
        assert ANN not in everything
        assert ANN[1:] not in everything


async def test_the_same_event_again_opens_no_second_ticket(store_url: str) -> None:
    async with (
        serving("github") as github,
        serving("webhook") as hook,
        paged(store_url, configuration(github.url, hook.url)) as story,
    ):
        event = story.event("db-1")
        for _ in range(3):
            await story.post(event)
            await told(story)
        await story.fires("db-1")
        await told(story)
        assert len(github.issues) == 1
        await story.ends("db-1")
        await told(story)
        # What comes back after its end is another alert, and has a ticket of its own.
        await story.passes(minutes=5)
        await story.fires("db-1")
        await told(story)
        assert [issue.open for issue in github.issues] == [False, True]
