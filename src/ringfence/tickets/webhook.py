"""Tickets behind a URL of anybody's: each change is one POST, signed by the Standard Webhooks
convention (standard-webhooks.com, specification 1.0). Must never send anything unsigned.

`webhook-id` is the task's id, the same in every try: the receiver knows a repeat by it. Every answer
but a 2xx is tried again, except 410 Gone, by which a receiver says that it wants no more."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from ringfence.model.line import Secret
from ringfence.model.ticket import TicketAction
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.text.standard_webhooks import SECRET_WORDS, key_of, sign
from ringfence.tickets.addresses import problem_of
from ringfence.tickets.base import (
    Errand,
    Talk,
    TicketOutcome,
    again,
    done,
    refused,
    retry_after_s,
)
from ringfence.tickets.wording import cleaned, one_line

TIMEOUT_S = 20.0  # the convention asks senders for 15 to 30 seconds
_GONE = 410
_BUSY = frozenset({429, 502, 504})
TYPES = {
    TicketAction.OPEN: "ticket.opened",
    TicketAction.UPDATE: "ticket.updated",
    TicketAction.CLOSE: "ticket.closed",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """`secrets`: one, or several while one is replaced; each POST is signed by every one."""

    url: str = field(repr=False)
    secrets: tuple[Secret, ...]


class Webhook:
    name = "webhook"
    settings = Settings
    local = False

    def problems(self, settings: Settings) -> tuple[str, ...]:
        found = [f"url: {wrong}" for wrong in [problem_of(settings.url)] if wrong]
        if not settings.secrets:
            found.append("secrets: expected at least one; nothing is sent unsigned")
        found += [
            f"secrets[{place}]: expected {SECRET_WORDS}"
            for place, secret in enumerate(settings.secrets)
            if key_of(secret) is None
        ]
        return tuple(found)

    def carry_out(self, errand: Errand, settings: Settings) -> Talk[TicketOutcome]:
        answer = yield request(errand, settings)
        assert isinstance(answer, WireResponse), "HTTP is answered by HTTP"
        return outcome(answer)


def request(errand: Errand, settings: Settings) -> WireRequest:
    payload = orjson.dumps(_document(errand))
    keys = [key for key in map(key_of, settings.secrets) if key is not None]
    return WireRequest(
        method="POST",
        url=settings.url,
        headers={"Content-Type": "application/json"},
        secret_headers=sign(keys, errand.task.id, errand.now, payload),
        body=payload,
        timeout_s=TIMEOUT_S,
    )


def outcome(answer: WireResponse) -> TicketOutcome:
    if 200 <= answer.status < 300:
        return done()
    reason = f"http_{answer.status}"
    if answer.status == _GONE:
        return refused(reason)
    wanted = retry_after_s(answer)
    slowly = answer.status in _BUSY or wanted is not None
    return again(reason, slowly=slowly, retry_after_s=wanted)


def _document(errand: Errand) -> dict[str, object]:
    """`timestamp` is when it happened, the same in every try; `data` is as it stands now."""
    alert = errand.alert
    return {
        "type": TYPES[errand.task.action],
        "timestamp": errand.task.created_at.isoformat(),
        "data": {
            "ticket": errand.ticket.id,
            "text": cleaned(errand.task.text),
            "alert": {
                "id": errand.ticket.alert_id,
                "number": alert.number,
                "title": one_line(alert.title),
                "severity": alert.severity,
                "service": one_line(alert.service),
                "flow": alert.flow,
                "state": alert.state,
                "opened_at": alert.opened_at.isoformat(),
                "acknowledged_by": one_line(alert.acknowledged_by),
                "url": one_line(alert.url),
            },
        },
    }


SYSTEM = Webhook()
