"""Stripe's events, and whatever signs as Stripe does: `Stripe-Signature` holds `t=` and one `v1=` for
each secret in use, HMAC-SHA256 in hex of `t.body`; older than five minutes is refused, as is a time as
far ahead (Stripe documentation, "Verify webhook signatures manually"; `tolerance` of its libraries).
Must never look at any other scheme: `v0` is for test events and forgeable.

The event's id names it, and the same id again is the same event delivered again; deliveries come in
any order (same, "Handle duplicate events" and "Event ordering"). Every event is of its own, so its id
is the dedupe key; `subject` is the object it speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ringfence.model.errors import SignatureRefused
from ringfence.model.event import Event
from ringfence.model.line import Secret
from ringfence.sources.base import (
    KIB,
    Capabilities,
    Signing,
    Verified,
    WebhookRequest,
    admitted,
)
from ringfence.sources.signatures import is_near, is_signed, keys_of
from ringfence.sources.taming import Fields, fields

SIGNATURE_HEADER = "stripe-signature"
HEADER_CHARS_MAX = 4_096
SIGNATURES_MAX = 16
TOLERANCE_S = 300
_SNAPSHOT, _THIN = "event", "v2.core.event"


class Stripe:
    name = "stripe"
    capabilities = Capabilities(signing=Signing.ALWAYS, body_bytes_max=1024 * KIB)

    def verify(self, request: WebhookRequest, secrets: Sequence[Secret], now: datetime) -> Verified:
        verified = admitted(request, self.capabilities, now)
        keys = keys_of(secrets, self.name)
        at, signatures = _header(request.headers.get(SIGNATURE_HEADER, ""))
        signed = f"{at}.".encode() + request.body
        if not is_signed(keys, signed, signatures):
            raise SignatureRefused(f"{SIGNATURE_HEADER} does not fit the body and any secret.")
        if not is_near(at, now, TOLERANCE_S):
            raise SignatureRefused(f"`t` is not within {TOLERANCE_S} s of now.")
        return verified

    def parse(self, verified: Verified) -> list[Event]:
        given = fields(verified.request.body)
        kind = given.word("object")
        if kind == _SNAPSHOT:
            return [_snapshot(given)]
        if kind == _THIN:
            return [_thin(given, verified.received_at)]
        raise given.fault("object", f"must be {_SNAPSHOT} or {_THIN}")


def _header(header: str) -> tuple[str, list[str]]:
    """The one time and the `v1` signatures. Two times would let a sender have one checked and the
    other signed."""
    if not 0 < len(header) <= HEADER_CHARS_MAX:
        raise SignatureRefused(f"{SIGNATURE_HEADER} is missing or too long.")
    pairs = [pair.strip().partition("=") for pair in header.split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    signatures = [value for name, _, value in pairs if name == "v1"]
    if len(times) != 1 or not 0 < len(signatures) <= SIGNATURES_MAX:
        raise SignatureRefused(f"{SIGNATURE_HEADER} needs one `t` and a `v1`.")
    return times[0], signatures


def _snapshot(given: Fields) -> Event:
    name = given.word("id")
    data = given.object("data")
    return Event(
        id=name,
        source=Stripe.name,
        type=given.word("type"),
        at=given.unix("created"),
        subject=data.object("object").said("id"),
        data=_kept(given),
        attributes=_attributes(given),
        dedupe_key=name,
    )


def _thin(given: Fields, received_at: datetime) -> Event:
    """An event that names its object and does not show it."""
    name = given.word("id")
    return Event(
        id=name,
        source=Stripe.name,
        type=given.word("type"),
        at=given.moment("created") or received_at,
        subject=given.object_or_empty("related_object").said("id"),
        data=_kept(given),
        attributes=_attributes(given),
        dedupe_key=name,
    )


def _kept(given: Fields) -> dict[str, Any]:
    given.object_or_empty("data")
    held: dict[str, Any] = given.tree("data") or {}
    return held


def _attributes(given: Fields) -> dict[str, Any]:
    """`livemode` tells test from live, `account` and `context` whose it is."""
    return given.plain("livemode", "account", "context", "api_version")


SOURCE = Stripe()
