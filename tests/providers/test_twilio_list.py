"""A line's messages as Twilio lists them: which are ours, what an inbound one's webhook would have said,
and where the next page may lead."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from twilio_rig import ACCOUNT, SERVICE, line

from ringfence.model.errors import ProviderBusy, ProviderError, ProviderMisconfigured
from ringfence.model.message import InboundMessage, MessageStatus
from ringfence.model.wire import WebhookRequest, WireResponse
from ringfence.providers.base import ListsMessages, Verified
from ringfence.providers.twilio import PROVIDER

OURS, ANN = "+15555550100", "+15555550111"
LIST = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
SINCE = datetime(2026, 3, 2, 1, tzinfo=UTC)
SID = "SM" + "0" * 32


def row(**changes: Any) -> dict[str, Any]:
    return {
        "sid": SID,
        "account_sid": ACCOUNT,
        "from": ANN,
        "to": OURS,
        "body": "MessageSid From+1 hello",
        "status": "received",
        "direction": "inbound",
        "num_media": "2",
        "num_segments": "1",
        "error_code": None,
        "api_version": "2010-04-01",
        "date_created": "Mon, 02 Mar 2026 17:00:00 +0000",
        "messaging_service_sid": None,
        **changes,
    }


def sent(**changes: Any) -> dict[str, Any]:
    ours = {"from": OURS, "to": ANN, "direction": "outbound-api", "status": "undelivered"}
    return row(**{**ours, "error_code": 30003, **changes})


def answer(*rows: Any, next_page: object = None, status: int = 200) -> WireResponse:
    document = {"messages": list(rows), "next_page_uri": next_page}
    return WireResponse(status, {}, json.dumps(document).encode())


def test_what_is_asked_for() -> None:
    assert isinstance(PROVIDER, ListsMessages)
    tokyo = SINCE.astimezone(timezone(timedelta(hours=9)))
    assert [request.url for request in PROVIDER.listed_since(tokyo, line())] == [
        f"https://api.twilio.com{LIST}?From=%2B15555550100&DateSent%3E=2026-03-02&PageSize=1000",
        f"https://api.twilio.com{LIST}?To=%2B15555550100&DateSent%3E=2026-03-02&PageSize=1000",
    ]
    [whole] = PROVIDER.listed_since(SINCE, line(number=None, service_id=SERVICE))
    assert whole.url == f"https://api.twilio.com{LIST}?DateSent%3E=2026-03-02&PageSize=1000"
    assert whole.secret_headers


def test_what_we_sent() -> None:
    page = PROVIDER.listed(answer(sent()), line())
    [one] = page.messages
    assert (one.message.provider_id, one.message.inbound, one.webhook) == (SID, False, ())
    assert (one.message.status, one.message.error_code) == (MessageStatus.UNDELIVERED, 30003)
    assert page.oldest == datetime(2026, 3, 2, 17, tzinfo=UTC)
    assert page.more is None


@pytest.mark.proves("P4")
def test_what_they_sent_reads_as_its_webhook_would() -> None:
    [one] = PROVIDER.listed(answer(row()), line()).messages
    request = WebhookRequest("POST", "/webhooks/sms", "", {}, b"")
    event = PROVIDER.parse(Verified(request, one.webhook))
    assert isinstance(event, InboundMessage)
    assert PROVIDER.misdirected(event, line()) == ""
    assert (event.provider_id, event.sender, event.body) == (SID, ANN, "MessageSid From+1 hello")
    assert (event.media_declared, event.media) == (2, ())


def test_one_with_an_empty_text_is_whole() -> None:
    [one] = PROVIDER.listed(answer(row(body="")), line()).messages
    assert ("Body", "") in one.webhook


@pytest.mark.parametrize("status", ["receiving", "", None])
def test_one_that_is_not_here_yet_has_no_webhook(status: object) -> None:
    [one] = PROVIDER.listed(answer(row(status=status)), line()).messages
    assert one.webhook == ()


def test_only_the_lines_own() -> None:
    others = [row(to="+15555550199"), sent(**{"from": "+15555550199"}), row(sid="PN1"), "no row"]
    assert PROVIDER.listed(answer(*others), line()).messages == ()
    of_service = line(number=None, service_id=SERVICE)
    rows = [row(messaging_service_sid=SERVICE), row(messaging_service_sid="MG" + "0" * 32), row()]
    assert len(PROVIDER.listed(answer(*rows), of_service).messages) == 1


def test_the_next_page_is_of_the_same_list() -> None:
    page = PROVIDER.listed(answer(next_page=f"{LIST}?Page=1&PageToken=PASM1"), line())
    assert page.more is not None
    assert page.more.url == f"https://api.twilio.com{LIST}?Page=1&PageToken=PASM1"
    assert page.oldest is None


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/x",
        "//elsewhere.example" + LIST,
        LIST.replace(ACCOUNT, "AC" + "0" * 32),
        f"{LIST}?Page=%zz",
    ],
)
def test_no_page_leads_elsewhere(link: str) -> None:
    with pytest.raises(ProviderError):
        PROVIDER.listed(answer(next_page=link), line())


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, ProviderMisconfigured), (429, ProviderBusy), (503, ProviderBusy), (200, ProviderError)],
)
def test_what_is_no_list(status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        PROVIDER.listed(WireResponse(status, {}, b"{}"), line())
