"""Sentry's integration webhooks: issue alerts, metric alerts, issues, errors. `Sentry-Hook-Signature`
is HMAC-SHA256, in hex, of the raw body by the integration's client secret; the answer must come within
a second (Sentry documentation, Integration Platform, Webhooks, "Headers" and "Response"). Must never
let a header say what the body does not: resource, time and Request-ID are not signed.

Sentry groups events into issues: the issue's id is the dedupe key, so that resolving the issue
resolves what its alert opened; a metric alert's is its incident's. The id is of what is signed: event
and rule for an alert, the state for an issue. Of Sentry's documents, which hold whole stacks, only
what flows and people need is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from ringfence.model.errors import SignatureRefused
from ringfence.model.event import Event, EventAction, Severity
from ringfence.model.line import Secret
from ringfence.sources.base import (
    KIB,
    Capabilities,
    Naming,
    Signing,
    Verified,
    WebhookRequest,
    admitted,
)
from ringfence.sources.identity import joined
from ringfence.sources.severities import severity_of
from ringfence.sources.signatures import is_signed, keys_of
from ringfence.sources.taming import LABELS_MAX, TITLE_CHARS_MAX, Fields, cut, fields, web_links

SIGNATURE_HEADER = "sentry-hook-signature"
RESOURCE_HEADER = "sentry-hook-resource"
ANSWER_WITHIN_S = 1.0
_OVER: Final = frozenset({"resolved", "archived", "ignored"})


class Sentry:
    name = "sentry"
    capabilities = Capabilities(
        signing=Signing.ALWAYS,
        naming=Naming.STATE,
        resolves=True,
        body_bytes_max=2048 * KIB,
        answer_within_s=ANSWER_WITHIN_S,
    )

    def verify(self, request: WebhookRequest, secrets: Sequence[Secret], now: datetime) -> Verified:
        verified = admitted(request, self.capabilities, now)
        keys = keys_of(secrets, self.name)
        if not is_signed(keys, request.body, [request.headers.get(SIGNATURE_HEADER, "")]):
            raise SignatureRefused(f"{SIGNATURE_HEADER} does not fit the body and any secret.")
        return verified

    def parse(self, verified: Verified) -> list[Event]:
        headers = Fields(dict(verified.request.headers))
        resource = headers.word(RESOURCE_HEADER)
        hook = fields(verified.request.body)
        read = _READERS.get(resource, _unknown)
        return [read(resource, hook.word("action"), hook.object("data"), verified.received_at)]


def _occurrence(resource: str, action: str, data: Fields, received_at: datetime) -> Event:
    """One error: for an issue alert with the rule that spoke, else by itself."""
    event = data.object("event" if resource == "event_alert" else "error")
    issue = event.number_or_word("issue_id")
    rule = data.said("triggered_rule", TITLE_CHARS_MAX)
    return Event(
        id=joined(resource, event.word("event_id"), rule),
        source=Sentry.name,
        type=f"{resource}.{action}",
        at=event.moment("datetime") or received_at,
        severity=severity_of(event.said("level")),
        subject=event.said("culprit", TITLE_CHARS_MAX),
        title=event.said("title", TITLE_CHARS_MAX),
        data={
            **event.plain("event_id", "title", "culprit", "level", "platform", "message"),
            **event.plain("environment", "release", "project", "web_url", "issue_url"),
            "issue_id": issue,
            "triggered_rule": rule,
            "tags": _tags(event),
        },
        dedupe_key=joined("issue", issue) if issue else "",
        links=web_links(("Sentry", event.held.get("web_url"))),
    )


def _issue(resource: str, action: str, data: Fields, received_at: datetime) -> Event:
    issue = data.object("issue")
    name = issue.number_or_word("id")
    if not name:
        raise issue.fault("id", "is missing or empty")
    return Event(
        id=joined(resource, name, action, issue.said("lastSeen"), issue.said("count")),
        source=Sentry.name,
        type=f"{resource}.{action}",
        at=received_at,
        severity=severity_of(issue.said("level")),
        action=EventAction.RESOLVE if action in _OVER else EventAction.TRIGGER,
        subject=issue.said("culprit", TITLE_CHARS_MAX),
        title=issue.said("title", TITLE_CHARS_MAX),
        data={
            **issue.plain("id", "shortId", "title", "culprit", "level", "status", "substatus"),
            **issue.plain("count", "userCount", "platform", "type", "priority", "web_url"),
            "project": issue.object_or_empty("project").plain("id", "slug", "name"),
        },
        dedupe_key=joined("issue", name),
        links=web_links(("Sentry", issue.held.get("web_url"))),
    )


def _metric(resource: str, action: str, data: Fields, received_at: datetime) -> Event:
    incident = data.object("metric_alert")
    name = incident.number_or_word("id")
    if not name:
        raise incident.fault("id", "is missing or empty")
    over = action == "resolved"
    rule = incident.object_or_empty("alert_rule")
    return Event(
        id=joined(resource, name, action),
        source=Sentry.name,
        type=f"{resource}.{action}",
        at=(incident.moment("date_closed") if over else None) or received_at,
        severity=Severity.INFO if over else severity_of(action),
        action=EventAction.RESOLVE if over else EventAction.TRIGGER,
        subject=rule.said("name", TITLE_CHARS_MAX),
        title=data.said("description_title", TITLE_CHARS_MAX),
        data={
            **data.plain("description_title", "description_text", "web_url"),
            **incident.plain("id", "identifier", "title", "status", "date_started"),
            "alert_rule": rule.plain("id", "name", "query", "aggregate", "environment"),
        },
        dedupe_key=joined("metric_alert", name),
        links=web_links(("Sentry", data.held.get("web_url"))),
    )


def _unknown(resource: str, action: str, data: Fields, received_at: datetime) -> Event:
    """Comments, installations, and what Sentry adds later: known by type only."""
    return Event(
        id="",
        source=Sentry.name,
        type=f"{resource}.{action}",
        at=received_at,
        data=data.plain(*list(data.held)[:LABELS_MAX]),
    )


def _tags(event: Fields) -> dict[str, str]:
    """A list of pairs, of which those that are some are kept."""
    listed = event.held.get("tags")
    pairs = listed[:LABELS_MAX] if isinstance(listed, list) else []
    return {
        cut(pair[0], 200): cut(pair[1])
        for pair in pairs
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(p, str) for p in pair)
    }


_READERS: Final[Mapping[str, Callable[[str, str, Fields, datetime], Event]]] = {
    "event_alert": _occurrence,
    "error": _occurrence,
    "issue": _issue,
    "metric_alert": _metric,
}

SOURCE = Sentry()
