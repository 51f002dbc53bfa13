"""Which addresses a provider can call, and where credentials may go."""

from __future__ import annotations

import pytest

from ringfence.model.errors import ProviderMisconfigured
from ringfence.providers import urls


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        ("https://gw.example.com/w", True),
        ("http://gw.example.com", True),
        ("https://gw.example.com:8443/w?x=1#rc=1", True),
        ("https://user:pass@gw.example.com/w", True),
        ("https://box.tail1234.ts.net/w", True),
        ("https://[2606:4700::1111]/w", True),
        *(
            (f"https://{host}/w", False)
            for host in ("localhost", "a.localhost", "127.1.2.3", "[::1]")
        ),
        *((f"https://{host}/w", False) for host in ("192.168.0.9", "172.16.0.1", "100.127.0.1")),
        *(
            (f"https://{host}/w", False)
            for host in ("[fe80::1]", "[fc00::1]", "[::ffff:127.0.0.1]")
        ),
        *(
            (f"https://{host}/w", False)
            for host in ("gateway", "a_b.example.com", "printer.local.")
        ),
        *(
            (url, False)
            for url in ("", "https://", "https:///w", "//gw.example.com", "ws://x.example")
        ),
        *(
            (url, False)
            for url in ("https://h.example:0/", "https://h.example:70000/", "https://[x/")
        ),
    ],
)
def test_publicly_usable(url: str, usable: bool) -> None:
    assert urls.publicly_usable(url) is usable


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://api.twilio.com", "https://api.twilio.com"),
        ("https://api.twilio.com/", "https://api.twilio.com"),
        ("http://127.0.0.1:4010", "http://127.0.0.1:4010"),
        ("http://localhost:4010/prefix/", "http://localhost:4010/prefix"),
        ("http://[::1]:1", "http://[::1]:1"),
    ],
)
def test_api_base(url: str, base: str) -> None:
    assert urls.api_base(url) == base


@pytest.mark.parametrize(
    "url",
    [
        *("", "api.twilio.com", "http://api.twilio.com", "http://127.0.0.1.example.com"),
        *("https://u@h.example", "https://h.example?x=1", "https://h.example#x", "file:///etc"),
    ],
)
def test_no_credentials_over_these(url: str) -> None:
    with pytest.raises(ProviderMisconfigured):
        urls.api_base(url)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost", True),
        ("https://api.twilio.com", False),
        ("", False),
    ],
)
def test_on_loopback(url: str, here: bool) -> None:
    assert urls.on_loopback(url) is here
