"""PagerDuty's Events API v2, as programs that know it speak it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sources_rig import CANARY, NOW, changed, parsed, posted, refused

from ringfence.model.errors import BodyTooLarge, SignatureRefused
from ringfence.model.event import Event, EventAction, Link, Severity
from ringfence.model.line import Secret
from ringfence.sources.pagerduty import SOURCE

KEY = "R0UT1NGKEY0000000000000000000000"
TRIGGER: dict[str, Any] = {
    "routing_key": KEY,
    "event_action": "trigger",
    "dedup_key": "srv01/HTTP",
    "payload": {
        "summary": "HTTP on srv01 does not answer",
        "timestamp": "2026-11-21T11:42:58.315+0000",
        "source": "srv01.example.com",
        "severity": "critical",
        "component": "nginx",
        "group": "shop",
        "class": "http check",
        "custom_details": {"ping time": "1500ms", "load avg": 0.75},
    },
    "images": [{"src": "https://example.com/graph.png"}],
    "links": [{"href": "https://example.com/runbook", "text": "runbook"}],
    "client": "Example monitoring",
    "client_url": "https://monitoring.example.com",
}
FOLLOW = {"routing_key": KEY, "event_action": "resolve", "dedup_key": "srv01/HTTP"}


def test_a_trigger_with_everything() -> None:
    assert parsed("pagerduty", TRIGGER) == [
        Event(
            id="srv01/HTTP|trigger|2026-11-21T11:42:58.315000+00:00",
            source="pagerduty",
            type="alert.trigger",
            at=datetime(2026, 11, 21, 11, 42, 58, 315000, tzinfo=UTC),
            severity=Severity.CRITICAL,
            subject="srv01.example.com",
            title="HTTP on srv01 does not answer",
            data={
                "source": "srv01.example.com",
                "component": "nginx",
                "group": "shop",
                "class": "http check",
                "client": "Example monitoring",
                "client_url": "https://monitoring.example.com",
                "custom_details": {"ping time": "1500ms", "load avg": 0.75},
            },
            dedupe_key="srv01/HTTP",
            group="shop",
            links=(
                Link("https://example.com/runbook", "runbook"),
                Link("https://monitoring.example.com", "client"),
            ),
        )
    ]


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_what_follows_needs_only_the_key(action: str) -> None:
    (event,) = parsed("pagerduty", {**FOLLOW, "event_action": action})
    assert event.action is EventAction(action)
    assert event.type == f"alert.{action}"
    assert (event.dedupe_key, event.at) == ("srv01/HTTP", NOW)


def test_a_trigger_without_a_key_is_an_alert_of_its_own() -> None:
    (event,) = parsed("pagerduty", changed(TRIGGER, "dedup_key", ...))
    assert (event.id, event.dedupe_key) == ("", "")
    named = event.named("evt_1")
    assert SOURCE.answer([named])["dedup_key"] == named.dedupe_key == named.id == "evt_1"


def test_the_answer_names_the_key() -> None:
    answer = SOURCE.answer([event.named("evt_1") for event in parsed("pagerduty", TRIGGER)])
    assert (answer["status"], answer["dedup_key"]) == ("success", "srv01/HTTP")


@pytest.mark.proves("P9")
def test_the_routing_key_is_kept_nowhere() -> None:
    (event,) = parsed("pagerduty", TRIGGER)
    assert KEY not in f"{event!r}{event.data}{event.attributes}{event.links}"


def test_the_routing_key_is_a_token() -> None:
    assert SOURCE.token(posted("pagerduty", TRIGGER)) == KEY
    for none in (b"{", b"[]", {}, {"routing_key": 5}, {"routing_key": "x" * 300}, b"x" * 600_000):
        assert SOURCE.token(posted("pagerduty", none)) == ""


@pytest.mark.parametrize("secrets", [(KEY,), ("OLD", KEY), (KEY, "NEW")])
def test_the_routing_key_may_be_a_secret_of_this_source(secrets: tuple[str, ...]) -> None:
    assert parsed("pagerduty", TRIGGER, secrets=tuple(Secret(each) for each in secrets))


@pytest.mark.parametrize("key", [..., "", None, KEY.lower(), KEY + "0", CANARY, "ключ"])
def test_another_routing_key_is_refused(key: Any) -> None:
    with pytest.raises(SignatureRefused) as caught:
        parsed("pagerduty", changed(TRIGGER, "routing_key", key), secrets=(Secret(KEY),))
    assert CANARY not in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_program_that_shows_its_token_in_the_header_needs_no_routing_key() -> None:
    assert parsed("pagerduty", changed(TRIGGER, "routing_key", ...))


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("event_action", ..., "`event_action` must be one of trigger, acknowledge, resolve"),
        ("event_action", CANARY, "`event_action` must be one of"),
        ("dedup_key", "k" * 256, "`dedup_key` has more than 255"),
        ("dedup_key", 5, "`dedup_key` must be text"),
        ("payload", ..., "`payload` is missing"),
        ("payload", CANARY, "`payload` must be an object"),
        ("payload.summary", ..., "`payload.summary` is missing"),
        ("payload.summary", [CANARY], "`payload.summary` must be text"),
        ("payload.source", "", "`payload.source` is missing"),
        ("payload.severity", ..., "`payload.severity` must be one of critical, error"),
        ("payload.severity", "CRITICAL", "`payload.severity` must be one of"),
        ("payload.timestamp", "2026-11-21 11:42", "`payload.timestamp` must be a time"),
        ("payload.timestamp", 1795262400, "`payload.timestamp` must be a time"),
        ("links", CANARY, "`links` must be a list"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(path: str, value: Any, says: str) -> None:
    refused("pagerduty", changed(TRIGGER, path, value), says)


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_what_follows_must_say_of_what(action: str) -> None:
    says = f"`dedup_key` is missing: {action} must say of what"
    refused("pagerduty", changed({**FOLLOW, "event_action": action}, "dedup_key", ...), says)


@pytest.mark.proves("P10")
def test_what_is_for_people_is_cut_rather_than_the_page_lost() -> None:
    long = changed(TRIGGER, "payload.summary", "s" * 3_000)
    long = changed(long, "payload.custom_details", {"trace": "t" * 30_000})
    long = changed(long, "payload.group", "g\n" * 5_000)
    (event,) = parsed("pagerduty", long)
    assert len(event.title) == 1_024
    assert len(event.data["custom_details"]["trace"]) == 16_384
    assert len(event.group) <= 512


@pytest.mark.parametrize("details", ["text", ["a", 1], 5, None])
def test_details_that_are_no_object_are_kept_as_they_are(details: Any) -> None:
    (event,) = parsed("pagerduty", changed(TRIGGER, "payload.custom_details", details))
    assert event.data["custom_details"] == ({} if details is None else details)


@pytest.mark.proves("P10")
def test_a_body_beyond_the_limit_is_not_looked_at() -> None:
    with pytest.raises(BodyTooLarge):
        parsed("pagerduty", b"x" * (512 * 1024 + 1), secrets=(Secret(KEY),))
