"""Ticket systems of the configuration: keys by the kind's shape, secrets resolved, and the system's own
word on its settings, so that `config validate` finds what an alert would. Reaches nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ringfence.config.checking import check, pick
from ringfence.config.names import snake_keys
from ringfence.config.problems import Problems, join_path
from ringfence.config.reach import is_loopback
from ringfence.config.schema.tickets import TICKET_SHAPES
from ringfence.config.secrets import SecretInput, SecretResolver
from ringfence.model.errors import ConfigInvalid, SecretUnavailable
from ringfence.model.line import Secret
from ringfence.model.ticket import TicketSystem
from ringfence.tickets import settings_of

SECTION = "tickets"
# A word of Python cannot be the name of a setting.
_RENAMED = {"from": "sender"}
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(frozen=True, slots=True)
class TicketMaker:
    """Makes TicketSystems; a secret that cannot be looked up blocks its system only."""

    resolver: SecretResolver
    problems: Problems
    warnings: list[str]

    def make_all(self, raw: Mapping[str, Any]) -> dict[str, TicketSystem]:
        """Every system by name, those left out that are wrong."""
        made = {name: self._system(name, raw[name], f"{SECTION}.{name}") for name in sorted(raw)}
        return {name: system for name, system in made.items() if system is not None}

    def _system(self, name: str, raw: dict[str, Any], path: str) -> TicketSystem | None:
        shape = pick(TICKET_SHAPES, raw, "kind", path, self.problems)
        if shape is None:
            return None
        values, bad = check(shape, raw, path, self.problems)
        if bad or not values:
            return None
        kind = values.pop("kind")
        if kind == "smtp":
            values = self._mail(values, path)
        blocked: list[str] = []
        options = {
            _RENAMED.get(key, key): self._resolved(value, join_path(path, key), blocked)
            for key, value in snake_keys(values).items()
        }
        if blocked:
            self.warnings.append(f"tickets {name} is blocked: {'; '.join(blocked)}")
        else:
            self._try(kind, options, path)
        return TicketSystem(name, kind, MappingProxyType(options), "; ".join(blocked))

    def _mail(self, values: dict[str, Any], path: str) -> dict[str, Any]:
        """What the keys of a mail server mean together."""
        tls = values.setdefault("tls", "starttls")
        values.setdefault("port", _PORTS[tls])
        host = values["host"]
        bracketed = f"[{host}]" if ":" in host else host
        if tls == "none" and not is_loopback(f"smtp://{bracketed}"):
            self.problems.add(f"{path}.tls", '"starttls" or "tls", except on this machine', tls)
        if ("user" in values) != ("password" in values):
            self.problems.add(f"{path}.user", "user and password together", got="one of them")
        return values

    def _try(self, kind: str, options: dict[str, Any], path: str) -> None:
        """What only the system knows: a secret's form, an address it may use."""
        try:
            settings_of(kind, options)
        except ConfigInvalid as error:
            names = {new: old for old, new in _RENAMED.items()}
            for problem in error.problems:
                option, _, text = problem.partition(": ")
                key = _camel(names.get(option, option))
                self.problems.refuse(join_path(path, key), text)

    def _resolved(self, value: Any, path: str, blocked: list[str]) -> Any:
        if isinstance(value, list):
            return tuple(
                self._resolved(item, join_path(path, at), blocked) for at, item in enumerate(value)
            )
        if not isinstance(value, SecretInput):
            return value
        try:
            return self.resolver.resolve(value)
        except SecretUnavailable as error:
            blocked.append(f"{path}: {error.detail}")
            return Secret("")


def _camel(option: str) -> str:
    first, *rest = option.split("_")
    return first + "".join(part.title() for part in rest)
