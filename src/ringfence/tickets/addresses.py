"""Addresses of ticket systems: https anywhere, plain http on this machine only, since requests carry
credentials and what happened. Judges names and literals; must never resolve a host."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def problem_of(url: str) -> str:
    """What is wrong with the address, empty when nothing is."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "expected an https address"
    if parts.scheme not in ("http", "https") or not host or port == 0:
        return "expected an https address"
    if parts.username is not None or parts.password is not None:
        return "must hold no credentials"
    if parts.scheme == "http" and not _here(host):
        return "may be plain http on this machine only; use https"
    return ""


def base_problem_of(url: str) -> str:
    """As `problem_of`, for an address that paths are added to."""
    parts = urlsplit(url) if not (problem := problem_of(url)) else None
    if parts is not None and (parts.query or parts.fragment):
        return "must end with its path, without a query"
    return problem


def _here(host: str) -> bool:
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 section 6.3
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
