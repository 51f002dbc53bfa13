"""Plivo's forms as ours: messages, reports, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plivo_rig import (
    LINE,
    MESSAGE,
    OTHER_MESSAGE,
    OURS,
    PERSON,
    POWERPACK,
    Fields,
    line,
    picture,
    posted,
    received,
    reported,
    text_of,
)

from ringfence.model.errors import MalformedEvent, SignatureRefused
from ringfence.model.message import InboundMessage, MediaRef, MessageStatus, StatusCallback
from ringfence.model.wire import WebhookRequest
from ringfence.providers.base import Event, Verified
from ringfence.providers.plivo import PROVIDER as PLIVO
from ringfence.providers.plivo_events import STATUSES


def parsed(form: Fields, query: Fields = ()) -> Event:
    return PLIVO.parse(PLIVO.verify(posted(form, query=query), LINE))


def message(form: Fields) -> InboundMessage:
    event = parsed(form)
    assert isinstance(event, InboundMessage)
    return event


def report(form: Fields, query: Fields = ()) -> StatusCallback:
    event = parsed(form, query)
    assert isinstance(event, StatusCallback)
    return event


def test_an_inbound_text_has_its_numbers_in_full() -> None:
    assert message(received()) == InboundMessage(
        provider_id=MESSAGE,
        account_id="",
        service_id=None,
        sender=PERSON,
        recipient=OURS,
        body="Hello",
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [("+15555550123", "+15555550123"), ("12345", "12345"), ("ACME", "ACME"), ("0155", "0155")],
)
def test_other_senders_stay_as_they_are(written: str, read: str) -> None:
    assert message(received(From=written)).sender == read


def test_pictures_are_counted_from_one_or_from_nought() -> None:
    urls = [f"https://media.example.com/Account/MA/Media/{n}" for n in (1, 2)]
    event = message(picture())
    assert event.media == tuple(MediaRef("", url) for url in urls)
    assert (event.body, event.media_declared) == ("look", 2)
    other = message(picture(Media2=None, Media0=urls[0], Media1=urls[1], Body=None, Text="look"))
    assert other == event
    short = message(picture(Media2=None))
    assert (len(short.media), short.media_declared) == (1, 2)
    empty = message(picture(Media1="", MediaCount=None, Body=None))
    assert (empty.media[0].unavailable, empty.media_declared, empty.body) == (
        "it has no address",
        2,
        "",
    )


@pytest.mark.parametrize(
    ("intent", "word"),
    [("optout", "STOP"), ("OptOut", "STOP"), ("help", "HELP"), ("optin", None), ("", None)],
)
def test_what_plivo_took_for_a_keyword_is_told_but_no_opt_in(intent: str, word: str | None) -> None:
    """GO and YES are opt-in words there, and what one says to an agent in the middle of a task."""
    assert message(received(Text="basta", MessageIntent=intent)).opt_out_type == word


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (received(Type="whatsapp"), "neither SMS nor MMS"),
        (received(From=None), "lacks From"),
        (received(To=""), "lacks To"),
        (received(MessageUUID=None), "lacks MessageUUID"),
        (received(MessageUUID="1"), "message id is none"),
        (received(Text=None), "neither text nor attachment"),
        (reported("received"), "not one we know"),
        (reported("sent", To=None), "lacks To"),
        (reported("sent", Text="x"), "message at once"),
        ([*received(), ("To", "15555550177")], "repeated"),
        ([*picture(), ("Media1", "https://x.example.com/")], "repeated"),
        ([], "neither text"),
        ([("CallUUID", "c1"), ("Event", "StartApp")], "neither text"),
    ],
)
def test_what_cannot_be_taken_says_why(form: Fields, words: str) -> None:
    with pytest.raises(MalformedEvent, match=words):
        parsed(form)


def test_fields_nobody_told_us_of_are_let_through() -> None:
    assert message([*received(), ("Zone", "x"), ("Zone", "y")]).body == "Hello"


@pytest.mark.parametrize("word", sorted(STATUSES))
def test_statuses_are_folded_into_ours(word: str) -> None:
    event = report(reported(word))
    assert (event.provider_id, event.account_id) == (MESSAGE, "")
    assert (event.status, event.provider_status) == (STATUSES[word], word)


def test_statuses_mean_what_the_facts_say() -> None:
    """Undelivered is a failure after the send (facts 2.2), whatever others make of it."""
    assert STATUSES["undelivered"] is MessageStatus.UNDELIVERED
    assert STATUSES["failed"] is STATUSES["rejected"] is MessageStatus.FAILED


@pytest.mark.parametrize(("given", "code"), [("200", 200), ("000", None), ("", None), ("x", None)])
def test_an_error_comes_with_its_code(given: str, code: int | None) -> None:
    assert report(reported("failed", ErrorCode=given)).error_code == code


def test_our_id_comes_from_the_signed_query() -> None:
    assert report(reported("sent"), [("ringfence", "obx_1")]).our_id == "obx_1"
    assert report(reported("sent")).our_id == ""


def test_a_buried_event_reads_the_same_from_its_fields() -> None:
    """What is kept of an event are its fields; the request is gone."""
    verified = PLIVO.verify(posted(picture()), LINE)
    bare = Verified(WebhookRequest("POST", "", "", {}, b""), verified.fields)
    assert PLIVO.parse(bare) == PLIVO.parse(verified)


@pytest.mark.proves("B010")
def test_one_event_has_one_token_however_often_it_comes() -> None:
    """Every delivery has a nonce and a signature of its own."""

    def token(form: Fields, nonce: str = "1") -> str:
        return PLIVO.dedupe_token(PLIVO.verify(posted(form, nonce=nonce), LINE))

    assert token(received()) == token(received(), "2") == f"in:{MESSAGE}"
    assert token(reported("sent")) == f"status:{MESSAGE}:sent:"
    assert token(reported("failed", ErrorCode="30")) == f"status:{MESSAGE}:failed:30"
    with pytest.raises(MalformedEvent):
        token(received(MessageUUID="x"))


@pytest.mark.proves("B031", "B094")
def test_events_of_another_line_are_not_ours() -> None:
    """Nothing names the account: the signed address and the number tell."""
    ours, packed = message(received()), message(received(PowerpackUUID=POWERPACK))
    pool = line(number=None, service_id=POWERPACK)
    assert PLIVO.misdirected(ours, LINE) == PLIVO.misdirected(packed, LINE) == ""
    assert PLIVO.misdirected(packed, pool) == ""
    assert PLIVO.misdirected(report(reported("sent")), LINE) == ""
    assert "another number" in PLIVO.misdirected(message(received(To="15555550199")), LINE)
    assert "Powerpack" in PLIVO.misdirected(ours, pool)
    assert "no number" in PLIVO.misdirected(ours, line(number=None))


# -- bytes moved between names -----------------------------------------------------------------

FORGED = [
    # (what somebody truly wrote and Plivo signed, another division of the same bytes)
    (
        received(Text=f"xFrom15555550199MessageUUID{OTHER_MESSAGE}Text pay now"),
        [
            ("Fro", f"m{PERSON[1:]}MessageIntentMessageUUID{MESSAGE}PowerpackUUIDTextx"),
            ("From", "15555550199"),
            ("MessageUUID", OTHER_MESSAGE),
            ("Text", " pay now"),
            *(pair for pair in received() if pair[0].startswith("T") and pair[0] != "Text"),
            ("Units", "1"),
        ],
    ),
    (
        picture(
            Body=f"hiFrom15555550199MessageUUID{OTHER_MESSAGE}Textpay",
            Media1=None,
            Media2=None,
            MediaCount="0",
        ),
        [
            ("Body", "hi"),
            ("From", "15555550199"),
            ("MessageUUID", OTHER_MESSAGE),
            (
                "Text",
                f"payFrom{PERSON[1:]}MediaCount0MessageIntentMessageUUID{MESSAGE}PowerpackUUID",
            ),
            *(pair for pair in picture() if pair[0] in ("To", "Type", "Units")),
            ("TotalRate", "0.00000"),
            ("TotalAmount", "0.00000"),
        ],
    ),
    (
        picture(
            Body=f"hiFrom15555550199MessageUUID{OTHER_MESSAGE}Textpay",
            Media1=None,
            Media2=None,
            MediaCount="0",
        ),
        [
            ("Bod", "yhi"),
            ("From", "15555550199"),
            ("MessageUUID", OTHER_MESSAGE),
            (
                "Text",
                f"payFrom{PERSON[1:]}MediaCount0MessageIntentMessageUUID{MESSAGE}PowerpackUUID",
            ),
            *(pair for pair in picture() if pair[0] in ("To", "Type", "Units")),
            ("TotalRate", "0.00000"),
            ("TotalAmount", "0.00000"),
        ],
    ),
    (
        received(Text="hiStatusdelivered"),
        [
            ("From", PERSON[1:]),
            ("MessageIntent", ""),
            ("MessageUUID", MESSAGE),
            ("PowerpackUUID", "Texthi"),
            ("Status", "delivered"),
            *(pair for pair in received() if pair[0].startswith("To")),
            ("Type", "sms"),
            ("Units", "1"),
        ],
    ),
]


@pytest.mark.parametrize(("true", "forged"), FORGED, ids=["sender", "two-texts", "text", "report"])
def test_bytes_moved_between_names_forge_nobody(true: Fields, forged: Fields) -> None:
    """The division verifies, since the scheme has no marks; its counts do not."""
    assert text_of("", (), true) == text_of("", (), forged)
    verified = PLIVO.verify(posted(true, sent=forged), LINE)
    with pytest.raises(MalformedEvent, match="where the provider puts them"):
        PLIVO.parse(verified)
    assert message(true).sender == PERSON


@pytest.mark.parametrize(
    "text", ["From: 5 people", "From 12 to 1", "Text me, Body!", f"MessageUUID{MESSAGE}", "From1"]
)
def test_a_person_may_write_any_of_those_words(text: str) -> None:
    assert message(received(Text=text)).body == text
    assert message(picture(Body=text)).body == text


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["From", "To", "Text", "Body", "Status", "MessageUUID", "Media1", "Q"]),
            st.text(max_size=20) | st.sampled_from([MESSAGE, PERSON, "sent", "From1"]),
        ),
        max_size=8,
    )
)
def test_any_form_is_read_or_refused(form: list[tuple[str, str]]) -> None:
    try:
        parsed(form)
    except (MalformedEvent, SignatureRefused, UnicodeEncodeError):
        return


def test_half_a_surrogate_pair_is_refused() -> None:
    body = b"Text=%ed%a0%80"
    request = WebhookRequest(
        "POST", "/", "", {"content-type": "application/x-www-form-urlencoded"}, body
    )
    with pytest.raises(SignatureRefused):
        PLIVO.verify(request, LINE)
