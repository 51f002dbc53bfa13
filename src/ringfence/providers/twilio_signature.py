"""X-Twilio-Signature (facts 2.4): HMAC-SHA1 with the auth token over the URL and the form, judged
as the vendor's own validators judge it. Must build the URL from configuration only: a Host or
X-Forwarded header is the caller's word (B028)."""

from __future__ import annotations

import hmac
from binascii import b2a_base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

OUR_ID = "ringfence"
_DEFAULT_PORT = {"https": "443", "http": "80"}


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """A configured URL, ready for signing: every way a sender may write what precedes the query,
    the query configured with it (None when it has no `?`), and the fragment."""

    stems: tuple[str, ...]
    query: str | None
    fragment: str


@lru_cache(maxsize=1024)
def signed_url(url: str) -> SignedUrl:
    """Take a configured URL apart. Nothing is normalised: the sender signs what was typed."""
    bare, _, fragment = url.partition("#")
    stem, mark, query = bare.partition("?")
    return SignedUrl(_spellings(stem), query if mark else None, fragment)


def _spellings(stem: str) -> tuple[str, ...]:
    """With and without the port (the sender is inconsistent: twilio-python issues 392 and 402),
    with and without userinfo (facts 2.4), and the host in lower case."""
    scheme, mark, rest = stem.partition("://")
    authority, slash, path = rest.partition("/")
    userinfo, at, address = authority.rpartition("@")
    host, port = _host_and_port(address)
    ports = ("", f":{port or _DEFAULT_PORT.get(scheme.lower(), '443')}")
    spelled = [
        f"{scheme}{mark}{who}{name}{number}{slash}{path}"
        for who in ((userinfo + at, "") if at else ("",))
        for name in (host, host.lower())
        for number in ports
    ]
    return tuple(dict.fromkeys(spelled))


def _host_and_port(address: str) -> tuple[str, str]:
    """RFC 3986 section 3.2: the port follows the last colon that is not inside brackets."""
    if address.startswith("["):
        literal, bracket, port = address.partition("]")
        return literal + bracket, port.removeprefix(":")
    host, _, port = address.partition(":")
    return host, port


def signing_text(fields: Iterable[tuple[str, str]]) -> str:
    """Names in byte order, the distinct values of each sorted, no mark between them (B026).

    Code point order is UTF-8 byte order, so sorting the text sorts the bytes."""
    return "".join([name + value for name, value in sorted(set(fields))])


def signature(token: str, text: str) -> str:
    return _mac(token.encode(), text.encode()).decode()


def _mac(key: bytes, text: bytes) -> bytes:
    return b2a_base64(hmac.digest(key, text, "sha1"), newline=False)


def holds(signature: str, urls: Iterable[str], fields_text: str, tokens: Sequence[str]) -> bool:
    """Whether any token signed any of these spellings. Every token is tried on every spelling
    and compared in constant time, so that how long it takes tells nothing about which one held."""
    given = signature.encode("utf-8", "replace")
    keys = [token.encode() for token in tokens if token]
    held = False
    for url in urls:
        text = (url + fields_text).encode("utf-8", "replace")
        for key in keys:
            held |= hmac.compare_digest(_mac(key, text), given)
    return held


def body_held(body: bytes, claimed: str) -> bool:
    """Whether `bodySHA256` names this body: lower-case hex, as the vendor's validators have it."""
    digest = sha256(body).hexdigest().encode()
    return hmac.compare_digest(digest, claimed.encode("utf-8", "replace"))
