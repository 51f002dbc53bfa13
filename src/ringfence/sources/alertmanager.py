"""Prometheus Alertmanager's webhook, version 4 of its payload. It signs nothing: who may send is said
by a token (`http_config.authorization`), which is the door's business. A group becomes one event for
each of its alerts, firing or resolved; it must never become one page for a hundred.

`fingerprint` is the hash of an alert's labels, by which Alertmanager itself tells alerts apart
(prometheus/alertmanager, `template/template.go`, `Alert`; prometheus.io, Alertmanager configuration,
`webhook_config`): it is the dedupe key. The id adds status, start and end, since the same alert is
told again with every `repeat_interval` and by every replica. It names a state: an alert that was
given up for resolved while Prometheus could not be reached fires again with its old `startsAt`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ringfence.model.event import Event
from ringfence.model.line import Secret
from ringfence.sources.alert_groups import group_events
from ringfence.sources.base import (
    KIB,
    Capabilities,
    Naming,
    Verified,
    WebhookRequest,
    admitted,
)
from ringfence.sources.taming import fields

VERSION = "4"


class Alertmanager:
    name = "alertmanager"
    capabilities = Capabilities(
        naming=Naming.STATE, batches=True, resolves=True, body_bytes_max=2048 * KIB
    )

    def verify(self, request: WebhookRequest, secrets: Sequence[Secret], now: datetime) -> Verified:
        return admitted(request, self.capabilities, now)

    def parse(self, verified: Verified) -> list[Event]:
        group = fields(verified.request.body)
        return group_events(group, self.name, VERSION, verified.received_at, lambda _: {})


SOURCE = Alertmanager()
