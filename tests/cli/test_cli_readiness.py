"""`doctor` about profiles and registration, and `--profile` over everything."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from house import FRIEND, TOKEN, House, build

from ringfence.bootstrap import Gateway
from ringfence.config.apart import token_digest
from ringfence.model.message import MessageStatus
from ringfence.ports import MessageChange, Tx

STAGING = {
    "channels": {
        "sms": {
            "accountSid": "AC" + "2" * 32,
            "authToken": "token-of-staging",
            "fromNumber": "+15555550190",
            "testRecipients": [FRIEND],
        }
    },
    "store": {"url": "sqlite:///staging.db"},
}


def findings(house: House, *words: str, code: int | None = None) -> dict[str, list[Any]]:
    result = house.run(*words, "doctor", "--json", code=code)
    areas: dict[str, list[Any]] = {}
    for one in json.loads(result.stdout)["findings"]:
        areas.setdefault(one["area"], []).append(one)
    return areas


# -- codes -----------------------------------------------------------------------------------------


def test_a_code_is_explained_without_a_configuration(tmp_path: Path) -> None:
    house = House(tmp_path / "nothing.json5")
    told = house.run("doctor", "--code", "30034").stdout
    assert told.startswith("twilio 30034: ")
    assert "campaign" in told
    assert "https://www.twilio.com/docs/api/errors/30034" in told
    document = house.json("doctor", "--code", "30032")
    assert document["twilio"]["registration"] is True
    assert "does not know" in house.run("doctor", "--code", "12345").stdout
    house.run("doctor", "--code", "many", code=2)


# -- profiles --------------------------------------------------------------------------------------


def test_the_profile_is_told(tmp_path: Path) -> None:
    house = build(tmp_path, profiles={"staging": STAGING})
    assert "production" in findings(house, code=0)["profile"][0]["text"]
    [told] = findings(house, "--profile", "staging", code=0)["profile"]
    assert (told["level"], "staging" in told["text"]) == ("ok", True)
    assert house.run("config", "get", "profile").stdout == "production\n"
    assert house.run("--profile", "staging", "config", "get", "profile").stdout == "staging\n"
    assert house.run("--profile", "other", "doctor", code=2).output


def test_a_variable_stands_for_the_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = build(tmp_path, profiles={"staging": STAGING})
    monkeypatch.setenv("RINGFENCE_PROFILE", "staging")
    assert house.run("config", "get", "profile", "--show-origin").stdout.splitlines() == [
        "# RINGFENCE_PROFILE",
        "staging",
    ]
    assert house.run("--profile", "production", "config", "get", "profile").stdout == "production\n"


def test_staging_that_reaches_a_real_carrier_is_a_note(tmp_path: Path) -> None:
    real = {**STAGING["channels"]["sms"], "apiBaseUrl": "https://api.twilio.com"}  # type: ignore[index]
    real["publicWebhookUrl"] = "https://staging.example.com/webhooks/sms"
    house = build(tmp_path, profiles={"staging": {**STAGING, "channels": {"sms": real}}})
    [_, note] = findings(house, "--profile", "staging")["profile"]
    assert note["level"] == "note"
    assert "api.twilio.com" in note["text"]
    assert "1 test recipients" in note["text"]
    assert FRIEND not in str(note)


@pytest.mark.proves("P9")
def test_doctor_refuses_a_production_token_in_staging(tmp_path: Path) -> None:
    shared = {"authToken": TOKEN, "fromNumber": "+15555550190"}
    overlay = {**STAGING, "channels": {"sms": shared}}
    house = build(tmp_path, profiles={"staging": overlay})
    assert house.run("doctor")  # production is well
    found = findings(house, "--profile", "staging", code=1)["configuration"]
    assert [one["level"] for one in found] == ["wrong"]
    assert (
        "profiles.staging.channels.sms.authToken: is a credential of production"
        in (found[0]["text"])
    )
    assert TOKEN not in str(found)


@pytest.mark.proves("P9")
def test_doctor_refuses_a_token_that_productions_operator_noted(tmp_path: Path) -> None:
    for name in ("production", "staging"):
        (tmp_path / name).mkdir()
    production = build(tmp_path / "production")
    [digest] = production.json("doctor", "--token-digests")["productionTokens"]
    assert digest == token_digest(TOKEN)
    assert production.run("doctor", "--token-digests").stdout == f"{digest}  default\n"
    staging = build(tmp_path / "staging", profile="staging", productionTokens=[digest])
    [problem] = findings(staging, code=1)["configuration"]
    assert "productionTokens names its digest" in problem["text"]
    assert TOKEN not in str(problem)


def test_a_staging_file_that_knows_no_production_is_told(tmp_path: Path) -> None:
    house = build(tmp_path, profile="staging")
    notes = [one["text"] for one in findings(house)["configuration"]]
    assert any("which tokens are production's" in note for note in notes)


def test_a_store_of_the_other_profile_is_wrong(tmp_path: Path) -> None:
    house = build(tmp_path)
    house.queues(FRIEND)
    document = json.loads(house.path.read_text())
    house.path.write_text(json.dumps({**document, "profile": "staging"}))
    [told] = findings(house, code=1)["gateway"]
    assert "belongs to the profile production" in told["text"] + told["hint"]


# -- registration ----------------------------------------------------------------------------------


def _ends(house: House, code: int | None, status: MessageStatus, **ago: float) -> None:
    """A text of ours that ended so; made up in the store."""
    message = house.queues(FRIEND)

    async def work(gateway: Gateway) -> None:
        now = gateway.kit.clock.now() - timedelta(**ago)

        def job(tx: Tx) -> None:
            tx.messages.change([MessageChange(message, now, status=status, error_code=code)])

        await gateway.kit.store.write(job)

    house.with_gateway(work)


def test_texts_that_failed_for_want_of_a_registration_are_explained(house: House) -> None:
    _ends(house, 30034, MessageStatus.UNDELIVERED)
    _ends(house, 30034, MessageStatus.UNDELIVERED)
    _ends(house, 30006, MessageStatus.UNDELIVERED)
    wrong = [one for one in findings(house, code=1)["line default"] if one["level"] == "wrong"]
    [told] = [one for one in wrong if "30034" in one["text"]]
    assert told["text"].startswith("2 texts of the last 7 days ended with 30034")
    assert "Register a brand" in told["hint"]
    assert not any("30006" in one["text"] for one in wrong if "last message" not in one["text"])
    _ends(house, None, MessageStatus.DELIVERED)
    [told] = [one for one in findings(house)["line default"] if "30034" in one["text"]]
    assert (told["level"], "arrived since" in told["text"]) == ("note", True)


@pytest.mark.parametrize(("tier", "level"), [(100, "ok"), (5, "note"), (4, "wrong"), (3, "wrong")])
def test_the_days_segments_against_the_tier(tmp_path: Path, tier: int, level: str) -> None:
    house = build(tmp_path, {"a2p": {"dailySegments": tier}})

    async def sends(gateway: Gateway) -> None:
        from ringfence.gateway.counting import segments_window

        window = segments_window(gateway.kit.lines["default"], gateway.kit.clock.now())
        await gateway.kit.store.write(lambda tx: tx.counters.add({window: 4}))

    house.with_gateway(sends)
    [told] = findings(house, code=1 if level == "wrong" else 0)["a2p"]
    assert told["level"] == level
    assert told["text"].startswith(f"4 of {tier} segments left today")
    assert bool(told["hint"]) is (level != "ok")


def test_a_line_without_a_tier_has_no_such_finding(house: House) -> None:
    assert "a2p" not in findings(house, code=0)
