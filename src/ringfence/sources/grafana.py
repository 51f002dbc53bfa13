"""Grafana's unified alerting: its webhook contact point, version 1 of its payload, which is
Alertmanager's with a few fields more. Must never take an unsigned request once a secret is there.

`fingerprint` is the hash of an alert's labels: alerts with the same labels have the same one (Grafana
documentation, webhook notifier, "Alert"). It is the dedupe key; the id names a state, as in
`alertmanager.py`. Since Grafana 12 a contact point can sign: `X-Grafana-Alerting-Signature` is
HMAC-SHA256 in hex of the body, or of `time:body` when a timestamp header is configured (same page,
"HMAC signature"). That header's name is free there; ours is `X-Grafana-Alerting-Timestamp`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ringfence.model.errors import SignatureRefused
from ringfence.model.event import Event
from ringfence.model.line import Secret
from ringfence.sources.alert_groups import group_events
from ringfence.sources.base import (
    KIB,
    Capabilities,
    Naming,
    Signing,
    Verified,
    WebhookRequest,
    admitted,
)
from ringfence.sources.signatures import is_near, is_signed, keys_of
from ringfence.sources.taming import Fields, fields

VERSION = "1"
SIGNATURE_HEADER = "x-grafana-alerting-signature"
TIMESTAMP_HEADER = "x-grafana-alerting-timestamp"
TOLERANCE_S = 300
_VALUES_MAX = 50


class Grafana:
    name = "grafana"
    capabilities = Capabilities(
        signing=Signing.OFFERED,
        naming=Naming.STATE,
        batches=True,
        resolves=True,
        body_bytes_max=2048 * KIB,
    )

    def verify(self, request: WebhookRequest, secrets: Sequence[Secret], now: datetime) -> Verified:
        verified = admitted(request, self.capabilities, now)
        if secrets:
            _check(request, keys_of(secrets, self.name), now)
        return verified

    def parse(self, verified: Verified) -> list[Event]:
        group = fields(verified.request.body)
        return group_events(group, self.name, VERSION, verified.received_at, _more)


def _check(request: WebhookRequest, keys: Sequence[bytes], now: datetime) -> None:
    """Taking the time away, or putting one in, changes what was signed."""
    given = request.headers.get(SIGNATURE_HEADER, "")
    at = request.headers.get(TIMESTAMP_HEADER)
    signed = request.body if at is None else at.encode("utf-8", "replace") + b":" + request.body
    if not is_signed(keys, signed, [given]):
        raise SignatureRefused(f"{SIGNATURE_HEADER} does not fit the body and any secret.")
    if at is not None and not is_near(at, now, TOLERANCE_S):
        raise SignatureRefused(f"{TIMESTAMP_HEADER} is not within {TOLERANCE_S} s of now.")


def _more(alert: Fields) -> dict[str, Any]:
    """The addresses Grafana adds, and the values that made the alert fire."""
    values = alert.held.get("values")
    numbers = values if isinstance(values, dict) and len(values) <= _VALUES_MAX else {}
    return {
        **alert.plain("dashboardURL", "panelURL", "silenceURL", "imageURL"),
        "values": Fields(numbers).plain(*numbers),
    }


SOURCE = Grafana()
