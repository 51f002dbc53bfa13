"""Paths into a document, differences between two, what is masked, and the reference page."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from ringfence.agents import KINDS
from ringfence.config.documents import ABSENT, difference, patch_at, read_path, value_at, write_path
from ringfence.config.mask import mask_url, masked
from ringfence.config.names import snake
from ringfence.config.reference import render
from ringfence.config.schema import sections, sms
from ringfence.model import line
from ringfence.model.errors import ConfigInvalid

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "configuration.md"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ()),
        ("channels.sms.fromNumber", ("channels", "sms", "fromNumber")),
        ("a[0].b", ("a", 0, "b")),
        ('agents["night shift"].kind', ("agents", "night shift", "kind")),
        ("a-b.c_d.0x", ("a-b", "c_d", "0x")),
    ],
)
def test_paths(text: str, path: Any) -> None:
    assert read_path(text) == path
    assert read_path(write_path(path)) == path


@pytest.mark.parametrize(
    "text", ["a..b", ".a", "a.", "a[", "a[x]", "a b", "a[0]b", 'a[""]', "a.[0]"]
)
def test_paths_that_are_none(text: str) -> None:
    with pytest.raises(ConfigInvalid):
        read_path(text)


def test_values_and_patches_by_path() -> None:
    document = {"a": [{"b": 1}], "c": None}
    assert value_at(document, ("a", 0, "b")) == 1
    assert value_at(document, ("c",)) is None
    for path in (("x",), ("a", 1), ("a", "b"), ("c", "d"), ("a", 0, 0)):
        assert value_at(document, path) is ABSENT
    assert patch_at(("a", "b"), 1) == {"a": {"b": 1}}
    for path in ((), ("a", 0)):
        with pytest.raises(ConfigInvalid):
            patch_at(path, 1)


@pytest.mark.proves("P9")
def test_a_difference_shows_paths_and_masks_secrets() -> None:
    before = {
        "a": 1,
        "b": {"c": [1]},
        "authToken": "hush1",
        "store": {"url": "postgresql://u:hush2@h/d"},
    }
    after = {
        "a": True,
        "b": 2,
        "authToken": {"source": "env", "id": "X"},
        "store": {},
        "n": {"m": {}},
    }
    assert list(difference(before, after)) == [
        "- a: 1",
        "+ a: true",
        "- b.c: [1]",
        "+ b: 2",
        '- authToken: "•••"  (secret)',
        '+ authToken: {"source": "env", "id": "X"}  (secret)',
        '- store.url: "postgresql://u:•••@h/d"',
        "+ n.m: {}",
    ]
    assert list(difference(after, after)) == []


@pytest.mark.proves("P9")
def test_what_is_masked() -> None:
    document = {
        "channels": {"sms": {"authToken": "hush", "authTokens": ["hush", "$ENV"], "apiKeySecret": 1,
                             "fromNumber": "+15555550123", "allowFrom": [15555550123, "*"],
                             "publicWebhookUrl": "https://u:hush@h/x", "accountSid": "AC1"}},
        "agent": {"apiKey": {"hush": 1}, "secrets": ["whsec_hush"]},
        "secrets": {"providers": {"v": {"command": "/bin/x", "env": {"A": "hush"}}}},
    }  # fmt: skip
    assert masked(document) == {
        "channels": {"sms": {"authToken": "•••", "authTokens": ["•••", "$ENV"], "apiKeySecret": "•••",
                             "fromNumber": "+1555•••0123", "allowFrom": ["1555•••0123", "*"],
                             "publicWebhookUrl": "https://•••@h/x", "accountSid": "AC1"}},
        "agent": {"apiKey": "•••", "secrets": ["•••"]},
        "secrets": {"providers": {"v": {"command": "/bin/x", "env": "•••"}}},
    }  # fmt: skip
    assert mask_url("postgresql://u:p@h/d?x=1") == "postgresql://u:•••@h/d?x=1"


def fields(settings: type[Any]) -> set[str]:
    return {field.name for field in dataclasses.fields(settings)}


def test_shapes_and_settings_have_the_same_fields() -> None:
    assert {snake(key) for key in aliases(sms.LimitsShape)} == fields(line.InboundLimits)
    media = {snake(key) for key in aliases(sms.MediaShape)}
    assert media - {"hosted_ttl_minutes"} == fields(line.MediaLimits) - {"hosted_ttl"}
    assert set(sections.AGENT_SHAPES) == set(KINDS)
    for kind, shape in sections.AGENT_SHAPES.items():
        assert {snake(key) for key in aliases(shape)} - {"kind"} == fields(KINDS[kind].settings)


def aliases(shape: Any) -> list[str]:
    return [field.alias or name for name, field in shape.model_fields.items()]


def test_the_reference_page_is_the_generated_one() -> None:
    assert render().strip() in PAGE.read_text(encoding="utf-8"), "run `make docs`"


def test_every_key_has_a_row_with_a_meaning() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \| (.*) \| (.*) \|$", render(), re.MULTILINE)
    keys = {row[0] for row in rows}
    assert {"authToken", "limits.bodyBytesMax", "publicPort", "retryWaitsS", "baseUrl"} <= keys
    assert all(
        meaning.strip() and kind.strip() and default.strip() for _, kind, default, meaning in rows
    )
