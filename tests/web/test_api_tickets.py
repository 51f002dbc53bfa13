"""Tickets over the API: who sees which, pages, and trying a dead letter again."""

from __future__ import annotations

from dataclasses import replace

from callers import bearer, call

from ringfence.delivery.flow import AlertSettings, Flow, Operations
from ringfence.gateway import tickets
from ringfence.gateway.tickets import Ticketing
from ringfence.model.alert import Alert, AlertState
from ringfence.model.event import Severity
from ringfence.model.principal import PrincipalKind
from ringfence.model.ticket import TicketAction, TicketSystem
from telling import Story, telling

OPERATOR, VIEWER = PrincipalKind.OPERATOR, PrincipalKind.VIEWER
API = "/api/v1/tickets"


async def opens(story: Story, number: int, line: str, *names: str) -> None:
    """An alert on a line with tickets in these systems: `board` is the built-in one."""
    now, kit = story.clock.now(), story.gateway.kit
    systems = {name: TicketSystem(name, "builtin" if name == "board" else "smtp") for name in names}
    flow = Flow("incident", line, alert=AlertSettings("ops", tickets=names))
    kit = replace(kit, operations=Operations(flows=(flow,), tickets=systems))
    alert = Alert(
        f"alr_{number}",
        number,
        "incident",
        "prometheus",
        "Disk full",
        Severity.ERROR,
        AlertState.TRIGGERED,
        now,
        now,
        line=line,
    )
    await story.write(lambda tx: tx.alerts.add([alert]))
    await story.write(lambda tx: tickets.owe(kit, tx, alert, TicketAction.OPEN, now))


async def test_people_see_tickets_page_by_page(store_url: str) -> None:
    async with telling(store_url) as story:
        for number in (1, 2, 3):
            await opens(story, number, "default", "board")
        viewer = await bearer(story, VIEWER)
        got = (await call(story, "GET", f"{API}?limit=2", token=viewer)).document
        assert [row["alert"] for row in got["tickets"]] == [3, 2]
        got = (
            await call(story, "GET", f"{API}?limit=2&after={got['next']}", token=viewer)
        ).document
        assert ([row["alert"] for row in got["tickets"]], got["next"]) == ([1], None)
        [row] = got["tickets"]
        one = (await call(story, "GET", f"{API}/{row['id']}", token=viewer)).document
        assert {name: one[name] for name in row} == row
        assert [(task["action"], task["state"]) for task in one["tasks"]] == [("open", "done")]
        none = await call(story, "GET", f"{API}?system=other", token=viewer)
        assert none.document == {"tickets": [], "next": None}
        assert (await call(story, "GET", f"{API}/tkt_x", token=viewer)).status == 404


async def test_a_token_for_some_lines_sees_theirs(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        await opens(story, 1, "default", "board")
        await opens(story, 2, "other", "board")
        some = await bearer(story, VIEWER, "bob", lines=["default"])
        got = (await call(story, "GET", API, token=some)).document
        assert [row["alert"] for row in got["tickets"]] == [1]
        every = (await call(story, "GET", API, token=await bearer(story, VIEWER))).document
        hidden = every["tickets"][0]["id"]
        assert (await call(story, "GET", f"{API}/{hidden}", token=some)).status == 404


async def test_an_operator_tries_a_dead_letter_again(store_url: str) -> None:
    async with telling(store_url) as story:
        await opens(story, 1, "default", "mail")
        assert await Ticketing(story.gateway.kit).claim(5) == []
        [letter] = await story.read(lambda tx: tx.tickets.dead())
        path = f"{API}/tasks/{letter.id}/resubmit"
        some = await bearer(story, OPERATOR, "bob", lines=["default"])
        assert (await call(story, "POST", path, {}, token=some)).status == 403
        ann = await bearer(story, OPERATOR)
        got = await call(story, "POST", path, {}, token=ann)
        [task] = got.document["resubmitted"]
        assert (task["id"], task["state"], task["attempt"]) == (letter.id, "due", 0)
        again = await call(story, "POST", path, {}, token=ann)
        assert (again.status, again.document["code"]) == (409, "not_resubmittable")
        unknown = await call(story, "POST", f"{API}/tasks/tsk_x/resubmit", {}, token=ann)
        assert unknown.status == 404
        [entry] = await story.read(lambda tx: tx.audit.of_subject(letter.id)[-1:])
        assert (entry.entry.kind, entry.entry.actor) == ("resubmitted", "operator:ann")
