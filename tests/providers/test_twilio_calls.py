"""Twilio's calls on the wire: exact requests, signed webhooks, answers read for no more than they
prove. Signatures and documents are checked with the vendor's own code."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio_rig import ACCOUNT, TOKEN, answer, line, vendor_signature

from ringfence.model.call import (
    Answerer,
    AnswererHeard,
    CallProgress,
    CallState,
    IncomingCall,
    LegEnded,
    RecordingReport,
    RecordingState,
    WhatNext,
)
from ringfence.model.errors import (
    MalformedEvent,
    ProviderBusy,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    SignatureRefused,
)
from ringfence.model.instruction import (
    DialNumber,
    GoOn,
    HangUp,
    Instruction,
    JoinConference,
    Listen,
    OpenRelay,
    OpenStream,
    Play,
    Refusal,
    Refuse,
    Say,
    SendDigits,
    TakeMessage,
    Wait,
)
from ringfence.model.line import Secret
from ringfence.model.outbox import ErrorClass, OutcomeKind
from ringfence.model.wire import WebhookRequest, WireRequest
from ringfence.providers import call_providers, forms
from ringfence.providers.base import (
    CALL_LIMIT_S_MAX,
    Detection,
    ListsCalls,
    OutboundCall,
    PlacesCalls,
    Told,
    Verified,
)
from ringfence.providers.twilio_call_errors import CALL_MEANINGS
from ringfence.providers.twilio_call_webhooks import CALL_STATES
from ringfence.providers.twilio_calls import CALLS, TwilioCalls

VOICE = "https://gw.example.com/webhooks/voice"
SID = "CA" + "a1" * 16
LEG_SID = "CA" + "b2" * 16
RECORDING = "RE" + "c3" * 16
LINE = line(voice_url=VOICE)
NOTICE = (Say("Your server is down. Press 1."), HangUp())
NEXT = f"{VOICE}?ringfence=call_1&for=next"
OVERRIDES = "#rc=5&rp=all"
INBOUND = {
    "CallSid": SID,
    "AccountSid": ACCOUNT,
    "From": "+15555550111",
    "To": "+15555550100",
    "Caller": "+15555550111",
    "Called": "+15555550100",
    "CallStatus": "ringing",
    "Direction": "inbound",
    "ApiVersion": "2010-04-01",
    "FromCity": "",
}


def call(**changes: Any) -> OutboundCall:
    given = {"our_id": "call_1", "to": "+15555550111", "limit_s": 300, **changes}
    return OutboundCall(**given)


def form(request: WireRequest) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in forms.decode(request.body):
        found.setdefault(name, []).append(value)
    return found


def posted(
    query: str = "", *, signed: str = "", token: str = TOKEN, **fields: str
) -> WebhookRequest:
    """A form at the voice URL with `query`, signed by the vendor's own code for `signed`."""
    pairs = [(name, value) for name, value in fields.items() if value is not None]
    url = signed or (f"{VOICE}?{query}" if query else VOICE)
    headers = {
        "content-type": forms.FORM,
        "x-twilio-signature": vendor_signature(url, pairs, token),
    }
    return WebhookRequest("POST", "/webhooks/voice", query, headers, forms.encode(pairs).encode())


def event(what: str, turn: str = "", **changes: str) -> Any:
    query = f"ringfence=call_1&for={what}" + (f"&turn={turn}" if turn else "")
    fields = INBOUND | {"CallStatus": "in-progress", "Direction": "outbound-api"} | changes
    return CALLS.parse_call(CALLS.verify_call(posted(query, **fields), LINE))


def written(*instructions: Instruction) -> ElementTree.Element:
    said = CALLS.answer_call(instructions, "call_1", LINE)
    assert said.headers["content-type"].startswith("text/xml")
    return ElementTree.fromstring(said.body)


# -- the contract -----------------------------------------------------------------------------------


def test_it_is_found_and_fulfils_the_contract() -> None:
    assert call_providers()["twilio"] is CALLS
    for name, codec in sorted(call_providers().items()):
        assert isinstance(codec, PlacesCalls)
        assert codec.name == name
    assert isinstance(CALLS, ListsCalls)
    assert vars(CALLS) == {}, "one instance serves every line"


# -- placing ----------------------------------------------------------------------------------------


