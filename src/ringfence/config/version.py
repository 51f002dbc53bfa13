"""The version of the settings a decision depends on: kept with every decision, so that a replay
knows whether it asks the same question (P11). No credential goes into it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

from ringfence.config.settings import AgentSettings
from ringfence.model.line import Line
from ringfence.model.phone import PhoneNumber

# Where a line is reached and by which credentials says nothing about who may do what.
_LEFT_OUT = frozenset(
    {"credentials", "public_url", "webhook_path", "api_base_url", "name", "blocked_reason"}
)


def settings_version(lines: Iterable[Line], agents: Mapping[str, AgentSettings]) -> str:
    """SHA-256, in hex, over lines and agents in a canonical form."""
    canonical = {
        "lines": [_canonical(line) for line in sorted(lines, key=lambda line: line.id)],
        "agents": {agent.id: agent.kind for agent in agents.values()},
    }
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    """Plain JSON values: sets sorted, enums by value, durations in seconds."""
    if isinstance(value, PhoneNumber):
        return value.e164
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_canonical(item) for item in value]
    if is_dataclass(value):
        names = [field.name for field in fields(value) if field.name not in _LEFT_OUT]
        return {name: _canonical(getattr(value, name)) for name in names}
    return value
