"""Addresses in a provider's dealings with us: our public URL as a provider can reach it, and the
provider's API address. Judges names and literals only; must never resolve a host."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from ringfence.model.errors import ProviderMisconfigured


def split(url: str) -> SplitResult | None:
    """The URL's parts, or None for what is not an http(s) URL with a host and a sound port."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname)
        return parts if sound and (parts.port is None or parts.port > 0) else None
    except ValueError:
        return None


def loopback(host: str) -> bool:
    """`localhost`, names under it (RFC 6761 section 6.3), loopback literals."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=256)
def publicly_usable(url: str) -> bool:
    """Whether a provider out on the internet can call `url` (B119): http(s), and a host that is
    neither loopback, private, link-local, shared nor unique-local, nor a bare machine name.

    Underscores: Twilio refuses a send whose callback host has one (facts 2.1)."""
    parts = split(url)
    if parts is None or parts.hostname is None:
        return False
    host = parts.hostname.rstrip(".")
    try:
        ip = ip_address(host)
    except ValueError:
        private = host.endswith((".localhost", ".local", ".internal", ".home.arpa"))
        return "." in host and "_" not in host and not private
    return ip.is_global and not ip.is_multicast


@lru_cache(maxsize=256)
def api_base(url: str) -> str:
    """A provider's API address without a trailing slash: https anywhere, http on loopback only,
    since requests carry credentials. Raises ProviderMisconfigured."""
    parts = split(url)
    if parts is None or parts.hostname is None:
        raise ProviderMisconfigured("Set apiBaseUrl to an https address of the provider's API.")
    if parts.scheme == "http" and not loopback(parts.hostname):
        raise ProviderMisconfigured("apiBaseUrl may be plain http on this machine only; use https.")
    if parts.username or parts.query or parts.fragment:
        raise ProviderMisconfigured("apiBaseUrl takes no credentials, query or fragment.")
    return url.rstrip("/")


@lru_cache(maxsize=256)
def on_loopback(url: str) -> bool:
    """Whether `url` is on this machine: a simulated carrier or another stand-in."""
    parts = split(url)
    return parts is not None and parts.hostname is not None and loopback(parts.hostname)


def place(url: str) -> tuple[object, ...]:
    """What tells two webhook addresses apart: a default port written out or not is the same place, and
    the fragment is ours to choose."""
    parts = split(url)
    if parts is None:
        return (url,)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, parts.hostname, port, parts.path or "/", parts.query
