"""Plivo's calls on the wire: exact requests, signed webhooks, answers read for no more than they prove.
Fields are as the vendor's pages show them, elements as its library writes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plivo_rig import (
    AUTH_ID,
    FOREIGN_TOKEN,
    OLD_TOKEN,
    OURS,
    PERSON,
    TOKEN,
    answer,
    line,
    posted,
    refusal,
    signed,
)

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
from ringfence.model.outbox import ErrorClass, OutcomeKind
from ringfence.model.wire import WebhookRequest, WireRequest, WireResponse
from ringfence.providers import call_providers
from ringfence.providers.base import Detection, OutboundCall, PlacesCalls, Told
from ringfence.providers.plivo_call_errors import CALL_MEANINGS, ORDINARY_ENDS
from ringfence.providers.plivo_call_told import REST_CHARS_MAX, packed, told_along
from ringfence.providers.plivo_call_webhooks import CALL_STATES
from ringfence.providers.plivo_calls import CALLS
from ringfence.providers.plivo_signature import check

VOICE = "https://gw.example.com/webhooks/voice"
CALL = "57a1b60a-5c0b-11e7-9082-ef888d0400e9"
LEG = "c0a58e17-9d24-4f6b-8a13-72e5b4c9d806"
ASKED = "9834029e-58b6-11e1-b8b7-a5bd0e4e126f"
FILE = "https://media.example.com/Recording/1.mp3"
ACCOUNT_URL = f"https://api.plivo.com/v1/Account/{AUTH_ID}"
LINE = line(voice_url=VOICE)
NEXT = f"{VOICE}?ringfence=call_1&for=next"
REPORTS = f"{VOICE}?ringfence=call_1&for=progress"
INBOUND = {
    "CallUUID": CALL,
    "From": PERSON.removeprefix("+"),
    "To": OURS.removeprefix("+"),
    "CallerName": PERSON,
    "CallStatus": "ringing",
    "Direction": "inbound",
    "Event": "StartApp",
    "SessionStart": "2026-11-21 12:00:00.000000",
    "BillRate": "0.0085",
    "ParentAuthID": AUTH_ID,
}
OUTBOUND = {
    **INBOUND,
    "From": OURS.removeprefix("+"),
    "To": PERSON.removeprefix("+"),
    "CallStatus": "in-progress",
    "Direction": "outbound",
    "ALegUUID": CALL,
    "ALegRequestUUID": ASKED,
    "RequestUUID": ASKED,
}


def call(**changes: Any) -> OutboundCall:
    given = {"our_id": "call_1", "to": PERSON, "limit_s": 300, **changes}
    return OutboundCall(**given)


def document(request: WireRequest) -> dict[str, Any]:
    found = json.loads(request.body)
    assert isinstance(found, dict)
    return found


def webhook(
    query: str = "", *, token: str = TOKEN, url: str = VOICE, **fields: str
) -> WebhookRequest:
    return posted(list(fields.items()), token=token, url=url, query=parse_qsl(query))


def event(what: str, turn: str = "", **changes: str) -> Any:
    query = f"ringfence=call_1&for={what}" + (f"&turn={turn}" if turn else "")
    return CALLS.parse_call(CALLS.verify_call(webhook(query, **OUTBOUND | changes), LINE))


def token_of(query: str, **changes: str) -> str:
    return CALLS.call_dedupe_token(CALLS.verify_call(webhook(query, **OUTBOUND | changes), LINE))


def written(*instructions: Instruction) -> ElementTree.Element:
    said = CALLS.answer_call(instructions, "call_1", LINE)
    assert said.headers["content-type"].startswith("application/xml")
    return ElementTree.fromstring(said.body)


# -- placing ----------------------------------------------------------------------------------------


def test_it_is_found_beside_the_codec_for_texts() -> None:
    assert call_providers()["plivo"] is CALLS
    assert isinstance(CALLS, PlacesCalls)


@pytest.mark.proves("P12")
def test_a_call_is_placed_with_its_addresses_and_its_limit() -> None:
    request = CALLS.place(call(ring_s=25, turn="t1", digits="1w2"), LINE)
    assert (request.method, request.url) == ("POST", f"{ACCOUNT_URL}/Call/")
    assert request.secret_headers["Authorization"].startswith("Basic ")
    assert document(request) == {
        "from": OURS,
        "to": PERSON,
        "answer_url": f"{NEXT}&turn=t1",
        "answer_method": "POST",
        "fallback_url": f"{NEXT}&turn=t1",
        "fallback_method": "POST",
        "ring_url": REPORTS,
        "ring_method": "POST",
        "hangup_url": REPORTS,
        "hangup_method": "POST",
        "time_limit": 300,
        "ring_timeout": 25,
        "send_digits": "1w2",
    }


def test_words_never_travel_with_the_request() -> None:
    """Plivo fetches them: it has no way to take a document (B128 is a matter of the gateway here)."""
    request = CALLS.place(call(instructions=(Say("Your server is down."), HangUp())), LINE)
    assert b"server" not in request.body
    assert document(request)["answer_url"] == NEXT


def test_a_configured_query_goes_along_and_its_fragment_does_not() -> None:
    there = line(voice_url=f"{VOICE}?tenant=a%26b#rc=5")
    assert document(CALLS.place(call(), there))["answer_url"] == (
        f"{VOICE}?tenant=a%26b&ringfence=call_1&for=next"
    )


@pytest.mark.parametrize(
    ("detection", "meanwhile", "fields"),
    [
        (Detection.NONE, True, {}),
        (
            Detection.FAST,
            True,
            {
                "machine_detection": "true",
                "machine_detection_url": f"{VOICE}?ringfence=call_1&for=answerer",
                "machine_detection_method": "POST",
            },
        ),
        (Detection.PATIENT, False, {"machine_detection": "true"}),
    ],
)
def test_machines_are_listened_for(
    detection: Detection, meanwhile: bool, fields: dict[str, str]
) -> None:
    made = document(CALLS.place(call(detection=detection, detects_meanwhile=meanwhile), LINE))
    assert {k: v for k, v in made.items() if k.startswith("machine")} == fields


def test_one_request_rings_one_number() -> None:
    """`<` between numbers makes Plivo call all of them."""
    for to in (f"{PERSON}<+15555550124", "sip:a@b", PERSON.removeprefix("+"), ""):
        with pytest.raises(ProviderRejected):
            CALLS.place(call(to=to), LINE)


@pytest.mark.parametrize(
    "broken",
    [
        line(voice_url=VOICE, number=None),
        line(voice_url=None),
        line(voice_url="http://127.0.0.1:8080/voice"),
        line(voice_url="https://gw/voice"),
        line(voice_url=f"{VOICE}?a=%"),
    ],
    ids=["number", "url", "loopback", "bare", "query"],
)
def test_a_line_that_cannot_be_asked_cannot_call(broken: Any) -> None:
    with pytest.raises(ProviderMisconfigured):
        CALLS.place(call(), broken)


def test_what_is_placed_has_the_requests_id_until_the_call_has_its_own() -> None:
    outcome = CALLS.placed(
        answer(201, {"api_id": CALL, "message": "call fired", "request_uuid": ASKED})
    )
    assert (outcome.kind, outcome.provider_id) == (OutcomeKind.ACCEPTED, f"request:{ASKED}")


@pytest.mark.proves("B131")
def test_the_first_webhook_brings_the_calls_own_id() -> None:
    placed = CALLS.placed(answer(201, {"request_uuid": ASKED})).provider_id
    first = event("progress", CallStatus="ringing", Event="Ring")
    assert first.provider_id == CALL
    assert first.our_id == "call_1"
    assert CALLS.hang_up(placed, LINE).url == f"{ACCOUNT_URL}/Request/{ASKED}/"
    assert CALLS.hang_up(first.provider_id, LINE).url == f"{ACCOUNT_URL}/Call/{CALL}/"


@pytest.mark.proves("P5")
@pytest.mark.parametrize(
    "body", [{}, {"request_uuid": [ASKED, CALL]}, {"request_uuid": 7}, {"request_uuid": "x"}, []]
)
def test_an_answer_without_an_id_may_be_a_call(body: object) -> None:
    assert CALLS.placed(answer(201, body)).kind is OutcomeKind.UNKNOWN


@pytest.mark.parametrize(
    ("status", "words", "kind", "error_class"),
    [
        (400, "to parameter is invalid", OutcomeKind.REJECTED, ErrorClass.PERMANENT),
        (401, "authentication failed", OutcomeKind.REJECTED, ErrorClass.STOP_LINE),
        (402, "insufficient credit", OutcomeKind.REJECTED, ErrorClass.STOP_LINE),
        (403, "not allowed", OutcomeKind.REJECTED, ErrorClass.CONFIG),
        (429, "too many requests", OutcomeKind.RETRYABLE, ErrorClass.RETRY),
    ],
)
def test_refusals(status: int, words: str, kind: OutcomeKind, error_class: ErrorClass) -> None:
    outcome = CALLS.placed(refusal(status, f"{words} {PERSON}"))
    assert (outcome.kind, outcome.error_class) == (kind, error_class)
    assert "5555550" not in outcome.detail
    assert "call" in outcome.detail or "credit" in outcome.detail


# -- a live call ------------------------------------------------------------------------------------


def test_a_live_call_is_told_to_ask() -> None:
    (ask,) = CALLS.tell([GoOn("t9")], CALL, "call_1", LINE)
    assert (ask.method, ask.url) == ("POST", f"{ACCOUNT_URL}/Call/{CALL}/")
    assert document(ask) == {
        "legs": "aleg",
        "aleg_url": f"{NEXT}&turn=t9",
        "aleg_method": "POST",
    }


def test_what_a_live_call_is_told_comes_back_signed_with_its_question() -> None:
    told = (Say("Tschüß & <Hangup/>", "Polly.Vicki", "de-DE"), Wait(2), GoOn("t3"))
    (request,) = CALLS.tell(told, CALL, "call_1", LINE)
    query = urlsplit(document(request)["aleg_url"]).query
    verified = CALLS.verify_call(webhook(query, **OUTBOUND), LINE)
    found = CALLS.parse_call(verified)
    assert isinstance(found, WhatNext)
    assert (found.rest, found.turn, found.our_id) == (told, "t3", "call_1")
    (last,) = CALLS.tell([Say("Bye."), HangUp()], CALL, "call_1", LINE)
    query = urlsplit(document(last)["aleg_url"]).query
    found = CALLS.parse_call(CALLS.verify_call(webhook(query, **OUTBOUND), LINE))
    assert isinstance(found, WhatNext)
    assert (found.rest, found.turn) == ((Say("Bye."), HangUp()), "")
    assert "Bye" not in repr(found)
    assert token_of(query) != CALLS.call_dedupe_token(verified)


@pytest.mark.parametrize(
    "instructions",
    [
        (DialNumber("t1", "+15555550124"),),
        (OpenStream("t1", "wss://gw.example.com/media/token"),),
        (GoOn("t1"), SendDigits("1234")),
        (Listen("t1", (Play("https://gw.example.com/a.mp3"),)),),
        (Play("https://gw.example.com/a.mp3"), HangUp()),
        (Say("x" * 3_000), HangUp()),
    ],
    ids=["number", "token", "keys", "prompt", "sound", "much"],
)
def test_an_address_holds_no_secret_and_not_much(instructions: Sequence[Instruction]) -> None:
    with pytest.raises(ValueError, match="tell the call to ask"):
        CALLS.tell(instructions, CALL, "call_1", LINE)


@given(st.text(max_size=200), st.integers(0, 60), st.booleans())
def test_any_words_come_back_as_they_were(text: str, seconds: int, speech: bool) -> None:
    said = Say(text.encode("utf-8", "replace").decode())
    listen = Listen("t1", (said, Wait()), speech=speech, digits_count=4, timeout_s=seconds)
    told = (said, Wait(seconds), listen, GoOn("t2"), HangUp())
    assert told_along(packed(told)) == told


@pytest.mark.parametrize(
    "rest",
    [
        "x",
        "AAAA",
        "W10",  # an empty list
        "bnVsbA",  # null
        "W1sic2F5IiwxLCIiLCIiXV0",  # [["say",1,"",""]]
        "W1siZGlhbCIsIisxNTU1NTU1MDEyNCJdXQ",  # [["dial","+15555550124"]]
        "W1sibGlzdGVuIixbXSwidDEiXV0",  # [["listen",[],"t1"]]
        "W1sid2FpdCIsdHJ1ZV1d",  # [["wait",true]]
        "W1siaGFuZ191cCJdIF0",  # our step, not as we write it
        "W1siaGFuZ191cCJdXQ==",
        "_" * (REST_CHARS_MAX + 1),
    ],
)
def test_an_address_that_is_none_of_ours_is_no_order(rest: str) -> None:
    query = f"ringfence=call_1&for=next&rest={rest}"
    verified = CALLS.verify_call(webhook(query, **OUTBOUND), LINE)
    with pytest.raises(MalformedEvent):
        CALLS.parse_call(verified)


def test_keys_go_out_over_what_the_call_is_doing() -> None:
    (keys,) = CALLS.tell([SendDigits("12#")], CALL, "call_1", LINE)
    assert keys.url == f"{ACCOUNT_URL}/Call/{CALL}/DTMF/"
    assert document(keys) == {"digits": "12#", "leg": "aleg"}
    listen = Listen("t4", (Say("Go on."),))
    keys, after = CALLS.tell([SendDigits("1"), listen], CALL, "call_1", LINE)
    assert keys.url.endswith("/DTMF/")
    query = urlsplit(document(after)["aleg_url"]).query
    found = CALLS.parse_call(CALLS.verify_call(webhook(query, **OUTBOUND), LINE))
    assert isinstance(found, WhatNext)
    assert (found.rest, found.turn) == ((listen,), "t4")
    (end,) = CALLS.tell([HangUp()], CALL, "call_1", LINE)
    assert (end.method, end.url) == ("DELETE", f"{ACCOUNT_URL}/Call/{CALL}/")


def test_only_one_call_is_ever_ended() -> None:
    """Without an id Plivo ends every call of the account."""
    for id_ in ("", "request:", "/", "../Message", f"{CALL}/", "CA" + "a1" * 16):
        for ask in (CALLS.hang_up, CALLS.fetch_call):
            with pytest.raises(ProviderRejected):
                ask(id_, LINE)
        with pytest.raises(ProviderRejected):
            CALLS.tell([GoOn("t1")], id_, "call_1", LINE)
    with pytest.raises(ProviderRejected):
        CALLS.tell([GoOn("t1")], f"request:{ASKED}", "call_1", LINE)


@pytest.mark.proves("B133")
@pytest.mark.parametrize(
    ("response", "told"),
    [
        (WireResponse(204, {}, b""), Told.DONE),
        (answer(202, {"message": "call transferred"}), Told.DONE),
        (refusal(404, "not found"), Told.GONE),
        (WireResponse(404, {}, b""), Told.GONE),
    ],
)
def test_a_call_that_is_over_already_is_over(response: WireResponse, told: Told) -> None:
    assert CALLS.told(response) is told


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, b"<html>not here</html>", ProviderRejected),
        (200, b"<html>", ProviderError),
        (401, b'{"error":"no"}', ProviderMisconfigured),
        (429, b"", ProviderBusy),
        (500, b"", ProviderBusy),
        (400, b'{"error":"call not in progress"}', ProviderRejected),
    ],
)
def test_what_is_no_proof_of_an_end_is_an_error(
    status: int, body: bytes, error: type[ProviderError]
) -> None:
    with pytest.raises(error):
        CALLS.told(WireResponse(status, {}, body))


def test_whether_a_call_lives_is_asked() -> None:
    asked = CALLS.fetch_call(CALL, LINE)
    assert (asked.method, asked.url) == ("GET", f"{ACCOUNT_URL}/Call/{CALL}/?status=live")
    assert CALLS.fetch_call(f"request:{ASKED}", LINE).url.endswith(f"/Call/{ASKED}/?status=live")
    found = CALLS.call_fetched(
        answer(
            200,
            {
                "call_status": "in-progress",
                "call_uuid": CALL,
                "direction": "outbound",
                "from": OURS,
                "request_uuid": ASKED,
                "session_start": "2026-11-21 13:17:49.050872",
                "to": PERSON.removeprefix("+"),
            },
        )
    )
    assert (found.provider_id, found.state, found.inbound) == (CALL, CallState.ANSWERED, False)
    assert (found.sender, found.to) == (OURS, PERSON)
    assert "5555550" not in repr(found)
    over = CALLS.call_fetched(refusal(404, "not found"))
    assert (over.state, over.provider_id) == (CallState.ENDED, "")
    with pytest.raises(ProviderRejected):
        CALLS.call_fetched(WireResponse(404, {}, b"<html>not here</html>"))
    for body in ({}, {"call_uuid": 7}, {"call_uuid": CALL, "call_status": "odd"}):
        with pytest.raises(ProviderError):
            CALLS.call_fetched(answer(200, body))


# -- signatures -------------------------------------------------------------------------------------


@pytest.mark.proves("B115")
def test_every_token_of_the_line_is_accepted_and_no_other() -> None:
    for token in (TOKEN, OLD_TOKEN):
        CALLS.verify_call(webhook(token=token, **INBOUND), LINE)
    with pytest.raises(SignatureRefused, match="public URL for calls"):
        CALLS.verify_call(webhook(token=FOREIGN_TOKEN, **INBOUND), LINE)


@pytest.mark.proves("B115")
def test_one_of_several_signatures_is_enough_and_a_nonce_is_needed() -> None:
    good = webhook(**INBOUND)
    mine = good.headers["x-plivo-signature-v3"]
    several = f"{signed(FOREIGN_TOKEN, 'x')}, {mine}"
    CALLS.verify_call(
        replace(good, headers={**good.headers, "x-plivo-signature-v3": several}), LINE
    )
    bare = {k: v for k, v in good.headers.items() if k != "x-plivo-signature-v3-nonce"}
    with pytest.raises(SignatureRefused, match="nonce"):
        CALLS.verify_call(replace(good, headers=bare), LINE)


@pytest.mark.parametrize(
    "query",
    [
        "ringfence=call_2&for=next&turn=t1",
        "ringfence=call_1&for=next&turn=t2",
        "ringfence=call_1&for=progress&turn=t1",
        "ringfence=call_1&for=next",
        "ringfence=call_1&for=next&turn=t1&rest=x",
        "",
    ],
)
def test_the_whole_query_is_signed(query: str) -> None:
    """What a request is about stands there: nobody may turn one kind into another."""
    good = webhook("ringfence=call_1&for=next&turn=t1", **OUTBOUND)
    CALLS.verify_call(good, LINE)
    with pytest.raises(SignatureRefused):
        CALLS.verify_call(replace(good, query=query), LINE)


@pytest.mark.parametrize(
    "query",
    [
        "for=next%26ringfence%3Dcall_1&turn=t1",
        "for=next&ringfence=call_1%26turn%3Dt1",
        "for=next&ringfence=call_1&turn=t1.ALegRequestUUID" + ASKED,
    ],
)
def test_a_query_divided_anew_is_read_as_nothing(query: str) -> None:
    """Names and values are signed with marks that a value may hold as well."""
    good = webhook("ringfence=call_1&for=next&turn=t1", **OUTBOUND)
    try:
        verified = CALLS.verify_call(replace(good, query=query), LINE)
    except SignatureRefused:
        return
    with pytest.raises(MalformedEvent):
        CALLS.parse_call(verified)


def test_a_configured_query_must_come_back() -> None:
    there = line(voice_url=f"{VOICE}?tenant=a")
    for query in ("tenant=a", "tenant=a&ringfence=call_1&for=next"):
        CALLS.verify_call(webhook(query, **INBOUND), there)
    with pytest.raises(SignatureRefused, match="begin"):
        CALLS.verify_call(webhook("ringfence=call_1&for=next", **INBOUND), there)


@pytest.mark.parametrize(
    ("request_", "of"),
    [
        (replace(webhook(**INBOUND), method="GET"), LINE),
        (replace(webhook(**INBOUND), query="%"), LINE),
        (replace(webhook(**INBOUND), body=b"a=%zz"), LINE),
        (webhook(**INBOUND), line(voice_url=None)),
        (webhook(**INBOUND), line(voice_url=f"{VOICE}?a=%")),
    ],
    ids=["get", "query", "form", "no url", "broken url"],
)
def test_what_cannot_be_checked_is_refused(request_: WebhookRequest, of: Any) -> None:
    with pytest.raises(SignatureRefused) as refused:
        CALLS.verify_call(request_, of)
    assert TOKEN not in str(refused.value)


@pytest.mark.shared
def test_the_vendors_own_voice_webhooks_hold(shared_data: Callable[[str], Any]) -> None:
    """Those of its libraries' suites are about calls, `RequestUUID` and all."""
    vectors = [
        vector
        for vector in shared_data("plivo-signatures.json")["vectors"]
        if vector["method"] == "POST" and dict(vector["params"]).get("RequestUUID")
    ]
    assert len(vectors) >= 2
    for vector in vectors:
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "x-plivo-signature-v3": vector["signature"],
            "x-plivo-signature-v3-nonce": vector["nonce"],
        }
        url, _, query = vector["url"].partition("?")
        form = [(name, value) for name, value in vector["params"]]
        good = vector["vendor_suite_says"]
        try:
            check(headers, url, parse_qsl(query), form, [vector["token"]])
        except SignatureRefused:
            assert not good, vector["id"]
        else:
            assert good, vector["id"]


