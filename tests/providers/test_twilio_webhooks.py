"""Webhooks as they came over the wire: what is refused, what is read, what is another line's."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio_rig import (
    ACCOUNT,
    LINE,
    RECEIVED_MMS,
    RECEIVED_SMS,
    SENT_SMS,
    SERVICE,
    TOKEN,
    URL,
    WIRE,
    capture,
    fields_of,
    line,
    posted,
    vendor_signature,
)

from ringfence.model.errors import MalformedEvent, SignatureRefused
from ringfence.model.line import Credentials, Secret
from ringfence.model.message import InboundMessage, MediaRef, MessageStatus, StatusCallback
from ringfence.model.wire import WebhookRequest
from ringfence.providers.base import Event, Verified
from ringfence.providers.twilio import PROVIDER, STATUSES, callback_url
from ringfence.providers.twilio_signature import signing_text

PICTURE = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/{RECEIVED_MMS}/Media/ME"
SMS = InboundMessage(
    provider_id=RECEIVED_SMS,
    account_id=ACCOUNT,
    service_id=None,
    sender="+15555550123",
    recipient="+15555550100",
    body="Is the office open today?",
)
MMS = replace(
    SMS,
    provider_id=RECEIVED_MMS,
    body="",
    media=(
        MediaRef("image/jpeg", PICTURE + "e5" * 16),
        MediaRef("application/pdf", PICTURE + "f6" * 16),
    ),
    media_declared=2,
)
STATUS = StatusCallback(
    provider_id=SENT_SMS,
    account_id=ACCOUNT,
    status=MessageStatus.DELIVERED,
    provider_status="delivered",
    our_id="obx_0190",
)
READ: dict[str, Event] = {
    "inbound-sms": SMS,
    "inbound-sms-emoji": replace(SMS, body="Grüße 👋🏽 from Zoë & co = 100% + more "),
    "inbound-sms-unknown-fields": SMS,
    "inbound-sms-stop": replace(SMS, body="STOP", opt_out_type="STOP", service_id=SERVICE),
    "inbound-sms-receiving": SMS,
    "inbound-rcs": replace(SMS, sender="RCS:+15555550123"),
    "inbound-mms": MMS,
    "inbound-mms-media-of-another-message": replace(
        MMS,
        media=(
            MMS.media[0],
            MediaRef("application/pdf", unavailable="not an attachment of this message"),
        ),
    ),
    "inbound-mms-media-missing": replace(MMS, media=MMS.media[:1]),
    "status-delivered": STATUS,
    "status-sent": replace(STATUS, status=MessageStatus.SENT, provider_status="sent"),
    "status-undelivered-30007": replace(
        STATUS,
        status=MessageStatus.UNDELIVERED,
        provider_status="undelivered",
        error_code=30007,
    ),
    "status-failed-21610-without-from": replace(
        STATUS, status=MessageStatus.FAILED, provider_status="failed", error_code=21610
    ),
    "status-without-our-id": replace(STATUS, our_id=""),
}
UNSIGNED = (
    "inbound-sms--signature-missing",
    "inbound-sms--signature-wrong",
    "inbound-sms--body-changed",
    "inbound-sms--field-added",
    "inbound-sms--field-dropped",
    "inbound-sms--escape-broken",
    "inbound-sms--escape-cut",
    "inbound-sms--not-utf8",
    "inbound-sms--wrong-content-type",
    "status-delivered--our-id-changed",
    "status-delivered--our-id-twice",
    "status-delivered--our-id-odd",
    "json--hash-missing",
    "json--hash-of-another-body",
)
MALFORMED = (
    "json--no-event",
    *(f"inbound-sms--without-{name}" for name in ("MessageSid", "SmsSid", "From", "To", "Body")),
    *(f"inbound-sms--without-{name}" for name in ("NumMedia", "NumSegments", "ApiVersion")),
    "inbound-sms--without-SmsStatus",
    *(f"status-delivered--without-{name}" for name in ("MessageSid", "SmsSid", "To", "ApiVersion")),
    "inbound-sms--from-twice",
    "inbound-sms--message-id-of-a-call",
    "inbound-sms--message-ids-differ",
    "inbound-sms--older-message-id-differs",
    "inbound-sms--media-count-odd",
    "inbound-sms--statuses-contradict",
    "inbound-sms--moved-bytes-forge-sender-and-id",
    "inbound-sms--moved-bytes-forge-sender",
    "inbound-sms--moved-bytes-rename-body",
    "status--status-unknown",
)
MISDIRECTED = {
    "inbound-sms-misdirected-account-missing": "names no account",
    "inbound-sms-misdirected-account-foreign": "another account",
    "inbound-sms-misdirected-number": "another number",
    "status-misdirected-account-missing": "names no account",
}


def test_every_capture_has_its_expectation() -> None:
    named = {*READ, *UNSIGNED, *MALFORMED, *MISDIRECTED}
    assert named == {path.stem for path in WIRE.glob("*.http")}


@pytest.mark.parametrize("name", READ)
@pytest.mark.proves("B001", "B034")
def test_read(name: str) -> None:
    event = PROVIDER.parse(PROVIDER.verify(capture(name), LINE))
    assert event == READ[name]
    assert PROVIDER.misdirected(event, LINE) == ""


@pytest.mark.parametrize("name", UNSIGNED)
@pytest.mark.proves("B007")
def test_refused_unread(name: str) -> None:
    with pytest.raises(SignatureRefused):
        PROVIDER.verify(capture(name), LINE)


@pytest.mark.parametrize("name", MALFORMED)
def test_signed_but_no_event(name: str) -> None:
    verified = PROVIDER.verify(capture(name), LINE)
    with pytest.raises(MalformedEvent) as refused:
        PROVIDER.parse(verified)
    assert "5555550" not in str(refused.value)


@pytest.mark.parametrize(("name", "why"), MISDIRECTED.items())
@pytest.mark.proves("B029", "B094")
def test_misdirected(name: str, why: str) -> None:
    event = PROVIDER.parse(PROVIDER.verify(capture(name), LINE))
    assert why in PROVIDER.misdirected(event, LINE)


@pytest.mark.proves("B031")
def test_a_service_line_takes_its_service_only() -> None:
    ours = line(service_id=SERVICE, number=None)
    via_service = PROVIDER.parse(PROVIDER.verify(capture("inbound-sms-stop"), ours))
    plain = PROVIDER.parse(PROVIDER.verify(capture("inbound-sms"), ours))
    assert PROVIDER.misdirected(via_service, ours) == ""
    assert "Messaging Service" in PROVIDER.misdirected(plain, ours)
    other = line(service_id="MG" + "9" * 32, number=None)
    assert "Messaging Service" in PROVIDER.misdirected(via_service, other)


def test_a_number_wins_over_a_service() -> None:
    """As in OpenClaw (facts/openclaw.md 1.2): then the service is not what identifies the line."""
    assert PROVIDER.misdirected(SMS, line(service_id=SERVICE)) == ""
    elsewhere = replace(SMS, recipient="+15555550101", service_id=SERVICE)
    assert "another number" in PROVIDER.misdirected(elsewhere, line(service_id=SERVICE))


def test_a_line_without_a_number_receives_nothing() -> None:
    assert "no number" in PROVIDER.misdirected(SMS, line(number=None))


@pytest.mark.parametrize("address", ["rcs:+15555550100", "RCS:+15555550100", " +15555550100"])
def test_the_recipient_may_be_an_rcs_address(address: str) -> None:
    assert PROVIDER.misdirected(replace(SMS, recipient=address), LINE) == ""


# -- moved bytes ---------------------------------------------------------------------------------


def divisions(text: str) -> Callable[[list[int]], list[tuple[str, str]]]:
    """A signed text cut anew: names and values alternate between the cuts."""

    def cut(at: list[int]) -> list[tuple[str, str]]:
        points = sorted({0, *(n % (len(text) + 1) for n in at), len(text)})
        pieces = [text[a:b] for a, b in pairwise(points)]
        if len(pieces) % 2:
            pieces.append("")
        return list(zip(pieces[::2], pieces[1::2], strict=True))

    return cut


def parsed(fields: list[tuple[str, str]]) -> Event:
    """Read twice, with the signed text at hand and without it: that must make no difference."""
    request, given = capture("inbound-sms"), tuple(fields)
    try:
        event = PROVIDER.parse(Verified(request, given))
    except MalformedEvent:
        with pytest.raises(MalformedEvent):
            PROVIDER.parse(Verified(request, given, signing_text(given)))
        raise
    assert PROVIDER.parse(Verified(request, given, signing_text(given))) == event
    return event


@given(st.lists(st.integers(min_value=0, max_value=10_000), max_size=40), st.text(max_size=30))
def test_no_division_of_a_request_makes_another_message(at: list[int], body: str) -> None:
    """Whatever the bytes are moved to, what is still read has the true sender and message id."""
    fields = [(n, body if n == "Body" else v) for n, v in fields_of("inbound-sms")]
    text = "".join(n + v for n, v in sorted(fields))
    try:
        event = parsed(divisions(text)(at))
    except MalformedEvent:
        return
    assert isinstance(event, InboundMessage)
    assert (event.sender, event.provider_id) == (SMS.sender, SMS.provider_id)


FORGED = ("Body", "From", "MessageSid", "NumMedia", "NumSegments", "SmsMessageSid", "SmsSid")
HIDING_PLACES = ("Zz", "ToCity", "ToZ", "ZzFrom", "SmsMess", "ZFro", "Zm")


@given(
    st.sampled_from(HIDING_PLACES),
    st.lists(st.integers(min_value=0, max_value=400), max_size=8),
    st.booleans(),
)
def test_a_text_written_as_fields_forges_nothing(
    hiding: str, cuts: list[int], same_id: bool
) -> None:
    """A sender who knows the scheme writes fields into the text, then divides their own signed
    request at them and hides the true fields behind `hiding`, cut anywhere."""
    fake = RECEIVED_SMS if same_id else SENT_SMS
    injected = [
        *(("From", "+15555550199"), ("MessageSid", fake), ("NumMedia", "0"), ("NumSegments", "1")),
        *(("SmsMessageSid", fake), ("SmsSid", fake), ("SmsStatus", "received")),
        ("To", "+15555550100"),
    ]
    chosen = "hi" + "".join(n + v for n, v in injected) + hiding
    fields = [(n, chosen if n == "Body" else v) for n, v in fields_of("inbound-sms")]
    text = "".join(n + v for n, v in sorted(fields))
    rest = text[text.index(chosen) + len(chosen) - len(hiding) :]
    hidden = divisions(rest)([len(hiding), *cuts])
    forged = [("AccountSid", ACCOUNT), ("ApiVersion", "2010-04-01"), ("Body", "hi")]
    division = [*forged, *injected, *hidden]
    if signing_text(division) != text:
        return  # its names stand in another order, so the signature does not hold for it
    with pytest.raises(MalformedEvent):
        parsed(division)


def test_a_text_that_only_looks_like_fields_is_read() -> None:
    body = "From+15555550199 MessageSid and From+ are words"
    fields = [(n, body if n == "Body" else v) for n, v in fields_of("inbound-sms")]
    event = PROVIDER.parse(PROVIDER.verify(posted(fields), LINE))
    assert event == replace(SMS, body=body)


# -- the signed URL ------------------------------------------------------------------------------


def refused(request: WebhookRequest, **changes: object) -> str:
    with pytest.raises(SignatureRefused) as why:
        PROVIDER.verify(request, line(**changes))
    return str(why.value)


@pytest.mark.proves("B022")
def test_the_requests_query_takes_part_when_none_is_configured() -> None:
    request = posted(fields_of("inbound-sms"), signed_url=URL + "?a=1&b=", query="a=1&b=")
    PROVIDER.verify(request, LINE)
    refused(replace(request, query="a=2&b="))
    refused(replace(request, query=""))


@pytest.mark.proves("B023")
def test_a_configured_query_wins() -> None:
    request = posted(fields_of("inbound-sms"), signed_url=URL + "?tenant=7", query="tenant=8&x=1")
    PROVIDER.verify(request, line(public_url=URL + "?tenant=7"))
    refused(request)


@pytest.mark.proves("B023")
def test_our_callbacks_are_the_configured_url_and_our_id() -> None:
    ours = line(public_url=URL + "?tenant=7#rc=2")
    sent_to = callback_url(ours, "obx_7")
    assert sent_to == URL + "?tenant=7&ringfence=obx_7#rc=2&rp=all"
    signed = sent_to.partition("#")[0]
    request = posted(
        fields_of("status-delivered"), signed_url=signed, query="tenant=7&ringfence=obx_7"
    )
    event = PROVIDER.parse(PROVIDER.verify(request, ours))
    assert isinstance(event, StatusCallback)
    assert event.our_id == "obx_7"
    refused(replace(request, query="tenant=7&ringfence=obx_8"), public_url=ours.public_url)
    refused(replace(request, query="tenant=7"), public_url=ours.public_url)


def test_a_stand_in_that_signs_the_fragment_is_heard() -> None:
    """The npm stand-in signs the callback URL as we gave it (facts/outside-checks.md 4)."""
    sent_to = callback_url(LINE, "obx_7")
    assert sent_to is not None
    request = posted(fields_of("status-delivered"), signed_url=sent_to, query="ringfence=obx_7")
    PROVIDER.verify(request, LINE)


@pytest.mark.proves("B025")
def test_a_configured_fragment_is_not_signed() -> None:
    PROVIDER.verify(capture("inbound-sms"), line(public_url=URL + "#rc=5&rp=all"))


@pytest.mark.proves("B028")
def test_forwarded_headers_change_nothing() -> None:
    forged = {
        "host": "evil.example",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "http",
    }
    request = capture("inbound-sms")
    PROVIDER.verify(replace(request, headers={**request.headers, **forged}), LINE)
    theirs = posted(fields_of("inbound-sms"), signed_url="http://evil.example/webhooks/sms")
    refused(replace(theirs, headers={**theirs.headers, **forged}))


def test_credentials_in_the_url_may_be_signed_or_not() -> None:
    ours = "https://hook:secret@gw.example.com/webhooks/sms"
    for signed in (ours, URL):
        PROVIDER.verify(posted(fields_of("inbound-sms"), signed_url=signed), line(public_url=ours))
    assert "secret" not in refused(posted([("a", "b")], signed_url="https://x/"), public_url=ours)


def test_any_of_several_tokens_is_accepted_during_rotation() -> None:
    tokens = (Secret("the-next-token"), Secret(TOKEN))
    PROVIDER.verify(capture("inbound-sms"), line(credentials=Credentials(ACCOUNT, tokens)))
    gone = Credentials(ACCOUNT, (Secret("the-next-token"),))
    words = refused(capture("inbound-sms"), credentials=gone)
    assert TOKEN not in words
    assert "the-next-token" not in words


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"public_url": None}, "publicWebhookUrl"),
        ({"public_url": ""}, "publicWebhookUrl"),
        ({"credentials": Credentials(ACCOUNT, ())}, "authToken"),
        ({"credentials": Credentials(ACCOUNT, (Secret(""),))}, "authToken"),
    ],
)
def test_what_cannot_be_checked_is_refused(changes: dict[str, object], word: str) -> None:
    assert word in refused(capture("inbound-sms"), **changes)


def test_checking_can_be_switched_off_and_nothing_else() -> None:
    open_line = line(validate_signature=False, public_url=None)
    for name in ("inbound-sms--signature-missing", "inbound-sms--signature-wrong"):
        assert PROVIDER.parse(PROVIDER.verify(capture(name), open_line)) == SMS
    still = ("inbound-sms--escape-broken", "json--hash-missing")
    for name in (*still, "status-delivered--our-id-twice", "status-delivered--our-id-odd"):
        with pytest.raises(SignatureRefused):
            PROVIDER.verify(capture(name), open_line)


def test_a_shared_key_signature_is_named() -> None:
    request = capture("inbound-sms--signature-wrong")
    settings = {"x-twilio-webhooks-signature-settings": "key=k,algorithm=HMAC_SHA256"}
    assert "shared key" in refused(replace(request, headers={**request.headers, **settings}))


def get(query: str, url: str = URL) -> WebhookRequest:
    headers = {"x-twilio-signature": vendor_signature(f"{url}?{query}", [])}
    return WebhookRequest("GET", "/webhooks/sms", query, headers, b"")


def test_a_get_is_signed_by_its_url_alone() -> None:
    query = capture("inbound-sms").body.decode()
    assert PROVIDER.parse(PROVIDER.verify(get(query), LINE)) == SMS
    refused(replace(get(query), query=query.replace("today", "never")))


def test_a_gets_query_must_carry_on_from_the_configured_one() -> None:
    query = "tenant=7&" + capture("inbound-sms").body.decode()
    tenant = line(public_url=URL + "?tenant=7")
    assert PROVIDER.parse(PROVIDER.verify(get(query), tenant)) == SMS
    words = refused(get(query.replace("tenant=7", "tenant=70")), public_url=tenant.public_url)
    assert "begin with" in words


def test_a_json_body_is_held_by_its_hash() -> None:
    body = b'{"a":1}'
    query = "bodySHA256=" + hashlib.sha256(body).hexdigest()
    headers = {
        "content-type": "application/json",
        "x-twilio-signature": vendor_signature(f"{URL}?{query}", []),
    }
    request = WebhookRequest("POST", "/webhooks/sms", query, headers, body)
    assert PROVIDER.verify(request, LINE).fields == ()
    assert "bodySHA256" in refused(replace(request, body=b'{"a":2}'))
    assert "bodySHA256" in refused(replace(request, query=f"{query}&{query}"))


@given(st.binary(max_size=200), st.text(max_size=60), st.text(max_size=40))
def test_no_bytes_crash_it(body: bytes, query: str, kind: str) -> None:
    for method in ("GET", "POST"):
        for content_type in (kind, "application/x-www-form-urlencoded"):
            headers = {"content-type": content_type, "x-twilio-signature": "x" * 28}
            request = WebhookRequest(method, "/", query, headers, body)
            for open_line in (LINE, line(validate_signature=False)):
                try:
                    PROVIDER.parse(PROVIDER.verify(request, open_line))
                except (SignatureRefused, MalformedEvent):
                    continue


# -- identity ------------------------------------------------------------------------------------


@pytest.mark.proves("B010")
def test_the_dedupe_token_comes_from_signed_fields() -> None:
    request = capture("inbound-sms")
    again = replace(request, headers={**request.headers, "i-twilio-idempotency-token": "other"})
    one, two = (PROVIDER.dedupe_token(PROVIDER.verify(r, LINE)) for r in (request, again))
    assert one == two == f"in:{RECEIVED_SMS}"


def test_each_status_and_error_is_its_own_event() -> None:
    names = ("status-sent", "status-delivered", "status-undelivered-30007", "inbound-sms")
    tokens = {n: PROVIDER.dedupe_token(PROVIDER.verify(capture(n), LINE)) for n in names}
    assert len(set(tokens.values())) == len(names)
    assert tokens["status-undelivered-30007"] == f"status:{SENT_SMS}:undelivered:30007"


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_of_the_provider_is_read(status: str) -> None:
    fields = [(n, status if n.endswith("Status") else v) for n, v in fields_of("status-delivered")]
    inbound = status in ("received", "receiving")
    if inbound:
        fields += [("Body", "x"), ("NumMedia", "0"), ("NumSegments", "1")]
    event = PROVIDER.parse(PROVIDER.verify(posted(fields), LINE))
    assert isinstance(event, InboundMessage) == inbound


def test_verified_requests_can_be_stored() -> None:
    verified = PROVIDER.verify(capture("inbound-mms"), LINE)
    assert pickle.loads(pickle.dumps(verified)) == verified
