"""Requests to Telnyx to the byte, and what its answers mean."""

from __future__ import annotations

import json
from typing import Any

import pytest
from telnyx_rig import (
    API_KEY,
    LINE,
    MESSAGE,
    NOW,
    OURS,
    PERSON,
    PROFILE,
    URL,
    answer,
    line,
    of_profile,
    refusal,
    reported,
)

from ringfence.model.errors import (
    MediaRefused,
    ProviderBusy,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
)
from ringfence.model.line import Credentials
from ringfence.model.message import MessageStatus
from ringfence.model.outbox import ErrorClass, OutcomeKind
from ringfence.providers import providers
from ringfence.providers.base import ListsMessages, OutboundText
from ringfence.providers.telnyx_errors import MEANINGS

TELNYX = providers()["telnyx"]
TEXT = OutboundText("obx_1", PERSON, "Hello")


def document(status: str = "queued", **changes: Any) -> dict[str, Any]:
    return {"data": reported("message.sent", status, **changes)["data"]["payload"]}


def sent_by(text: OutboundText = TEXT, on: Any = LINE) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(TELNYX.send(text, on).body)
    return found


def test_a_text() -> None:
    request = TELNYX.send(TEXT, LINE)
    assert (request.method, request.url) == ("POST", "https://api.telnyx.com/v2/messages")
    assert request.secret_headers == {"Authorization": f"Bearer {API_KEY}"}
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.body) == {
        "from": OURS,
        "to": PERSON,
        "text": "Hello",
        "webhook_url": f"{URL}?ringfence=obx_1",
    }


def test_a_number_wins_over_the_profiles_pool() -> None:
    assert sent_by(on=of_profile())["from"] == OURS
    pooled = sent_by(on=of_profile(number=None))
    assert (pooled["messaging_profile_id"], "from" in pooled) == (PROFILE, False)
    with pytest.raises(ProviderMisconfigured, match="messagingProfileId"):
        TELNYX.send(TEXT, line(number=None))


def test_pictures_make_it_an_mms() -> None:
    pictures = ("https://gw.example.com/a", "https://gw.example.com/b")
    body = sent_by(OutboundText("obx_1", PERSON, "", pictures))
    assert (body["media_urls"], body["type"], "text" in body) == (list(pictures), "MMS", False)


def test_what_has_no_utf8_form_does_not_stop_the_line() -> None:
    assert sent_by(OutboundText("obx_1", PERSON, "a\ud800b"))["text"] == "a?b"


@pytest.mark.parametrize(
    ("public", "api", "told"),
    [
        (URL, "https://api.telnyx.com", f"{URL}?ringfence=obx_1"),
        (f"{URL}?t=1#rc=5", "https://api.telnyx.com", f"{URL}?t=1&ringfence=obx_1"),
        ("http://127.0.0.1:8080/w", "https://api.telnyx.com", None),
        (
            "http://127.0.0.1:8080/w",
            "http://127.0.0.1:1",
            "http://127.0.0.1:8080/w?ringfence=obx_1",
        ),
        (None, "https://api.telnyx.com", None),
    ],
)
def test_reports_are_asked_for_where_telnyx_can_reach_us(
    public: str | None, api: str, told: str | None
) -> None:
    body = sent_by(on=line(public_url=public, api_base_url=api))
    assert body.get("webhook_url") == told


@pytest.mark.parametrize("base", ["https://api.telnyx.com/v2", "https://api.telnyx.com/v2/"])
def test_the_address_may_be_written_as_telnyx_writes_it(base: str) -> None:
    assert TELNYX.send(TEXT, line(api_base_url=base)).url == "https://api.telnyx.com/v2/messages"


def test_without_a_key_nothing_is_asked() -> None:
    with pytest.raises(ProviderMisconfigured, match="apiKey"):
        TELNYX.send(TEXT, line(credentials=Credentials("", ())))


# -- answers ---------------------------------------------------------------------------------------


def test_a_taken_message() -> None:
    outcome = TELNYX.sent(answer(200, document()))
    assert (outcome.kind, outcome.provider_id) == (OutcomeKind.ACCEPTED, MESSAGE)
    assert (outcome.status, outcome.error_code) == (MessageStatus.QUEUED, None)