# -- events -----------------------------------------------------------------------------------------


def test_a_caller() -> None:
    """Plivo writes numbers without their plus, and some callers are `in-progress` unanswered."""
    for status in ("ringing", "in-progress"):
        request = webhook(**INBOUND | {"CallStatus": status, "STIRVerification": "Verified"})
        found = CALLS.parse_call(CALLS.verify_call(request, LINE))
        assert found == IncomingCall(CALL, "", PERSON, OURS, attested="Verified")
        assert CALLS.call_misdirected(found, LINE) == ""
        assert "another number" in CALLS.call_misdirected(replace(found, called=PERSON), LINE)
        assert "no number" in CALLS.call_misdirected(found, line(number=None))


@pytest.mark.parametrize(
    ("caller", "hidden"),
    [
        ("15555550111", False),
        ("+15555550111", False),
        ("447700900123", False),
        *((word, True) for word in ("anonymous", "Restricted", "", "unknown", "sip:bob@phone")),
        *((n, True) for n in ("266696687", "+266696687", "7378742833", "86282452253", "2562533")),
        *((n, True) for n in ("0555", "1555", "15555550111x", "15555550111 ")[:3]),
    ],
)
def test_who_hides_from_plivo_is_nobody(caller: str, hidden: bool) -> None:
    request = webhook(**INBOUND | {"From": caller, "CallerName": ""})
    found = CALLS.parse_call(CALLS.verify_call(request, LINE))
    assert isinstance(found, IncomingCall)
    assert found.hidden is hidden


