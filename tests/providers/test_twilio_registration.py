"""What a probe asks and says about registration: campaigns, toll-free numbers, and what is unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twilio_rig import ACCOUNT, SERVICE, answer, line

from ringfence.model.line import Line
from ringfence.model.phone import PhoneNumber
from ringfence.model.wire import WireResponse
from ringfence.providers import explainers
from ringfence.providers.base import Finding
from ringfence.providers.twilio import PROVIDER
from ringfence.providers.twilio_explain import TIERS
from ringfence.providers.twilio_registration import NAMES, is_toll_free

LONG, FREE, CANADIAN = "+15555550100", "+18885550123", "+16475550124"
ON_SERVICE = line(service_id=SERVICE, number=None)
BOTH = line(service_id=SERVICE)
TOLL_FREE = line(number=PhoneNumber(FREE))


def campaigns(*rows: dict[str, Any]) -> WireResponse:
    return answer(200, json.dumps({"compliance": list(rows)}))


def campaign(status: str = "VERIFIED", tier: str | None = "LOW", **changes: Any) -> dict[str, Any]:
    row = {
        "campaign_status": status,
        "us_app_to_person_usecase": "LOW_VOLUME",
        "rate_limits": {"tmobile": {"brand_tier": tier}} if tier else None,
        "errors": [],
    }
    return row | changes


def pool(*numbers: str) -> WireResponse:
    rows = [
        {"phone_number": number, "country_code": "CA" if number == CANADIAN else "US"}
        for number in numbers
    ]
    return answer(200, json.dumps({"phone_numbers": rows}))


def verified(**statuses: str) -> WireResponse:
    rows = [
        {"tollfree_phone_number": number, "status": status} for number, status in statuses.items()
    ]
    return answer(200, json.dumps({"verifications": rows}))


def found(ours: Line, **answers: WireResponse) -> dict[str, Finding]:
    findings = PROVIDER.probe_findings(list(answers.items()), ours)
    for finding in findings:
        for secret in ("5555550", "8885550", ACCOUNT):
            assert secret not in finding.text + finding.hint
    return {one.check: one for one in findings if one.check in ("a2p", "toll_free")}


def asked(ours: Line) -> set[str]:
    return {name for name, _ in PROVIDER.probe_requests(ours)} & NAMES


@pytest.mark.parametrize(
    ("ours", "names"),
    [
        (line(), set()),
        (BOTH, {"campaign"}),
        (TOLL_FREE, {"toll_free"}),
        (ON_SERVICE, {"campaign", "pool", "toll_free"}),
        (line(number=PhoneNumber("+4915155550100"), service_id=SERVICE), set()),
    ],
)
def test_only_what_the_sender_needs_is_asked(ours: Line, names: set[str]) -> None:
    assert asked(ours) == names
    assert bool(found(ours)) is not (ours.number is not None and "+49" in ours.number.e164)


# -- 10DLC -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "ok", "words"),
    [
        ([campaign()], True, "2,000 segments a day"),
        ([campaign(tier="LOWER_MID")], True, "10,000 segments"),
        ([campaign(tier="TOP")], True, "200,000 segments"),
        ([campaign(us_app_to_person_usecase="SOLE_PROPRIETOR")], True, "1,000 segments"),
        ([campaign(tier="ANOTHER")], True, "verified (LOW_VOLUME)."),
        ([campaign(tier=None)], True, "verified (LOW_VOLUME)."),
        ([campaign("FAILED"), campaign()], True, "verified"),
        ([campaign(), campaign("FAILED")], True, "verified"),
        ([], False, "no 10DLC campaign"),
        ([campaign("PENDING")], False, "in review (PENDING)"),
        ([campaign("IN_PROGRESS")], False, "in review (IN_PROGRESS)"),
        ([campaign("SUSPENDED")], False, "not verified (SUSPENDED)"),
        ([campaign("FAILED", errors=[{"error_code": 30908}])], False, "errors 30908"),
        ([campaign("FAILED", errors=[{"error_code": "x"}, 5])], False, "not verified (FAILED):"),
        ([campaign("FAILED", errors=None)], False, "not verified (FAILED):"),
    ],
)
def test_a_campaign_of_a_number(rows: list[dict[str, Any]], ok: bool, words: str) -> None:
    finding = found(BOTH, campaign=campaigns(*rows))["a2p"]
    assert finding.ok is ok
    assert words in finding.text
    assert ok or ("30034" in finding.text and finding.hint)


def test_a_tier_is_said_as_the_key_to_set() -> None:
    finding = found(BOTH, campaign=campaigns(campaign(tier="UPPER_MID")))["a2p"]
    assert f"a2p.dailySegments to {TIERS['UPPER_MID']}" in finding.hint


def test_an_errors_page_is_linked() -> None:
    rows = campaign("FAILED", errors=[{"error_code": 30908}, {"error_code": 30909}])
    hint = found(BOTH, campaign=campaigns(rows))["a2p"].hint
    assert hint.endswith("https://www.twilio.com/docs/api/errors/30908")


@pytest.mark.parametrize(
    ("numbers", "rows", "ok"),
    [
        ((LONG,), [], False),
        ((LONG, FREE), [], False),
        ((FREE,), [], True),
        ((CANADIAN,), [], True),
        ((), [], True),
        ((FREE,), [campaign("FAILED")], True),
        ((LONG,), [campaign()], True),
    ],
)
def test_a_service_needs_a_campaign_for_its_us_numbers(
    numbers: tuple[str, ...], rows: list[dict[str, Any]], ok: bool
) -> None:
    assert found(ON_SERVICE, pool=pool(*numbers), campaign=campaigns(*rows))["a2p"].ok is ok


@pytest.mark.parametrize(
    "response",
    [
        None,
        answer(404, '{"code":20404,"message":"not found"}'),
        answer(503),
        answer(200, "<html>"),
        answer(200, '{"compliance":"x"}'),
    ],
)
def test_what_a_stand_in_does_not_tell_is_said_and_no_illness(
    response: WireResponse | None,
) -> None:
    given = {} if response is None else {"campaign": response}
    finding = found(BOTH, **given)["a2p"]
    assert finding.ok
    assert "could not be looked at" in finding.text


def test_a_number_without_its_service_cannot_be_asked_about() -> None:
    finding = found(line())["a2p"]
    assert finding.ok
    assert "messagingServiceSid" in finding.hint


# -- toll-free -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "ok", "words", "hint"),
    [
        ({FREE: "TWILIO_APPROVED"}, True, "verified", ""),
        ({FREE: "PENDING_REVIEW"}, False, "(pending)", "Wait"),
        ({FREE: "IN_REVIEW"}, False, "(in review)", "Wait"),
        ({FREE: "TWILIO_REJECTED"}, False, "(rejected)", "seven days"),
        ({}, False, "(nothing submitted)", "a2p-registration.md"),
        ({"+18885550199": "TWILIO_APPROVED"}, False, "(nothing submitted)", "Submit"),
    ],
)
def test_a_toll_free_number(statuses: dict[str, str], ok: bool, words: str, hint: str) -> None:
    finding = found(TOLL_FREE, toll_free=verified(**statuses))["toll_free"]
    assert finding.ok is ok
    assert words in finding.text
    assert hint in finding.hint
    assert ok or "30032" in finding.text


def test_every_toll_free_number_of_a_service_counts() -> None:
    other = "+18335550125"
    answers = {"pool": pool(FREE, other), "campaign": campaigns()}
    one = found(ON_SERVICE, **answers, toll_free=verified(**{FREE: "TWILIO_APPROVED"}))
    assert "1 of 2" in one["toll_free"].text
    both = verified(**{FREE: "TWILIO_APPROVED", other: "TWILIO_APPROVED"})
    assert found(ON_SERVICE, **answers, toll_free=both)["toll_free"].ok
    assert not found(ON_SERVICE, **answers, toll_free=verified())["toll_free"].ok


@pytest.mark.parametrize("newest_first", [True, False])
def test_one_approval_is_enough(newest_first: bool) -> None:
    """A request that was rejected, before or beside the approved one, takes nothing from it."""
    rows = [
        {"tollfree_phone_number": FREE, "status": status}
        for status in ("TWILIO_REJECTED", "TWILIO_APPROVED")
    ]
    rows = rows if newest_first else rows[::-1]
    response = answer(200, json.dumps({"verifications": rows}))
    assert found(TOLL_FREE, toll_free=response)["toll_free"].ok


@pytest.mark.parametrize("response", [None, answer(500), answer(200, "{}")])
def test_silence_about_toll_free_is_said(response: WireResponse | None) -> None:
    given = {} if response is None else {"toll_free": response}
    finding = found(TOLL_FREE, **given)["toll_free"]
    assert (finding.ok, "could not be looked at" in finding.text) == (True, True)


@pytest.mark.parametrize("code", ["800", "833", "844", "855", "866", "877", "888"])
def test_toll_free_codes(code: str) -> None:
    assert is_toll_free(f"+1{code}5550123")
    assert not is_toll_free(f"+4{code}5550123")
    assert not is_toll_free(f"+15{code}550123"[:12])


# -- codes in words --------------------------------------------------------------------------------

EXPLAINER = explainers()["twilio"]


@pytest.mark.parametrize("code", EXPLAINER.codes())
def test_every_code_says_what_it_means_who_acts_and_where_to_read(code: int) -> None:
    one = EXPLAINER.explain(code)
    assert one.registration
    assert one.means.endswith(".")
    assert one.do.endswith(".")
    assert one.who
    assert one.page == f"https://www.twilio.com/docs/api/errors/{code}"


def test_the_table_holds_the_codes_people_meet() -> None:
    wanted = {21608, 30007, 30023, 30024, 30027, 30032, 30034, 30035, 30037}
    assert wanted <= set(EXPLAINER.codes())


def test_other_codes_are_explained_or_said_to_be_unknown() -> None:
    known = EXPLAINER.explain(30006)
    assert (known.registration, known.means) == (False, "The recipient is a landline.")
    unknown = EXPLAINER.explain(99999)
    assert "does not know" in unknown.means
    assert unknown.page.endswith("/99999")
