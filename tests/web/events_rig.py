"""Posts as the senders of events make them, signed apart from the code under test."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from callers import bearer

from looking import Answer, request
from ringfence.model.principal import PrincipalKind
from ringfence.ports import StoredEvent
from telling import START, Story, telling

SECRET = "whsec-of-this-test"
CANARY = "canary-4f1c"
"""Stands where people's words and secrets stand; no answer and no log may show it."""
SIGNED = {
    kind: {"secrets": [SECRET], "public": True}
    for kind in ("grafana", "pagerduty", "sentry", "stripe")
}
TRIGGER = {"id": "deploy-1", "type": "deploy.failed", "title": CANARY, "dedupe_key": "deploy/shop"}
CLOUD = {
    "specversion": "1.0",
    "id": "A234-1234",
    "source": "/shop/orders",
    "type": "com.example.order.shipped",
    "data": {"note": CANARY},
}
ALERT = {
    "status": "firing",
    "fingerprint": "9f8e7d6c5b4a3f2e",
    "labels": {"alertname": "DiskFull", "severity": "critical"},
    "annotations": {"summary": CANARY},
    "startsAt": "2026-03-02T16:40:12Z",
    "endsAt": "0001-01-01T00:00:00Z",
}
GROUP = {"version": "4", "status": "firing", "groupKey": "{}:{}", "alerts": [ALERT]}
PAGER = {
    "event_action": "trigger",
    "payload": {"summary": CANARY, "source": "srv01.example.com", "severity": "critical"},
}
SENTRY = {
    "action": "triggered",
    "data": {"event": {"event_id": "e4874d664c35", "issue_id": "1117", "title": CANARY}},
}
STRIPE = {
    "id": "evt_1Example",
    "object": "event",
    "type": "invoice.payment_failed",
    "created": int(START.timestamp()),
    "data": {"object": {"id": "in_1Example", "note": CANARY}},
}
BEAT = {"name": "nightly-backup", "period_s": 86_400}


@dataclass(frozen=True)
class Post:
    """One request of a sender. `document` is a JSON document, or the very bytes."""

    source: str
    document: Any
    headers: tuple[tuple[str, str], ...] = ()
    query: str = ""

    @property
    def body(self) -> bytes:
        if isinstance(self.document, bytes):
            return self.document
        return json.dumps(self.document).encode()

    def without(self, path: str) -> Post:
        return replace(self, document=_changed(self.document, path, ...))

    def having(self, path: str, value: Any) -> Post:
        return replace(self, document=_changed(self.document, path, value))

    def saying(self, *headers: tuple[str, str]) -> Post:
        """With these headers and no others."""
        return replace(self, headers=headers)


CLOUD_TYPE = ("Content-Type", "application/cloudevents+json")
GENERIC = Post("generic", TRIGGER)
CLOUDEVENTS = Post("cloudevents", CLOUD, (CLOUD_TYPE,))
ALERTMANAGER = Post("alertmanager", GROUP)
GRAFANA = Post("grafana", {**GROUP, "version": "1"})
PAGERDUTY = Post("pagerduty", PAGER)
HEARTBEAT = Post("heartbeat", BEAT)


def mac(text: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def grafana(at: datetime = START, secret: str = SECRET) -> Post:
    time = str(int(at.timestamp()))
    return GRAFANA.saying(
        ("X-Grafana-Alerting-Timestamp", time),
        ("X-Grafana-Alerting-Signature", mac(f"{time}:".encode() + GRAFANA.body, secret)),
    )


def pagerduty(key: str = SECRET) -> Post:
    return PAGERDUTY.having("routing_key", key)


def sentry(document: Any = SENTRY, secret: str = SECRET, resource: str = "event_alert") -> Post:
    post = Post("sentry", document)
    return post.saying(
        ("Sentry-Hook-Resource", resource), ("Sentry-Hook-Signature", mac(post.body, secret))
    )


def stripe(document: Any = STRIPE, at: datetime = START, secret: str = SECRET) -> Post:
    post, time = Post("stripe", document), int(at.timestamp())
    signature = mac(f"{time}.".encode() + post.body, secret)
    return post.saying(("Stripe-Signature", f"t={time},v1={signature}"))


@asynccontextmanager
async def sourced(
    store_url: str, sources: Mapping[str, Any] | None = None, *, seed: int = 7, **more: Any
) -> AsyncIterator[Story]:
    """A story with these sources; every kind that may do without a secret is there anyway."""
    config = {"sources": dict(sources or {}), **more}
    async with telling(store_url, config=config, seed=seed) as story:
        yield story


async def events_token(
    story: Story, name: str = "monitoring", lines: Sequence[str] | None = None
) -> str:
    return await bearer(story, PrincipalKind.EVENTS, name, lines)


async def posted(
    story: Story,
    post: Post,
    token: str | None = None,
    *,
    path: str = "/api/v1/events/{}",
    public: bool = False,
    headers: Sequence[tuple[str, str]] = (),
) -> Answer:
    """At the private door, or at the public one."""
    door, path = (story.public, "/events/{}") if public else (story.private, path)
    shown = [] if token is None else [("Authorization", f"Bearer {token}")]
    place = path.format(post.source) + (f"?{post.query}" if post.query else "")
    return await request(door, place, headers=[*shown, *post.headers, *headers], body=post.body)


async def stored(story: Story) -> list[StoredEvent]:
    """Every event, oldest first."""
    found = await story.read(lambda tx: tx.source_events.listing(1_000, None, None))
    return list(reversed(found))


def code(got: Answer) -> tuple[int, str]:
    return got.status, got.document["code"]


def _changed(document: Any, path: str, value: Any) -> Any:
    """A copy with one place set, or taken out for `...`."""
    copy = json.loads(json.dumps(document))
    *way, last = path.split(".")
    place: Any = copy
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return copy
