"""Sentry's integration webhooks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sources_rig import CANARY, NOW, body_of, changed, hex_mac, parsed, posted

from ringfence.model.errors import BodyTooLarge, MalformedEvent, SignatureRefused
from ringfence.model.event import Event, EventAction, Link, Severity
from ringfence.model.line import Secret
from ringfence.sources.sentry import SOURCE

SECRET = "sentry-client-secret"
INSTALLATION = {"uuid": "a8e5d37a-0000-0000-0000-b3f28d64c7de"}
ACTOR = {"id": "sentry", "name": "Sentry", "type": "application"}
ALERT: dict[str, Any] = {
    "action": "triggered",
    "actor": ACTOR,
    "installation": INSTALLATION,
    "data": {
        "event": {
            "event_id": "e4874d664c3540c1a32eab185f12c5ab",
            "issue_id": "1117540176",
            "title": "TimeoutError: checkout took 30 s",
            "culprit": "shop.checkout in pay",
            "level": "fatal",
            "platform": "python",
            "message": "",
            "environment": None,
            "release": "2231",
            "project": 1,
            "datetime": "2026-11-21T11:59:17.677000Z",
            "web_url": "https://sentry.example.com/organizations/shop/issues/1117540176/",
            "issue_url": "https://sentry.example.com/api/0/issues/1117540176/",
            "tags": [["level", "fatal"], ["environment", "production"], ["odd"], "x", ["a", 5]],
            "exception": {"values": [{"stacktrace": {"frames": [{"lineno": 5}]}}]},
            "user": {"ip_address": "192.0.2.7"},
        },
        "triggered_rule": "Checkout is broken",
    },
}
ISSUE: dict[str, Any] = {
    "action": "resolved",
    "actor": ACTOR,
    "installation": INSTALLATION,
    "data": {
        "issue": {
            "id": "1117540176",
            "shortId": "SHOP-9",
            "title": "TimeoutError: checkout took 30 s",
            "culprit": "shop.checkout in pay",
            "level": "error",
            "status": "resolved",
            "substatus": None,
            "count": "12",
            "userCount": 3,
            "lastSeen": "2026-11-21T11:50:00Z",
            "project": {"id": "1", "name": "Shop", "slug": "shop", "platform": "python"},
            "web_url": "https://sentry.example.com/organizations/shop/issues/1117540176/",
        }
    },
}
METRIC: dict[str, Any] = {
    "action": "critical",
    "actor": ACTOR,
    "installation": INSTALLATION,
    "data": {
        "description_title": "Critical: too many errors",
        "description_text": "1000 events in the last 10 minutes",
        "metric_alert": {
            "id": "4",
            "identifier": "1",
            "title": "too many errors",
            "status": 20,
            "date_started": "2026-11-21T11:40:00.000000Z",
            "date_closed": None,
            "alert_rule": {"id": "7", "name": "Too many errors", "query": "level:error"},
        },
        "web_url": "https://sentry.example.com/organizations/shop/alerts/1/",
    },
}


def hooked(document: Any, resource: str = "event_alert", **more: str) -> dict[str, str]:
    return {
        "sentry-hook-resource": resource,
        "sentry-hook-timestamp": "1795262399",
        "request-id": "1f9f5d3e",
        "sentry-hook-signature": hex_mac(SECRET, body_of(document)),
        **more,
    }


def read(document: Any, resource: str = "event_alert", **more: str) -> Event:
    headers = hooked(document, resource, **more)
    (event,) = parsed("sentry", document, headers, (Secret(SECRET),))
    return event


def test_a_known_signature_worked_out_elsewhere() -> None:
    """`printf '{"action":"x"}' | openssl dgst -sha256 -hmac sentry-client-secret`."""
    request = posted(
        "sentry",
        b'{"action":"x"}',
        {
            "sentry-hook-signature": "050090603728ef1a4d99893823c3df6a17848425e30da3008d6b763ad11ced96"
        },
    )
    assert SOURCE.verify(request, (Secret(SECRET),), NOW)


def test_an_issue_alert() -> None:
    assert read(ALERT) == Event(
        id="event_alert|e4874d664c3540c1a32eab185f12c5ab|Checkout is broken",
        source="sentry",
        type="event_alert.triggered",
        at=datetime(2026, 11, 21, 11, 59, 17, 677000, tzinfo=UTC),
        severity=Severity.CRITICAL,
        subject="shop.checkout in pay",
        title="TimeoutError: checkout took 30 s",
        data={
            "event_id": "e4874d664c3540c1a32eab185f12c5ab",
            "title": "TimeoutError: checkout took 30 s",
            "culprit": "shop.checkout in pay",
            "level": "fatal",
            "platform": "python",
            "message": "",
            "release": "2231",
            "project": 1,
            "web_url": "https://sentry.example.com/organizations/shop/issues/1117540176/",
            "issue_url": "https://sentry.example.com/api/0/issues/1117540176/",
            "issue_id": "1117540176",
            "triggered_rule": "Checkout is broken",
            "tags": {"level": "fatal", "environment": "production"},
        },
        dedupe_key="issue|1117540176",
        links=(Link("https://sentry.example.com/organizations/shop/issues/1117540176/", "Sentry"),),
    )


def test_resolving_the_issue_resolves_what_its_alert_opened() -> None:
    event = read(ISSUE, "issue")
    assert event.dedupe_key == read(ALERT).dedupe_key
    assert event.action is EventAction.RESOLVE
    assert (event.type, event.at) == ("issue.resolved", NOW)
    assert event.data["project"] == {"id": "1", "name": "Shop", "slug": "shop"}


@pytest.mark.parametrize(
    ("action", "does"),
    [
        ("created", EventAction.TRIGGER),
        ("unresolved", EventAction.TRIGGER),
        ("assigned", EventAction.TRIGGER),
        ("archived", EventAction.RESOLVE),
        ("ignored", EventAction.RESOLVE),
        ("something_new", EventAction.TRIGGER),
    ],
)
def test_what_becomes_of_an_issue(action: str, does: EventAction) -> None:
    event = read(changed(ISSUE, "action", action), "issue")
    assert (event.action, event.type) == (does, f"issue.{action}")


@pytest.mark.parametrize(
    ("action", "does", "severity"),
    [
        ("critical", EventAction.TRIGGER, Severity.CRITICAL),
        ("warning", EventAction.TRIGGER, Severity.WARNING),
        ("resolved", EventAction.RESOLVE, Severity.INFO),
        ("open", EventAction.TRIGGER, Severity.ERROR),
    ],
)
def test_a_metric_alert(action: str, does: EventAction, severity: Severity) -> None:
    event = read(changed(METRIC, "action", action), "metric_alert")
    assert (event.action, event.severity) == (does, severity)
    assert event.dedupe_key == "metric_alert|4"
    assert event.title == "Critical: too many errors"
    assert event.data["alert_rule"]["query"] == "level:error"


def test_an_error_by_itself() -> None:
    error = {**ALERT, "action": "created", "data": {"error": ALERT["data"]["event"]}}
    event = read(error, "error")
    assert event.id == "error|e4874d664c3540c1a32eab185f12c5ab|"
    assert event.dedupe_key == "issue|1117540176"


@pytest.mark.parametrize("resource", ["comment", "installation", "something_new"])
def test_an_unknown_resource_is_an_event_of_an_unknown_type(resource: str) -> None:
    odd = {"action": "created", "data": {"comment": "Looking", "deep": {"a": 1}, "n": 5}}
    event = read(odd, resource)
    assert event.type == f"{resource}.created"
    assert event.data == {"comment": "Looking", "n": 5}
    assert (event.id, event.dedupe_key) == ("", "")


@pytest.mark.proves("P10")
def test_of_an_unknown_resource_only_what_fits_is_kept() -> None:
    odd = {"action": "created", "data": {"k" * 201: 1, "a\0": "b\0", "c": "x" * 5_000}}
    event = read(odd, "something_new")
    assert event.data == {"a\ufffd": "b\ufffd", "c": "x" * 4_095 + "…"}


@pytest.mark.proves("P4")
def test_a_replay_is_the_same_event_whatever_its_unsigned_headers_say() -> None:
    again = read(ALERT, **{"request-id": "another", "sentry-hook-timestamp": "1"})
    assert again == read(ALERT)


def test_other_events_and_other_rules_have_other_ids() -> None:
    documents = [
        ALERT,
        changed(ALERT, "data.event.event_id", "0" * 32),
        changed(ALERT, "data.triggered_rule", "Another rule"),
    ]
    assert len({read(each).id for each in documents}) == 3
    assert read(changed(ISSUE, "action", "unresolved"), "issue").id != read(ISSUE, "issue").id


@pytest.mark.parametrize("secrets", [(SECRET,), ("old", SECRET), (SECRET, "new")])
def test_several_secrets_while_one_is_replaced(secrets: tuple[str, ...]) -> None:
    assert parsed("sentry", ALERT, hooked(ALERT), tuple(Secret(each) for each in secrets))


@pytest.mark.proves("P9")
@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "0" * 64,
        CANARY,
        hex_mac("another", body_of(ALERT)),
        hex_mac(SECRET, body_of(changed(ALERT, "action", "x"))),
        hex_mac(SECRET, body_of(ALERT)).upper(),
        "sha256=" + hex_mac(SECRET, body_of(ALERT)),
    ],
)
def test_a_signature_that_does_not_hold(signature: str | None) -> None:
    headers = hooked(ALERT)
    headers.pop("sentry-hook-signature")
    if signature is not None:
        headers["sentry-hook-signature"] = signature
    with pytest.raises(SignatureRefused, match="does not fit the body") as caught:
        parsed("sentry", ALERT, headers, (Secret(SECRET),))
    assert SECRET not in str(caught.value)
    assert CANARY not in str(caught.value)


def test_the_raw_body_is_what_is_signed() -> None:
    spaced = body_of(ALERT).replace(b'": ', b'":   ')
    assert parsed("sentry", spaced, hooked(spaced), (Secret(SECRET),))
    with pytest.raises(SignatureRefused):
        parsed("sentry", spaced, hooked(ALERT), (Secret(SECRET),))


@pytest.mark.parametrize("secrets", [(), (Secret(""),)])
def test_without_a_secret_nothing_is_let_in(secrets: tuple[Secret, ...]) -> None:
    headers = hooked(ALERT) | {"sentry-hook-signature": hex_mac("", body_of(ALERT))}
    with pytest.raises(SignatureRefused, match="No secret is configured for sentry"):
        parsed("sentry", ALERT, headers, secrets)


@pytest.mark.parametrize(
    ("document", "resource", "path", "value", "says"),
    [
        (ALERT, "event_alert", "action", ..., "`action` is missing"),
        (ALERT, "event_alert", "action", [CANARY], "`action` must be text"),
        (ALERT, "event_alert", "data", ..., "`data` is missing"),
        (ALERT, "event_alert", "data", CANARY, "`data` must be an object"),
        (ALERT, "event_alert", "data.event", ..., "`data.event` is missing"),
        (ALERT, "event_alert", "data.event", [1], "`data.event` must be an object"),
        (ALERT, "event_alert", "data.event.event_id", ..., "`data.event.event_id` is missing"),
        (ALERT, "event_alert", "data.event.datetime", CANARY, "`data.event.datetime` must be"),
        (ALERT, "event_alert", "data.event.issue_id", [1], "`data.event.issue_id` must be text"),
        (ALERT, "issue", "data.triggered_rule", "x", "`data.issue` is missing"),
        (ALERT, "error", "data.triggered_rule", "x", "`data.error` is missing"),
        (ISSUE, "issue", "data.issue.id", ..., "`data.issue.id` is missing"),
        (ISSUE, "issue", "data.issue.project", CANARY, "`data.issue.project` must be an object"),
        (METRIC, "metric_alert", "data.metric_alert", ..., "`data.metric_alert` is missing"),
        (METRIC, "metric_alert", "data.metric_alert.id", None, "`data.metric_alert.id` is"),
        (METRIC, "", "action", "critical", "`sentry-hook-resource` is missing"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(
    document: dict[str, Any], resource: str, path: str, value: Any, says: str
) -> None:
    with pytest.raises(MalformedEvent) as caught:
        read(changed(document, path, value), resource)
    assert says in str(caught.value)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("path", ["title", "culprit", "level", "web_url", "tags", "project"])
def test_what_is_for_people_may_be_odd_without_losing_the_alert(path: str) -> None:
    event = read(changed(ALERT, f"data.event.{path}", {"odd": [CANARY]}))
    assert event.dedupe_key == "issue|1117540176"
    assert CANARY not in str(event.data)


@pytest.mark.proves("P10")
def test_a_body_beyond_the_limit_is_not_hashed() -> None:
    with pytest.raises(BodyTooLarge):
        parsed("sentry", b"x" * (2 * 1024 * 1024 + 1), hooked(ALERT), (Secret(SECRET),))


def test_it_says_how_soon_the_answer_is_wanted() -> None:
    assert SOURCE.capabilities.answer_within_s == 1.0
