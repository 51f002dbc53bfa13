"""CloudEvents: the three modes, headers unescaped once, identity by source and id."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from sources_rig import CANARY, NOW, body_of, changed, parsed, refused

from ringfence.model.event import Event, EventAction, Severity

SHIPPED = {
    "specversion": "1.0",
    "id": "A234-1234",
    "source": "/shop/orders",
    "type": "com.example.order.shipped",
    "time": "2026-11-21T11:30:00Z",
    "subject": "order-81",
    "datacontenttype": "application/json",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "priority": 5,
    "sampled": True,
    "unset": None,
    "data": {"order": {"number": "81", "total": 12.5}},
}
STRUCTURED = {"content-type": "application/cloudevents+json; charset=UTF-8"}
BATCHED = {"content-type": "application/cloudevents-batch+json"}
HEADERS = {
    "ce-specversion": "1.0",
    "ce-id": "A234-1234",
    "ce-source": "/shop/orders",
    "ce-type": "com.example.order.shipped",
    "ce-time": "2026-11-21T11:30:00Z",
    "ce-subject": "order-81",
}
READ = Event(
    id="/shop/orders|A234-1234",
    source="cloudevents",
    type="com.example.order.shipped",
    at=datetime(2026, 11, 21, 11, 30, tzinfo=UTC),
    subject="order-81",
    data={"order": {"number": "81", "total": 12.5}},
    attributes={
        "source": "/shop/orders",
        "datacontenttype": "application/json",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "priority": 5,
        "sampled": True,
    },
    dedupe_key="/shop/orders|A234-1234",
)


def test_structured_mode() -> None:
    assert parsed("cloudevents", SHIPPED, STRUCTURED) == [READ]


def test_batched_mode_keeps_the_order_and_may_be_empty() -> None:
    second = changed(SHIPPED, "id", "A234-1235")
    events = parsed("cloudevents", [second, SHIPPED], BATCHED)
    assert [event.id for event in events] == ["/shop/orders|A234-1235", READ.id]
    assert events[1] == READ
    assert parsed("cloudevents", [], BATCHED) == []


def test_binary_mode() -> None:
    extensions = {"ce-priority": "5", "content-type": "application/json; charset=utf-8"}
    (event,) = parsed("cloudevents", SHIPPED["data"], {**HEADERS, **extensions})
    assert (event.id, event.type, event.at, event.subject) == (
        READ.id,
        READ.type,
        READ.at,
        READ.subject,
    )
    assert event.data == READ.data
    assert event.attributes["priority"] == "5"  # headers are text


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ("%e2%82%ac", "€"),
        ("100%2525", "100%25"),
        ('"a \\"b\\" %2041"', 'a "b"  41'),
        ("%41", "A"),
        ("plain", "plain"),
    ],
)
def test_a_header_is_unescaped_once(sent: str, read: str) -> None:
    (event,) = parsed("cloudevents", {}, {**HEADERS, "ce-subject": sent})
    assert event.subject == read


@pytest.mark.parametrize("sent", ["%C0%A0", "%", "%4", "%zz", "€", "\xe9", "%00"])
def test_a_header_that_is_no_percent_encoded_utf8_is_refused(sent: str) -> None:
    says = "control character" if sent == "%00" else "`ce-subject` is not percent-encoded UTF-8"
    refused("cloudevents", {}, says, headers={**HEADERS, "ce-subject": sent})


@pytest.mark.parametrize(
    ("content_type", "body", "data"),
    [
        ("application/json", b'{"a": 1}', {"a": 1}),
        ("application/vnd.shop+json", b"[1]", {"value": [1]}),
        ("application/json", b'"text"', {"value": "text"}),
        ("application/json", b"null", {}),
        ("text/plain", "Zug verspätet".encode(), {"value": "Zug verspätet"}),
        ("application/octet-stream", b"\xff\x00", {}),
        ("application/json", b"", {}),
        ("", b"", {}),
    ],
)
def test_data_by_its_type_in_binary_mode(content_type: str, body: bytes, data: Any) -> None:
    (event,) = parsed("cloudevents", body, {**HEADERS, "content-type": content_type})
    assert event.data == data


@pytest.mark.parametrize(
    ("content_type", "raw", "data"),
    [
        ("application/json", b'{"a": 1}', {"a": 1}),
        ("text/xml", b"<a/>", {"value": "<a/>"}),
        ("application/octet-stream", b"\xff", {}),
        (None, b"\xff", {}),
    ],
)
def test_data_in_base64(content_type: str | None, raw: bytes, data: Any) -> None:
    packed = changed(SHIPPED, "data", ...)
    packed |= {"data_base64": base64.b64encode(raw).decode(), "datacontenttype": content_type}
    (event,) = parsed("cloudevents", packed, STRUCTURED)
    assert event.data == data


@pytest.mark.proves("P4")
def test_source_and_id_together_name_an_event() -> None:
    one = parsed("cloudevents", SHIPPED, STRUCTURED)[0].id
    again = parsed("cloudevents", changed(SHIPPED, "time", None), STRUCTURED)[0].id
    other_source = parsed("cloudevents", changed(SHIPPED, "source", "/shop"), STRUCTURED)[0].id
    other_id = parsed("cloudevents", changed(SHIPPED, "id", "A234"), STRUCTURED)[0].id
    assert one == again
    assert len({one, other_source, other_id}) == 3


def test_two_names_never_read_as_one() -> None:
    a = changed(changed(SHIPPED, "source", "a|b"), "id", "c")
    b = changed(changed(SHIPPED, "source", "a"), "id", "b|c")
    c = changed(changed(SHIPPED, "source", "a%7Cb"), "id", "c")
    names = {parsed("cloudevents", each, STRUCTURED)[0].id for each in (a, b, c)}
    assert len(names) == 3


def test_a_long_name_becomes_a_digest() -> None:
    (event,) = parsed("cloudevents", changed(SHIPPED, "source", "/" * 2000), STRUCTURED)
    assert event.id.startswith("sha256:")
    assert len(event.id) == 71


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ({}, Severity.INFO),
        ({"severity": "critical"}, Severity.CRITICAL),
        ({"severitytext": "WARN"}, Severity.WARNING),
        ({"severitytext": "FATAL", "severitynumber": 17}, Severity.ERROR),
        ({"severitynumber": 21}, Severity.CRITICAL),
        ({"severitynumber": 13}, Severity.WARNING),
        ({"severitynumber": 9}, Severity.INFO),
        ({"severitynumber": 99, "severitytext": "ERROR"}, Severity.ERROR),
        ({"severitytext": "strange"}, Severity.INFO),
    ],
)
def test_severity_by_either_extension(more: dict[str, Any], severity: Severity) -> None:
    assert parsed("cloudevents", {**SHIPPED, **more}, STRUCTURED)[0].severity is severity


def test_a_number_for_severity_in_a_header() -> None:
    (event,) = parsed("cloudevents", {}, {**HEADERS, "ce-severitynumber": "22"})
    assert event.severity is Severity.CRITICAL


def test_our_extensions_speak_of_an_alert() -> None:
    more = {"action": "resolve", "dedupekey": "disk-db1", "title": "Disk is fine again"}
    (event,) = parsed("cloudevents", {**SHIPPED, **more}, STRUCTURED)
    assert event.action is EventAction.RESOLVE
    assert (event.dedupe_key, event.title) == ("disk-db1", "Disk is fine again")
    assert event.id == READ.id


def test_without_a_time_it_is_now() -> None:
    assert parsed("cloudevents", changed(SHIPPED, "time", ...), STRUCTURED)[0].at == NOW


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("specversion", ..., "`specversion` is missing"),
        ("specversion", "0.3", "`specversion` must be 1.0"),
        ("id", ..., "`id` is missing"),
        ("id", 7, "`id` must be text"),
        ("source", "", "`source` is missing"),
        ("type", ..., "`type` is missing"),
        ("time", CANARY, "`time` must be a time"),
        ("subject", [CANARY], "`subject` must be text"),
        ("severity", "WARN", "`severity` must be one of"),
        ("action", CANARY, "`action` must be one of"),
        ("dedupekey", 4, "`dedupekey` must be text"),
        ("priority", {"a": CANARY}, "`priority` must be text"),
        ("priority", 1.5, "`priority` must be text"),
        ("priority", "x" * 2049, "`priority` must be text of at most 2048"),
        (f"Not-A-Name {CANARY}", 1, "An attribute's name is of lower-case"),
        ("data_base64", "eA==", "`data_base64` excludes `data`"),
    ],
)
def test_a_wrong_attribute_is_refused_by_its_name(path: str, value: Any, says: str) -> None:
    refused("cloudevents", changed(SHIPPED, path, value), says, headers=STRUCTURED)


@pytest.mark.parametrize(
    ("document", "headers", "says"),
    [
        ([SHIPPED, changed(SHIPPED, "type", ...)], BATCHED, "`[1].type` is missing"),
        ([SHIPPED, CANARY], BATCHED, "`[1]` must be an object"),
        (SHIPPED, BATCHED, "A batch is a JSON list"),
        ([SHIPPED], STRUCTURED, "An event must be an object"),
        (SHIPPED, {"content-type": "application/cloudevents+avro"}, "only JSON is read"),
        (SHIPPED, {"content-type": "application/json"}, "attributes in `ce-` headers"),
        ({}, {**HEADERS, "ce-datacontenttype": "text/plain"}, "is no header"),
        ({}, {**HEADERS, "ce-id": ""}, "`id` is missing"),
        (b"{", HEADERS, "not JSON"),
        (b"\xff", {**HEADERS, "content-type": "text/plain"}, "not UTF-8"),
        (changed(SHIPPED, "data", ...) | {"data_base64": "%"}, STRUCTURED, "is no Base64"),
        ({**SHIPPED, **{f"x{n}": 1 for n in range(60)}}, STRUCTURED, "at most 50 attributes"),
    ],
)
def test_what_is_no_cloudevent(document: Any, headers: dict[str, str], says: str) -> None:
    refused("cloudevents", document, says, headers=headers)


@pytest.mark.proves("P10")
def test_a_batch_is_bounded() -> None:
    many = body_of([{**SHIPPED, "data": None}] * 1001)
    refused("cloudevents", many, "at most 1000 events", headers=BATCHED)
    assert len(parsed("cloudevents", [{**SHIPPED, "data": None}] * 1000, BATCHED)) == 1000