def test_a_notice_travels_with_the_request() -> None:
    request = CALLS.place(call(instructions=NOTICE, ring_s=25), LINE)
    assert request.method == "POST"
    assert request.url == f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Calls.json"
    assert request.follow_redirects == 0
    assert request.secret_headers["Authorization"].startswith("Basic ")
    assert form(request) == {
        "To": ["+15555550111"],
        "From": ["+15555550100"],
        "Twiml": [
            '<?xml version="1.0" encoding="UTF-8"?><Response>'
            "<Say>Your server is down. Press 1.</Say><Hangup/></Response>"
        ],
        "StatusCallback": [f"{VOICE}?ringfence=call_1&for=progress{OVERRIDES}"],
        "StatusCallbackMethod": ["POST"],
        "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
        "TimeLimit": ["300"],
        "Timeout": ["25"],
    }


@pytest.mark.parametrize("instructions", [(), (Say("x" * 4_000),)], ids=["none", "too long"])
def test_what_does_not_fit_is_fetched(instructions: tuple[Instruction, ...]) -> None:
    fields = form(CALLS.place(call(instructions=instructions, turn="t1"), LINE))
    assert "Twiml" not in fields
    assert fields["Url"] == [f"{NEXT}&turn=t1{OVERRIDES}"]
    assert fields["Method"] == ["POST"]


@pytest.mark.proves("P12")
def test_no_call_is_placed_without_the_carriers_own_limit() -> None:
    for limit_s in (0, -1, CALL_LIMIT_S_MAX + 1):
        with pytest.raises(ValueError, match="a call lasts"):
            call(limit_s=limit_s)
    for instructions in ((), NOTICE):
        for detection in sorted(Detection, key=lambda one: one.value):
            placed = CALLS.place(call(instructions=instructions, detection=detection), LINE)
            assert form(placed)["TimeLimit"] == ["300"]


def test_how_long_it_rings_is_bounded() -> None:
    for ring_s in (4, 601):
        with pytest.raises(ValueError, match="a call rings"):
            call(ring_s=ring_s)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        (
            {"detection": Detection.FAST, "detects_meanwhile": False},
            {"MachineDetection": ["Enable"]},
        ),
        (
            {"detection": Detection.PATIENT},
            {
                "MachineDetection": ["DetectMessageEnd"],
                "AsyncAmd": ["true"],
                "AsyncAmdStatusCallback": [f"{VOICE}?ringfence=call_1&for=answerer{OVERRIDES}"],
                "AsyncAmdStatusCallbackMethod": ["POST"],
            },
        ),
        ({"detection": Detection.FAST, "digits": "ww12"}, {}),
    ],
)
def test_machine_detection(changes: dict[str, Any], expected: dict[str, list[str]]) -> None:
    fields = form(CALLS.place(call(**changes), LINE))
    assert {name: value for name, value in fields.items() if "Amd" in name or "Mach" in name} == (
        expected
    )
    assert fields.get("SendDigits", [""])[0] == changes.get("digits", "")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"number": None}, "fromNumber"),
        ({"voice_url": None}, "this line has none"),
        ({"voice_url": "https://10.0.0.1/voice"}, "cannot reach"),
        ({"voice_url": "https://localhost/voice"}, "cannot reach"),
        ({"voice_url": "https://gw.example.com/voice?a=%zz"}, "broken"),
    ],
)
def test_a_line_that_cannot_call_says_why(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ProviderMisconfigured, match=words):
        CALLS.place(call(), line(**{"voice_url": VOICE, **changes}))


def test_the_configured_query_and_overrides_are_kept() -> None:
    odd = line(voice_url="https://gw.example.com/voice?tenant=a%26b#rc=1")
    url = form(CALLS.place(call(), odd))["Url"][0]
    assert url == "https://gw.example.com/voice?tenant=a%26b&ringfence=call_1&for=next#rc=1&rp=all"


CREATED = {"sid": SID, "status": "queued", "to": "+15555550111"}


def test_an_accepted_call_has_an_id() -> None:
    outcome = CALLS.placed(answer(201, json.dumps(CREATED)))
    assert (outcome.kind, outcome.provider_id) == (OutcomeKind.ACCEPTED, SID)


