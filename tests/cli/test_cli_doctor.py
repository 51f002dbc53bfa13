"""`ringfence doctor`: every finding with what to do; exit code 1 only when something is wrong."""

from __future__ import annotations

import socket
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from house import FRIEND, NUMBER, TOKEN, House, build

from ringfence.bootstrap import Gateway


def _found(house: House, code: int, *words: str) -> dict[str, list[dict[str, Any]]]:
    """Findings by area."""
    document = house.json("doctor", *words, code=code)
    assert document["ok"] is (code == 0)
    areas: dict[str, list[dict[str, Any]]] = {}
    for finding in document["findings"]:
        areas.setdefault(finding["area"], []).append(finding)
    return areas


def test_a_good_house_is_well_and_nothing_is_made(house: House) -> None:
    areas = _found(house, 0)
    assert "does not exist yet" in areas["store"][0]["text"]
    assert sorted(path.name for path in house.path.parent.iterdir()) == ["ringfence.json5"]
    assert areas["agent default"][0]["level"] == "ok"
    assert {one["level"] for one in areas["line default"]} == {"ok"}
    shown = house.run("doctor").stdout
    assert shown.endswith("All is well.\n")
    assert TOKEN not in shown


@pytest.mark.proves("P7")
def test_it_verifies_the_audit_chain(house: House) -> None:
    house.queues(FRIEND)
    assert "whole" in _found(house, 0)["audit"][0]["text"]
    with sqlite3.connect(house.path.parent / "ringfence.db") as db:
        triggers = db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            db.execute(f"DROP TRIGGER {name}")
        db.execute("UPDATE audit SET actor = 'operator:nobody' WHERE seq = 1")
    audit = _found(house, 1)["audit"][0]
    assert (audit["level"], "entry 1" in audit["text"]) == ("wrong", True)


def test_a_broken_configuration_names_every_problem(tmp_path: Path) -> None:
    house = build(tmp_path, {"dmPolicy": "sometimes", "fromNumber": "nine"})
    texts = [one["text"] for one in _found(house, 1)["configuration"]]
    assert len(texts) == 2
    assert any("dmPolicy" in text for text in texts)


@pytest.mark.proves("P2")
def test_a_configuration_others_may_change_is_wrong(house: House) -> None:
    house.path.chmod(0o620)
    finding = _found(house, 1)["configuration"][0]
    assert finding["hint"].startswith("chmod go-w")


def test_a_damaged_store_is_wrong(house: House) -> None:
    (house.path.parent / "ringfence.db").write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    assert _found(house, 1)["store"][0]["level"] == "wrong"


@pytest.mark.proves("B106", "B107")
def test_a_blocked_line_and_an_unreachable_agent_are_wrong(
    tmp_path: Path, unused_port: int
) -> None:
    agent = {
        "kind": "webhook",
        "url": f"http://127.0.0.1:{unused_port}/turn",
        "secrets": ["whsec_" + "QUJD" * 8],
    }
    house = build(tmp_path, {"authToken": None}, agents={"default": agent})
    document = house.path.read_text().replace('"authToken": null, ', "")
    house.path.write_text(document)
    areas = _found(house, 1)
    assert any("no token" in one["text"] for one in areas["line default"])
    assert areas["agent default"][0]["level"] == "wrong"


def test_what_was_loosened_or_stands_still_is_a_note(tmp_path: Path) -> None:
    house = build(
        tmp_path,
        {"dmPolicy": "open", "allowFrom": ["*"], "dangerouslyDisableSignatureValidation": True},
    )
    house.run("stop", "--reason", "drill")
    areas = _found(house, 0)
    assert sum(one["level"] == "note" for one in areas["line default"]) == 2
    assert areas["kill switch"][0]["hint"]


@pytest.mark.proves("P2")
@pytest.mark.parametrize(("run_as", "noted"), [({}, True), ({"runAs": "nobody"}, False)])
def test_a_program_with_an_operators_rights_is_a_note(
    tmp_path: Path, run_as: dict[str, str], noted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    house = build(tmp_path, agent={"kind": "command", "argv": ["cat"], **run_as}, agents={})
    findings = _found(house, 0)["agent default"]
    assert ["note" in one["level"] for one in findings] == [False] + [True] * noted


def test_a_user_that_is_not_there_is_named(tmp_path: Path) -> None:
    program = {"kind": "command", "argv": ["cat"], "runAs": "no-such-user-here"}
    texts = [
        one["text"]
        for one in _found(build(tmp_path, agents={"default": program}), 1)["configuration"]
    ]
    assert len(texts) == 1
    assert "agents.default.runAs: expected the name of a user of this machine" in texts[0]


def test_a_taken_port_is_wrong(tmp_path: Path, unused_port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        house = build(tmp_path, gateway={"publicPort": taken, "privatePort": unused_port})
        [public, private] = _found(house, 1)["ports"]
    assert (public["level"], private["level"]) == ("wrong", "ok")


def test_a_clock_behind_the_store_is_wrong(house: House) -> None:
    async def tomorrow(gateway: Gateway) -> None:
        from ringfence.gateway.proposal import Proposal
        from ringfence.gateway.review import propose
        from ringfence.model.phone import PhoneNumber
        from ringfence.model.verdict import Act

        kit = gateway.kit
        later = kit.clock.now() + timedelta(days=1)
        wanted = Proposal(
            kit.lines["default"], PhoneNumber(FRIEND), "hi", Act.INITIATE, "operator:x"
        )
        await kit.store.write(lambda tx: propose(kit, tx, [wanted], later))

    house.with_gateway(tomorrow)
    assert "behind" in _found(house, 1)["clock"][0]["text"]


def test_the_provider_is_asked_only_with_probe(house: House) -> None:
    assert not any("did not answer" in one["text"] for one in _found(house, 0)["line default"])
    assert any(
        "did not answer" in one["text"] for one in _found(house, 1, "--probe")["line default"]
    )


def test_what_a_line_loosens_and_what_cannot_be_meant_are_notes(tmp_path: Path) -> None:
    policy = {"forcedTopics": {"topics": []}, "quietHours": {"windows": "closed"}}
    house = build(tmp_path, {"policy": policy, "allowTo": [NUMBER]})
    findings = _found(house, 0)["configuration"]
    notes = [one["text"] for one in findings if one["level"] == "note"]
    assert any("forced_topics.topics lets more through than the preset" in one for one in notes)
    assert any("quietHours.windows has no hour" in one for one in notes)
    assert any("allowTo names a number of one of the lines" in one for one in notes)
    told = house.run("config", "validate").output
    assert "quietHours.windows has no hour" in told
    assert NUMBER not in str(findings)


def test_an_unknown_rule_is_wrong_and_named(tmp_path: Path) -> None:
    house = build(tmp_path, policy={"quietHour": {}})
    [finding] = _found(house, 1)["configuration"]
    assert 'did you mean "quietHours"?' in finding["text"]
    assert house.run("config", "validate", code=1).output
