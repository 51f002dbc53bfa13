"""HMAC-SHA256 as several senders use it: lower-case hex, several secrets while one is replaced, a
time that must be near. Must never say which secret held, nor take an empty one for a secret."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime

from ringfence.model.errors import SignatureRefused
from ringfence.model.line import Secret

_SECONDS_DIGITS_MAX = 11


def keys_of(secrets: Sequence[Secret], source: str) -> list[bytes]:
    """The secrets as keys. Raises SignatureRefused when there is none: an empty key would let
    everybody sign."""
    keys = [secret.reveal().encode() for secret in secrets if secret.reveal()]
    if not keys:
        raise SignatureRefused(f"No secret is configured for {source}; nothing is let in.")
    return keys


def is_signed(keys: Sequence[bytes], signed: bytes, given: Iterable[str]) -> bool:
    """Whether any key made any of the signatures. Every pair is compared, in constant time, so that
    how long it takes tells nothing about which one held."""
    claimed = [signature.encode("utf-8", "replace") for signature in given]
    held = False
    for key in keys:
        right = hmac.digest(key, signed, "sha256").hex().encode()
        for signature in claimed:
            held |= hmac.compare_digest(right, signature)
    return held


def is_near(seconds: str, now: datetime, tolerance_s: int) -> bool:
    """Whether a time in seconds since 1970, digits only, is within the tolerance of now, before or
    after: a sender's clock may be ahead, but not by more than it may be behind."""
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= _SECONDS_DIGITS_MAX):
        return False
    return abs(now.timestamp() - int(seconds)) <= tolerance_s