@pytest.mark.proves("P5")
@pytest.mark.parametrize("status", [200, 201, 301, 408, 500, 502, 503, 504])
@pytest.mark.parametrize("body", ["", "{}", "<html>", '{"sid":"SM1"}'])
def test_what_proves_nothing_is_unknown(status: int, body: str) -> None:
    assert CALLS.placed(answer(status, body)).kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize(
    ("status", "code", "kind", "error_class"),
    [
        (400, 21211, OutcomeKind.REJECTED, ErrorClass.BAD_ADDRESS),
        (400, 21215, OutcomeKind.REJECTED, ErrorClass.CONFIG),
        (400, 21210, OutcomeKind.REJECTED, ErrorClass.CONFIG),
        (401, 20003, OutcomeKind.REJECTED, ErrorClass.STOP_LINE),
        (429, 20429, OutcomeKind.RETRYABLE, ErrorClass.RETRY),
        (429, None, OutcomeKind.RETRYABLE, ErrorClass.RETRY),
        (400, 10004, OutcomeKind.RETRYABLE, ErrorClass.RETRY_LATER),
        (403, None, OutcomeKind.REJECTED, ErrorClass.CONFIG),
        (400, 99999, OutcomeKind.REJECTED, ErrorClass.PERMANENT),
    ],
)
def test_a_refusal_is_read(
    status: int, code: int | None, kind: OutcomeKind, error_class: ErrorClass
) -> None:
    body = json.dumps({"code": code, "message": "no +15555550111"}) if code else ""
    outcome = CALLS.placed(answer(status, body, retry_after="7"))
    assert (outcome.kind, outcome.error_class, outcome.error_code) == (kind, error_class, code)
    assert outcome.retry_after_s == (7.0 if kind is OutcomeKind.RETRYABLE else None)
    assert "5555550111" not in outcome.detail


def test_every_code_has_words_and_a_class() -> None:
    for code in sorted(CALL_MEANINGS):
        assert CALLS.classify_call(code) is CALL_MEANINGS[code].error_class
        assert CALL_MEANINGS[code].means.endswith(".")
    assert CALLS.classify_call(None) is CALLS.classify_call(424242) is ErrorClass.PERMANENT


# -- a live call ------------------------------------------------------------------------------------


def test_a_live_call_is_told_to_ask_or_given_a_document() -> None:
    (ask,) = CALLS.tell([GoOn("t9")], SID, "call_1", LINE)
    assert ask.url.endswith(f"/Calls/{SID}.json")
    assert form(ask) == {"Url": [f"{NEXT}&turn=t9{OVERRIDES}"], "Method": ["POST"]}
    (say,) = CALLS.tell([Say("Goodbye."), HangUp()], SID, "call_1", LINE)
    (document,) = form(say)["Twiml"]
    assert document.endswith("<Response><Say>Goodbye.</Say><Hangup/></Response>")
    with pytest.raises(ValueError, match="4000 characters"):
        CALLS.tell([Say("x" * 4_000)], SID, "call_1", LINE)


def test_hanging_up_is_one_field() -> None:
    request = CALLS.hang_up(SID, LINE)
    assert request.url.endswith(f"/Calls/{SID}.json")
    assert form(request) == {"Status": ["completed"]}
    with pytest.raises(ProviderRejected):
        CALLS.hang_up("../Messages", LINE)


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [(200, None, Told.DONE), (404, 20404, Told.GONE), (400, 21220, Told.GONE)],
)
def test_a_call_that_is_over_already_is_over(status: int, code: int | None, told: Told) -> None:
    body = json.dumps({"code": code} if code else CREATED)
    assert CALLS.told(answer(status, body)) is told


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, "<html>not here</html>", ProviderRejected),
        (401, '{"code":20003}', ProviderMisconfigured),
        (429, "", ProviderBusy),
        (500, "", ProviderBusy),
        (200, "<html>", ProviderError),
        (400, '{"code":21205}', ProviderRejected),
    ],
)
def test_what_is_no_proof_of_an_end_is_an_error(
    status: int, body: str, error: type[ProviderError]
) -> None:
    with pytest.raises(error):
        CALLS.told(answer(status, body))


# -- reading back -----------------------------------------------------------------------------------

