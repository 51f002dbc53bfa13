"""A line's policy in words: every rule, what it was told, and where that is looser than the preset of
the line's purpose. Reads only."""

from __future__ import annotations

import dataclasses
from typing import Any

from ringfence.gateway.equipment import Equipment
from ringfence.policy.policy import Policy
from ringfence.policy.record import plain


def policy_view(kit: Equipment, line_id: str) -> dict[str, Any]:
    """`line_id` is one of the kit's."""
    line, policy = kit.lines[line_id], kit.policies[line_id]
    return {
        "line": line_id,
        "purpose": line.purpose.value,
        "version": policy.version,
        "lists": dict(policy.document["lists"]),
        "rules": [
            {
                "rule": rule.name,
                "explain": rule.explain,
                "acts": sorted(act.value for act in rule.acts),
                "grantable": rule.grantable,
                "settings": _settings(policy, rule.name),
            }
            for rule in policy.rules
        ],
    }


def _settings(policy: Policy, rule: str) -> dict[str, Any]:
    held = policy.settings.get(rule)
    if held is None:
        return {}
    return {
        entry.name: plain(getattr(held, entry.name)) for entry in dataclasses.fields(type(held))
    }
