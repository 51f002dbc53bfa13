"""Event sources of the configuration: which there are without being written, which take nothing
without a signing secret, and what is refused."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from ringfence.config import load
from ringfence.config.mask import masked
from ringfence.model.line import Secret
from ringfence.sources import sources
from ringfence.sources.base import Signing

HUSH = "whsec_hush-hush"
REFERENCE = {"source": "env", "id": "STRIPE_SECRET"}


def made(load_good: Any, raw: dict[str, Any], environ: Any = None) -> Any:
    return load_good({"sources": raw}, environ).operations.sources


def test_every_kind_that_may_be_unsigned_is_there_by_its_own_name(load_good: Any) -> None:
    found = made(load_good, {})
    unsigned = {
        name
        for name, source in sources().items()
        if source.capabilities.signing is not Signing.ALWAYS
    }
    assert set(found) == unsigned
    assert all((one.name, one.kind) == (name, name) for name, one in found.items())
    assert all(
        not one.tokens and not one.public and one.per_minute == 300 for one in found.values()
    )


def test_a_source_is_made_of_its_keys(load_good: Any) -> None:
    raw = {
        "prometheus": {"kind": "alertmanager", "tokens": ["prometheus"], "ratePerMinute": 60},
        "stripe": {"secrets": [REFERENCE], "public": True},
        "generic": {"tokens": ["shop"]},
    }
    found = made(load_good, raw, {"STRIPE_SECRET": HUSH})
    assert (found["prometheus"].kind, found["prometheus"].per_minute) == ("alertmanager", 60)
    assert found["prometheus"].tokens == frozenset({"prometheus"})
    assert (found["stripe"].kind, found["stripe"].secrets) == ("stripe", (Secret(HUSH),))
    assert found["stripe"].public
    assert found["generic"].tokens == frozenset({"shop"})
    assert "alertmanager" in found


def test_a_secret_that_is_not_there_blocks_its_source_only(load_good: Any) -> None:
    raw = {"stripe": {"secrets": [REFERENCE]}, "other": {"kind": "generic"}}
    settings = load_good({"sources": raw})
    stripe = settings.operations.sources["stripe"]
    assert "STRIPE_SECRET is not set" in stripe.blocked_reason
    assert not settings.operations.sources["other"].blocked_reason
    assert any(
        "source stripe is blocked: sources.stripe.secrets[0]" in w for w in settings.warnings
    )


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ({"mine": {}}, 'sources.mine.kind: expected one of "alertmanager"'),
        ({"mine": {"kind": "alertmanagr"}}, 'sources.mine.kind: expected one of "alertmanager"'),
        ({"stripe": {}}, "sources.stripe.secrets: expected a signing secret, which stripe is never taken without, got nothing"),
        ({"pay": {"kind": "sentry", "secrets": []}}, "sources.pay.secrets: expected a signing secret"),
        ({"generic": {"secrets": [HUSH]}}, "sources.generic.secrets: expected nothing: generic signs no requests; a token lets them in, got a secret"),
        ({"generic": {"token": "x"}}, 'sources.generic.token: expected a known key, got an unknown one; did you mean "tokens"?'),
        ({"generic": {"ratePerMinute": 0}}, "sources.generic.ratePerMinute: expected a number of at least 1, got 0"),
        ({"generic": {"tokens": [""]}}, "sources.generic.tokens[0]: expected text that is not empty"),
        ({"grafana": {"secrets": [""]}}, "sources.grafana.secrets[0]: expected a secret that is not empty"),
        ({"Not A Name": {}}, "sources.Not A Name: expected another name"),
        ({"generic": "x"}, "sources.generic: expected an object"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_path(
    raw: dict[str, Any], problem: str, problems_of: Any
) -> None:
    found = problems_of({"sources": raw})
    assert any(one.startswith(problem) for one in found), found
    assert len(found) == 1
    assert "hush" not in str(found)


def test_a_file_that_everyone_may_read_is_told_of_where_it_holds_a_signing_secret(
    config_path: Path,
) -> None:
    for secret, told in ((HUSH, True), (REFERENCE, False)):
        raw = {"sources": {"stripe": {"secrets": [secret]}}}
        text = json.dumps({**raw, "agent": {"kind": "echo"}})
        config_path.write_text(text)
        config_path.chmod(0o644)
        warned = load(config_path, {"STRIPE_SECRET": HUSH}).warnings
        assert any("everyone may read it" in one for one in warned) is told


@pytest.mark.proves("P9")
def test_signing_secrets_never_show(load_good: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    raw = {"sources": {"stripe": {"secrets": [HUSH], "tokens": ["pay"]}}}
    settings = load_good(raw)
    assert "hush" not in repr(settings) + caplog.text
    assert masked(raw) == {"sources": {"stripe": {"secrets": ["•••"], "tokens": ["pay"]}}}
