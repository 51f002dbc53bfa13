"""`ringfence alerts`, `maintenance` and `events`: what is open, what was done about it and by whom, and
times in which nobody is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from house import House
from operating import ANN, FIRE, POLICY, happens, in_days, left, operating, pages, visit

from ringfence.model.alert import NoticeKind, NoticeState


@pytest.fixture
def operated(tmp_path: Path) -> House:
    return operating(tmp_path)


@pytest.fixture
def paged(operated: House) -> House:
    """Alert 1 is open, and Ann was told."""
    happens(operated, FIRE)
    assert pages(operated) == 1
    return operated


def actors(house: House, kind: str) -> list[str]:
    [alert] = house.json("alerts", "list", "--state", "all")["alerts"]
    stored = house.read(lambda tx: tx.audit.of_subject(alert["id"]))
    return [one.entry.actor for one in stored if one.entry.kind == kind]


def test_the_list_is_of_what_is_open(operated: House) -> None:
    assert "There is no open alert." in operated.run("alerts", "list").stdout
    happens(operated, FIRE)
    happens(operated, {**FIRE, "id": "fire-2", "dedupe_key": "disk", "title": "Disk is full"})
    numbers = [one["number"] for one in operated.json("alerts", "list")["alerts"]]
    assert numbers == [2, 1]
    assert len(operated.json("alerts", "list", "--limit", "1")["alerts"]) == 1
    operated.run("alerts", "resolve", "2")
    assert [one["number"] for one in operated.json("alerts", "list")["alerts"]] == [1]
    assert "Disk is full" in operated.run("alerts", "list", "--state", "resolved").stdout
    assert len(operated.json("alerts", "list", "--state", "all")["alerts"]) == 2


def test_show_tells_the_whole_story(paged: House) -> None:
    paged.run("alerts", "note", "1", "--text", "It is the disk again.")
    paged.run("alerts", "ack", "1", "--as", "ann")
    words = paged.run("alerts", "show", "#1").stdout
    for told in (
        "title           Database is down",
        "acknowledged by ann",
        "in board, open",
        "ann by sms, step first: told",
        "note by operator:",
        "It is the disk again.",
        "alert acknowledged by responder:ann",
    ):
        assert told in words
    assert ANN not in words
    view = paged.json("alerts", "show", "1")
    assert paged.json("alerts", "show", view["id"]) == view
    assert "no alert" in paged.run("alerts", "show", "12", code=1).stderr.lower()


@pytest.mark.proves("P7")
@pytest.mark.parametrize(
    ("words", "who", "actor"),
    [((), "operator:", "operator:"), (("--as", "ben"), "ben", "responder:ben")],
)
def test_an_acknowledgement_stops_the_later_steps(
    paged: House, words: tuple[str, ...], who: str, actor: str
) -> None:
    view = paged.json("alerts", "ack", "1", *words)
    assert (view["answer"], view["alert"]["state"]) == ("taken", "acknowledged")
    assert view["alert"]["acknowledged_by"].startswith(who)
    assert view["alert"]["next_at"] is None
    assert actors(paged, "alert_acknowledged")[0].startswith(actor)
    again = paged.run("alerts", "ack", "1", "--as", "ann").stdout
    assert "has it already" in again


def test_the_unknown_act_for_nobody(paged: House) -> None:
    assert "Known: ann, ben" in paged.run("alerts", "ack", "1", "--as", "zed", code=1).stderr
    paged.run("alerts", "ack", "77", code=1)
    assert paged.json("alerts", "show", "1")["state"] == "triggered"


def test_escalating_asks_the_next_at_once(paged: House) -> None:
    shown = paged.run("alerts", "escalate", "1").stdout
    assert "passed on to step second of round 1" in shown
    [notice] = [
        one
        for one in paged.json("alerts", "show", "1")["timeline"]
        if one["kind"] == "notice" and one["responder"] == "ben"
    ]
    assert notice["state"] == "owed"
    assert "nobody is left to ask" in paged.run("alerts", "escalate", "1", code=1).stdout


def test_whoever_has_it_passes_it_on(paged: House) -> None:
    paged.run("alerts", "ack", "1", "--as", "ann")
    view = paged.json("alerts", "escalate", "1", "--as", "ann")
    assert (view["answer"], view["alert"]["state"]) == ("taken", "triggered")
    assert actors(paged, "alert_escalated") == ["responder:ann"]


def told_it_is_over(house: House) -> list[str]:
    [alert] = house.json("alerts", "list", "--state", "all")["alerts"]
    notices = house.read(lambda tx: tx.alerts.notices_of(alert["id"]))
    return [
        one.responder
        for one in notices
        if one.kind is NoticeKind.RESOLVED and one.state is NoticeState.OWED
    ]


def test_an_end_is_told_to_who_was_asked_but_not_to_who_ended_it(paged: House) -> None:
    paged.run("alerts", "escalate", "1")
    assert pages(paged) == 1
    left(paged)
    assert "resolved" in paged.run("alerts", "resolve", "1", "--as", "ann").stdout
    assert told_it_is_over(paged) == ["ben"]
    assert "so it was already" in paged.run("alerts", "resolve", "1").stdout
    over = paged.run("alerts", "ack", "1", code=1).stdout
    assert "it is over already (by responder:ann)" in over


def test_an_operators_end_is_told_to_everybody_who_was_asked(paged: House) -> None:
    left(paged)
    paged.run("alerts", "resolve", "1")
    assert told_it_is_over(paged) == ["ann"]


def test_everyone_must_and_the_others_are_named(tmp_path: Path) -> None:
    steps = [{"name": "first", "notify": ["person:ann", "person:ben"]}]
    policy = {**POLICY, "steps": steps, "everyone": True}
    house = operating(tmp_path, escalationPolicies={"ops": policy})
    happens(house, FIRE)
    assert pages(house) == 2
    first = house.run("alerts", "ack", "1", "--as", "ann").stdout
    assert "noted; it still waits for ben" in first
    assert house.json("alerts", "ack", "1", "--as", "ben")["answer"] == "taken"


@pytest.mark.parametrize("text", ["", "   ", "x" * 2_001])
def test_a_note_has_words(paged: House, text: str) -> None:
    assert "A note has 1 to 2000" in paged.run("alerts", "note", "1", "--text", text, code=1).stderr


# -- maintenance -----------------------------------------------------------------------------------


def test_in_maintenance_nobody_is_told_and_afterwards_they_are(operated: House) -> None:
    begun = operated.json("maintenance", "begin", "--flow", "incident", "--until", "+2h")
    assert (begun["flow"], begun["service"], begun["under_way"]) == ("incident", None, True)
    happens(operated, FIRE)
    assert pages(operated) == 0
    [alert] = operated.json("alerts", "list")["alerts"]
    assert (alert["state"], alert["next_at"]) == ("triggered", begun["ends"])
    assert begun["id"] in operated.run("maintenance", "list").stdout
    operated.run("maintenance", "end", begun["id"])
    assert "No maintenance" in operated.run("maintenance", "list").stdout
    assert operated.json("alerts", "list")["alerts"][0]["next_at"] != begun["ends"]
    operated.run("maintenance", "end", begun["id"], code=1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nobody is told of ANY alert, of every flow and service, from"),
        (("--service", "db", "--flow", "incident"), "alerts of service db of flow incident from"),
    ],
)
def test_a_window_over_everything_is_said_as_such(
    operated: House, words: tuple[str, ...], said: str
) -> None:
    assert said in operated.run("maintenance", "begin", "--until", "+2h", *words).stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--until", "-1h"), 1, "ends after it begins"),
        (("--until", "+32d"), 1, "within 31 days"),
        (("--until", "+1h", "--flow", "other"), 1, "No flow is called 'other'"),
        (("--until", "later"), 2, "no time such as"),
        ((), 2, "--until"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(
    operated: House, words: tuple[str, ...], code: int, said: str
) -> None:
    assert said in operated.run("maintenance", "begin", *words, code=code).stderr
    assert operated.json("maintenance", "list") == {"maintenance": []}


# -- events ----------------------------------------------------------------------------------------


def test_events_say_what_became_of_them(operated: House) -> None:
    assert "No event came yet." in operated.run("events", "list").stdout
    [fire] = happens(operated, FIRE).ids
    [booked] = happens(operated, visit(in_days(operated, 3))).ids
    rows: list[dict[str, Any]] = operated.json("events", "list")["events"]
    assert [row["id"] for row in rows] == [booked, fire]
    assert operated.json("events", "list", "--source", "stripe") == {"events": []}
    shown = operated.run("events", "show", fire).stdout
    assert "did opened" in shown
    assert '"title": "Database is down"' in shown
    assert operated.json("events", "show", booked)["event"]["data"]["name"] == "Anna"
    assert "No event has this id" in operated.run("events", "show", "evt_x", code=1).stderr
