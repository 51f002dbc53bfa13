"""Telnyx's webhook signature: Ed25519 (RFC 8032) over timestamp, a bar, and the raw body, the timestamp
within 300 s of our clock. Judged as strictly as the stricter of the vendor's two libraries
(facts/outside-checks.md 1b). The URL is not signed: must never take anything from it."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ringfence.model.errors import SignatureRefused

SIGNATURE, TIMESTAMP = "telnyx-signature-ed25519", "telnyx-timestamp"
TOLERANCE_S = 300
_KEY_BYTES, _SIGNATURE_BYTES = 32, 64
# ASCII digits only: Python's int() also takes signs, spaces, underscores and other scripts' digits.
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


def check(
    headers: Mapping[str, str], body: bytes, keys: Iterable[str], now: datetime | None
) -> None:
    """Raise SignatureRefused unless one of `keys` signed this body close to `now`. Without a time
    nothing can be checked, so everything is refused."""
    given, at = headers.get(SIGNATURE, ""), headers.get(TIMESTAMP, "")
    if not given or not at:
        raise SignatureRefused(f"It has no {SIGNATURE if not given else TIMESTAMP} header.")
    usable = [key for key in keys if public_key(key) is not None]
    if not usable:
        raise SignatureRefused("The line has no usable publicKey, so no signature can be checked.")
    if now is None or not _SECONDS.fullmatch(at):
        raise SignatureRefused("Its timestamp cannot be read.")
    if abs(int(now.timestamp()) - int(at)) > TOLERANCE_S:
        raise SignatureRefused(
            f"Its timestamp is more than {TOLERANCE_S} s from our clock: a replay, or a clock is wrong."
        )
    signature = _decoded(given, _SIGNATURE_BYTES)
    if signature is None or not _held(usable, signature, at.encode() + b"|" + body):
        raise SignatureRefused("Check that publicKey is the one of this Telnyx account.")


@lru_cache(maxsize=256)
def public_key(text: str) -> Ed25519PublicKey | None:
    """The key as the portal shows it (base64 of 32 bytes), or None for anything else."""
    raw = _decoded(text, _KEY_BYTES)
    return None if raw is None else Ed25519PublicKey.from_public_bytes(raw)


def _held(keys: Iterable[str], signature: bytes, signed: bytes) -> bool:
    for text in keys:
        key = public_key(text)
        try:
            if key is not None:
                key.verify(signature, signed)
                return True
        except InvalidSignature:
            continue
    return False


def _decoded(text: str, length: int) -> bytes | None:
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        return None
    return raw if len(raw) == length else None
