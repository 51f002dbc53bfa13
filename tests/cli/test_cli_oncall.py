"""`ringfence oncall`: who is on call, gaps that are shown and warned of, changes for a while, the feed,
and numbers that are verified before their answers count. And what doctor says of all that."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from house import House
from operating import ANN, FIRE, FLOWS, POLICY, SCHEDULE, happens, operating

OFFICE = {
    **SCHEDULE,
    "layers": [
        {
            "rotation": "weekly",
            "responders": ["ann", "ben"],
            "startsOn": "2026-01-05",
            "handOver": "08:00",
            "hours": [{"days": ["mon"], "from": "08:00", "to": "20:00"}],
        }
    ],
}
MONDAY = "2026-11-23"


@pytest.fixture
def operated(tmp_path: Path) -> House:
    return operating(tmp_path)


@pytest.fixture
def office(tmp_path: Path) -> House:
    """Somebody is on call on Mondays from 8 to 20, by Berlin's clock."""
    return operating(tmp_path, schedules={"primary": OFFICE})


# -- looked at -------------------------------------------------------------------------------------


def test_no_schedule_is_said(house: House) -> None:
    assert "No schedule is configured." in house.run("oncall", "show").stdout
    assert "No responder is configured." in house.run("oncall", "responders").stdout
    assert house.json("oncall", "shifts") == {"schedules": []}
    assert "none is configured" in house.run("oncall", "feed", "primary", code=1).stderr


def test_show_says_who_and_until_when(office: House) -> None:
    at = ("--at", f"{MONDAY}T09:00+01:00")
    [row] = office.json("oncall", "show", *at)["schedules"]
    assert row["responders"] == [{"name": "ann", "label": "Ann"}]
    assert row["next_handover"] == f"{MONDAY}T19:00:00.000Z"
    assert f"{MONDAY}T20:00+01:00" in office.run("oncall", "show", *at).stdout
    assert "NOBODY" in office.run("oncall", "show", "--at", f"{MONDAY}T21:00+01:00", code=1).stdout
    assert "Known: primary" in office.run("oncall", "show", "--schedule", "x", code=1).stderr


def test_shifts_mark_gaps_and_warn_of_them(office: House) -> None:
    span = ("--since", f"{MONDAY}T00:00+01:00", "--until", "2026-12-01T00:00+01:00")
    result = office.run("oncall", "shifts", *span)
    assert result.stdout.count("NOBODY") == 3
    assert "primary has 3 gaps." in result.stderr
    assert f"{MONDAY}T08:00+01:00" in result.stdout
    [view] = office.json("oncall", "shifts", "--schedule", "primary", *span)["schedules"]
    assert [one["responders"] for one in view["shifts"]] == [[], ["ann"], [], ["ben"], []]


def test_gaps_are_exit_code_1(office: House) -> None:
    span = ("--since", f"{MONDAY}T08:00+01:00", "--until")
    assert "at all times" in office.run("oncall", "gaps", *span, f"{MONDAY}T20:00+01:00").stdout
    [gap] = office.json("oncall", "gaps", *span, f"{MONDAY}T21:00+01:00", code=1)["gaps"]
    assert gap["begins"] == f"{MONDAY}T19:00:00.000Z"
    shown = office.run("oncall", "gaps", *span, f"{MONDAY}T21:00+01:00", code=1).stdout
    assert f"{MONDAY}T20:00+01:00" in shown
    assert "not after --since" in office.run("oncall", "gaps", *span, MONDAY, code=2).stderr
    assert "at most 800 days" in office.run("oncall", "gaps", *span, "+999d", code=1).stderr


def test_the_feed_is_a_calendar(operated: House) -> None:
    feed = operated.run("oncall", "feed", "primary").stdout
    assert feed.startswith("BEGIN:VCALENDAR")
    assert "SUMMARY:Ann" in feed
    assert ANN not in feed
    assert "SUMMARY:Ann" not in operated.run("oncall", "feed", "primary", "--only", "ben").stdout
    operated.run("oncall", "feed", "primary", "--only", "zed", code=1)


def test_responders_show_no_number(operated: House) -> None:
    rows = operated.json("oncall", "responders")["responders"]
    assert [(row["name"], row["number"], row["verified"]) for row in rows] == [
        ("ann", "+1555•••0141", False),
        ("ben", "+1555•••0142", False),
    ]
    assert ANN not in operated.run("oncall", "responders").stdout


# -- changed for a while ---------------------------------------------------------------------------