ROW = {
    "sid": SID,
    "parent_call_sid": LEG_SID,
    "to": "+15555550111",
    "from": "+15555550100",
    "status": "completed",
    "direction": "outbound-api",
    "date_created": "Sat, 21 Nov 2026 12:00:00 +0000",
    "start_time": "Sat, 21 Nov 2026 12:00:05 +0000",
    "end_time": "Sat, 21 Nov 2026 12:01:05 +0000",
    "duration": "60",
    "answered_by": "human",
}


def test_a_call_is_fetched() -> None:
    assert CALLS.fetch_call(SID, LINE).url.endswith(f"/Calls/{SID}.json")
    found = CALLS.call_fetched(answer(200, json.dumps(ROW)))
    assert (found.provider_id, found.parent_id, found.state) == (SID, LEG_SID, CallState.ENDED)
    assert (found.lasted_s, found.answered_by, found.inbound) == (60, Answerer.HUMAN, False)
    assert found.started_at == datetime(2026, 11, 21, 12, 0, 5, tzinfo=UTC)
    assert found.ended_at == datetime(2026, 11, 21, 12, 1, 5, tzinfo=UTC)
    assert "5555550" not in repr(found)


@pytest.mark.parametrize(
    "body", ["{}", '{"sid":"SM1","status":"completed"}', '{"sid":7}', "[]", "<"]
)
def test_what_is_no_call_is_an_error(body: str) -> None:
    with pytest.raises(ProviderError):
        CALLS.call_fetched(answer(200, body))


def test_calls_are_listed_page_by_page_at_home_only() -> None:
    since = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    asked = CALLS.find_calls("+15555550111", since, LINE)
    assert asked.url.endswith(
        "/Calls.json?To=%2B15555550111&From=%2B15555550100&StartTime%3E=2026-11-21&PageSize=200"
    )
    more = f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json?PageToken=PA1&Page=1"
    page = CALLS.calls_found(
        answer(200, json.dumps({"calls": [ROW, 7, {}], "next_page_uri": more})), LINE
    )
    assert [found.provider_id for found in page.calls] == [SID]
    assert page.more is not None
    assert page.more.url == f"https://api.twilio.com{more}"
    last = CALLS.calls_found(answer(200, '{"calls":[],"next_page_uri":null}'), LINE)
    assert last.more is None
    for elsewhere in ("https://evil.example/x", "/2010-04-01/Accounts/ACother/Calls.json"):
        with pytest.raises(ProviderError):
            CALLS.calls_found(
                answer(200, json.dumps({"calls": [], "next_page_uri": elsewhere})), LINE
            )
    with pytest.raises(ProviderError):
        CALLS.calls_found(answer(200, "{}"), LINE)


# -- signatures -------------------------------------------------------------------------------------


@pytest.mark.proves("B110")
@pytest.mark.parametrize(
    "signed",
    [VOICE, "https://gw.example.com:443/webhooks/voice"],
    ids=["without port", "with port"],
)
def test_the_signature_holds_with_and_without_the_port(signed: str) -> None:
    for query in ("", "ringfence=call_1&for=next&turn=t1"):
        url = f"{signed}?{query}" if query else signed
        CALLS.verify_call(posted(query, signed=url, **INBOUND), LINE)


def test_every_token_of_the_line_is_accepted_and_no_other() -> None:
    both = line(voice_url=VOICE)
    credentials = both.credentials
    both = line(
        voice_url=VOICE,
        credentials=type(credentials)(ACCOUNT, (Secret("new"), Secret(TOKEN))),
    )
    for token in ("new", TOKEN):
        CALLS.verify_call(posted(token=token, **INBOUND), both)
    with pytest.raises(SignatureRefused):
        CALLS.verify_call(posted(token="another", **INBOUND), both)


@pytest.mark.parametrize(
    "query",
    [
        "ringfence=call_2&for=next&turn=t1",
        "ringfence=call_1&for=next&turn=t2",
        "ringfence=call_1&for=progress&turn=t1",
        "ringfence=call_1&for=next",
        "",
    ],
)
def test_the_whole_query_is_signed(query: str) -> None:
    """What a request is about stands there: nobody may turn one kind into another."""
    good = posted("ringfence=call_1&for=next&turn=t1", **INBOUND)
    moved = WebhookRequest(good.method, good.path, query, good.headers, good.body)
    CALLS.verify_call(good, LINE)
    with pytest.raises(SignatureRefused):
        CALLS.verify_call(moved, LINE)


