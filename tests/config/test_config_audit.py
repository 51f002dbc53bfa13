"""The `audit` section: which key, whose signatures, how often; and what a bad one says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ringfence.config import AuditSettings, load
from ringfence.config.audit import signer, trusted_keys
from ringfence.model.errors import ConfigInvalid
from ringfence.store.keys import FixedKey, KeyFile

SEED, PUBLIC = "11" * 32, FixedKey(bytes.fromhex("11" * 32)).public_key


def audit(tmp_path: Path, environ: dict[str, str] | None = None, **sections: Any) -> AuditSettings:
    path = tmp_path / "ringfence.json5"
    path.write_text(json.dumps(sections))
    path.chmod(0o600)
    return load(path, environ or {}).audit


def test_the_key_lies_beside_the_store_and_is_not_made_by_loading(tmp_path: Path) -> None:
    chosen = audit(tmp_path, store={"url": "sqlite:///data/mine.db"})
    assert chosen.key_path == tmp_path / "data" / "mine.db.audit-key"
    assert (chosen.checkpoint_entries, chosen.checkpoint_hours) == (10_000, 1)
    assert isinstance(signer(chosen), KeyFile)
    assert trusted_keys(chosen) == frozenset()
    assert not chosen.key_path.exists()


def test_on_postgres_it_lies_beside_the_configuration(tmp_path: Path) -> None:
    chosen = audit(tmp_path, store={"url": "postgresql://x@db.example.com/ringfence"})
    assert chosen.key_path == tmp_path / "ringfence.json5.audit-key"


def test_a_configured_key_and_others_that_count(tmp_path: Path) -> None:
    other = "ab" * 32
    section = {
        "signingKey": "${KEY}",
        "trustedKeys": [other],
        "checkpointEntries": 5,
        "checkpointHours": 24,
    }
    chosen = audit(tmp_path, {"KEY": SEED}, audit=section)
    assert trusted_keys(chosen) == {PUBLIC, other}
    assert (chosen.checkpoint_entries, chosen.checkpoint_hours) == (5, 24)
    assert SEED not in repr(chosen)


@pytest.mark.parametrize("key", ["", "short", "zz" * 32])
def test_a_key_that_cannot_be_had_warns_and_is_not_replaced(tmp_path: Path, key: str) -> None:
    path = tmp_path / "ringfence.json5"
    path.write_text(json.dumps({"audit": {"signingKey": "${KEY}"}}))
    settings = load(path, {"KEY": key})
    assert settings.audit.blocked_reason
    assert signer(settings.audit) is None
    assert trusted_keys(settings.audit) == frozenset()
    [warning] = [one for one in settings.warnings if "audit.signingKey" in one]
    assert "no checkpoints are made" in warning
    assert not key or key not in warning


@pytest.mark.parametrize(
    ("section", "path"),
    [
        ({"trustedKeys": ["AB" * 32]}, "audit.trustedKeys"),
        ({"checkpointEntries": 0}, "audit.checkpointEntries"),
        ({"checkpointHours": 9_000}, "audit.checkpointHours"),
        ({"signKey": "x"}, "audit.signKey"),
    ],
)
def test_a_bad_section_is_refused_with_its_path(
    tmp_path: Path, section: dict[str, Any], path: str
) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        audit(tmp_path, audit=section)
    assert path in str(refused.value)
