"""A configuration file in a folder of its own, and a good line to vary."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ringfence.config import Settings, load
from ringfence.config.edit import merge_patch
from ringfence.model.errors import ConfigInvalid

SID = "AC" + "0" * 32
LINE: dict[str, Any] = {
    "accountSid": SID,
    "authToken": "token-of-the-test",
    "fromNumber": "+15555550100",
    "publicWebhookUrl": "https://gateway.example.com/webhooks/sms",
}
GOOD: dict[str, Any] = {"channels": {"sms": LINE}, "agent": {"kind": "echo"}}


@pytest.fixture
def config_path(tmp_path: Path) -> Path:
    return tmp_path / "ringfence.json5"


@pytest.fixture
def load_text(config_path: Path) -> Callable[..., Settings]:
    """Write a text as the configuration file and load it."""

    def loaded(
        text: str, environ: Mapping[str, str] | None = None, now: datetime | None = None
    ) -> Settings:
        config_path.write_text(text, encoding="utf-8")
        config_path.chmod(0o600)
        return load(config_path, environ or {}, now)

    return loaded


@pytest.fixture
def load_good(load_text: Callable[..., Settings]) -> Callable[..., Settings]:
    """Load a good configuration changed by a merge patch."""

    def loaded(
        patch: Mapping[str, Any] | None = None, environ: Any = None, now: datetime | None = None
    ) -> Settings:
        return load_text(json.dumps(merge_patch(GOOD, dict(patch or {}))), environ, now)

    return loaded


@pytest.fixture
def problems_of(load_good: Callable[..., Settings]) -> Callable[..., tuple[str, ...]]:
    """The problems of a good configuration changed by a merge patch."""

    def found(patch: Mapping[str, Any], environ: Any = None) -> tuple[str, ...]:
        with pytest.raises(ConfigInvalid) as caught:
            load_good(patch, environ)
        return caught.value.problems

    return found
