"""What every provider codec must do, whoever it is: a new file in the folder gets these tests. What
a codec cannot know by itself (its requests, its signatures) its own tests prove."""

from __future__ import annotations

import ast
import inspect
import pickle
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import ringfence.providers
from ringfence.model.errors import ProviderError, RingfenceError, SignatureRefused
from ringfence.model.line import Credentials, Line, Secret
from ringfence.model.outbox import ErrorClass, Outcome, OutcomeKind
from ringfence.model.phone import PhoneNumber
from ringfence.model.wire import WebhookRequest, WireRequest, WireResponse
from ringfence.providers import base, providers
from ringfence.providers.base import Capabilities, OutboundText, Provider

ALL = sorted(providers())
FOLDER = Path(ringfence.providers.__path__[0])
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECRET = "conformance-secret"
TEXT = OutboundText("obx_conformance", "+15555550123", "Hello")
IO_MODULES = frozenset(
    {
        *("asyncio", "socket", "ssl", "sqlite3", "http", "httpx", "aiohttp", "threading"),
        *("subprocess", "time", "random", "os", "logging", "secrets", "pathlib", "io"),
    }
)


def line_of(name: str) -> Line:
    return Line(
        id="conformance",
        provider=name,
        credentials=Credentials("account-1", (Secret(SECRET),)),
        number=PhoneNumber("+15555550100"),
        service_id=None,
        public_url="https://gw.example.com/webhooks/sms",
        webhook_path="/webhooks/sms",
        api_base_url="http://127.0.0.1:4010",
    )


@pytest.fixture(params=ALL)
def codec(request: pytest.FixtureRequest) -> Provider:
    return providers()[request.param]


def test_the_folder_is_the_list() -> None:
    assert "twilio" in ALL
    assert all(providers()[name].name == name for name in ALL)


