"""`ringfence contacts`: what an operator types to export a person, erase them, say where they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from house import FRIEND, build

from ringfence.model.phone import PhoneNumber


def test_an_export_is_private_and_complete(tmp_path: Path) -> None:
    house = build(tmp_path)
    key = house.queues(FRIEND, "a red door")
    target = tmp_path / "person.json"
    said = house.run("contacts", "export", FRIEND, "--output", str(target)).stdout
    assert "1 messages" in said
    assert target.stat().st_mode & 0o077 == 0
    document = json.loads(target.read_text())
    assert [one["id"] for one in document["messages"]] == [key]
    assert json.loads(house.run("contacts", "export", FRIEND).stdout) == document


def test_erasing_asks_first(tmp_path: Path) -> None:
    house = build(tmp_path)
    house.queues(FRIEND, "a red door")
    house.run("contacts", "erase", FRIEND, code=1)
    assert json.loads(house.run("contacts", "export", FRIEND).stdout)["messages"]
    erased = house.json("contacts", "erase", FRIEND, "--yes")["erased"]
    assert erased["messages"] == 1
    assert "known here" in house.run("contacts", "export", FRIEND, code=1).stderr


@pytest.mark.proves("C8")
def test_a_place_is_entered_checked_and_forgotten(tmp_path: Path) -> None:
    house = build(tmp_path)
    house.queues(FRIEND, "hello")

    def zone() -> str:
        number = PhoneNumber(FRIEND)
        return house.read(lambda tx: tx.people.find([number])[number].zone)

    house.run("contacts", "zone", FRIEND, "America/Denver")
    assert zone() == "America/Denver"
    assert "IANA zone" in house.run("contacts", "zone", FRIEND, "Mars/Base", code=1).stderr
    assert zone() == "America/Denver"
    house.run("contacts", "zone", FRIEND)
    assert zone() == ""
