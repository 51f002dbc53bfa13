"""What the Telnyx tests share: a line, documents as the vendor's reference shows them, and a signer that is
the cryptography library's own."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ringfence.model.line import Credentials, Line, Secret
from ringfence.model.phone import PhoneNumber
from ringfence.model.wire import WebhookRequest, WireResponse

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
API_KEY = "KEY-for-tests-only"
PROFILE = "740572b6-099c-44a1-89b9-6c92163bc68d"
MESSAGE = "84cca175-9755-4859-b67f-4730d7f58aa3"
EVENT = "b301ed3f-1490-491f-995f-6e64e69674d4"
URL = "https://gw.example.com/webhooks/sms"
OURS, PERSON = "+15555550100", "+15555550123"


def public_key(signer: Ed25519PrivateKey) -> str:
    return b64encode(signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


LINE = Line(
    id="front",
    provider="telnyx",
    credentials=Credentials("", (Secret(API_KEY),), public_keys=(public_key(SIGNER),)),
    number=PhoneNumber(OURS),
    service_id=None,
    public_url=URL,
    webhook_path="/webhooks/sms",
    api_base_url="https://api.telnyx.com",
)


def line(**changes: Any) -> Line:
    return replace(LINE, **changes)


def of_profile(**changes: Any) -> Line:
    """The line with a messaging profile and, unless told, a number."""
    credentials = replace(LINE.credentials, account_id=PROFILE)
    return line(service_id=PROFILE, credentials=credentials, **changes)


def received(**changes: Any) -> dict[str, Any]:
    """`message.received`; `changes` are of the payload, None takes a field away."""
    payload: dict[str, Any] = {
        "direction": "inbound",
        "encoding": "GSM-7",
        "from": {"carrier": "A Carrier", "line_type": "Wireless", "phone_number": PERSON},
        "id": MESSAGE,
        "media": [],
        "messaging_profile_id": PROFILE,
        "organization_id": "47a530f8-4362-4526-829b-bcee17fd9f7a",
        "parts": 1,
        "received_at": "2026-11-21T12:00:00.000+00:00",
        "record_type": "message",
        "tags": [],
        "text": "Hello",
        "to": [{"carrier": "Telnyx", "phone_number": OURS, "status": "webhook_delivered"}],
        "type": "SMS",
        "valid_until": None,
        "webhook_url": URL,
    }
    return _event("message.received", payload, changes)


def reported(kind: str, status: str, *errors: dict[str, str], **changes: Any) -> dict[str, Any]:
    """`message.sent` and the like, of a text from OURS to PERSON."""
    payload: dict[str, Any] = {
        "direction": "outbound",
        "errors": list(errors),
        "from": {"phone_number": OURS},
        "id": MESSAGE,
        "messaging_profile_id": PROFILE,
        "parts": 2,
        "received_at": "2026-11-21T11:59:58.000+00:00",
        "record_type": "message",
        "text": "Hello",
        "to": [{"phone_number": PERSON, "status": status}],
        "type": "SMS",
        "webhook_url": f"{URL}?ringfence=obx_1",
    }
    return _event(kind, payload, changes)


def _event(kind: str, payload: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    renamed = {name.removesuffix("_"): value for name, value in changes.items()}
    whole = {name: value for name, value in {**payload, **renamed}.items() if value is not None}
    data = {
        "event_type": kind,
        "id": EVENT,
        "occurred_at": "2026-11-21T12:00:00.000+00:00",
        "payload": whole,
        "record_type": "event",
    }
    return {"data": data, "meta": {"attempt": 1, "delivered_to": URL}}


def posted(
    document: object,
    *,
    signer: Ed25519PrivateKey = SIGNER,
    at: datetime = NOW,
    now: datetime | None = NOW,
    query: str = "",
    body: bytes | None = None,
) -> WebhookRequest:
    """A document signed at `at`, arriving at `now`; `body` replaces the bytes after signing."""
    raw = json.dumps(document).encode() if not isinstance(document, bytes) else document
    seconds = str(int(at.timestamp()))
    headers = {
        "content-type": "application/json",
        "telnyx-timestamp": seconds,
        "telnyx-signature-ed25519": b64encode(signer.sign(f"{seconds}|".encode() + raw)).decode(),
    }
    sent = raw if body is None else body
    return WebhookRequest("POST", "/webhooks/sms", query, headers, sent, now)


def answer(status: int, document: object = None, **headers: str) -> WireResponse:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return WireResponse(status, {k.replace("_", "-"): v for k, v in headers.items()}, raw)


def refusal(status: int, code: int, detail: str = "") -> WireResponse:
    errors = [{"code": str(code), "title": "No", "detail": detail}]
    return answer(status, {"errors": errors})