def test_a_configured_query_must_come_back() -> None:
    odd = line(voice_url=f"{VOICE}?tenant=a")
    CALLS.verify_call(posted("tenant=a", **INBOUND), odd)
    CALLS.verify_call(posted("tenant=a&ringfence=c&for=next", **INBOUND), odd)
    with pytest.raises(SignatureRefused):
        CALLS.verify_call(posted("ringfence=c&for=next", **INBOUND), odd)


def test_get_is_signed_by_its_address() -> None:
    query = forms.encode(INBOUND.items())
    headers = {"x-twilio-signature": vendor_signature(f"{VOICE}?{query}", [])}
    request = WebhookRequest("GET", "/webhooks/voice", query, headers, b"")
    found = CALLS.parse_call(CALLS.verify_call(request, LINE))
    assert isinstance(found, IncomingCall)


@pytest.mark.parametrize(
    ("request_", "of"),
    [
        (WebhookRequest("POST", "/", "", {"content-type": forms.FORM}, b"CallSid=1"), LINE),
        (WebhookRequest("POST", "/", "", {"content-type": forms.FORM}, b"a=%zz"), LINE),
        (WebhookRequest("POST", "/", "", {"content-type": "text/xml"}, b"<x/>"), LINE),
        (posted(**INBOUND), line(voice_url=None)),
    ],
)
def test_what_cannot_be_checked_is_refused(request_: WebhookRequest, of: Any) -> None:
    with pytest.raises(SignatureRefused) as refused:
        CALLS.verify_call(request_, of)
    assert TOKEN not in str(refused.value)


# -- events -----------------------------------------------------------------------------------------


def test_a_caller() -> None:
    found = CALLS.parse_call(CALLS.verify_call(posted(**INBOUND, StirVerstat="A"), LINE))
    assert found == IncomingCall(SID, ACCOUNT, "+15555550111", "+15555550100", attested="A")
    assert CALLS.call_misdirected(found, LINE) == ""
    assert "another number" in CALLS.call_misdirected(
        IncomingCall(SID, ACCOUNT, "+15555550111", "+15555550199"), LINE
    )
    assert "another account" in CALLS.call_misdirected(
        IncomingCall(SID, "AC1", "+15555550111", "+15555550100"), LINE
    )
    assert "no number" in CALLS.call_misdirected(found, line(number=None))


@pytest.mark.parametrize(
    ("caller", "hidden"),
    [
        ("+15555550111", False),
        ("+447700900123", False),
        *((word, True) for word in ("anonymous", "Restricted", "", "unknown", "client:bob")),
        *((f"+{n}", True) for n in ("266696687", "7378742833", "86282452253", "2562533")),
        *((n, True) for n in ("266696687", "8656696", "15555550111", "+1555", "+15555550111x")),
    ],
)
def test_who_hides_is_nobody(caller: str, hidden: bool) -> None:
    found = CALLS.parse_call(CALLS.verify_call(posted(**INBOUND | {"From": caller}), LINE))
    assert isinstance(found, IncomingCall)
    assert (found.hidden, found.caller) == (hidden, caller)


def test_digits_and_words_and_nothing() -> None:
    found = event("next", "t1", Digits="12#", FinishedOnKey="#")
    assert found == WhatNext(SID, ACCOUNT, "call_1", CallState.ANSWERED, "t1", digits="12#")
    found = event("next", "t1", SpeechResult=" yes please. ", Confidence="0.91")
    assert (found.speech, found.confidence, found.digits) == ("yes please.", 0.91, "")
    found = event("next", "t1")
    assert (found.digits, found.speech, found.confidence) == ("", "", None)
    found = event("next", AnsweredBy="machine_start", Digits="<b>", Confidence="high")
    assert (found.answered_by, found.digits, found.confidence) == (Answerer.MACHINE, "", None)
    assert len(event("next", SpeechResult="la " * 5_000).speech) == 8_000


@pytest.mark.parametrize(("word", "state"), sorted(CALL_STATES.items()))
def test_progress(word: str, state: CallState) -> None:
    found = event("progress", CallStatus=word, SequenceNumber="3", CallDuration="42")
    assert found == CallProgress(SID, ACCOUNT, "call_1", state, word, sequence=3, lasted_s=42)