def test_the_end_of_a_call_that_came_in_is_told_at_the_bare_address() -> None:
    request = webhook(
        **INBOUND
        | {
            "CallStatus": "completed",
            "Event": "Hangup",
            "Duration": "42",
            "HangupCauseCode": "4000",
        }
    )
    found = CALLS.parse_call(CALLS.verify_call(request, LINE))
    assert found == CallProgress(CALL, "", "", CallState.ENDED, "completed", lasted_s=42)


def test_what_a_person_said_and_pressed_and_nothing() -> None:
    found = event("next", "t1", InputType="dtmf", Digits="12", Speech="")
    assert found == WhatNext(CALL, "", "call_1", CallState.ANSWERED, "t1", digits="12")
    found = event("next", "t1", InputType="speech", Speech=" yes. ", SpeechConfidenceScore="0.91")
    assert (found.speech, found.confidence, found.digits) == ("yes.", 0.91, "")
    found = event("next", "t1")
    assert (found.digits, found.speech, found.confidence) == ("", "", None)
    found = event("next", Digits="<b>", SpeechConfidenceScore="high", Machine="true")
    assert (found.digits, found.confidence, found.answered_by) == ("", None, Answerer.MACHINE)
    assert event("next", Machine="false").answered_by is Answerer.HUMAN
    assert len(event("next", Speech="la " * 5_000).speech) == 8_000


