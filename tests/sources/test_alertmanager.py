"""Prometheus Alertmanager, payload version 4."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sources_rig import CANARY, NOW, changed, parsed, refused

from ringfence.model.errors import BodyTooLarge
from ringfence.model.event import EventAction, Link, Severity
from ringfence.sources.alertmanager import SOURCE
from ringfence.sources.base import Naming

GROUP: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}/{team="db"}:{alertname="DiskFull"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "ringfence",
    "groupLabels": {"alertname": "DiskFull"},
    "commonLabels": {"alertname": "DiskFull", "team": "db"},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager.example.com:9093",
    "alerts": [
        {
            "status": "firing",
            "labels": {
                "alertname": "DiskFull",
                "instance": "db1:9100",
                "severity": "critical",
                "team": "db",
            },
            "annotations": {
                "summary": "Disk of db1 is 97 % full",
                "runbook_url": "https://runbooks.example.com/disk",
            },
            "startsAt": "2026-11-21T11:40:12.045678912+01:00",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.com/graph?g0.expr=disk",
            "fingerprint": "9f8e7d6c5b4a3f2e",
        },
        {
            "status": "resolved",
            "labels": {"alertname": "DiskFull", "instance": "db2:9100", "team": "db"},
            "annotations": {},
            "startsAt": "2026-11-21T10:00:00Z",
            "endsAt": "2026-11-21T11:30:00Z",
            "generatorURL": "",
            "fingerprint": "1111222233334444",
        },
    ],
}


def test_each_alert_of_a_group_is_an_event_in_its_order() -> None:
    firing, resolved = parsed("alertmanager", GROUP)
    assert (firing.action, resolved.action) == (EventAction.TRIGGER, EventAction.RESOLVE)
    assert (firing.type, resolved.type) == ("alert.firing", "alert.resolved")
    assert (firing.dedupe_key, resolved.dedupe_key) == ("9f8e7d6c5b4a3f2e", "1111222233334444")
    assert firing.group == resolved.group == 'ringfence|{}/{team="db"}:{alertname="DiskFull"}'


def test_what_is_kept_of_an_alert() -> None:
    event = parsed("alertmanager", GROUP)[0]
    assert event.at == datetime(2026, 11, 21, 10, 40, 12, 45678, tzinfo=UTC)
    assert event.severity is Severity.CRITICAL
    assert event.subject == "db1:9100"
    assert event.title == "Disk of db1 is 97 % full"
    assert event.data == {
        "receiver": "ringfence",
        "externalURL": "http://alertmanager.example.com:9093",
        "groupLabels": {"alertname": "DiskFull"},
        "truncatedAlerts": 0,
        "status": "firing",
        "labels": GROUP["alerts"][0]["labels"],
        "annotations": GROUP["alerts"][0]["annotations"],
        "startsAt": "2026-11-21T10:40:12.045678+00:00",
        "endsAt": "",
    }
    assert event.links == (
        Link("https://runbooks.example.com/disk", "runbook"),
        Link("http://prometheus.example.com/graph?g0.expr=disk", "source"),
    )


def test_a_resolved_alert_is_of_its_end_and_named_by_its_alertname() -> None:
    event = parsed("alertmanager", GROUP)[1]
    assert event.at == datetime(2026, 11, 21, 11, 30, tzinfo=UTC)
    assert event.title == "DiskFull"
    assert event.severity is Severity.ERROR  # none was said: never taken for something mild


@pytest.mark.proves("P4")
def test_what_is_told_again_has_the_same_id_and_what_changed_has_another() -> None:
    def name(path: str, value: Any) -> str:
        return parsed("alertmanager", changed(GROUP, path, value))[0].id

    first = parsed("alertmanager", GROUP)[0].id
    # Repeated in a group that grew, and by a replica in another zone.
    assert name("alerts.1.labels.team", "web") == first
    assert name("alerts.0.startsAt", "2026-11-21T10:40:12.045678Z") == first
    assert name("alerts.0.annotations.summary", "Disk of db1 is 98 % full") == first
    others = {
        name("alerts.0.status", "resolved"),
        name("alerts.0.startsAt", "2026-11-21T11:40:13+01:00"),
        name("alerts.0.fingerprint", "0000000000000000"),
    }
    assert len(others | {first}) == 4


def test_ids_name_states_which_may_come_back() -> None:
    assert SOURCE.capabilities.naming is Naming.STATE


def test_without_a_fingerprint_the_labels_are_one() -> None:
    one, two = parsed("alertmanager", changed(GROUP, "alerts.0.fingerprint", ...))
    reordered = dict(reversed(GROUP["alerts"][0]["labels"].items()))
    again = changed(changed(GROUP, "alerts.0.fingerprint", ...), "alerts.0.labels", reordered)
    assert one.dedupe_key.startswith("labels:")
    assert parsed("alertmanager", again)[0].dedupe_key == one.dedupe_key != two.dedupe_key


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("critical", Severity.CRITICAL),
        ("PAGE", Severity.CRITICAL),
        ("P1", Severity.CRITICAL),
        ("high", Severity.ERROR),
        ("warning", Severity.WARNING),
        ("none", Severity.INFO),
        ("whatever", Severity.ERROR),
        ("", Severity.ERROR),
    ],
)
def test_anybodys_word_for_severity(word: str, severity: Severity) -> None:
    event = parsed("alertmanager", changed(GROUP, "alerts.0.labels.severity", word))[0]
    assert event.severity is severity


def test_an_unknown_status_is_an_event_of_an_unknown_type() -> None:
    event = parsed("alertmanager", changed(GROUP, "alerts.0.status", "suppressed"))[0]
    assert event.type == "alert.suppressed"


@pytest.mark.proves("P10")
def test_a_storm_pages_as_far_as_it_fits_and_the_rest_is_counted() -> None:
    storm = changed(GROUP, "alerts", [GROUP["alerts"][1]] * 1_003) | {"truncatedAlerts": 7}
    events = parsed("alertmanager", storm)
    assert len(events) == 1_000
    assert {event.data["truncatedAlerts"] for event in events} == {10}


@pytest.mark.proves("P10")
def test_what_is_for_people_is_cut_and_what_is_no_address_left_out() -> None:
    long = changed(GROUP, "alerts.0.annotations", {"summary": "s" * 5_000, "runbook_url": "n/a"})
    long = changed(long, "groupKey", "k" * 5_000)
    event = parsed("alertmanager", changed(long, "alerts.0.generatorURL", 5))[0]
    assert len(event.title) == 1_024
    assert len(event.data["annotations"]["summary"]) == 4_096
    assert event.links == ()
    assert len(event.group) <= 512


def test_times_that_are_not_there() -> None:
    never = changed(GROUP, "alerts.0.startsAt", "0001-01-01T00:00:00Z")
    assert parsed("alertmanager", never)[0].at == NOW
    assert parsed("alertmanager", changed(GROUP, "alerts.1.endsAt", ...))[1].at == NOW


def test_an_empty_group_is_no_event() -> None:
    assert parsed("alertmanager", changed(GROUP, "alerts", [])) == []


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("version", ..., "`version` is missing"),
        ("version", "1", "`version` must be 4 for alertmanager"),
        ("version", 4, "`version` must be text"),
        ("alerts", ..., "`alerts` must be a list"),
        ("alerts", {"a": CANARY}, "`alerts` must be a list"),
        ("alerts.1", CANARY, "`alerts[1]` must be an object"),
        ("alerts.1.status", ..., "`alerts[1].status` is missing"),
        ("alerts.0.labels", [CANARY], "`alerts[0].labels` must be an object"),
        ("alerts.0.labels.team", 5, "`alerts[0].labels` must be an object of texts"),
        ("alerts.0.labels", {f"l{n}": "" for n in range(201)}, "has more than 200 entries"),
        ("alerts.0.labels", {"n" * 201: ""}, "a name of more than 200"),
        ("alerts.0.startsAt", CANARY, "`alerts[0].startsAt` must be a time"),
        ("alerts.0.startsAt", 1795262400, "`alerts[0].startsAt` must be a time"),
        ("alerts.0.endsAt", "0001-01-01T00:00:00", "`alerts[0].endsAt` must be a time"),
        ("alerts.0.fingerprint", "f" * 300, "`alerts[0].fingerprint` has more than 255"),
        ("truncatedAlerts", -1, "`truncatedAlerts` must be a whole number"),
        ("truncatedAlerts", "0", "`truncatedAlerts` must be a whole number"),
        ("truncatedAlerts", True, "`truncatedAlerts` must be a whole number"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(path: str, value: Any, says: str) -> None:
    refused("alertmanager", changed(GROUP, path, value), says)


@pytest.mark.proves("P10")
def test_a_body_beyond_the_limit_is_not_looked_at() -> None:
    with pytest.raises(BodyTooLarge):
        parsed("alertmanager", b"x" * (2 * 1024 * 1024 + 1))