def test_a_phone_that_is_off_did_not_fail() -> None:
    found = event("progress", CallStatus="failed", SipResponseCode="480", ParentCallSid=LEG_SID)
    assert (found.state, found.sip_code) == (CallState.NO_ANSWER, 480)
    assert found.parent_provider_id == LEG_SID
    assert event("progress", CallStatus="failed", SipResponseCode="503").state is CallState.FAILED


def test_a_report_set_up_at_the_number_names_no_call_of_ours() -> None:
    fields = INBOUND | {"CallStatus": "completed", "CallDuration": "9"}
    found = CALLS.parse_call(CALLS.verify_call(posted(**fields), LINE))
    assert isinstance(found, CallProgress)
    assert (found.our_id, found.state, found.lasted_s) == ("", CallState.ENDED, 9)


@pytest.mark.parametrize(
    ("word", "who"),
    [
        ("human", Answerer.HUMAN),
        ("machine_end_beep", Answerer.MACHINE_READY),
        ("machine_end_silence", Answerer.MACHINE_READY),
        ("machine_start", Answerer.MACHINE),
        ("fax", Answerer.FAX),
        ("unknown", Answerer.UNKNOWN),
        ("robot", Answerer.UNKNOWN),
    ],
)
def test_who_picked_up(word: str, who: Answerer) -> None:
    found = event("answerer", AnsweredBy=word, MachineDetectionDuration="3210")
    assert found == AnswererHeard(SID, ACCOUNT, "call_1", who, 3210)


def test_a_message_that_was_left_and_one_that_was_not() -> None:
    left = {"RecordingSid": RECORDING, "RecordingUrl": "https://api.twilio.com/r"}
    found = event("message", "t1", **left, RecordingDuration="8", Digits="hangup")
    assert found == RecordingReport(
        *(SID, ACCOUNT, "call_1", RecordingState.COMPLETED, RECORDING),
        url="https://api.twilio.com/r",
        lasted_s=8,
        turn="t1",
        asks=True,
    )
    assert event("message", "t1").state is RecordingState.ABSENT
    found = event("recording", **left, RecordingStatus="in-progress")
    assert (found.state, found.url, found.asks) == (RecordingState.UNDER_WAY, "", False)
    found = event("recording", **left, RecordingStatus="completed")
    assert (found.state, found.url) == (RecordingState.COMPLETED, "https://api.twilio.com/r")


def test_a_leg_that_ended() -> None:
    found = event(
        "leg", "t1", DialCallStatus="no-answer", DialCallSid=LEG_SID, DialCallDuration="0"
    )
    assert found == LegEnded(SID, ACCOUNT, "call_1", CallState.NO_ANSWER, "t1", LEG_SID, 0)
    assert event("leg", DialCallStatus="answered").leg_state is CallState.ANSWERED


BROKEN: list[tuple[str, dict[str, str | None]]] = [
    ("", {"CallSid": None}),
    ("", {"AccountSid": None}),
    ("", {"CallSid": "SM" + "a1" * 16}),
    ("", {"CallStatus": "dreaming"}),
    ("", {"Direction": "outbound-api"}),
    ("for=next", {}),
    ("for=leg&ringfence=c", {"DialCallStatus": "x"}),
    ("for=recording&ringfence=c", {"RecordingStatus": "lost"}),
    ("for=recording&ringfence=c", {"RecordingStatus": "completed", "RecordingSid": "../x"}),
    ("for=wonder&ringfence=c", {}),
    ("for=next&for=leg&ringfence=c", {}),
    ("for=next&ringfence=a&ringfence=b", {}),
    ("for=next&ringfence=a%2Fb", {}),
    ("for=next&ringfence=" + "a" * 81, {}),
    ("for=next&ringfence=c", {"City": f"CallSid{SID}"}),
]


@pytest.mark.parametrize(("query", "changes"), BROKEN, ids=range(len(BROKEN)))
def test_what_is_signed_and_still_no_event(query: str, changes: dict[str, Any]) -> None:
    verified = CALLS.verify_call(posted(query, **INBOUND | changes), LINE)
    with pytest.raises(MalformedEvent):
        CALLS.parse_call(verified)