@pytest.mark.proves("P7")
@pytest.mark.parametrize(
    ("words", "change", "then"),
    [
        (("--add", "ben"), "ben as well", ["ann", "ben"]),
        (("--remove", "ann"), "ann not", []),
        (("--with", "ben"), "ben instead of everybody", ["ben"]),
        (("--replace", "ann", "--with", "ben"), "ben instead of ann", ["ben"]),
        (("--replace", "ben", "--with", "ben"), "ben instead of ben", ["ann"]),
    ],
)
def test_an_override_holds_for_a_while(
    operated: House, words: tuple[str, ...], change: str, then: list[str]
) -> None:
    result = operated.run("oncall", "override", "primary", *words, "--until", "+2h")
    assert change in result.stdout
    assert ("Nobody is on call then" in result.stderr) is (then == [])

    def on_call(at: str) -> list[str]:
        view = operated.json("oncall", "show", "--at", at, code=None)
        return [one["name"] for one in view["schedules"][0]["responders"]]

    assert on_call("+1h") == then
    assert on_call("+3h") == ["ann"]
    [row] = operated.json("oncall", "overrides", "--schedule", "primary")["overrides"]
    stored = operated.read(lambda tx: tx.audit.of_subject(row["id"]))
    assert [one.entry.kind for one in stored] == ["duty_override"]
    assert "is taken back" in operated.run("oncall", "remove-override", row["id"]).stdout
    assert on_call("+1h") == ["ann"]
    assert "No override" in operated.run("oncall", "overrides").stdout
    operated.run("oncall", "remove-override", row["id"], code=1)


def test_times_without_a_zone_are_the_schedules(operated: House) -> None:
    view = operated.json(
        *("oncall", "override", "primary", "--add", "ben"),
        *("--from", "2099-07-01T09:00", "--until", "2099-07-02"),
    )
    assert (view["begins"], view["ends"]) == (
        "2099-07-01T07:00:00.000Z",
        "2099-07-01T22:00:00.000Z",
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--until", "+1h"), 2, "exactly one of"),
        (("--add", "ann", "--remove", "ben", "--until", "+1h"), 2, "exactly one of"),
        (("--replace", "ann", "--until", "+1h"), 2, "who stands in?"),
        (("--add", "zed", "--until", "+1h"), 1, "No responder is called 'zed'"),
        (("--with", "ben", "--replace", "zed", "--until", "+1h"), 1, "No responder"),
        (("--add", "ben", "--until", "-1h"), 1, "in the future"),
        (("--add", "ben", "--until", "+60w"), 1, "within a year"),
        (("--add", "ben"), 2, "--until"),
    ],
)
def test_an_override_that_makes_no_sense_is_refused(
    operated: House, words: tuple[str, ...], code: int, said: str
) -> None:
    assert said in operated.run("oncall", "override", "primary", *words, code=code).stderr
    assert operated.json("oncall", "overrides") == {"overrides": []}


# -- numbers ---------------------------------------------------------------------------------------


def texted_code(house: House) -> str:
    [message] = house.json("message", "list")["messages"]
    found = re.search(r"Your code: (\d{6})\.", message["body"])
    assert found is not None
    return found[1]


@pytest.mark.proves("P2")
@pytest.mark.parametrize("purpose", [{}, {"purpose": "notify"}])
def test_a_number_is_verified_by_the_code_it_was_texted(
    tmp_path: Path, purpose: dict[str, Any]
) -> None:
    house = operating(tmp_path, purpose)
    asked = house.json("oncall", "verify", "ann")
    assert (asked["state"], asked["reasons"]) == ("queued", [])
    code = texted_code(house)
    wrong = "000000" if code != "000000" else "000001"
    assert "not the code" in house.run("oncall", "verify", "ann", "--code", wrong, code=1).stdout
    assert "is verified" in house.run("oncall", "verify", "ann", "--code", code).stdout
    verified = {
        row["name"]: row["verified"] for row in house.json("oncall", "responders")["responders"]
    }
    assert verified == {"ann": True, "ben": False}


def test_guessing_is_locked(operated: House) -> None:
    operated.run("oncall", "verify", "ann")
    wrong = "000000" if texted_code(operated) != "000000" else "000001"
    for _ in range(5):
        operated.run("oncall", "verify", "ann", "--code", wrong, code=1)
    locked = operated.run("oncall", "verify", "ann", "--code", texted_code(operated), code=1)
    assert "Too many wrong codes" in locked.stderr


