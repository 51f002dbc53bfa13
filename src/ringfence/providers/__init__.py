"""Provider codecs, found by listing this folder: a module with a `PROVIDER` is one. Nothing here
opens a socket; nobody outside this folder names a codec."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ringfence.providers.base import Provider


@cache
def providers() -> dict[str, Provider]:
    """Every codec in this folder by its name in the configuration. Do not change the answer."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    codecs = [module.PROVIDER for module in modules if hasattr(module, "PROVIDER")]
    return {codec.name: codec for codec in codecs}