def test_a_caller_may_say_what_they_like() -> None:
    """Words are not fields: what somebody says cannot make an event of ours unreadable."""
    found = event("next", "t1", SpeechResult=f"CallSid{LEG_SID} CallStatus completed")
    assert found.speech.startswith("CallSid")


def test_moved_bytes_are_noticed() -> None:
    """Names and values are signed joined: the same signature holds when a border moves. Whoever wants
    another call's id to be read must leave the true one lying in some other value."""
    true = {"AccountSid": ACCOUNT, "CallSid": SID, "CallStatus": "in-progress"}
    signed = "".join(name + value for name, value in sorted(true.items()))
    forged = {"AccountSid": f"{ACCOUNT}CallSid{SID}CallStatusin-progress", "CallSid": LEG_SID}
    verified = Verified(posted("for=next&ringfence=c", **forged), tuple(forged.items()), signed)
    with pytest.raises(MalformedEvent):
        CALLS.parse_call(verified)


@given(st.binary(max_size=200), st.text(max_size=60))
def test_anything_signed_is_an_event_or_a_refusal(body: bytes, query: str) -> None:
    request = WebhookRequest("POST", "/", query, {"content-type": forms.FORM}, body)
    unchecked = line(voice_url=VOICE, validate_signature=False)
    try:
        CALLS.parse_call(CALLS.verify_call(request, unchecked))
    except (MalformedEvent, SignatureRefused):
        pass


@pytest.mark.proves("B118")
def test_one_event_has_one_token_whatever_its_headers_say() -> None:
    def token(request: WebhookRequest, **headers: str) -> str:
        given = {**request.headers, **headers}
        changed = WebhookRequest(request.method, request.path, request.query, given, request.body)
        return CALLS.call_dedupe_token(CALLS.verify_call(changed, LINE))

    progress = INBOUND | {"CallStatus": "ringing", "SequenceNumber": "1"}
    seen = set()
    events = [
        posted(**INBOUND),
        posted("for=next&ringfence=c&turn=t1", **INBOUND, Digits="1"),
        posted("for=next&ringfence=c&turn=t2", **INBOUND, Digits="1"),
        posted("for=leg&ringfence=c&turn=t2", **INBOUND),
        posted("for=progress&ringfence=c", **progress),
        posted("for=progress&ringfence=c", **progress | {"SequenceNumber": "2"}),
        posted("for=progress&ringfence=c", **progress | {"CallStatus": "completed"}),
        posted("for=answerer&ringfence=c", **INBOUND),
        posted("for=recording&ringfence=c", **INBOUND, RecordingSid=RECORDING),
    ]
    for request in events:
        first = token(request)
        assert token(request, i_twilio_idempotency_token="x", host="evil.example") == first
        assert first not in seen, "different events have different tokens"
        seen.add(first)


# -- documents --------------------------------------------------------------------------------------


def test_no_instructions_are_an_empty_document() -> None:
    assert len(written()) == 0


def test_the_words_of_our_instructions() -> None:
    root = written(
        Say("Hello & welcome", voice="Polly.Joanna", language="en-GB"),
        Wait(2),
        Play("https://gw.example.com/hold.wav"),
        SendDigits("1w2"),
        Listen("t1", (Say("Press 1"),), digits_count=1, may_interrupt=False),
        GoOn("t2"),
        HangUp(),
        Refuse(Refusal.BUSY),
    )
    assert [(verb.tag, verb.text or "", verb.attrib) for verb in root] == [
        ("Say", "Hello & welcome", {"voice": "Polly.Joanna", "language": "en-GB"}),
        ("Pause", "", {"length": "2"}),
        ("Play", "https://gw.example.com/hold.wav", {}),
        ("Play", "", {"digits": "1w2"}),
        (
            "Gather",
            "",
            {
                "input": "dtmf",
                "action": f"{NEXT}&turn=t1{OVERRIDES}",
                "method": "POST",
                "timeout": "5",
                "numDigits": "1",
                "bargeIn": "false",
                "actionOnEmptyResult": "true",
                "finishOnKey": "#",
            },
        ),
        ("Redirect", f"{NEXT}&turn=t2{OVERRIDES}", {"method": "POST"}),
        ("Hangup", "", {}),
        ("Reject", "", {"reason": "busy"}),
    ]
    assert root[4][0].text == "Press 1"


