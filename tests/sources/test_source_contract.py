"""What every event source must do, whoever it is: a new file in the folder gets these tests. What a
source cannot know by itself (its payloads, its signatures) its own tests prove."""

from __future__ import annotations

import ast
import inspect
import json
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sources_rig import CANARY, NOW, posted
from test_alertmanager import GROUP as ALERTMANAGER
from test_cloudevents import HEADERS as CLOUDEVENTS_HEADERS
from test_cloudevents import SHIPPED as CLOUDEVENTS
from test_generic import DEPLOY as GENERIC
from test_grafana import GROUP as GRAFANA
from test_heartbeat import NIGHTLY as HEARTBEAT
from test_pagerduty import TRIGGER as PAGERDUTY
from test_sentry import ALERT as SENTRY
from test_stripe import FAILED as STRIPE

import ringfence.sources
from ringfence.model.errors import BodyTooLarge, MalformedEvent, RingfenceError, SignatureRefused
from ringfence.model.event import Event
from ringfence.model.line import Secret
from ringfence.model.wire import WebhookRequest
from ringfence.sources import base, sources
from ringfence.sources.base import Answers, CarriesToken, Signing, Source, Verified
from ringfence.sources.identity import NAME_CHARS_MAX

ALL = sorted(sources())
FOLDER = Path(ringfence.sources.__path__[0])
JSON_TYPE = {"content-type": "application/json"}
EXAMPLES: dict[str, tuple[Any, dict[str, str]]] = {
    "alertmanager": (ALERTMANAGER, JSON_TYPE),
    "cloudevents": (CLOUDEVENTS, {"content-type": "application/cloudevents+json"}),
    "generic": (GENERIC, JSON_TYPE),
    "grafana": (GRAFANA, JSON_TYPE),
    "heartbeat": (HEARTBEAT, JSON_TYPE),
    "pagerduty": (PAGERDUTY, JSON_TYPE),
    "sentry": (SENTRY, {"sentry-hook-resource": "event_alert"}),
    "stripe": (STRIPE, JSON_TYPE),
}


@pytest.fixture(params=ALL)
def source(request: pytest.FixtureRequest) -> Source:
    return sources()[request.param]


def read(name: str, document: Any) -> list[Event]:
    """Parsed as if verified: signatures are each source's own business."""
    request = posted(name, document, EXAMPLES[name][1])
    return sources()[name].parse(Verified(request, NOW))


def test_the_folder_is_the_list_and_every_source_has_an_example_here() -> None:
    assert sorted(EXAMPLES) == ALL
    assert all(sources()[name].name == name for name in ALL)


def test_it_fulfils_the_contract(source: Source) -> None:
    for name in ("verify", "parse"):
        ours = list(inspect.signature(getattr(source, name)).parameters)
        theirs = list(inspect.signature(getattr(base.Source, name)).parameters)[1:]
        assert ours == theirs
    assert isinstance(source.capabilities, base.Capabilities)
    assert inspect.getmodule(source) is not None
    assert source.__class__.__module__ == f"ringfence.sources.{source.name}"


def test_only_pagerduty_carries_a_token_and_answers_for_now() -> None:
    assert [n for n in ALL if isinstance(sources()[n], CarriesToken)] == ["pagerduty"]
    assert [n for n in ALL if isinstance(sources()[n], Answers)] == ["pagerduty"]


@pytest.mark.proves("P10")
def test_a_body_too_large_is_refused_before_its_signature_is_looked_at(source: Source) -> None:
    body = b"x" * (source.capabilities.body_bytes_max + 1)
    with pytest.raises(BodyTooLarge, match=str(source.capabilities.body_bytes_max)):
        source.verify(posted(source.name, body), (Secret("any"),), NOW)


def test_what_always_signs_lets_nothing_in_without(source: Source) -> None:
    document, headers = EXAMPLES[source.name]
    request = posted(source.name, document, headers)
    if source.capabilities.signing is Signing.ALWAYS:
        for secrets in ((), (Secret(""),), (Secret("any"),)):
            with pytest.raises(SignatureRefused):
                source.verify(request, secrets, NOW)
    else:
        assert source.verify(request, (), NOW).received_at == NOW


def test_what_offers_to_sign_lets_nothing_unsigned_in_once_there_is_a_secret(
    source: Source,
) -> None:
    document, headers = EXAMPLES[source.name]
    request = posted(source.name, document, headers)
    if source.capabilities.signing is Signing.NEVER:
        assert source.verify(request, (Secret("any"),), NOW)
        return
    for secrets in ((Secret("any"),), (Secret(""),)):
        with pytest.raises(SignatureRefused):
            source.verify(request, secrets, NOW)


