"""Grafana's unified alerting, payload version 1, signed or not."""

from __future__ import annotations

from typing import Any

import pytest
from sources_rig import CANARY, NOW, UNIX_NOW, body_of, changed, hex_mac, parsed, refused

from ringfence.model.errors import SignatureRefused
from ringfence.model.event import EventAction, Link, Severity
from ringfence.model.line import Secret

SIGNATURE, TIMESTAMP = "x-grafana-alerting-signature", "x-grafana-alerting-timestamp"
GROUP: dict[str, Any] = {
    "receiver": "on duty",
    "status": "firing",
    "orgId": 1,
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "Queue is long", "grafana_folder": "Shop", "severity": "warn"},
            "annotations": {"summary": "412 orders wait", "description": "Since 10 minutes"},
            "startsAt": "2026-11-21T12:51:03.157076+02:00",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://grafana.example.com/alerting/grafana/abc/view",
            "fingerprint": "c0ffee00c0ffee00",
            "silenceURL": "https://grafana.example.com/alerting/silence/new?m=1",
            "dashboardURL": "https://grafana.example.com/d/abc",
            "panelURL": "",
            "values": {"B": 412, "C": 1},
        },
        {
            "status": "resolved",
            "labels": {"alertname": "DatasourceNoData", "rulename": "Latency"},
            "annotations": {},
            "startsAt": "2026-11-21T11:00:00Z",
            "endsAt": "2026-11-21T11:05:00Z",
            "generatorURL": "https://grafana.example.com/alerting/grafana/def/view",
            "fingerprint": "0123456789abcdef",
            "values": None,
        },
    ],
    "groupLabels": {"grafana_folder": "Shop"},
    "commonLabels": {},
    "commonAnnotations": {},
    "externalURL": "https://grafana.example.com/",
    "version": "1",
    "groupKey": '{}:{grafana_folder="Shop"}',
    "truncatedAlerts": 0,
    "title": "[FIRING:1, RESOLVED:1] Shop",
    "state": "alerting",
    "message": "**Firing** ...",
}


def test_each_alert_is_an_event_with_grafanas_own_fields() -> None:
    firing, resolved = parsed("grafana", GROUP)
    assert (firing.action, resolved.action) == (EventAction.TRIGGER, EventAction.RESOLVE)
    assert (firing.source, firing.dedupe_key) == ("grafana", "c0ffee00c0ffee00")
    assert firing.severity is Severity.WARNING
    assert firing.title == "412 orders wait"
    assert firing.data["values"] == {"B": 412, "C": 1}
    assert firing.data["dashboardURL"] == "https://grafana.example.com/d/abc"
    assert firing.links == (
        Link("https://grafana.example.com/d/abc", "dashboard"),
        Link("https://grafana.example.com/alerting/grafana/abc/view", "source"),
        Link("https://grafana.example.com/alerting/silence/new?m=1", "silence"),
    )
    assert resolved.data["values"] == {}


def test_repeats_have_the_same_id() -> None:
    assert parsed("grafana", GROUP)[0].id == parsed("grafana", changed(GROUP, "title", "x"))[0].id


def signed(secret: str, at: str | None = None, document: Any = GROUP) -> dict[str, str]:
    body = body_of(document)
    if at is None:
        return {SIGNATURE: hex_mac(secret, body)}
    return {SIGNATURE: hex_mac(secret, f"{at}:".encode() + body), TIMESTAMP: at}


OLD, NEW = Secret("grafana-old"), Secret("grafana-new")


@pytest.mark.parametrize("at", [None, str(UNIX_NOW), str(UNIX_NOW - 300), str(UNIX_NOW + 300)])
@pytest.mark.parametrize("secret", ["grafana-old", "grafana-new"])
def test_a_good_signature_by_any_secret_in_use(at: str | None, secret: str) -> None:
    assert len(parsed("grafana", GROUP, signed(secret, at), (OLD, NEW))) == 2


@pytest.mark.proves("P9")
@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({}, "does not fit"),
        ({SIGNATURE: ""}, "does not fit"),
        ({SIGNATURE: "0" * 64}, "does not fit"),
        (signed("another-secret"), "does not fit"),
        (signed("grafana-old", document=changed(GROUP, "title", "x")), "does not fit"),
        # The time is signed: it can be neither taken away nor put in nor made later.
        ({SIGNATURE: signed("grafana-old", str(UNIX_NOW))[SIGNATURE]}, "does not fit"),
        ({**signed("grafana-old"), TIMESTAMP: str(UNIX_NOW)}, "does not fit"),
        (
            {**signed("grafana-old", str(UNIX_NOW - 900)), TIMESTAMP: str(UNIX_NOW)},
            "does not fit",
        ),
        # A replay of what was once good.
        (signed("grafana-old", str(UNIX_NOW - 301)), "not within 300 s"),
        (signed("grafana-old", str(UNIX_NOW + 301)), "not within 300 s"),
        (signed("grafana-old", "soon"), "not within 300 s"),
        (signed("grafana-old", ""), "not within 300 s"),
    ],
)
def test_what_is_not_signed_is_refused_once_there_is_a_secret(
    headers: dict[str, str], says: str
) -> None:
    with pytest.raises(SignatureRefused) as caught:
        parsed("grafana", GROUP, headers, (OLD, NEW))
    assert says in str(caught.value)
    assert "grafana-old" not in str(caught.value)


def test_an_empty_secret_lets_nobody_in() -> None:
    with pytest.raises(SignatureRefused, match="No secret is configured"):
        parsed("grafana", GROUP, signed(""), (Secret(""),))


def test_without_a_secret_the_token_is_enough() -> None:
    assert len(parsed("grafana", GROUP, {SIGNATURE: "whatever"}, ())) == 2


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("version", "4", "`version` must be 1 for grafana"),
        ("alerts", ..., "`alerts` must be a list"),
        ("alerts.0.status", 5, "`alerts[0].status` must be text"),
        ("alerts.1.startsAt", CANARY, "`alerts[1].startsAt` must be a time"),
        ("alerts.0.annotations", CANARY, "`alerts[0].annotations` must be an object"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(path: str, value: Any, says: str) -> None:
    refused("grafana", changed(GROUP, path, value), says)


@pytest.mark.parametrize("values", [CANARY, [1], {"B": [1]}, {f"v{n}": n for n in range(51)}])
def test_values_that_are_none_are_left_out(values: Any) -> None:
    event = parsed("grafana", changed(GROUP, "alerts.0.values", values))[0]
    assert event.data["values"] == {}


def test_an_unknown_status_is_an_event_of_an_unknown_type() -> None:
    assert parsed("grafana", changed(GROUP, "alerts.0.status", "x"), now=NOW)[0].type == "alert.x"
