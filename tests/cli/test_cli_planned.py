"""`ringfence planned`: what flows owe people, and ending one of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from house import FRIEND, House
from operating import agrees, event_file, happens, in_days, operating, visit


@pytest.fixture
def operated(tmp_path: Path) -> House:
    return operating(tmp_path)


def test_what_waits_is_listed_and_what_is_over_when_asked(operated: House) -> None:
    assert "Nothing waits for its time." in operated.run("planned", "list").stdout
    assert "No flow ever owed anything." in operated.run("planned", "list", "--all").stdout
    happens(operated, visit(in_days(operated, 3)))
    happens(operated, visit(in_days(operated, 5), kind="moved", id_="v2"))
    [waiting] = operated.json("planned", "list")["planned"]
    every = operated.json("planned", "list", "--all")["planned"]
    assert [one["state"] for one in every] == ["waiting", "moved"]
    assert (waiting["key"], waiting["to"], waiting["turn"]) == ("a-17", "+1555•••0112", 1)
    assert operated.json("planned", "list", "--flow", "incident") == {"planned": []}
    assert FRIEND not in operated.run("planned", "list", "--all").stdout


def test_show_masks_the_number_unless_asked(operated: House) -> None:
    happens(operated, visit(in_days(operated, 3)))
    [row] = operated.json("planned", "list")["planned"]
    shown = operated.run("planned", "show", row["id"]).stdout
    assert "state       waiting" in shown
    assert "Anna" not in shown + str(row)
    assert FRIEND not in shown
    assert FRIEND in operated.run("planned", "show", row["id"], "--reveal").stdout
    assert "No planned message" in operated.run("planned", "show", "pln_x", code=1).stderr


@pytest.mark.proves("P7")
def test_a_person_ends_what_waits(operated: House) -> None:
    happens(operated, visit(in_days(operated, 3)))
    [row] = operated.json("planned", "list")["planned"]
    assert "is cancelled" in operated.run("planned", "cancel", row["id"]).stdout
    view = operated.json("planned", "show", row["id"])
    assert (view["state"], view["reason"].startswith("by operator:")) == ("cancelled", True)
    [entry] = operated.read(lambda tx: tx.audit.of_subject(row["id"]))
    assert (entry.entry.kind, entry.entry.body) == ("planned_cancelled", {"flow": "reminder"})
    assert "was cancelled already" in operated.run("planned", "cancel", row["id"]).stdout
    operated.run("planned", "cancel", "pln_x", code=1)


@pytest.mark.proves("P3")
@pytest.mark.parametrize("status", ["queued", "held"])
@pytest.mark.parametrize("kind", ["moved", "cancelled"])
def test_a_later_event_ends_what_has_not_left(tmp_path: Path, status: str, kind: str) -> None:
    house = operating(tmp_path, {"purpose": "notify"})
    agrees(house)
    if status == "queued":
        house.run("contacts", "zone", FRIEND, "America/Chicago")
    happens(house, visit(in_days(house, 0.5)))
    [row] = house.json("planned", "list", "--all")["planned"]
    later = visit(in_days(house, 5), kind=kind, id_="v2")
    told = house.run("flows", "test", "--event", event_file(house, later)).stdout
    assert f"not sent any more, though it waited to leave: {row['message']}" in told
    happens(house, later)
    message = house.read(lambda tx: tx.messages.get(row["message"]))
    assert message is not None
    assert (message.status.value, message.reason) == ("cancelled", kind)
    assert house.json("drafts", "list") == {"drafts": []}
    assert len(house.json("planned", "list")["planned"]) == (kind == "moved")
    assert house.json("planned", "show", row["id"])["state"] == kind


@pytest.mark.proves("P3")
@pytest.mark.parametrize("status", ["queued", "held"])
def test_a_text_that_waits_to_leave_is_cancelled_too(tmp_path: Path, status: str) -> None:
    house = operating(tmp_path, {"purpose": "notify"})
    agrees(house)
    if status == "queued":
        house.run("contacts", "zone", FRIEND, "America/Chicago")
    happens(house, visit(in_days(house, 0.5)))
    [row] = house.json("planned", "list", "--all")["planned"]
    assert row["state"] == "proposed"
    before = house.read(lambda tx: tx.messages.get(row["message"]))
    assert before is not None
    assert before.status.value == status
    shown = house.run("planned", "cancel", row["id"]).stdout
    assert "is cancelled" in shown
    message = house.read(lambda tx: tx.messages.get(row["message"]))
    assert message is not None
    assert (message.status.value, message.reason) == ("cancelled", "cancelled")
    assert house.json("drafts", "list") == {"drafts": []}
