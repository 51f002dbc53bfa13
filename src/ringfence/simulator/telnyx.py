"""Telnyx's dialect of the simulated carrier: message documents, and webhooks signed with Ed25519.

Our own reading of messaging-providers.md 2.9 and of the vendor's SDK types; must never be taken from the
gateway's codec, so that each can catch the other's mistake. Decides nothing about messages."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ringfence.simulator.carrier import Carrier
from ringfence.simulator.records import Account, Message
from ringfence.simulator.timeline import Clock
from ringfence.simulator.webhooks import WebhookRequest, without_fragment
from ringfence.text.segments import count

PROVIDER: Final = "telnyx"
# Telnyx waits two seconds and tries a webhook three times (receiving webhooks, 2026). Written as the
# deliverer reads it; no fragment is ever called or signed.
PATIENCE: Final = "#ct=2000&rt=2000&tt=10000&rc=2&rp=all"

_STATUSES: Final = {
    "accepted": "queued",
    "scheduled": "queued",
    "queued": "queued",
    "sending": "sending",
    "sent": "sent",
    "delivered": "delivered",
    "undelivered": "delivery_failed",
    "failed": "sending_failed",
    "canceled": "cancelled",
    "read": "read",
    "received": "webhook_delivered",
}
# Nothing is told of a message that waits.
_EVENTS: Final = {
    "sent": "message.sent",
    "delivered": "message.finalized",
    "undelivered": "message.finalized",
    "failed": "message.finalized",
    "read": "message.read",
}
_EXPIRED: Final = 30036
# The carrier's own errors (messaging-providers.md 2.6) as Telnyx numbers and names them.
_ERRORS: Final[dict[int, tuple[int, str]]] = {
    21610: (40300, "Blocked due to STOP message"),
    30001: (40318, "Message queue full"),
    30002: (40314, "Messaging disabled on account"),
    30003: (40006, "Recipient server unavailable"),
    30004: (40004, "Rejected by destination"),
    30005: (40012, "Invalid messaging destination number"),
    30006: (40001, "Not routable"),
    30007: (40002, "Blocked as spam - temporary"),
    30008: (40008, "Undeliverable"),
    30022: (40018, "AT&T 10DLC sending limit reached"),
    30023: (40016, "T-Mobile 10DLC sending limit reached"),
    30032: (40329, "Toll free number not yet verified"),
    30034: (40010, "Unregistered 10DLC message"),
    30036: (40014, "Message expired in queue"),
    30410: (40006, "Recipient server unavailable"),
    30450: (40015, "Blocked as spam - internal"),
}


def uuid_of(sid: str) -> str:
    """A carrier's SID as Telnyx would name the thing: the same 32 digits as a UUID."""
    h = sid[2:]
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def sid_of(uuid: str, prefix: str) -> str:
    return prefix + uuid.replace("-", "").lower()


def public_key(account: Account) -> str:
    """As the portal shows it: base64 of 32 bytes."""
    raw = Ed25519PrivateKey.from_private_bytes(account.signing_key).public_key()
    return base64.b64encode(raw.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def profile_of(carrier: Carrier, message: Message) -> str:
    """The messaging profile of a message: the service it went by, or the one its number is in."""
    ours = message.sender if message.is_outbound else message.recipient
    known = message.service_sid or next(
        (s.sid for s in carrier.services.values() if ours in s.pool), message.account_sid
    )
    return uuid_of(known)


def payload(carrier: Carrier, message: Message, cdn_url: str = "") -> dict[str, object]:
    """A message's document, as answers and webhooks have it."""
    status = _STATUSES[message.status]
    if message.error_code == _EXPIRED:
        status = "expired"
    document: dict[str, object] = {
        "record_type": "message",
        "direction": "outbound" if message.is_outbound else "inbound",
        "id": uuid_of(message.sid),
        "type": "MMS" if message.num_media else "SMS",
        "messaging_profile_id": profile_of(carrier, message),
        "organization_id": uuid_of(message.account_sid),
        "from": {"phone_number": message.sender or "", "carrier": "", "line_type": "Wireless"},
        "to": [{"phone_number": message.recipient, "status": status, "carrier": ""}],
        "cc": [],
        "text": message.body,
        "media": [_media(item.sid, item.content_type, cdn_url) for item in message.media],
        "webhook_url": without_fragment(message.status_callback) or None,
        "webhook_failover_url": None,
        "encoding": "GSM-7" if count(message.body).encoding.value == "GSM-7" else "UCS-2",
        "parts": message.segments,
        "tags": [],
        "cost": None,
        "received_at": _iso(message),
        "sent_at": message.sent_at.isoformat() if message.sent_at else None,
        "completed_at": None,
        "valid_until": None,
        "errors": _errors(message.error_code),
    }
    if message.opt_out_type:
        document["autoresponse_type"] = message.opt_out_type
    return document


def _media(sid: str, content_type: str, cdn_url: str) -> dict[str, object]:
    return {"url": f"{cdn_url}/_cdn/{sid}", "content_type": content_type, "size": None}


def _iso(message: Message) -> str:
    return message.created_at.isoformat(timespec="milliseconds")


def _errors(code: int | None) -> list[dict[str, object]]:
    if code is None:
        return []
    number, title = _ERRORS.get(code, (40008, "Undeliverable"))
    return [{"code": str(number), "title": title, "detail": title}]


@dataclass(frozen=True, slots=True, kw_only=True)
class TelnyxWebhook(WebhookRequest):
    """One event ready to go: signed anew on every attempt, with the same event id. `fields` say its
    status, for the log."""

    event: dict[str, object]
    key: bytes
    clock: Clock
    attempts: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def wire(self) -> tuple[str, dict[str, str], bytes]:
        address = without_fragment(self.url)
        meta = {"attempt": next(self.attempts), "delivered_to": address}
        body = json.dumps({"data": self.event, "meta": meta}).encode()
        at = str(int(self.clock.now().timestamp()))
        signed = Ed25519PrivateKey.from_private_bytes(self.key).sign(at.encode() + b"|" + body)
        headers = {
            "Telnyx-Signature-Ed25519": base64.b64encode(signed).decode(),
            "Telnyx-Timestamp": at,
            "Content-Type": "application/json",
            "User-Agent": "telnyx-webhooks",
        }
        return address, headers, body


def received(
    carrier: Carrier, message: Message, url: str, clock: Clock, cdn_url: str
) -> TelnyxWebhook:
    """`message.received`."""
    document = payload(carrier, message, cdn_url) | {"webhook_url": without_fragment(url)}
    return _event(carrier, message, "message.received", document, url, clock)


def reported(carrier: Carrier, message: Message, clock: Clock) -> TelnyxWebhook | None:
    """What is told of the message's present status; None when nothing is."""
    kind = _EVENTS.get(message.status)
    if kind is None:
        return None
    document = payload(carrier, message)
    return _event(carrier, message, kind, document, message.status_callback, clock)


def _event(
    carrier: Carrier,
    message: Message,
    kind: str,
    document: dict[str, object],
    url: str,
    clock: Clock,
) -> TelnyxWebhook:
    account, id_ = carrier.accounts[message.account_sid], carrier.sids.idempotency_token()
    data: dict[str, object] = {
        "record_type": "event",
        "event_type": kind,
        "id": id_,
        "occurred_at": clock.now().isoformat(timespec="milliseconds"),
        "payload": document,
    }
    patient = url if "#" in url else url + PATIENCE
    fields = (("MessageStatus", message.status),)
    return TelnyxWebhook(
        patient, "POST", fields, "", id_, event=data, key=account.signing_key, clock=clock
    )
