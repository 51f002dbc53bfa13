"""Ways to reach an agent, one file each. A module here with `Settings` and `make` is a kind by its
name; nothing else lists them. Must never be imported by a door (import contracts)."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from ringfence.model.errors import ConfigInvalid
from ringfence.ports import Agent, Clock, Http


class _Make(Protocol):
    def __call__(self, agent_id: str, settings: Any, http: Http, clock: Clock) -> Agent: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to reach an agent: `settings` is its frozen dataclass, `make` builds it."""

    name: str
    settings: type[Any]
    make: _Make


def _discovered() -> Mapping[str, Kind]:
    kinds = {}
    for found in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{found.name}")
        settings, make_kind = getattr(module, "Settings", None), getattr(module, "make", None)
        if settings is not None and make_kind is not None:
            kinds[found.name] = Kind(found.name, settings, make_kind)
    return MappingProxyType(kinds)


KINDS: Mapping[str, Kind] = _discovered()


def make(kind: str, agent_id: str, settings: Any, http: Http, clock: Clock) -> Agent:
    """The agent of `kind`. Raises ConfigInvalid for an unknown kind, settings of another kind, or
    values the kind cannot work with."""
    found = KINDS.get(kind)
    if found is None:
        raise ConfigInvalid((f"kind: {kind[:40]!r} is none of {', '.join(sorted(KINDS))}",))
    if not isinstance(settings, found.settings):
        raise ConfigInvalid((f"settings: not those of an agent of kind {kind}",))
    return found.make(agent_id, settings, http, clock)
