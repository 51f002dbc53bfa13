"""Escalation policies of the configuration: steps by their shape, then whatever makes no sense in the
policy as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ringfence.config.checking import check
from ringfence.config.names import snake_keys
from ringfence.config.problems import Problems, join_path
from ringfence.config.schema.oncall import EscalationShape, StepShape, WayShape
from ringfence.config.targets import Known, read_target
from ringfence.delivery import escalate
from ringfence.model.oncall import SMS_FIRST, Channel, EscalationPolicy, Step, Way

SECTION = "escalationPolicies"


@dataclass(frozen=True, slots=True)
class PolicyMaker:
    """Makes escalation policies; `known` are the names their steps may ask for."""

    problems: Problems
    known: Known

    def make_all(self, raw: Mapping[str, Any]) -> dict[str, EscalationPolicy]:
        """Every policy by name, those left out that are wrong."""
        made = {name: self._policy(name, raw[name], f"{SECTION}.{name}") for name in sorted(raw)}
        return {name: policy for name, policy in made.items() if policy is not None}

    def _policy(self, name: str, raw: dict[str, Any], path: str) -> EscalationPolicy | None:
        values, bad = check(EscalationShape, raw, path, self.problems)
        steps = [
            self._step(at, one, join_path(path, "steps", at))
            for at, one in enumerate(values.get("steps", []))
        ]
        good = tuple(step for step in steps if step is not None)
        if bad or not values or len(good) < len(steps):
            return None
        policy = EscalationPolicy(
            name,
            good,
            values.get("rounds", 1),
            _seconds(values.get("pause", timedelta(0))),
            values.get("everyone", False),
        )
        for text in escalate.problems(policy):
            self.problems.refuse(path, text)
        return policy

    def _step(self, at: int, raw: dict[str, Any], path: str) -> Step | None:
        values, bad = check(StepShape, raw, path, self.problems)
        targets = [
            read_target(text, self.known, join_path(path, "notify", place), self.problems)
            for place, text in enumerate(values.get("notify", []))
        ]
        ways = [
            self._way(one, join_path(path, "by", place))
            for place, one in enumerate(values.get("by", []))
        ]
        if bad or not values or None in targets or None in ways:
            return None
        times = {
            f"{key}_s": _seconds(value)
            for key, value in snake_keys(values).items()
            if isinstance(value, timedelta)
        }
        return Step(
            name=values.get("name", f"step {at + 1}"),
            targets=tuple(dict.fromkeys(target for target in targets if target is not None)),
            ways=tuple(way for way in ways if way is not None) or SMS_FIRST,
            **times,
        )

    def _way(self, raw: Any, path: str) -> Way | None:
        if isinstance(raw, dict):
            values, bad = check(WayShape, raw, path, self.problems)
            if bad or not values:
                return None
            return Way(Channel(values["channel"]), _seconds(values.get("after", timedelta(0))))
        if raw in (Channel.SMS.value, Channel.CALL.value):
            return Way(Channel(raw))
        self.problems.add(path, '"sms", "call" or {channel: "call", after: "2m"}', raw)
        return None


def _seconds(length: timedelta) -> int:
    return int(length.total_seconds())
