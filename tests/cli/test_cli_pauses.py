"""`ringfence pauses`: who is taken over, and given back."""

from __future__ import annotations

import pytest
from house import FRIEND, STRANGER, House


@pytest.mark.proves("P2")
def test_take_over_and_give_back(house: House) -> None:
    assert "Nobody is paused." in house.run("pauses", "list").stdout
    assert "on every line" in house.run("pauses", "add", FRIEND).stdout
    assert "already" in house.run("pauses", "add", FRIEND).stdout
    [row] = house.json("pauses", "list")["pauses"]
    assert (row["number"], row["line"], row["why"]) == (FRIEND, None, "handover")
    assert row["actor"].startswith("operator:")
    assert FRIEND in house.run("pauses", "list").stdout
    assert house.json("pauses", "lift", FRIEND)["lifted"] == [row]
    house.run("pauses", "lift", FRIEND, code=1)


def test_one_line_alone(two_lines: House) -> None:
    assert two_lines.json("pauses", "add", FRIEND, "--account", "second") == {
        "number": FRIEND,
        "line": "second",
        "paused": True,
        "fresh": True,
    }
    two_lines.run("pauses", "add", FRIEND)
    two_lines.run("pauses", "add", STRANGER)
    assert "line second" in two_lines.run("pauses", "lift", FRIEND, "--account", "second").stdout
    left = two_lines.json("pauses", "list")["pauses"]
    assert [(row["number"], row["line"]) for row in left] == [(FRIEND, None), (STRANGER, None)]
    two_lines.run("pauses", "lift", FRIEND, "--account", "second", code=1)


def test_what_is_wrong_usage(house: House) -> None:
    house.run("pauses", "add", "nobody", code=2)
    house.run("pauses", "add", FRIEND, "--account", "nowhere", code=2)


def test_both_on_record(house: House) -> None:
    house.run("pauses", "add", FRIEND)
    house.run("pauses", "lift", FRIEND)
    kinds = [stored.entry.kind for stored in house.read(lambda tx: tx.audit.newest(10))]
    assert ("paused" in kinds, "pause_lifted" in kinds) == (True, True)
    bodies = str([stored.entry.body for stored in house.read(lambda tx: tx.audit.newest(10))])
    assert FRIEND not in bodies
