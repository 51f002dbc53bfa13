"""An event pages, is acknowledged by text, or escalates (P1: once; P6: never lost)."""

from __future__ import annotations

from datetime import timedelta

from paged import ANN, BEN, INCIDENT, operations, paged
from ringfence.gateway.alert import note
from ringfence.model.alert import AlertState
from ringfence.model.ticket import TicketState


async def test_pages_escalates_and_is_acknowledged_by_text(store_url: str) -> None:
    async with paged(store_url) as story:
        alert = await story.fires("db-1")
        [page] = story.got(ANN)
        assert page.startswith("default: #1 db-1 is down (database). Reply 1a to take it")
        assert story.got(BEN) == []
        await story.passes(seconds=300)
        [second] = story.got(BEN)
        assert "#1" in second
        await story.ben.texts("1a")
        await story.passes(seconds=10)
        assert story.got(BEN)[1:] == ["#1 is yours."]
        alert = await story.alert("db-1")
        assert (alert.state, alert.acknowledged_by) == (AlertState.ACKNOWLEDGED, "ben")
        await story.passes(hours=2)
        assert (len(story.got(ANN)), len(story.got(BEN))) == (1, 2)


async def test_its_ticket_opens_and_closes_with_it(store_url: str) -> None:
    flows = {"incident": {**INCIDENT, "alert": {**INCIDENT["alert"], "tickets": ["board"]}}}
    config = operations(flows=flows, tickets={"board": {"kind": "builtin"}})
    async with paged(store_url, config) as story:
        alert = await story.fires("db-1")
        [ticket] = (await story.story.read(lambda tx: tx.tickets.of_alerts([alert.id])))[alert.id]
        assert (ticket.state, ticket.system) == (TicketState.OPEN, "board")
        await story.ends("db-1")
        [ticket] = (await story.story.read(lambda tx: tx.tickets.of_alerts([alert.id])))[alert.id]
        assert ticket.state is TicketState.CLOSED


async def test_its_words_are_forgotten_with_the_texts(store_url: str) -> None:
    flows = {"incident": {**INCIDENT, "alert": {**INCIDENT["alert"], "tickets": ["board"]}}}
    config = operations(
        flows=flows, tickets={"board": {"kind": "builtin"}}, retention={"bodyDays": 7}
    )
    async with paged(store_url, config) as story:
        await story.fires("kim-1", title="Kim Doe cannot pay")
        open_ = await story.fires("kim-2", title="Kim Doe cannot pay")
        kit, now = story.story.gateway.kit, story.story.clock.now()
        alert = await story.alert("kim-1")
        await story.story.write(lambda tx: note(kit, tx, alert, "called Kim", "operator:t", now))
        await story.ends("kim-1")
        story.story.clock.move_to(now + timedelta(days=8))
        await story.passes(minutes=20)
        forgotten = await story.alert("kim-1")
        assert forgotten.title == ""
        [kept] = await story.story.read(lambda tx: tx.alerts.notes(alert.id))
        assert kept.text == ""
        [ticket] = (await story.story.read(lambda tx: tx.tickets.of_alerts([alert.id])))[alert.id]
        assert ticket.title == ""
        assert (await story.alert("kim-2")).title == open_.title