@pytest.mark.parametrize(("word", "state"), sorted(CALL_STATES.items()))
def test_reports_of_a_call(word: str, state: CallState) -> None:
    found = event("progress", CallStatus=word, Duration="42")
    assert found == CallProgress(CALL, "", "call_1", state, word, lasted_s=42)


@pytest.mark.parametrize(
    ("status", "cause", "state", "code"),
    [
        ("completed", "4000", CallState.ENDED, None),
        ("completed", "4010", CallState.ENDED, None),
        ("completed", "8011", CallState.ENDED, 8011),
        ("failed", "1000", CallState.CANCELLED, None),
        ("completed", "6010", CallState.NO_ANSWER, None),
        ("busy", "3010", CallState.BUSY, None),
        ("failed", "2030", CallState.FAILED, 2030),
        ("failed", "", CallState.FAILED, None),
    ],
)
def test_why_a_call_ended(status: str, cause: str, state: CallState, code: int | None) -> None:
    found = event("progress", CallStatus=status, HangupCauseCode=cause, Event="Hangup")
    assert (found.state, found.error_code) == (state, code)


def test_a_leg_that_was_dialled() -> None:
    found = event("leg", "t1", DialStatus="no-answer", DialALegUUID=CALL, DialBLegUUID="")
    assert found == LegEnded(CALL, "", "call_1", CallState.NO_ANSWER, "t1")
    found = event("leg", "t1", DialStatus="completed", DialBLegUUID=LEG, DialBLegDuration="11")
    assert (found.leg_state, found.leg_provider_id, found.lasted_s) == (CallState.ENDED, LEG, 11)
    found = event("leg", "t1", ConferenceName="room", ConferenceUUID=LEG, ConferenceMemberID="3")
    assert found == LegEnded(CALL, "", "call_1", CallState.ENDED, "t1")


