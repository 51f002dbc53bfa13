"""The sections `heartbeat` and `telemetry` as values. Their addresses may be secrets: a problem names
the key and the reference, never the address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ringfence.config.problems import Problems
from ringfence.config.reach import is_loopback
from ringfence.config.secrets import SecretInput, SecretResolver
from ringfence.gateway.heartbeat_out import Heartbeat
from ringfence.model.errors import SecretUnavailable
from ringfence.model.line import Secret

# What leaves here every minute must name nobody (P9).
_NUMBER = re.compile(r"(?:\+|%2[Bb])[0-9]{7,15}")
_ADDRESS = "an https address, or an http address on this machine"


def heartbeat_of(
    section: Mapping[str, Any], resolver: SecretResolver, problems: Problems, warnings: list[str]
) -> Heartbeat | None:
    """None where none is configured, or where its address cannot be had."""
    url = _address("heartbeat.url", section.get("url"), resolver, problems, warnings)
    if url is None:
        return None
    return Heartbeat(url, timedelta(seconds=section.get("everySeconds", 60)))


def traces_to(
    section: Mapping[str, Any], resolver: SecretResolver, problems: Problems, warnings: list[str]
) -> Secret | None:
    """Where traces go; None for nowhere."""
    wanted = section.get("otlpEndpoint")
    return _address("telemetry.otlpEndpoint", wanted, resolver, problems, warnings)


def _address(
    place: str,
    wanted: SecretInput | None,
    resolver: SecretResolver,
    problems: Problems,
    warnings: list[str],
) -> Secret | None:
    """One that cannot be looked up is a warning: watching must not keep the gateway from its work,
    and the watcher outside raises its alarm."""
    if wanted is None:
        return None
    try:
        found = resolver.resolve(wanted)
    except SecretUnavailable as error:
        warnings.append(f"{place} cannot be looked up, nothing is sent there: {error.detail}")
        return None
    if not _is_fit(found.reveal()):
        problems.add(place, f"{_ADDRESS}, without credentials or a phone number", got="another")
        return None
    return found


def _is_fit(url: str) -> bool:
    scheme, _, rest = url.partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if not host or "@" in host or not url.isprintable() or " " in url or _NUMBER.search(url):
        return False
    try:
        return scheme == "https" or (scheme == "http" and is_loopback(url))
    except ValueError:
        return False
