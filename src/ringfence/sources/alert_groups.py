"""What Prometheus's Alertmanager and Grafana's alerting have in common: a group of alerts, told as
one document. Every alert becomes one event, in the order of the group. It must never lose a page for
the sake of a label: only what names an alert is strict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ringfence.model.audit import digest
from ringfence.model.event import Event, EventAction, Link
from ringfence.sources.base import EVENTS_MAX
from ringfence.sources.identity import joined
from ringfence.sources.severities import severity_of
from ringfence.sources.taming import TITLE_CHARS_MAX, Fields, cut, web_links

ALERTNAME = "alertname"
_ACTIONS: Final = {"firing": EventAction.TRIGGER, "resolved": EventAction.RESOLVE}
_GROUP_KEY_CHARS_MAX: Final = 65_536
_COUNT_MAX: Final = 1_000_000


def group_events(
    group: Fields,
    source: str,
    version: str,
    received_at: datetime,
    more: Callable[[Fields], dict[str, Any]],
) -> list[Event]:
    """The group's alerts as events. `more` picks what only this sender says of an alert. Alerts past
    EVENTS_MAX are counted with those the sender left out itself: half a storm pages too."""
    if group.word("version") != version:
        raise group.fault("version", f"must be {version} for {source}")
    if not isinstance(group.held.get("alerts"), list):
        raise group.fault("alerts", "must be a list")
    left_out = group.whole("truncatedAlerts", 0, _COUNT_MAX, 0)
    left_out += max(0, group.length("alerts") - EVENTS_MAX)
    shared = _shared(group, left_out)
    key = joined(group.said("receiver"), group.said("groupKey", _GROUP_KEY_CHARS_MAX))
    return [
        _event(alert, source, key, received_at, {**shared, **more(alert)})
        for alert in group.objects("alerts", EVENTS_MAX)
    ]


def _shared(group: Fields, left_out: int) -> dict[str, Any]:
    return {
        **group.plain("receiver", "externalURL"),
        "groupLabels": group.labels("groupLabels"),
        "truncatedAlerts": left_out,
    }


def _event(
    alert: Fields, source: str, group: str, received_at: datetime, shared: Mapping[str, Any]
) -> Event:
    status = alert.word("status")
    labels, annotations = alert.labels("labels"), alert.labels("annotations")
    starts_at, ends_at = alert.moment("startsAt"), alert.moment("endsAt")
    ended = ends_at if status == "resolved" else None
    fingerprint = alert.word_or("fingerprint") or _fingerprint(labels)
    return Event(
        id=joined(fingerprint, status, _iso(starts_at), _iso(ended)),
        source=source,
        type=f"alert.{status}",
        at=ended or (received_at if status == "resolved" else starts_at or received_at),
        severity=severity_of(labels.get("severity", "")),
        action=_ACTIONS.get(status, EventAction.TRIGGER),
        subject=cut(labels.get("instance", ""), TITLE_CHARS_MAX),
        title=_title(labels, annotations),
        data={
            **shared,
            "status": status,
            "labels": labels,
            "annotations": annotations,
            "startsAt": _iso(starts_at),
            "endsAt": _iso(ends_at),
        },
        dedupe_key=fingerprint,
        group=group,
        links=_links(alert, annotations, shared),
    )


def _fingerprint(labels: Mapping[str, str]) -> str:
    """A fingerprint is a hash of the labels, which are what an alert is known by; senders too old to
    say theirs get ours."""
    pairs = "\x1f".join(f"{name}\x1e{value}" for name, value in sorted(labels.items()))
    return f"labels:{digest(pairs)[:32]}"


def _title(labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    """`summary` is what the rules of the trade use (awesome-prometheus-alerts, kube-prometheus)."""
    said = annotations.get("summary") or annotations.get("title") or labels.get(ALERTNAME, "")
    return cut(said, TITLE_CHARS_MAX)


def _links(
    alert: Fields, annotations: Mapping[str, str], shared: Mapping[str, Any]
) -> tuple[Link, ...]:
    return web_links(
        ("runbook", annotations.get("runbook_url")),
        ("dashboard", shared.get("dashboardURL")),
        ("panel", shared.get("panelURL")),
        ("source", alert.held.get("generatorURL")),
        ("silence", shared.get("silenceURL")),
    )


def _iso(at: datetime | None) -> str:
    """One spelling: replicas of a sender may write the same moment in different zones."""
    return at.astimezone(UTC).isoformat() if at else ""
