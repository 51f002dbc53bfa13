"""`ringfence consent`: what an operator records, looks up and carries in and out."""

from __future__ import annotations

import csv
import io
import json
import stat
from pathlib import Path

import pytest
from house import FRIEND, OWNER, STRANGER, House, build

from ringfence.model.message import MessageStatus
from ringfence.model.phone import PhoneNumber

GRANT = (
    *("consent", "grant", FRIEND, "--programme", "orders", "--level", "transactional"),
    *("--method", "web_form", "--disclosure", "We text about orders.", "--evidence", "f7"),
)
HEAD = "number,kind,programme,level,method,at,disclosure"


def opted_out_by(house: House, number: str) -> str:
    person = PhoneNumber(number)
    found = house.read(lambda tx: tx.people.find([person]))
    return found[person].opt_out_source if person in found else ""


def test_a_grant_is_listed_shown_and_revoked(house: House) -> None:
    assert "Nothing is on record." in house.run("consent", "list").stdout
    assert house.json("consent", "list") == {"events": []}
    granted = house.json(*GRANT, "--expires", "2036-01-01T00:00:00Z", "--country", "US")
    assert granted["actor"].startswith("operator:")
    [row] = house.json("consent", "list", "--programme", "orders")["events"]
    assert (row["id"], row["number"], row["evidence"]) == (granted["id"], FRIEND, "f7")
    assert house.json("consent", "list", "--programme", "offers") == {"events": []}
    shown = house.json("consent", "show", FRIEND)
    [agreed] = shown["agreed"]
    assert (agreed["programme"], agreed["holds"], agreed["event"]) == (
        "orders",
        True,
        granted["id"],
    )
    assert (shown["opted_out_by"], len(shown["events"]), shown["asked"]) == (None, 1, [])
    assert "orders" in house.run("consent", "show", FRIEND).stdout
    assert "no longer agrees" in house.run("consent", "revoke", FRIEND).stdout
    assert house.json("consent", "show", FRIEND)["agreed"] == []
    assert house.json("consent", "show", STRANGER)["events"] == []


@pytest.mark.proves("P2", "B061")
@pytest.mark.parametrize(
    "words",
    [
        ["grant", "5555550112", "--programme", "a", "--level", "marketing", "--method", "paper"],
        ["grant", FRIEND, "--programme", "a", "--level", "loud", "--method", "paper"],
        ["grant", FRIEND, "--programme", "a", "--level", "marketing"],
        [*GRANT[1:], "--at", "yesterday"],
        [*GRANT[1:], "--at", "2026-01-01T00:00:00"],
        ["import", "/no/such/file.csv"],
        ["opt-out", FRIEND],
        ["ask", FRIEND, "--programme", "a", "--text", "hi", "--hours", "0"],
        ["import-provider", "--account", "nobody"],
    ],
)
def test_wrong_usage_is_exit_code_2(house: House, words: list[str]) -> None:
    house.run("consent", *words, code=2)
    assert house.json("consent", "list") == {"events": []}


def test_consent_without_proof_is_refused(house: House) -> None:
    words = ("--programme", "a", "--level", "transactional", "--method", "verbal")
    result = house.run("consent", "grant", FRIEND, *words, code=1)
    assert "evidence" in str(result.exception)


@pytest.mark.proves("P3")
def test_do_not_contact_cancels_what_waits_and_is_lifted_by_an_operator(house: House) -> None:
    message_id = house.queues(FRIEND)
    answer = house.json("consent", "opt-out", FRIEND, "--reason", "letter of 3 May")
    assert answer == {"number": FRIEND, "opted_out": True, "cancelled": 1}
    message = house.read(lambda tx: tx.messages.get(message_id))
    assert message is not None
    assert message.status is MessageStatus.CANCELLED
    assert opted_out_by(house, FRIEND) == "operator"
    assert "opted out (by operator)" in house.run("consent", "show", FRIEND).stdout
    house.run("consent", "opt-out", FRIEND, "--reason", "again", code=1)
    assert house.json("consent", "opt-in", FRIEND) == {"number": FRIEND, "opted_out_by": None}
    assert opted_out_by(house, FRIEND) == ""
    house.run("consent", "opt-in", FRIEND, code=1)


def test_a_file_with_bad_rows_is_kept_out_or_in_part(house: House, tmp_path: Path) -> None:
    file = tmp_path / "consent.csv"
    good = f"{FRIEND},granted,orders,transactional,paper,2026-01-05T10:00:00Z,We text."
    file.write_text(f"{HEAD}\n{good}\n{good.replace(FRIEND, '555-0112')}\n")
    dry = house.run("consent", "import", str(file), "--dry-run", code=1)
    assert "row 3: " in dry.stderr
    assert "1 good rows, 1 bad ones" in dry.stdout
    refused = house.json("consent", "import", str(file), code=1)
    assert (refused["recorded"], [row["row"] for row in refused["bad"]]) == (0, [3])
    assert house.json("consent", "list") == {"events": []}
    assert house.json("consent", "import", str(file), "--partial", code=1)["recorded"] == 1
    file.write_text(f"{HEAD}\n{good}\n")
    assert "On record already: 1" in house.run("consent", "import", str(file)).stdout
    file.write_text("telephone,when\n")
    assert "Known: number" in str(house.run("consent", "import", str(file), code=1).exception)


@pytest.mark.proves("P9")
def test_the_ledger_comes_out_whole_and_without_formulas(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringfence.cli.consent.EXPORT_PAGE", 2)
    for n in range(5):
        text = "=HYPERLINK(1)" if n == 3 else f"text {n}"
        house.run(*GRANT[:-3], text, "--at", f"2026-01-0{n + 1}T00:00:00Z")
    rows = list(csv.DictReader(io.StringIO(house.run("consent", "export").stdout)))
    assert [row["disclosure"] for row in rows] == [
        *("text 0", "text 1", "text 2", "'=HYPERLINK(1)", "text 4")
    ]
    assert {row["number"] for row in rows} == {FRIEND}
    lines = house.run("consent", "export", "--json").stdout.splitlines()
    assert [json.loads(line)["disclosure"] for line in lines][3] == "=HYPERLINK(1)"
    file = tmp_path / "out.csv"
    assert "5 events" in house.run("consent", "export", "--output", str(file)).stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    house.run("consent", "export", "--output", str(file), code=2)
    again = house.json("consent", "import", str(file))
    assert (again["recorded"], again["repeated"], again["bad"]) == (0, 5, [])


@pytest.mark.proves("P1")
def test_a_question_goes_through_the_gate(house: House) -> None:
    ask = ("consent", "ask", FRIEND, "--programme", "orders", "--text", "We text about orders.")
    asked = house.json(*ask)
    assert (asked["state"], asked["reasons"]) == ("queued", [])
    [message] = house.json("message", "list")["messages"]
    assert (message["class"], message["to"]) == ("opt_in_request", FRIEND)
    assert "JOIN " in message["body"]
    assert house.json("consent", "show", FRIEND)["asked"][0]["state"] == "pending"
    house.run(*ask, code=1)
    house.run("consent", "opt-out", STRANGER, "--reason", "x")
    refused = house.run(*(STRANGER if one == FRIEND else one for one in ask), code=1)
    assert "opted_out" in refused.stdout


def test_a_provider_out_of_reach_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    house = build(tmp_path, {"owners": [OWNER]})
    result = house.run("consent", "import-provider", code=1)
    assert "127.0.0.1:9" in str(result.exception)
    assert house.json("consent", "list") == {"events": []}
