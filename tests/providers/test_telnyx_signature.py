"""Signatures against the vendor's own verdicts (../shared/data, made with both of its libraries), and what
the codec lets through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from telnyx_rig import (
    LINE,
    NOW,
    OTHER_SIGNER,
    SIGNER,
    line,
    posted,
    public_key,
    received,
)

from ringfence.model.errors import SignatureRefused
from ringfence.model.line import Line
from ringfence.providers import providers
from ringfence.providers.telnyx_signature import TOLERANCE_S, check

TELNYX = providers()["telnyx"]


def keyed(*keys: str) -> Line:
    return line(credentials=replace(LINE.credentials, public_keys=keys))


def verdict(vector: dict[str, Any]) -> bool:
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    now = datetime.fromtimestamp(vector["now"], UTC)
    try:
        check(headers, vector["body"].encode(), [vector["public_key"]], now)
    except SignatureRefused:
        return False
    return True


@pytest.mark.shared
def test_every_vendor_verdict_is_ours(shared_data: Callable[[str], Any]) -> None:
    """Where its two libraries differ, the refusal is right (facts/outside-checks.md 1b)."""
    vectors = shared_data("telnyx-signatures.json")["vectors"]
    assert len(vectors) >= 40
    assert {v["id"]: verdict(v) for v in vectors} == {v["id"]: bool(v["expect"]) for v in vectors}


def test_a_signed_document_passes_and_is_read() -> None:
    verified = TELNYX.verify(posted(received()), LINE)
    assert dict(verified.fields)["data.payload.text"] == "Hello"


def test_a_changed_byte_is_refused() -> None:
    with pytest.raises(SignatureRefused):
        TELNYX.verify(posted(received(), body=b'{"data":{}}'), LINE)


@pytest.mark.parametrize("off_s", [-TOLERANCE_S, -1, 0, 1, TOLERANCE_S])
def test_the_tolerance_reaches_to_its_ends(off_s: int) -> None:
    TELNYX.verify(posted(received(), at=NOW + timedelta(seconds=off_s)), LINE)


@pytest.mark.parametrize("off_s", [-TOLERANCE_S - 1, TOLERANCE_S + 1, -86_400])
def test_a_replay_outside_it_is_refused(off_s: int) -> None:
    with pytest.raises(SignatureRefused, match="300 s"):
        TELNYX.verify(posted(received(), at=NOW + timedelta(seconds=off_s)), LINE)


def test_without_a_clock_nothing_is_believed() -> None:
    with pytest.raises(SignatureRefused):
        TELNYX.verify(posted(received(), now=None), LINE)


@pytest.mark.parametrize("header", ["telnyx-timestamp", "telnyx-signature-ed25519"])
def test_a_missing_header_is_named(header: str) -> None:
    request = posted(received())
    headers = {name: value for name, value in request.headers.items() if name != header}
    with pytest.raises(SignatureRefused, match=header):
        TELNYX.verify(replace(request, headers=headers), LINE)


def test_during_a_rotation_both_keys_are_accepted() -> None:
    both = keyed(public_key(OTHER_SIGNER), public_key(SIGNER))
    TELNYX.verify(posted(received(), signer=SIGNER), both)
    TELNYX.verify(posted(received(), signer=OTHER_SIGNER), both)
    with pytest.raises(SignatureRefused, match="publicKey"):
        TELNYX.verify(posted(received(), signer=OTHER_SIGNER), LINE)


@pytest.mark.parametrize("key", ["", "short", "A" * 43, "!" * 44])
def test_a_line_without_a_usable_key_takes_nothing(key: str) -> None:
    for keys in ((), (key,)):
        with pytest.raises(SignatureRefused, match="publicKey"):
            TELNYX.verify(posted(received()), keyed(*keys))


def test_checking_can_be_switched_off_for_tests_only() -> None:
    unchecked = line(validate_signature=False)
    request = replace(posted(received()), headers={}, received_at=None)
    assert TELNYX.verify(request, unchecked).fields
