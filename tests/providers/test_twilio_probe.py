"""The probe: what it asks, what it makes of the answers, and that it names no number."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twilio_rig import ACCOUNT, LINE, SENT_SMS, SERVICE, URL, answer, line

from ringfence.model.line import Line
from ringfence.model.wire import WireResponse
from ringfence.providers.base import Finding
from ringfence.providers.twilio import PROVIDER

API = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}"
V1 = "https://messaging.twilio.com/v1"
ON_SERVICE = line(service_id=SERVICE, number=None)


def number(**changes: Any) -> WireResponse:
    row = {"phone_number": "+15555550100", "sms_url": URL, "sms_method": "POST", **changes}
    return answer(200, json.dumps({"incoming_phone_numbers": [row]}))


def service(**changes: Any) -> WireResponse:
    found = {"inbound_request_url": URL, "inbound_method": "POST", **changes}
    return answer(200, json.dumps(found))


def came_in(*codes: Any, **changes: Any) -> WireResponse:
    rows = [
        {"direction": "inbound", "from": "+15555550123", "to": "+15555550100", "error_code": code}
        | changes
        for code in codes
    ]
    return answer(200, json.dumps({"messages": rows}))


def probe(ours: Line, **answers: WireResponse) -> dict[str, Finding]:
    findings = PROVIDER.probe_findings(list(answers.items()), ours)
    for finding in findings:
        for secret in ("5555550", ACCOUNT, SENT_SMS):
            assert secret not in finding.text + finding.hint
    return {finding.check: finding for finding in findings}


@pytest.mark.parametrize(
    ("ours", "urls"),
    [
        (
            LINE,
            {
                "number": f"{API}/IncomingPhoneNumbers.json?PhoneNumber=%2B15555550100&PageSize=2",
                "inbound": f"{API}/Messages.json?To=%2B15555550100&PageSize=20",
            },
        ),
        (
            ON_SERVICE,
            {
                "service": f"https://messaging.twilio.com/v1/Services/{SERVICE}",
                "inbound": f"{API}/Messages.json?PageSize=50",
                "campaign": f"{V1}/Services/{SERVICE}/Compliance/Usa2p?PageSize=50",
                "pool": f"{V1}/Services/{SERVICE}/PhoneNumbers?PageSize=50",
                "toll_free": f"{V1}/Tollfree/Verifications?PageSize=50",
            },
        ),
        (
            line(service_id=SERVICE, number=None, api_base_url="http://127.0.0.1:4010"),
            {
                "service": f"http://127.0.0.1:4010/v1/Services/{SERVICE}",
                "inbound": f"http://127.0.0.1:4010/2010-04-01/Accounts/{ACCOUNT}"
                "/Messages.json?PageSize=50",
                "campaign": f"http://127.0.0.1:4010/v1/Services/{SERVICE}/Compliance/Usa2p"
                "?PageSize=50",
                "pool": f"http://127.0.0.1:4010/v1/Services/{SERVICE}/PhoneNumbers?PageSize=50",
                "toll_free": "http://127.0.0.1:4010/v1/Tollfree/Verifications?PageSize=50",
            },
        ),
    ],
)
def test_it_only_reads(ours: Line, urls: dict[str, str]) -> None:
    asked = PROVIDER.probe_requests(ours)
    assert {name: request.url for name, request in asked} == urls
    assert {request.method for _, request in asked} == {"GET"}


@pytest.mark.parametrize(
    ("found", "ok", "word"),
    [
        (number(), True, "this line's URL"),
        (number(sms_url=URL.replace(".com/", ".com:443/") + "#rc=2"), True, "this line's URL"),
        (number(sms_url=None), False, "No webhook"),
        (number(sms_url=""), False, "No webhook"),
        (number(sms_method="GET"), False, "another method"),
        (number(sms_method=None), False, "another method"),
        (number(sms_url="https://demo.example/sms"), False, "another URL"),
        (number(sms_url=URL.replace(".com/", ".com:8443/")), False, "another URL"),
        (number(sms_url=URL + "?x=1"), False, "another URL"),
        (number(sms_url="not a url"), False, "another URL"),
        (number(sms_application_sid="AP" + "1" * 32), False, "application"),
        (number(phone_number="+15555550101"), False, "does not have the line's number"),
        (answer(200, '{"incoming_phone_numbers":[]}'), False, "does not have the line's number"),
        (answer(200, '{"incoming_phone_numbers":"x"}'), False, "does not have the line's number"),
        (answer(200, "<html>"), False, "not the API's JSON"),
        (answer(401, '{"code":20003,"message":"Authenticate"}'), False, "credentials"),
        (answer(401, f'{{"message":"{ACCOUNT} +15555550100"}}'), False, "HTTP 401"),
        (answer(503), False, "HTTP 503"),
    ],
)
def test_the_numbers_webhook_against_ours(found: WireResponse, ok: bool, word: str) -> None:
    findings = probe(LINE, number=found, inbound=came_in())
    name = "webhook" if "webhook" in findings else "number"
    assert findings[name].ok is ok
    assert word in findings[name].text
    assert ok or findings[name].hint


@pytest.mark.parametrize(
    ("found", "ok", "word"),
    [
        (service(), True, "this line's URL"),
        (service(use_inbound_webhook_on_number=True), False, "defers to each number"),
        (service(inbound_request_url=None), False, "No webhook"),
        (service(inbound_method="GET"), False, "another method"),
    ],
)
@pytest.mark.proves("B100")
def test_the_services_webhook_against_ours(found: WireResponse, ok: bool, word: str) -> None:
    finding = probe(ON_SERVICE, service=found)["webhook"]
    assert finding.ok is ok
    assert word in finding.text


def test_a_line_without_a_public_url_is_not_healthy() -> None:
    assert not probe(line(public_url=None), number=number())["webhook"].ok


def test_a_number_wins_over_a_service() -> None:
    both = line(service_id=SERVICE)
    assert [name for name, _ in PROVIDER.probe_requests(both)] == [
        "number",
        "inbound",
        "campaign",
    ]
    assert probe(both, number=number(), inbound=came_in(None))["webhook"].ok
    assert not probe(both, number=number(), inbound=came_in(11200))["inbound"].ok


@pytest.mark.proves("B101")
def test_messages_that_could_not_be_handed_over() -> None:
    finding = probe(LINE, inbound=came_in(11200, None, None))["inbound"]
    assert not finding.ok
    assert "1 of 3" in finding.text
    assert "11200" in finding.text
    assert "reachable" in finding.hint
    assert ".ts.net" not in finding.hint
    tailnet = line(public_url="https://box.tail1234.ts.net/webhooks/sms")
    assert "Funnel" in probe(tailnet, inbound=came_in(11200))["inbound"].hint


@pytest.mark.parametrize(
    ("found", "ok"),
    [
        (came_in(), True),
        (came_in(None, None), True),
        (came_in(None, None, None, 11200), True),
        (came_in(30008), False),
        (came_in(11200, direction="outbound-api"), True),
        (answer(200, '{"messages":null}'), True),
    ],
)
def test_only_the_last_three_that_came_in_count(found: WireResponse, ok: bool) -> None:
    assert probe(LINE, inbound=found)["inbound"].ok is ok


def test_a_service_counts_its_own_messages() -> None:
    others = came_in(11200, messaging_service_sid="MG" + "9" * 32)
    ours = came_in(11200, messaging_service_sid=SERVICE)
    assert probe(ON_SERVICE, inbound=others)["inbound"].ok
    assert not probe(ON_SERVICE, inbound=ours)["inbound"].ok


@pytest.mark.proves("B103")
def test_silence_is_reported() -> None:
    findings = probe(LINE)
    assert {name: finding.ok for name, finding in findings.items()} == {
        "number": False,
        "inbound": False,
        "a2p": True,  # nothing was asked: the number's service is not known
    }
    assert "did not answer" in findings["number"].text
