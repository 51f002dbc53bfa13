"""Event sources, found by listing this folder: a module with a `SOURCE` is one. Nothing here opens
a socket; nobody outside this folder names a source."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ringfence.sources.base import Source


@cache
def sources() -> dict[str, Source]:
    """Every source in this folder by its word in the path and the configuration. Do not change the
    answer."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    found = [module.SOURCE for module in modules if hasattr(module, "SOURCE")]
    return {source.name: source for source in found}