def test_steps_of_a_dialled_leg() -> None:
    for step, state in (("answer", CallState.ANSWERED), ("hangup", CallState.ENDED)):
        found = event("dialled", DialAction=step, DialBLegUUID=LEG, DialBLegFrom="15555550100")
        assert (found.provider_id, found.parent_provider_id, found.state) == (LEG, CALL, state)
    assert event("dialled", DialAction="digits", DialBLegUUID=LEG) is None
    assert event("dialled", DialAction="answer", DialBLegUUID="") is None


def test_machines_that_were_heard() -> None:
    found = event("answerer", Machine="true", Event="MachineDetection")
    assert found == AnswererHeard(CALL, "", "call_1", Answerer.MACHINE)
    assert event("answerer", Machine="odd").answered_by is Answerer.UNKNOWN
    assert event("answerer").answered_by is Answerer.UNKNOWN


def test_recordings_and_messages() -> None:
    fields = {"RecordUrl": FILE, "RecordingID": LEG, "RecordingDuration": "7"}
    found = event("message", "t1", Digits="#", **fields)
    assert found == RecordingReport(
        CALL, "", "call_1", RecordingState.COMPLETED, LEG, FILE, 7, "t1", "#", asks=True
    )
    found = event("recording", **fields)
    assert (found.asks, found.url, found.state) == (False, FILE, RecordingState.COMPLETED)
    found = event("message", "t1", RecordingDuration="-1", Digits="hangup")
    assert (found.state, found.lasted_s, found.digits) == (RecordingState.ABSENT, 0, "")
    with pytest.raises(MalformedEvent):
        event("recording", RecordingID="../x")


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("ringfence=call_1&for=odd", OUTBOUND),
        ("for=next", OUTBOUND),
        ("for=leg&ringfence=", OUTBOUND),
        ("ringfence=call_1&for=next&turn=a.b", OUTBOUND),
        ("ringfence=call_1&ringfence=call_2&for=next", OUTBOUND),
        ("ringfence=call_1&for=next", OUTBOUND | {"CallUUID": "CA1"}),
        ("ringfence=call_1&for=next", OUTBOUND | {"CallStatus": "odd"}),
        ("ringfence=call_1&for=leg", OUTBOUND),
        ("", OUTBOUND),
        ("", INBOUND | {"CallStatus": ""}),
    ],
)
def test_a_signed_request_that_is_no_event_is_malformed(query: str, fields: dict[str, str]) -> None:
    verified = CALLS.verify_call(webhook(query, **fields), LINE)
    with pytest.raises(MalformedEvent):
        CALLS.parse_call(verified)


