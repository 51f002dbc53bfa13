"""Signing by the Standard Webhooks convention (standard-webhooks.com, specification 1.0): for agents
behind a URL and for ticket webhooks. Must never print a secret, nor take a weak one for a key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from ringfence.model.line import Secret

SECRET_PREFIX = "whsec_"  # noqa: S105 - the convention's prefix, no secret
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64  # specification, "Signature scheme"
SECRET_WORDS = f"{SECRET_PREFIX} and {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes in base64"


def sign(keys: Sequence[bytes], webhook_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """The three headers of the convention: id, seconds since the epoch, and one `v1,` signature
    per key, separated by spaces."""
    timestamp = str(int(now.timestamp()))
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    digests = [hmac.digest(key, signed, hashlib.sha256) for key in keys]
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join("v1," + base64.b64encode(d).decode() for d in digests),
    }


def key_of(secret: Secret) -> bytes | None:
    """The key in a secret; None for one the convention does not allow (SECRET_WORDS)."""
    text = secret.reveal()
    if not text.startswith(SECRET_PREFIX):
        return None
    try:
        key = base64.b64decode(text[len(SECRET_PREFIX) :], validate=True)
    except binascii.Error:
        return None
    return key if SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX else None
