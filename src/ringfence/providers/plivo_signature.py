"""Plivo's webhook signature, version 3: HMAC-SHA256 with an auth token over address, query, form and a
nonce, judged as the vendor's own libraries judge it (facts/outside-checks.md 1b). Must build the address
from configuration only, and must never take version 2, which covers neither query nor body."""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence

from ringfence.model.errors import SignatureRefused

# The account's own signature, and the one with the main account's token; either may hold a list, one
# signature for each token that is active. Message webhooks were seen with both.
SIGNATURES = ("x-plivo-signature-v3", "x-plivo-signature-ma-v3")
NONCE = "x-plivo-signature-v3-nonce"
OLD = ("x-plivo-signature-v2", "x-plivo-signature-ma-v2")
SIGNATURES_MAX = 10
# Digits at Plivo. A full stop in it would let its sender divide text and nonce anew.
_NONCE_VALUE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)

Fields = Sequence[tuple[str, str]]


def check(
    headers: Mapping[str, str],
    url: str,
    query: Fields,
    form: Fields,
    tokens: Iterable[str],
    *,
    setting: str = "publicWebhookUrl",
) -> None:
    """Raise SignatureRefused unless one of `tokens` signed this POST. `url` is the configured address
    (by `setting`) without query and fragment; nothing of it is normalised, since the sender signs what
    was typed."""
    given = [one.strip() for name in SIGNATURES for one in headers.get(name, "").split(",")]
    given = [one for one in given if one][:SIGNATURES_MAX]
    nonce, keys = headers.get(NONCE, ""), [token.encode() for token in tokens if token]
    if not given:
        raise SignatureRefused(_why_unsigned(headers))
    if not _NONCE_VALUE.fullmatch(nonce):
        raise SignatureRefused(f"It has no {NONCE} header, or one that cannot be a nonce.")
    if not url or not keys:
        what = setting if not url else "authToken"
        raise SignatureRefused(f"The line has no {what}, so no signature can be checked; set it.")
    if not _held(given, f"{signed_text(url, query, form)}.{nonce}", keys):
        raise SignatureRefused(
            f"Check that {setting} is the very URL set at the provider, and the auth token."
        )


def signed_text(url: str, query: Fields, form: Fields) -> str:
    """What is signed of a POST, the nonce aside: names in order, the values of each in order; in the
    query with their marks, in the form without any. Values are decoded."""
    sorted_query = "&".join(f"{name}={value}" for name, value in sorted(query))
    mark = "?" if query or form else ""
    stop = "." if query and form else ""
    return f"{url}{mark}{sorted_query}{stop}{form_text(form)}"


def form_text(form: Fields) -> str:
    return "".join([name + value for name, value in sorted(form)])


def signature(token: bytes, text: str) -> str:
    return b64encode(hmac.digest(token, text.encode("utf-8", "replace"), "sha256")).decode()


def _held(given: Sequence[str], text: str, keys: Sequence[bytes]) -> bool:
    """Every token is tried on every signature and compared in constant time, so that how long it takes
    tells nothing about which one held."""
    held = False
    for key in keys:
        wanted = signature(key, text).encode()
        for one in given:
            held |= hmac.compare_digest(wanted, one.encode("utf-8", "replace"))
    return held


def _why_unsigned(headers: Mapping[str, str]) -> str:
    if any(headers.get(name) for name in OLD):
        return "It is signed by version 2 alone, which covers neither query nor body: not accepted."
    return f"It has no {SIGNATURES[0]} header."
