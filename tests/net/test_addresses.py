"""net/addresses.py: what counts as public, as loopback."""

from __future__ import annotations

import pytest

from ringfence.net.addresses import drops_tls, is_public
from ringfence.providers import urls

INNER = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.1.2.3",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "::8.8.8.8",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",
]
# The last is a Teredo address of 10.0.0.1 (client bits inverted).
OUTER = [
    "8.8.8.8",
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.1",
    "172.32.0.1",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::",
]


@pytest.mark.proves("P9")
@pytest.mark.parametrize("address", INNER)
def test_inner_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTER)
def test_outer_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "2130706433", "0x7f.1", "8.8.8.8 "])
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("a.localhost", True),
        ("127.0.0.2", True),
        ("::1", True),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_loopback_hosts(host: str, loopback: bool) -> None:
    assert urls.loopback(host) is loopback


@pytest.mark.proves("P9")
@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        (("https", "a.example"), ("http", "a.example"), True),
        (("https", "a.example"), ("http", "127.0.0.1"), True),
        (("https", "127.0.0.1"), ("http", "a.example"), True),
        (("https", "127.0.0.1"), ("http", "localhost"), False),
        (("https", "a.example"), ("https", "b.example"), False),
        (("http", "a.example"), ("http", "b.example"), False),
        (("http", "a.example"), ("https", "b.example"), False),
    ],
)
def test_a_redirect_must_not_drop_tls(
    old: tuple[str, str], new: tuple[str, str], refused: bool
) -> None:
    assert drops_tls(*old, *new) is refused
