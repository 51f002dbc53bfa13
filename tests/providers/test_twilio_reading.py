"""Reading back: one message, the list for reconciliation, attachments."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from twilio_rig import ACCOUNT, LINE, RECEIVED_MMS, SENT_SMS, SERVICE, answer, line

from ringfence.model.errors import (
    MediaRefused,
    ProviderBusy,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
)
from ringfence.model.message import MessageStatus
from ringfence.model.wire import WireResponse
from ringfence.providers import answers
from ringfence.providers.base import RemoteMessage
from ringfence.providers.twilio import PROVIDER

API = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def row(**changes: Any) -> dict[str, Any]:
    return {
        "sid": SENT_SMS,
        "to": "+15555550123",
        "from": "+15555550100",
        "body": "Hello",
        "status": "delivered",
        "error_code": None,
        "direction": "outbound-api",
        "num_segments": "2",
        "date_created": "Sat, 21 Nov 2026 13:00:00 +0100",
        **changes,
    }


REMOTE = RemoteMessage(
    provider_id=SENT_SMS,
    to="+15555550123",
    sender="+15555550100",
    body="Hello",
    status=MessageStatus.DELIVERED,
    error_code=None,
    created_at=NOON,
    segments=2,
)


def test_fetch_one() -> None:
    request = PROVIDER.fetch(SENT_SMS, LINE)
    assert (request.method, request.url) == ("GET", f"{API}/Messages/{SENT_SMS}.json")
    assert request.secret_headers
    assert PROVIDER.fetched(answer(200, json.dumps(row()))) == REMOTE


@pytest.mark.parametrize("odd", ["", "..", "SM1", SENT_SMS + "/..", "CA" + "1" * 32])
def test_only_a_message_id_goes_into_the_path(odd: str) -> None:
    with pytest.raises(ProviderRejected):
        PROVIDER.fetch(odd, LINE)


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"error_code": 30007}, "error_code", 30007),
        ({"error_code": "30007"}, "error_code", 30007),
        ({"error_code": "x"}, "error_code", None),
        ({"num_segments": None}, "segments", 0),
        ({"from": None}, "sender", ""),
        ({"body": None}, "body", ""),
        ({"date_created": None}, "created_at", None),
        ({"date_created": "Sat, 31 Foo 2026 13:00:00 +0000"}, "created_at", None),
        ({"date_created": "Sat, 31 Feb 2026 13:00:00 +0000"}, "created_at", None),
        ({"direction": "inbound", "status": "received"}, "inbound", True),
        ({"status": "whatever"}, "status", MessageStatus.QUEUED),
    ],
)
def test_a_message_is_tamed_field_by_field(
    changes: dict[str, Any], field: str, value: object
) -> None:
    found = PROVIDER.fetched(answer(200, json.dumps(row(**changes))))
    assert getattr(found, field) == value


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (answer(404, '{"code":20404,"message":"x"}'), ProviderRejected),
        (answer(401, ""), ProviderMisconfigured),
        (answer(403, ""), ProviderMisconfigured),
        (answer(429, ""), ProviderBusy),
        (answer(500, ""), ProviderBusy),
        (answer(200, "<html>"), ProviderError),
        (answer(200, "{}"), ProviderError),
        (answer(302, ""), ProviderRejected),
    ],
)
def test_a_refused_read_says_why(response: WireResponse, error: type[ProviderError]) -> None:
    for read in (PROVIDER.fetched, PROVIDER.found):
        with pytest.raises(error) as refused:
            read(response)
        assert type(refused.value) is error


@pytest.mark.parametrize(
    ("ours", "query"),
    [
        (LINE, "To=%2B15555550123&From=%2B15555550100&DateSent%3E=2026-11-21&PageSize=200"),
        (
            line(service_id=SERVICE, number=None),
            "To=%2B15555550123&DateSent%3E=2026-11-21&PageSize=200",
        ),
    ],
)
def test_find_by_recipient(ours: Any, query: str) -> None:
    request = PROVIDER.find("+15555550123", NOON, ours)
    assert (request.method, request.url) == ("GET", f"{API}/Messages.json?{query}")
    assert request.response_bytes_max > 200 * 10_000
    eastern = datetime(2026, 11, 21, 3, tzinfo=timezone(timedelta(hours=9)))
    assert "=2026-11-20&" in PROVIDER.find("+15555550123", eastern, ours).url


def test_found_are_the_outbound_ones() -> None:
    rows = [row(), row(direction="inbound"), {"sid": "nonsense"}, "nonsense", row(body="2")]
    found = PROVIDER.found(answer(200, json.dumps({"messages": rows})))
    assert [message.body for message in found] == ["Hello", "2"]
    assert PROVIDER.found(answer(200, '{"messages":[]}')) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sat, 21 Nov 2026 12:00:00 +0000", NOON),
        ("Sat, 21 Nov 2026 07:00:00 -0500", NOON),
        ("21 Nov 2026 12:00:00 GMT", NOON),
        ("2026-11-21T12:00:00Z", None),
        ("Sat, 21 Nov 2026 12:00:00 +9999", None),
        ("Sat, 21 Nov 2026 24:00:00 +0000", None),
        (7, None),
    ],
)
def test_dates(text: object, expected: datetime | None) -> None:
    assert answers.http_moment(text) == expected


# -- attachments ---------------------------------------------------------------------------------

PICTURE = f"{API}/Messages/{RECEIVED_MMS}/Media/ME" + "e5" * 16


def test_an_attachment_is_fetched_within_limits() -> None:
    request = PROVIDER.media(PICTURE, LINE)
    assert (request.method, request.url) == ("GET", PICTURE)
    assert "Authorization" in request.secret_headers
    assert "Authorization" not in request.headers
    assert request.follow_redirects > 0
    assert request.public_only
    assert request.timeout_s == LINE.media.fetch_timeout_s
    assert request.response_bytes_max == LINE.media.inbound_bytes_max


def test_a_stand_in_on_this_machine_may_be_asked() -> None:
    base = "http://127.0.0.1:4010"
    url = PICTURE.replace("https://api.twilio.com", base)
    request = PROVIDER.media(url, line(api_base_url=base + "/"))
    assert not request.public_only
    with pytest.raises(MediaRefused):
        PROVIDER.media(PICTURE, line(api_base_url=base))
    with pytest.raises(MediaRefused):
        PROVIDER.media(url, LINE)


def test_a_regional_line_may_be_given_the_global_address() -> None:
    regional = line(api_base_url="https://api.dublin.ie1.twilio.com")
    assert PROVIDER.media(PICTURE, regional).url == PICTURE
    PROVIDER.media(PICTURE.replace("api.", "api.dublin.ie1."), regional)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "https://[",
        PICTURE.replace("https:", "http:"),
        PICTURE.replace("https:", ""),
        PICTURE.replace("https://api.twilio.com", ""),
        PICTURE.replace("api.twilio.com", "evil.example"),
        PICTURE.replace("api.twilio.com", "api.twilio.com.evil.example"),
        PICTURE.replace("api.twilio.com", "user@api.twilio.com"),
        PICTURE.replace("api.twilio.com", "api.twilio.com@evil.example"),
        PICTURE.replace("api.twilio.com", "api.twilio.com:8443"),
        PICTURE.replace("api.twilio.com", "api.twilio.com\\.evil.example"),
        PICTURE.replace(ACCOUNT, "AC" + "9" * 32),
        PICTURE.replace("/Media/", "/Media/../"),
        PICTURE + "?to=https://evil.example",
        PICTURE + "#x",
        PICTURE + "\n",
        "\n" + PICTURE,
        PICTURE.replace("/Media", "\t/Media"),
    ],
)
def test_no_other_address_gets_the_credentials(url: str) -> None:
    with pytest.raises(MediaRefused):
        PROVIDER.media(url, LINE)