@pytest.mark.parametrize("name", ALL)
def test_an_example_makes_good_events(name: str) -> None:
    events = read(name, EXAMPLES[name][0])
    assert events
    for event in events:
        assert event.source == name
        assert event.type
        assert event.at.tzinfo is UTC
        assert 0 < len(event.named("evt_1").dedupe_key) <= NAME_CHARS_MAX
        assert len(event.id) <= NAME_CHARS_MAX
        json.dumps([dict(event.data), dict(event.attributes)], allow_nan=False)


@pytest.mark.parametrize("name", ALL)
def test_the_same_bytes_are_the_same_events_whenever_they_come(name: str) -> None:
    request = posted(name, EXAMPLES[name][0], EXAMPLES[name][1])
    one = sources()[name].parse(Verified(request, NOW))
    two = sources()[name].parse(Verified(request, NOW + timedelta(seconds=90)))
    assert [event.dedupe_key for event in one] == [event.dedupe_key for event in two]
    if name != "heartbeat":  # a beat is of its moment
        assert [event.id for event in one] == [event.id for event in two]


@pytest.mark.proves("P9")
def test_nothing_of_a_verified_request_prints() -> None:
    request = posted("generic", {"id": CANARY}, {"authorization": CANARY})
    assert CANARY not in repr(Verified(request, NOW))


def test_it_imports_nothing_that_does_io(source: Source) -> None:
    forbidden = {"asyncio", "socket", "ssl", "http", "time", "random", "os", "logging", "io"}
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not forbidden & {name.partition(".")[0] for name in names}, path.name


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.just("2026-11-21T12:00:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def _places(document: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps: Any = ()
    if isinstance(document, dict):
        steps = document.items()
    elif isinstance(document, list):
        steps = enumerate(document)
    return [way, *(place for key, value in steps for place in _places(value, (*way, key)))]


def _with(document: Any, way: tuple[Any, ...], value: Any) -> Any:
    if not way:
        return value
    copy = json.loads(json.dumps(document))
    place = copy
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = value
    return copy


@pytest.mark.proves("P2")
@pytest.mark.parametrize("name", ALL)
@settings(max_examples=60, deadline=None)
@given(chosen=st.data())
def test_anything_anywhere_is_events_or_an_error_of_ours(name: str, chosen: st.DataObject) -> None:
    """A known good document with anything at any place of it."""
    document, _ = EXAMPLES[name]
    way = chosen.draw(st.sampled_from(_places(document)))
    odd = _with(document, way, chosen.draw(ODD))
    try:
        events = read(name, odd)
    except MalformedEvent as error:
        if not error.detail:
            raise
        return
    for event in events:
        repr(event)
        assert len(event.id) <= NAME_CHARS_MAX
        assert len(event.dedupe_key) <= NAME_CHARS_MAX
        assert len(event.group) <= NAME_CHARS_MAX
        assert event.at.tzinfo is UTC
        assert "\\u0000" not in json.dumps([dict(event.data), dict(event.attributes)])


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=40, deadline=None)
@given(body=st.binary(max_size=40), headers=st.dictionaries(st.text(max_size=8), st.text()))
def test_any_bytes_and_headers_are_events_or_an_error_of_ours(
    name: str, body: bytes, headers: dict[str, str]
) -> None:
    request = WebhookRequest("POST", "/", "", {**headers, **EXAMPLES[name][1]}, body)
    try:
        sources()[name].parse(Verified(request, NOW))
        sources()[name].verify(request, (Secret("s"),), NOW)
    except RingfenceError as error:
        if error.http_status not in (400, 403):
            raise


@settings(max_examples=60, deadline=None)
@given(value=st.text(st.characters(max_codepoint=255), max_size=20))
def test_any_header_of_a_cloudevent_is_read_or_refused(value: str) -> None:
    headers = {**CLOUDEVENTS_HEADERS, "ce-subject": value, "content-type": "text/plain"}
    request = WebhookRequest("POST", "/", "", headers, b"")
    try:
        sources()["cloudevents"].parse(Verified(request, NOW))
    except MalformedEvent as error:
        if not error.detail:
            raise


def test_a_deep_document_is_refused_and_does_not_break_the_stack() -> None:
    deep: Any = {}
    for _ in range(900):
        deep = {"a": deep}
    body = json.dumps({**SENTRY, "action": "resolved"})
    for name, document in (
        ("generic", {**GENERIC, "data": deep}),
        ("stripe", {**STRIPE, "data": {"object": deep}}),
        ("pagerduty", {**PAGERDUTY, "payload": {**PAGERDUTY["payload"], "custom_details": deep}}),
    ):
        with pytest.raises(MalformedEvent, match="20 levels deep"):
            read(name, document)
    issue = {"issue": {"id": "1", "count": deep, "title": deep, "project": deep}}
    request = posted(
        "sentry",
        {**json.loads(body), "data": issue},
        {"sentry-hook-resource": "issue"},
    )
    assert sources()["sentry"].parse(Verified(request, NOW))[0].dedupe_key == "issue|1"
