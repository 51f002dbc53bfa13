"""What the assembly takes from the settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ringfence.bootstrap import open_gateway
from ringfence.config import load


@pytest.mark.parametrize(("limit", "fetched"), [(None, 20), (5, 20), (50, 50)])
async def test_an_agent_that_wants_a_longer_history_can_have_it(
    tmp_path: Path, limit: int | None, fetched: int
) -> None:
    agent: dict[str, object] = {"kind": "openai", "baseUrl": "http://127.0.0.1:9", "model": "any"}
    if limit is not None:
        agent |= {"historyLimit": limit}
    path = tmp_path / "ringfence.json5"
    path.write_text(json.dumps({"agent": agent}), encoding="utf-8")
    async with open_gateway(load(path, {})) as gateway:
        assert gateway.kit.pace.history_max == fetched
