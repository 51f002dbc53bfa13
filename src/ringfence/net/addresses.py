"""Which addresses and hosts a request may reach: public ones, this machine. Pure; resolves nothing.
Must never let an address through that it does not understand."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from ringfence.providers.urls import loopback

# Ranges that `ipaddress` calls global in some of the Python versions we run on, or that carry an
# IPv4 address inside: RFC 6598 (carrier-grade NAT), RFC 3879 (site-local), RFC 6052 (NAT64),
# RFC 3056 (6to4), RFC 4380 (Teredo).
_SHARED = IPv4Network("100.64.0.0/10")
_SITE_LOCAL = IPv6Network("fec0::/10")
_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = IPv6Network("::/96")


def is_public(address: str) -> bool:
    """True when `address` (an IP literal, zone allowed) is out on the internet: not loopback,
    private, link-local, shared (CGNAT), unique-local, multicast, reserved or unspecified, and not
    an IPv6 wrapping of such an IPv4 address. False for anything that is no IP address."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return _public_v6(ip) if isinstance(ip, IPv6Address) else _public_v4(ip)


def _public_v4(ip: IPv4Address) -> bool:
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip in _SHARED)


def _public_v6(ip: IPv6Address) -> bool:
    inner = _embedded_v4(ip)
    if inner is not None:
        return _public_v4(inner)
    if ip in _SITE_LOCAL or ip in _LOCAL_NAT64 or ip in _COMPATIBLE:
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


def _embedded_v4(ip: IPv6Address) -> IPv4Address | None:
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    return IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None


def drops_tls(scheme: str, host: str, next_scheme: str, next_host: str) -> bool:
    """True when a redirect goes from https to plain http, anywhere but between loopback hosts."""
    if (scheme, next_scheme) != ("https", "http"):
        return False
    return not (loopback(host) and loopback(next_host))
