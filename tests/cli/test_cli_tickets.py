"""`ringfence tickets`: the list, one with its tasks, the dead letters, and trying one again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from house import House

from ringfence.bootstrap import Gateway
from ringfence.delivery.flow import AlertSettings, Flow, Operations
from ringfence.gateway import tickets
from ringfence.gateway.tickets import Ticketing
from ringfence.model.alert import Alert, AlertState
from ringfence.model.event import Severity
from ringfence.model.ticket import TicketAction, TicketSystem

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ALERT = Alert(
    *("alr_1", 12, "incident", "prometheus", "Disk full", Severity.ERROR),
    AlertState.TRIGGERED,
    NOW,
    NOW,
)


async def opens_tickets(gateway: Gateway) -> None:
    """One in the built-in list, and one in a system that then left the configuration."""
    systems = {
        "board": TicketSystem("board", "builtin"),
        "gone": TicketSystem("gone", "github"),
    }
    flow = Flow("incident", "default", alert=AlertSettings("ops", tickets=tuple(systems)))
    kit = replace(gateway.kit, operations=Operations(flows=(flow,), tickets=systems))
    await kit.store.write(lambda tx: tx.alerts.add([ALERT]))
    await kit.store.write(lambda tx: tickets.owe(kit, tx, ALERT, TicketAction.OPEN, NOW))
    assert await Ticketing(gateway.kit).claim(10) == []


def test_tickets_are_listed_shown_and_tried_again(two_lines: House) -> None:
    assert "There are no tickets." in two_lines.run("tickets", "list").stdout
    assert "There are no dead letters." in two_lines.run("tickets", "dead").stdout
    two_lines.with_gateway(opens_tickets)

    rows = two_lines.json("tickets", "list")["tickets"]
    assert [(row["alert"], row["system"], row["title"]) for row in rows] == [
        (12, "gone", "Disk full"),
        (12, "board", "Disk full"),
    ]
    assert len(two_lines.json("tickets", "list", "--system", "board")["tickets"]) == 1
    assert "Disk full" in two_lines.run("tickets", "list").stdout

    shown = two_lines.run("tickets", "show", rows[1]["id"]).stdout
    assert "system:      board" in shown
    assert "open" in shown.splitlines()[-1]
    [task] = two_lines.json("tickets", "show", rows[0]["id"])["tasks"]
    assert (task["action"], task["state"], task["reason"]) == ("open", "dead", "system_gone")

    [letter] = two_lines.json("tickets", "dead")["dead_letters"]
    assert (letter["id"], letter["system"], letter["alert"]) == (task["id"], "gone", 12)
    assert "system_gone" in two_lines.run("tickets", "dead").stdout
    said = two_lines.run("tickets", "resubmit", task["id"]).stdout
    assert said == f"{task['id']} (open) is due now.\n"
    [entry] = two_lines.read(lambda tx: tx.audit.of_subject(task["id"])[-1:])
    assert entry.entry.kind == "resubmitted"
    assert entry.entry.actor.startswith("operator:")


def test_all_dead_letters_are_tried_again_at_once(two_lines: House) -> None:
    assert "no dead letters" in two_lines.run("tickets", "resubmit", "--all").stdout
    two_lines.with_gateway(opens_tickets)
    [task] = two_lines.json("tickets", "resubmit", "--all")["resubmitted"]
    assert (task["action"], task["state"]) == ("open", "due")
    two_lines.run("tickets", "resubmit", code=2)
    two_lines.run("tickets", "resubmit", task["id"], "--all", code=2)


def test_what_is_not_there_is_said(two_lines: House) -> None:
    assert "No ticket tkt_x" in two_lines.run("tickets", "show", "tkt_x", code=1).stderr
    refused = two_lines.run("tickets", "resubmit", "tsk_x", code=1)
    assert "`tickets dead` shows the dead letters" in refused.stderr
