"""What every codec for calls must do, whoever it is: a new file in the folder gets these tests. Its exact
requests and its signatures its own tests prove."""

from __future__ import annotations

import inspect
from dataclasses import replace

import pytest

from ringfence.model.errors import ProviderError, RingfenceError, SignatureRefused
from ringfence.model.instruction import GoOn, HangUp, Instruction, Listen, Refuse, Say, Wait
from ringfence.model.line import Credentials, Line, Secret
from ringfence.model.outbox import ErrorClass, OutcomeKind
from ringfence.model.phone import PhoneNumber
from ringfence.model.voice import Route, VoiceSettings
from ringfence.model.wire import WebhookRequest, WireRequest, WireResponse
from ringfence.providers import call_providers, providers
from ringfence.providers.base import CallCapabilities, OutboundCall, PlacesCalls, TakesCalls

SECRET = "conformance-secret"
CALL_ID = "call_conformance"
LIMIT_S = 271
CALL = OutboundCall(CALL_ID, "+15555550123", LIMIT_S, turn="t1")
NOTICE: tuple[Instruction, ...] = (Say("Hello"), Wait(1), HangUp())
BODIES = (b"", b"{}", b"[]", b"null", b"<html>", b"\xff", b"[" * 100_000, b'{"sid":1,"data":7}')
# An id in each provider's form, for requests about a call that exists.
REMOTE = {
    "twilio": "CA" + "a1" * 16,
    "plivo": "57a1b60a-5c0b-11e7-9082-ef888d0400e9",
}


def line_of(name: str) -> Line:
    return Line(
        id="conformance",
        provider=name,
        credentials=Credentials("account-1", (Secret(SECRET),)),
        number=PhoneNumber("+15555550100"),
        service_id=None,
        public_url=None,
        webhook_path="/webhooks/voice",
        api_base_url="http://127.0.0.1:4010",
        voice_url="https://gw.example.com/webhooks/voice",
        voice=VoiceSettings(
            "/webhooks/voice", Route("default"), connection_id="1494404757140276705"
        ),
    )


@pytest.fixture(params=sorted(call_providers()))
def codec(request: pytest.FixtureRequest) -> PlacesCalls:
    return call_providers()[request.param]


def remote(codec: PlacesCalls) -> str:
    return REMOTE.get(codec.name, "v3:conformance")


def requests_of(codec: PlacesCalls) -> dict[str, WireRequest]:
    line, sid = line_of(codec.name), remote(codec)
    made = {
        "place": codec.place(CALL, line),
        "place a notice": codec.place(replace(CALL, instructions=NOTICE), line),
        "hang up": codec.hang_up(sid, line),
        "fetch": codec.fetch_call(sid, line),
    }
    told = codec.tell([Say("Goodbye"), HangUp()], sid, CALL_ID, line)
    return made | {f"tell {n}": request for n, request in enumerate(told)}


def test_it_fulfils_the_whole_contract(codec: PlacesCalls) -> None:
    assert codec.name in providers(), "calls belong to a provider that is there"
    for name, promised in inspect.getmembers(PlacesCalls, inspect.isfunction):
        if not name.startswith("_"):
            parameters = list(inspect.signature(promised).parameters)[1:]
            assert list(inspect.signature(getattr(codec, name)).parameters) == parameters, name
    assert isinstance(codec.call_capabilities, CallCapabilities)
    assert vars(codec) == {}, "one instance serves every line"


def test_who_is_told_by_requests_can_be_told_to_answer(codec: PlacesCalls) -> None:
    answers = codec.call_capabilities.answers_with_instructions
    assert answers != isinstance(codec, TakesCalls)
    if isinstance(codec, TakesCalls):
        line, sid = line_of(codec.name), remote(codec)
        for instructions in ((), NOTICE, (Refuse(),)):
            assert len(codec.take(instructions, sid, CALL_ID, line)) == 1


