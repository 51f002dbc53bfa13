"""Speech services, one file each, found by listing this folder: a module with `EARS` turns speech into
text, a module with `MOUTH` text into speech, one with `REALTIME` does both by itself. Nobody outside this folder names a service."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ringfence.speech.base import EarsKind, MouthKind, RealtimeKind


@cache
def ears() -> dict[str, EarsKind]:
    """Every way to hear by its word in the configuration. Do not change the answer."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    kinds = [module.EARS for module in modules if hasattr(module, "EARS")]
    return {kind.name: kind for kind in kinds}


@cache
def mouths() -> dict[str, MouthKind]:
    """Every way to speak by its word in the configuration. Do not change the answer."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    kinds = [module.MOUTH for module in modules if hasattr(module, "MOUTH")]
    return {kind.name: kind for kind in kinds}


@cache
def realtimes() -> dict[str, RealtimeKind]:
    """Every model that hears and speaks by itself, by its word. Do not change the answer."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    kinds = [module.REALTIME for module in modules if hasattr(module, "REALTIME")]
    return {kind.name: kind for kind in kinds}
