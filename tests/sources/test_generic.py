"""Events in our own words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sources_rig import CANARY, NOW, changed, parsed, refused

from ringfence.model.errors import BodyTooLarge
from ringfence.model.event import Event, EventAction, Link, Severity

DEPLOY = {
    "id": "deploy-2231-failed",
    "type": "deploy.failed",
    "time": "2026-11-21T11:58:30+02:00",
    "severity": "critical",
    "action": "trigger",
    "subject": "shop-frontend",
    "title": "Deploy 2231 of shop-frontend failed",
    "data": {"version": "2231", "stage": {"name": "migrate", "seconds": 41.5}},
    "dedupe_key": "deploy/shop-frontend",
    "group": "shop",
    "links": [{"href": "https://ci.example.com/2231", "text": "log"}],
}


def test_every_field_is_read() -> None:
    assert parsed("generic", DEPLOY) == [
        Event(
            id="deploy-2231-failed",
            source="generic",
            type="deploy.failed",
            at=datetime(2026, 11, 21, 9, 58, 30, tzinfo=UTC),
            severity=Severity.CRITICAL,
            action=EventAction.TRIGGER,
            subject="shop-frontend",
            title="Deploy 2231 of shop-frontend failed",
            data={"version": "2231", "stage": {"name": "migrate", "seconds": 41.5}},
            dedupe_key="deploy/shop-frontend",
            group="shop",
            links=(Link("https://ci.example.com/2231", "log"),),
        )
    ]


def test_id_and_type_are_enough() -> None:
    assert parsed("generic", {"id": "a-1", "type": "order.shipped", "time": None}) == [
        Event("a-1", "generic", "order.shipped", NOW, dedupe_key="a-1")
    ]


def test_any_type_is_an_event() -> None:
    (event,) = parsed("generic", {"id": "a-1", "type": "nobody knows this"})
    assert event.type == "nobody knows this"


def test_the_same_request_again_is_the_same_event() -> None:
    assert parsed("generic", DEPLOY) == parsed("generic", DEPLOY)


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_what_follows_an_alert_may_carry_its_id(action: str) -> None:
    (opened,) = parsed("generic", {"id": "inc-7", "type": "incident"})
    (after,) = parsed("generic", {"id": "inc-7", "type": "incident", "action": action})
    assert after.dedupe_key == opened.dedupe_key == "inc-7"
    assert after.id != opened.id
    assert after.action.value == action


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("id", ..., "`id` is missing"),
        ("id", "", "`id` is missing"),
        ("id", None, "`id` is missing"),
        ("id", 7, "`id` must be text"),
        ("id", CANARY * 30, "`id` has more than 255 characters"),
        ("id", f"{CANARY}\n", "`id` has a control character"),
        ("type", ..., "`type` is missing"),
        ("type", [CANARY], "`type` must be text"),
        ("time", "2026-11-21", "`time` must be a time"),
        ("time", "2026-11-21T11:58:30", "`time` must be a time"),
        ("time", "2026-13-21T11:58:30Z", "`time` must be a time"),
        ("time", "2026-11-21T24:58:30Z", "`time` must be a time"),
        ("time", "2026-11-21T11:58:30+25:00", "`time` must be a time"),
        ("time", "1969-12-31T23:59:59Z", "`time` must be a time"),
        ("time", "0001-01-01T00:00:00+05:00", "`time` must be a time"),
        ("time", "9999-12-31T23:59:59-05:00", "`time` must be a time"),
        ("time", "2026-11-21T11:58:30Z ", "`time` must be a time"),
        ("time", "２026-11-21T11:58:30Z", "`time` must be a time"),
        ("time", 1795262400, "`time` must be a time"),
        ("severity", "bad", "`severity` must be one of critical, error, warning, info"),
        ("severity", 1, "`severity` must be one of"),
        ("severity", ["critical"], "`severity` must be one of"),
        ("action", "close", "`action` must be one of trigger, acknowledge, resolve"),
        ("action", {}, "`action` must be one of"),
        ("subject", {}, "`subject` must be text"),
        ("title", 5, "`title` must be text"),
        ("data", CANARY, "`data` must be an object"),
        ("data", [CANARY], "`data` must be an object"),
        ("dedupe_key", "x" * 256, "`dedupe_key` has more than 255"),
        ("group", False, "`group` must be text"),
        ("links", {}, "`links` must be a list"),
        ("links.0", CANARY, "`links[0]` must be an object"),
        ("links.0.href", f"javascript:{CANARY}", "`links[0].href` must be a web address"),
        ("links.0.href", ..., "`links[0].href` is missing"),
        ("links.0.text", [CANARY], "`links[0].text` must be text"),
        ("severty", "error", "`severty` is not known here. The fields are action, data"),
        (f"{CANARY} {CANARY}", 1, "A field is not known here"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(path: str, value: Any, says: str) -> None:
    refused("generic", changed(DEPLOY, path, value), says)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "The body is not JSON"),
        (f'{{"id": "{CANARY}"'.encode(), "The body is not JSON"),
        (b'{"id": NaN}', "The body is not JSON"),
        (b'{"id": 1e999}', "The body is not JSON"),
        (b"\xff\xfe", "The body is not JSON"),
        (b'"text"', "Send one JSON object"),
        (b"[]", "Send one JSON object"),
        (b"[" * 5000, "The body is not JSON"),
    ],
)
def test_a_body_that_is_no_object(body: bytes, says: str) -> None:
    refused("generic", body, says)


def nested(levels: int) -> dict[str, Any]:
    return {"a": nested(levels - 1)} if levels else {}


@pytest.mark.proves("P10")
@pytest.mark.parametrize(
    ("fits", "too_much", "says"),
    [
        (nested(19), nested(20), "`data` is more than 20 levels deep"),
        ({"a": [0] * 19_998}, {"a": [0] * 19_999}, "`data` has more than 20000 values"),
        ({"k" * 200: 1}, {"k" * 201: 1}, "`data` has a name of more than 200"),
    ],
    ids=["depth", "values", "names"],
)
def test_data_is_bounded(fits: dict[str, Any], too_much: dict[str, Any], says: str) -> None:
    assert parsed("generic", changed(DEPLOY, "data", fits))[0].data == fits
    refused("generic", changed(DEPLOY, "data", too_much), says)


@pytest.mark.proves("P10")
def test_long_texts_for_people_are_cut_and_long_values_too() -> None:
    long = changed(changed(DEPLOY, "title", "t" * 2000), "data", {"log": "l" * 20_000})
    (event,) = parsed("generic", long)
    assert event.title == "t" * 1023 + "…"
    assert event.data["log"] == "l" * 16_383 + "…"


@pytest.mark.proves("P10")
def test_a_body_beyond_the_limit_is_not_looked_at() -> None:
    with pytest.raises(BodyTooLarge, match="524288"):
        parsed("generic", b"x" * (512 * 1024 + 1))


def test_a_nul_which_no_database_takes_is_replaced() -> None:
    (event,) = parsed("generic", changed(DEPLOY, "data", {"a\0b": ["c\0d"]}))
    assert event.data == {"a\ufffdb": ["c\ufffdd"]}


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("2026-11-21T12:00:00Z", (12, 0, 0, 0)),
        ("2026-11-21t12:00:00z", (12, 0, 0, 0)),
        ("2026-11-21T12:00:00.123456789Z", (12, 0, 0, 123456)),
        ("2026-11-21T12:00:00.5+00:00", (12, 0, 0, 500000)),
        ("2026-11-21T07:30:00-0530", (13, 0, 0, 0)),
        ("2026-11-21T13:00:00+01:00", (12, 0, 0, 0)),
    ],
)
def test_times_are_read_in_utc(time: str, at: tuple[int, int, int, int]) -> None:
    (event,) = parsed("generic", changed(DEPLOY, "time", time))
    assert event.at == datetime(2026, 11, 21, *at, tzinfo=UTC)
