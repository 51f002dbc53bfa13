"""What a line's probe asks Plivo, and what it makes of the answers."""

from __future__ import annotations

from typing import Any

import pytest
from plivo_rig import AUTH_ID, LINE, OURS, POWERPACK, URL, answer, line

from ringfence.model.line import Line
from ringfence.providers.base import Finding
from ringfence.providers.plivo import PROVIDER as PLIVO

ACCOUNT = {"billing_mode": "prepaid", "cash_credits": "1.80900", "auto_recharge": False}
NUMBER = {
    "application": f"/v1/Account/{AUTH_ID}/Application/29986316244302815/",
    "sms_enabled": True,
    "tendlc_registration_status": None,
}
PACK = {"application_id": "29986316244302815", "application_type": "xml"}
APPLICATION = {"app_id": "29986316244302815", "message_url": URL, "message_method": "POST"}
POOL = line(number=None, service_id=POWERPACK)


def found(ours: Line, **changes: Any) -> dict[str, Finding]:
    documents = {
        "account": ACCOUNT,
        "number": NUMBER,
        "powerpack": PACK,
        "webhook": {"objects": [APPLICATION]},
        **changes,
    }
    answers = [(name, answer(200, documents[name])) for name, _ in PLIVO.probe_requests(ours)]
    return {one.check: one for one in PLIVO.probe_findings(answers, ours)}


def test_it_only_reads_what_is_the_lines() -> None:
    home = f"https://api.plivo.com/v1/Account/{AUTH_ID}"
    asked = dict(PLIVO.probe_requests(LINE))
    assert {request.method for request in asked.values()} == {"GET"}
    assert {name: request.url for name, request in asked.items()} == {
        "account": f"{home}/",
        "number": f"{home}/Number/{OURS.removeprefix('+')}/",
        "webhook": f"{home}/Application/?limit=20",
    }
    assert dict(PLIVO.probe_requests(POOL))["powerpack"].url == f"{home}/Powerpack/{POWERPACK}/"


@pytest.mark.parametrize(("ours", "names"), [(LINE, "number"), (POOL, "powerpack")])
def test_a_line_that_is_set_up_has_nothing_against_it(ours: Line, names: str) -> None:
    told = found(ours)
    assert sorted(told) == sorted(["account", names, "webhook"])
    assert all(one.ok for one in told.values())


@pytest.mark.parametrize("credits", ["0.00000", "0", "-3.10000"])
def test_an_account_without_credit_is_told(credits: str) -> None:
    assert not found(LINE, account={**ACCOUNT, "cash_credits": credits})["account"].ok
    for saved in ({"auto_recharge": True}, {"billing_mode": "postpaid"}):
        assert found(LINE, account={**ACCOUNT, "cash_credits": credits, **saved})["account"].ok


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ({"sms_enabled": False}, "not enabled for messages"),
        ({"tendlc_registration_status": "UNREGISTERED"}, "no 10DLC registration"),
        ({"application": None}, "no application"),
    ],
)
def test_what_is_wrong_with_the_number_is_told(number: dict[str, Any], words: str) -> None:
    one = found(LINE, number={**NUMBER, **number})["number"]
    assert not one.ok
    assert words in one.text
    assert one.hint


@pytest.mark.parametrize(
    "pack", [{"application_id": ""}, {"application_type": "phlo"}, {"application_id": None}]
)
def test_a_powerpack_needs_an_xml_application(pack: dict[str, Any]) -> None:
    assert not found(POOL, powerpack={**PACK, **pack})["powerpack"].ok


@pytest.mark.proves("B100")
@pytest.mark.parametrize(
    ("application", "words"),
    [
        ({"message_url": ""}, "No Message URL"),
        ({"message_url": None}, "No Message URL"),
        ({"message_url": "https://gw.example.com/webhooks/other"}, "calls another URL"),
        ({"message_method": "GET"}, "does not call with POST"),
        ({"app_id": "1"}, "not among"),
    ],
)
def test_what_is_wrong_with_the_application_is_told(
    application: dict[str, Any], words: str
) -> None:
    one = found(LINE, webhook={"objects": [{**APPLICATION, **application}]})["webhook"]
    assert not one.ok
    assert words in one.text
    assert one.hint


def test_the_same_address_written_otherwise_is_the_same() -> None:
    for url in (f"{URL}#rc=1", URL.replace("example.com", "example.com:443")):
        row = {**APPLICATION, "message_url": url}
        assert found(LINE, webhook={"objects": [row]})["webhook"].ok
    assert not found(line(public_url=None))["webhook"].ok


@pytest.mark.proves("B103")
def test_refusals_and_silence_are_findings_without_a_number() -> None:
    names = [name for name, _ in PLIVO.probe_requests(LINE)]
    silent = PLIVO.probe_findings([], LINE)
    assert [one.check for one in silent] == names
    assert not any(one.ok for one in silent)
    refused = answer(404, {"error": f"{OURS} is not yours"})
    for one in PLIVO.probe_findings([(name, refused) for name in names], LINE):
        assert not one.ok
        assert "5555550100" not in one.text + one.hint
