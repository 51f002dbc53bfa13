"""Whether a carrier on the internet could reach an address (B119). Judges the text of the address
only; no name is looked up."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

_PRIVATE = tuple(
    (ipaddress.ip_network(network), why)
    for network, why in (
        ("10.0.0.0/8", "a private address"),
        ("172.16.0.0/12", "a private address"),
        ("192.168.0.0/16", "a private address"),
        ("100.64.0.0/10", "a shared (CGNAT) address"),  # RFC 6598
        ("0.0.0.0/8", "not an address of a host"),
        ("fc00::/7", "a unique local address"),  # RFC 4193
    )
)
# RFC 6761, RFC 6762, RFC 8375 and ICANN's reservation of .internal: names of no public host.
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".test", ".invalid")


def is_loopback(url: str) -> bool:
    """The URL's host is this machine."""
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def unreachable(url: str) -> str:
    """Why nobody on the internet can reach the URL's host; empty when they may."""
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    address = _address(host)
    if address is None:
        local = host == "localhost" or host.endswith(_LOCAL_SUFFIXES) or "." not in host
        return "a name of the local network" if local else ""
    if address.is_loopback:
        return "a loopback address"
    if address.is_link_local:
        return "a link-local address"
    for network, why in _PRIVATE:
        if address.version == network.version and address in network:
            return why
    if address.is_multicast or address.is_unspecified or address.is_reserved:
        return "not an address of a host"
    return ""


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address a host is written as, in any spelling a resolver would take (`127.1`, `0x7f000001`,
    `::ffff:127.0.0.1`); None for a name."""
    try:
        address = ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return _loose_ipv4(host)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _loose_ipv4(host: str) -> ipaddress.IPv4Address | None:
    if not host or not (host[0].isdigit()):
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None
