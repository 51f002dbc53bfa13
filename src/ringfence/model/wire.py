"""HTTP as values: what came in, what should go out, what came back. No sockets here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A provider's request as it arrived. `query` is the raw query string without `?`; header
    names are lower case; `body` is the raw bytes. `received_at` is our clock's time (aware UTC), for
    signatures that carry one; None refuses those."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A request to be sent. `secret_headers` are sent like `headers` but never logged, never kept
    across a redirect to another host."""

    method: str
    # A URL, a body and credentials may hold numbers and secrets: none of them prints (P9).
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    timeout_s: float = 30.0
    response_bytes_max: int = 1024 * 1024
    error_bytes_max: int = 8 * 1024
    follow_redirects: int = 0
    public_only: bool = False


@dataclass(frozen=True, slots=True)
class WireResponse:
    """A response, its body already bounded by the request's limits. Header names lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
