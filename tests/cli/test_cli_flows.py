"""`ringfence flows`: what a flow does, and what would happen with an event, with the consent and the
opt-outs on record, while nothing is sent and nothing stays."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from house import FRIEND, NUMBER, OWNER, STRANGER, House
from operating import (
    ANN,
    BEN,
    FIRE,
    FLOWS,
    POLICY,
    agrees,
    event_file,
    happens,
    in_days,
    operating,
    visit,
)

NOTIFY = {"purpose": "notify", "name": "Acme Dental"}


@pytest.fixture
def operated(tmp_path: Path) -> House:
    return operating(tmp_path)


def tried(house: House, event: Any, *words: str, code: int = 0) -> dict[str, Any]:
    """What each flow would do with it, by name."""
    view = house.json("flows", "test", "--event", event_file(house, event), *words, code=code)
    [found] = view["events"]
    return {flow["flow"]: flow for flow in found["flows"]}


def rows(house: House) -> Iterator[tuple[str, list[Any]]]:
    """Every row of every table of the store."""
    with sqlite3.connect(house.path.parent / "ringfence.db") as db:
        tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in sorted(tables):
            yield name, sorted(map(repr, db.execute(f"SELECT * FROM {name}")))


# -- looked at -------------------------------------------------------------------------------------


def test_none_is_said(house: House) -> None:
    assert "No flows are configured." in house.run("flows", "list").stdout
    assert "none is configured" in house.run("flows", "show", "incident", code=1).stderr


def test_the_list_says_what_each_does(operated: House) -> None:
    shown = operated.run("flows", "list").stdout
    assert "incident  alert    default  any      alert.*                    alert → ops" in shown
    assert "reminder → field:data.phone" in shown
    incident, reminder = operated.json("flows", "list")["flows"]
    assert incident["when"] == 'severity >= "error" and data.team == "ops"'
    assert (reminder["message"]["offset"], reminder["message"]["key"]) == ("-1d", "data.visit")
    assert incident["message"] is None
    assert reminder["alert"] is None


def test_show_masks_a_number_of_the_configuration(tmp_path: Path) -> None:
    message = {**FLOWS["reminder"]["message"], "to": [f"number:{FRIEND}", "person:ann"]}
    house = operating(tmp_path, flows={"reminder": {**FLOWS["reminder"], "message": message}})
    shown = house.run("flows", "show", "reminder").stdout
    assert "to            number:+1555•••0112, person:ann" in shown
    assert FRIEND not in shown
    assert "Known: reminder" in house.run("flows", "show", "other", code=1).stderr


# -- tried: an alert -------------------------------------------------------------------------------


@pytest.mark.proves("P2")
def test_an_alert_says_who_is_asked_when_and_in_which_words(operated: House) -> None:
    flow = tried(operated, FIRE)["incident"]
    assert (flow["meaning"], flow["did"]) == ("starts", "opened")
    alert = flow["alert"]
    assert (alert["number"], alert["title"], alert["service"]) == (1, "Database is down", "db")
    assert (alert["dedupe_key"], alert["policy"]) == ("db", "ops")
    assert [one["system"] for one in flow["tickets"]] == ["board"]
    assert flow["on_call"] == [
        {"target": "schedule:primary", "who": ["ann"]},
        {"target": "person:ben", "who": ["ben"]},
    ]
    first, second, end = flow["plan"]
    assert (first["after_s"], first["step"], first["asks"][0]["responder"]) == (0, "first", "ann")
    assert (second["after_s"], second["asks"][0]["responder"]) == (300, "ben")
    assert (end["after_s"], end["exhausted"], end["missing"]) == (600, True, ["ann", "ben"])
    ann = flow["people"]["ann"]
    assert ann["text"].startswith("default: #1 Database is down (db). Reply 1a")
    assert (ann["to"], ann["state"], ann["verified"]) == ("+1555•••0141", "queued", False)


def test_every_part_of_a_condition_is_explained(operated: House) -> None:
    flow = tried(operated, {**FIRE, "data": {"job": "db"}})["incident"]
    assert flow["meaning"] is None
    whole, severity, team = flow["match"]["condition"]
    assert (whole["held"], severity["held"], team["held"]) == (False, True, False)
    assert team["why"] == "there is no data.team"
    assert [one["depth"] for one in (whole, severity, team)] == [0, 1, 1]
    words = operated.run("flows", "test", "--event", event_file(operated, {**FIRE, "data": {}}))
    assert 'no  data.team == "ops" (there is no data.team)' in words.stdout
    assert "Flow incident (alert, line default): does nothing" in words.stdout
    assert "No flow takes this event" in words.stdout


def test_a_policy_without_end_is_cut_and_says_so(tmp_path: Path) -> None:
    policy = {**POLICY, "rounds": "untilAcknowledged", "pause": 600}
    house = operating(tmp_path, escalationPolicies={"ops": policy})
    flow = tried(house, FIRE)["incident"]
    assert not flow["whole"]
    assert [row["round"] for row in flow["plan"]] == [1, 1, 2, 2]
    words = house.run("flows", "test", "--event", event_file(house, FIRE)).stdout
    assert "and so on, until somebody has it" in words


def test_who_is_on_call_is_asked_as_of_the_step(operated: House) -> None:
    operated.run("oncall", "override", "primary", "--with", "ben", "--until", "+1h")
    assert tried(operated, FIRE)["incident"]["plan"][0]["asks"][0]["responder"] == "ben"
    later = tried(operated, FIRE, "--at", "+2h")["incident"]["plan"][0]
    assert later["asks"][0]["responder"] == "ann"


def test_a_step_that_finds_nobody_is_marked(operated: House) -> None:
    operated.run("oncall", "override", "primary", "--remove", "ann", "--until", "+1h")
    first, second = tried(operated, FIRE)["incident"]["plan"][:2]
    assert (first["asks"], first["nobody"]) == ([], ["schedule:primary"])
    assert (second["after_s"], second["asks"][0]["responder"]) == (0, "ben")
    words = operated.run("flows", "test", "--event", event_file(operated, FIRE)).stdout
    assert "schedule:primary means NOBODY now" in words


def test_maintenance_puts_everything_off(operated: House) -> None:
    operated.run("maintenance", "begin", "--flow", "incident", "--until", "+2h")
    flow = tried(operated, FIRE)["incident"]
    assert flow["maintenance_until"] is not None
    assert 7_100 < flow["plan"][0]["after_s"] <= 7_200


def test_what_is_open_is_joined_and_ended(operated: House) -> None:
    happens(operated, FIRE)
    flow = tried(operated, {**FIRE, "id": "fire-2"})["incident"]
    assert (flow["did"], flow["alert"]["number"], flow["alert"]["count"]) == ("joined", 1, 2)
    assert [row["step"] for row in flow["plan"] if "step" in row] == ["second"]
    over = tried(operated, {**FIRE, "id": "fire-3", "type": "x", "action": "resolve"})["incident"]
    assert (over["meaning"], over["did"]) == ("resolves", "resolve_taken")
    other = {**FIRE, "id": "fire-4", "dedupe_key": "disk", "action": "resolve"}
    assert tried(operated, other)["incident"]["did"] == "nothing_open"


def test_the_very_same_event_is_known(operated: House) -> None:
    [id_] = happens(operated, FIRE).ids
    view = operated.json("flows", "test", "--event", event_file(operated, FIRE))
    assert view["events"][0]["known"] == id_
    words = operated.run("flows", "test", "--event", event_file(operated, FIRE)).stdout
    assert "in earnest it would do nothing" in words


def test_a_responder_who_opted_out_is_passed_over_at_once(operated: House) -> None:
    operated.run("consent", "opt-out", ANN, "--reason", "left the team")
    flow = tried(operated, FIRE)["incident"]
    ann = flow["people"]["ann"]
    assert (ann["state"], ann["reasons"][0]["rule"]) == ("refused", "opt_out")
    assert [row["after_s"] for row in flow["plan"]][:2] == [0, 0]


def test_a_page_leaves_on_a_notify_line_at_night_too(tmp_path: Path) -> None:
    house = operating(tmp_path, NOTIFY)
    for hour in ("03:00", "14:00"):
        flow = tried(house, FIRE, "--at", f"2026-12-01T{hour}:00-05:00")["incident"]
        states = {name: one["state"] for name, one in flow["people"].items()}
        assert states == {"ann": "queued", "ben": "queued"}, flow["people"]


def test_a_link_in_a_preview_is_nobodys(tmp_path: Path) -> None:
    gateway = {"publicPort": 0, "privatePort": 0, "publicBaseUrl": "https://gate.example.org"}
    house = operating(tmp_path, gateway=gateway)
    text = tried(house, FIRE)["incident"]["people"]["ann"]["text"]
    assert text.endswith("See https://gate.example.org/a/…")


# -- tried: a message ------------------------------------------------------------------------------


@pytest.mark.proves("P1")
def test_a_message_says_text_time_and_what_the_gate_says(tmp_path: Path) -> None:
    house = operating(tmp_path, NOTIFY)
    event = visit("2026-12-10T10:00:00")
    at = ("--at", "2026-12-01T12:00:00Z")
    flow = tried(house, event, *at)["reminder"]
    assert (flow["meaning"], flow["key"]) == ("starts", "a-17")
    [message] = flow["messages"]
    assert message["send_at"] == "2026-12-09T09:00:00.000Z"
    assert message["useless_after"] == "2026-12-10T09:00:00.000Z"
    assert message["to"] == "+1555•••0112"
    assert "Acme Dental: Anna, see you on 2026-12-10 at 10:00." in message["text"]
    assert message["state"] == "refused"
    assert "no_consent" in [one["code"] for one in message["reasons"]]
    assert flow["later"]["cancelled_by"] == ["visit.cancelled"]

    agrees(house)
    house.run("contacts", "zone", FRIEND, "America/Chicago")
    [message] = tried(house, event, *at)["reminder"]["messages"]
    assert message["state"] == "queued", message["reasons"]
    [other] = tried(house, event, *at, "--dry-store")["reminder"]["messages"]
    assert other["state"] == "refused"


def test_numbers_are_masked_unless_asked_for(operated: House) -> None:
    event = visit(in_days(operated, 3))
    words = ("flows", "test", "--event", event_file(operated, event))
    hidden = operated.run(*words).stdout + operated.run(*words, "--json").stdout
    assert FRIEND not in hidden
    assert f"to {FRIEND} at" in operated.run(*words, "--reveal").stdout
    alert = ("flows", "test", "--event", event_file(operated, FIRE))
    assert ANN not in operated.run(*alert).stdout
    shown = operated.run(*alert, "--reveal").stdout
    assert ANN in shown
    assert BEN in shown
    assert NUMBER not in shown
    assert OWNER not in shown


def test_a_later_event_moves_or_cancels_what_waits(operated: House) -> None:
    happens(operated, visit(in_days(operated, 3)))
    [waiting] = operated.json("planned", "list")["planned"]
    moved = tried(operated, visit(in_days(operated, 5), kind="moved", id_="v2"))["reminder"]
    assert [one["id"] for one in moved["moves"]] == [waiting["id"]]
    cancelled = tried(operated, visit("", kind="cancelled", id_="v3"))["reminder"]
    assert cancelled["meaning"] == "cancels"
    assert [one["id"] for one in cancelled["cancels"]] == [waiting["id"]]
    [still] = operated.json("planned", "list")["planned"]
    assert still == waiting


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"phone": "555 0112"}, "plus sign"),
        ({"phone": ""}, "It goes to nobody: data.phone is empty"),
        ({"name": "https://x.example"}, "link"),
        ({"starts_at": "soon"}, "is no moment"),
        ({"visit": ""}, "which says what it is about"),
        ({"name": ["Anna"]}, "is a list or an object"),
    ],
)
def test_an_event_a_flow_cannot_take_is_exit_code_1(
    operated: House, changes: dict[str, Any], said: str
) -> None:
    event = visit(in_days(operated, 3))
    event["data"] |= changes
    flow = tried(operated, event, code=1)["reminder"]
    assert said in flow["refused"]
    words = operated.run("flows", "test", "--event", event_file(operated, event), code=1)
    assert "REFUSED: " in words.stdout


def test_what_has_lost_its_use_leaves_nothing(operated: House) -> None:
    flow = tried(operated, visit(in_days(operated, -1)))["reminder"]
    assert (flow["expired"], flow["messages"]) == (True, [])


def test_limits_are_told(tmp_path: Path) -> None:
    message = {**FLOWS["reminder"]["message"], "times": 3, "every": "1d", "keyMax": 2}
    del message["useUntil"]
    house = operating(tmp_path, flows={"reminder": {**FLOWS["reminder"], "message": message}})
    flow = tried(house, visit(in_days(house, 3)))["reminder"]
    assert ([one["turn"] for one in flow["messages"]], flow["limited"]) == ([1, 2], 1)


# -- where from, where to --------------------------------------------------------------------------


@pytest.mark.proves("P7")
def test_nothing_stays_in_the_store(operated: House) -> None:
    happens(operated, FIRE)
    happens(operated, visit(in_days(operated, 3)))
    before = list(rows(operated))
    tried(operated, {**FIRE, "id": "fire-2", "dedupe_key": "disk"})
    tried(operated, visit(in_days(operated, 4), kind="moved", id_="v2"))
    tried(operated, visit("", kind="cancelled", id_="v3"))
    assert list(rows(operated)) == before


def test_looking_makes_no_store(operated: House) -> None:
    view = operated.json("flows", "test", "--event", event_file(operated, FIRE))
    assert view["store"] == "empty"
    assert sorted(one.name for one in operated.path.parent.iterdir()) == [
        "event.json",
        "ringfence.json5",
    ]


def test_a_file_takes_the_place_of_the_configuration(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    house = operating(tmp_path / "a")
    other = operating(tmp_path / "b", flows={"other": {**FLOWS["incident"], "types": ["*"]}})
    event = event_file(house, FIRE)
    view = house.json("flows", "test", str(other.path), "--event", event)
    assert [one["flow"] for one in view["events"][0]["flows"]] == ["other"]


def test_it_reads_what_the_source_would_send(operated: House) -> None:
    group = {
        "version": "4",
        "groupKey": '{}:{alertname="X"}',
        "status": "firing",
        "receiver": "ringfence",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alerts.example.org",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": name, "severity": "critical", "team": "ops"},
                "annotations": {},
                "startsAt": "2026-12-01T10:00:00Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "fingerprint": name,
            }
            for name in ("one", "two")
        ],
    }
    words = ("flows", "test", "--event", event_file(operated, group), "--source")
    view = operated.json(*words, "alertmanager")
    assert [one["source"] for one in view["events"]] == ["alertmanager"] * 2
    assert "Known: " in operated.run(*words, "nagios", code=1).stderr
    operated.run(*words, "generic", code=1)
    operated.run(*words, "generic", "--header", "nonsense", code=2)


def test_cloud_events_need_no_header(operated: House) -> None:
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "/shop",
        "type": "alert.x",
        "severity": "critical",
        "title": "Down",
        "data": {"job": "x", "team": "ops"},
    }
    flow = tried(operated, event, "--source", "cloudevents")["incident"]
    assert flow["did"] == "opened"


def test_bad_usage_is_named(operated: House, tmp_path: Path) -> None:
    event = event_file(operated, FIRE)
    operated.run("flows", "test", code=2)
    operated.run("flows", "test", "--event", str(tmp_path / "none.json"), code=2)
    assert (
        "no time such as"
        in operated.run("flows", "test", "--event", event, "--at", "tomorrow", code=2).stderr
    )
    (tmp_path / "broken.json").write_text("{")
    operated.run("flows", "test", "--event", str(tmp_path / "broken.json"), code=1)
    assert json.loads((tmp_path / "event.json").read_text())["id"] == "fire-1"
    assert STRANGER not in operated.run("flows", "list").stdout


def test_an_event_for_nobody_and_one_that_came_too_late_are_said(operated: House) -> None:
    other = event_file(operated, {"id": "x", "type": "depoly.failed"})
    assert "No flow takes this event" in operated.run("flows", "test", "--event", other).stdout
    past = event_file(operated, visit("2026-03-04T14:30:00+01:00"))
    said = operated.run("flows", "test", "--event", past).stdout
    assert "useUntil or life is over" in said
    assert (
        "Nothing leaves"
        not in operated.run("flows", "test", "--event", past, "--at", "2026-03-01T09:00Z").stdout
    )