def test_it_fulfils_the_whole_contract(codec: Provider) -> None:
    for name, promised in inspect.getmembers(Provider, inspect.isfunction):
        if name.startswith("_"):
            continue
        parameters = list(inspect.signature(promised).parameters)[1:]
        assert list(inspect.signature(getattr(codec, name)).parameters) == parameters
    assert isinstance(codec.capabilities, Capabilities)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_the_folder_does_no_io(path: Path) -> None:
    """Discovery is dynamic, so the import contracts do not see a codec; this does (style.md)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    named |= {
        (node.module or "").partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    }
    assert not named & IO_MODULES
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not called & {"now", "utcnow", "today"}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", ""])
@pytest.mark.parametrize("query", ["", "a=1", "%", "ringfence=x"])
@pytest.mark.parametrize("body", [b"", b"{}", b"a=1", b"\xff", b"%", b"[" * 10_000])
def test_nothing_unsigned_is_verified(
    codec: Provider, method: str, query: str, body: bytes
) -> None:
    for kind in ("", "application/json", "application/x-www-form-urlencoded", "text/xml"):
        request = WebhookRequest(method, "/webhooks/sms", query, {"content-type": kind}, body)
        with pytest.raises(SignatureRefused) as refused:
            codec.verify(request, line_of(codec.name))
        assert SECRET not in str(refused.value)


def test_the_acknowledgement_is_a_short_200(codec: Provider) -> None:
    said = codec.acknowledgement()
    assert said.status == 200
    assert said.headers.get("content-type")
    assert len(said.body) < 500


def requests_of(codec: Provider) -> dict[str, WireRequest]:
    line = line_of(codec.name)
    made = {"send": codec.send(TEXT, line)}
    if codec.capabilities.list:
        made["find"] = codec.find(TEXT.to, NOW, line)
    if codec.capabilities.probe:
        made |= {f"probe {name}": asked for name, asked in codec.probe_requests(line)}
    return made


@pytest.mark.proves("P9")
def test_requests_go_to_the_configured_address_with_secrets_apart(codec: Provider) -> None:
    for name, request in requests_of(codec).items():
        assert request.url.startswith("http://127.0.0.1:4010/"), name
        assert request.secret_headers, name
        open_parts = request.url + str(request.headers) + request.body.decode()
        assert SECRET not in open_parts, name
        for value in request.secret_headers.values():
            assert value not in open_parts, name
        assert request.response_bytes_max <= 16 * 1024 * 1024, name
        assert 0 < request.timeout_s <= 60, name


def test_a_send_is_never_redirected_and_names_our_item(codec: Provider) -> None:
    """A redirected send could be two sends; without our id a lost answer stays unknown."""
    request = codec.send(TEXT, line_of(codec.name))
    assert request.follow_redirects == 0
    if codec.capabilities.status_callbacks:
        assert TEXT.our_id in request.url + request.body.decode()


def test_plain_http_is_for_this_machine(codec: Provider) -> None:
    with pytest.raises(ProviderError):
        codec.send(TEXT, replace(line_of(codec.name), api_base_url="http://api.example.com"))


BODIES = (b"", b"{}", b"[]", b"null", b"<html>", b"\xff", b"[" * 100_000, b'{"sid":1,"data":7}')


@pytest.mark.parametrize("status", [100, 200, 201, 202, 204, 301, 400, 401, 403, 404, 408, 418])
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_no_answer_is_taken_for_more_than_it_proves(
    codec: Provider, status: int, body: bytes
) -> None:
    outcome = codec.sent(WireResponse(status, {}, body))
    assert outcome.http_status == status
    if status < 400:
        assert outcome.kind is OutcomeKind.UNKNOWN
    assert outcome.kind is not OutcomeKind.ACCEPTED
    assert outcome.provider_id == ""


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
@pytest.mark.proves("B071", "P5")
def test_a_server_error_is_unknown(codec: Provider, status: int) -> None:
    """The provider may have taken it before it failed (facts/outside-checks.md 1c)."""
    for body in BODIES:
        response = WireResponse(status, {"retry-after": "1"}, body)
        assert codec.sent(response).kind is OutcomeKind.UNKNOWN


def test_too_many_requests_is_safe_to_retry(codec: Provider) -> None:
    outcome = codec.sent(WireResponse(429, {"retry-after": "3"}, b""))
    assert (outcome.kind, outcome.retry_after_s) == (OutcomeKind.RETRYABLE, 3.0)


def test_readers_raise_only_errors_of_the_tree(codec: Provider) -> None:
    for status in (200, 400, 401, 404, 429, 500):
        for body in BODIES:
            for read in (codec.fetched, codec.found):
                with pytest.raises(RingfenceError):
                    read(WireResponse(status, {}, body))


def test_the_probe_takes_any_answer_and_names_no_number(codec: Provider) -> None:
    line = line_of(codec.name)
    said = b'{"message":"+15555550100 and +15555550123"}'
    for status in (200, 400, 401, 500):
        for body in (*BODIES, said):
            answers = [
                (name, WireResponse(status, {}, body)) for name, _ in codec.probe_requests(line)
            ]
            for finding in codec.probe_findings(answers, line):
                assert "5555550" not in finding.text + finding.hint
                assert finding.ok or finding.text


@pytest.mark.parametrize("code", [None, -1, 0, 1, 999_999_999])
def test_every_code_has_a_class(codec: Provider, code: int | None) -> None:
    assert isinstance(codec.classify(code), ErrorClass)


def test_a_codec_keeps_nothing(codec: Provider) -> None:
    """One instance serves every line, from several tasks at once."""
    assert vars(codec) == {}
    line = line_of(codec.name)
    assert codec.send(TEXT, line) == codec.send(TEXT, line)


def test_values_of_the_contract_can_be_stored() -> None:
    outcome = Outcome(OutcomeKind.UNKNOWN)
    assert pickle.loads(pickle.dumps(outcome)) == outcome
    assert {field.name for field in fields(base.Verified)} == {"request", "fields", "signed"}