def test_a_field_comes_once() -> None:
    fields = [*OUTBOUND.items(), ("CallUUID", LEG)]
    request = posted(fields, url=VOICE, query=parse_qsl("ringfence=call_1&for=next"))
    with pytest.raises(MalformedEvent, match="repeated"):
        CALLS.parse_call(CALLS.verify_call(request, LINE))


def test_bytes_moved_between_fields_are_seen() -> None:
    """The caller's name is the caller's to choose, and is signed without a mark around it."""
    true = INBOUND | {"CallerName": f"CallUUID{LEG}"}
    with pytest.raises(MalformedEvent, match="stand"):
        CALLS.parse_call(CALLS.verify_call(webhook(**true), LINE))
    true = INBOUND | {"CallerName": "From15555550199"}
    with pytest.raises(MalformedEvent, match="stand"):
        CALLS.parse_call(CALLS.verify_call(webhook(**true), LINE))
    spoken = OUTBOUND | {"Speech": f"CallUUID{LEG} From15555550199"}
    verified = CALLS.verify_call(webhook("ringfence=call_1&for=next", **spoken), LINE)
    assert isinstance(CALLS.parse_call(verified), WhatNext)


@pytest.mark.proves("B116")
@pytest.mark.proves("B118")
def test_what_makes_two_events_the_same() -> None:
    asks = "ringfence=call_1&for=next&turn=t1"
    assert token_of(asks) == token_of(asks, Digits="1")
    assert token_of(asks) != token_of("ringfence=call_1&for=next&turn=t2")
    reports = "ringfence=call_1&for=progress"
    assert token_of(reports, CallStatus="ringing") != token_of(reports, CallStatus="completed")
    steps = "ringfence=call_1&for=dialled"
    answered = {"DialAction": "answer", "DialBLegUUID": LEG}
    assert token_of(steps, **answered) != token_of(steps, DialAction="hangup", DialBLegUUID=LEG)
    files = "ringfence=call_1&for=recording"
    assert token_of(files, RecordingID=LEG) != token_of(files, RecordingID=ASKED)
    good = webhook(asks, **OUTBOUND)
    other = replace(good, headers={**good.headers, "x-anything": "1"})
    tokens = {CALLS.call_dedupe_token(CALLS.verify_call(one, LINE)) for one in (good, other)}
    assert len(tokens) == 1


