"""Flows as values: which events they take, with which values, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringfence.delivery import flow as flows
from ringfence.delivery.flow import AlertSettings, Flow, MessageSettings, Part
from ringfence.model.errors import InvalidField
from ringfence.model.event import Event, Severity
from ringfence.text.conditions import parse, parse_operand

NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)


def event(type_: str = "order.paid", data: Mapping[str, Any] | None = None, **more: Any) -> Event:
    return Event("e1", "shop", type_, NOW, data=data or {}, dedupe_key="k1", **more)


def message(**more: Any) -> MessageSettings:
    given = {
        name: parse_operand(value) if isinstance(value, str) else value
        for name, value in more.items()
    }
    return MessageSettings("t", (), **given)


@pytest.mark.parametrize(
    ("type_", "patterns", "taken"),
    [
        ("order.paid", ("order.*",), True),
        ("order", ("order.*",), False),
        ("order.paid", ("order.paid",), True),
        ("order.paid", ("*",), True),
        ("Order.paid", ("order.*",), False),
        ("a[b]", ("a[b]",), True),
        ("ab", ("a[b]",), False),
        ("a?", ("a?",), True),
        ("ab", ("a?",), False),
        ("order.paid", (), False),
    ],
)
def test_patterns_know_only_the_star(type_: str, patterns: tuple[str, ...], taken: bool) -> None:
    assert flows.is_of(type_, patterns) is taken


def test_a_flow_takes_its_sources_its_types_and_what_its_condition_holds_of() -> None:
    asked = Flow(
        "f",
        "default",
        frozenset({"shop"}),
        ("order.*",),
        parse("data.amount > 5"),
        message=MessageSettings("t", (), cancelled_by=("order.void",)),
    )
    assert flows.part(asked, event(data={"amount": 6})) is Part.STARTS
    assert flows.part(asked, event(data={"amount": 5})) is None
    assert flows.part(asked, event()) is None
    assert flows.part(asked, event("visit.booked", {"amount": 6})) is None
    # What cancels need not hold what starts.
    assert flows.part(asked, event("order.void")) is Part.CANCELS
    other = Flow("f", "default", frozenset({"bank"}), message=asked.message)
    assert flows.part(other, event("order.void")) is None


def test_values_are_texts() -> None:
    settings = message(
        values={
            "name": parse_operand("data.name"),
            "count": parse_operand("data.count"),
            "yes": parse_operand("data.yes"),
            "brand": parse_operand('"Acme"'),
            "gone": parse_operand("data.gone"),
        }
    )
    found = flows.values_of(settings, event(data={"name": "Kim", "count": 3, "yes": True}))
    assert found == {"name": "Kim", "count": "3", "yes": "true", "brand": "Acme"}
    with pytest.raises(InvalidField, match=r"data\.name is a list or an object"):
        flows.values_of(settings, event(data={"name": ["Kim"]}))
    with pytest.raises(InvalidField, match="more than 1000 characters"):
        flows.values_of(settings, event(data={"name": "x" * 1_001}))


def test_the_key_is_the_dedupe_key_or_the_field_that_must_be_there() -> None:
    assert flows.key_of(message(), event()) == "k1"
    assert flows.key_of(message(key="data.visit"), event(data={"visit": 7})) == "7"
    with pytest.raises(InvalidField, match=r"no data\.visit"):
        flows.key_of(message(key="data.visit"), event())


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-03-29T12:00:00Z", "UTC", "2026-03-29T12:00:00+00:00"),
        ("2026-03-29T12:00:00+02:00", "UTC", "2026-03-29T10:00:00+00:00"),
        ("2026-03-29T12:00:00", "Europe/Berlin", "2026-03-29T10:00:00+00:00"),
        ("2026-03-28T12:00:00", "Europe/Berlin", "2026-03-28T11:00:00+00:00"),
    ],
)
def test_moments_without_an_offset_are_by_the_flows_zone(
    text: str, zone: str, expected: str
) -> None:
    found = flows.moment_of(parse_operand("data.at"), event(data={"at": text}), zone)
    assert found.isoformat() == expected


@pytest.mark.parametrize(
    "text", ["tomorrow", "", "2026-13-01T00:00:00Z", 5, "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_moment_is_refused_by_its_field(text: object) -> None:
    with pytest.raises(InvalidField, match=r"data\.at"):
        flows.moment_of(parse_operand("data.at"), event(data={"at": text}), "UTC")


def test_it_leaves_at_its_moment_and_never_before_now() -> None:
    settings = message(send_at="data.at", offset=timedelta(hours=-24))
    at = (NOW + timedelta(days=3)).isoformat()
    assert flows.due_at(settings, event(data={"at": at}), NOW) == NOW + timedelta(days=2)
    late = (NOW + timedelta(hours=3)).isoformat()
    assert flows.due_at(settings, event(data={"at": late}), NOW) == NOW
    assert flows.due_at(message(), event(), NOW) == NOW


def test_use_ends_with_whichever_comes_first() -> None:
    at = {"at": (NOW + timedelta(hours=1)).isoformat()}
    assert flows.use_ends_at(message(), event(), NOW) is None
    two = message(life=timedelta(hours=2))
    assert flows.use_ends_at(two, event(), NOW) == NOW + timedelta(hours=2)
    both = message(life=timedelta(hours=2), use_until="data.at")
    assert flows.use_ends_at(both, event(data=at), NOW) == NOW + timedelta(hours=1)


def test_titles_and_services_are_short_and_never_empty() -> None:
    plain = AlertSettings("ops")
    assert flows.title_of(plain, event()) == "order.paid"
    assert flows.title_of(plain, event(title="Down", subject="db")) == "Down"
    told = AlertSettings("ops", title=parse_operand("data.what"), service=parse_operand("data.of"))
    full = event(data={"what": "  Disk \n full ", "of": "db"}, severity=Severity.ERROR)
    assert (flows.title_of(told, full), flows.service_of(told, full)) == ("Disk full", "db")
    assert len(flows.title_of(told, event(data={"what": "x" * 900}))) == flows.TITLE_CHARS_MAX
    # A field that is no text falls back; nobody is left untold for it.
    assert flows.service_of(told, event(data={"of": []}, subject="db")) == "db"


@pytest.mark.parametrize(
    ("data", "service"),
    [
        ({"groupLabels": {"alertname": "DiskFull", "job": "node"}}, "DiskFull, node"),
        ({"groupLabels": {}, "receiver": "ringfence"}, "ringfence"),
        ({}, "web:{}:{}"),
    ],
)
def test_a_group_is_read_by_its_labels(data: dict[str, Any], service: str) -> None:
    assert flows.service_of(AlertSettings("ops"), event(data=data, group="web:{}:{}")) == service
