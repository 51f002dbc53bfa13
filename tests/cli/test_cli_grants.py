"""`ringfence grants`: given in words, listed, shown with its uses, taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from house import House, build

from ringfence.bootstrap import Gateway
from ringfence.gateway.bridge import SendRequest, send
from ringfence.model.message import Message
from ringfence.model.phone import PhoneNumber

FRIEND, OTHER = "+15555550112", "+15555550113"
ADD = ("grants", "add", "--agent", "local", "--class", "free_text")


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A line whose people may be written to at any hour."""
    return build(tmp_path, policy={"quietHours": {"windows": "mon-sun 00:00-24:00"}})


def texts(house: House, to: str = FRIEND, body: str = "hi") -> Message:
    """The local agent asks to text somebody."""

    async def work(gateway: Gateway) -> Message:
        line = gateway.kit.lines["default"]
        request = SendRequest(line, PhoneNumber(to), body, "agent:local")
        return (await send(gateway.kit, request)).message

    return house.with_gateway(work)


def listed(house: House, *words: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = house.json("grants", "list", *words)["grants"]
    return rows


@pytest.mark.proves("P2", "P3")
def test_a_grant_is_given_used_shown_and_taken_back(house: House) -> None:
    made = house.json(*ADD, "--to", FRIEND, "--to", OTHER, "--count", "2", "--name", "Friends")
    assert made["recipients"] == [FRIEND, OTHER]
    assert (made["group"], made["line"], made["until"]) == ("named", None, None)
    assert made["created_by"].startswith("operator:")
    message = texts(house)
    assert message.status.value == "queued"
    story = house.json("grants", "show", made["id"])
    assert (story["used"], story["left"]) == (1, 1)
    assert [use["message"] for use in story["uses"]] == [message.id]
    shown = house.run("grants", "show", made["id"]).stdout
    assert message.id in shown
    assert "recipients: +15555550112, +15555550113" in shown
    record = house.run("audit", "show", message.id).stdout
    assert f"ringfence grants revoke {made['id']}" in record
    revoked = house.json("grants", "revoke", made["id"])
    assert (revoked["state"], revoked["cancelled"]) == ("revoked", 1)
    assert texts(house, body="again").status.value == "held"
    assert listed(house) == []
    assert [one["state"] for one in listed(house, "--all")] == ["revoked"]
    assert "revoked by operator:" in house.run("grants", "revoke", made["id"], code=1).stderr


def test_a_grant_is_told_in_words(house: House) -> None:
    given = ("--group", "anyone", "--count", "5", "--until", "30d")
    made = house.run(*ADD, *given, "--hours", "mon-fri 09:00-17:00", "--line", "default").stdout
    assert "the agent local may send free_text to anyone without asking on line default" in made
    assert "mon-fri 09:00-17:00, 5 times, until 20" in made
    assert "ringfence grants revoke grt_" in made
    table = house.run("grants", "list").stdout
    assert "anyone" in table
    assert "There is no grant" not in table
    house.run("grants", "revoke", listed(house)[0]["id"])
    assert "There is no grant" in house.run("grants", "list").stdout


def test_the_listing_goes_on_past_a_page(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringfence.cli.grants.PAGE", 1)
    for name in ("a", "b", "c"):
        house.run(*ADD, "--to", FRIEND, "--name", name)
    assert {one["name"] for one in listed(house)} == {"a", "b", "c"}


def test_all_that_can_be_said(house: House) -> None:
    given = ("--to", FRIEND, "--until", "2099-01-01T00:00:00Z")
    assert "at most 3660 days" in house.run(*ADD, *given, code=1).stderr
    made = house.json(
        *ADD,
        *("--class", "template", "--group", "listed", "--category", "alert"),
        *("--programme", "duty", "--until", "2w", "--note", "why"),
    )
    assert made["classes"] == ["free_text", "template"]
    assert (made["categories"], made["programmes"], made["note"]) == (["alert"], ["duty"], "why")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--class", "free_text", "--to", FRIEND], 2),
        (["--agent", "local", "--class", "free_text"], 2),
        (["--agent", "local", "--class", "free_text", "--to", FRIEND, "--group", "anyone"], 2),
        (["--agent", "local", "--class", "free_text", "--group", "named"], 2),
        (["--agent", "local", "--class", "free_text", "--to", "5555550112"], 2),
        (["--agent", "local", "--class", "help", "--to", FRIEND], 2),
        (["--agent", "local", "--class", "free_text", "--to", FRIEND, "--line", "nobody"], 2),
        (["--agent", "local", "--class", "free_text", "--to", FRIEND, "--count", "0"], 2),
        (["--agent", "nobody", "--class", "free_text", "--to", FRIEND], 1),
        (["--agent", "local", "--to", FRIEND], 1),
        (["--agent", "local", "--class", "free_text", "--group", "anyone"], 1),
        (["--agent", "local", "--class", "free_text", "--group", "anyone", "--count", "5"], 1),
        (["--agent", "local", "--template", "nothing", "--to", FRIEND], 1),
        (["--agent", "local", "--class", "free_text", "--to", FRIEND, "--until", "soon"], 1),
        (["--agent", "local", "--class", "free_text", "--to", FRIEND, "--hours", "soon"], 1),
    ],
)
def test_what_cannot_be_gives_no_grant(house: House, words: list[str], code: int) -> None:
    assert house.run("grants", "add", *words, code=code).stderr
    assert listed(house, "--all") == []


@pytest.mark.parametrize("words", [["show", "grt_x"], ["revoke", "grt_x"]])
def test_a_grant_nobody_knows(house: House, words: list[str]) -> None:
    assert "grants list --all" in house.run("grants", *words, code=1).stderr