# -- documents --------------------------------------------------------------------------------------


def test_a_notice() -> None:
    found = written(
        Say("1 < 2 & so", "WOMAN", "en-US"),
        Play("https://gw.example.com/a.mp3"),
        Wait(2),
        SendDigits("1w2"),
        GoOn("t2"),
        HangUp(),
    )
    assert [one.tag for one in found] == ["Speak", "Play", "Wait", "DTMF", "Redirect", "Hangup"]
    assert found[0].attrib == {"voice": "WOMAN", "language": "en-US"}
    assert found[0].text == "1 < 2 & so"
    assert found[2].attrib == {"length": "2", "silence": "true"}
    assert found[3].attrib == {"async": "false"}
    assert (found[4].text, found[4].attrib) == (f"{NEXT}&turn=t2", {"method": "POST"})


def test_listening_asks_also_when_nothing_came() -> None:
    listen = Listen("t2", (Say("Press 1."),), digits_count=1, timeout_s=7)
    found = written(listen, HangUp())
    assert [one.tag for one in found] == ["GetInput", "Redirect", "Hangup"]
    assert found[0].attrib == {
        "action": f"{NEXT}&turn=t2",
        "method": "POST",
        "inputType": "dtmf",
        "executionTimeout": "7",
        "digitEndTimeout": "7",
        "finishOnKey": "#",
        "numDigits": "1",
        "log": "false",
        "redirect": "true",
    }
    assert [one.tag for one in found[0]] == ["Speak"]
    assert found[1].text == f"{NEXT}&turn=t2"
    quiet = written(replace(listen, ask_when_empty=False), HangUp())
    assert [one.tag for one in quiet] == ["GetInput", "Hangup"]


def test_what_must_be_heard_stands_before_the_input() -> None:
    """A prompt inside an input is cut by any key and any word."""
    found = written(Listen("t2", (Say("This is an AI."),), speech=True, may_interrupt=False))
    assert [one.tag for one in found] == ["Speak", "GetInput", "Redirect"]
    assert len(found[1]) == 0


def test_listening_stays_within_what_plivo_takes() -> None:
    found = written(
        Listen(
            "t2",
            digits=False,
            speech=True,
            timeout_s=1,
            language="en-GB",
            hints="yes,no",
            finish_on="",
        )
    )[0]
    assert found.attrib["inputType"] == "speech"
    assert (found.attrib["executionTimeout"], found.attrib["language"]) == ("5", "en-GB")
    assert "finishOnKey" not in found.attrib
    long = written(Listen("t2", speech=True, timeout_s=600, digits_count=99, finish_on=""))[0]
    assert (long.attrib["executionTimeout"], long.attrib["digitEndTimeout"]) == ("60", "10")
    assert (long.attrib["numDigits"], long.attrib["finishOnKey"]) == ("32", "none")
    with pytest.raises(ValueError, match="listen for nothing"):
        written(Listen("t2", digits=False))


