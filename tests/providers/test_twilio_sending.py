"""Sends as exact requests, and what each answer proves."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio_rig import ACCOUNT, LINE, SENT_SMS, SERVICE, TOKEN, URL, answer, line

from ringfence.model.errors import ProviderMisconfigured
from ringfence.model.line import Credentials, Line, Secret
from ringfence.model.message import MessageStatus
from ringfence.model.outbox import ErrorClass, Outcome, OutcomeKind
from ringfence.model.wire import WireResponse
from ringfence.providers import forms
from ringfence.providers.base import OutboundText
from ringfence.providers.twilio import PROVIDER, callback_url, overrides
from ringfence.providers.twilio_errors import MEANINGS

MESSAGES = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
TEXT = OutboundText(our_id="obx_7", to="+15555550123", body="See you at 5 & bring 10 % – ça va? 👋")
CALLBACK = ("StatusCallback", URL + "?ringfence=obx_7#rc=5&rp=all")
KEYED = Credentials(ACCOUNT, (), "SK" + "1" * 32, Secret("key-secret"))
SIMULATED = line(api_base_url="http://127.0.0.1:4010", public_url="http://127.0.0.1:8080/w")


@pytest.mark.parametrize(
    ("ours", "text", "fields"),
    [
        (
            LINE,
            TEXT,
            [("To", TEXT.to), ("From", "+15555550100"), ("Body", TEXT.body), CALLBACK],
        ),
        (
            line(service_id=SERVICE, number=None),
            TEXT,
            [("To", TEXT.to), ("MessagingServiceSid", SERVICE), ("Body", TEXT.body), CALLBACK],
        ),
        (
            line(service_id=SERVICE),
            TEXT,
            [("To", TEXT.to), ("From", "+15555550100"), ("Body", TEXT.body), CALLBACK],
        ),
        (
            line(public_url=None),
            OutboundText("obx_7", TEXT.to, "", ("https://x.example/1", "https://x.example/2")),
            [
                *(("To", TEXT.to), ("From", "+15555550100")),
                *(("MediaUrl", "https://x.example/1"), ("MediaUrl", "https://x.example/2")),
            ],
        ),
        (
            SIMULATED,
            OutboundText("obx_7", TEXT.to, "a\nb"),
            [
                *(("To", TEXT.to), ("From", "+15555550100"), ("Body", "a\nb")),
                ("StatusCallback", "http://127.0.0.1:8080/w?ringfence=obx_7#rc=5&rp=all"),
            ],
        ),
    ],
    ids=["number", "service", "both", "media only", "simulated"],
)
def test_the_exact_request(ours: Line, text: OutboundText, fields: list[tuple[str, str]]) -> None:
    request = PROVIDER.send(text, ours)
    base = ours.api_base_url
    assert (request.method, request.url) == (
        "POST",
        MESSAGES.replace("https://api.twilio.com", base),
    )
    assert list(forms.decode(request.body)) == fields
    assert request.headers == {
        "Accept": "application/json",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert request.follow_redirects == 0


@pytest.mark.parametrize(
    ("credentials", "pair"),
    [(LINE.credentials, f"{ACCOUNT}:{TOKEN}"), (KEYED, f"{KEYED.api_key_id}:key-secret")],
)
@pytest.mark.proves("P9")
def test_credentials_travel_apart(credentials: Credentials, pair: str) -> None:
    request = PROVIDER.send(TEXT, line(credentials=credentials))
    kind, _, word = request.secret_headers["Authorization"].partition(" ")
    assert (kind, base64.b64decode(word).decode()) == ("Basic", pair)
    assert word not in str(request.headers) + request.url + request.body.decode()


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"number": None}, "fromNumber"),
        ({"credentials": Credentials(ACCOUNT, ())}, "authToken"),
        ({"api_base_url": "http://api.example.com"}, "https"),
        ({"api_base_url": "ftp://api.example.com"}, "apiBaseUrl"),
        ({"api_base_url": "https://u:p@api.example.com"}, "credentials"),
        ({"api_base_url": ""}, "apiBaseUrl"),
        ({"api_base_url": "https://h:99999"}, "apiBaseUrl"),
    ],
)
def test_a_line_that_cannot_send_says_why(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(ProviderMisconfigured, match=word):
        PROVIDER.send(TEXT, line(**changes))


@pytest.mark.parametrize(
    "base", ["http://localhost:1", "http://[::1]:1", "https://x.example:8443/"]
)
def test_plain_http_on_this_machine_only(base: str) -> None:
    assert PROVIDER.send(TEXT, line(api_base_url=base)).url.startswith(base.rstrip("/") + "/2010")


def test_half_a_character_is_sent_as_a_mark_not_a_crash() -> None:
    body = dict(
        forms.decode(PROVIDER.send(OutboundText("o", "+15555550123", "\ud83d!"), LINE).body)
    )
    assert body["Body"] == "?!"


# -- the callback address ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("public_url", "expected"),
    [
        (URL, URL + "?ringfence=obx_7#rc=5&rp=all"),
        (URL + "?", URL + "?ringfence=obx_7#rc=5&rp=all"),
        (URL + "?a=1", URL + "?a=1&ringfence=obx_7#rc=5&rp=all"),
        (URL + "#rc=1", URL + "?ringfence=obx_7#rc=1&rp=all"),
        ("http://gw.example.com/w", "http://gw.example.com/w?ringfence=obx_7#rc=5&rp=all"),
        ("https://8.8.8.8/w", "https://8.8.8.8/w?ringfence=obx_7#rc=5&rp=all"),
        *((url, None) for url in (None, "", "gw.example.com/w", "ftp://gw.example.com/w")),
        *(
            (f"https://{host}/w", None)
            for host in ("localhost", "127.0.0.1", "10.0.0.4", "gateway")
        ),
        *(
            (f"https://{host}/w", None)
            for host in ("169.254.1.1", "100.64.0.1", "[::1]", "[fd00::1]")
        ),
        *((f"https://{host}/w", None) for host in ("[::ffff:10.0.0.1]", "my_host.example.com")),
        *(
            (f"https://{host}/w", None)
            for host in ("gw.local", "gw.internal", "0.0.0.0", "224.0.0.1")
        ),
    ],
)
@pytest.mark.proves("B097")
def test_where_progress_is_reported(public_url: str | None, expected: str | None) -> None:
    assert callback_url(line(public_url=public_url), "obx_7") == expected


@pytest.mark.parametrize(
    ("configured", "sent"),
    [
        ("", "rc=5&rp=all"),
        ("rc=0&rp=4xx,5xx", "rc=0&rp=4xx,5xx"),
        ("rc=6", "rc=5&rp=all"),
        ("rc=-1&rp=most", "rc=5&rp=all"),
        ("ct=99&rt=15001&tt=x", "ct=5000&rt=15000&tt=15000&rc=5&rp=all"),
        ("ct=100&rt=15000&tt=9000", "ct=100&rt=15000&tt=9000&rc=5&rp=all"),
        ("e=ashburn,dublin&sni=y", "e=ashburn,dublin&sni=y&rc=5&rp=all"),
        ("e=<script>&anchor", "rc=5&rp=all"),
        ("rc=٣", "rc=5&rp=all"),
    ],
)
@pytest.mark.proves("B097")
def test_connection_overrides(configured: str, sent: str) -> None:
    assert overrides(configured) == sent


# -- the four outcomes ---------------------------------------------------------------------------


def created(**changes: Any) -> str:
    """A 201 body as facts 2.1 describe it: counts are strings, prices null."""
    body: dict[str, Any] = {
        "sid": SENT_SMS,
        "account_sid": ACCOUNT,
        "status": "queued",
        "direction": "outbound-api",
        "num_segments": "1",
        "num_media": "0",
        "error_code": None,
        "price": None,
    }
    return json.dumps(body | changes)


def refusal(code: int, message: str = "no", **changes: Any) -> str:
    return json.dumps({"code": code, "message": message, "status": 400, **changes})


@pytest.mark.parametrize(
    ("body", "status", "error_code", "error_class"),
    [
        (created(), MessageStatus.QUEUED, None, None),
        (created(status="accepted", num_segments="0"), MessageStatus.QUEUED, None, None),
        (created(sid="MM" + "1" * 32), MessageStatus.QUEUED, None, None),
        (created(status="sent"), MessageStatus.SENT, None, None),
        (created(status="brand-new"), MessageStatus.QUEUED, None, None),
        (
            created(status="failed", error_code=21610),
            MessageStatus.FAILED,
            21610,
            ErrorClass.OPT_OUT,
        ),
    ],
)
def test_accepted(
    body: str, status: MessageStatus, error_code: int | None, error_class: ErrorClass | None
) -> None:
    outcome = PROVIDER.sent(answer(201, body))
    assert (outcome.kind, outcome.status) == (OutcomeKind.ACCEPTED, status)
    assert outcome.provider_id == json.loads(body)["sid"]
    assert (outcome.error_code, outcome.error_class) == (error_code, error_class)


@pytest.mark.parametrize(
    "response",
    [
        answer(201, ""),
        answer(201, "<html>proxy</html>"),
        answer(200, "[]"),
        answer(201, created(sid=None)),
        answer(201, created(sid="")),
        answer(201, created(sid="CA" + "1" * 32)),
        answer(201, created()[:-20]),
        answer(201, b"\xff\xfe"),
        answer(201, "[" * 100_000),
        answer(204),
        answer(302, "", location="https://elsewhere.example/"),
        answer(408, "slow"),
        *(answer(status, refusal(20500)) for status in (500, 502, 503, 504, 520)),
        answer(100),
    ],
)
@pytest.mark.proves("B071", "B074")
def test_unknown_is_not_sent_again(response: WireResponse) -> None:
    outcome = PROVIDER.sent(response)
    assert outcome.kind is OutcomeKind.UNKNOWN
    assert outcome.http_status == response.status
    assert outcome.retry_after_s is None
    assert outcome.detail


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (answer(429, refusal(20429)), (20429, ErrorClass.RETRY, None)),
        (answer(429, "slow down"), (None, ErrorClass.RETRY, None)),
        (answer(429, refusal(14107), retry_after="7"), (14107, ErrorClass.RETRY, 7.0)),
        (answer(429, "", retry_after="99999"), (None, ErrorClass.RETRY, 3600.0)),
        (answer(429, "", retry_after="-5"), (None, ErrorClass.RETRY, None)),
        (answer(429, "", retry_after="inf"), (None, ErrorClass.RETRY, None)),
        (
            answer(
                429,
                "",
                retry_after="Sat, 21 Nov 2026 12:00:30 GMT",
                date="Sat, 21 Nov 2026 12:00:00 GMT",
            ),
            (None, ErrorClass.RETRY, 30.0),
        ),
        (
            answer(429, "", retry_after="Sat, 21 Nov 2026 12:00:30 GMT"),
            (None, ErrorClass.RETRY, None),
        ),
        (answer(400, refusal(21611)), (21611, ErrorClass.RETRY_LATER, None)),
    ],
)
def test_retryable_has_proof(
    response: WireResponse, expected: tuple[int | None, ErrorClass, float | None]
) -> None:
    outcome = PROVIDER.sent(response)
    assert outcome.kind is OutcomeKind.RETRYABLE
    assert (outcome.error_code, outcome.error_class, outcome.retry_after_s) == expected


@pytest.mark.parametrize(
    ("response", "code", "error_class"),
    [
        (answer(400, refusal(21610)), 21610, ErrorClass.OPT_OUT),
        (answer(400, refusal(21211)), 21211, ErrorClass.BAD_ADDRESS),
        (answer(400, refusal(21408)), 21408, ErrorClass.CONFIG),
        (answer(400, refusal(99999)), 99999, ErrorClass.PERMANENT),
        (answer(400, "what"), None, ErrorClass.PERMANENT),
        (answer(401, refusal(20003)), 20003, ErrorClass.STOP_LINE),
        (answer(401, ""), None, ErrorClass.STOP_LINE),
        (answer(403, "<html>waf</html>"), None, ErrorClass.CONFIG),
        (answer(404, "<html>not here</html>"), None, ErrorClass.CONFIG),
        (answer(404, refusal(20404)), 20404, ErrorClass.PERMANENT),
        (answer(400, json.dumps({"code": "21610"})), None, ErrorClass.PERMANENT),
        (answer(400, json.dumps({"code": True})), None, ErrorClass.PERMANENT),
        # RFC 9457, as the newer product APIs answer (facts 2.6).
        (answer(400, json.dumps({"code": 21211, "detail": "x"})), 21211, ErrorClass.BAD_ADDRESS),
        # Cut at the limit: no JSON any more, but the code came first.
        (answer(400, refusal(21610, "é" * 5000).encode()[:8191]), 21610, ErrorClass.OPT_OUT),
    ],
)
def test_rejected(response: WireResponse, code: int | None, error_class: ErrorClass) -> None:
    outcome = PROVIDER.sent(response)
    assert outcome.kind is OutcomeKind.REJECTED
    assert (outcome.error_code, outcome.error_class) == (code, error_class)


@pytest.mark.parametrize("code", MEANINGS)
def test_every_code_is_classified_alike(code: int) -> None:
    assert PROVIDER.classify(code) is MEANINGS[code].error_class
    assert PROVIDER.sent(answer(400, refusal(code))).error_class is MEANINGS[code].error_class
    assert MEANINGS[code].means.endswith(".")


def test_an_unknown_code_is_permanent() -> None:
    assert PROVIDER.classify(None) is PROVIDER.classify(12345) is ErrorClass.PERMANENT


@pytest.mark.parametrize("cut", range(8188, 8196))
@pytest.mark.proves("B073")
def test_a_long_error_is_cut_between_characters(cut: int) -> None:
    outcome = PROVIDER.sent(answer(400, ("é👋" * 4000).encode()[:cut]))
    assert "\ufffd" not in outcome.detail
    assert len(outcome.detail) < 500


SECRETS = (
    "The 'To' number +15555550123 is not valid",
    "(555) 555-0123 / 555.555.0123 / 1 555 555 0123",
    f"Account {ACCOUNT} of {SENT_SMS}",
    f"token {'9f8e7d6c5b4a3928' * 2} is wrong",
    f"see https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/x",
)


@pytest.mark.parametrize("said", SECRETS)
@pytest.mark.parametrize("status", [400, 401, 429, 503])
@pytest.mark.proves("P9")
def test_details_hold_no_number_account_or_token(said: str, status: int) -> None:
    for body in (refusal(21211, said), said):
        detail = PROVIDER.sent(answer(status, body)).detail
        for word in ("0123 ", "5555550123", "555-0123", ACCOUNT, SENT_SMS, "9f8e7d6c5b4a3928"):
            assert word not in detail + " "


@given(st.integers(min_value=100, max_value=599), st.binary(max_size=300))
def test_any_answer_is_one_of_the_four(status: int, body: bytes) -> None:
    outcome = PROVIDER.sent(WireResponse(status, {}, body))
    assert isinstance(outcome, Outcome)
    if outcome.kind is OutcomeKind.RETRYABLE:
        assert 400 <= status < 500
    if outcome.kind is OutcomeKind.REJECTED:
        assert 400 <= status < 500