def test_an_answer_without_an_id_may_have_been_taken() -> None:
    for body in ({"data": {}}, {"data": {"id": "x y"}}, {}, [], {"data": [1]}):
        assert TELNYX.sent(answer(200, body)).kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize(
    ("status", "code", "kind", "meant"),
    [
        (409, 40300, OutcomeKind.REJECTED, ErrorClass.OPT_OUT),
        (401, 10009, OutcomeKind.REJECTED, ErrorClass.STOP_LINE),
        (403, 10039, OutcomeKind.REJECTED, ErrorClass.CONFIG),
        (429, 10011, OutcomeKind.RETRYABLE, ErrorClass.RETRY),
        (400, 40318, OutcomeKind.RETRYABLE, ErrorClass.RETRY_LATER),
        (400, 40310, OutcomeKind.REJECTED, ErrorClass.BAD_ADDRESS),
        (400, 40312, OutcomeKind.REJECTED, ErrorClass.CONFIG),
        (422, 10004, OutcomeKind.REJECTED, ErrorClass.PERMANENT),
        (400, 99999, OutcomeKind.REJECTED, ErrorClass.PERMANENT),
    ],
)
@pytest.mark.proves("P5")
def test_refusals(status: int, code: int, kind: OutcomeKind, meant: ErrorClass) -> None:
    outcome = TELNYX.sent(refusal(status, code, f"no, {PERSON}"))
    assert (outcome.kind, outcome.error_class, outcome.error_code) == (kind, meant, code)
    assert PERSON not in outcome.detail
    assert f"Telnyx {code}" in outcome.detail


@pytest.mark.parametrize("status", [408, 500, 503])
def test_what_proves_nothing_is_unknown_even_with_a_code(status: int) -> None:
    assert TELNYX.sent(refusal(status, 10007)).kind is OutcomeKind.UNKNOWN


def test_a_document_cut_at_the_limit_keeps_its_code() -> None:
    raw = b'{"errors":[{"code":"40300","title":"Blocked due to STOP mess'
    assert TELNYX.sent(answer(409, raw)).error_class is ErrorClass.OPT_OUT


def test_every_code_says_what_it_means() -> None:
    for code, meant in MEANINGS.items():
        assert meant.means.endswith("."), code
        assert not meant.do or meant.do.endswith("."), code


# -- reading back ----------------------------------------------------------------------------------


def test_a_message_is_read_back() -> None:
    request = TELNYX.fetch(MESSAGE, LINE)
    assert request.url == f"https://api.telnyx.com/v2/messages/{MESSAGE}"
    error = {"code": "40012", "title": "Invalid"}
    raw = {"data": reported("message.finalized", "delivery_failed", error)["data"]["payload"]}
    remote = TELNYX.fetched(answer(200, raw))
    assert (remote.provider_id, remote.to, remote.sender) == (MESSAGE, PERSON, OURS)
    assert (remote.status, remote.error_code) == (MessageStatus.UNDELIVERED, 40012)
    assert (remote.body, remote.segments, remote.inbound) == ("Hello", 2, False)
    assert remote.created_at is not None


@pytest.mark.parametrize("id_", ["", "../messaging_profiles", "a b", "x" * 81])
def test_no_other_place_is_asked(id_: str) -> None:
    with pytest.raises(ProviderRejected):
        TELNYX.fetch(id_, LINE)


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (404, ProviderRejected),
        (401, ProviderMisconfigured),
        (429, ProviderBusy),
        (500, ProviderBusy),
    ],
)
def test_a_refused_read(status: int, raised: type[ProviderError]) -> None:
    with pytest.raises(raised):
        TELNYX.fetched(refusal(status, 10005))


def test_telnyx_has_no_list_and_says_so() -> None:
    assert not TELNYX.capabilities.list
    assert not isinstance(TELNYX, ListsMessages)
    with pytest.raises(ProviderRejected, match="no list"):
        TELNYX.find(PERSON, NOW, LINE)
    with pytest.raises(ProviderRejected, match="no list"):
        TELNYX.found(answer(200, {"data": []}))


def test_a_file_is_fetched_without_our_key() -> None:
    request = TELNYX.media("https://files.example.com/a?signature=b", LINE)
    assert request.secret_headers == {}
    assert "Authorization" not in request.headers
    assert request.public_only


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://files.example.com/a",
        "http://127.0.0.1:1/a",
        "file:///etc/passwd",
        "https://user:word@files.example.com/a",
        "https://[broken",
    ],
)
def test_a_file_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(MediaRefused):
        TELNYX.media(url, LINE)


def test_a_stand_in_on_this_machine_may_serve_files() -> None:
    near = line(api_base_url="http://127.0.0.1:1")
    assert not TELNYX.media("http://127.0.0.1:1/a", near).public_only
    with pytest.raises(MediaRefused):
        TELNYX.media("http://files.example.com/a", near)
