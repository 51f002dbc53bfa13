"""Requests to Plivo, byte by byte, and what is made of the answers."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from plivo_rig import (
    AUTH_ID,
    LINE,
    MESSAGE,
    OTHER_MESSAGE,
    OURS,
    PERSON,
    POWERPACK,
    TOKEN,
    URL,
    answer,
    line,
    refusal,
)

from ringfence.model.errors import (
    MediaRefused,
    ProviderBusy,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
)
from ringfence.model.line import Line
from ringfence.model.message import MessageStatus
from ringfence.model.outbox import ErrorClass, OutcomeKind
from ringfence.model.wire import WireRequest
from ringfence.providers.base import ListsMessages, ListsOptOuts, OutboundText, RemoteMessage
from ringfence.providers.plivo import PROVIDER as PLIVO
from ringfence.providers.plivo_errors import MEANINGS

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TEXT = OutboundText("obx_1", PERSON, "Hello")
ACCEPTED = {"api_id": OTHER_MESSAGE, "message": "message(s) queued", "message_uuid": [MESSAGE]}
RECORD = {
    "api_id": OTHER_MESSAGE,
    "error_code": "000",
    "from_number": OURS.removeprefix("+"),
    "message_direction": "outbound",
    "message_state": "delivered",
    "message_time": "2026-11-21 17:30:00.799021+05:30",
    "message_type": "sms",
    "message_uuid": MESSAGE,
    "to_number": PERSON.removeprefix("+"),
    "units": 2,
}


def document(request: WireRequest) -> Any:
    return json.loads(request.body)


def test_a_text_as_it_is_sent() -> None:
    request = PLIVO.send(TEXT, LINE)
    assert (request.method, request.url) == (
        "POST",
        f"https://api.plivo.com/v1/Account/{AUTH_ID}/Message/",
    )
    assert request.headers["Content-Type"] == "application/json"
    word = request.secret_headers["Authorization"].removeprefix("Basic ")
    assert b64decode(word).decode() == f"{AUTH_ID}:{TOKEN}"
    assert document(request) == {
        "src": OURS,
        "dst": PERSON,
        "type": "sms",
        "text": "Hello",
        "url": f"{URL}?ringfence=obx_1",
        "method": "POST",
    }


def test_a_powerpack_sends_where_there_is_no_number() -> None:
    """The API takes exactly one of the two; the number wins."""
    pool = line(number=None, service_id=POWERPACK)
    sent = document(PLIVO.send(TEXT, pool))
    assert (sent["powerpack_uuid"], "src" in sent) == (POWERPACK, False)
    assert "powerpack_uuid" not in document(PLIVO.send(TEXT, line(service_id=POWERPACK)))
    with pytest.raises(ProviderMisconfigured, match="fromNumber or powerpackUuid"):
        PLIVO.send(TEXT, line(number=None))


def test_attachments_make_it_an_mms() -> None:
    media = ("https://gw.example.com/a", "https://gw.example.com/b")
    sent = document(PLIVO.send(replace(TEXT, body="", media_urls=media), LINE))
    assert (sent["type"], sent["media_urls"], "text" in sent) == ("mms", list(media), False)
    captioned = document(PLIVO.send(replace(TEXT, media_urls=media), LINE))
    assert captioned["text"] == "Hello"


@pytest.mark.parametrize(
    ("public_url", "api", "report"),
    [
        (f"{URL}#rc=5", "https://api.plivo.com", f"{URL}?ringfence=obx_1"),
        (f"{URL}?a=1", "https://api.plivo.com/v1", f"{URL}?a=1&ringfence=obx_1"),
        ("http://127.0.0.1:8080/w", "https://api.plivo.com", None),
        (
            "http://127.0.0.1:8080/w",
            "http://127.0.0.1:9",
            "http://127.0.0.1:8080/w?ringfence=obx_1",
        ),
        (None, "https://api.plivo.com", None),
    ],
)
def test_reports_come_to_an_address_the_carrier_can_reach(
    public_url: str | None, api: str, report: str | None
) -> None:
    request = PLIVO.send(TEXT, line(public_url=public_url, api_base_url=api))
    assert document(request).get("url") == report
    assert "/v1/v1" not in request.url


def test_half_a_surrogate_pair_does_not_stop_the_line() -> None:
    assert document(PLIVO.send(replace(TEXT, body="a\ud800b"), LINE))["text"] == "a?b"


@pytest.mark.parametrize(
    "credentials",
    [replace(LINE.credentials, auth_tokens=()), replace(LINE.credentials, account_id="")],
)
def test_a_line_without_credentials_sends_nothing(credentials: Any) -> None:
    with pytest.raises(ProviderMisconfigured, match="authId and authToken"):
        PLIVO.send(TEXT, line(credentials=credentials))


# -- answers ---------------------------------------------------------------------------------------


def test_an_accepted_message_has_its_id() -> None:
    outcome = PLIVO.sent(answer(202, ACCEPTED))
    assert (outcome.kind, outcome.provider_id) == (OutcomeKind.ACCEPTED, MESSAGE)
    assert outcome.status is MessageStatus.QUEUED


@pytest.mark.proves("B074", "P5")
@pytest.mark.parametrize(
    "ids", [None, [], [1], [""], ["../x"], MESSAGE, [MESSAGE, OTHER_MESSAGE], {"0": MESSAGE}]
)
def test_a_good_answer_without_one_id_is_unknown(ids: object) -> None:
    outcome = PLIVO.sent(answer(202, {**ACCEPTED, "message_uuid": ids}))
    assert (outcome.kind, outcome.provider_id) == (OutcomeKind.UNKNOWN, "")


@pytest.mark.parametrize(
    ("status", "words", "kind", "error_class"),
    [
        (400, "dst parameter is invalid", OutcomeKind.REJECTED, ErrorClass.PERMANENT),
        (401, "authentication failed", OutcomeKind.REJECTED, ErrorClass.STOP_LINE),
        (403, "geo permission", OutcomeKind.REJECTED, ErrorClass.CONFIG),
        (404, "not found", OutcomeKind.REJECTED, ErrorClass.CONFIG),
        (400, "Insufficient credit.", OutcomeKind.REJECTED, ErrorClass.STOP_LINE),
        (403, "Insufficient credit.", OutcomeKind.REJECTED, ErrorClass.STOP_LINE),
        (429, "too many requests", OutcomeKind.RETRYABLE, ErrorClass.RETRY),
        (408, "timeout", OutcomeKind.UNKNOWN, None),
        (500, "internal error", OutcomeKind.UNKNOWN, None),
        (302, "", OutcomeKind.UNKNOWN, None),
    ],
)
@pytest.mark.proves("B071", "P5")
def test_refusals_have_words_and_no_code(
    status: int, words: str, kind: OutcomeKind, error_class: ErrorClass | None
) -> None:
    outcome = PLIVO.sent(refusal(status, words))
    assert (outcome.kind, outcome.error_class) == (kind, error_class)
    assert outcome.error_code == (900 if "credit" in words else None)


def test_only_a_throttled_send_waits_as_told() -> None:
    response = replace(refusal(429, "slow"), headers={"retry-after": "7"})
    assert PLIVO.sent(response).retry_after_s == 7.0
    assert PLIVO.sent(refusal(429, "slow")).retry_after_s is None
    for senseless in ("-1", "soon", "1e9", ""):
        odd = replace(refusal(429, "slow"), headers={"retry-after": senseless})
        assert PLIVO.sent(odd).retry_after_s is None


@pytest.mark.proves("P9")
def test_what_is_told_of_a_refusal_names_no_number() -> None:
    detail = PLIVO.sent(refusal(400, f"{PERSON} is not valid for {AUTH_ID}{AUTH_ID}")).detail
    assert "5555550123" not in detail
    assert AUTH_ID * 2 not in detail
    assert "HTTP 400" in detail
    nested = answer(400, {"error": {"error": "no such src"}})
    assert "no such src" in PLIVO.sent(nested).detail


@pytest.mark.proves("C1")
def test_codes_mean_what_the_vendors_list_says() -> None:
    assert PLIVO.classify(200) is ErrorClass.OPT_OUT
    assert [code for code in MEANINGS if PLIVO.classify(code) is ErrorClass.OPT_OUT] == [200]
    assert [code for code in MEANINGS if PLIVO.classify(code) is ErrorClass.STOP_LINE] == [900, 910]
    assert PLIVO.classify(None) is PLIVO.classify(77) is ErrorClass.PERMANENT
    assert all(one.means.endswith(".") for one in MEANINGS.values())


# -- reading back ----------------------------------------------------------------------------------


def test_a_message_is_asked_for_by_its_id() -> None:
    request = PLIVO.fetch(MESSAGE, LINE)
    assert request.method == "GET"
    assert request.url == f"https://api.plivo.com/v1/Account/{AUTH_ID}/Message/{MESSAGE}/"
    for odd in ("", "SM0", "../../Account", f"{MESSAGE}/x"):
        with pytest.raises(ProviderRejected):
            PLIVO.fetch(odd, LINE)


def test_a_record_is_a_message_without_its_text() -> None:
    assert PLIVO.fetched(answer(200, RECORD)) == RemoteMessage(
        provider_id=MESSAGE,
        to=PERSON,
        sender=OURS,
        body="",
        status=MessageStatus.DELIVERED,
        error_code=None,
        created_at=datetime(2026, 11, 21, 12, 0, 0, 799021, tzinfo=UTC),
        segments=2,
    )


def test_odd_fields_of_a_record_are_tamed() -> None:
    odd = {**RECORD, "message_time": "yesterday", "units": True, "error_code": None}
    read = PLIVO.fetched(answer(200, {**odd, "to_number": 7, "message_state": "?"}))
    assert (read.created_at, read.segments, read.error_code, read.to) == (None, 0, None, "")
    assert read.status is MessageStatus.QUEUED
    naive = PLIVO.fetched(answer(200, {**RECORD, "message_time": "2026-11-21 12:00:00"}))
    assert naive.created_at is None
    failed = {**RECORD, "message_state": "failed", "error_code": "200"}
    assert PLIVO.fetched(answer(200, failed)).error_code == 200
    inbound = PLIVO.fetched(answer(200, {**RECORD, "message_direction": "inbound"}))
    assert (inbound.inbound, inbound.status) == (True, MessageStatus.RECEIVED)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, ProviderRejected),
        (400, ProviderRejected),
        (401, ProviderMisconfigured),
        (403, ProviderMisconfigured),
        (429, ProviderBusy),
        (503, ProviderBusy),
        (200, ProviderError),
    ],
)
def test_a_refused_read_says_what_kind(status: int, error: type[ProviderError]) -> None:
    with pytest.raises(error):
        PLIVO.fetched(refusal(status, "no"))


def test_what_plivo_does_not_offer_is_said() -> None:
    """Its lists have no texts: an unknown outcome is not settled by one, nor a line compared."""
    with pytest.raises(ProviderRejected, match="no list of messages with their texts"):
        PLIVO.find(PERSON, NOW, LINE)
    with pytest.raises(ProviderRejected, match="no list of messages with their texts"):
        PLIVO.found(answer(200, {"objects": [RECORD]}))
    assert not PLIVO.capabilities.list
    assert not isinstance(PLIVO, ListsMessages)
    assert not isinstance(PLIVO, ListsOptOuts)


# -- attachments -----------------------------------------------------------------------------------

NEAR = line(api_base_url="http://127.0.0.1:4010")


def test_an_attachment_is_fetched_without_credentials() -> None:
    request = PLIVO.media("https://media.plivo.com/Account/MA/Media/1", LINE)
    assert (request.secret_headers, request.public_only, request.follow_redirects) == ({}, True, 3)
    assert request.response_bytes_max == LINE.media.inbound_bytes_max
    assert not PLIVO.media("http://localhost:4010/_cdn/1", NEAR).public_only


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("http://media.plivo.com/1", LINE),
        ("https://u:p@media.plivo.com/1", LINE),
        ("file:///etc/passwd", LINE),
        ("", LINE),
        ("http://localhost:4010/_cdn/1", LINE),
        ("http://media.plivo.com/1", NEAR),
    ],
)
def test_an_attachment_elsewhere_is_refused(url: str, ours: Line) -> None:
    with pytest.raises(MediaRefused):
        PLIVO.media(url, ours)
