"""`ringfence stop` and `ringfence resume`."""

from __future__ import annotations

import pytest
from house import FRIEND, STRANGER, House

from ringfence.bootstrap import Gateway
from ringfence.model.message import MessageStatus


@pytest.mark.proves("P3", "P2")
def test_stop_holds_what_waits_and_resume_releases_the_switch(house: House) -> None:
    message_id = house.queues(FRIEND)
    assert "No kill switch is engaged." in house.run("stop", "--list").stdout
    answer = house.json("stop", "--reason", "drill")
    assert answer == {"scope": "everything", "subject": None, "engaged": True, "held": 1}
    message = house.read(lambda tx: tx.messages.get(message_id))
    assert message is not None
    assert message.status is MessageStatus.HELD
    [row] = house.json("stop", "--list")["kill_switches"]
    assert (row["scope"], row["reason"]) == ("everything", "drill")
    assert row["actor"].startswith("operator:")
    assert "drill" in house.run("stop", "--list").stdout
    assert "everything" in house.run("resume").stdout
    assert house.json("stop", "--list") == {"kill_switches": []}
    house.run("resume", code=1)


@pytest.mark.proves("P3", "P9")
@pytest.mark.parametrize(
    ("option", "subject"),
    [("--line", "second"), ("--agent", "default"), ("--agent", "local"), ("--contact", FRIEND)],
)
def test_one_line_agent_or_person(two_lines: House, option: str, subject: str) -> None:
    two_lines.queues(STRANGER, line="default")
    shown = two_lines.run("stop", option, subject).stdout
    assert subject in shown
    assert "held: 0" in shown
    listed = two_lines.run("stop", "--list").stdout
    assert FRIEND not in listed
    two_lines.run("resume", code=1)
    assert subject in two_lines.run("resume", option, subject).stdout


def test_resume_says_what_is_still_engaged(two_lines: House) -> None:
    two_lines.run("stop")
    two_lines.run("stop", "--line", "second")
    assert "Still engaged: line second" in two_lines.run("resume").stdout


def test_resume_restarts_a_line_the_provider_stopped(house: House) -> None:
    async def stops(gateway: Gateway) -> None:
        now = gateway.kit.clock.now()
        await gateway.kit.store.write(lambda tx: tx.lines.stop("default", "20003", now))

    house.with_gateway(stops)
    answer = house.json("resume", "--line", "default")
    assert answer["line_restarted"] is True
    assert house.read(lambda tx: tx.lines.stopped()) == {}
    house.run("resume", "--line", "default", code=1)


@pytest.mark.parametrize(
    "words",
    [
        ["stop", "--line", "nobody"],
        ["stop", "--agent", "nobody"],
        ["stop", "--contact", "5551234"],
        ["stop", "--line", "default", "--contact", FRIEND],
        ["stop", "--list", "--line", "default"],
        ["resume", "--agent", "default", "--line", "default"],
    ],
)
def test_wrong_usage_engages_nothing(house: House, words: list[str]) -> None:
    house.run(*words, code=2)
    assert house.read(lambda tx: tx.switches.engaged()) == ()
