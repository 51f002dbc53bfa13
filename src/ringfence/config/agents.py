"""Agents of the configuration: keys by the kind's shape, secrets resolved, and one trial assembly by
the adapter itself, so that `config validate` finds what the gateway would refuse. Reaches nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from ringfence.agents import KINDS
from ringfence.config.checking import check, pick
from ringfence.config.names import snake
from ringfence.config.problems import Problems, join_path
from ringfence.config.reach import is_loopback
from ringfence.config.schema.sections import AGENT_SHAPES
from ringfence.config.secrets import SecretInput, SecretResolver
from ringfence.config.settings import AgentSettings
from ringfence.model.errors import ConfigInvalid, NotDispatched, SecretUnavailable
from ringfence.model.line import Secret
from ringfence.model.wire import WireRequest, WireResponse


class _Nowhere:
    """The Http and the Clock of a trial assembly: neither is asked anything."""

    async def send(self, request: WireRequest) -> WireResponse:
        raise NotDispatched("A configuration being checked sends nothing.")

    def now(self) -> datetime:
        return datetime.min.replace(tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Nothing waits here."""


@dataclass(slots=True)
class AgentMaker:
    """Makes AgentSettings; `keys` keeps each agent's checked keys as written."""

    resolver: SecretResolver
    problems: Problems
    warnings: list[str]
    keys: dict[str, Any] = field(default_factory=dict)

    def make_all(self, values: Mapping[str, Any]) -> dict[str, AgentSettings]:
        """Every agent by name, from the root's `agents` and its short form `agent`. One whose keys
        are wrong is there too, so that lines which name it are not blamed."""
        raw: dict[str, Any] = dict(values.get("agents", {}))
        prefixes = {name: f"agents.{name}" for name in raw}
        if "agent" in values:
            if "default" in raw:
                self.problems.add("agent", "agent or agents.default, not both", got="both")
            raw["default"] = values["agent"]
            prefixes["default"] = "agent"
        return {name: self._make(name, raw[name], prefixes[name]) for name in sorted(raw)}

    def _make(self, name: str, raw: dict[str, Any], prefix: str) -> AgentSettings:
        shape = pick(AGENT_SHAPES, raw, "kind", prefix, self.problems)
        if shape is None:
            return AgentSettings(name, "")
        checked, bad = check(shape, raw, prefix, self.problems)
        self.keys[name] = checked
        blocked: list[str] = []
        options = {
            snake(key): self._resolved(value, f"{prefix}.{key}", blocked)
            for key, value in checked.items()
            if key != "kind"
        }
        reason = "; ".join(blocked) or None
        agent = AgentSettings(name, raw["kind"], MappingProxyType(options), reason)
        if not bad and reason is None:
            self._try(agent, prefix)
        self._warn(agent, prefix)
        return agent

    def _try(self, agent: AgentSettings, prefix: str) -> None:
        """What only the adapter knows: a secret's form, a model's name."""
        kind = KINDS[agent.kind]
        nowhere = _Nowhere()
        try:
            kind.make(agent.id, kind.settings(**agent.options), nowhere, nowhere)
        except ConfigInvalid as error:
            for problem in error.problems:
                key, _, text = problem.partition(": expected ")
                self.problems.add(join_path(prefix, key), text or "another value", got="another")

    def _resolved(self, value: Any, path: str, blocked: list[str]) -> Any:
        """Secrets looked up, lists made tuples; a secret that is not there blocks the agent."""
        if isinstance(value, list):
            return tuple(self._resolved(item, path, blocked) for item in value)
        if not isinstance(value, SecretInput):
            return value
        try:
            return self.resolver.resolve(value)
        except SecretUnavailable as error:
            blocked.append(f"{path}: {error.detail}")
            return Secret("")

    def _warn(self, agent: AgentSettings, prefix: str) -> None:
        if agent.blocked_reason:
            self.warnings.append(f"agent {agent.id} is blocked: {agent.blocked_reason}")
        for key in ("base_url", "url"):
            url = agent.options.get(key, "")
            if url.lower().startswith("http:") and not is_loopback(url):
                self.warnings.append(
                    f"{prefix} talks plain http to another machine: keys can be read on the way"
                )