@pytest.mark.proves("P9")
def test_requests_go_to_the_configured_address_with_secrets_apart(codec: PlacesCalls) -> None:
    for name, request in requests_of(codec).items():
        assert request.url.startswith("http://127.0.0.1:4010/"), name
        open_parts = request.url + str(request.headers) + request.body.decode()
        assert request.secret_headers, name
        assert SECRET not in open_parts, name
        assert "5555550" not in repr(request), name
        assert request.follow_redirects == 0, name
        assert 0 < request.timeout_s <= 60, name


@pytest.mark.proves("P12")
def test_a_call_carries_its_limit_and_our_id(codec: PlacesCalls) -> None:
    for name in ("place", "place a notice"):
        sent = requests_of(codec)[name].body.decode()
        assert str(LIMIT_S) in sent
        assert CALL_ID in sent


def test_placing_is_the_same_each_time(codec: PlacesCalls) -> None:
    """A try again must be recognised as one, by the provider or by us."""
    line = line_of(codec.name)
    assert codec.place(CALL, line) == codec.place(CALL, line)


def test_a_line_that_cannot_call_says_so(codec: PlacesCalls) -> None:
    line = line_of(codec.name)
    changes: list[Line] = [
        replace(line, number=None),
        replace(line, api_base_url="http://api.example.com"),
    ]
    for broken in changes:
        with pytest.raises(ProviderError):
            codec.place(CALL, broken)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", ""])
@pytest.mark.parametrize("query", ["", "a=1", "%", "ringfence=x&for=next"])
@pytest.mark.parametrize("body", [b"", b"{}", b"CallSid=1", b"\xff", b"%", b"[" * 10_000])
def test_nothing_unsigned_is_verified(
    codec: PlacesCalls, method: str, query: str, body: bytes
) -> None:
    for kind in ("", "application/json", "application/x-www-form-urlencoded", "text/xml"):
        request = WebhookRequest(method, "/webhooks/voice", query, {"content-type": kind}, body)
        with pytest.raises(SignatureRefused) as refused:
            codec.verify_call(request, line_of(codec.name))
        assert SECRET not in str(refused.value)


def test_answers_are_short_and_say_what_was_asked(codec: PlacesCalls) -> None:
    line = line_of(codec.name)
    for instructions in ((), NOTICE, (Refuse(),), (Listen("t2", (Say("1?"),)),), (GoOn("t2"),)):
        said = codec.answer_call(instructions, CALL_ID, line)
        assert said.status == 200
        assert len(said.body) < 2_000
        if not codec.call_capabilities.answers_with_instructions:
            assert b"Hello" not in said.body


@pytest.mark.proves("P5")
@pytest.mark.parametrize("status", [100, 200, 201, 202, 204, 301, 408, 500, 502, 503, 504])
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_what_proves_nothing_is_unknown(codec: PlacesCalls, status: int, body: bytes) -> None:
    """A call that may ring is never placed a second time on a guess."""
    outcome = codec.placed(WireResponse(status, {}, body))
    assert (outcome.kind, outcome.provider_id) == (OutcomeKind.UNKNOWN, "")
    assert outcome.http_status == status


def test_too_many_requests_is_safe_to_retry(codec: PlacesCalls) -> None:
    outcome = codec.placed(WireResponse(429, {"retry-after": "3"}, b""))
    assert (outcome.kind, outcome.retry_after_s) == (OutcomeKind.RETRYABLE, 3.0)


def test_readers_raise_only_errors_of_the_tree(codec: PlacesCalls) -> None:
    for status in (200, 400, 401, 403, 429, 500):
        for body in BODIES:
            with pytest.raises(RingfenceError):
                codec.call_fetched(WireResponse(status, {}, body))
            if status >= 400:
                with pytest.raises(RingfenceError):
                    codec.told(WireResponse(status, {}, body))


@pytest.mark.parametrize("code", [None, -1, 0, 1, 999_999_999])
def test_every_code_has_a_class(codec: PlacesCalls, code: int | None) -> None:
    assert isinstance(codec.classify_call(code), ErrorClass)
