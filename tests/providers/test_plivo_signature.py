"""Signatures against the vendor's own verdicts (../shared/data, made with its three libraries), and what the
codec lets through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from plivo_rig import (
    FOREIGN_TOKEN,
    LINE,
    NONCE,
    OLD_TOKEN,
    TOKEN,
    URL,
    line,
    posted,
    received,
    reported,
    signed,
    text_of,
)

from ringfence.model.errors import SignatureRefused
from ringfence.model.line import Credentials
from ringfence.providers.forms import decode
from ringfence.providers.plivo import PROVIDER as PLIVO
from ringfence.providers.plivo_signature import SIGNATURES_MAX, check


def verdict(vector: dict[str, Any]) -> bool:
    headers = {
        "x-plivo-signature-v3": vector["signature"],
        "x-plivo-signature-v3-nonce": vector["nonce"],
    }
    url, _, query = vector["url"].partition("#")[0].partition("?")
    form = [(name, value) for name, value in vector["params"]]
    try:
        check(headers, url, decode(query), form, [vector["token"]])
    except SignatureRefused:
        return False
    return True


@pytest.mark.shared
def test_every_vendor_verdict_on_a_post_is_ours(shared_data: Callable[[str], Any]) -> None:
    """Where the libraries differ, one of them leaves its own sender's address as it was typed, and so
    do we: a repeated name in the query, an escaped path, a login in the address, a socket's scheme."""
    vectors = [
        vector
        for vector in shared_data("plivo-signatures.json")["vectors"]
        if (vector["scheme"], vector["method"]) == ("plivo-v3", "POST")
    ]
    assert len(vectors) >= 60
    split = {v["id"] for v in vectors if v["expect"] is None}
    assert split == {
        "gen-post-qs-dup-none",
        *(f"gen-post-path-enc-{kind}" for kind in ("none", "sms", "voice")),
        *(f"gen-post-userinfo-{kind}" for kind in ("none", "sms")),
        *(f"gen-post-wss-{kind}" for kind in ("sms", "voice")),
    }
    wanted = {v["id"]: v["expect"] is None or v["expect"] for v in vectors}
    assert {v["id"]: verdict(v) for v in vectors} == wanted


@pytest.mark.shared
def test_version_two_is_not_taken_even_where_it_holds(shared_data: Callable[[str], Any]) -> None:
    """It covers neither body nor query: `v2-body-changed` has the signature of another body, and holds."""
    vectors = {v["id"]: v for v in shared_data("plivo-signatures.json")["vectors"]}
    forged = vectors["v2-body-changed"]
    assert forged["expect"] is True
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-plivo-signature-v2": forged["signature"],
        "x-plivo-signature-ma-v2": forged["signature"],
        "x-plivo-signature-v2-nonce": forged["nonce"],
        "x-plivo-signature-v3-nonce": forged["nonce"],
    }
    ours = line(public_url=forged["url"], credentials=_of(forged["token"]))
    with pytest.raises(SignatureRefused, match="version 2 alone"):
        PLIVO.verify(replace(posted(received()), headers=headers), ours)


def _of(*tokens: str) -> Credentials:
    secrets = tuple(type(LINE.credentials.auth_tokens[0])(token) for token in tokens)
    return replace(LINE.credentials, auth_tokens=secrets)


@pytest.mark.proves("B115")
def test_a_signed_form_passes_under_either_header_and_is_read() -> None:
    for header in ("x-plivo-signature-v3", "x-plivo-signature-ma-v3"):
        verified = PLIVO.verify(posted(received(), header=header), LINE)
        assert dict(verified.fields)["Text"] == "Hello"


@pytest.mark.proves("B115")
def test_any_of_several_signatures_may_match() -> None:
    request = posted(received())
    ours, foreign = request.headers["x-plivo-signature-v3"], signed(FOREIGN_TOKEN, "x")
    for value in (f"{foreign},{ours}", f"{ours}, {foreign}", f" {foreign} , {ours} "):
        PLIVO.verify(_with(request, "x-plivo-signature-v3", value), LINE)
    many = ",".join([foreign] * SIGNATURES_MAX + [ours])
    for value in (many, foreign, "", ",", "\x00", "é"):
        with pytest.raises(SignatureRefused):
            PLIVO.verify(_with(request, "x-plivo-signature-v3", value), LINE)


def _with(request: Any, name: str, value: str) -> Any:
    return replace(request, headers={**request.headers, name: value})


def test_during_a_rotation_every_token_of_the_line_is_accepted() -> None:
    for token in (TOKEN, OLD_TOKEN):
        PLIVO.verify(posted(received(), token=token), LINE)
    with pytest.raises(SignatureRefused, match="auth token"):
        PLIVO.verify(posted(received(), token=FOREIGN_TOKEN), LINE)