def test_a_code_nobody_asked_for_is_refused(operated: House) -> None:
    assert (
        "ask for one first"
        in operated.run("oncall", "verify", "ann", "--code", "123456", code=1).stderr
    )
    operated.run("oncall", "verify", "zed", code=1)


def test_who_opted_out_cannot_be_texted_a_code(operated: House) -> None:
    operated.run("consent", "opt-out", ANN, "--reason", "asked to")
    result = operated.run("oncall", "verify", "ann", code=1)
    assert "cannot be sent" in result.stderr


# -- what doctor says of it ------------------------------------------------------------------------


def findings(house: House, code: int) -> dict[str, list[dict[str, Any]]]:
    areas: dict[str, list[dict[str, Any]]] = {}
    for finding in house.json("doctor", code=code)["findings"]:
        areas.setdefault(finding["area"], []).append(finding)
    return areas


def test_doctor_says_nothing_of_what_is_not_configured(house: House) -> None:
    assert not {"responders", "source generic"} & findings(house, 0).keys()


def test_doctor_knows_who_can_be_paged(operated: House) -> None:
    areas = findings(operated, 0)
    unverified, reached = areas["responders"]
    assert (unverified["level"], reached["level"]) == ("note", "ok")
    assert "ann, ben" in unverified["text"]
    assert "ringfence oncall verify ann" in unverified["hint"]
    assert areas["schedule primary"][0]["level"] == "ok"


def test_doctor_names_who_opted_out_and_what_the_line_stops(
    operated: House, tmp_path: Path
) -> None:
    happens(operated, FIRE)  # there is a store
    operated.run("consent", "opt-out", ANN, "--reason", "left")
    [wrong] = [one for one in findings(operated, 1)["responders"] if one["level"] == "wrong"]
    assert wrong["text"].startswith("ann would not get a page of incident by line default:")
    assert "opt" in wrong["text"]
    (tmp_path / "other").mkdir()
    stopped = operating(tmp_path / "other", {"purpose": "intake"})
    wrong_too = [one for one in findings(stopped, 1)["responders"] if one["level"] == "wrong"]
    assert len(wrong_too) == 2
    assert ANN not in str(wrong_too)


def test_doctor_counts_gaps_with_overrides(operated: House) -> None:
    operated.run("oncall", "override", "primary", "--remove", "ann", "--until", "+3h")
    [gap] = findings(operated, 0)["schedule primary"]
    assert gap["level"] == "note"
    assert "Nobody is on call now until" in gap["text"]
    assert gap["text"].endswith("in the next 14 days: 1.")


def test_doctor_says_who_may_post(tmp_path: Path) -> None:
    flows = {"incident": {**FLOWS["incident"], "sources": ["ours", "stripe"]}}
    sources = {
        "ours": {"kind": "generic", "tokens": ["ci"]},
        "stripe": {"kind": "stripe", "secrets": ["whsec_" + "x" * 32]},
    }
    house = operating(tmp_path, flows=flows, sources=sources, escalationPolicies={"ops": POLICY})
    areas = findings(house, 1)
    assert areas["source stripe"][0]["level"] == "ok"
    [nobody] = areas["source ours"]
    assert (nobody["level"], nobody["hint"]) == (
        "wrong",
        "ringfence tokens create --kind events --name ci",
    )
    assert "source generic" not in areas
    house.run("tokens", "create", "--kind", "events", "--name", "other")
    findings(house, 1)
    house.run("tokens", "create", "--kind", "events", "--name", "ci")
    assert findings(house, 0)["source ours"][0]["level"] == "ok"


def test_doctor_says_that_no_event_can_come_in(operated: House) -> None:
    [nobody] = findings(operated, 0)["sources"]
    assert nobody["level"] == "note"
    assert "incident, reminder" in nobody["text"]
    operated.run("tokens", "create", "--kind", "events", "--name", "ci")
    assert "sources" not in findings(operated, 0)


def test_doctor_tells_of_maintenance_under_way_and_of_no_other(operated: House) -> None:
    operated.run("maintenance", "begin", "--from", "+1h", "--until", "+2h")
    assert "maintenance" not in findings(operated, 0)
    begun = operated.json("maintenance", "begin", "--until", "+2h", "--service", "db")
    everything = operated.json("maintenance", "begin", "--until", "+2h")
    narrow, wide = findings(operated, 0)["maintenance"]
    assert narrow["text"].startswith("Nobody is told of alerts of service db until")
    assert wide["text"].startswith("Nobody is told of any alert until")
    hints = [narrow["hint"], wide["hint"]]
    assert hints == [f"ringfence maintenance end {one['id']}" for one in (begun, everything)]