def test_what_rings_records_and_connects_reports_to_us() -> None:
    of = f"{VOICE}?ringfence=call_1&for="
    root = written(
        TakeMessage("t1", seconds_max=90),
        DialNumber("t2", "+15555550112", caller="+15555550100", limit_s=600),
        JoinConference("t3", "room-1", muted=True, ends=True, label="owner"),
        OpenStream("t4", "wss://gw.example.com/media/abc", parameters=(("call", "call_1"),)),
        OpenRelay("t5", "wss://gw.example.com/relay/abc", greeting="This is a machine."),
        OpenRelay(
            "t6",
            "wss://gw.example.com/x",
            speaks_by="Google",
            hears_by="Deepgram",
            interruptible=False,
        ),
    )
    assert root[0].attrib["action"] == f"{of}message&turn=t1{OVERRIDES}"
    assert root[0].attrib["recordingStatusCallback"] == f"{of}recording{OVERRIDES}"
    assert root[1].attrib["action"] == f"{of}leg&turn=t2{OVERRIDES}"
    assert root[1].attrib["timeLimit"] == "600", "a dialled leg has its ceiling too"
    assert root[1][0].attrib["statusCallback"] == f"{of}progress{OVERRIDES}"
    assert root[2][0].attrib["endConferenceOnExit"] == "true"
    assert root[2][0].attrib["participantLabel"] == "owner"
    assert root[3].attrib["action"] == f"{of}next&turn=t4{OVERRIDES}"
    assert [p.attrib for p in root[3][0]] == [{"name": "call", "value": "call_1"}]
    relayed = root[4][0].attrib
    assert (relayed["welcomeGreetingInterruptible"], relayed["interruptible"]) == ("none", "any")
    assert relayed["events"] == "tokens-played", "or nobody knows what was heard"
    silent = root[5][0].attrib
    assert (silent["ttsProvider"], silent["transcriptionProvider"]) == ("Google", "Deepgram")
    assert silent["interruptible"] == "none"


@pytest.mark.parametrize("url", ["ws://x.example/a", "https://x.example", "wss://x.example/a?t=1"])
def test_a_socket_the_provider_would_drop_is_our_mistake(url: str) -> None:
    for instruction in (OpenStream("t", url), OpenRelay("t", url)):
        with pytest.raises(ValueError, match="wss"):
            written(instruction)


def test_to_listen_for_nothing_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="listen for nothing"):
        written(Listen("t", digits=False))


@pytest.mark.shared
def test_every_field_we_send_is_described_by_the_vendor(shared_data: Callable[[str], Any]) -> None:
    spec = shared_data("twilio-openapi-2010-trimmed.json")["paths"]
    base = "/2010-04-01/Accounts/{AccountSid}/Calls"

    def known(path: str) -> set[str]:
        content = spec[path]["post"]["requestBody"]["content"]
        return set(content["application/x-www-form-urlencoded"]["schema"]["properties"])

    placed = CALLS.place(call(detection=Detection.PATIENT, instructions=NOTICE), LINE)
    fetched = CALLS.place(call(digits="1"), LINE)
    assert set(form(placed)) | set(form(fetched)) <= known(f"{base}.json")
    told = (*CALLS.tell([GoOn("t")], SID, "c", LINE), *CALLS.tell(NOTICE, SID, "c", LINE))
    for request in (*told, CALLS.hang_up(SID, LINE)):
        assert set(form(request)) <= known(base + "/{Sid}.json")
    listed = {parameter["name"] for parameter in spec[f"{base}.json"]["get"]["parameters"]}
    query = CALLS.find_calls("+15555550111", datetime(2026, 1, 1, tzinfo=UTC), LINE).url
    assert {name for name, _ in forms.decode(query.partition("?")[2])} <= listed


def test_plain_http_is_for_this_machine() -> None:
    with pytest.raises(ProviderError):
        CALLS.place(call(), line(voice_url=VOICE, api_base_url="http://api.example.com"))


def test_one_codec_keeps_nothing() -> None:
    assert TwilioCalls().place(call(), LINE) == CALLS.place(call(), LINE)
