"""Requests as senders make them, and signatures worked out apart from the code under test."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ringfence.model.errors import MalformedEvent
from ringfence.model.event import Event
from ringfence.model.line import Secret
from ringfence.model.wire import WebhookRequest
from ringfence.sources import sources

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
UNIX_NOW = int(NOW.timestamp())
# A value that stands where secrets and people's words stand; it must never turn up in an error.
CANARY = "canary-4f1c"


def body_of(document: Any) -> bytes:
    return document if isinstance(document, bytes) else json.dumps(document).encode()


def posted(
    source: str, document: Any, headers: dict[str, str] | None = None, query: str = ""
) -> WebhookRequest:
    return WebhookRequest(
        method="POST",
        path=f"/api/v1/events/{source}",
        query=query,
        headers={"content-type": "application/json", **(headers or {})},
        body=body_of(document),
    )


def parsed(
    source: str,
    document: Any,
    headers: dict[str, str] | None = None,
    secrets: tuple[Secret, ...] = (),
    now: datetime = NOW,
    query: str = "",
) -> list[Event]:
    """Verified and parsed, as the door does it."""
    found = sources()[source]
    return found.parse(found.verify(posted(source, document, headers, query), secrets, now))


def refused(source: str, document: Any, says: str, **how: Any) -> None:
    """A MalformedEvent that says this, and nothing of the body."""
    with pytest.raises(MalformedEvent) as caught:
        parsed(source, document, **how)
    assert says in str(caught.value)
    assert CANARY not in str(caught.value)
    # Nor in what a traceback would print of the cause.
    assert CANARY not in str(caught.value.__cause__ or "")


def hex_mac(secret: str, text: bytes) -> str:
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def without(document: dict[str, Any], path: str) -> dict[str, Any]:
    return changed(document, path, ...)


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one place set, or taken out for `...`."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    *way, last = path.split(".")
    place: Any = copy
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if value is ...:
        del place[last]
    else:
        place[int(last) if isinstance(place, list) else last] = value
    return copy
