"""Telnyx's events as ours: messages, reports, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telnyx_rig import (
    EVENT,
    LINE,
    MESSAGE,
    OURS,
    PERSON,
    PROFILE,
    URL,
    line,
    of_profile,
    posted,
    received,
    reported,
)

from ringfence.model.errors import MalformedEvent
from ringfence.model.message import InboundMessage, MessageStatus, StatusCallback
from ringfence.model.wire import WebhookRequest
from ringfence.providers import providers
from ringfence.providers.base import Event, Verified
from ringfence.providers.telnyx_events import FIELDS_MAX, STATUSES, fields_of

TELNYX = providers()["telnyx"]
STOPPED = {"code": "40300", "title": "Blocked due to STOP message"}


def parsed(document: object) -> Event:
    return TELNYX.parse(TELNYX.verify(posted(document), LINE))


def report(document: object) -> StatusCallback:
    event = parsed(document)
    assert isinstance(event, StatusCallback)
    return event


def test_an_inbound_text() -> None:
    assert parsed(received()) == InboundMessage(
        provider_id=MESSAGE,
        account_id=PROFILE,
        service_id=PROFILE,
        sender=PERSON,
        recipient=OURS,
        body="Hello",
    )


def test_an_inbound_picture_without_words() -> None:
    media = [
        {"url": "https://files.example.com/a?sig=1", "content_type": "image/png", "size": 12},
        {"content_type": "text/x-vcard"},
    ]
    event = parsed(received(type="MMS", text=None, media=media))
    assert isinstance(event, InboundMessage)
    assert (event.body, event.media_declared) == ("", 2)
    first, second = event.media
    assert (first.url, first.content_type) == (media[0]["url"], "image/png")
    assert second.unavailable


@pytest.mark.parametrize("word", ["STOP", "START", "HELP"])
def test_what_telnyx_took_for_a_keyword_is_told(word: str) -> None:
    event = parsed(received(autoresponse_type=word.lower(), text="basta"))
    assert isinstance(event, InboundMessage)
    assert event.opt_out_type == word
    assert parsed(received(autoresponse_type="CUSTOM")).opt_out_type is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"type": "WHATSAPP"}, "neither SMS nor MMS"),
        ({"type": "RCS"}, "neither SMS nor MMS"),
        ({"cc": [{"phone_number": "+15555550124"}]}, "group"),
        ({"to": [{"phone_number": OURS}, {"phone_number": "+15555550124"}]}, "group"),
        ({"from_": None}, "from.phone_number"),
        ({"to": []}, "to.0.phone_number"),
        ({"id": None}, "id"),
        ({"id": "../1234567"}, "message id"),
    ],
)
def test_what_cannot_be_taken_says_why(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(MalformedEvent, match=words):
        parsed(received(**changes))


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"hello|world",
        b"\xff",
        b"[" * 10_000,
        {"data": {"event_type": "call.initiated", "id": EVENT, "payload": {}}},
        {"data": {"event_type": "message.received", "payload": {}}},
        {"data": [[[[[[[[[["deep"]]]]]]]]]]},
        {"data": {str(n): n for n in range(FIELDS_MAX + 2)}},
    ],
    ids=range(9),
)
def test_other_documents_are_no_events(document: object) -> None:
    with pytest.raises(MalformedEvent):
        parsed(document)


def test_a_name_with_a_dot_is_no_path() -> None:
    assert fields_of(b'{"a.b": 1, "a": {"b": 2}}') == (("a.b", "2"),)


def test_half_a_surrogate_pair_does_not_reach_the_store() -> None:
    event = parsed(received(text="a\ud800b"))
    assert isinstance(event, InboundMessage)
    assert event.body == "a?b"


def test_a_buried_event_reads_the_same_from_its_fields() -> None:
    """What is kept of an event are its fields; the request is gone."""
    verified = TELNYX.verify(posted(received()), LINE)
    bare = Verified(WebhookRequest("POST", "", "", {}, b""), verified.fields)
    assert TELNYX.parse(bare) == TELNYX.parse(verified)


@pytest.mark.parametrize("word", sorted(STATUSES))
def test_statuses_are_folded_into_ours(word: str) -> None:
    event = report(reported("message.finalized", word))
    assert (event.provider_id, event.account_id) == (MESSAGE, PROFILE)
    assert (event.status, event.provider_status) == (STATUSES[word], word)


def test_statuses_mean_what_the_facts_say() -> None:
    assert STATUSES["delivery_failed"] is MessageStatus.UNDELIVERED
    assert STATUSES["sending_failed"] is MessageStatus.FAILED
    assert STATUSES["delivery_unconfirmed"] is MessageStatus.SENT
    with pytest.raises(MalformedEvent):
        parsed(reported("message.finalized", "webhook_delivered"))


def test_an_error_comes_with_its_code() -> None:
    error = {"code": "40012", "title": "Invalid messaging destination number"}
    event = report(reported("message.finalized", "delivery_failed", error))
    assert event.error_code == 40012


@pytest.mark.proves("C1")
def test_a_late_40300_opts_out_only_where_it_speaks_of_a_stop() -> None:
    stop = report(reported("message.finalized", "sending_failed", STOPPED))
    assert stop.error_code == 40300
    other = {"code": "40300", "title": "Unreachable destination"}
    event = report(reported("message.finalized", "delivery_failed", other))
    assert (event.error_code, event.provider_status) == (40008, "delivery_failed (40300)")


def test_our_id_is_read_from_the_signed_body_alone() -> None:
    document = reported("message.sent", "sent")
    verified = TELNYX.verify(posted(document, query="ringfence=obx_forged"), LINE)
    event = TELNYX.parse(verified)
    assert isinstance(event, StatusCallback)
    assert event.our_id == "obx_1"


@pytest.mark.parametrize(
    "url",
    [
        f"{URL}?ringfence=a&ringfence=b",
        f"{URL}?ringfence=a%20b",
        f"{URL}?other=1",
        "https://[broken",
    ],
)
def test_an_address_that_is_not_ours_names_nothing(url: str) -> None:
    assert report(reported("message.sent", "sent", webhook_url=url)).our_id == ""


def test_where_the_payload_has_no_address_the_delivery_has() -> None:
    document = reported("message.sent", "sent", webhook_url=None)
    document["meta"]["delivered_to"] = f"{URL}?token=1&ringfence=obx_2"
    assert report(document).our_id == "obx_2"


@pytest.mark.proves("B010")
def test_one_event_has_one_token_however_often_it_comes() -> None:
    again = received()
    again["meta"]["attempt"] = 2
    tokens = {TELNYX.dedupe_token(TELNYX.verify(posted(d), LINE)) for d in (received(), again)}
    assert tokens == {f"event:{EVENT}"}
    nameless = received()
    nameless["data"]["id"] = "?"
    with pytest.raises(MalformedEvent):
        TELNYX.dedupe_token(TELNYX.verify(posted(nameless), LINE))


@pytest.mark.proves("B029", "B031", "B094")
def test_events_of_another_line_are_not_ours() -> None:
    """All lines of an account share one key: profile and number tell them apart."""
    ours, sent = parsed(received()), report(reported("message.sent", "sent"))
    assert TELNYX.misdirected(ours, LINE) == ""
    assert TELNYX.misdirected(ours, of_profile()) == ""
    assert TELNYX.misdirected(ours, of_profile(number=None)) == ""
    assert TELNYX.misdirected(sent, LINE) == ""
    elsewhere = received(to=[{"phone_number": "+15555550199"}])
    assert "another number" in TELNYX.misdirected(parsed(elsewhere), LINE)
    for other in ("another-profile", None):
        foreign = parsed(received(messaging_profile_id=other))
        assert "profile" in TELNYX.misdirected(foreign, of_profile())
        late = report(reported("message.sent", "sent", messaging_profile_id=other))
        assert "profile" in TELNYX.misdirected(late, of_profile())
    assert "no number" in TELNYX.misdirected(ours, line(number=None))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)


@given(JSON)
def test_any_payload_is_read_or_refused(payload: Any) -> None:
    document = {"data": {"event_type": "message.received", "id": EVENT, "payload": payload}}
    try:
        parsed(document)
    except MalformedEvent:
        return
