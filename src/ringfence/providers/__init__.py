"""Provider codecs, found by listing this folder: a module with a `PROVIDER` is one for texts, a module
with `CALLS` one for calls, a module with `MEDIA` one for their sound, a module with `RELAY` one for their
text. Nothing here opens a socket; nobody outside this folder names a codec."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ringfence.providers.base import PlacesCalls, Provider
    from ringfence.providers.explaining import Explainer
    from ringfence.providers.media import SpeaksMedia
    from ringfence.providers.relay import SpeaksRelay


@cache
def providers() -> dict[str, Provider]:
    """Every codec in this folder by its name in the configuration. Do not change the answer."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    codecs = [module.PROVIDER for module in modules if hasattr(module, "PROVIDER")]
    return {codec.name: codec for codec in codecs}


@cache
def call_providers() -> dict[str, PlacesCalls]:
    """Every codec for calls by its provider's name. Do not change the answer."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    codecs = [module.CALLS for module in modules if hasattr(module, "CALLS")]
    return {codec.name: codec for codec in codecs}


@cache
def media_dialects() -> dict[str, SpeaksMedia]:
    """Every codec for media sockets by its provider's name. Do not change the answer."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    dialects = [module.MEDIA for module in modules if hasattr(module, "MEDIA")]
    return {dialect.name: dialect for dialect in dialects}


@cache
def relay_dialects() -> dict[str, SpeaksRelay]:
    """Every codec for relays by its provider's name. Do not change the answer."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    dialects = [module.RELAY for module in modules if hasattr(module, "RELAY")]
    return {dialect.name: dialect for dialect in dialects}


@cache
def explainers() -> dict[str, Explainer]:
    """What each provider's error codes mean to people, by the provider's name; not every provider
    has one. Do not change the answer."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    found = [module.EXPLAINER for module in modules if hasattr(module, "EXPLAINER")]
    return {explainer.name: explainer for explainer in found}