def test_messages_legs_rooms_and_refusals() -> None:
    found = written(
        TakeMessage("t1", 120, 4, "*", beep=False),
        DialNumber("t2", "+15555550124", OURS, 20, 600, "ww1"),
        JoinConference("t3", "room_1", muted=True, begins=False, ends=True, beep=True),
        Refuse(),
        Refuse(Refusal.BUSY),
    )
    record, dial, room, no, busy = found
    assert record.attrib == {
        "action": f"{VOICE}?ringfence=call_1&for=message&turn=t1",
        "method": "POST",
        "redirect": "true",
        "maxLength": "120",
        "timeout": "4",
        "finishOnKey": "*",
        "playBeep": "false",
        "callbackUrl": f"{VOICE}?ringfence=call_1&for=recording",
        "callbackMethod": "POST",
    }
    assert dial.attrib == {
        "action": f"{VOICE}?ringfence=call_1&for=leg&turn=t2",
        "method": "POST",
        "redirect": "true",
        "callerId": OURS,
        "timeout": "20",
        "timeLimit": "600",
        "callbackUrl": f"{VOICE}?ringfence=call_1&for=dialled",
        "callbackMethod": "POST",
    }
    assert (dial[0].tag, dial[0].text, dial[0].attrib) == (
        "Number",
        "+15555550124",
        {"sendDigits": "ww1"},
    )
    assert (room.tag, room.text) == ("Conference", "room_1")
    assert room.attrib == {
        "action": f"{VOICE}?ringfence=call_1&for=leg&turn=t3",
        "method": "POST",
        "redirect": "true",
        "muted": "true",
        "startConferenceOnEnter": "false",
        "endConferenceOnExit": "true",
        "enterSound": "beep:1",
        "exitSound": "beep:2",
        "maxMembers": "10",
    }
    assert (no.tag, no.attrib, busy.attrib) == (
        "Hangup",
        {"reason": "rejected"},
        {"reason": "busy"},
    )
    assert written(JoinConference("t3", "r", people_max=250))[0].attrib["maxMembers"] == "20"


def test_a_stream_goes_both_ways_and_is_asked_after() -> None:
    socket = "wss://gw.example.com/media/token"
    found = written(OpenStream("t2", socket, parameters=(("call", "c1"), ("try", "2"))))
    assert [one.tag for one in found] == ["Stream", "Redirect"]
    assert found[0].text == socket
    assert found[0].attrib == {
        "bidirectional": "true",
        "audioTrack": "inbound",
        "contentType": "audio/x-mulaw;rate=8000",
        "keepCallAlive": "true",
        "extraHeaders": "call=c1,try=2",
    }
    assert found[1].text == f"{NEXT}&turn=t2"
    broken: Sequence[Instruction] = (
        OpenStream("t2", "ws://gw.example.com/media/token"),
        OpenStream("t2", f"{socket}?token=1"),
        OpenStream("t2", socket, parameters=(("call", "a=b"),)),
        OpenStream("t2", socket, parameters=(("a", "x" * 600),)),
        OpenRelay("t2", socket),
    )
    for one in broken:
        with pytest.raises(ValueError):  # noqa: PT011 - each says something of its own
            written(one)


def test_nothing_to_say_ends_a_call_that_waits() -> None:
    said = CALLS.answer_call((), "call_1", line(voice_url=None))
    assert ElementTree.fromstring(said.body).tag == "Response"
    assert len(ElementTree.fromstring(said.body)) == 0
    with pytest.raises(ValueError, match="at most"):
        CALLS.answer_call([Say("\u4e2d" * 50_000)], "call_1", LINE)


@given(st.text(max_size=300))
def test_any_words_survive_an_xml_parser(text: str) -> None:
    found = written(Say(text))
    assert [one.tag for one in found] == ["Speak"]
    assert len(found[0]) == 0


@pytest.mark.shared
def test_every_element_is_the_vendors(shared_data: Callable[[str], Any]) -> None:
    """Names, attributes and nesting, as its own library has them."""
    table = shared_data("plivo-xml.json")["elements"]
    found = written(
        Say("a", "WOMAN", "en-US"),
        Play("https://gw.example.com/a.mp3"),
        Wait(1),
        SendDigits("1"),
        Listen(
            "t", (Say("a"), Play("https://gw.example.com/a.mp3"), Wait()), speech=True, hints="a"
        ),
        TakeMessage("t", 60),
        DialNumber("t", "+15555550124", OURS, digits="1"),
        JoinConference("t", "r", beep=True),
        OpenStream("t", "wss://gw.example.com/m", parameters=(("a", "b"),)),
        Refuse(),
    )
    for parent in found.iter():
        known = {_camel(name) for name in table[parent.tag]["params"]}
        assert parent.attrib.keys() <= known, parent.tag
        assert {child.tag for child in parent} <= set(table[parent.tag]["nestable"]), parent.tag


def _camel(name: str) -> str:
    first, *others = name.strip("_").split("_")
    return first + "".join(word.capitalize() for word in others)


# -- error codes ------------------------------------------------------------------------------------


def test_every_known_cause_says_what_to_do_or_what_happened() -> None:
    for code, known in sorted(CALL_MEANINGS.items()):
        assert known.means.endswith("."), code
        assert code not in ORDINARY_ENDS, code
        assert CALLS.classify_call(code) is known.error_class
    assert CALLS.classify_call(4_242) is ErrorClass.PERMANENT
