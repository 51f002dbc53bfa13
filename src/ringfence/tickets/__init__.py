"""Ticket systems, found by listing this folder: a module with a `SYSTEM` is one. Nothing here opens
a socket; nobody outside this folder names a system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from ringfence.model.errors import ConfigInvalid

if TYPE_CHECKING:
    from ringfence.tickets.base import System


@cache
def systems() -> dict[str, System]:
    """Every system in this folder by its word in the configuration. Do not change the answer."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    found = [module.SYSTEM for module in modules if hasattr(module, "SYSTEM")]
    return {system.name: system for system in found}


def settings_of(kind: str, options: Mapping[str, Any]) -> Any:
    """The options as the settings of that kind. Raises ConfigInvalid, each problem as
    `option: words`."""
    system = systems().get(kind)
    if system is None:
        raise ConfigInvalid((f"kind: expected one of {', '.join(sorted(systems()))}",))
    known = {field.name: field for field in fields(system.settings)}
    problems = [f"{name}: is no option of {kind}" for name in sorted(set(options) - set(known))]
    problems += [
        f"{name}: is needed"
        for name, field in known.items()
        if name not in options and field.default is MISSING and field.default_factory is MISSING
    ]
    if problems:
        raise ConfigInvalid(tuple(problems))
    settings = system.settings(**options)
    if wrong := system.problems(settings):
        raise ConfigInvalid(wrong)
    return settings
