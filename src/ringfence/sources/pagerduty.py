"""PagerDuty's Events API v2, so that programs that send to PagerDuty can send here: change the address
and put one of our tokens where the routing key stood. Must never keep the routing key.

`dedup_key` names the alert that trigger, acknowledge and resolve speak of; without one a trigger is
an alert of its own, and the key it gets is told in the answer (PagerDuty developer documentation,
"Send an Alert Event", Alert De-Duplication). No field names an event, so the id names a state: of
this key, this action, at this time. The key has at most 255 characters, the body at most 512 KiB
(same, and "Events API v2 Overview", Size Limits)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ringfence.model.errors import MalformedEvent, SignatureRefused
from ringfence.model.event import Event, EventAction, Link, Severity
from ringfence.model.line import Secret
from ringfence.sources.base import (
    Capabilities,
    Naming,
    Signing,
    Verified,
    WebhookRequest,
    admitted,
)
from ringfence.sources.identity import joined
from ringfence.sources.signatures import keys_of
from ringfence.sources.taming import TITLE_CHARS_MAX, Fields, fields, web_links

DEDUP_KEY_CHARS_MAX = 255
ROUTING_KEY_CHARS_MAX = 255


class PagerDuty:
    """Fulfils `CarriesToken` and `Answers` too."""

    name = "pagerduty"
    capabilities = Capabilities(
        signing=Signing.OFFERED, naming=Naming.STATE, acknowledges=True, resolves=True
    )

    def token(self, request: WebhookRequest) -> str:
        """The routing key."""
        if len(request.body) > self.capabilities.body_bytes_max:
            return ""
        try:
            return fields(request.body).word_or("routing_key", "", ROUTING_KEY_CHARS_MAX)
        except MalformedEvent:
            return ""

    def verify(self, request: WebhookRequest, secrets: Sequence[Secret], now: datetime) -> Verified:
        """With secrets, the routing key must be one of them; without, the door has looked the token
        up."""
        verified = admitted(request, self.capabilities, now)
        if secrets and not _is_any(self.token(request), keys_of(secrets, self.name)):
            raise SignatureRefused("`routing_key` is none of this source's.")
        return verified

    def parse(self, verified: Verified) -> list[Event]:
        return [_event(fields(verified.request.body), verified.received_at)]

    def answer(self, events: Sequence[Event]) -> Mapping[str, str]:
        key = events[0].dedupe_key if events else ""
        return {"status": "success", "message": "Event accepted", "dedup_key": key}


def _is_any(token: str, keys: Sequence[bytes]) -> bool:
    """Every key is compared, so that how long it takes tells nothing."""
    given, held = token.encode(), False
    for key in keys:
        held |= hmac.compare_digest(key, given)
    return held


def _event(given: Fields, received_at: datetime) -> Event:
    action = given.choice("event_action", EventAction)
    key = given.word_or("dedup_key", "", DEDUP_KEY_CHARS_MAX)
    if action is EventAction.TRIGGER:
        return _trigger(given, key, received_at)
    if not key:
        raise given.fault("dedup_key", f"is missing: {action.value} must say of what")
    payload = given.object_or_empty("payload")
    return _of_key(given, payload, key, action, Severity.INFO, received_at)


def _trigger(given: Fields, key: str, received_at: datetime) -> Event:
    payload = given.object("payload")
    severity = payload.choice("severity", Severity)
    for required in ("summary", "source"):
        if not payload.prose(required):
            raise payload.fault(required, "is missing or empty")
    return _of_key(given, payload, key, EventAction.TRIGGER, severity, received_at)


def _of_key(
    given: Fields,
    payload: Fields,
    key: str,
    action: EventAction,
    severity: Severity,
    received_at: datetime,
) -> Event:
    told_at = payload.moment("timestamp")
    return Event(
        id=joined(key, action.value, told_at.isoformat() if told_at else "") if key else "",
        source=PagerDuty.name,
        type=f"alert.{action.value}",
        at=told_at or received_at,
        severity=severity,
        action=action,
        subject=payload.said("source", TITLE_CHARS_MAX),
        title=payload.said("summary", TITLE_CHARS_MAX),
        data=_data(given, payload),
        dedupe_key=key,
        group=joined(payload.said("group")),
        links=_links(given),
    )


def _data(given: Fields, payload: Fields) -> dict[str, Any]:
    details = payload.tree("custom_details")
    return {
        **payload.plain("source", "component", "group", "class"),
        **given.plain("client", "client_url"),
        "custom_details": {} if details is None else details,
    }


def _links(given: Fields) -> tuple[Link, ...]:
    listed = [(each.said("text"), each.held.get("href")) for each in given.objects("links", 10)]
    return web_links(*listed, ("client", given.held.get("client_url")))


SOURCE = PagerDuty()