def test_without_token_or_address_nothing_can_be_checked() -> None:
    with pytest.raises(SignatureRefused, match="no authToken"):
        PLIVO.verify(posted(received(), token=""), line(credentials=_of()))
    with pytest.raises(SignatureRefused, match="no authToken"):
        PLIVO.verify(posted(received(), token=""), line(credentials=_of("")))
    with pytest.raises(SignatureRefused, match="no publicWebhookUrl"):
        PLIVO.verify(posted(received(), url=""), line(public_url=None))


@pytest.mark.proves("B115")
@pytest.mark.parametrize("nonce", ["", "a.b", "1 2", "1" * 65, "\u0661"])
def test_a_nonce_is_needed_and_cannot_hold_a_part_of_the_text(nonce: str) -> None:
    with pytest.raises(SignatureRefused, match="nonce"):
        PLIVO.verify(posted(received(), nonce=nonce), LINE)


def test_a_text_cannot_be_moved_into_the_nonce() -> None:
    """The text ends at a full stop, of which a person may write one."""
    true = received(Text="1.2", From="15555550123", Type=None, Units=None)
    whole = text_of(URL, (), true)
    cut = whole.rpartition(".")
    request = posted(true)
    headers = {**request.headers, "x-plivo-signature-v3-nonce": f"{cut[2]}.{NONCE}"}
    with pytest.raises(SignatureRefused, match="nonce"):
        PLIVO.verify(replace(request, headers=headers), LINE)


@pytest.mark.parametrize(
    "sent",
    [
        received(Text="Hallo"),
        received(From="15555550124"),
        [*received(), ("More", "1")],
        received(Units=None),
        [*received(), ("Text", "Hello")],
    ],
    ids=["text", "sender", "more", "less", "twice"],
)
def test_a_changed_form_is_refused(sent: Any) -> None:
    with pytest.raises(SignatureRefused):
        PLIVO.verify(posted(received(), sent=sent), LINE)


def test_the_order_of_fields_and_letters_of_any_script_do_not_matter() -> None:
    form = received(Text="d\u00e9j\u00e0 \U0001f600\r\n& = + %")
    PLIVO.verify(posted(form, sent=list(reversed(form))), LINE)


def test_our_id_is_part_of_what_is_signed() -> None:
    query = [("ringfence", "obx_1")]
    PLIVO.verify(posted(reported("sent"), query=query), LINE)
    stolen = replace(posted(reported("sent"), query=query), query="ringfence=obx_2")
    dropped = replace(posted(reported("sent"), query=query), query="")
    added = replace(posted(reported("sent")), query="ringfence=obx_1")
    twice = replace(posted(reported("sent"), query=query), query="ringfence=a&ringfence=b")
    odd = replace(posted(reported("sent"), query=query), query="ringfence=a%20b")
    for request in (stolen, dropped, added, twice, odd):
        with pytest.raises(SignatureRefused):
            PLIVO.verify(request, LINE)


def test_the_address_is_the_configured_one() -> None:
    """Its query counts, its fragment does not; what the request itself says of it does not either."""
    ours = line(public_url=f"{URL}?b=2&a=1%20x#rc=5")
    query = [("a", "1 x"), ("b", "2")]
    PLIVO.verify(posted(received(), query=query), ours)
    PLIVO.verify(replace(posted(received(), query=query), query="c=3"), ours)
    PLIVO.verify(posted(reported("sent"), query=[*query, ("ringfence", "obx_1")]), ours)
    with pytest.raises(SignatureRefused):
        PLIVO.verify(posted(received()), ours)
    with pytest.raises(SignatureRefused):
        PLIVO.verify(posted(received(), url="https://evil.example.com/webhooks/sms"), ours)
    with pytest.raises(SignatureRefused, match="publicWebhookUrl cannot be read"):
        PLIVO.verify(posted(received()), line(public_url=f"{URL}?a=%"))


@pytest.mark.parametrize(("method", "kind"), [("GET", ""), ("POST", "application/json")])
def test_only_a_posted_form_is_taken(method: str, kind: str) -> None:
    request = posted(received())
    other = replace(request, method=method, headers={**request.headers, "content-type": kind})
    with pytest.raises(SignatureRefused, match="no form"):
        PLIVO.verify(other, LINE)
    broken = replace(request, body=b"Text=%zz")
    with pytest.raises(SignatureRefused, match="as it was sent"):
        PLIVO.verify(broken, LINE)


def test_checking_can_be_switched_off_for_tests_only() -> None:
    unchecked = line(validate_signature=False)
    request = replace(
        posted(received()), headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert PLIVO.verify(request, unchecked).signed == ""
