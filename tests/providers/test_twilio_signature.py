"""Signatures against the vendors' verdicts (../shared/data) and against the vendor's own code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator
from twilio_rig import Form

from ringfence.providers import forms
from ringfence.providers.twilio_signature import (
    body_held,
    holds,
    signature,
    signed_url,
    signing_text,
)

# Where the vendors' libraries disagree with each other, we chose (facts/outside-checks.md 1b).
CHOICES = {
    # The query is signed as it stands; guessing how a sender escaped it would add spellings
    # nobody needs: our own callback URLs hold no apostrophe.
    "vendor-special-chars": False,
    "vendor-webhooks-5": False,
    # A bare `?` is part of the URL as typed; only the Python library loses it.
    "gen-odd-qmark-only": True,
    # Host names know no case (RFC 3986 section 3.2.2); an operator's capitals should not refuse
    # every message.
    "gen-neg-host-upper": True,
}


def verdict(vector: dict[str, Any]) -> bool:
    stem, mark, query = vector["url"].partition("?")
    urls = [spelling + mark + query for spelling in signed_url(stem).stems]
    if "#" in query:  # the raw rule: a fragment seen is a fragment signed
        urls = [vector["url"]]
    if vector["kind"] == "form":
        text = signing_text((name, value) for name, value in vector["params"])
        return holds(vector["signature"], urls, text, [vector["token"]])
    claimed = [value for name, value in forms.decode(query) if name == "bodySHA256"]
    hashed = len(claimed) == 1 and body_held(vector["body"].encode(), claimed[0])
    return hashed and holds(vector["signature"], urls, "", [vector["token"]])


@pytest.mark.shared
@pytest.mark.proves("B026")
def test_every_vendor_verdict_is_ours(shared_data: Callable[[str], Any]) -> None:
    vectors = shared_data("twilio-signatures.json")["vectors"]
    assert len(vectors) >= 250
    expected = {
        v["id"]: v["expect"] if v["expect"] is not None else CHOICES[v["id"]] for v in vectors
    }
    assert {v["id"]: verdict(v) for v in vectors} == expected
    assert {v["id"] for v in vectors if v["expect"] is None} == CHOICES.keys()


NAMES = st.text(min_size=0, max_size=12)
FIELDS = st.lists(st.tuples(NAMES, st.text(max_size=20)), max_size=12)
PORTS = st.sampled_from(["", ":443", ":80", ":8443"])
URLS = st.builds(
    lambda scheme, host, port, path, query: f"{scheme}://{host}{port}{path}{query}",
    st.sampled_from(["https", "http"]),
    st.sampled_from(["gw.example.com", "127.0.0.1", "xn--bcher-kva.example"]),
    PORTS,
    st.sampled_from(["", "/", "/w/sms", "/a%20b/c%2Fd", "/w;v=1", "/w/tenant:1"]),
    st.sampled_from(["", "?a=1", "?b=2&a=1&c=", "?q=caf%C3%A9", "?u=a@b:9/c"]),
)


def ours_holds(given_signature: str, url: str, fields: Any, tokens: list[str]) -> bool:
    stem, mark, query = url.partition("?")
    urls = [spelling + mark + query for spelling in signed_url(stem).stems]
    return holds(given_signature, urls, signing_text(fields), tokens)


@given(URLS, FIELDS, st.text(min_size=1, max_size=32))
def test_what_the_vendor_signs_we_accept(url: str, fields: Any, token: str) -> None:
    theirs = RequestValidator(token).compute_signature(url, Form(fields))
    assert ours_holds(theirs, url, fields, [token])
    assert not ours_holds(theirs, url, [*fields, ("Zz", "more")], [token])


@given(URLS, FIELDS, st.text(min_size=1, max_size=32))
def test_what_we_sign_the_vendor_accepts(url: str, fields: Any, token: str) -> None:
    ours = signature(token, url + signing_text(fields))
    validator = RequestValidator(token)
    accepted = validator.validate(url, Form(fields), ours)
    # A port that is not the default is signed as it stands, or without it.
    assert accepted
    assert not RequestValidator(token + "x").validate(url, Form(fields), ours)


@given(URLS, URLS, FIELDS)
def test_both_accept_the_same_urls(signed: str, seen: str, fields: Any) -> None:
    given_signature = signature("t", signed + signing_text(fields))
    theirs = RequestValidator("t").validate(seen, Form(fields), given_signature)
    assert ours_holds(given_signature, seen, fields, ["t"]) == theirs


@pytest.mark.parametrize("tokens", [["new", "old"], ["old", "new"], ["old"], ["", "old"]])
def test_any_accepted_token_holds(tokens: list[str]) -> None:
    given_signature = signature("old", "https://gw.example.com/w")
    assert holds(given_signature, ["https://gw.example.com/w"], "", tokens)
    assert not holds(given_signature, ["https://gw.example.com/w"], "", ["new", "newer"])


def test_an_empty_token_signs_nothing() -> None:
    made_without_a_token = signature("", "https://gw.example.com/w")
    assert not holds(made_without_a_token, ["https://gw.example.com/w"], "", ["", "t"])


@pytest.mark.parametrize("odd", ["", "é", "\ud800", "=" * 5000, "AAAA\n"])
def test_an_odd_signature_is_only_wrong(odd: str) -> None:
    assert not holds(odd, ["https://gw.example.com/w"], "", ["t"])


@pytest.mark.parametrize(
    ("configured", "stems"),
    [
        ("https://h.example/w", {"https://h.example/w", "https://h.example:443/w"}),
        ("http://h.example:8080/w?a=1#rc=2", {"http://h.example/w", "http://h.example:8080/w"}),
        (
            "https://u:p@h.example:8443/w",
            {
                *("https://u:p@h.example/w", "https://u:p@h.example:8443/w"),
                *("https://h.example/w", "https://h.example:8443/w"),
            },
        ),
        (
            "https://[2001:db8::1]:8443/w",
            {"https://[2001:db8::1]/w", "https://[2001:db8::1]:8443/w"},
        ),
        (
            "https://H.example",
            {
                *("https://H.example", "https://H.example:443"),
                *("https://h.example", "https://h.example:443"),
            },
        ),
    ],
)
def test_spellings_of_a_configured_url(configured: str, stems: set[str]) -> None:
    """Userinfo and IPv6 literals, which the vendor's library mangles (facts 2.4)."""
    assert set(signed_url(configured).stems) == stems
